"""Learning curves, coloured by how far each trial got, with the cuts of the rungs."""

from __future__ import annotations

import math
from collections import defaultdict
from typing import TYPE_CHECKING

from optuna.trial import FrozenTrial

from bohb.history import Scale
from bohb.study import Study
from bohb.visualization.drawing import draw
from bohb.visualization.picture import ACCENT, PALETTE, Dots, Lines, Mark, Picture, Rules, shade
from bohb.visualization.scales import resource_axis, value_axis
from bohb.visualization.subject import Subject

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MANY = 200  # beyond so many curves each is drawn thinner


def rungs_picture(study: Study) -> Picture:
    """Return the picture of `plot_rungs`."""
    subject = Subject.of(study, "plot_rungs")
    scale, best = subject.scale, study.incumbent().number
    trials = study.get_trials(deepcopy=False)
    curves = {trial.number: curve for trial in trials if (curve := _curve(trial, scale))}
    by_level: defaultdict[int, list[tuple[list[float], list[float]]]] = defaultdict(list)
    for number, curve in curves.items():
        if number != best:
            by_level[scale.level(curve[0][-1]) or 0].append(curve)
    values = [value for _, ys in curves.values() for value in ys]
    lowest = min((x for xs, _ in curves.values() for x in xs if x > 0), default=scale.levels[0])
    laid = value_axis(values, maximize=scale.maximize)
    few = len(curves) <= _MANY
    marks: list[Mark] = [Rules(scale.levels)]
    for level, group in sorted(by_level.items()):
        marks.append(
            Lines(
                [(xs, laid.place(ys)) for xs, ys in group],
                shade(subject.height(level)),
                subject.label(level),
                width=1.0 if few else 0.5,
                opacity=0.8 if few else 0.5,
            )
        )
    cuts = sorted({(e.resource, e.cut) for e in subject.evaluations if e.cut is not None})
    if cuts:
        resources, values_at = zip(*cuts, strict=True)
        places = laid.place(values_at)
        marks.append(Dots(resources, places, PALETTE[3], "cuts", size=14, symbol="dash"))
    if best in curves:
        xs, ys = curves[best]
        marks.append(Lines([(xs, laid.place(ys))], ACCENT, "incumbent", width=2.5))
    return Picture(
        "Learning curves by the rung a trial got to",
        resource_axis(scale.levels, lowest),
        laid.axis,
        marks,
        "lower right" if scale.maximize else "upper right",
    )


def plot_rungs(study: Study, ax: Axes | None = None) -> Axes:
    """Draw the reported values of every trial over its resource, coloured by its last rung.

    Short strokes mark the cuts: the value of the last trial that a rung let go on. The incumbent is
    drawn thick.

    Parameters
    ----------
    study
        A study with a pruner of `bohb`.
    ax
        Where to draw; None for a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        The axes it was drawn on.

    Raises
    ------
    MissingDependencyError
        If matplotlib is not installed.
    NoResultError
        If no trial has a value yet.
    ArgumentError
        If the study's pruner has no rungs.

    Examples
    --------
    >>> import bohb, matplotlib
    >>> matplotlib.use("agg")
    >>> study = bohb.create_study(pruner=bohb.HyperbandPruner(1, 9))
    >>> study.optimize(lambda trial: trial.suggest_float("x", 0, 1) / trial.resource)
    >>> plot_rungs(study).get_xlabel()
    'resource'
    """
    return draw(rungs_picture(study), ax)


def _curve(trial: FrozenTrial, scale: Scale) -> tuple[list[float], list[float]] | None:
    """Return resources and values of all finite reports of `trial`; None if there are none."""
    steps = trial.intermediate_values
    finite = [(scale.used(s, steps), v) for s, v in sorted(steps.items()) if math.isfinite(v)]
    if not finite:
        return None
    return [float(resource) for resource, _ in finite], [value for _, value in finite]

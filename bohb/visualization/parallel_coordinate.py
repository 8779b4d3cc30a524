"""Configurations as lines over all parameters, with the evaluations of all levels."""

from __future__ import annotations

import bisect
from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from bohb.model.arrays import FloatArray
from bohb.study import EvaluationRecord, Study
from bohb.visualization.drawing import draw
from bohb.visualization.landscape import FEWEST_TRIALS, Landscape, Parameters, history_of
from bohb.visualization.picture import ACCENT, Axis, Lines, Mark, Picture, Rules, Words, shade
from bohb.visualization.subject import Subject

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MANY = 200  # beyond so many trials each is drawn thinner
_MOST = 10  # parameters that are drawn, unless they are named


def parallel_coordinate_picture(study: Study, params: Sequence[str] | None = None) -> Picture:
    """Return the picture of `plot_parallel_coordinate`."""
    subject = Subject.of(study, "plot_parallel_coordinate")
    parameters = Parameters.of(subject, history_of(subject))
    parameters.check(params)
    last = subject.last()
    names = list(params) if params is not None else parameters.space.names
    if params is None and len(last) >= FEWEST_TRIALS:
        names = Landscape.of(subject, None).by_share()[:_MOST]
    columns = [_places(parameters, name, last) for name in names]
    ranks = _ranks(subject, last)
    best = study.incumbent().number
    by_level: defaultdict[int, list[tuple[list[float], list[float]]]] = defaultdict(list)
    chosen: list[tuple[list[float], list[float]]] = []
    for order, each in enumerate(last):
        ys = [ranks[order], *(float(column[order]) for column in columns)]
        curve = [float(x) for x in range(len(ys))], ys
        (chosen if each.number == best else by_level[subject.level(each)]).append(curve)
    few = len(last) <= _MANY
    marks: list[Mark] = [Rules([*range(len(names) + 1)], opacity=1.0)]
    for level, curves in sorted(by_level.items()):
        marks.append(
            Lines(
                curves,
                shade(subject.height(level)),
                subject.label(level),
                width=1.0 if few else 0.4,
                opacity=0.7 if few else 0.35,
            )
        )
    marks.append(Lines(chosen, ACCENT, "incumbent", width=2.5))
    marks.append(_scales(parameters, names))
    # Every other name stands lower, so that long ones do not run into each other.
    labels = ["rank", *names]
    stepped = [f"\n{label}" if place % 2 else label for place, label in enumerate(labels)]
    return Picture(
        f"All {len(last)} evaluated trials, each where it got to",
        Axis("", ticks=([*range(len(labels))], stepped), span=(-0.35, len(names) + 0.6)),
        Axis("better ↑", ticks=([], []), span=(-0.08, 1.08)),
        marks,
        "outside",
        (max(8.0, 1.3 * len(labels) + 2.0), 5.0),
    )


def plot_parallel_coordinate(
    study: Study, params: Sequence[str] | None = None, ax: Axes | None = None
) -> Axes:
    """Draw each trial as a line over all parameters, coloured by the level it got to.

    The first axis has its rank at that level, the best on top: values of different levels cannot be
    compared. Optuna's plot of this name shows the trials at the highest resource.

    Parameters
    ----------
    study, ax
        As for `plot_rungs`.
    params
        The parameters to be drawn, from left to right; None for the ten with the largest shares in
        the variance of what the model expects.

    Returns
    -------
    matplotlib.axes.Axes
        The axes it was drawn on.

    Raises
    ------
    MissingDependencyError, NoResultError, ArgumentError
        As for `plot_model`.

    Examples
    --------
    >>> import bohb, matplotlib
    >>> matplotlib.use("agg")
    >>> study = bohb.create_study(pruner=bohb.HyperbandPruner(1, 9))
    >>> study.optimize(lambda trial: trial.suggest_float("x", 0, 1) / trial.resource)
    >>> plot_parallel_coordinate(study).get_ylabel()
    'better ↑'
    """
    return draw(parallel_coordinate_picture(study, params), ax)


def _places(parameters: Parameters, name: str, last: Sequence[EvaluationRecord]) -> FloatArray:
    """Return where the values of a parameter lie, from 0 to 1."""
    places = parameters.places(name, [each.params for each in last])
    return np.asarray(_upright(parameters, name, places))


def _upright(parameters: Parameters, name: str, places: FloatArray) -> FloatArray:
    """Return places on the axis of a parameter as heights from 0 to 1."""
    if not parameters.is_choice(name):
        return places
    n_choices = parameters.space.parameters[name].n_values
    return np.asarray((places + 0.5) / n_choices)


def _ranks(subject: Subject, last: Sequence[EvaluationRecord]) -> list[float]:
    """Return how well each trial did among those that got to the same level, from 0 to 1."""
    losses: defaultdict[int, list[float]] = defaultdict(list)
    for each in last:
        losses[subject.level(each)].append(subject.scale.loss(each.value))
    for level in losses:
        losses[level].sort()
    return [
        1
        - bisect.bisect_left(losses[level], subject.scale.loss(each.value))
        / max(len(losses[level]) - 1, 1)
        for each in last
        for level in [subject.level(each)]
    ]


def _scales(parameters: Parameters, names: Sequence[str]) -> Words:
    """Return the values of each parameter, written beside its axis."""
    xs: list[float] = []
    ys: list[float] = []
    texts: list[str] = []
    for order, name in enumerate(names, 1):
        places, labels = parameters.axis(name, name).ticks or ((), ())
        step = 1 + len(labels) // 7
        upright = _upright(parameters, name, np.array(places))
        for place, label in list(zip(upright, labels, strict=True))[::step]:
            xs.append(order + 0.04)
            ys.append(float(place))
            texts.append(label)
    return Words(xs, ys, texts, size=8.0, anchor="left", has_halo=True)

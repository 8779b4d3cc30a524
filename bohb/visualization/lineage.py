"""The lineage: the schedules of values that the members of a population were trained with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from optuna.distributions import CategoricalDistribution
from optuna.trial import FrozenTrial

from bohb.errors import ArgumentError
from bohb.history import to_model
from bohb.study import Stretch, Study
from bohb.visualization.drawing import draw
from bohb.visualization.picture import ACCENT, NEUTRAL, Axis, Lines, Mark, Picture
from bohb.visualization.subject import Subject

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def lineage_picture(study: Study, param: str | None = None) -> Picture:
    """Return the picture of `plot_lineage`."""
    subject = Subject.of(study, "plot_lineage")
    trials = study.get_trials(deepcopy=False)
    best = study.incumbent().number
    name = _checked(trials[best], param)
    at_top = [each.number for each in subject.finite if subject.scale.is_top(each.resource)]
    others = [
        curve
        for number in at_top
        if number != best and (curve := _curve(study.lineage(number), trials, name))
    ]
    marks: list[Mark] = []
    if others:
        marks.append(Lines(others, NEUTRAL, "other members", opacity=0.6))
    marks.append(Lines([_curve(study.lineage(best), trials, name)], ACCENT, "incumbent", width=2.5))
    distribution = trials[best].distributions[name]
    axis = Axis(name, log=bool(getattr(distribution, "log", False)))
    if isinstance(distribution, CategoricalDistribution):
        choices = [str(choice) for choice in distribution.choices]
        axis = Axis(name, ticks=([*range(len(choices))], choices))
    top = float(subject.scale.levels[-1])
    return Picture(
        f"What the best was trained with: {name}",
        Axis("resource", span=(0.0, top)),
        axis,
        marks,
        "outside",
    )


def _checked(best: FrozenTrial, param: str | None) -> str:
    """Return the parameter to be drawn: the first number, where none is given."""
    names = sorted(best.distributions)
    if param is None:
        numbers = [
            name
            for name in names
            if not isinstance(best.distributions[name], CategoricalDistribution)
        ]
        param = next(iter([*numbers, *names]), None)
    if param is None or param not in names:
        raise ArgumentError(f"param must be one of {names}, got {param!r}")
    return param


def _curve(
    stretches: Sequence[Stretch], trials: Sequence[FrozenTrial], name: str
) -> tuple[list[float], list[float]]:
    """Return where each stretch of a schedule begins and ends, and the value in it."""
    resources: list[float] = []
    values: list[float] = []
    for stretch in stretches:
        if name in stretch.params:
            resources += [float(stretch.begin), float(stretch.end)]
            distribution = trials[stretch.number].distributions[name]
            value = stretch.params[name]
            is_choice = isinstance(distribution, CategoricalDistribution)
            values += [to_model(distribution, value) if is_choice else float(value)] * 2
    return resources, values


def plot_lineage(study: Study, param: str | None = None, ax: Axes | None = None) -> Axes:
    """Draw the schedule of a parameter's values over the resource, of all that came to the top.

    The schedule of the incumbent is drawn thick: in a population, what it and its ancestors were
    trained with.

    Parameters
    ----------
    study
        A study with a pruner of `bohb`, such as `PopulationPruner`.
    param
        The parameter; None for the first number by name.
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
        If the study's pruner has no rungs, or the incumbent has no such parameter.

    Examples
    --------
    >>> import bohb, matplotlib
    >>> matplotlib.use("agg")
    >>> study = bohb.create_study(pruner=bohb.HyperbandPruner(1, 9))
    >>> study.optimize(lambda trial: trial.suggest_float("x", 0, 1) / trial.resource)
    >>> plot_lineage(study).get_ylabel()
    'x'
    """
    return draw(lineage_picture(study, param), ax)

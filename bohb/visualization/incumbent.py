"""The value of the incumbent over what it has cost, of one study or of several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from bohb import arguments
from bohb.errors import ArgumentError
from bohb.model.arrays import FloatArray
from bohb.study import EvaluationRecord, Study
from bohb.visualization.drawing import draw
from bohb.visualization.picture import PALETTE, Axis, Band, Lines, Mark, Picture
from bohb.visualization.scales import value_axis
from bohb.visualization.subject import Subject

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Over: TypeAlias = Literal["resource", "trainings", "time"]
Studies: TypeAlias = Study | Mapping[str, Study | Sequence[Study]]

_LABELS = {
    "resource": "resource",
    "trainings": "full trainings (resource by the highest)",
    "time": "seconds",
}


def incumbent_picture(study: Studies, over: Over = "resource") -> Picture:
    """Return the picture of `plot_incumbent`."""
    arguments.one_of("over", over, tuple(_LABELS))
    named = study if isinstance(study, Mapping) else {"": study}
    if not named:
        raise ArgumentError("study must be a study or studies by name, got an empty dict")
    groups: dict[str, list[tuple[FloatArray, FloatArray]]] = {}
    maximize = False
    for name, given in named.items():
        if isinstance(given, Sequence) and not given:
            raise ArgumentError(f"study must hold studies, got an empty list{_called(name)}")
        members = list(given) if isinstance(given, Sequence) else [given]
        subjects = [Subject.of(each, "plot_incumbent") for each in members]
        groups[name] = [_steps(subject, over) for subject in subjects]
        maximize = subjects[0].scale.maximize
    values = np.concatenate([ys for group in groups.values() for _, ys in group])
    laid = value_axis(values, "value of the incumbent", maximize=maximize)
    marks: list[Mark] = []
    for order, (name, group) in enumerate(groups.items()):
        colour = PALETTE[order % len(PALETTE)]
        curves = [(xs, laid.place(ys)) for xs, ys in group]
        if len(group) == 1:
            marks.append(Lines(curves, colour, name or None, width=2.0, is_step=True, marked=True))
            continue
        xs, columns = _together(curves)
        low, high = np.quantile(columns, [0.25, 0.75], axis=0)
        marks.append(Band(xs, low, high, colour))
        label = f"{name}: mean and quartiles of {len(group)}"
        marks.append(Lines([(xs, columns.mean(axis=0))], colour, label, width=2.0))
    is_named = any(groups)
    corner: Literal["upper right", "lower right"] = "lower right" if maximize else "upper right"
    return Picture(
        "The best at the highest resource so far",
        Axis(_LABELS[over]),
        laid.axis,
        marks,
        corner if is_named else None,
    )


def _called(name: str) -> str:
    return f" for {name!r}" if name else ""


def plot_incumbent(study: Studies, over: Over = "resource", ax: Axes | None = None) -> Axes:
    """Draw the value of the incumbent over what it has cost.

    The incumbent is the best trial at the highest resource reached so far, so that its value may
    get worse where a higher resource is reached for the first time.

    Parameters
    ----------
    study
        A study, or studies by name, which are drawn on the same axes. A name may have a list of
        studies, such as those of several seeds: their mean is drawn, and a band from their lower to
        their upper quartile.
    over
        What is counted: ``"resource"`` as it was spent, where a promoted trial goes on from where
        it stood; ``"trainings"``, the same divided by the highest resource; or ``"time"``, the
        seconds since the first leg began.
    ax
        Where to draw; None for a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        The axes it was drawn on.

    Raises
    ------
    MissingDependencyError, NoResultError
        As for `plot_rungs`.
    ArgumentError
        If a study has no rungs, there is none, or `over` is none of the three.

    Examples
    --------
    >>> import bohb, matplotlib
    >>> matplotlib.use("agg")
    >>> study = bohb.create_study(pruner=bohb.HyperbandPruner(1, 9))
    >>> study.optimize(lambda trial: trial.suggest_float("x", 0, 1) / trial.resource)
    >>> plot_incumbent({"bohb": study}, over="trainings").get_legend() is None
    False
    """
    return draw(incumbent_picture(study, over), ax)


def _steps(subject: Subject, over: Over) -> tuple[FloatArray, FloatArray]:
    """Return the costs at which a new incumbent was found, and its values.

    The last one is drawn to the end of the study.
    """
    evaluations = sorted(subject.evaluations, key=_moment)
    top, cost, begin = subject.scale.levels[-1], 0.0, _begin(evaluations)
    reached: dict[int, float] = {}
    best: tuple[float, float] | None = None
    xs: list[float] = []
    ys: list[float] = []
    for each in evaluations:
        if each.bracket is not None:  # what was added from elsewhere has cost nothing here
            cost += each.resource - reached.get(each.number, 0.0)
            reached[each.number] = each.resource
        spent = cost / top if over == "trainings" else cost
        if over == "time":
            spent = _moment(each)[0] - begin
        if np.isfinite(each.value):
            rank = -each.resource, subject.scale.loss(each.value)
            if best is None or rank < best:
                best = rank
                xs.append(spent)
                ys.append(each.value)
    if spent > xs[-1]:
        xs.append(spent)
        ys.append(ys[-1])
    return np.array(xs), np.array(ys)


def _moment(evaluation: EvaluationRecord) -> tuple[float, int, float]:
    """Return what evaluations are sorted by: when they ended, or else the order of the trials."""
    ended = 0.0 if evaluation.ended is None else evaluation.ended.timestamp()
    return ended, evaluation.number, evaluation.resource


def _begin(evaluations: Sequence[EvaluationRecord]) -> float:
    begun = [each.began.timestamp() for each in evaluations if each.began is not None]
    return min(begun, default=0.0)


def _together(
    curves: Sequence[tuple[FloatArray, FloatArray]],
) -> tuple[FloatArray, FloatArray]:
    """Return common costs, and the values of all curves there, shape (curves, costs).

    The costs begin where all curves have begun, and end where the first one ends.
    """
    begin = max(xs[0] for xs, _ in curves)
    end = max(begin, min(xs[-1] for xs, _ in curves))
    all_costs = np.unique(np.concatenate([xs for xs, _ in curves]))
    inside = all_costs[(all_costs > begin) & (all_costs < end)]
    costs = np.concatenate([[begin], inside, [end]])
    rows = [ys[np.searchsorted(xs, costs, side="right") - 1] for xs, ys in curves]
    return costs, np.array(rows)

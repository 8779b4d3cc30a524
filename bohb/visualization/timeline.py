"""The timeline: which leg ran when and where, with waiting told from work."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from bohb.errors import NoResultError
from bohb.hyperband.duration import duration_as_text
from bohb.study import EvaluationRecord, Study
from bohb.visualization.drawing import draw
from bohb.visualization.picture import Axis, Boxes, Mark, Picture, Rules, shade
from bohb.visualization.subject import Subject

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_HEIGHT = 0.8  # of a lane
_UNITS = ((86400.0 * 2, 86400.0, "days"), (7200.0, 3600.0, "hours"), (120.0, 60.0, "minutes"))
_FEW = 20  # beyond so many lanes they are not named


def timeline_picture(study: Study) -> Picture:
    """Return the picture of `plot_timeline`."""
    subject = Subject.of(study, "plot_timeline")
    timed = [(each, *_span(each)) for each in subject.evaluations if each.began is not None]
    if not timed:
        raise NoResultError(
            f"study {study.study_name!r} has no leg of which it is known when it ran: the times of "
            "legs are kept from version 0.2 on"
        )
    begin = min(began for _, began, _ in timed)
    last = max(ended for _, _, ended in timed) - begin
    unit, unit_name = next(
        ((seconds, name) for least, seconds, name in _UNITS if last >= least), (1.0, "seconds")
    )
    lanes = _lanes(timed)
    boxes: defaultdict[int, list[tuple[float, float, float, float]]] = defaultdict(list)
    hints: defaultdict[int, list[str]] = defaultdict(list)
    busy = 0.0
    for each, began, ended in timed:
        level = subject.level(each)
        lower = lanes[each.number, each.resource] - _HEIGHT / 2
        left, width = (began - begin) / unit, (ended - began) / unit
        boxes[level].append((left, lower, width, _HEIGHT))
        hints[level].append(
            f"trial {each.number} to {each.resource:g}: {each.value:.6g}, "
            f"{duration_as_text(ended - began)} on {each.worker}"
        )
        busy += ended - began
    marks: list[Mark] = [Rules([*range(max(lanes.values()) + 1)], "y", opacity=0.3)]
    for level in sorted(boxes):
        label = subject.label(level)
        colour = shade(subject.height(level))
        marks.append(Boxes(boxes[level], colour, label, hints=hints[level]))
    n_lanes = max(lanes.values()) + 1
    names = _names(timed, lanes)
    return Picture(
        f"Legs over {duration_as_text(last)}: {busy / (last or 1.0):.2g} at a time on average",
        Axis(unit_name, span=(0.0, last / unit or 1.0)),
        Axis(
            "worker",
            ticks=([*range(n_lanes)], names) if n_lanes <= _FEW else None,
            span=(-0.6, n_lanes - 0.4),
        ),
        marks,
        "outside",
        (9.0, min(1.8 + 0.35 * n_lanes, 12.0)),
    )


def _span(evaluation: EvaluationRecord) -> tuple[float, float]:
    began, ended = evaluation.began, evaluation.ended
    return (began.timestamp(), ended.timestamp()) if began and ended else (0.0, 0.0)


def _lanes(timed: list[tuple[EvaluationRecord, float, float]]) -> dict[tuple[int, float], int]:
    """Return the lane of each leg: the threads of one process need one lane each."""
    lanes: dict[tuple[int, float], int] = {}
    free_from: list[tuple[str | None, float]] = []  # worker and moment of each lane
    for each, began, ended in sorted(timed, key=lambda leg: (leg[1], leg[0].number)):
        fitting = (
            lane
            for lane, (worker, moment) in enumerate(free_from)
            # Moments are stored in thousandths of a second.
            if worker == each.worker and moment <= began + 0.0015
        )
        lane = next(fitting, len(free_from))
        if lane == len(free_from):
            free_from.append((each.worker, ended))
        free_from[lane] = each.worker, ended
        lanes[each.number, each.resource] = lane
    return lanes


def _names(
    timed: list[tuple[EvaluationRecord, float, float]], lanes: dict[tuple[int, float], int]
) -> list[str]:
    """Return a name of each lane: that of its worker, where the one before has another one."""
    workers = {lanes[each.number, each.resource]: each.worker or "" for each, _, _ in timed}
    in_order = [workers[lane] for lane in sorted(workers)]
    return [
        name if lane == 0 or in_order[lane - 1] != name else ""
        for lane, name in enumerate(in_order)
    ]


def plot_timeline(study: Study, ax: Axes | None = None) -> Axes:
    """Draw which leg ran when and on which worker, coloured by the resource it went to.

    Only work is drawn: a trial that is paused takes no place, and where a lane is empty its worker
    waited. The title says how many legs ran at a time. A process that runs several legs at a time
    has a lane for each.

    Parameters
    ----------
    study, ax
        As for `plot_rungs`.

    Returns
    -------
    matplotlib.axes.Axes
        The axes it was drawn on.

    Raises
    ------
    MissingDependencyError, ArgumentError
        As for `plot_rungs`.
    NoResultError
        If no leg has ended of which it is known when it ran.

    Examples
    --------
    >>> import bohb, matplotlib
    >>> matplotlib.use("agg")
    >>> study = bohb.create_study(pruner=bohb.HyperbandPruner(1, 9))
    >>> study.optimize(lambda trial: trial.suggest_float("x", 0, 1) / trial.resource)
    >>> plot_timeline(study).get_ylabel()
    'worker'
    """
    return draw(timeline_picture(study), ax)

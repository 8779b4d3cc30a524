"""The schedule as a diagram: how many trials started on which rung, and how far they got."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from bohb.study import Study
from bohb.visualization.drawing import draw
from bohb.visualization.picture import (
    NEUTRAL,
    Axis,
    Boxes,
    Lines,
    Mark,
    Picture,
    Words,
    ink_on,
    shade,
)
from bohb.visualization.subject import Subject

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_WIDTH, _HEIGHT = 0.72, 0.6  # of a box; its place has a width and a height of 1


def brackets_picture(study: Study) -> Picture:
    """Return the picture of `plot_brackets`."""
    subject = Subject.of(study, "plot_brackets")
    levels = subject.scale.levels
    # By the level at which a bracket starts, and by level.
    evaluated: Counter[tuple[int, int]] = Counter()
    promoted: Counter[tuple[int, int]] = Counter()
    failed: Counter[tuple[int, int]] = Counter()
    brackets: dict[int, set[int]] = {}
    for each in subject.evaluations:
        if each.bracket is None or each.rung is None:
            continue
        level = subject.level(each)
        place = level - each.rung, level
        evaluated[place] += 1
        promoted[place] += each.outcome == "promoted"
        failed[place] += each.outcome == "failed"
        brackets.setdefault(place[0], set()).add(each.bracket)
    starts = sorted(brackets)
    marks: list[Mark] = []
    words: list[tuple[float, float, str, str | None]] = []
    for row, start in enumerate(reversed(starts)):
        for level in range(start, len(levels)):
            place = start, level
            if not evaluated[place]:
                continue
            colour = shade(subject.height(level))
            hint = f"{evaluated[place]} evaluations, {promoted[place]} promoted"
            box = (level - _WIDTH / 2, row - _HEIGHT / 2, _WIDTH, _HEIGHT)
            marks.append(Boxes([box], colour, hints=[hint]))
            text = str(evaluated[place]) + (f"\n{failed[place]} failed" if failed[place] else "")
            words.append((level, row, text, ink_on(colour)))
            if promoted[place]:
                ends = [level + _WIDTH / 2, level + 1 - _WIDTH / 2]
                marks.append(Lines([(ends, [row, row])], NEUTRAL, width=2.0))
                words.append((level + 0.5, row + 0.18, str(promoted[place]), None))
    xs, ys, texts, colours = zip(*words, strict=True)
    marks.append(Words(xs, ys, texts, colours))
    names = [f"{len(brackets[s])} from {levels[s]:g}" for s in reversed(starts)]
    return Picture(
        "Evaluations on each rung, and the trials promoted from it",
        Axis(
            "resource",
            ticks=([*range(len(levels))], [f"{level:g}" for level in levels]),
            span=(-0.5, len(levels) - 0.5),
        ),
        Axis(
            "brackets",
            ticks=([float(row) for row in range(len(starts))], names),
            span=(-0.6, len(starts) - 0.4),
        ),
        marks,
        size=(8.0, 1.5 + 0.7 * len(starts)),
    )


def plot_brackets(study: Study, ax: Axes | None = None) -> Axes:
    """Draw the schedule as a diagram: who started where, and got how far.

    There is a row for the brackets that start on each level. A box has the number of evaluations
    on a rung, and the line to the next box the number of trials that were promoted.

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
    MissingDependencyError, NoResultError, ArgumentError
        As for `plot_rungs`.

    Examples
    --------
    >>> import bohb, matplotlib
    >>> matplotlib.use("agg")
    >>> study = bohb.create_study(pruner=bohb.HyperbandPruner(1, 9))
    >>> study.optimize(lambda trial: trial.suggest_float("x", 0, 1) / trial.resource)
    >>> [text.get_text() for text in plot_brackets(study).texts][:3]
    ['3', '3', '1']
    """
    return draw(brackets_picture(study), ax)

"""The rank correlation of all pairs of levels: whether low rungs tell what high ones will say."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np

from bohb.errors import NoResultError
from bohb.study import Study, rank_correlation
from bohb.visualization.drawing import draw
from bohb.visualization.picture import Axis, Field, Mark, Picture, Words, ink_on, shade
from bohb.visualization.subject import Subject

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_FEWEST = 3  # trials that have a rank correlation


def rank_correlation_picture(study: Study) -> Picture:
    """Return the picture of `plot_rank_correlation`."""
    subject = Subject.of(study, "plot_rank_correlation")
    levels = subject.scale.levels
    values: defaultdict[int, dict[int, float]] = defaultdict(dict)
    for each in subject.finite:
        values[subject.level(each)][each.number] = each.value
    n_levels = len(levels)
    found = np.full((n_levels, n_levels), np.nan)
    xs, ys, texts, colours = [], [], [], []
    for low in range(n_levels):
        for high in range(low + 1, n_levels):
            both = sorted(values[low].keys() & values[high].keys())
            text, colour = f"n = {len(both)}", None
            pair = [[values[level][n] for n in both] for level in (low, high)]
            correlation = rank_correlation(*pair) if len(both) >= _FEWEST else np.nan
            if not np.isnan(correlation):
                found[high, low] = correlation
                text = f"{correlation:.2f}\n{text}"
                colour = ink_on(shade((correlation + 1) / 2))
            xs.append(float(low))
            ys.append(float(high))
            texts.append(text)
            colours.append(colour)
    if np.isnan(found).all():
        raise NoResultError(
            f"study {study.study_name!r} has no two levels at which {_FEWEST} trials were "
            "evaluated and whose values are not all alike"
        )
    places = np.arange(n_levels)
    names = [f"{level:g}" for level in levels]
    marks: list[Mark] = [
        Field(places, places, found, "rank correlation (Spearman)", (-1.0, 1.0)),
        Words(xs, ys, texts, colours),
    ]
    return Picture(
        "Do low rungs tell what high rungs will say?",
        Axis("resource", ticks=(places.tolist(), names), span=(-0.5, n_levels - 1.5)),
        Axis("higher resource", ticks=(places.tolist(), names), span=(0.5, n_levels - 0.5)),
        marks,
        size=(7.0, 5.5),
    )


def plot_rank_correlation(study: Study, ax: Axes | None = None) -> Axes:
    r"""Draw the rank correlation of the values on each two levels, with the number of trials.

    1 means that the lower level ranks trials as the higher one does, 0 that it tells nothing. Only
    trials that were promoted have both values, and they are alike as they were all among the best
    of the lower level: the correlation among all trials would be larger.

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
        If no three trials were evaluated at the same two levels, or their values are all alike.

    Examples
    --------
    >>> import bohb, matplotlib
    >>> matplotlib.use("agg")
    >>> study = bohb.create_study(pruner=bohb.HyperbandPruner(1, 9))
    >>> study.optimize(lambda trial: trial.suggest_float("x", 0, 1) / trial.resource)
    >>> plot_rank_correlation(study).texts[0].get_text()
    '1.00\nn = 3'
    """
    return draw(rank_correlation_picture(study), ax)

"""The order of trials that have several losses: by front, and within a front by hypervolume."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

# One loss, or one for each objective; lower is better.
Loss: TypeAlias = float | tuple[float, ...]

_Points: TypeAlias = NDArray[np.float64]

_MARGIN = 0.1  # the point of reference lies this share of the range beyond the worst


def sort_losses(entries: Sequence[tuple[Loss, int]]) -> list[tuple[Loss, int]]:
    """Return losses with their trials, best first; ties go to the older trial.

    Single losses are sorted by their size. Several are sorted by the front that they lie on
    (non-dominated sorting: Deb et al. 2002, *A Fast and Elitist Multiobjective Genetic Algorithm:
    NSGA-II*, section III.A), and those of one front in the order in which each adds the most to the
    hypervolume of those before it, as in Schmucker et al. (2021), *Multi-objective Asynchronous
    Successive Halving*, who let the fronts decide and spread out what is kept of the last one.

    Parameters
    ----------
    entries
        The losses of trials, and their numbers. All have as many losses.

    Examples
    --------
    >>> sort_losses([((0.1, 9.0), 0), ((0.5, 5.0), 1), ((0.6, 6.0), 2), ((0.9, 1.0), 3)])
    [((0.5, 5.0), 1), ((0.1, 9.0), 0), ((0.9, 1.0), 3), ((0.6, 6.0), 2)]
    """
    by_age = sorted(entries, key=lambda entry: entry[1])
    if not by_age or not isinstance(by_age[0][0], tuple):
        return sorted(by_age)
    points = _scaled(np.array([losses for losses, _ in by_age], dtype=float))
    reference = np.full(points.shape[1], 1 + _MARGIN)
    ordered: list[int] = []
    left = np.arange(len(points))
    while len(left):
        is_front = ~_is_dominated(points[left])
        ordered += [int(left[is_front][i]) for i in _spread(points[left[is_front]], reference)]
        left = left[~is_front]
    return [by_age[place] for place in ordered]


def _scaled(points: _Points) -> _Points:
    """Return the points with the range of each objective from 0 to 1."""
    low = points.min(axis=0)
    width = points.max(axis=0) - low
    return np.asarray((points - low) / np.where(width > 0, width, 1.0))


def _is_dominated(points: _Points) -> NDArray[np.bool_]:
    """Return whether another point is nowhere worse and somewhere better, shape (n,)."""
    not_worse = (points[:, None, :] <= points[None, :, :]).all(axis=2)
    better = (points[:, None, :] < points[None, :, :]).any(axis=2)
    return np.asarray((not_worse & better).any(axis=0))


def _spread(front: _Points, reference: _Points) -> list[int]:
    """Return the places of a front's points, each next one adding the most hypervolume."""
    # What a point adds only gets less as others are chosen. So the one that seemed to add the most
    # adds the most indeed, if it still does so when that is counted anew.
    nothing, chosen = front[:0], list[int]()
    left = [(-_gain(point, nothing, reference), place) for place, point in enumerate(front)]
    heapq.heapify(left)
    while left:
        _, place = heapq.heappop(left)
        now = (-_gain(front[place], front[chosen], reference), place)
        if left and now > left[0]:
            heapq.heappush(left, now)
        else:
            chosen.append(place)
    return chosen


def _gain(point: _Points, kept: _Points, reference: _Points) -> float:
    """Return how much hypervolume a point adds to what `kept` covers up to the reference."""
    covered = hypervolume(np.maximum(kept, point), reference) if len(kept) else 0.0
    return float(np.prod(reference - point)) - covered


def hypervolume(points: _Points, reference: _Points) -> float:
    """Return the volume that lies between any of the points and the reference.

    It is cut into slices along the last objective, which have one objective less.
    """
    points = np.unique(points, axis=0)
    order = np.argsort(points[:, -1], kind="stable")
    if points.shape[1] == 1:
        return float(reference[0] - points[order[0], 0])
    ends = [*points[order, -1], reference[-1]]
    if points.shape[1] == 2:
        lowest = np.minimum.accumulate(points[order, 0])
        return float(((reference[0] - lowest) * np.diff(ends)).sum())
    return sum(
        hypervolume(points[order[: place + 1], :-1], reference[:-1])
        * float(ends[place + 1] - ends[place])
        for place in range(len(order))
        if ends[place + 1] > ends[place]
    )

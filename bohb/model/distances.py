"""The squared distances between configurations, each of them at a level of the ladder."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bohb.model.arrays import FloatArray, IndexArray
from bohb.model.space import Categorical, Parameter, Space
from bohb.model.warp import Warp

_OTHER_CHOICE = 0.98  # the squared distance of two choices; that of the ends of a range is 1
_MISSING = 1.0  # the squared distance between a value and none


@dataclass(frozen=True, slots=True)
class Points:
    """Configurations in units, shape (n, d), each at a level of the ladder, shape (n,)."""

    units: FloatArray
    levels: IndexArray

    def first(self, count: int) -> Points:
        """Return the first `count` of them."""
        return Points(self.units[:count], self.levels[:count])


def squared_distances(
    space: Space, n_levels: int, points: Points, *, without: IndexArray | None = None
) -> FloatArray:
    """Return the squared distances by parameter and, last, by level, shape (d + 1, n, n).

    Those of the columns `without` stay zero: they are warped, and computed where that is fitted.
    """
    n = len(points.levels)
    left_out = set() if without is None else set(without.tolist())
    squared = np.zeros((len(space.parameters) + 1, n, n))
    for column, parameter in enumerate(space.parameters.values()):
        if column not in left_out:
            own = points.units[:, column]
            squared[column] = _squared_of(parameter, own, own)
    heights = _heights(points, n_levels)
    squared[-1] = (heights[:, None] - heights[None, :]) ** 2
    return squared


class Distances:
    """The sums of all squared distances to some points, each distance times its weight.

    What numbers contribute comes from one product of matrices, which is many times as fast as one
    parameter after another. The side of the points is prepared once, as many configurations are
    compared with them in turn.

    Parameters
    ----------
    space, n_levels
        The parameters of the configurations, and how many levels the ladder has.
    weights
        What a squared distance along each parameter and, last, between levels counts, shape
        (d + 1,).
    points
        The points to which the distances are.
    warp
        How the configurations are warped before they are compared; None if they are not.
    """

    def __init__(
        self,
        space: Space,
        n_levels: int,
        weights: FloatArray,
        points: Points,
        warp: Warp | None = None,
    ) -> None:
        self.points = points
        self._space, self._n_levels, self._weights = space, n_levels, weights
        self._warp = warp
        self._seen = self._warped(points)
        self._parameters = list(space.parameters.values())
        is_choice = np.array(
            [isinstance(each, Categorical) for each in self._parameters], dtype=bool
        )
        self._numbers = np.flatnonzero(~is_choice & ~np.isnan(points.units).any(axis=0))
        self._right = self._scaled(self._seen, self._numbers)
        self._norms = np.sum(self._right * self._right, axis=1)

    def to(self, points: Points) -> Distances:
        """Return the distances to other points."""
        return Distances(self._space, self._n_levels, self._weights, points, self._warp)

    def of(self, places: Points) -> FloatArray:
        """Return the distances of m places to the n points, shape (m, n)."""
        places = self._warped(places)
        is_known = ~np.isnan(places.units[:, self._numbers]).any(axis=0)
        numbers = self._numbers[is_known]
        left, right, norms = self._scaled(places, numbers), self._right, self._norms
        if not is_known.all():  # a number that some places lack is compared by itself
            right = right[:, np.append(is_known, True)]
            norms = np.sum(right * right, axis=1)
        total = np.sum(left * left, axis=1)[:, None] + norms - 2 * (left @ right.T)
        np.maximum(total, 0.0, out=total)  # of points that are nearly alike, rounding may be left
        for column, parameter in enumerate(self._parameters):
            if column not in numbers:
                one, other = places.units[:, column], self._seen.units[:, column]
                total += self._weights[column] * _squared_of(parameter, one, other)
        return np.asarray(total)

    def _warped(self, points: Points) -> Points:
        return points if self._warp is None else Points(self._warp.of(points.units), points.levels)

    def _scaled(self, points: Points, numbers: IndexArray) -> FloatArray:
        """Return coordinates whose plain squared distances are weighted ones."""
        coordinates = np.column_stack([points.units[:, numbers], _heights(points, self._n_levels)])
        return np.asarray(coordinates * np.sqrt(self._weights[np.append(numbers, -1)]))


def _squared_of(parameter: Parameter, mine: FloatArray, theirs: FloatArray) -> FloatArray:
    """Return the squared distances of the values of one parameter, shape (n, m)."""
    left, right = mine[:, None], theirs[None, :]
    if isinstance(parameter, Categorical):
        squared = np.where(left == right, 0.0, _OTHER_CHOICE)
    else:
        squared = (left - right) ** 2
    lacks, also = np.isnan(left), np.isnan(right)
    if lacks.any() or also.any():
        squared[lacks ^ also] = _MISSING
        squared[lacks & also] = 0.0
    return squared


def _heights(points: Points, n_levels: int) -> FloatArray:
    """Return how high the levels of points lie, from 0 to 1, shape (n,)."""
    return np.asarray(points.levels / max(n_levels - 1, 1))

"""Which configurations were tried, and which of a finite space are left."""

from __future__ import annotations

import itertools
from collections.abc import Iterable

import numpy as np

from bohb.model.allowed import allowed_from_prior, is_possible
from bohb.model.arrays import FloatArray, IndexArray
from bohb.model.observations import Observations
from bohb.model.space import Space

_SAME = 1e-9  # of a range: rounding, rather than another value
_LARGEST_GRID = 4096  # finite spaces up to this size are searched for what is left


class Tried:
    """The configurations that were tried.

    One was if some trial had the same value for everything that it asked for.
    """

    def __init__(self, space: Space, observations: Observations) -> None:
        self._space = space
        self._observations = observations
        # Of a small space most may have been tried: many are looked up, nearly all in here.
        self._known: frozenset[bytes] = frozenset()
        if space.n_configurations <= _LARGEST_GRID:
            units = space.encode(observations.columns(space.names))
            self._known = frozenset(map(_key, units[~np.isnan(units).all(axis=1)]))

    def __contains__(self, row: FloatArray) -> bool:
        return _key(row) in self._known or _was_tried(row, self._space, self._observations)


def _key(row: FloatArray) -> bytes:
    """Return what is the same only for configurations that are."""
    return bytes((np.round(row / _SAME) + 0.0).tobytes())


def _was_tried(row: FloatArray, space: Space, observations: Observations) -> bool:
    rows: IndexArray | None = None  # all, of which few are left after the first parameter
    asked = np.zeros(len(observations), dtype=bool)
    for (name, parameter), unit in zip(space.parameters.items(), row, strict=True):
        column = observations.column(name)
        distance = np.abs(parameter.encode(column if rows is None else column[rows]) - unit)
        fits = np.flatnonzero(~(distance > _SAME))  # so does what is missing
        rows = fits if rows is None else rows[fits]
        asked[rows] |= distance[fits] <= _SAME
    return bool(asked.any() if rows is None else asked[rows].any())


def first_untried(
    rows: Iterable[FloatArray],
    space: Space,
    observations: Observations,
    fixed: FloatArray,
    rng: np.random.Generator,
) -> FloatArray:
    """Return the first of `rows` that was not tried, and one from the prior if all were.

    `fixed` is a row of units, NaN where nothing is given.
    """
    tried = Tried(space, observations)
    for row in rows:
        if row not in tried:
            return row
    return _untried_from_prior(space, tried, fixed, rng)


def untried_from_prior(
    space: Space, observations: Observations, fixed: FloatArray, rng: np.random.Generator
) -> FloatArray:
    """Return a configuration from the prior that was not tried, as long as there is one.

    `fixed` is a row of units, NaN where nothing is given.
    """
    return _untried_from_prior(space, Tried(space, observations), fixed, rng)


def _untried_from_prior(
    space: Space, tried: Tried, fixed: FloatArray, rng: np.random.Generator
) -> FloatArray:
    row = allowed_from_prior(space, fixed, rng)
    if row not in tried:
        return row
    if space.n_configurations <= _LARGEST_GRID:
        left = [r for r in _all_rows(space, fixed) if r not in tried]
        return left[rng.integers(len(left))] if left else row
    for _ in range(100):  # hardly anything of so large a space can have been tried
        another = allowed_from_prior(space, fixed, rng)
        if another not in tried:
            return another
    return row


def _all_rows(space: Space, fixed: FloatArray) -> list[FloatArray]:
    """Return all configurations of a finite space that are allowed."""
    given = [parameter.all_units() for parameter in space.parameters.values()]
    choices = [v if np.isnan(f) else np.array([f]) for v, f in zip(given, fixed, strict=True)]
    rows = np.array(list(itertools.product(*choices)))
    space.deactivate(rows)
    rows = rows[is_possible(rows, space, fixed)]
    return list(np.unique(rows, axis=0))

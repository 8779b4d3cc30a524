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


def was_tried(row: FloatArray, space: Space, observations: Observations) -> bool:
    """Return whether the configuration `row` was tried before.

    It was if some trial had the same value for everything that it asked for.
    """
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
    for row in rows:
        if not was_tried(row, space, observations):
            return row
    return untried_from_prior(space, observations, fixed, rng)


def untried_from_prior(
    space: Space, observations: Observations, fixed: FloatArray, rng: np.random.Generator
) -> FloatArray:
    """Return a configuration from the prior that was not tried, as long as there is one.

    `fixed` is a row of units, NaN where nothing is given.
    """
    row = allowed_from_prior(space, fixed, rng)
    if not was_tried(row, space, observations):
        return row
    if space.n_configurations <= _LARGEST_GRID:
        left = [r for r in _all_rows(space, fixed) if not was_tried(r, space, observations)]
        return left[rng.integers(len(left))] if left else row
    for _ in range(100):  # hardly anything of so large a space can have been tried
        another = allowed_from_prior(space, fixed, rng)
        if not was_tried(another, space, observations):
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

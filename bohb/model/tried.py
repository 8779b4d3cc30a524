"""Which configurations were tried, and which of a finite space are left."""

from __future__ import annotations

import itertools
from collections.abc import Iterable

import numpy as np

from bohb.model.arrays import FloatArray
from bohb.model.observations import Observations
from bohb.model.space import Space

_LARGEST_GRID = 4096  # finite spaces up to this size are searched for what is left


def was_tried(row: FloatArray, space: Space, observations: Observations) -> bool:
    """Return whether the configuration `row` was tried before.

    It was if some trial had the same value for everything that it asked for.
    """
    values = space.decode(row[None, :])[0]
    asked = np.zeros(len(observations), dtype=bool)
    rows = np.arange(len(observations))
    for name, value in zip(space.names, values, strict=True):  # few are left after the first
        other = observations.column(name)[rows]
        missing = np.isnan(other)
        same = np.abs(other - value) <= 1e-9 * np.abs(value) + 1e-12
        asked[rows[same]] = True
        rows = rows[same | missing]
    return bool(asked[rows].any())


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


def allowed_from_prior(space: Space, fixed: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Return a configuration from the prior that no forbidden clause holds for.

    `fixed` is a row of units, NaN where nothing is given. If nothing is allowed beside it, a
    forbidden configuration is returned.
    """
    count = 1
    while True:
        rows = space.draw_prior(count, rng, fixed)
        allowed = np.flatnonzero(space.is_allowed(rows)) if space.forbidden else [0]
        if len(allowed) or count >= 2**16:
            return np.asarray(rows[allowed[0] if len(allowed) else 0])
        count *= 4


def _all_rows(space: Space, fixed: FloatArray) -> list[FloatArray]:
    """Return all configurations of a finite space that are allowed."""
    given = [parameter.all_units() for parameter in space.parameters.values()]
    choices = [v if np.isnan(f) else np.array([f]) for v, f in zip(given, fixed, strict=True)]
    rows = np.array(list(itertools.product(*choices)))
    space.deactivate(rows)
    rows = rows[space.is_allowed(rows)]
    return list(np.unique(rows, axis=0))

"""The configurations that were tried, and those of a finite space that are left."""

from __future__ import annotations

import itertools
from collections.abc import Mapping

import numpy as np

from bohb.model.allowed import allowed_from_prior, is_possible
from bohb.model.arrays import FloatArray
from bohb.model.observations import Observations
from bohb.model.space import Space

_SAME = 1e-9  # of a range: a smaller difference is rounding, and not another value
_LARGEST_GRID = 4096  # finite spaces up to this size are searched for what is left


class Tried:
    """The configurations that were tried.

    A configuration was tried if some trial has any of its parameters, and the same value for all
    of them that the trial has.
    """

    def __init__(self, space: Space, observations: Observations) -> None:
        self._space = space
        self._observations = observations
        # Most of a small space may have been tried, so that many configurations are looked up
        # before one is new. This set answers nearly always, without a search of all trials.
        self._known: frozenset[bytes] = frozenset()
        if space.n_configurations <= _LARGEST_GRID:
            units = space.encode(observations.columns(space.names))
            self._known = frozenset(_keys(units[~np.isnan(units).all(axis=1)]))

    def __contains__(self, row: FloatArray) -> bool:
        return _keys(row[None, :])[0] in self._known or _was_tried(
            row, self._space, self._observations
        )


def _keys(rows: FloatArray) -> list[bytes]:
    """Return a key for each of `rows`; only configurations that are the same have the same key."""
    rounded = np.round(rows / _SAME) + 0.0  # the sum makes 0.0 of -0.0, whose bytes differ
    return [row.tobytes() for row in rounded]


def _was_tried(row: FloatArray, space: Space, observations: Observations) -> bool:
    values = space.named(row)
    # The parameter with the most values comes first: it leaves few trials to compare with.
    for name in sorted(values, key=lambda name: -space.parameters[name].n_values):
        lowest, highest = space.parameters[name].around(values[name], _SAME)
        column = observations.column(name)
        fits = ~((column < lowest) | (column > highest))  # a missing value, which is NaN, fits too
        observations = observations.rows(np.flatnonzero(fits))
    return bool((~np.isnan(observations.columns(list(values)))).any())


def first_untried(
    rows: FloatArray,
    space: Space,
    observations: Observations,
    fixed: FloatArray,
    rng: np.random.Generator,
) -> FloatArray:
    """Return the first of `rows` that was not tried.

    If all of them were, it is one from the prior that was not; and if nothing is left, the first of
    `rows`: it is the one that is most worth measuring again. `fixed` is a row of units, NaN where
    nothing is given.
    """
    tried = Tried(space, observations)
    for row in rows:
        if row not in tried:
            return np.asarray(row)
    other = _untried_from_prior(space, tried, fixed, rng)
    is_small = space.n_configurations <= _LARGEST_GRID
    return np.asarray(rows[0]) if is_small and other in tried else other


def is_used_up(space: Space, observations: Observations, values: Mapping[str, float]) -> bool:
    """Return whether all configurations of a space were tried, as it seems by a new proposal."""
    if space.n_configurations > _LARGEST_GRID:
        return False
    tried = Tried(space, observations)
    nothing = np.full(len(space.parameters), np.nan)
    return space.encode_named(values) in tried and all(
        row in tried for row in _all_rows(space, nothing)
    )


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
    is_small = space.n_configurations <= _LARGEST_GRID
    for _ in range(10 if is_small else 100):  # few in a small space: what is left can be listed
        row = allowed_from_prior(space, fixed, rng)
        if row not in tried:
            return row
    left = [r for r in _all_rows(space, fixed) if r not in tried] if is_small else []
    return left[rng.integers(len(left))] if left else row


def _all_rows(space: Space, fixed: FloatArray) -> list[FloatArray]:
    """Return all configurations of a finite space that are allowed."""
    given = [parameter.all_units() for parameter in space.parameters.values()]
    choices = [v if np.isnan(f) else np.array([f]) for v, f in zip(given, fixed, strict=True)]
    rows = np.array(list(itertools.product(*choices)))
    space.deactivate(rows)
    rows = rows[is_possible(rows, space, fixed)]
    return list(np.unique(rows, axis=0))

"""Configurations that are possible: nothing forbids them, and they have what was fixed."""

from __future__ import annotations

import numpy as np

from bohb.errors import ArgumentError
from bohb.model.arrays import BoolArray, FloatArray, IndexArray
from bohb.model.space import Categorical, Space

_DRAWS = (1, 4, 16, 64, 256, 1024, 4096)  # how many are drawn at once, until one is possible
_MENDED, _STEPS = 64, 1000  # how many configurations are mended, and in how many steps at most
_SIDEWAYS = 0.1  # the chance that a step is kept although it makes a configuration worse


def is_possible(units: FloatArray, space: Space, fixed: FloatArray) -> BoolArray:
    """Return which configurations may be proposed, shape (n,).

    They are allowed, have all that is fixed, and beside it no choice whose weight is 0. `fixed` is
    a row of units, NaN where nothing is given.
    """
    impossible = _lacks(units, fixed) | (_has_no_weight(units, space) & np.isnan(fixed))
    return space.is_allowed(units) & ~impossible.any(axis=1)


def allowed_from_prior(space: Space, fixed: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Return a configuration from the prior that is possible, shape (d,).

    Configurations are drawn until one is possible. Where hardly any is, drawn ones are mended: a
    random parameter of a random violation gets another value, again and again (the random walk of
    Selman, Kautz & Cohen 1994, *Noise Strategies for Improving Local Search*).

    Raises
    ------
    ArgumentError
        If none was found.
    """
    for count in _DRAWS:
        units = space.draw_prior(count, rng, fixed)
        possible = np.flatnonzero(is_possible(units, space, fixed))
        if len(possible):
            return np.asarray(units[possible[0]])
    found = _mended(units, space, fixed, rng)
    if found is None:
        beside = f" together with {space.named(fixed)}" if not np.isnan(fixed).all() else ""
        raise ArgumentError(
            f"space must leave configurations that are not forbidden{beside}, found none"
        )
    return found


def _mended(
    units: FloatArray, space: Space, fixed: FloatArray, rng: np.random.Generator
) -> FloatArray | None:
    """Return one of `units` after random changes that made it possible; None if none became so."""
    involved = _involved(space, fixed)
    violated = _violations(units, space, fixed)
    order = np.argsort(violated.sum(axis=1), kind="stable")[:_MENDED]
    units, violated = units[order], violated[order]
    rows = np.arange(len(units))
    for _ in range(_STEPS):
        columns = _one_of_each(involved[_one_of_each(violated, rng)], rng)
        changed = units.copy()
        changed[rows, columns] = space.draw_independent(len(units), rng)[rows, columns]
        changed = np.where(np.isnan(fixed), changed, fixed)
        space.complete(changed, rng)
        now = _violations(changed, space, fixed)
        done = np.flatnonzero(~now.any(axis=1))
        if len(done):
            return np.asarray(changed[done[0]])
        taken = now.sum(axis=1) <= violated.sum(axis=1)
        taken |= rng.random(len(units)) < _SIDEWAYS
        units[taken], violated[taken] = changed[taken], now[taken]
    return None


def _violations(units: FloatArray, space: Space, fixed: FloatArray) -> BoolArray:
    """Return what each configuration violates: the clauses, then the fixed values by column."""
    clauses = [space.holds(clause, units) for clause in space.forbidden]
    return np.column_stack([*clauses, _lacks(units, fixed)])


def _involved(space: Space, fixed: FloatArray) -> BoolArray:
    """Return which columns may be changed to mend each violation, as `_violations` orders them."""
    names = space.names
    about = [clause.names for clause in space.forbidden] + [[name] for name in names]
    involved = np.zeros((len(about), len(names)), dtype=bool)
    for row, start in enumerate(about):
        closure = list(start)
        # The list grows under way: what decides whether one of these is active is involved too.
        for name in closure:
            condition = space.conditions.get(name)
            closure += [n for n in (condition.names if condition else ()) if n not in closure]
        involved[row, [names.index(name) for name in closure]] = True
    return involved & np.isnan(fixed)


def _one_of_each(mask: BoolArray, rng: np.random.Generator) -> IndexArray:
    """Return the column of a random true value in each row; column 0 where none is true."""
    # The random numbers lie in (0, 1], so that every true value is above all false ones.
    return np.asarray(np.argmax(mask * (1.0 - rng.random(mask.shape)), axis=1))


def _has_no_weight(units: FloatArray, space: Space) -> BoolArray:
    """Return where a configuration has a choice that the prior excludes, shape (n, d)."""
    excluded = np.zeros(units.shape, dtype=bool)
    for column, parameter in enumerate(space.parameters.values()):
        if isinstance(parameter, Categorical) and parameter.weights is not None:
            given = ~np.isnan(units[:, column])
            excluded[given, column] = parameter.relative_prior(units[given, column]) == 0
    return excluded


def _lacks(units: FloatArray, fixed: FloatArray) -> BoolArray:
    """Return where a configuration lacks a parameter whose value is fixed, shape (n, d)."""
    return np.asarray(np.isnan(units) & ~np.isnan(fixed))

"""Conditions learned from configurations: which parameters are asked for beside which values.

An objective that suggests parameters as it needs them does not declare when it needs which. For
each parameter that some configurations lack, a decision tree finds this out (Breiman et al. 1984,
*Classification and Regression Trees*, section 4.3, with Gini's impurity), and becomes a condition.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from bohb.model.arrays import BoolArray, FloatArray
from bohb.model.observations import Observations
from bohb.model.predicates import All, Comparison, Predicate, Some
from bohb.model.space import Categorical, Parameter, Space

_RECENT = 250  # how many of the newest evaluated configurations are looked at
_DEEPEST = 6  # how many comparisons a path through a tree has at most
_LEAST_GAIN = 1e-6  # the share of the impurity that a split must take away: rounding is less


def with_learned_conditions(space: Space, observations: Observations) -> Space:
    """Return `space` with conditions, if the observations show that it has any.

    The condition of a parameter is about parameters that are there whenever it is, and more often
    than it. Where these do not tell whether it is asked for, it counts as asked for.
    """
    if space.is_declared:
        return space
    evaluated = np.flatnonzero(observations.is_evaluated)[-_RECENT:]
    values = observations.rows(evaluated).columns(space.names)
    has = ~np.isnan(values)
    if has.all():
        return space
    counts = has.sum(axis=0)
    names, order = space.names, np.argsort(-counts, kind="stable")
    parameters = {names[column]: space.parameters[names[column]] for column in order}
    conditions: dict[str, Predicate] = {}
    # By the rows that have a parameter: many are asked for together, and share a condition.
    known: dict[bytes, Predicate | None] = {}
    for column in np.flatnonzero((counts > 0) & (counts < len(has))):
        wanted = has[:, column]
        pattern = wanted.tobytes()
        if pattern not in known:
            decide = [c for c in order if counts[c] > counts[column] and has[wanted, c].all()]
            columns = {names[c]: values[:, c] for c in decide}
            known[pattern] = _condition(wanted, columns, parameters)
        condition = known[pattern]
        if condition is not None:
            conditions[names[column]] = condition
    return Space(parameters, conditions, is_declared=True)


def _condition(
    wanted: BoolArray, columns: Mapping[str, FloatArray], parameters: Mapping[str, Parameter]
) -> Predicate | None:
    """Return the condition that holds for the rows that are `wanted`; None if none is found."""
    paths = _paths(wanted, columns, parameters, ())
    return Some(tuple(map(All, paths))) if paths != [()] else None


def _paths(
    wanted: BoolArray,
    columns: Mapping[str, FloatArray],
    parameters: Mapping[str, Parameter],
    path: tuple[Comparison, ...],
) -> list[tuple[Comparison, ...]]:
    """Return the paths of a tree to the leaves with wanted rows, as the comparisons that hold."""
    if wanted.all() or len(path) == _DEEPEST:
        return [path]
    splits = [
        _best_split(name, parameters[name], column, wanted) for name, column in columns.items()
    ]
    best = min(splits, key=lambda split: split.doubt, default=None)
    if best is None or best.impurity > (1 - _LEAST_GAIN) * len(wanted) * _gini(wanted.mean()):
        return [path]
    found = []
    for side in (best.test, best.opposite):
        rows = side.holds(columns)
        if wanted[rows].any():
            inside = {name: column[rows] for name, column in columns.items()}
            found += _paths(wanted[rows], inside, parameters, (*path, side))
    return found


@dataclass(frozen=True, slots=True)
class _Split:
    impurity: float
    is_fine: bool
    test: Comparison
    opposite: Comparison

    @property
    def doubt(self) -> tuple[float, bool]:
        """The measure by which splits are compared, lowest first.

        A number without steps counts double: one of its many values may split well by chance.
        """
        return self.impurity * (2 if self.is_fine else 1), self.is_fine


def _best_split(name: str, parameter: Parameter, column: FloatArray, wanted: BoolArray) -> _Split:
    """Return the comparison with a value of `column` that tells best what is wanted."""
    known = ~np.isnan(column)
    values, place = np.unique(column[known], return_inverse=True)
    sizes = np.bincount(place, minlength=len(values))
    hits = np.bincount(place[wanted[known]], minlength=len(values))
    is_choice = isinstance(parameter, Categorical)
    if not is_choice:
        sizes, hits = np.cumsum(sizes), np.cumsum(hits)
    others, missed = known.sum() - sizes, wanted[known].sum() - hits
    impurities = sizes * _gini(hits / sizes) + others * _gini(missed / np.maximum(others, 1))
    best = int(np.argmin(impurities))
    value, symbols = values[best], ("==", "!=")
    if not is_choice:
        value, symbols = (value + values[min(best + 1, len(values) - 1)]) / 2, ("<=", ">")
    test, opposite = (Comparison(name, symbol, float(value)) for symbol in symbols)
    return _Split(float(impurities[best]), parameter.n_values == np.inf, test, opposite)


def _gini(share: FloatArray) -> FloatArray:
    """Return half of Gini's impurity of sets of which such a share is wanted."""
    return share * (1 - share)

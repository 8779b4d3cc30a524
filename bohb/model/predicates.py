"""The statements about a configuration that conditions and forbidden clauses are made of.

A statement about a parameter that is not active does not hold, whatever it says.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from bohb.model.arrays import BoolArray, FloatArray

_OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


class Predicate(Protocol):
    """A statement that holds for some configurations."""

    @property
    def names(self) -> Sequence[str]:
        """The names of the parameters that it is about."""

    def holds(self, columns: Mapping[str, FloatArray]) -> BoolArray:
        """Return for which of n configurations it holds, shape (n,).

        `columns` has the values by name, shape (n,) each; NaN where a parameter is not active.
        """


@dataclass(frozen=True, slots=True)
class Comparison:
    """The parameter `name` compares with `value` as `symbol` says: ==, !=, <, <=, > or >=."""

    name: str
    symbol: str
    value: float

    @property
    def names(self) -> Sequence[str]:
        """The name of the parameter."""
        return (self.name,)

    def holds(self, columns: Mapping[str, FloatArray]) -> BoolArray:
        """Return for which configurations it holds, shape (n,)."""
        values = columns[self.name]
        return np.asarray(_OPERATORS[self.symbol](values, self.value) & ~np.isnan(values))


@dataclass(frozen=True, slots=True)
class OneOf:
    """The parameter `name` has one of `values`."""

    name: str
    values: tuple[float, ...]

    @property
    def names(self) -> Sequence[str]:
        """The name of the parameter."""
        return (self.name,)

    def holds(self, columns: Mapping[str, FloatArray]) -> BoolArray:
        """Return for which configurations it holds, shape (n,)."""
        return np.isin(columns[self.name], self.values)


@dataclass(frozen=True, slots=True)
class Relation:
    """The parameters `left` and `right` compare with each other as `symbol` says.

    `left_ranks` and `right_ranks` are the numbers by which the choices of a categorical parameter
    are compared, one for each choice; None for a parameter that is a number itself.
    """

    left: str
    symbol: str
    right: str
    left_ranks: tuple[float, ...] | None = None
    right_ranks: tuple[float, ...] | None = None

    @property
    def names(self) -> Sequence[str]:
        """The names of the two parameters."""
        return (self.left, self.right)

    def holds(self, columns: Mapping[str, FloatArray]) -> BoolArray:
        """Return for which configurations it holds, shape (n,)."""
        left = _ranked(columns[self.left], self.left_ranks)
        right = _ranked(columns[self.right], self.right_ranks)
        known = ~np.isnan(left) & ~np.isnan(right)
        return np.asarray(_OPERATORS[self.symbol](left, right) & known)


@dataclass(frozen=True, slots=True)
class All:
    """All of `terms` hold."""

    terms: tuple[Predicate, ...]

    @property
    def names(self) -> Sequence[str]:
        """The names of the parameters of all terms."""
        return _names(self.terms)

    def holds(self, columns: Mapping[str, FloatArray]) -> BoolArray:
        """Return for which configurations it holds, shape (n,)."""
        return np.asarray(np.all([term.holds(columns) for term in self.terms], axis=0))


@dataclass(frozen=True, slots=True)
class Some:
    """At least one of `terms` holds."""

    terms: tuple[Predicate, ...]

    @property
    def names(self) -> Sequence[str]:
        """The names of the parameters of all terms."""
        return _names(self.terms)

    def holds(self, columns: Mapping[str, FloatArray]) -> BoolArray:
        """Return for which configurations it holds, shape (n,)."""
        return np.asarray(np.any([term.holds(columns) for term in self.terms], axis=0))


def _names(terms: Sequence[Predicate]) -> Sequence[str]:
    return tuple(dict.fromkeys(name for term in terms for name in term.names))


def _ranked(values: FloatArray, ranks: tuple[float, ...] | None) -> FloatArray:
    if ranks is None:
        return values
    known = ~np.isnan(values)
    result = np.full(len(values), np.nan)
    result[known] = np.array(ranks)[values[known].astype(int)]
    return result

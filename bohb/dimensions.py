"""One tuned parameter: how a study stores it, and how its value is found from what is stored."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from bohb.history import to_parameter
from bohb.model import Numeric, Parameter
from bohb.spaces import native

# Every trial stores a copy of its choices. From longer ordered lists the index is stored instead.
_MANY = 100
_LONGEST_LABEL = 60
_TAIL = 1e-6  # the share of a distribution that is never drawn, at an end without a bound
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")  # where an object lies differs between processes


@dataclass(frozen=True)
class Dimension:
    """One tuned parameter.

    Attributes
    ----------
    name
        The parameter's name to its user.
    key
        The name in the study. It differs from `name` where a share or an index is stored.
    distribution
        How Optuna stores it.
    parameter
        The same as the model knows it.
    value_of
        The function that returns the value for what is stored.
    description
        A text that distinguishes it from other dimensions of this name.
    """

    name: str
    key: str
    distribution: BaseDistribution
    parameter: Parameter
    value_of: Callable[[Any], Any]
    description: str

    @classmethod
    def of_distribution(cls, name: str, distribution: BaseDistribution) -> Dimension:
        """Return the dimension whose values are those of a distribution of Optuna."""
        parameter = to_parameter(distribution)
        return cls(name, name, distribution, parameter, _same, repr(distribution))

    @classmethod
    def of_quantiles(
        cls,
        name: str,
        value_of: Callable[[float], Any],
        description: str,
        *,
        is_bounded_below: bool,
        is_bounded_above: bool,
    ) -> Dimension:
        """Return the dimension whose values are the quantiles of a distribution.

        `value_of` returns the value below which a share between 0 and 1 of the distribution lies.
        At an end that is not bounded, a tail of one in a million is never drawn.
        """
        distribution = FloatDistribution(
            0.0 if is_bounded_below else _TAIL, 1.0 if is_bounded_above else 1 - _TAIL
        )
        parameter = to_parameter(distribution)
        return cls(name, f"quantile({name})", distribution, parameter, value_of, description)

    @classmethod
    def of_values(
        cls, name: str, given: Sequence[Any], *, is_ordered: bool | None = None
    ) -> Dimension:
        """Return the dimension whose values are `given`, which may be any objects.

        If they are ordered, the model knows that the second lies between the first and the third.
        None means that they are ordered if they are ascending or descending numbers.
        """
        values = [native(value) for value in given]
        if is_ordered is None:
            is_ordered = _ascend_or_descend(values)
        if is_ordered and len(values) > _MANY:
            places = IntDistribution(0, len(values) - 1)
            parameter: Parameter = to_parameter(places)
            return cls(name, f"index({name})", places, parameter, _Item(values), str(values))
        if _are_plain(values):
            choices, value_of = values, _same
        else:
            choices = _labels(values)
            value_of = _Item(dict(zip(choices, values, strict=True)))
        distribution = CategoricalDistribution(choices)
        parameter = to_parameter(distribution)
        if is_ordered and len(values) > 1:
            parameter = Numeric(0, len(values) - 1, step=1)
        return cls(name, name, distribution, parameter, value_of, described(values))


def _ascend_or_descend(values: Sequence[Any]) -> bool:
    """Return whether `values` are numbers in ascending or descending order."""
    if len(values) < 3 or not all(_is_number(value) for value in values):
        return False
    pairs = list(itertools.pairwise(values))
    return all(a < b for a, b in pairs) or all(a > b for a, b in pairs)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _are_plain(values: Sequence[Any]) -> bool:
    """Return whether a storage can hold `values`, and tell them apart."""
    plain = all(value is None or isinstance(value, (bool, int, float, str)) for value in values)
    return plain and len({repr(v) for v in values}) == len(values) == len(set(values))


def _labels(values: Sequence[Any]) -> list[str]:
    """Return a name for each value, all different."""
    labels: list[str] = []
    for value in values:
        text = described(value)
        if len(text) > _LONGEST_LABEL:
            text = f"{text[:_LONGEST_LABEL]}..."
        label = text
        for count in itertools.count(2):
            if label not in labels:
                break
            label = f"{text} ({count})"
        labels.append(label)
    return labels


def described(value: Any) -> str:
    """Return the `repr` of `value` on one line, without addresses in memory."""
    return _ADDRESS.sub("", " ".join(repr(value).split()))


def _same(stored: Any) -> Any:
    return stored


@dataclass(frozen=True)
class _Item:
    """The function that returns one of some values for its label or its index."""

    values: Any

    def __call__(self, stored: Any) -> Any:
        return self.values[stored]

"""One tuned parameter: how a study stores it, and how its value is got from that."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from bohb.errors import ArgumentError, ArgumentTypeError
from bohb.history import to_parameter
from bohb.model import Numeric, Parameter

# Every trial holds a copy of its choices, so that long lists are stored by their index.
_MANY = 100
_LONGEST_LABEL = 60
_TAIL = 1e-6  # of an unbounded distribution is never drawn
_LARGEST_SEED = 2**31 - 1
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")


@dataclass(frozen=True)
class Dimension:
    """One tuned parameter.

    Attributes
    ----------
    name
        The estimator's parameter.
    key
        The name in the study: another one if what is stored is not the value itself.
    distribution
        How Optuna stores it.
    parameter
        The same as the model knows it.
    value_of
        Returns the value for what is stored.
    description
        What distinguishes it from others of this name.
    """

    name: str
    key: str
    distribution: BaseDistribution
    parameter: Parameter
    value_of: Callable[[Any], Any]
    description: str


def dimension(name: str, given: Any) -> Dimension:
    """Return the dimension for what was given as the distribution of a parameter.

    Raises
    ------
    ArgumentError
        If there is no value to choose from.
    ArgumentTypeError
        If values can neither be drawn from `given` nor chosen.
    """
    if isinstance(given, BaseDistribution):
        return Dimension(name, name, given, to_parameter(given), _same, repr(given))
    if hasattr(given, "ppf") or hasattr(given, "icdf"):
        return _from_quantiles(name, given)
    if hasattr(given, "rvs"):
        distribution = IntDistribution(0, _LARGEST_SEED)
        parameter = to_parameter(distribution)
        return Dimension(
            name, f"seed({name})", distribution, parameter, _Drawn(given), type(given).__name__
        )
    if isinstance(given, (str, bytes, dict, set)) or not hasattr(given, "__len__"):
        raise ArgumentTypeError(
            f"param_distributions[{name!r}] must be a list, a distribution of scipy.stats or one "
            f"of optuna.distributions, got {given!r}"
        )
    return _from_values(name, given)


# Distributions of SciPy


def _from_quantiles(name: str, given: Any) -> Dimension:
    exact = _exact(given)
    if exact is not None:
        return replace(dimension(name, exact), description=repr(exact))
    whole = _is_discrete(given)  # of which the quantile of nothing lies below the lowest value
    lowest, highest = given.support()
    distribution = FloatDistribution(
        0.0 if math.isfinite(lowest) and not whole else _TAIL,
        1.0 if math.isfinite(highest) else 1 - _TAIL,
    )
    return Dimension(
        name,
        f"quantile({name})",
        distribution,
        to_parameter(distribution),
        _Quantile(given, whole),
        _shown(given),
    )


def _exact(given: Any) -> BaseDistribution | None:
    """Return the distribution of Optuna that is the same as one of SciPy, if there is one."""
    kind = getattr(getattr(given, "dist", None), "name", None)
    if kind not in ("uniform", "loguniform", "reciprocal", "randint"):
        return None
    low, high = given.support()
    if kind == "randint":
        return IntDistribution(int(low), int(high))
    if kind == "uniform":
        return FloatDistribution(float(low), float(high))
    _, shift, _ = given.dist._parse_args(*given.args, **given.kwds)
    return None if shift else FloatDistribution(float(low), float(high), log=True)


def _is_discrete(given: Any) -> bool:
    """Return whether the values of a distribution are integers."""
    if not hasattr(given, "pmf"):
        return False
    quantile = _quantiles(given)
    return all(float(quantile(share)).is_integer() for share in np.linspace(0.05, 0.95, 19))


def _quantiles(given: Any) -> Callable[[float], Any]:
    """Return the quantile function, which newer distributions of SciPy have by another name."""
    function: Callable[[float], Any] = given.ppf if hasattr(given, "ppf") else given.icdf
    return function


def _shown(given: Any) -> str:
    kind = getattr(given, "dist", None)
    if kind is None:
        return described(given)
    return f"{kind.name}{given.args}{given.kwds}"


@dataclass(frozen=True)
class _Quantile:
    """The value below which a share of a distribution lies."""

    distribution: Any
    whole: bool

    def __call__(self, share: float) -> Any:
        value = _quantiles(self.distribution)(share)
        return int(value) if self.whole else float(value)


@dataclass(frozen=True)
class _Drawn:
    """The value that an object with `rvs` draws from a seed."""

    distribution: Any

    def __call__(self, seed: int) -> Any:
        return _native(self.distribution.rvs(random_state=np.random.RandomState(seed)))


# Lists of values


def _from_values(name: str, given: Sequence[Any]) -> Dimension:
    values = [_native(value) for value in given]
    if not values:
        raise ArgumentError(
            f"param_distributions[{name!r}] must have at least one value, got an empty list"
        )
    is_ordered = _is_ordered(values)
    if is_ordered and len(values) > _MANY:
        places = IntDistribution(0, len(values) - 1)
        return Dimension(
            name, f"index({name})", places, to_parameter(places), _Item(values), str(values)
        )
    if _are_plain(values):
        choices, value_of = values, _same
    else:
        choices = _labels(values)
        value_of = _Item(dict(zip(choices, values, strict=True)))
    distribution = CategoricalDistribution(choices)
    parameter = to_parameter(distribution)
    if is_ordered:  # the model may know that the second lies between the first and the third
        parameter = Numeric(0, len(values) - 1, step=1)
    return Dimension(name, name, distribution, parameter, value_of, described(values))


def _native(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def _is_ordered(values: Sequence[Any]) -> bool:
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
    """Return what `value` looks like, in every process alike."""
    return _ADDRESS.sub("", " ".join(repr(value).split()))


def _same(stored: Any) -> Any:
    return stored


@dataclass(frozen=True)
class _Item:
    """One of some values, by its label or its index."""

    values: Any

    def __call__(self, stored: Any) -> Any:
        return self.values[stored]

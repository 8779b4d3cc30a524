"""The dimension of a study for what a user gives as the distribution of a parameter."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from optuna.distributions import BaseDistribution, FloatDistribution, IntDistribution
from scipy import stats

from bohb.dimensions import Dimension, described
from bohb.errors import ArgumentError, ArgumentTypeError
from bohb.history import to_parameter
from bohb.spaces import native

_LARGEST_SEED = 2**31 - 1


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
        return Dimension.of_distribution(name, given)
    if isinstance(given, (stats.rv_continuous, stats.rv_discrete)) and given.numargs:
        raise ArgumentTypeError(
            f"param_distributions[{name!r}] must be a distribution with its parameters, got "
            f"stats.{given.name} without parameters: write stats.{given.name}(...)"
        )
    if hasattr(given, "ppf") or hasattr(given, "icdf"):
        return _from_quantiles(name, given)
    if hasattr(given, "rvs"):
        # All that it can do is draw, so the study tunes the seed that it draws with.
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
    if not len(given):
        raise ArgumentError(
            f"param_distributions[{name!r}] must have at least one value, got an empty list"
        )
    return Dimension.of_values(name, given)


def _from_quantiles(name: str, given: Any) -> Dimension:
    exact = _exact(given)
    if exact is not None:
        return replace(dimension(name, exact), description=repr(exact))
    whole = _is_discrete(given)
    lowest, highest = given.support()
    return Dimension.of_quantiles(
        name,
        _Quantile(given, whole),
        _shown(given),
        # The quantile for a share of 0 lies below the lowest value of a discrete distribution.
        is_bounded_below=math.isfinite(lowest) and not whole,
        is_bounded_above=math.isfinite(highest),
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
    # Optuna has no log-uniform distribution that is shifted.
    _, shift, _ = given.dist._parse_args(*given.args, **given.kwds)
    return None if shift else FloatDistribution(float(low), float(high), log=True)


def _is_discrete(given: Any) -> bool:
    """Return whether the values of a distribution are integers, as far as its quantiles show."""
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
        return native(self.distribution.rvs(random_state=np.random.RandomState(seed)))

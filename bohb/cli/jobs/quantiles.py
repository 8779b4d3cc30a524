"""Quantile functions: each gives the value below which a share of a distribution lies."""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import Decimal
from statistics import NormalDist
from typing import TypeAlias

Quantile: TypeAlias = Callable[[float], float]


def exact(number: float) -> Decimal:
    """Return the decimal number that was written, to which a float is only close."""
    return Decimal(str(number))


def times(count: int, q: float) -> float:
    """Return a multiple of `q` without an error of rounding: 3 times 0.1 is 0.3."""
    return count * q if isinstance(q, int) else float(count * exact(q))


def uniform(low: float, high: float) -> Quantile:
    """Return the quantile function of numbers that are all equally likely."""
    return lambda share: low + (high - low) * share


def log_uniform(low: float, high: float) -> Quantile:
    """Return the quantile function of numbers whose logarithms are all equally likely."""
    return lambda share: float(low * (high / low) ** share)


def log_normal(loc: float, scale: float) -> Quantile:
    """Return the quantile function of numbers whose natural logarithms are normally distributed."""
    logarithm = NormalDist(loc, scale).inv_cdf
    return lambda share: math.exp(logarithm(share))


def rounded(
    value_of: Quantile, q: float, *, down: bool, first: float = -math.inf, last: float = math.inf
) -> Quantile:
    """Return the quantile function of values that are rounded to multiples of `q`.

    `first` and `last` are the lowest and the highest multiple, counted in `q`.
    """

    def quantile(share: float) -> float:
        exactly = value_of(share) / q
        multiple = math.floor(exactly) if down else round(exactly)
        return times(int(min(max(multiple, first), last)), q)

    return quantile

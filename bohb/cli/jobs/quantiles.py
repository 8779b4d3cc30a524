"""Quantile functions: each gives the value below which a share of a distribution lies."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal


def exact(number: float) -> Decimal:
    """Return the decimal number that was written, to which a float is only close."""
    return Decimal(str(number))


def times(count: int, q: float) -> float:
    """Return a multiple of `q` without an error of rounding: 3 times 0.1 is 0.3."""
    return count * q if isinstance(q, int) else float(count * exact(q))


@dataclass(frozen=True, slots=True)
class Uniform:
    """The quantile function of numbers that are all equally likely."""

    low: float
    high: float

    def __call__(self, share: float) -> float:
        return self.low + (self.high - self.low) * share


@dataclass(frozen=True, slots=True)
class LogUniform:
    """The quantile function of numbers whose logarithms are all equally likely."""

    low: float
    high: float

    def __call__(self, share: float) -> float:
        return float(self.low * (self.high / self.low) ** share)


@dataclass(frozen=True, slots=True)
class Normal:
    """The quantile function of normally distributed numbers."""

    loc: float
    scale: float

    def __call__(self, share: float) -> float:
        from scipy.special import ndtri  # importing it takes long, and few jobs need it

        return float(self.loc + self.scale * ndtri(share))


@dataclass(frozen=True, slots=True)
class LogNormal:
    """The quantile function of numbers whose natural logarithms are normally distributed."""

    normal: Normal

    def __call__(self, share: float) -> float:
        return math.exp(self.normal(share))


@dataclass(frozen=True, slots=True)
class Rounded:
    """The quantile function of values that are rounded to multiples of `q`.

    `first` and `last` are the lowest and the highest multiple, counted in `q`.
    """

    value_of: Callable[[float], float]
    q: float
    down: bool
    first: float = -math.inf
    last: float = math.inf

    def __call__(self, share: float) -> float:
        exactly = self.value_of(share) / self.q
        multiple = math.floor(exactly) if self.down else round(exactly)
        return times(int(min(max(multiple, self.first), self.last)), self.q)

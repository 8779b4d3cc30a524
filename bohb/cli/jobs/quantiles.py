"""Quantile functions: the value below which a share of a distribution lies."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal


def exact(number: float) -> Decimal:
    """Return the number that was written, which a float only comes near to."""
    return Decimal(str(number))


def times(count: int, q: float) -> float:
    """Return a multiple of `q` as it would be written: 3 times 0.1 is 0.3."""
    return count * q if isinstance(q, int) else float(count * exact(q))


@dataclass(frozen=True, slots=True)
class Uniform:
    """Of numbers that are all as likely."""

    low: float
    high: float

    def __call__(self, share: float) -> float:
        return self.low + (self.high - self.low) * share


@dataclass(frozen=True, slots=True)
class LogUniform:
    """Of numbers whose logarithms are all as likely."""

    low: float
    high: float

    def __call__(self, share: float) -> float:
        return float(self.low * (self.high / self.low) ** share)


@dataclass(frozen=True, slots=True)
class Normal:
    """Of normally distributed numbers."""

    loc: float
    scale: float

    def __call__(self, share: float) -> float:
        from scipy.special import ndtri  # importing it takes long, and few jobs need it

        return float(self.loc + self.scale * ndtri(share))


@dataclass(frozen=True, slots=True)
class LogNormal:
    """Of numbers whose natural logarithms are normally distributed."""

    normal: Normal

    def __call__(self, share: float) -> float:
        return math.exp(self.normal(share))


@dataclass(frozen=True, slots=True)
class Rounded:
    """Of multiples of q, counted from `first` to `last`, to which other values are rounded."""

    value_of: Callable[[float], float]
    q: float
    down: bool
    first: float = -math.inf
    last: float = math.inf

    def __call__(self, share: float) -> float:
        exactly = self.value_of(share) / self.q
        multiple = math.floor(exactly) if self.down else round(exactly)
        return times(int(min(max(multiple, self.first), self.last)), self.q)

"""Parameters that are drawn from an interval."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from optuna.distributions import FloatDistribution, IntDistribution

from bohb import arguments
from bohb.cli.jobs.fields import Dialect, Fields, disorder, exact, finite, ordered, whole
from bohb.cli.jobs.grids import stepped
from bohb.dimensions import Dimension


def uniform(name: str, fields: Fields, dialect: Dialect) -> Dimension:
    return Dimension.of_distribution(name, FloatDistribution(*ordered(fields, "low", "high")))


def quniform(name: str, fields: Fields, dialect: Dialect) -> Dimension:
    low, high = ordered(fields, "low", "high")
    q = fields["q"].checked(arguments.positive)
    if dialect.rounds_down:
        first, last = exact(low) / exact(q), exact(high) / exact(q)
        if first % 1 or last % 1:  # then the multiples at the ends are less likely
            return _quantised(name, _Uniform(low, high), fields, dialect, is_bounded=True)
        start, end = int(first), int(last) - 1  # high itself is never drawn
    else:
        start, end = _multiples_between(low, high, fields)
    return stepped(name, _times(start, q), q, end - start + 1, fields["q"])


def _multiples_between(low: float, high: float, fields: Fields) -> tuple[int, int]:
    """Return the least and the largest multiple of q between two bounds, in q."""
    q = fields["q"].checked(arguments.positive)
    first, last = math.ceil(exact(low) / exact(q)), math.floor(exact(high) / exact(q))
    if last < first:
        raise fields["q"].error(
            f"{fields['q'].name} must have a multiple between low={low} and high={high}, got {q}"
        )
    return first, last


def loguniform(name: str, fields: Fields, dialect: Dialect) -> Dimension:
    low, high = _log_bounds(fields, dialect)
    return Dimension.of_distribution(name, FloatDistribution(low, high, log=True))


def qloguniform(name: str, fields: Fields, dialect: Dialect) -> Dimension:
    low, high = _log_bounds(fields, dialect)
    value_of = _LogUniform(low, high)
    if dialect.rounds_down:
        return _quantised(name, value_of, fields, dialect, is_bounded=True)
    first, last = _multiples_between(low, high, fields)
    rounded = _Rounded(value_of, fields["q"].value, down=False, first=first, last=last)
    return _quantiles(name, rounded, is_bounded=True)


def _log_bounds(fields: Fields, dialect: Dialect) -> tuple[float, float]:
    if not dialect.has_exponents:
        low, high = ordered(fields, "low", "high", least=0.0)
        return low, high
    low, high = ordered(fields, "low", "high")
    if not -700 < low < high < 700:
        entry = fields["high"]
        raise entry.error(
            f"the bounds of {entry.name.rpartition('.')[0]} are natural exponents between -700 and "
            f"700, got low={low}, high={high}"
        )
    return math.exp(low), math.exp(high)


def normal(name: str, fields: Fields, dialect: Dialect) -> Dimension:
    return _quantiles(name, _normal_of(fields))


def qnormal(name: str, fields: Fields, dialect: Dialect) -> Dimension:
    return _quantised(name, _normal_of(fields), fields, dialect)


def lognormal(name: str, fields: Fields, dialect: Dialect) -> Dimension:
    return _quantiles(name, _LogNormal(_normal_of(fields)))


def qlognormal(name: str, fields: Fields, dialect: Dialect) -> Dimension:
    return _quantised(name, _LogNormal(_normal_of(fields)), fields, dialect)


def _normal_of(fields: Fields) -> _Normal:
    return _Normal(finite(fields["loc"]), fields["scale"].checked(arguments.positive))


def float_(name: str, fields: Fields, dialect: Dialect) -> Dimension:
    log = "log" in fields and fields["log"].flag()
    low, high = ordered(fields, "low", "high", least=0.0 if log else None)
    if "step" not in fields:
        return Dimension.of_distribution(name, FloatDistribution(low, high, log=log))
    _refuse_step_with_log(fields, log=log)
    step = fields["step"].checked(arguments.positive)
    n = math.floor((exact(high) - exact(low)) / exact(step)) + 1
    return stepped(name, low, step, n, fields["step"])


def int_(name: str, fields: Fields, dialect: Dialect) -> Dimension:
    log = "log" in fields and fields["log"].flag()
    low, high = (whole(fields[key]) for key in ("low", "high"))
    if not low < high:
        raise disorder(fields, "low", "high", low, high)
    if log and low < 1:
        raise fields["low"].error(f"{fields['low'].name} must be at least 1 with log, got {low}")
    step = fields["step"].checked(arguments.count) if "step" in fields else 1
    if step > 1:
        _refuse_step_with_log(fields, log=log)
    high -= (high - low) % step
    return Dimension.of_distribution(name, IntDistribution(low, high, log=log, step=step))


def _refuse_step_with_log(fields: Fields, *, log: bool) -> None:
    if log:
        raise fields["step"].error(
            f"{fields['step'].name} cannot be combined with log: use geomspace for a grid on a "
            "logarithmic scale"
        )


def _quantiles(
    name: str, value_of: Callable[[float], float], *, is_bounded: bool = False
) -> Dimension:
    made = Dimension.of_quantiles(
        name, value_of, "", is_bounded_below=is_bounded, is_bounded_above=is_bounded
    )
    for stored in made.parameter.decode(np.array([0.0, 1.0])):
        value_of(float(stored))  # fails here if it is beyond what a float holds
    return made


def _quantised(
    name: str,
    value_of: Callable[[float], float],
    fields: Fields,
    dialect: Dialect,
    *,
    is_bounded: bool = False,
) -> Dimension:
    q = fields["q"].checked(arguments.positive)
    rounded = _Rounded(value_of, q, down=dialect.rounds_down)
    return _quantiles(name, rounded, is_bounded=is_bounded)


@dataclass(frozen=True, slots=True)
class _Normal:
    """The value below which a share of a normal distribution lies."""

    loc: float
    scale: float

    def __call__(self, share: float) -> float:
        from scipy.special import ndtri  # takes long to import, and few jobs need it

        return float(self.loc + self.scale * ndtri(share))


@dataclass(frozen=True, slots=True)
class _LogNormal:
    normal: _Normal

    def __call__(self, share: float) -> float:
        return math.exp(self.normal(share))


@dataclass(frozen=True, slots=True)
class _Uniform:
    low: float
    high: float

    def __call__(self, share: float) -> float:
        return self.low + (self.high - self.low) * share


@dataclass(frozen=True, slots=True)
class _LogUniform:
    low: float
    high: float

    def __call__(self, share: float) -> float:
        return float(self.low * (self.high / self.low) ** share)


@dataclass(frozen=True, slots=True)
class _Rounded:
    """Another value rounded to a multiple of q, of those from `first` to `last`."""

    value_of: Callable[[float], float]
    q: float
    down: bool
    first: float = -math.inf
    last: float = math.inf

    def __call__(self, share: float) -> float:
        exactly = self.value_of(share) / self.q
        multiple = math.floor(exactly) if self.down else round(exactly)
        return _times(int(min(max(multiple, self.first), self.last)), self.q)


def _times(count: int, q: float) -> float:
    """Return a multiple of `q` as it would be written: 3 times 0.1 is 0.3."""
    return count * q if isinstance(q, int) else float(count * exact(q))

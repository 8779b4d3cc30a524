"""The kinds of parameters that a job file may have, and the dimension that each is in a study.

Each kind is a function of its fields. The model that reads a parameter from a job file, and its
part of the JSON schema, follow from the signature of this function.
"""

from __future__ import annotations

import datetime
import inspect
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from statistics import NormalDist
from typing import Annotated, Any, ClassVar, Literal, Union, get_type_hints

import numpy as np
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from pydantic import BeforeValidator, Field, GetPydanticSchema, Strict, create_model

from bohb.cli.jobs.command import as_text
from bohb.cli.jobs.document import NAME
from bohb.cli.jobs.fields import (
    Count,
    FieldError,
    Finite,
    Part,
    Positive,
    Share,
    made_by,
    needs_kind,
)
from bohb.cli.jobs.quantiles import (
    Quantile,
    exact,
    log_normal,
    log_uniform,
    rounded,
    times,
    uniform,
)
from bohb.dimensions import Dimension
from bohb.errors import ArgumentError
from bohb.model import Categorical

_LONGEST_GRID = 100_000


class Kind(Part):
    """A parameter of a job file: the kind of its values, with the fields of that kind."""

    make: ClassVar[Callable[..., Dimension]]
    kind: str

    def dimension(self, name: str) -> Dimension:
        """Return the dimension that the parameter `name` of this kind is in a study."""
        given = {field: getattr(self, field) for field in type(self).model_fields}
        del given["kind"]
        made = type(self).make(name, **given)
        if "values" in given:  # choices have a description of their own
            return made
        shown = [f"{k}={_shown(v)}" for k, v in given.items() if k in self.model_fields_set]
        return replace(made, description=f"{self.kind}({', '.join(shown)})")

    def faults(self) -> Iterator[FieldError]:
        """Yield the error that making the dimension raises, if there is one."""
        try:
            self.dimension("parameter")
        except FieldError as error:
            yield error
        except (ArithmeticError, ValueError) as error:  # numbers beyond what a float holds
            yield FieldError(f"{NAME} has numbers that cannot be used: {error}")


KINDS: dict[str, type[Kind]] = {}


def _kind(name: str) -> Callable[[Callable[..., Dimension]], Callable[..., Dimension]]:
    """Register a function as a kind; it makes a dimension from a name and the fields."""

    def register(make: Callable[..., Dimension]) -> Callable[..., Dimension]:
        hints = get_type_hints(make, include_extras=True)
        fields: dict[str, Any] = {
            key: (hints[key], ... if parameter.default is parameter.empty else parameter.default)
            for key, parameter in inspect.signature(make).parameters.items()
            if key != "name"
        }
        model = create_model(name, __base__=Kind, **{"kind": (Literal[name], name), **fields})
        model.__doc__, model.make = make.__doc__, staticmethod(make)
        KINDS[name] = model
        return make

    return register


def stored_values(dimension: Dimension) -> Sequence[Any] | None:
    """Return all values that a study may store for a parameter; None if they are not countable."""
    distribution = dimension.distribution
    if isinstance(distribution, CategoricalDistribution):
        return distribution.choices
    if isinstance(distribution, IntDistribution) and not distribution.log:
        return range(distribution.low, distribution.high + 1, distribution.step)
    return None


# One of several things


@_kind("choice")
def _choice(name: str, values: Annotated[list[Any], Field(min_length=1)]) -> Dimension:
    """One of several values, which may be anything that YAML can hold."""
    made = Dimension.of_values(name, values)
    return replace(made, description=" | ".join(map(as_text, values)))


def _as_pair(value: Any) -> Any:
    if not isinstance(value, list) or len(value) != 2:
        raise ArgumentError(f"{NAME} must be [value, probability], got {value!r}")
    return value


_Pair = Annotated[tuple[Any, Share], Strict(False), BeforeValidator(_as_pair)]


@_kind("pchoice")
def _pchoice(name: str, values: Annotated[list[_Pair], Field(min_length=1)]) -> Dimension:
    """One of several values, each with its probability; the probabilities sum to 1."""
    total = sum(weight for _, weight in values)
    if not math.isclose(total, 1, rel_tol=1e-6):
        message = f"{NAME} must have probabilities that sum to 1, got {total:g}"
        raise FieldError(message, "values")
    made = Dimension.of_values(name, [value for value, _ in values], is_ordered=False)
    shares = tuple(weight / total for _, weight in values)
    shown = (f"{as_text(value)} {weight / total:.4g}" for value, weight in values)
    parameter = Categorical(len(shares), shares)
    return replace(made, parameter=parameter, description=" | ".join(shown))


# Grids


@_kind("range")
def _range(name: str, start: Finite, stop: Finite, step: Positive) -> Dimension:
    """The values start, start + step, ... that are below stop."""
    _check_order(start=start, stop=stop)
    n = math.ceil((exact(stop) - exact(start)) / exact(step))
    return _stepped(name, start, step, n, "step")


@_kind("linspace")
def _linspace(name: str, start: Finite, stop: Finite, num: Count) -> Dimension:
    """As many values as num says, at equal distances, both ends included."""
    _check_order(start=start, stop=stop)
    return _spaced(name, np.linspace(start, stop, _short(num, "num")))


@_kind("geomspace")
def _geomspace(name: str, start: Finite, stop: Finite, num: Count) -> Dimension:
    """As many values as num says, at equal ratios, both ends included."""
    _check_order(least=0.0, start=start, stop=stop)
    return _spaced(name, np.geomspace(start, stop, _short(num, "num")))


@_kind("logspace")
def _logspace(name: str, start: Finite, stop: Finite, num: Count, base: Positive = 10) -> Dimension:
    """The powers of base to num exponents at equal distances from start to stop."""
    _check_order(start=start, stop=stop)
    with np.errstate(over="ignore"):
        values = np.logspace(start, stop, _short(num, "num"), base=base)
    if not np.all(np.isfinite(values)):
        message = f"{NAME} is an exponent, and {base} to the power of {stop} is too large"
        raise FieldError(message, "stop")
    return _spaced(name, values)


_moment = datetime.datetime.fromisoformat
_Date = Annotated[
    datetime.date, made_by(lambda text: _moment(text).date(), "a date such as 2026-01-31")
]
_Moment = Annotated[
    datetime.datetime,
    made_by(lambda text: _moment(text.replace("Z", "+00:00")), 'a time such as "2026-01-31 12:00"'),
]


@_kind("daterange")
def _daterange(name: str, start: _Date, stop: _Date, step: Count) -> Dimension:
    """Dates before stop, with a step in days."""
    return _dates(name, start, stop, datetime.timedelta(days=step))


@_kind("datetimerange")
def _datetimerange(name: str, start: _Moment, stop: _Moment, step: Positive) -> Dimension:
    """Times before stop, with a step in seconds."""
    if (start.tzinfo is None) != (stop.tzinfo is None):
        message = f"{NAME} must have a time zone if start has one, got start={start}, stop={stop}"
        raise FieldError(message, "stop")
    return _dates(name, start, stop, datetime.timedelta(seconds=step))


def _dates(name: str, start: Any, stop: Any, step: datetime.timedelta) -> Dimension:
    if not start < stop:
        raise FieldError(f"{NAME} must be after start, got start={start}, stop={stop}", "stop")
    n = _short(-((start - stop) // step), "step")  # rounded up, as stop itself is left out
    values = [(start + index * step).isoformat() for index in range(n)]
    return Dimension.of_values(name, values, is_ordered=n > 2)


def _stepped(name: str, start: float, step: float, n: int, blamed: str) -> Dimension:
    """Return the dimension of the `n` values start, start + step, ..."""
    if isinstance(start, int) and isinstance(step, int):
        last = start + (n - 1) * step
        return Dimension.of_distribution(name, IntDistribution(start, last, step=step))
    count = range(_short(n, blamed))
    return _spaced(name, [float(exact(start) + index * exact(step)) for index in count])


def _spaced(name: str, values: Sequence[float] | np.ndarray[Any, Any]) -> Dimension:
    """Return the dimension of these values; whole numbers if all of them are."""
    # A float is exact to fifteen digits, and these hide errors of rounding: 0.1 + 0.2 gives 0.3.
    tidy = [float(f"{value:.15g}") for value in values]
    whole = all(value.is_integer() for value in tidy)
    kept = list(dict.fromkeys(int(value) if whole else value for value in tidy))
    return Dimension.of_values(name, kept, is_ordered=len(kept) > 2)


def _short(count: int, blamed: str) -> int:
    """Return `count`, the number of values of a grid, unless it is too large to list them."""
    if count > _LONGEST_GRID:
        raise FieldError(
            f"{NAME} makes {count} values, and at most {_LONGEST_GRID} are allowed: use an "
            "interval, such as uniform or loguniform",
            blamed,
        )
    return count


# Intervals


_Rounding = Literal["nearest", "down"]


@_kind("uniform")
def _uniform(name: str, low: Finite, high: Finite) -> Dimension:
    """Numbers that are all equally likely."""
    _check_order(low=low, high=high)
    return Dimension.of_distribution(name, FloatDistribution(low, high))


@_kind("quniform")
def _quniform(
    name: str, low: Finite, high: Finite, q: Positive, rounding: _Rounding = "nearest"
) -> Dimension:
    """Multiples of q: numbers that are all equally likely, rounded."""
    _check_order(low=low, high=high)
    if rounding == "nearest":
        start, end = _multiples_between(low, high, q)
    else:
        first, last = exact(low) / exact(q), exact(high) / exact(q)
        if first % 1 or last % 1:  # then the multiples at the ends are less likely
            value_of = rounded(uniform(low, high), q, down=True)
            return _of_quantiles(name, value_of, is_bounded=True)
        start, end = int(first), int(last) - 1  # high itself is never drawn
    return _stepped(name, times(start, q), q, end - start + 1, "q")


@_kind("loguniform")
def _loguniform(name: str, low: Finite, high: Finite) -> Dimension:
    """Numbers whose logarithms are all equally likely; the bounds are values, not exponents."""
    _check_order(least=0.0, low=low, high=high)
    return Dimension.of_distribution(name, FloatDistribution(low, high, log=True))


@_kind("qloguniform")
def _qloguniform(
    name: str, low: Finite, high: Finite, q: Positive, rounding: _Rounding = "nearest"
) -> Dimension:
    """Multiples of q: numbers whose logarithms are all equally likely, rounded."""
    _check_order(least=0.0, low=low, high=high)
    value_of = rounded(log_uniform(low, high), q, down=True)
    if rounding == "nearest":
        first, last = _multiples_between(low, high, q)
        value_of = rounded(log_uniform(low, high), q, down=False, first=first, last=last)
    return _of_quantiles(name, value_of, is_bounded=True)


@_kind("normal")
def _normal(name: str, loc: Finite, scale: Positive) -> Dimension:
    """Normally distributed numbers, with this mean and standard deviation."""
    return _of_quantiles(name, NormalDist(loc, scale).inv_cdf)


@_kind("qnormal")
def _qnormal(
    name: str, loc: Finite, scale: Positive, q: Positive, rounding: _Rounding = "nearest"
) -> Dimension:
    """Multiples of q: normally distributed numbers, rounded."""
    return _of_quantiles(name, rounded(NormalDist(loc, scale).inv_cdf, q, down=rounding == "down"))


@_kind("lognormal")
def _lognormal(name: str, loc: Finite, scale: Positive) -> Dimension:
    """Numbers whose natural logarithms are normally distributed."""
    return _of_quantiles(name, log_normal(loc, scale))


@_kind("qlognormal")
def _qlognormal(
    name: str, loc: Finite, scale: Positive, q: Positive, rounding: _Rounding = "nearest"
) -> Dimension:
    """Multiples of q: numbers whose natural logarithms are normally distributed, rounded."""
    return _of_quantiles(name, rounded(log_normal(loc, scale), q, down=rounding == "down"))


@_kind("float")
def _float(
    name: str, low: Finite, high: Finite, step: Positive | None = None, log: bool = False
) -> Dimension:
    """Numbers, both bounds included."""
    _check_order(least=0.0 if log else None, low=low, high=high)
    if step is None:
        return Dimension.of_distribution(name, FloatDistribution(low, high, log=log))
    _refuse_step_with_log(log)
    n = math.floor((exact(high) - exact(low)) / exact(step)) + 1
    return _stepped(name, low, step, n, "step")


@_kind("int")
def _int(name: str, low: int, high: int, step: Count | None = None, log: bool = False) -> Dimension:
    """Integers, both bounds included."""
    _check_order(low=low, high=high)
    if log and low < 1:
        raise FieldError(f"{NAME} must be at least 1 with log, got {low}", "low")
    step = step or 1
    if step > 1:
        _refuse_step_with_log(log)
    last = high - (high - low) % step
    return Dimension.of_distribution(name, IntDistribution(low, last, log=log, step=step))


def _check_order(*, least: float | None = None, **bounds: float) -> None:
    """Raise FieldError unless the second of two fields is greater than the first."""
    (low, first), (high, second) = bounds.items()
    if least is not None and first <= least:
        raise FieldError(f"{NAME} must be greater than {least:g}, got {first}", low)
    if not first < second:
        message = f"{NAME} must be greater than {low}, got {low}={first}, {high}={second}"
        raise FieldError(message, high)


def _multiples_between(low: float, high: float, q: float) -> tuple[int, int]:
    """Return the least and the largest multiple of `q` between two bounds, counted in `q`."""
    first, last = math.ceil(exact(low) / exact(q)), math.floor(exact(high) / exact(q))
    if last < first:
        message = f"{NAME} must have a multiple between low={low} and high={high}, got {q}"
        raise FieldError(message, "q")
    return first, last


def _refuse_step_with_log(log: bool) -> None:
    if log:
        message = "cannot be combined with log: use geomspace for a grid on a logarithmic scale"
        raise FieldError(f"{NAME} {message}", "step")


def _of_quantiles(name: str, value_of: Quantile, *, is_bounded: bool = False) -> Dimension:
    made = Dimension.of_quantiles(
        name, value_of, "", is_bounded_below=is_bounded, is_bounded_above=is_bounded
    )
    # If a float cannot hold the values at the ends, this fails now and not in some later trial.
    for stored in made.parameter.decode(np.array([0.0, 1.0])):
        value_of(float(stored))
    return made


def _shown(value: Any) -> str:
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def _as_choice(value: Any) -> Any:
    """Return a parameter with keys: a list is a choice."""
    if isinstance(value, list):
        return {"kind": "choice", "values": value}
    if not isinstance(value, dict):
        raise ArgumentError(f"{NAME} must be a list of values, or have a kind, got {value!r}")
    return needs_kind(KINDS)(value)


_ANY: Any = Union[tuple(KINDS.values())]  # noqa: UP007 - of a tuple
ParameterField = Annotated[
    Kind,
    GetPydanticSchema(lambda _, handler: handler(Annotated[_ANY, Field(discriminator="kind")])),
    BeforeValidator(_as_choice, json_schema_input_type=list[Any] | _ANY),
]

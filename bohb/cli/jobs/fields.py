"""Numbers and times in the fields of a parameter."""

from __future__ import annotations

import datetime
import math
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, TypeAlias

from bohb import arguments
from bohb.cli.jobs.document import Entry
from bohb.errors import ArgumentError, ArgumentTypeError, JobError

Fields: TypeAlias = Mapping[str, Entry]


@dataclass(frozen=True, slots=True)
class Dialect:
    """What the numbers of some kinds mean.

    Attributes
    ----------
    has_exponents
        Whether the bounds of loguniform are natural exponents, and not values.
    rounds_down
        Whether q is rounded down to, and not to the nearest multiple.
    last_takes_rest
        Whether the last choice of pchoice is given the probability that the others leave.
    """

    has_exponents: bool = False
    rounds_down: bool = False
    last_takes_rest: bool = False


def exact(number: float) -> Decimal:
    """Return the number that was written, which a float only comes near to."""
    return Decimal(str(number))


def finite(entry: Entry) -> float:
    """Return a number that is finite."""
    value = entry.checked(arguments.number)
    if not math.isfinite(value):
        raise entry.error(f"{entry.name} must be finite, got {value!r}")
    return value


def whole(entry: Entry) -> int:
    """Return an integer."""
    value = entry.value
    if isinstance(value, bool) or not isinstance(value, int):
        raise entry.error(f"{entry.name} must be an integer, got {value!r}")
    return value


def ordered(
    fields: Fields, low: str, high: str, *, least: float | None = None
) -> tuple[float, float]:
    """Return two finite numbers of which the first is less than the second."""
    first, second = finite(fields[low]), finite(fields[high])
    if least is not None and first <= least:
        raise fields[low].error(f"{fields[low].name} must be greater than {least:g}, got {first}")
    if not first < second:
        raise disorder(fields, low, high, first, second)
    return first, second


def disorder(fields: Fields, low: str, high: str, first: float, second: float) -> JobError:
    """Return the error of two numbers in the wrong order."""
    return fields[high].error(
        f"{fields[high].name} must be greater than {low}, got {low}={first}, {high}={second}"
    )


def date(name: str, value: Any) -> datetime.date:
    """Return a date, which may be written as a text."""
    if isinstance(value, str):
        try:
            value = datetime.datetime.fromisoformat(value)
        except ValueError as error:
            raise ArgumentError(
                f"{name} must be a date such as 2026-01-31, got {value!r}"
            ) from error
    if isinstance(value, datetime.datetime):
        return value.date()
    if isinstance(value, datetime.date):
        return value
    raise ArgumentTypeError(f"{name} must be a date such as 2026-01-31, got {value!r}")


def moment(name: str, value: Any) -> datetime.datetime:
    """Return a date with a time, which may be written as a text."""
    if isinstance(value, str):
        try:
            value = datetime.datetime.fromisoformat(value.replace("Z", "+00:00"))
        except ValueError as error:
            raise ArgumentError(
                f'{name} must be a time such as "2026-01-31 12:00", got {value!r}'
            ) from error
    if isinstance(value, datetime.datetime):
        return value
    if isinstance(value, datetime.date):
        return datetime.datetime.combine(value, datetime.time())
    raise ArgumentTypeError(f'{name} must be a time such as "2026-01-31 12:00", got {value!r}')

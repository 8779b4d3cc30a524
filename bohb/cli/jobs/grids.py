"""Parameters that are one of several things, or of the values of a grid."""

from __future__ import annotations

import datetime
import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from optuna.distributions import IntDistribution

from bohb import arguments
from bohb.cli.jobs.document import Entry
from bohb.cli.jobs.fields import Dialect, Fields, date, exact, moment, ordered
from bohb.dimensions import Dimension
from bohb.model import Categorical

_LONGEST_GRID = 100_000


def choice(name: str, fields: Fields, dialect: Dialect) -> Dimension:
    return Dimension.of_values(name, _several(fields["values"]))


def pchoice(name: str, fields: Fields, dialect: Dialect) -> Dimension:
    entry = fields["values"]
    values, weights = [], []
    for pair in entry.parts():
        parts = pair.parts()
        if len(parts) != 2:
            raise pair.error(f"{pair.name} must be [value, probability], got {pair.value!r}")
        values.append(parts[0].value)
        weights.append(parts[1].checked(arguments.share))
    if not values:
        raise entry.error(f"{entry.name} must have at least one value, got none")
    if dialect.last_takes_rest and sum(weights) <= 1:
        weights[-1] = 1 - sum(weights[:-1])
    if not math.isclose(sum(weights), 1, rel_tol=1e-6):
        raise entry.error(
            f"{entry.name} must have probabilities that sum to 1, got {sum(weights):g}"
        )
    made = Dimension.of_values(name, values, is_ordered=False)
    total = sum(weights)
    shares = tuple(weight / total for weight in weights)
    return replace(made, parameter=Categorical(len(values), shares))


def _several(entry: Entry) -> list[Any]:
    values = [part.value for part in entry.parts()]
    if not values:
        raise entry.error(f"{entry.name} must have at least one value, got none")
    return values


def stepped_range(name: str, fields: Fields, dialect: Dialect) -> Dimension:
    start, stop = ordered(fields, "start", "stop")
    step = fields["step"].checked(arguments.positive)
    n = math.ceil((exact(stop) - exact(start)) / exact(step))  # stop is not among them
    return stepped(name, start, step, n, fields["step"])


def linspace(name: str, fields: Fields, dialect: Dialect) -> Dimension:
    start, stop = ordered(fields, "start", "stop")
    return _spaced(name, np.linspace(start, stop, _num(fields)))


def logspace(name: str, fields: Fields, dialect: Dialect) -> Dimension:
    start, stop = ordered(fields, "start", "stop")
    base = fields["base"].checked(arguments.positive) if "base" in fields else 10
    with np.errstate(over="ignore"):
        values = np.logspace(start, stop, _num(fields), base=base)
    if not np.all(np.isfinite(values)):
        raise fields["stop"].error(
            f"{fields['stop'].name} is an exponent, and {base} to the power of {stop} is too large"
        )
    return _spaced(name, values)


def geomspace(name: str, fields: Fields, dialect: Dialect) -> Dimension:
    start, stop = ordered(fields, "start", "stop", least=0.0)
    return _spaced(name, np.geomspace(start, stop, _num(fields)))


def daterange(name: str, fields: Fields, dialect: Dialect) -> Dimension:
    start, stop = (fields[key].checked(date) for key in ("start", "stop"))
    step = datetime.timedelta(days=fields["step"].checked(arguments.count))
    return _dates(name, fields, start, stop, step)


def datetimerange(name: str, fields: Fields, dialect: Dialect) -> Dimension:
    start, stop = (fields[key].checked(moment) for key in ("start", "stop"))
    if (start.tzinfo is None) != (stop.tzinfo is None):
        raise fields["stop"].error(
            f"{fields['stop'].name} must have a time zone if start has one, got start={start}, "
            f"stop={stop}"
        )
    step = datetime.timedelta(seconds=fields["step"].checked(arguments.positive))
    return _dates(name, fields, start, stop, step)


def _dates(name: str, fields: Fields, start: Any, stop: Any, step: datetime.timedelta) -> Dimension:
    if not start < stop:
        raise fields["stop"].error(
            f"{fields['stop'].name} must be after start, got start={start}, stop={stop}"
        )
    n = -((start - stop) // step)  # stop is not among them
    _check_length(n, fields["step"])
    values = [(start + index * step).isoformat() for index in range(n)]
    return Dimension.of_values(name, values, is_ordered=n > 2)


def stepped(name: str, start: float, step: float, n: int, blamed: Entry) -> Dimension:
    """Return the dimension of the `n` values start, start + step, ..."""
    if isinstance(start, int) and isinstance(step, int):
        last = start + (n - 1) * step
        return Dimension.of_distribution(name, IntDistribution(start, last, step=step))
    _check_length(n, blamed)
    values = [float(exact(start) + index * exact(step)) for index in range(n)]
    return _spaced(name, values)


def _spaced(name: str, values: Sequence[float] | np.ndarray[Any, Any]) -> Dimension:
    """Return the dimension of these values; whole numbers if all of them are."""
    tidy = [float(f"{value:.15g}") for value in values]
    whole = all(value.is_integer() for value in tidy)
    kept = list(dict.fromkeys(int(value) if whole else value for value in tidy))
    return Dimension.of_values(name, kept, is_ordered=len(kept) > 2)


def _num(fields: Fields) -> int:
    count = fields["num"].checked(arguments.count)
    _check_length(count, fields["num"])
    return count


def _check_length(count: int, blamed: Entry) -> None:
    if count > _LONGEST_GRID:
        raise blamed.error(
            f"{blamed.name} makes {count} values, and at most {_LONGEST_GRID} are allowed: use an "
            "interval, such as uniform or loguniform"
        )

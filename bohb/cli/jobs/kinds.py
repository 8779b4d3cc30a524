"""The kinds of parameters that a job file may have, and what they are in a study."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from optuna.distributions import CategoricalDistribution, IntDistribution

from bohb.cli.jobs import grids, intervals
from bohb.cli.jobs.fields import Dialect, Fields
from bohb.cli.jobs.template import as_text
from bohb.dimensions import Dimension
from bohb.errors import JobError
from bohb.model import Categorical

OWN = Dialect()
POLYAXON = Dialect(has_exponents=True, rounds_down=True, last_takes_rest=True)


def dimension_of(name: str, kind: str, fields: Fields, dialect: Dialect) -> Dimension:
    """Return the dimension of the parameter `name`, which is of a known `kind`.

    Raises
    ------
    JobError
        If a field has a value that cannot be used.
    """
    try:
        made = KINDS[kind].build(name, fields, dialect)
    except JobError:
        raise
    except (ArithmeticError, ValueError) as error:  # numbers beyond what a float holds
        first = next(iter(fields.values()))
        raise first.error(f"{name} has numbers that cannot be used: {error}") from error
    if kind == "choice":
        return replace(made, description=" | ".join(map(as_text, fields["values"].value)))
    if isinstance(made.parameter, Categorical) and made.parameter.weights is not None:
        values = [pair[0] for pair in fields["values"].value]
        weighted = zip(values, made.parameter.weights, strict=True)
        return replace(made, description=" | ".join(f"{as_text(v)} {w:.4g}" for v, w in weighted))
    shown = ", ".join(f"{key}={_shown(entry.value)}" for key, entry in fields.items())
    return replace(made, description=f"{kind}({shown})")


def _shown(value: Any) -> str:
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def stored_values(dimension: Dimension) -> Sequence[Any] | None:
    """Return all values that a study may store of a parameter; None if they cannot be counted."""
    distribution = dimension.distribution
    if isinstance(distribution, CategoricalDistribution):
        return distribution.choices
    if isinstance(distribution, IntDistribution) and not distribution.log:
        return range(distribution.low, distribution.high + 1, distribution.step)
    return None


@dataclass(frozen=True, slots=True)
class Kind:
    """What a kind of parameter is given by, and what makes a dimension of it."""

    build: Callable[[str, Fields, Dialect], Dimension]
    required: tuple[str, ...]
    optional: tuple[str, ...] = ()


_GRID, _SPACE = ("start", "stop", "step"), ("start", "stop", "num")
_BOUNDS, _PLACE = ("low", "high"), ("loc", "scale")

KINDS: Mapping[str, Kind] = {
    "choice": Kind(grids.choice, ("values",)),
    "pchoice": Kind(grids.pchoice, ("values",)),
    "range": Kind(grids.stepped_range, _GRID),
    "linspace": Kind(grids.linspace, _SPACE),
    "logspace": Kind(grids.logspace, _SPACE, ("base",)),
    "geomspace": Kind(grids.geomspace, _SPACE),
    "uniform": Kind(intervals.uniform, _BOUNDS),
    "quniform": Kind(intervals.quniform, (*_BOUNDS, "q")),
    "loguniform": Kind(intervals.loguniform, _BOUNDS),
    "qloguniform": Kind(intervals.qloguniform, (*_BOUNDS, "q")),
    "normal": Kind(intervals.normal, _PLACE),
    "qnormal": Kind(intervals.qnormal, (*_PLACE, "q")),
    "lognormal": Kind(intervals.lognormal, _PLACE),
    "qlognormal": Kind(intervals.qlognormal, (*_PLACE, "q")),
    "daterange": Kind(grids.daterange, _GRID),
    "datetimerange": Kind(grids.datetimerange, _GRID),
    "float": Kind(intervals.float_, _BOUNDS, ("step", "log")),
    "int": Kind(intervals.int_, _BOUNDS, ("step", "log")),
}
POLYAXON_KINDS = frozenset(KINDS) - {"float", "int"}

"""Job files in our own words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

from bohb import arguments
from bohb.cli.jobs import parameters, reading
from bohb.cli.jobs.document import Entry
from bohb.cli.jobs.job import SINGLE_RUNG, Job, Method, Metric, Schedule
from bohb.cli.jobs.kinds import KINDS, OWN, dimension_of
from bohb.cli.jobs.stopping import Policy, Rule, Target
from bohb.cli.jobs.template import Template
from bohb.dimensions import Dimension

_KEYS = (
    "name",
    "command",
    "shell",
    "workdir",
    "env",
    "metric",
    "method",
    "resource",
    "reduction_factor",
    "params",
    "cases",
    "limits",
    "early_stopping",
    "max_failures",
    "leg_timeout",
    "keep_checkpoints",
    "seed",
    "jobs",
)
_LIMITS = ("n_trials", "n_rounds", "n_brackets", "total_resource")
_POLICY = ("kind", "metric", "direction", "interval", "min_step", "min_samples", "spared_from")


def read_own(document: Entry, path: Path) -> tuple[Job, Mapping[str, Entry]]:
    """Return the job that `document`, the whole of the file at `path`, describes.

    With it come the parts of the document that it was read from.

    Raises
    ------
    JobError
        If it cannot be used; the message names the line.
    """
    fields = document.fields(_KEYS, required=("command", "metric"))
    method = _method(fields)
    dimensions, cases = _dimensions(document, fields, method)
    metric = _metric(fields["metric"])
    stopping = _stopping(fields["early_stopping"], metric) if "early_stopping" in fields else ()
    job = Job(
        path=path,
        name=reading.job_name(path, fields.get("name")),
        command=reading.command(fields["command"], fields.get("shell")),
        metric=metric,
        schedule=_schedule(document, fields, method, n_all=_n_all(fields, dimensions, cases)),
        dimensions=dimensions,
        cases=cases,
        environment=_environment(fields["env"]) if "env" in fields else {},
        workdir=reading.template(fields["workdir"]) if "workdir" in fields else Template.parse("."),
        stopping=tuple(stopping),
        keep_checkpoints=fields["keep_checkpoints"].flag()
        if "keep_checkpoints" in fields
        else True,
        seed=reading.optional(fields, "seed", arguments.count, least=0),
        jobs=reading.optional(fields, "jobs", reading.n_jobs) or 1,
        leg_timeout=reading.optional(fields, "leg_timeout", arguments.positive),
        max_failures=reading.max_failures(fields.get("max_failures")),
    )
    return job, fields


def _method(fields: Mapping[str, Entry]) -> Method:
    if "method" in fields:
        return fields["method"].one_of(get_args(Method))
    return "mapping" if "cases" in fields else "bohb"


# Parameters


def _dimensions(
    document: Entry, fields: Mapping[str, Entry], method: Method
) -> tuple[dict[str, Dimension], tuple[dict[str, Any], ...]]:
    needed, other = ("cases", "params") if method == "mapping" else ("params", "cases")
    if needed not in fields:
        raise document.error(f"{needed} is missing, which method {method} needs")
    if other in fields:
        raise fields[other].error(f"{other} is of no use to method {method}, which takes {needed}")
    if method == "mapping":
        return parameters.cases(fields["cases"])
    made = [_dimension(entry) for entry in fields["params"].entries().values()]
    if not made:
        raise fields["params"].error("params must have at least one parameter, got none")
    return {dimension.key: dimension for dimension in made}, ()


def _dimension(entry: Entry) -> Dimension:
    name = parameters.parameter_name(entry)
    if entry.is_list:
        return dimension_of(name, "choice", {"values": entry}, OWN)
    if not entry.is_mapping:
        raise entry.error(
            f"{entry.name} must be a list of values, or have a kind, got {entry.value!r}"
        )
    name_of_kind = reading.kind(entry, tuple(KINDS))
    kind = KINDS[name_of_kind]
    fields = entry.fields(("kind", *kind.required, *kind.optional), required=kind.required)
    del fields["kind"]
    return dimension_of(name, name_of_kind, fields, OWN)


def _n_all(
    fields: Mapping[str, Entry], dimensions: Mapping[str, Dimension], cases: tuple[Any, ...]
) -> int | None:
    """Return how many configurations there are, of a method that tries all of them."""
    if fields.get("method") is not None and fields["method"].value == "grid":
        entries = fields["params"].entries().values()
        return parameters.grid_size(zip(dimensions.values(), entries, strict=True))
    return len(cases) or None


# The schedule


def _schedule(
    document: Entry, fields: Mapping[str, Entry], method: Method, *, n_all: int | None
) -> Schedule:
    given: dict[str, Any] = {"method": method, "resource": None}
    if "resource" in fields:
        given |= _resource(fields["resource"], method)
    elif method not in SINGLE_RUNG:
        raise document.error(
            f"resource is missing, which method {method} needs: what a trial is given more of as "
            "it is promoted, as in resource: {name: epochs, max: 81}"
        )
    if "reduction_factor" in fields:
        given["reduction_factor"] = fields["reduction_factor"].checked(reading.factor)
    given |= _limits(fields["limits"], method) if "limits" in fields else {}
    counted = [name for name in _LIMITS if name in given]
    if n_all is not None:
        given["n_trials"] = min(n_all, given.get("n_trials", n_all))
    elif method == "random" and not counted and "timeout" not in given:
        raise document.error("limits is missing, which method random needs: limits: {n_trials: 20}")
    return reading.possible_schedule(fields.get("resource", document), **given)


def _resource(entry: Entry, method: Method) -> dict[str, Any]:
    fields = entry.fields(("name", "min", "max", "type"), required=("name", "max"))
    kind = fields["type"].one_of(("int", "float")) if "type" in fields else None
    largest = reading.resource(fields["max"], kind)
    smallest = reading.resource(fields["min"], kind) if "min" in fields else 1
    if smallest > largest and method not in SINGLE_RUNG:
        blamed = fields.get("min", fields["max"])
        raise blamed.error(
            f"{entry.name}.min must not be above max, got min={smallest}, max={largest}"
        )
    if isinstance(smallest, float) != isinstance(largest, float):
        smallest, largest = float(smallest), float(largest)
    return {
        "resource": parameters.parameter_name(fields["name"], fields["name"].text()),
        "min_resource": smallest,
        "max_resource": largest,
    }


def _limits(entry: Entry, method: Method) -> dict[str, Any]:
    fields = entry.fields((*_LIMITS, "timeout"))
    counted = [name for name in _LIMITS if name in fields]
    if len(counted) > 1:
        raise fields[counted[1]].error(
            f"only one of {', '.join(_LIMITS)} can be given, got {' and '.join(counted)}"
        )
    if method in ("grid", "mapping") and counted and counted != ["n_trials"]:
        raise fields[counted[0]].error(
            f"{counted[0]} is of no use to method {method}: use n_trials"
        )
    checks = dict.fromkeys(("n_trials", "n_rounds", "n_brackets"), reading.count)
    return {
        name: part.checked(checks.get(name, arguments.positive)) for name, part in fields.items()
    }


# What it is judged by


def _metric(entry: Entry) -> Metric:
    if not entry.is_mapping:
        return Metric(entry.text())
    fields = entry.fields(("name", "direction", "pattern", "file", "step"), required=("name",))
    maximize = "direction" in fields and reading.maximize(fields["direction"])
    return reading.metric(fields["name"].text(), maximize, fields)


def _stopping(entry: Entry, metric: Metric) -> Iterator[Target | Policy]:
    for part in entry.parts():
        kind = reading.kind(part, ("target", *get_args(Rule)))
        if kind == "target":
            fields = part.fields(("kind", "value", "metric", "direction"), required=("value",))
            yield Target(*_judged_by(fields, metric), fields["value"].checked(arguments.number))
            continue
        own = ("percent", "among_running") if kind == "truncation" else ("percent",)
        known = _POLICY if kind == "median" else (*_POLICY, *own)
        fields = part.fields(known, required=() if kind == "median" else ("percent",))
        yield reading.policy(kind, *_judged_by(fields, metric), fields)


def _judged_by(fields: Mapping[str, Entry], metric: Metric) -> tuple[str, bool]:
    name = fields["metric"].text() if "metric" in fields else metric.name
    if "direction" in fields:
        return name, reading.maximize(fields["direction"])
    if name != metric.name:
        raise fields["metric"].error(
            f"{fields['metric'].name} is another metric than the job's, and needs a direction"
        )
    return name, metric.maximize


def _environment(entry: Entry) -> dict[str, Template]:
    return {name: reading.template(part) for name, part in entry.entries().items()}

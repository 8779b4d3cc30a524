"""Polyaxon's files: an operation with a matrix, and the component that it runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

from bohb import arguments
from bohb.cli.jobs import parameters, reading
from bohb.cli.jobs.component import Component, read_component, translated
from bohb.cli.jobs.document import Entry, read_document
from bohb.cli.jobs.job import SINGLE_RUNG, Job, Method, Metric, Schedule
from bohb.cli.jobs.kinds import KINDS, POLYAXON, POLYAXON_KINDS, dimension_of
from bohb.cli.jobs.stopping import Policy, Rule, Target
from bohb.cli.jobs.template import Template
from bohb.dimensions import Dimension

_OPERATION = (
    "version",
    "kind",
    "name",
    "description",
    "tags",
    "matrix",
    "component",
    "pathRef",
    "params",
    "termination",
    "bohb",
)
_OPERATION_UNUSED = (
    "presets",
    "queue",
    "cache",
    "plugins",
    "build",
    "hooks",
    "joins",
    "events",
    "dependencies",
    "trigger",
    "conditions",
    "skipOnUpstreamSkip",
    "schedule",
    "runPatch",
    "patchStrategy",
    "isPreset",
    "isApproved",
    "cost",
)
_REMOTE = ("hubRef", "urlRef", "dagRef")
_EXTRAS = ("pattern", "file", "step", "leg_timeout", "max_failures", "workdir")
_COMMON = ("kind", "metric", "concurrency", "earlyStopping")
_RUNGS = ("maxIterations", "minIterations", "eta", "resource", "resume", "seed", "params", "tuner")
_MATRIX: Mapping[Method, tuple[str, ...]] = {
    "hyperband": (*_COMMON, *_RUNGS),
    "bohb": (*_COMMON, *_RUNGS),
    "asha": (*_COMMON, *_RUNGS, "numRuns"),
    "random": (*_COMMON, "params", "numRuns", "seed", "tuner"),
    "grid": (*_COMMON, "params", "numRuns", "tuner"),
    "mapping": (*_COMMON, "values"),
}
_ELSEWHERE = ("bayes", "hyperopt", "iterative")
_FIELDS = {
    "evaluationInterval": "interval",
    "minInterval": "min_step",
    "minSamples": "min_samples",
    "percent": "percent",
}


def read_operation(document: Entry, path: Path) -> tuple[Job, Mapping[str, Entry]]:
    """Return the job that an operation of Polyaxon, the whole of the file at `path`, describes.

    With it come the parts of the document that it was read from, by our names for them.

    Raises
    ------
    JobError
        If it cannot be used; the message names the line.
    """
    operation = document.fields((*_OPERATION, *_OPERATION_UNUSED, *_REMOTE))
    if "matrix" not in operation:
        raise document.error("matrix is missing: it says what to tune")
    if "kind" in operation:
        operation["kind"].one_of(("operation",))
    if "version" in operation and str(operation["version"].value) not in ("1", "1.0", "1.1"):
        raise operation["version"].error(
            f"version must be 1.1 to be understood here, got {operation['version'].value!r}"
        )
    entry = operation["matrix"]
    method = _method(entry)
    matrix = entry.fields(_MATRIX[method])
    dimensions, cases, places = _dimensions(entry, matrix, method)
    if "resource" in matrix:
        name_entry = matrix["resource"].fields(("name", "type"), required=("name",))["name"]
        places[parameters.parameter_name(name_entry, name_entry.text())] = name_entry
    stopping = list(_stopping(matrix["earlyStopping"])) if "earlyStopping" in matrix else []
    failures = [rule for rule in stopping if isinstance(rule, float)]
    component = _component(document, operation, path, places)
    extras = operation["bohb"].fields(_EXTRAS) if "bohb" in operation else {}
    metric = _metric(entry, matrix, extras)
    unused = [operation[name].name for name in _OPERATION_UNUSED if name in operation]
    unused += [*component.unused, *([matrix["tuner"].name] if "tuner" in matrix else [])]
    termination = _termination(operation.get("termination") or component.termination)
    unused += [termination[name].name for name in ("maxRetries", "ttl") if name in termination]
    n_all = None
    if method == "grid":
        params = matrix["params"].entries().values()
        n_all = parameters.grid_size(zip(dimensions.values(), params, strict=True))
    job = Job(
        path=path,
        name=reading.job_name(path, operation.get("name")),
        command=component.command,
        metric=metric,
        schedule=_schedule(entry, matrix, method, n_all or len(cases) or None),
        dimensions=dimensions,
        cases=cases,
        inputs=component.inputs,
        environment=component.environment,
        workdir=_workdir(component, extras),
        stopping=tuple(rule for rule in stopping if not isinstance(rule, float)),
        keep_checkpoints="resume" in matrix and matrix["resume"].flag(),
        seed=reading.optional(matrix, "seed", arguments.count, least=0),
        jobs=reading.optional(matrix, "concurrency", reading.n_jobs) or 1,
        leg_timeout=_leg_timeout(termination, extras),
        max_failures=min([*failures, reading.max_failures(extras.get("max_failures"))]),
        remarks=(f"of no use here, and ignored: {', '.join(unused)}",) if unused else (),
    )
    fields: dict[str, Entry] = {"env": component.command_entry}
    fields["workdir"] = extras.get("workdir") or component.workdir or component.command_entry
    fields["metric"] = extras.get("file") or matrix["metric"]
    fields["command"] = component.command_entry
    if component.args_entry is not None:
        fields["args"] = component.args_entry
    return job, {**fields, "early_stopping": matrix.get("earlyStopping", entry)}


def _method(entry: Entry) -> Method:
    kind = entry.entries().get("kind")
    if kind is None:
        raise entry.error(f"matrix.kind is missing: one of {', '.join(_MATRIX)}")
    if kind.value in _ELSEWHERE:
        raise kind.error(
            f"matrix.kind must be one of {', '.join(_MATRIX)}, got {kind.value!r}: bohb has a "
            "model of its own, use kind: bohb"
        )
    return kind.one_of(tuple(_MATRIX))


# Parameters


def _dimensions(
    entry: Entry, matrix: Mapping[str, Entry], method: Method
) -> tuple[dict[str, Dimension], tuple[dict[str, Any], ...], dict[str, Entry]]:
    """Return the parameters, the configurations of a mapping, and where names are written."""
    needed = "values" if method == "mapping" else "params"
    if needed not in matrix:
        raise entry.error(f"matrix.{needed} is missing, which kind {method} needs")
    if method == "mapping":
        dimensions, cases = parameters.cases(matrix["values"])
        return (
            dimensions,
            cases,
            dict.fromkeys((dimension.name for dimension in dimensions.values()), matrix["values"]),
        )
    params = matrix["params"].entries()
    if not params:
        raise matrix["params"].error("matrix.params must have at least one parameter, got none")
    made = [_dimension(part) for part in params.values()]
    return {dimension.key: dimension for dimension in made}, (), dict(params)


def _dimension(entry: Entry) -> Dimension:
    name = parameters.parameter_name(entry)
    fields = entry.fields(("kind", "value"), required=("kind", "value"))
    kind = fields["kind"].one_of(tuple(k for k in KINDS if k in POLYAXON_KINDS))
    value = fields["value"]
    if KINDS[kind].required == ("values",):
        return dimension_of(name, kind, {"values": value}, POLYAXON)
    required = KINDS[kind].required
    known = (*required, *KINDS[kind].optional)
    if value.is_mapping:
        given = value.fields((*known, "size"), required=required)
        given.pop("size", None)
    else:
        parts = value.parts() if value.is_list else value.split(":")
        if not len(required) <= len(parts) <= len(known):
            raise value.error(f"{value.name} must be [{', '.join(known)}], got {value.value!r}")
        given = dict(zip(known, parts, strict=False))
    return dimension_of(name, kind, given, POLYAXON)


# The schedule


def _schedule(
    entry: Entry, matrix: Mapping[str, Entry], method: Method, n_all: int | None
) -> Schedule:
    n_trials = reading.optional(matrix, "numRuns", reading.count)
    if n_all is not None:
        n_trials = min(n_all, n_trials or n_all)
    if method in SINGLE_RUNG:
        if n_trials is None:
            raise entry.error("matrix.numRuns is missing, which kind random needs")
        return Schedule(method, None, n_trials=n_trials)
    for name in ("maxIterations", "resource"):
        if name not in matrix:
            raise entry.error(f"matrix.{name} is missing, which kind {method} needs")
    fields = matrix["resource"].fields(("name", "type"), required=("name",))
    kinds = ("int", "float")
    kind = fields["type"].one_of(kinds) if "type" in fields else None
    largest = reading.resource(matrix["maxIterations"], kind)
    smallest = type(largest)(1)
    if "minIterations" in matrix:
        smallest = type(largest)(reading.resource(matrix["minIterations"], kind))
    return reading.possible_schedule(
        matrix["maxIterations"],
        method=method,
        resource=fields["name"].text(),
        min_resource=smallest,
        max_resource=largest,
        reduction_factor=reading.optional(matrix, "eta", reading.factor) or 3,
        n_trials=n_trials,
    )


# What it is judged by


def _metric(entry: Entry, matrix: Mapping[str, Entry], extras: Mapping[str, Entry]) -> Metric:
    if "metric" not in matrix:
        raise entry.error("matrix.metric is missing: metric: {name: loss, optimization: minimize}")
    fields = matrix["metric"].fields(("name", "optimization"), required=("name",))
    maximize = "optimization" in fields and reading.maximize(fields["optimization"])
    return reading.metric(fields["name"].text(), maximize, extras)


def _stopping(entry: Entry) -> Iterator[Target | Policy | float]:
    """Yield the conditions to stop early; a share of failures as a number."""
    kinds = ("metric_early_stopping", "failure_early_stopping")
    for part in entry.parts():
        if reading.kind(part, kinds) == "failure_early_stopping":
            percent = part.fields(("kind", "percent"), required=("percent",))["percent"]
            yield percent.checked(reading.percent) / 100
            continue
        fields = part.fields(
            ("kind", "metric", "value", "optimization", "policy"),
            required=("metric", "value", "optimization"),
        )
        name, maximize = fields["metric"].text(), reading.maximize(fields["optimization"])
        value = fields["value"].checked(arguments.number)
        if "policy" not in fields:
            yield Target(name, maximize, value)
        else:
            yield _policy(fields["policy"], name, maximize, fields["value"])


def _policy(entry: Entry, name: str, maximize: bool, value: Entry) -> Policy:
    kinds: tuple[Rule, ...] = get_args(Rule)
    rule = reading.kind(entry, kinds)
    known = ["kind", "evaluationInterval", "minInterval", "minSamples"]
    required = ["evaluationInterval"]
    if rule != "median":
        known.append("percent")
        required.append("percent")
    if rule == "truncation":
        known.append("includeSucceeded")
    fields = entry.fields(known, required=required)
    given = {own: fields[theirs] for theirs, own in _FIELDS.items() if theirs in fields}
    policy = reading.policy(rule, name, maximize, {**given, "spared_from": value})
    succeeded = "includeSucceeded" in fields and fields["includeSucceeded"].flag()
    return replace(policy, among_running=rule == "truncation" and not succeeded)


# The component


def _component(
    document: Entry, operation: Mapping[str, Entry], path: Path, tuned: Mapping[str, Entry]
) -> Component:
    for name in _REMOTE:
        if name in operation:
            raise operation[name].error(
                f"{name} cannot be followed here: write the component into the file, or name one "
                "beside it with pathRef"
            )
    params = {
        name: part.fields(("value",), required=("value",))["value"].value
        if part.is_mapping
        else part.value
        for name, part in (operation["params"].entries() if "params" in operation else {}).items()
    }
    if "component" in operation:
        return read_component(operation["component"], params, tuned)
    if "pathRef" not in operation:
        raise document.error("component is missing: it has the command")
    return read_component(read_document(path.parent / operation["pathRef"].text()), params, tuned)


def _workdir(component: Component, extras: Mapping[str, Entry]) -> Template:
    entry = extras.get("workdir") or component.workdir
    if entry is None:
        return Template.parse(".")
    text = translated(entry.text())
    return entry.checked(lambda *_: Template.parse(text))


def _termination(entry: Entry | None) -> Mapping[str, Entry]:
    return {} if entry is None else entry.fields(("timeout", "maxRetries", "ttl"))


def _leg_timeout(termination: Mapping[str, Entry], extras: Mapping[str, Entry]) -> float | None:
    if "leg_timeout" in extras:
        return extras["leg_timeout"].checked(arguments.positive)
    return reading.optional(termination, "timeout", arguments.positive)

"""The translation of Polyaxon's operations into jobs of ours."""

from __future__ import annotations

import math
import re
from typing import Any

from bohb.cli.jobs.command import as_text
from bohb.cli.jobs.document import NAME, Node, not_known, read_document, scalar
from bohb.cli.jobs.polyaxon.keys import COMPONENT, KINDS, OPERATION

_MOST_EXPONENT = 700  # a float can hold e to the power of this
_REFERENCE = re.compile(r"\{\{\s*(params|globals)\.(\S+?)\s*\}\}")
_OUTPUTS = ("run_outputs_path", "run_artifacts_path", "artifacts_path", "outputs_path")


def is_operation(document: Node) -> bool:
    """Return whether a document is an operation of Polyaxon."""
    content = document.content
    return isinstance(content, dict) and bool({"matrix", "component"} & content.keys())


def translated(document: Node) -> tuple[Node, tuple[str, ...]]:
    """Return an operation as a job file of ours, with remarks for its author.

    Raises
    ------
    JobError
        If it cannot be translated; the message names all faults.
    """
    ignored: list[str] = []
    OPERATION.check(document, ignored)
    component, path = document.get("component"), document.get("pathRef")
    if component is None and path is None:
        document.refuse("component is missing: it has the command")
    elif component is None and path is not None:
        component = read_document(document.path.parent / str(path.value), document.faults)
    if component is not None:
        COMPONENT.check(component, ignored)
        _refuse_foreign(document, component)
    if component is None or document.faults:
        raise document.error()
    matrix = document.at("matrix")
    made: dict[str, Any] = {
        "name": document.get("name"),
        **_of_matrix(matrix),
        **_of_container(component.get("run", "container") or component.at("container")),
    }
    timeout = document.get("termination", "timeout") or component.get("termination", "timeout")
    made["leg_timeout"] = timeout
    tuned = {**matrix.at("params").keys, **dict.fromkeys(matrix.at("values", 0).keys, matrix)}
    if (name := matrix.get("resource", "name")) is not None:
        tuned[str(name.value)] = name
    made["inputs"] = _inputs(component.get("inputs"), document.get("params"), tuned)
    extras = {**document.at("bohb").keys}  # our own keys where Polyaxon has none
    own = {key: extras.pop(key) for key in ("pattern", "file", "step") if key in extras}
    made["metric"] = _keys(made["metric"], **made["metric"].keys, **own)
    made = {**extras, **{key: part for key, part in made.items() if part is not None}}
    if document.faults:
        raise document.error()
    remark = f"of no use here, and ignored: {', '.join(ignored)}"
    return document.new(made), (remark,) if ignored else ()


def _refuse_foreign(document: Node, component: Node) -> None:
    """Note what can only be run elsewhere."""
    for place, allowed in (
        (document.get("kind"), ("operation",)),
        (document.get("version"), ("1", "1.0", "1.1")),
        (component.get("run", "kind"), ("job",)),
    ):
        if place is not None and str(place.value) not in allowed:
            message = f"must be {allowed[-1]} to be run here, got {place.value!r}"
            place.refuse(f"{NAME} {message}")
    for name in ("hubRef", "urlRef", "dagRef"):
        if (part := document.get(name)) is not None:
            part.refuse(
                f"{NAME} cannot be followed here: write the component into the file, or name one "
                "beside it with pathRef"
            )
    if (tuner := document.get("matrix", "tuner")) is not None:
        tuner.refuse(
            f"{NAME} names a component that proposes configurations in a cluster, which cannot be "
            "run here: leave it out, and what proposes them is that of kind"
        )
    if component.get("run", "container") is None and component.get("container") is None:
        component.refuse(f"{NAME} must have a container with a command")


def _of_matrix(matrix: Node) -> dict[str, Node | None]:
    """Return the parts of a job that a matrix has."""
    resource, runs = matrix.get("resource"), matrix.get("numRuns")
    rules = matrix.at("earlyStopping").content or []
    shares = [
        rule.new(rule.at("percent").value / 100)
        for rule in rules
        if isinstance(rule.at("percent").value, (int, float))
    ]
    stopping = [rule for rule in rules if rule.at("kind").value == "metric_early_stopping"]
    return {
        "method": matrix.at("kind"),
        "jobs": matrix.get("concurrency"),
        "seed": matrix.get("seed"),
        "reduction_factor": matrix.get("eta"),
        "cases": matrix.get("values"),
        # In Polyaxon a promoted run begins without checkpoints, unless resume says otherwise.
        "keep_checkpoints": matrix.get("resume") or matrix.new(False),
        "metric": _keys(
            matrix.at("metric"),
            name=matrix.get("metric", "name"),
            direction=matrix.get("metric", "optimization"),
        ),
        "resource": resource
        and _keys(
            resource,
            **resource.keys,
            max=matrix.get("maxIterations"),
            min=matrix.get("minIterations"),
        ),
        "params": matrix.get("params")
        and matrix.at("params").new(
            {name: parameter(entry) for name, entry in matrix.at("params").keys.items()}
        ),
        "limits": runs and runs.new({"n_trials": runs}),
        "max_failures": min(shares, key=lambda share: share.value, default=None),
        "early_stopping": matrix.at("earlyStopping").new([_rule(rule) for rule in stopping]),
    }


def parameter(entry: Node) -> Node:
    """Return a parameter of ours: its kind and its values.

    The values may be written as a list, under keys, or as a text with colons between them.
    """
    kind, value = entry.at("kind"), entry.at("value")
    names, given = KINDS[kind.value], value.content
    if not names:
        values = _with_rest(value) if kind.value == "pchoice" else value
        return _keys(value, kind=kind, values=values)
    if isinstance(given, str):
        given = [value.new(scalar(part.strip())) for part in given.split(":")]
    if isinstance(given, dict):
        parts = {key: part for key, part in given.items() if key != "size"}
        for key in parts.keys() & {"kind", "rounding"}:  # keys of ours that Polyaxon does not have
            parts.pop(key).refuse(not_known(key, names))
    elif isinstance(given, list) and len(names) - names.count("base") <= len(given) <= len(names):
        parts = dict(zip(names, given, strict=False))
    else:
        value.refuse(f"{NAME} must be [{', '.join(names)}], got {value.value!r}")
        return value
    if kind.value in ("loguniform", "qloguniform"):
        parts |= {key: _power(parts[key]) for key in ("low", "high") if key in parts}
    rounding = value.new("down") if "q" in names else None
    return _keys(value, kind=kind, rounding=rounding, **parts)


def _rule(rule: Node) -> Node:
    """Return a rule of early stopping: a target or a policy."""
    own = {"metric": rule.get("metric"), "direction": rule.get("optimization")}
    policy, value = rule.get("policy"), rule.get("value")
    if policy is None:
        return _keys(rule, kind=rule.new("target"), value=value, **own)
    if policy.at("kind").value == "truncation":
        succeeded = policy.at("includeSucceeded")
        own["among_running"] = succeeded.new(not succeeded.value)
    return _keys(
        rule,
        **own,
        kind=policy.get("kind"),
        spared_from=value,
        interval=policy.get("evaluationInterval"),
        min_step=policy.get("minInterval"),
        min_samples=policy.get("minSamples"),
        percent=policy.get("percent"),
    )


def _of_container(container: Node) -> dict[str, Node | None]:
    """Return the parts of a job that a container has."""
    command, workdir = container.at("command"), container.get("workingDir")
    arguments: list[Node] = []
    for key in ("command", "args"):
        part = container.at(key)
        arguments += part.content if part.is_list else [part] if part.content is not None else []
    return {
        "command": command.new(
            [
                part.new(own_words(part.content)) if isinstance(part.content, str) else part
                for part in arguments
            ]
        ),
        "env": container.new(
            {
                str(each.at("name").value): each.new(own_words(as_text(each.at("value").value)))
                for each in container.at("env").content or ()
            }
        ),
        "workdir": workdir and workdir.new(own_words(str(workdir.value))),
    }


def _inputs(inputs: Node | None, params: Node | None, tuned: dict[str, Node]) -> Node | None:
    """Return the values of inputs that are not tuned, from params or the inputs themselves."""
    given = {}
    for name, part in (params.entries() if params else {}).items():
        given[name] = part.at("value") if part.keys.keys() == {"value"} else part
    if inputs is None:
        return params and params.new({k: part for k, part in given.items() if k not in tuned})
    made, declared = {}, {str(part.at("name").value): part for part in inputs.content}
    for name, part in declared.items():
        value = given.get(name) or part.get("value")
        if name in tuned:
            continue
        if value is not None:
            made[name] = value
        elif part.at("isOptional").value is not True:
            part.refuse(
                f"input {name} has no value: give it one here or under params, or tune it in the "
                "matrix"
            )
    for name in tuned.keys() - declared.keys():
        tuned[name].refuse(f"{name} is not an input of the component: declare it under inputs")
    return inputs.new(made)


def _keys(node: Node, **parts: Node | None) -> Node:
    """Return a part with these keys in the place of `node`, without those that are None."""
    return node.new({key: part for key, part in parts.items() if part is not None})


def _power(exponent: Node) -> Node:
    """Return a bound of a logarithmic kind, which Polyaxon writes as an exponent of e."""
    value = exponent.value
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        return exponent  # the checks of our own kind name the fault
    if abs(value) >= _MOST_EXPONENT:
        exponent.refuse(
            f"{NAME} must be a natural exponent between -{_MOST_EXPONENT} and {_MOST_EXPONENT}, "
            f"got {value!r}"
        )
        return exponent
    return exponent.new(float(f"{math.exp(value):.12g}"))  # exp(log(0.1)) is 0.1 again


def _with_rest(value: Node) -> Node:
    """Return pairs of values and probabilities; if their sum is below 1, the last gets the rest."""
    try:
        *others, last = value.content
        rest = 1 - sum(pair.content[1].value for pair in others)
        if 0 <= last.content[1].value <= rest <= 1:
            return value.new([*others, last.new([last.content[0], last.content[1].new(rest)])])
    except (AttributeError, TypeError, ValueError, LookupError):  # the checks of our kind say so
        pass
    return value


def own_words(text: str) -> str:
    """Return a text in which Polyaxon's references to values are replaced by ours.

    Examples
    --------
    >>> own_words("{{ params.lr.as_arg }} --out={{ globals.run_outputs_path }}")
    '--lr={{ lr }} --out={{ checkpoint_dir }}'
    """
    return _REFERENCE.sub(_own_name, text)


def _own_name(match: re.Match[str]) -> str:
    group, name = match.groups()
    if group == "globals":
        return "{{ checkpoint_dir }}" if name in _OUTPUTS else match.group()
    bare, _, form = name.partition(".")
    if form == "as_arg":
        return f"--{bare}={{{{ {bare} }}}}"
    return f"{{{{ {bare} }}}}" if form in ("", "value", "as_str") else match.group()

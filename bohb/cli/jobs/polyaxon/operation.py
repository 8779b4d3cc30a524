"""The operation of Polyaxon: its matrix and its component, translated into a job file of ours."""

from __future__ import annotations

import math
import re
from typing import Any

from bohb.cli.jobs import kinds
from bohb.cli.jobs.command import as_text
from bohb.cli.jobs.document import NAME, Document, read_document, scalar
from bohb.cli.jobs.polyaxon.translation import Parts, SourcePart, Translation

_IGNORED = "presets queue cache plugins build hooks isApproved cost"
_REMOTE = ("hubRef", "urlRef", "dagRef")
_RUNGS = "params maxIterations minIterations eta resource resume seed"
# For each kind of matrix: the keys that are required, and the optional ones.
_MATRIX = {
    "hyperband": ("maxIterations resource metric params", _RUNGS),
    "bohb": ("maxIterations resource metric params", _RUNGS),
    "asha": ("maxIterations resource metric params", f"{_RUNGS} numRuns"),
    "random": ("numRuns metric params", "seed"),
    "grid": ("metric params", "numRuns"),
    "mapping": ("metric values", ""),
}
# For each kind of parameter: the names of its values, in the order in which a list has them. They
# are those of our own kinds.
KINDS = {
    kind: [field for field in model.model_fields if field not in ("kind", "rounding", "values")]
    for kind, model in kinds.KINDS.items()
    if kind not in ("float", "int")
}
# Our names of the fields of a policy, and Polyaxon's.
_POLICY = {
    "interval": "evaluationInterval",
    "min_step": "minInterval",
    "min_samples": "minSamples",
    "percent": "percent",
}
_MOST_EXPONENT = 700  # a float can hold e to the power of this
_REFERENCE = re.compile(r"\{\{\s*(params|globals)\.(\S+?)\s*\}\}")
_OUTPUTS = ("run_outputs_path", "run_artifacts_path", "artifacts_path", "outputs_path")


def is_operation(document: Document) -> bool:
    """Return whether a document is an operation of Polyaxon."""
    value = document.value
    return isinstance(value, dict) and bool({"matrix", "component"} & value.keys())


def translated(document: Document) -> tuple[Document, tuple[str, ...]]:
    """Return an operation as a job file of ours, with remarks for its author.

    Raises
    ------
    JobError
        If it cannot be translated; the message names all faults.
    """
    made = Translation(document)
    whole = SourcePart(made, document, (), document.value)
    operation = whole.take(
        f"version kind name description tags component pathRef params termination bohb "
        f"{' '.join(_REMOTE)}",
        required="matrix",
        ignored=f"{_IGNORED} joins events dependencies trigger conditions skipOnUpstreamSkip "
        "schedule runPatch patchStrategy isPreset",
    )
    _check_kind(operation)
    made.put(("name",), operation.get("name"))
    tuned = _take_matrix(made, operation["matrix"]) if "matrix" in operation else {}
    component = _component_of(whole, operation)
    if component is not None:
        _take_component(made, component, operation, tuned)
    _take_extras(made, operation)
    ignored = f"of no use here, and ignored: {', '.join(made.ignored)}"
    return made.finished(), (ignored,) if made.ignored else ()


def _check_kind(operation: Parts) -> None:
    if "kind" in operation:
        operation["kind"].one_of("operation")
    version = operation.get("version")
    if version is not None and str(version.value) not in ("1", "1.0", "1.1"):
        version.refuse(f"{NAME} must be 1.1 to be understood here, got {version.value!r}")
    for name in _REMOTE:
        if name in operation:
            operation[name].refuse(
                f"{NAME} cannot be followed here: write the component into the file, or name one "
                "beside it with pathRef"
            )


# The matrix


def _take_matrix(made: Translation, part: SourcePart) -> Parts:
    """Take the matrix, and return the parts of the document that give values to names."""
    entries = part.entries()
    kind = entries.get("kind")
    if kind is None:
        part.refuse(f"{NAME}.kind is missing: one of {', '.join(_MATRIX)}")
        return {}
    if kind.value in ("bayes", "hyperopt", "iterative"):
        message = f"got {kind.value!r}: bohb has a model of its own, use kind: bohb"
        kind.refuse(f"{NAME} must be one of {', '.join(_MATRIX)}, {message}")
        return {}
    method = kind.one_of(" ".join(_MATRIX))
    if method is None:
        return {}
    required, others = _MATRIX[method]
    known = f"kind concurrency earlyStopping {others}"
    matrix = part.take(f"{known} tuner", required=required)
    if "tuner" in matrix:
        matrix["tuner"].refuse(
            f"{NAME} names a component that proposes configurations in a cluster, which cannot be "
            "run here: leave it out, and what proposes them is that of kind"
        )
    made.put(("method",), kind)
    for own, theirs in (
        (("jobs",), "concurrency"),
        (("seed",), "seed"),
        (("reduction_factor",), "eta"),
        (("limits", "n_trials"), "numRuns"),
        (("cases",), "values"),
        (("resource", "max"), "maxIterations"),
        (("resource", "min"), "minIterations"),
    ):
        made.put(own, matrix.get(theirs))
    # In Polyaxon a promoted run begins without checkpoints, unless resume says otherwise.
    made.put(
        ("keep_checkpoints",), matrix.get("resume", kind), None if "resume" in matrix else False
    )
    tuned: Parts = {}
    if "metric" in matrix:
        metric = matrix["metric"].take("optimization", required="name")
        made.put(("metric", "name"), metric.get("name"))
        made.put(("metric", "direction"), metric.get("optimization"))
    if "resource" in matrix:
        resource = matrix["resource"].take("type", required="name")
        made.put(("resource", "name"), resource.get("name"))
        made.put(("resource", "type"), resource.get("type"))
        if "name" in resource:
            tuned[str(resource["name"].value)] = resource["name"]
    if "params" in matrix:
        made.put(("params",), matrix["params"], {})
        for name, entry in matrix["params"].entries().items():
            tuned[name] = entry
            take_parameter(made, name, entry)
    if "values" in matrix and isinstance(matrix["values"].value, list):
        for case in matrix["values"].value[:1]:
            tuned |= dict.fromkeys(case if isinstance(case, dict) else (), matrix["values"])
    for rule in matrix["earlyStopping"].items() if "earlyStopping" in matrix else ():
        _take_rule(made, rule)
    return tuned


def take_parameter(made: Translation, name: str, entry: SourcePart) -> None:
    """Take a parameter: its kind and its values.

    The values may be written as a list, under keys, or as a text with colons between them.
    """
    fields = entry.take("", required="kind value")
    kind = fields["kind"].one_of(" ".join(KINDS)) if "kind" in fields else None
    if kind is None or "value" not in fields:
        return
    value, names = fields["value"], KINDS[kind]
    own = ("params", name)
    made.put(own, value, {})
    made.put((*own, "kind"), fields["kind"])
    if not names:
        given = _with_rest(value.value) if kind == "pchoice" else value.value
        made.put((*own, "values"), value, given)
        return
    if isinstance(value.value, dict):
        parts = {key: part for key, part in value.entries().items() if key != "size"}
    else:
        text = value.value
        written = (
            [scalar(part.strip()) for part in text.split(":")] if isinstance(text, str) else text
        )
        if not isinstance(written, list) or len(written) not in (
            len(names),
            len(names) - names.count("base"),
        ):
            value.refuse(f"{NAME} must be [{', '.join(names)}], got {text!r}")
            return
        places = value.items() if isinstance(text, list) else iter([value] * len(written))
        parts = {
            key: SourcePart(made, place.document, place.place, given)
            for key, place, given in zip(names, places, written, strict=False)
        }
    powers = _powers(value, parts) if kind in ("loguniform", "qloguniform") else {}
    for key, part in parts.items():
        made.put((*own, key), part, powers.get(key))
    if "q" in names:
        made.put((*own, "rounding"), value, "down")


def _powers(value: SourcePart, parts: Parts) -> dict[str, float]:
    """Return the bounds of a logarithmic kind, which Polyaxon writes as exponents of e."""
    exponents = {
        key: part.value
        for key, part in parts.items()
        if key in ("low", "high")
        and isinstance(part.value, (int, float))
        and part.value is not True
    }
    if len(exponents) < 2 or not all(math.isfinite(exponent) for exponent in exponents.values()):
        return {}  # the checks of our own kind name the fault
    if max(map(abs, exponents.values())) >= _MOST_EXPONENT:
        shown = ", ".join(f"{key}={exponent}" for key, exponent in exponents.items())
        value.refuse(
            f"the bounds of {NAME} are natural exponents between -{_MOST_EXPONENT} and "
            f"{_MOST_EXPONENT}, got {shown}"
        )
        return {}
    # Twelve digits give exp(log(0.1)) back as 0.1.
    return {key: float(f"{math.exp(exponent):.12g}") for key, exponent in exponents.items()}


def _with_rest(pairs: Any) -> Any:
    """Return pairs of values and probabilities; if their sum is below 1, the last gets the rest."""
    try:
        others = sum(pair[1] for pair in pairs[:-1])
        is_short = others + pairs[-1][1] <= 1
    except (TypeError, IndexError, KeyError):  # no pairs: the checks of our own kind say so
        return pairs
    return [*pairs[:-1], [pairs[-1][0], 1 - others]] if is_short else pairs


def _take_rule(made: Translation, part: SourcePart) -> None:
    """Take a rule of early stopping: a target, a policy, or a share of failures."""
    kind = part.entries().get("kind")
    if kind is None:
        part.refuse(f"{NAME}.kind is missing: metric_early_stopping or failure_early_stopping")
        return
    if kind.one_of("metric_early_stopping failure_early_stopping") is None:
        return
    if kind.value == "failure_early_stopping":
        percent = part.take("kind", required="percent").get("percent")
        if percent is not None and isinstance(percent.value, (int, float)):
            least = made.value.get("max_failures", 1.0)
            made.put(("max_failures",), percent, min(percent.value / 100, least))
        return
    fields = part.take("kind policy", required="metric value optimization")
    own = ("early_stopping", len(made.value.setdefault("early_stopping", [])))
    made.put(own, part, {})
    made.put((*own, "metric"), fields.get("metric"))
    made.put((*own, "direction"), fields.get("optimization"))
    if "policy" not in fields:
        made.put((*own, "kind"), part, "target")
        made.put((*own, "value"), fields.get("value"))
        return
    names = " ".join(_POLICY.values())
    policy = fields["policy"].take(
        f"kind includeSucceeded {names}", required="kind evaluationInterval"
    )
    made.put((*own, "kind"), policy.get("kind"))
    made.put((*own, "spared_from"), fields.get("value"))
    for key, theirs in _POLICY.items():
        made.put((*own, key), policy.get(theirs))
    if "kind" in policy and policy["kind"].value == "truncation":
        succeeded = policy.get("includeSucceeded")
        made.put((*own, "among_running"), succeeded or part, not (succeeded and succeeded.value))


# The component


def _component_of(whole: SourcePart, operation: Parts) -> SourcePart | None:
    """Return the component of an operation, which may be a file of its own."""
    if "component" in operation:
        return operation["component"]
    if "pathRef" not in operation:
        whole.refuse("component is missing: it has the command")
        return None
    other = read_document(whole.document.path.parent / str(operation["pathRef"].value))
    return SourcePart(whole.translation, other, (), other.value)


def _take_component(
    made: Translation,
    part: SourcePart,
    operation: Parts,
    tuned: Parts,
) -> None:
    component = part.take(
        "version kind name description tags inputs run container termination",
        ignored=f"outputs {_IGNORED} contexts template",
    )
    holder, run = part, component
    if "run" in component:
        holder = component["run"]
        run = holder.take("kind container", ignored="environment connections volumes init sidecars")
        if "kind" in run and run["kind"].value != "job":
            run["kind"].refuse(f"{NAME} must be job to be run here, got {run['kind'].value!r}")
    if "container" in run:
        _take_container(made, run["container"])
    else:
        holder.refuse(f"{NAME} must have a container with a command")
    _take_inputs(made, component.get("inputs"), operation.get("params"), tuned)
    termination = operation.get("termination") or component.get("termination")
    if termination is not None:
        timeout = termination.take("timeout", ignored="maxRetries ttl").get("timeout")
        made.put(("leg_timeout",), timeout)


def _take_container(made: Translation, part: SourcePart) -> None:
    container = part.take(
        "name args env workingDir",
        required="command",
        ignored="image imagePullPolicy resources ports volumeMounts envFrom",
    )
    if "command" in container:
        made.put(("command",), container["command"], [])
    for key in ("command", "args"):
        given = container.get(key)
        if given is None or "command" not in container:
            continue
        for argument in given.items() if isinstance(given.value, list) else [given]:
            text = argument.value
            own = ("command", len(made.value["command"]))
            made.put(own, argument, own_words(text) if isinstance(text, str) else text)
    for variable in container["env"].items() if "env" in container else ():
        fields = variable.take("", required="name value")
        if len(fields) == 2:
            text = own_words(as_text(fields["value"].value))
            made.put(("env", str(fields["name"].value)), fields["value"], text)
    if "workingDir" in container:
        made.put(
            ("workdir",), container["workingDir"], own_words(str(container["workingDir"].value))
        )


def _take_inputs(
    made: Translation,
    inputs: SourcePart | None,
    params: SourcePart | None,
    tuned: Parts,
) -> None:
    """Take the values of inputs that are not tuned, from params or from the inputs themselves."""
    given = {}
    for name, part in (params.entries() if params else {}).items():
        value = part.value
        is_wrapped = isinstance(value, dict) and value.keys() == {"value"}
        given[name] = (part, value["value"] if is_wrapped else value)
    if inputs is None:
        for name in given.keys() - tuned.keys():
            made.put(("inputs", name), *given[name])
        return
    declared = set()
    for part in inputs.items():
        fields = part.take(
            "value isOptional type description options isList isFlag toInit toEnv connection "
            "argFormat delayValidation validation",
            required="name",
        )
        if "name" not in fields:
            continue
        name = str(fields["name"].value)
        declared.add(name)
        if name in tuned:
            continue
        if name in given:
            made.put(("inputs", name), *given[name])
        elif "value" in fields:
            made.put(("inputs", name), fields["value"])
        elif not ("isOptional" in fields and fields["isOptional"].value is True):
            part.refuse(
                f"input {name} has no value: give it one here or under params, or tune it in the "
                "matrix"
            )
    for name, part in tuned.items():
        if name not in declared:
            part.refuse(f"{name} is not an input of the component: declare it under inputs")


# The rest


def _take_extras(made: Translation, operation: Parts) -> None:
    """Take the section bohb, which has our own keys where Polyaxon has none."""
    if "bohb" not in operation:
        return
    known = "pattern file step leg_timeout max_failures workdir"
    for key, part in operation["bohb"].take(known).items():
        if key in ("pattern", "file", "step"):
            made.put(("metric", key), part)
        elif key != "max_failures" or key not in made.value:
            made.put((key,), part)


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

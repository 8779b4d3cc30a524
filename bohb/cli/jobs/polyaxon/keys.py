"""The keys of Polyaxon's operations and components, and the check that a document has no others."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from bohb.cli.jobs import kinds
from bohb.cli.jobs.document import NAME, Node, is_meant, not_known, not_one_of

# For each kind of parameter: the names of its values, in the order in which a list has them. They
# are those of our own kinds.
KINDS = {
    kind: [name for name in model.model_fields if name not in ("kind", "rounding", "values")]
    for kind, model in kinds.KINDS.items()
    if kind not in ("float", "int")
}


@dataclass(frozen=True)
class Keys:
    """The keys that a part may have, in texts with blanks between them, and those of its parts.

    If there are several kinds of a part, `kinds` has the keys of each.
    """

    required: str = ""
    used: str = ""
    ignored: str = ""
    below: dict[str, Keys] = field(default_factory=dict)
    kinds: dict[str, Keys] = field(default_factory=dict)

    def check(self, node: Node, ignored: list[str]) -> None:
        """Note the faults of a part, and add the names of its keys that are `ignored`.

        A key without a value counts as missing.
        """
        if self.kinds:
            kind = node.get("kind")
            if not isinstance(node.content, dict):
                node.entries()  # which is a fault
            elif kind is None:
                node.at("kind").refuse(f"{NAME} is missing: one of {', '.join(self.kinds)}")
            elif kind.value in ("bayes", "hyperopt", "iterative"):
                listed = f"{NAME} must be one of {', '.join(self.kinds)}, got {kind.value!r}"
                kind.refuse(f"{listed}: bohb has a model of its own, use kind: bohb")
            elif not isinstance(kind.value, str) or kind.value not in self.kinds:
                kind.refuse(not_one_of(kind.value, list(self.kinds)))
            else:
                self.kinds[kind.value].check(node, ignored)
            return
        known = [*self.required.split(), *self.used.split(), *self.ignored.split()]
        entries = node.entries()  # none, and a fault, if it has no keys
        unknown = {key: not_known(key, known) for key in entries if key not in known}
        for key, message in unknown.items():
            entries[key].refuse(message)
        for key in self.required.split() if isinstance(node.content, dict) else ():
            # A key that is misspelt is reported as unknown, and not as missing once more.
            if node.get(key) is None and not is_meant(key, unknown.values()):
                node.at(key).refuse(f"{NAME} is missing")
        given = {key: part for key, part in entries.items() if part.content is not None}
        ignored += [given[key].name for key in self.ignored.split() if key in given]
        for place, keys in self.below.items():
            name, _, which = place.partition(".")
            if (part := given.get(name)) is not None:
                for each in _PARTS[which](part):
                    keys.check(each, ignored)


_PARTS: dict[str, Callable[[Node], Iterable[Node]]] = {  # of a part, by the word after the point
    "": lambda part: [part],
    "items": Node.items,
    "values": lambda part: part.entries().values(),
}
_IGNORED = "presets queue cache plugins build hooks isApproved cost"
_PARAMETER = {kind: Keys("kind value") for kind in KINDS}
_POLICY = Keys("kind evaluationInterval", "includeSucceeded minInterval minSamples percent")
_RULES = {
    "metric_early_stopping": Keys(
        "metric value optimization", "kind policy", below={"policy": _POLICY}
    ),
    "failure_early_stopping": Keys("percent", "kind"),
}
_RUNGS = "minIterations eta resource resume seed"


def _matrix(required: str, used: str = "") -> Keys:
    below = {
        "metric": Keys("name", "optimization"),
        "resource": Keys("name", "type"),
        "params.values": Keys(kinds=_PARAMETER),
        "earlyStopping.items": Keys(kinds=_RULES),
    }
    return Keys(f"metric {required}", f"kind concurrency earlyStopping tuner {used}", below=below)


_TERMINATION = Keys("", "timeout", "maxRetries ttl")
_CONTAINER = Keys(
    "command",
    "name args env workingDir",
    "image imagePullPolicy resources ports volumeMounts envFrom",
    {"env.items": Keys("name value")},
)
_INPUT = (
    "value isOptional type description options isList isFlag toInit toEnv connection argFormat "
    "delayValidation validation"
)
COMPONENT = Keys(
    "",
    "version kind name description tags inputs run container termination",
    f"outputs {_IGNORED} contexts template",
    {
        "run": Keys(
            "container",
            "kind",
            "environment connections volumes init sidecars",
            {"container": _CONTAINER},
        ),
        "container": _CONTAINER,
        "inputs.items": Keys("name", _INPUT),
        "termination": _TERMINATION,
    },
)
OPERATION = Keys(
    "matrix",
    "version kind name description tags component pathRef params termination bohb hubRef urlRef "
    "dagRef",
    f"{_IGNORED} joins events dependencies trigger conditions skipOnUpstreamSkip schedule runPatch "
    "patchStrategy isPreset",
    {
        "matrix": Keys(
            kinds={
                "hyperband": _matrix("maxIterations resource params", _RUNGS),
                "bohb": _matrix("maxIterations resource params", _RUNGS),
                "asha": _matrix("maxIterations resource params", f"{_RUNGS} numRuns"),
                "random": _matrix("numRuns params", "seed"),
                "grid": _matrix("params", "numRuns"),
                "mapping": _matrix("values"),
            }
        ),
        "termination": _TERMINATION,
        "bohb": Keys("", "pattern file step leg_timeout max_failures workdir"),
    },
)

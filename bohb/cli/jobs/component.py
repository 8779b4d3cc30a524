"""The component of a Polyaxon file: the command, and what it takes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from bohb.cli.jobs.command import Command
from bohb.cli.jobs.document import Entry
from bohb.cli.jobs.reading import argument
from bohb.cli.jobs.template import Template

_COMPONENT = ("version", "kind", "name", "description", "tags", "inputs", "run", "container")
# What has its use in a cluster, and none here.
_COMPONENT_UNUSED = (
    "outputs",
    "presets",
    "queue",
    "cache",
    "plugins",
    "build",
    "hooks",
    "contexts",
    "isApproved",
    "cost",
    "template",
)
_RUN_UNUSED = ("environment", "connections", "volumes", "init", "sidecars")
_CONTAINER = ("name", "command", "args", "env", "workingDir")
_CONTAINER_UNUSED = ("image", "imagePullPolicy", "resources", "ports", "volumeMounts", "envFrom")
_INPUT = ("name", "type", "value", "isOptional")
_INPUT_UNUSED = (
    "description",
    "options",
    "isList",
    "isFlag",
    "toInit",
    "toEnv",
    "connection",
    "argFormat",
    "delayValidation",
    "validation",
)
_REFERENCE = re.compile(r"\{\{\s*(params|globals)\.(\S+?)\s*\}\}")
_OUTPUTS = ("run_outputs_path", "run_artifacts_path", "artifacts_path", "outputs_path")


@dataclass(frozen=True)
class Component:
    """What is run, and what it takes.

    Attributes
    ----------
    command_entry, args_entry
        Where the command is written.
    inputs
        The values of inputs, by name.
    unused
        The keys that have no use here.
    """

    command: Command
    command_entry: Entry
    args_entry: Entry | None
    environment: dict[str, Template]
    workdir: Entry | None
    inputs: dict[str, Any]
    termination: Entry | None
    unused: list[str] = field(default_factory=list)


def read_component(
    entry: Entry, params: Mapping[str, Any], tuned: Mapping[str, Entry]
) -> Component:
    """Return what a component says.

    Parameters
    ----------
    params
        Values that the operation gives to inputs.
    tuned
        The names that the matrix gives values to, and where.

    Raises
    ------
    JobError
        If it has no command, or an input has no value.
    """
    unused: list[str] = []
    fields = _known(entry, (*_COMPONENT, "termination"), _COMPONENT_UNUSED, unused)
    run = fields
    holder = entry
    if "run" in fields:
        holder = fields["run"]
        run = _known(holder, ("kind", "container"), _RUN_UNUSED, unused)
        if "kind" in run and run["kind"].value != "job":
            raise run["kind"].error(
                f"run.kind must be job to be run here, got {run['kind'].value!r}"
            )
    if "container" not in run:
        raise holder.error(f"{holder.name} must have a container with a command")
    container = _known(run["container"], _CONTAINER, _CONTAINER_UNUSED, unused)
    command_entry, command = _command(run["container"], container)
    inputs = _inputs(fields.get("inputs"), params, tuned)
    return Component(
        command,
        command_entry,
        container.get("args"),
        _environment(container["env"]) if "env" in container else {},
        container.get("workingDir"),
        inputs,
        fields.get("termination"),
        unused,
    )


def translated(text: str) -> str:
    """Return a text with Polyaxon's ways to name a value in place of ours.

    Examples
    --------
    >>> translated("{{ params.lr.as_arg }} --out={{ globals.run_outputs_path }}")
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


def _known(
    entry: Entry, used: Iterable[str], unused: Iterable[str], found: list[str]
) -> dict[str, Entry]:
    """Return the fields that are used, and add the names of the others to `found`."""
    used, unused = tuple(used), tuple(unused)
    fields = entry.fields((*used, *unused))
    found += [fields[name].name for name in unused if name in fields]
    return {name: part for name, part in fields.items() if name in used}


def _command(entry: Entry, container: Mapping[str, Entry]) -> tuple[Entry, Command]:
    if "command" not in container:
        raise entry.error(
            f"{entry.name}.command is missing: no image is used here that could have one"
        )
    texts = [
        translated(argument(part))
        for key in ("command", "args")
        if key in container
        for part in (container[key].parts() if container[key].is_list else [container[key]])
    ]
    place = container["command"]
    if not texts:
        raise place.error(f"{place.name} must have at least one argument, got none")
    return place, place.checked(lambda *_: Command.of_arguments(texts))


def _environment(entry: Entry) -> dict[str, Template]:
    found = {}
    for part in entry.parts():
        fields = part.fields(("name", "value"), required=("name", "value"))
        text = translated(argument(fields["value"]))
        found[fields["name"].text()] = fields["value"].checked(lambda *_, t=text: Template.parse(t))
    return found


def _inputs(
    entry: Entry | None, params: Mapping[str, Any], tuned: Mapping[str, Entry]
) -> dict[str, Any]:
    """Return the values of the inputs that are not tuned."""
    if entry is None:
        return {name: value for name, value in params.items() if name not in tuned}
    values: dict[str, Any] = {}
    declared = set()
    for part in entry.parts():
        fields = part.fields((*_INPUT, *_INPUT_UNUSED), required=("name",))
        name = fields["name"].text()
        declared.add(name)
        if name in tuned:
            continue
        if name in params:
            values[name] = params[name]
        elif "value" in fields:
            values[name] = fields["value"].value
        elif not ("isOptional" in fields and fields["isOptional"].flag()):
            raise part.error(
                f"input {name} has no value: give it one here or under params, or tune it in the "
                "matrix"
            )
    for name, place in tuned.items():
        if name not in declared:
            raise place.error(f"{name} is not an input of the component: declare it under inputs")
    return values

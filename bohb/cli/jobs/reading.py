"""What the parts of a job file mean that are written in one way only."""

from __future__ import annotations

import functools
import math
import os
import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from bohb import arguments
from bohb.cli.jobs.command import SHELLS, Command
from bohb.cli.jobs.document import Entry
from bohb.cli.jobs.job import Metric, Schedule
from bohb.cli.jobs.stopping import Policy, Rule
from bohb.cli.jobs.template import Template, as_text
from bohb.errors import ArgumentError, ArgumentTypeError
from bohb.hyperband import Resource

T = TypeVar("T")
C = TypeVar("C", bound=str)

_MOST = 1_000_000


def template(entry: Entry) -> Template:
    """Return the template that is written there."""
    return entry.checked(_template)


def _template(name: str, value: Any) -> Template:
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise ArgumentTypeError(f"{name} must be a string, got {value!r}")
    return Template.parse(str(value))


def command(entry: Entry, shell: Entry | None = None) -> Command:
    """Return the command that is written there: a list of arguments, or one string."""
    if entry.is_list:
        if shell is not None:
            raise shell.error(f"shell needs a command that is one string, got {entry.value!r}")
        texts = [argument(part) for part in entry.parts()]
        if not texts:
            raise entry.error(f"{entry.name} must have at least one argument, got none")
        return entry.checked(lambda _, __: Command.of_arguments(texts))
    if not isinstance(entry.value, str):
        raise entry.error(f"{entry.name} must be a string or a list, got {entry.value!r}")
    text = entry.text()
    if shell is not None:
        chosen = shell.one_of(SHELLS)
        return entry.checked(lambda _, __: Command.of_shell(chosen, text))
    return entry.checked(_split)


def _split(name: str, text: str) -> Command:
    """Return the command that a shell would see in `text`, but for what only a shell knows."""
    parts = Template.parse(text).parts
    kept = "".join(f"{{{{{part}}}}}" if index % 2 else part for index, part in enumerate(parts))
    try:
        texts = shlex.split(kept)
    except ValueError as error:
        raise ArgumentError(f"{name} cannot be split into arguments: {error}") from error
    for part in texts:
        if part in ("|", "||", "&&", ";", "&", ">", ">>", "<", "2>&1"):
            raise ArgumentError(
                f"{name} is run without a shell, which {part!r} would need: ask for one with "
                "shell: bash"
            )
    return Command.of_arguments(texts)


def argument(entry: Entry) -> str:
    """Return a text or a number as it is written in a command."""
    value = entry.value
    if isinstance(value, (dict, list)) or value is None:
        raise entry.error(f"{entry.name} must be a string, got {value!r}")
    return as_text(value)


def kind(entry: Entry, choices: Sequence[C]) -> C:
    """Return the kind of a part, which must have one of `choices`."""
    found = entry.entries().get("kind")
    if found is None:
        raise entry.error(f"{entry.name}.kind is missing: one of {', '.join(choices)}")
    return found.one_of(choices)


def factor(name: str, value: Any) -> float:
    """Return a reduction factor."""
    given = arguments.number(name, value)
    if not (math.isfinite(given) and given > 1):
        raise ArgumentError(f"{name} must be greater than 1, got {value!r}")
    return given


def count(name: str, value: Any) -> int:
    """Return a count of what is to be done, which is not larger than can be planned."""
    given = arguments.count(name, value)
    if given > _MOST:
        raise ArgumentError(f"{name} must be at most {_MOST}, got {value!r}")
    return given


def max_failures(entry: Entry | None) -> float:
    """Return the share of evaluations that may fail; one in which something must be wrong."""
    return 0.9 if entry is None else entry.checked(arguments.share)


def n_jobs(name: str, value: Any) -> int:
    """Return a number of commands to run at the same time; -1 stands for that of processors."""
    if isinstance(value, int) and not isinstance(value, bool) and (value == -1 or value >= 1):
        return value
    raise ArgumentError(
        f"{name} must be a number of commands, or -1 for one per processor, got {value!r}"
    )


def maximize(entry: Entry) -> bool:
    """Return whether a direction is to maximize."""
    directions = ("minimize", "maximize")
    return entry.one_of(directions) == "maximize"


def optional(
    fields: Mapping[str, Entry], name: str, check: Callable[..., T], **options: Any
) -> T | None:
    """Return the field `name` as `check` returns it; None if it was not given."""
    return fields[name].checked(check, **options) if name in fields else None


def resource(entry: Entry, kind: str | None) -> Resource:
    """Return a resource as the `kind` that it is, "int" or "float"; None for what it can be."""
    value = entry.checked(arguments.positive)
    if kind == "int" and value != int(value):
        raise entry.error(f"{entry.name} must be an integer, got {value!r}")
    if kind == "float" or value != int(value):
        return float(value)
    return int(value)


def metric(name: str, maximize: bool, fields: Mapping[str, Entry]) -> Metric:
    """Return the metric that is found where `fields` say: pattern, file and step."""
    if "pattern" in fields and "file" in fields:
        raise fields["file"].error("only one of pattern and file can be given for a metric")
    made = Metric(
        name,
        maximize,
        _pattern(fields["pattern"]) if "pattern" in fields else None,
        template(fields["file"]) if "file" in fields else None,
        _step_key(fields["step"]) if "step" in fields else "step",
    )
    if made.pattern is not None and not made.value_group:
        entry = fields["pattern"]
        raise entry.error(
            f"{entry.name} must have a group for the value, as in 'loss=(?P<value>\\S+)', got "
            f"{entry.value!r}"
        )
    return made


def _step_key(entry: Entry) -> str | None:
    """Return the key of the resource in a report; None if it is false, for none."""
    return None if entry.value is False else entry.text()


def policy(rule: Rule, name: str, maximize: bool, fields: Mapping[str, Entry]) -> Policy:
    """Return the policy that prunes as `fields` say, which are named as its attributes are."""
    checks: dict[str, Callable[..., Any]] = {
        "percent": percent,
        "interval": arguments.count,
        "min_step": functools.partial(arguments.count, least=0),
        "min_samples": arguments.count,
        "spared_from": arguments.number,
    }
    given = {key: fields[key].checked(check) for key, check in checks.items() if key in fields}
    if "among_running" in fields:
        given["among_running"] = fields["among_running"].flag()
    return Policy(rule, name, maximize, **{"min_samples": 5, **given})


def percent(name: str, value: Any) -> float:
    """Return a percentage, which is neither nothing nor all."""
    given = arguments.number(name, value)
    if not 0 < given < 100:
        raise ArgumentError(f"{name} must be greater than 0 and less than 100, got {value!r}")
    return given


def _pattern(entry: Entry) -> re.Pattern[str]:
    """Return the regular expression that is written there."""
    try:
        return re.compile(entry.text())
    except re.error as error:
        raise entry.error(
            f"{entry.name} must be a regular expression, got {entry.value!r}: {error}"
        ) from error


def job_name(path: Path, entry: Entry | None) -> str:
    """Return the name of the study: as it is written, or that of the file."""
    if entry is None:
        return path.stem
    name = entry.text()
    if os.sep in name or name != name.strip():
        raise entry.error(
            f"{entry.name} must have no {os.sep} and no blanks around it, got {name!r}"
        )
    return name


def possible_schedule(entry: Entry, **given: Any) -> Schedule:
    """Return a schedule whose pruner can be made."""
    schedule = Schedule(**given)
    entry.checked(lambda _, __: schedule.pruner)
    return schedule

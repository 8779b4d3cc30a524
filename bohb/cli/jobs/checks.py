"""Whether a job can be run here, and what its author may have forgotten."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace

from bohb.cli.jobs.command import GENERAL
from bohb.cli.jobs.document import Entry, near_to
from bohb.cli.jobs.job import SINGLE_RUNG, Job
from bohb.cli.jobs.template import Template

_SINGLE_BRACES = re.compile(r"(?<![${])\{\s*([A-Za-z_]\w*)\s*\}(?!\})")


def checked(job: Job, fields: Mapping[str, Entry], *, is_to_run: bool) -> Job:
    """Return `job` with remarks for its author, if it can be run here.

    Parameters
    ----------
    fields
        Where its command (and its args, if they are written apart), workdir, env, metric and
        early_stopping are written.
    is_to_run
        Whether its program and its directory must be there.

    Raises
    ------
    JobError
        If a name in a template stands for nothing, or there is no such program or directory.
    """
    known = {*GENERAL, *job.parameter_names, *job.inputs}
    if job.schedule.resource in known:
        raise fields["command"].error(
            f"{job.schedule.resource} is the name of the resource and of something else: give one "
            "of them another name"
        )
    if job.schedule.resource is not None:
        known.add(job.schedule.resource)
    command = [fields[key] for key in ("command", "args") if key in fields]
    _check_names(command, job.command.names, known)
    _check_braces(job, command, known)
    if "env" in fields:
        _check_names([fields["env"]], _names(job.environment.values()), known)
    if "workdir" in fields:
        _check_names([fields["workdir"]], job.workdir.names, known)
    if job.metric.file is not None:
        _check_names([fields["metric"]], job.metric.file.names, known)
        _check_file(job, fields["metric"])
    _check_other_metrics(job, fields)
    if is_to_run:
        _check_program(job, fields)
    return replace(job, remarks=(*job.remarks, *_remarks(job)))


def _check_names(entries: list[Entry], names: Iterable[str], known: set[str]) -> None:
    for name in sorted(set(names) - known):
        hint = near_to(name, known) or f": the names here are {', '.join(sorted(known))}"
        raise _place(entries, name).error(f"{{{{ {name} }}}} is not known{hint}")


def _check_braces(job: Job, entries: list[Entry], known: set[str]) -> None:
    """Raise an error if a value is named in single braces, which mean nothing here."""
    for index, argument in enumerate(job.command.arguments):
        for text in argument.parts[::2] if index != job.command.program else ():
            for match in _SINGLE_BRACES.finditer(text):
                if match.group(1) in known:
                    raise _place(entries, match.group()).error(
                        f"{match.group()} must be written {{{{ {match.group(1)} }}}} to be a value"
                    )


def _place(entries: list[Entry], text: str) -> Entry:
    """Return the part of some entries in which `text` stands."""
    parts = [part for entry in entries for part in (entry.parts() if entry.is_list else [entry])]
    return next((part for part in parts if text in str(part.value)), entries[0])


def _check_file(job: Job, entry: Entry) -> None:
    """Raise an error if two commands at the same time would write their metric into one file."""
    if job.jobs == 1 or job.metric.file is None:
        return
    if not {"trial", "checkpoint_dir"} & {*job.metric.file.names, *job.workdir.names}:
        raise entry.error(
            "metric.file must differ from trial to trial if several run at the same time, as in "
            "file: '{{ checkpoint_dir }}/metrics.json'"
        )


def _check_other_metrics(job: Job, fields: Mapping[str, Entry]) -> None:
    for rule in job.stopping:
        if job.metric.pattern is not None and rule.metric != job.metric.name:
            raise fields["early_stopping"].error(
                f"metric.pattern finds {job.metric.name} only, and early_stopping asks for "
                f"{rule.metric}"
            )


def _check_program(job: Job, fields: Mapping[str, Entry]) -> None:
    entry, directory = fields["command"], job.directory
    if not job.workdir.names:
        directory /= job.workdir.fill({})
        if not directory.is_dir():
            raise fields.get("workdir", entry).error(
                f"the commands are to run in {directory}, and there is no such directory"
            )
    if (fault := job.command.fault(directory)) is not None:
        raise _place([entry], fault.split("'")[1]).error(fault)


def _remarks(job: Job) -> list[str]:
    found = []
    named = {*job.command.names, *_names(job.environment.values())}
    unnamed = sorted(job.parameter_names - named)
    if unnamed and "params_file" not in named:
        found.append(
            f"the command does not name {', '.join(unnamed)}: the script finds all values in the "
            "file that BOHB_PARAMS_FILE names"
        )
    if job.schedule.method not in SINGLE_RUNG and not job.names_resource:
        found.append(
            f"the command does not name {{{{ {job.schedule.resource} }}}}: the script reads "
            "BOHB_RESOURCE, or is ended once it reports a step beyond that"
        )
    return found


def _names(templates: Iterable[Template]) -> set[str]:
    return {name for template in templates for name in template.names}

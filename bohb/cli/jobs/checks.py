"""Checks of a whole job: faults that keep it from being run, and remarks for its author."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from bohb.cli.jobs.command import GENERAL
from bohb.cli.jobs.document import Document, Fault, Keys, near_to
from bohb.cli.jobs.job import Job
from bohb.cli.jobs.schedule import SINGLE_RUNG

_SINGLE_BRACES = re.compile(r"(?<![${])\{\s*([A-Za-z_]\w*)\s*\}(?!\})")


def faults_of(job: Job, document: Document, *, is_to_run: bool) -> Iterator[Fault]:
    """Yield the faults that keep a job from being run on this machine.

    Parameters
    ----------
    document
        The document that the job was read from.
    is_to_run
        Whether its program and its working directory must exist.
    """
    known = {*GENERAL, *job.parameter_names, *job.inputs}
    resource = job.schedule.resource
    if resource in known:
        yield Fault(
            ("command",),
            f"{resource} is the name of the resource and of something else: give one of them "
            "another name",
        )
        return  # the name is ambiguous in the command, so further faults would mislead
    if resource is not None:
        known.add(resource)
    yield from _unknown_names(("command",), job.command.names, known, document)
    yield from _single_braces(job, known, document)
    for name, text in job.environment.items():
        yield from _unknown_names(("env", name), text.names, known, document)
    yield from _unknown_names(("workdir",), job.workdir.names, known, document)
    if job.metric.file is not None:
        yield from _unknown_names(("metric", "file"), job.metric.file.names, known, document)
        yield from _shared_file(job)
    for index, rule in enumerate(job.stopping):
        if job.metric.pattern is not None and rule.metric != job.metric.name:
            yield Fault(
                ("early_stopping", index),
                f"metric.pattern finds {job.metric.name} only, and early_stopping asks for "
                f"{rule.metric}",
            )
    if is_to_run:
        yield from _missing_program(job, document)


def remarks_of(job: Job) -> list[str]:
    """Return remarks on values that the author of a job may have forgotten to use."""
    found = []
    unnamed = sorted(job.parameter_names - job.named)
    if unnamed and "params_file" not in job.named:
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


def _unknown_names(
    place: Keys, names: Iterable[str], known: set[str], document: Document
) -> Iterator[Fault]:
    """Yield the names in a template that stand for no value."""
    for name in sorted(set(names) - known):
        hint = near_to(name, known) or f": the names here are {', '.join(sorted(known))}"
        yield Fault(_place_of(name, place, document), f"{{{{ {name} }}}} is not known{hint}")


def _single_braces(job: Job, known: set[str], document: Document) -> Iterator[Fault]:
    """Yield the values that the command names in single braces, which are not replaced."""
    for index, argument in enumerate(job.command.arguments):
        # The program of a shell is left out, as braces have a meaning of their own in it.
        for text in argument.parts[::2] if index != job.command.program else ():
            for match in _SINGLE_BRACES.finditer(text):
                if match.group(1) in known:
                    yield Fault(
                        _place_of(match.group(), ("command",), document),
                        f"{match.group()} must be written {{{{ {match.group(1)} }}}} to be a value",
                    )


def _place_of(text: str, place: Keys, document: Document) -> Keys:
    """Return the place of the list item that holds `text`; `place` itself if there is none."""
    value = document.value
    for key in place:
        value = value.get(key)
    if isinstance(value, list):
        for index, part in enumerate(value):
            if text in str(part):
                return (*place, index)
    return place


def _shared_file(job: Job) -> Iterator[Fault]:
    """Yield a fault if two commands at the same time would write the same file of the metric."""
    names = {*job.workdir.names, *(job.metric.file.names if job.metric.file else ())}
    if job.jobs != 1 and not {"trial", "checkpoint_dir"} & names:
        yield Fault(
            ("metric", "file"),
            "metric.file must differ from trial to trial if several run at the same time, as in "
            "file: '{{ checkpoint_dir }}/metrics.json'",
        )


def _missing_program(job: Job, document: Document) -> Iterator[Fault]:
    directory = job.directory
    if not job.workdir.names:
        directory /= job.workdir.fill({})
        if not directory.is_dir():
            yield Fault(
                ("workdir",),
                f"the commands are to run in {directory}, and there is no such directory",
            )
            return
    if (found := job.command.fault(directory)) is not None:
        argument, message = found
        yield Fault(_place_of(argument, ("command",), document), message)

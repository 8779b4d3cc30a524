"""Checks of a whole job: faults that keep it from being run, and remarks for its author."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from bohb.cli.jobs.command import GENERAL, Command
from bohb.cli.jobs.document import NAME, Node, near_to
from bohb.cli.jobs.fields import FieldError, Place
from bohb.cli.jobs.job import Job
from bohb.errors import ArgumentError

_SINGLE_BRACES = re.compile(r"(?<![${])\{\s*([A-Za-z_]\w*)\s*\}(?!\})")


def faults_of(job: Job, document: Node, *, is_to_run: bool) -> Iterator[FieldError]:
    """Yield the faults of keys that are right by themselves, but do not fit together.

    Parameters
    ----------
    document
        The document that the job was read from.
    is_to_run
        Whether its program and its working directory must exist.
    """
    of_keys = [*_faults_of_params(job), *_faults_of_schedule(job), *_faults_of_rules(job)]
    yield from of_keys
    if any(fault.place[:1] in ((), ("params",), ("cases",)) for fault in of_keys):
        return  # it is not known what the command may name
    if job.metric.file is not None:
        yield from _shared_file(job)
    try:
        command = job.command
    except ArgumentError as error:
        yield FieldError(str(error), getattr(error, "place", ("command",))[0])
    else:
        yield from _faults_of_names(job, command, document)
        if is_to_run:
            yield from _missing_program(job, command, document)


def remarks_of(job: Job) -> list[str]:
    """Return remarks on values that the author of a job may have forgotten to use."""
    found = []
    unnamed = sorted(job.parameter_names - job.named)
    if unnamed and "params_file" not in job.named:
        found.append(
            f"the command does not name {', '.join(unnamed)}: the script finds all values in the "
            "file that BOHB_PARAMS_FILE names"
        )
    if job.has_rungs and not job.names_resource:
        found.append(
            f"the command does not name {{{{ {job.resource_name} }}}}: the script reads "
            "BOHB_RESOURCE, or is ended once it reports a step beyond that"
        )
    return found


def _faults_of_params(job: Job) -> Iterator[FieldError]:
    needed, other = ("cases", "params") if job.method == "mapping" else ("params", "cases")
    given = {"cases": job.given_cases, "params": job.params}
    if given[needed] is None:
        yield FieldError(f"{needed} is missing, which method {job.method} needs")
    elif given[other] is not None:
        message = f"{NAME} is of no use to method {job.method}, which takes {needed}"
        yield FieldError(message, other)
    elif not given[needed]:
        yield FieldError(f"{NAME} must have at least one parameter, got none", "params")


def _faults_of_schedule(job: Job) -> Iterator[FieldError]:
    method, limits, resource = job.method, job.given_limits, job.resource
    if method in ("grid", "mapping") and limits.counted not in ([], ["n_trials"]):
        message = f"{NAME} is of no use to method {method}: use n_trials"
        yield FieldError(message, "limits", limits.counted[0])
    if method == "random" and not limits.counted and limits.timeout is None:
        yield FieldError(
            f"limits is missing, which method {method} needs: limits: {{n_trials: 20}}"
        )
    if job.has_rungs and resource is None:
        yield FieldError(
            f"resource is missing, which method {method} needs: what a trial is given more of "
            "as it is promoted, as in resource: {name: epochs, max: 81}"
        )
    elif job.has_rungs and resource is not None and resource.min > resource.max:
        field = "min" if "min" in resource.model_fields_set else "max"
        least, most = resource.bounds
        message = f"resource.min must not be above max, got min={least}, max={most}"
        yield FieldError(message, "resource", field)
    else:
        place: Place = ("resource",)
        try:
            _ = job.limits, job.pruner
            place = ("limits", "total_resource")
            if limits.total_resource is not None:  # a fault of another limit was named
                _ = job.starts
        except FieldError as error:
            yield error
        except ArgumentError as error:
            yield FieldError(str(error), *place)


def _faults_of_rules(job: Job) -> Iterator[FieldError]:
    for index, rule in enumerate(job.early_stopping):
        if rule.metric in ("", job.metric.name):
            continue
        place = ("early_stopping", index)
        if rule.direction is None:
            message = f"{NAME} is another metric than the job's, and needs a direction"
            yield FieldError(message, *place, "metric")
        elif job.metric.pattern is not None:
            yield FieldError(
                f"metric.pattern finds {job.metric.name} only, and early_stopping asks for "
                f"{rule.metric}",
                *place,
            )


def _faults_of_names(job: Job, command: Command, document: Node) -> Iterator[FieldError]:
    known = {*GENERAL, *job.parameter_names, *job.inputs}
    resource = job.resource_name
    if resource in known:
        yield FieldError(
            f"{resource} is the name of the resource and of something else: give one of them "
            "another name",
            "command",
        )
        return  # the name is ambiguous in the command, so further faults would mislead
    if resource is not None:
        known.add(resource)
    yield from _single_braces(command, known, document)
    named: dict[Place, Iterable[str]] = {
        ("command",): command.names,
        ("workdir",): job.workdir.names,
        ("metric", "file"): job.metric.file.names if job.metric.file else (),
        **{("env", variable): text.names for variable, text in job.environment.items()},
    }
    for place, names in named.items():
        for name in sorted(set(names) - known):
            hint = near_to(name, known) or f": the names here are {', '.join(sorted(known))}"
            message = f"{{{{ {name} }}}} is not known{hint}"
            yield FieldError(message, *_place_of(name, document, *place))


def _single_braces(command: Command, known: set[str], document: Node) -> Iterator[FieldError]:
    """Yield the values that the command names in single braces, which are not replaced."""
    for index, argument in enumerate(command.arguments):
        # The program of a shell is left out, as braces have a meaning of their own in it.
        for text in argument.parts[::2] if index != command.program else ():
            for match in _SINGLE_BRACES.finditer(text):
                if match.group(1) in known:
                    yield FieldError(
                        f"{match.group()} must be written {{{{ {match.group(1)} }}}} to be a value",
                        *_place_of(match.group(), document, "command"),
                    )


def _place_of(text: str, document: Node, *place: str | int) -> Place:
    """Return the place of the list item that holds `text`; `place` itself if there is none."""
    items = document.at(*place).content
    for index, item in enumerate(items if isinstance(items, list) else ()):
        if text in str(item.value):
            return (*place, index)
    return place


def _shared_file(job: Job) -> Iterator[FieldError]:
    """Yield a fault if two commands at the same time would write the same file of the metric."""
    names = {*job.workdir.names, *(job.metric.file.names if job.metric.file else ())}
    if job.jobs != 1 and not {"trial", "checkpoint_dir"} & names:
        yield FieldError(
            "metric.file must differ from trial to trial if several run at the same time, as in "
            "file: '{{ checkpoint_dir }}/metrics.json'",
            "metric",
            "file",
        )


def _missing_program(job: Job, command: Command, document: Node) -> Iterator[FieldError]:
    directory = job.directory
    if not job.workdir.names:
        directory /= job.workdir.fill({})
        if not directory.is_dir():
            yield FieldError(
                f"the commands are to run in {directory}, and there is no such directory",
                "workdir",
            )
            return
    if (found := command.fault(directory)) is not None:
        argument, message = found
        yield FieldError(message, *_place_of(argument, document, "command"))

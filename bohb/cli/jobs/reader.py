"""The reader of job files, which translates those of Polyaxon and checks the job as a whole."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from bohb.cli.jobs.checks import faults_of, remarks_of
from bohb.cli.jobs.document import Document, Fault, read_document
from bohb.cli.jobs.fields import n_jobs as checked_n_jobs
from bohb.cli.jobs.fields import read_part
from bohb.cli.jobs.job import Job
from bohb.cli.jobs.polyaxon import is_operation, translated


def read_job(path: Path, *, n_jobs: int | None = None, is_to_run: bool = True) -> Job:
    """Return the job in a file, with remarks for its author.

    Parameters
    ----------
    n_jobs
        The number of commands to run at the same time; None for the number in the file.
    is_to_run
        Whether the program and the working directory must exist.

    Raises
    ------
    ArgumentError
        If `n_jobs` is not a number of commands.
    JobError
        If the file cannot be read or the job in it cannot be run. The message has a line for each
        fault, which begins with the file and the line in it.
    """
    document = read_document(path)
    remarks: tuple[str, ...] = ()
    if is_operation(document):
        document, remarks = translated(document)
    if isinstance(document.value, dict):
        document.value.setdefault("name", path.stem)
    job, faults = _read(document)
    if job is not None:
        if n_jobs is not None:
            job = job.model_copy(update={"jobs": checked_n_jobs("--jobs", n_jobs)})
        job = job.at(path, ())
        faults += faults_of(job, document, is_to_run=is_to_run)
    if job is None or faults:
        raise document.error(*faults)
    return job.at(path, (*remarks, *remarks_of(job)))


def _read(document: Document) -> tuple[Job | None, list[Fault]]:
    """Return the job in a document and its faults; these are mended in the job, as far as can be.

    Some faults are only seen once others are mended.
    """
    faults: list[Fault] = []
    while True:
        job, more = read_part(Job, _mended(document.value, faults))
        at_fault = {fault.place[:1] for fault in faults}
        new = [fault for fault in more if not faults or fault.place[:1] not in {(), *at_fault}]
        faults += new
        if not new:
            return job, faults


def _mended(value: Any, faults: Iterable[Fault]) -> Any:
    """Return a job with other parts in place of those at fault, so that the rest can be checked.

    A parameter and the resource keep their names, for the command may ask for them.
    """
    if not isinstance(value, dict):
        return value
    mended = dict(value)
    for key, *below in (fault.place for fault in faults if fault.place):
        if key == "params" and below and isinstance(value[key], dict):
            mended[key] = {**mended[key], below[0]: {"kind": "choice", "values": [0]}}
        elif key == "resource" and isinstance(value[key], dict):
            mended[key] = {"name": value[key].get("name"), "max": 1}
        elif key == "metric":
            mended[key] = "value"
        else:
            mended.pop(key, None)
    return mended

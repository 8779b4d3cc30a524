"""The reader of job files, which translates those of Polyaxon and checks the job as a whole."""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from bohb.cli.jobs.checks import faults_of, remarks_of
from bohb.cli.jobs.document import Node, read_document
from bohb.cli.jobs.fields import Place, reworded
from bohb.cli.jobs.fields import n_jobs as checked_n_jobs
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
    if isinstance(document.content, dict):
        document.content.setdefault("name", document.new(path.stem))
    job, at_fault = _job_in(document)
    if job is not None:
        if n_jobs is not None:
            job = job.model_copy(update={"jobs": checked_n_jobs(n_jobs, "--jobs")})
        job = job.at(path, ())
        for fault in faults_of(job, document, is_to_run=is_to_run):
            if not at_fault or fault.place[:1] not in {(), *at_fault}:
                document.at(*fault.place).refuse(str(fault))
    if job is None or document.faults:
        raise document.error()
    return job.at(path, (*remarks, *remarks_of(job)))


def _job_in(document: Node) -> tuple[Job | None, set[Place]]:
    """Return the job in a document, and the keys at fault.

    Something else stands in the place of these, so that the rest can be checked. A parameter and
    the resource keep their names, for the command may ask for them.
    """
    given = document.value
    try:
        return Job.model_validate(given), set()
    except ValidationError as error:
        faults = [reworded(each) for each in error.errors(include_url=False)]
    for place, text in faults:
        document.at(*place).refuse(text)
    at_fault = {place[:1] for place, _ in faults}
    stand_ins = {
        "metric": "value",
        "params": {name: [0] for name in document.at("params").keys},
        "resource": {"name": document.at("resource", "name").value, "max": 1},
    }
    if isinstance(given, dict) and ("cases",) not in at_fault:
        given = {
            key: stand_ins.get(key) if (key,) in at_fault else value
            for key, value in given.items()
            if (key,) not in at_fault or key in stand_ins
        }
    try:
        return Job.model_validate(given), at_fault
    except ValidationError:
        return None, at_fault

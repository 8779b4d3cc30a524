"""The reader of job files, which translates those of Polyaxon and checks the job as a whole."""

from __future__ import annotations

from pathlib import Path

from bohb.cli.jobs.checks import faults_of, remarks_of
from bohb.cli.jobs.document import read_document
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
    job = read_part(Job, document)
    if n_jobs is not None:
        job = job.model_copy(update={"jobs": checked_n_jobs("--jobs", n_jobs)})
    job = job.at(path, ())
    faults = list(faults_of(job, document, is_to_run=is_to_run))
    if faults:
        raise document.error(*faults)
    return job.at(path, (*remarks, *remarks_of(job)))

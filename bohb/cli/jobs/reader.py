"""Reading a job file, in whichever of the two ways it is written."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from bohb.cli.jobs import reading
from bohb.cli.jobs.checks import checked
from bohb.cli.jobs.document import read_document
from bohb.cli.jobs.job import Job
from bohb.cli.jobs.polyaxon import read_operation
from bohb.cli.jobs.schema import read_own
from bohb.errors import ArgumentError, JobError


def read_job(path: Path, *, n_jobs: int | None = None, is_to_run: bool = True) -> Job:
    """Return the job in a file, with remarks for its author.

    Parameters
    ----------
    n_jobs
        How many commands run at the same time; None for what the file says.
    is_to_run
        Whether the program must be there.

    Raises
    ------
    ArgumentError
        If `n_jobs` is not a number of commands.
    JobError
        If the file cannot be read or the job in it cannot be run; the message names the line.
    """
    document = read_document(path)
    is_polyaxon = document.is_mapping and {"matrix", "component"} & document.entries().keys()
    read = read_operation if is_polyaxon else read_own
    try:
        job, fields = read(document, path)
        if n_jobs is not None:
            job = replace(job, jobs=reading.n_jobs("--jobs", n_jobs))
        return checked(job, fields, is_to_run=is_to_run)
    except (ArgumentError, JobError):
        raise
    except (ArithmeticError, ValueError, OSError) as error:  # numbers and names beyond all bounds
        raise JobError(f"{path}: the job cannot be used: {error}") from error

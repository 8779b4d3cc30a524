"""The executor for what a user gives: a pool, a client of Dask, or a number of threads."""

from __future__ import annotations

import concurrent.futures
import os
from typing import Any

from bohb import arguments
from bohb.errors import ArgumentError, ArgumentTypeError
from bohb.executors.futures import FuturesExecutor
from bohb.executors.local import SerialExecutor, ThreadExecutor
from bohb.executors.port import Executor


def executor_for(given: Any, n_jobs: int) -> Executor:
    """Return the executor for what was given as `executor` and `n_jobs`.

    Parameters
    ----------
    given
        One of `bohb.executors`, any pool of `concurrent.futures`, a client of Dask, or None for
        threads.
    n_jobs
        How many threads; 1 for this one alone, -1 for as many as there are processors.

    Raises
    ------
    ArgumentTypeError
        If `given` is none of the things that run legs.
    ArgumentError
        If `n_jobs` is out of its range, or given together with an executor.

    Examples
    --------
    >>> executor_for(None, 4).n_workers
    4
    """
    if given is None:
        return _for_jobs(n_jobs)
    if n_jobs != 1:
        raise ArgumentError(
            f"n_jobs is for threads of this process and cannot be given together with executor, "
            f"got n_jobs={n_jobs!r} with {given!r}"
        )
    if isinstance(given, Executor):
        return given
    if arguments.comes_from("distributed", given):
        from bohb.executors.dask import DaskExecutor, client_of  # needs Dask, which is optional

        return DaskExecutor(client_of(given))
    if isinstance(given, concurrent.futures.Executor):
        return FuturesExecutor(given)
    raise ArgumentTypeError(
        "executor must be a concurrent.futures.Executor, a dask.distributed.Client or one of "
        f"bohb.executors, got {given!r}"
    )


def _for_jobs(n_jobs: int) -> Executor:
    if n_jobs == 0:
        raise ArgumentError("n_jobs must be at least 1, or -1 for all processors, got 0")
    arguments.count("n_jobs", n_jobs, least=-1)
    n_workers = (os.cpu_count() or 1) if n_jobs == -1 else n_jobs
    return SerialExecutor() if n_workers == 1 else ThreadExecutor(n_workers)

"""Who does the work of a search: `n_jobs` as scikit-learn's users mean it, or an executor."""

from __future__ import annotations

from typing import Any

import joblib
from joblib.parallel import get_active_backend

from bohb.errors import ArgumentError
from bohb.executors import ProcessExecutor, SerialExecutor, ThreadExecutor


def executor_of(executor: Any, n_jobs: int | None) -> Any:
    """Return what `study.optimize` is to run legs on.

    `n_jobs` counts processes, unless ``joblib.parallel_config`` says threads or Dask.

    Raises
    ------
    ArgumentError
        If both are given.
    """
    if executor is not None:
        if n_jobs not in (None, 1):
            raise ArgumentError(
                f"n_jobs and executor cannot both be given, got n_jobs={n_jobs!r} and {executor!r}"
            )
        return executor
    backend, _ = get_active_backend()
    if hasattr(backend, "client"):  # joblib's backend for Dask
        return SerialExecutor() if _is_within_a_task() else backend.client
    n_workers = joblib.effective_n_jobs(n_jobs)
    if n_workers == 1:
        return SerialExecutor()
    if getattr(backend, "uses_threads", False):
        return ThreadExecutor(n_workers)
    return ProcessExecutor(n_workers)


def _is_within_a_task() -> bool:
    """Return whether this is a task of Dask itself, which must not wait for others."""
    from distributed import get_worker

    try:
        get_worker()
    except ValueError:
        return False
    return True

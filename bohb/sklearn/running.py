"""The run of a search: the executor that does the work, and what the user is told meanwhile."""

from __future__ import annotations

import math
import warnings
from typing import Any

import joblib
from joblib.parallel import LokyBackend, MultiprocessingBackend, get_active_backend
from tqdm import tqdm

from bohb.errors import ArgumentError
from bohb.executors import JoblibExecutor, ProcessExecutor, SerialExecutor, ThreadExecutor
from bohb.history import LEG_ATTRIBUTE
from bohb.sklearn.evaluation import SearchObjective, quiet_about_convergence
from bohb.study import Study, release_objective, silence_failures


def run_search(
    study: Study,
    objective: SearchObjective,
    *,
    n_rounds: int,
    timeout: float | None,
    executor: Any,
    n_jobs: int | None,
    max_paused: int | None,
    verbose: float,
    label: str,
) -> None:
    """Run what is left to be done of a search."""
    runs_on = executor_of(executor, n_jobs)
    whole = study.plan(n_rounds)
    plan = objective.candidates.limit(whole)
    limit: dict[str, Any] = {"n_rounds": n_rounds}
    if plan.n_trials < whole.n_trials:
        limit = {"n_trials": plan.n_trials}
        warnings.warn(
            f"param_distributions has only {plan.n_trials} candidates, fewer than the "
            f"{whole.n_trials} of the plan: all of them are tried, in the first brackets, which "
            f"begin at {objective.resource.name}={plan.brackets[0].resources[0]}. A larger "
            "min_resource judges them by more",
            stacklevel=3,
        )
    level = math.ceil(verbose)
    if level > 0:
        print(f"[CV{label}] resource: {objective.resource.name}\n{plan}")
    silence_failures(study)  # scikit-learn tells of them, and why
    try:
        with quiet_about_convergence():  # in all threads of this process
            study.optimize(
                objective.function,
                **limit,
                in_total=True,
                timeout=timeout,
                executor=runs_on,
                max_paused=max_paused,
                callbacks=[_Announcer(label)] if level > 1 else None,
                show_progress_bar=level > 0,
            )
    finally:
        release_objective(study)  # it holds the data


class _Announcer:
    """Prints a line for each candidate that is finished."""

    def __init__(self, label: str) -> None:
        self._label = label

    def __call__(self, study: Study, trial: Any) -> None:
        steps = trial.intermediate_values
        reached = max(steps, default=0)
        bracket = trial.system_attrs[LEG_ATTRIBUTE]["bracket"]
        tqdm.write(  # above the progress bar
            f"[CV{self._label}, bracket={bracket}] trial {trial.number}: "
            f"{trial.state.name.lower()} at {reached}, score {steps.get(reached, math.nan):.6g}"
        )


def executor_of(executor: Any, n_jobs: int | None) -> Any:
    """Return what `study.optimize` is to run legs on.

    `n_jobs` counts processes, unless ``joblib.parallel_config`` says threads, Dask, or another
    backend, such as Ray's or Spark's.

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
    if type(backend) in (LokyBackend, MultiprocessingBackend):  # processes of this machine
        return ProcessExecutor(n_workers)
    return JoblibExecutor(n_jobs)


def _is_within_a_task() -> bool:
    """Return whether this code runs in a task of Dask, which must not wait for other tasks."""
    from distributed import get_worker

    try:
        get_worker()
    except ValueError:
        return False
    return True

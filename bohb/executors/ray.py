"""Ray's actors."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from bohb import arguments
from bohb.errors import ArgumentError, MissingDependencyError
from bohb.executors.remote import handed_on, run_packed
from bohb.executors.workers import WorkersExecutor

try:
    import ray
except ImportError as error:
    raise MissingDependencyError("RayExecutor needs ray: pip install 'bohb[ray]'") from error


class RayExecutor(WorkersExecutor[Any]):
    """Runs legs in actors of Ray.

    Each worker is an actor: the death of one costs one leg, one that hangs can be ended, and the
    generators of paused trials wait where they ran. Ray is initialised on this machine if it
    is not: to use a cluster, call ``ray.init(address=...)`` first. Ray has no priorities to set.

    The actors begin when they are first needed and end with `optimize`, unless the executor is
    used as a context manager: then they live, with what is paused in them, until it is left.

    Parameters
    ----------
    n_workers
        How many actors; None for as many as all resources of the cluster allow.
    options
        What each actor needs, as ``ray.remote`` takes it: ``num_cpus=4``, ``num_gpus=1``,
        ``resources``, ``runtime_env``. ``num_cpus`` is 1 unless it is given.

    Raises
    ------
    ArgumentError
        If the cluster has no room for one actor.
    MissingDependencyError
        If Ray is not installed.

    Examples
    --------
    >>> import bohb, ray
    >>> study = bohb.create_study(pruner=bohb.HyperbandPruner(1, 3))
    >>> with RayExecutor(1) as executor:
    ...     study.optimize(lambda trial: trial.suggest_float("x", 0, 1), executor=executor)
    >>> len(study.trials)
    5
    >>> ray.shutdown()
    """

    def __init__(self, n_workers: int | None = None, **options: Any) -> None:
        if n_workers is not None:
            arguments.count("n_workers", n_workers)
        if not ray.is_initialized():
            ray.init(log_to_driver=False)
        options = {"num_cpus": 1, **options, "max_restarts": 0, "max_task_retries": 0}
        wanted = _wanted(options)
        room = _room(wanted)
        if n_workers is None and room < 1:
            has = ray.cluster_resources()
            raise ArgumentError(
                "n_workers must be given, or the cluster must have room for an actor with "
                f"{wanted}, got a cluster with { {name: has.get(name, 0) for name in wanted} }"
            )
        if n_workers is not None and n_workers > room:
            warnings.warn(
                f"n_workers={n_workers} actors of Ray were asked for, and the cluster has room for "
                f"{room}: legs given to the others wait until it has grown",
                stacklevel=2,
            )
        super().__init__(room if n_workers is None else n_workers)
        self._make = ray.remote(**options)(_Actor)

    def share(self, value: bytes) -> Any:
        """Return the reference to `value` in Ray's store."""
        return ray.put(value)

    def _begin(self, place: int) -> Any:
        return self._make.remote()

    def _run(self, engine: Any, task: bytes, shared: Any) -> Future[Any]:
        return handed_on(engine.run.remote(task, shared).future())

    def _call(self, engine: Any, function: Callable[[], None]) -> Future[Any]:
        future: Future[Any] = engine.call.remote(function).future()
        return future

    def _end(self, engine: Any) -> None:
        ray.kill(engine)


class _Actor:
    """What an actor does: one task after another."""

    def run(self, task: bytes, shared: bytes) -> Any:
        return run_packed(task, shared)

    def call(self, function: Callable[[], None]) -> None:
        function()


def _wanted(options: dict[str, Any]) -> dict[str, float]:
    """Return what one actor takes of the cluster."""
    return {
        "CPU": options["num_cpus"],
        "GPU": options.get("num_gpus") or 0,
        **(options.get("resources") or {}),
    }


def _room(wanted: dict[str, float]) -> int:
    """Return how many actors that take so much the cluster has room for."""
    has = ray.cluster_resources()
    return min((int(has.get(name, 0) // need) for name, need in wanted.items() if need), default=1)

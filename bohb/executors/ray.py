"""The executor for actors of Ray."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from typing import Any

from bohb import arguments
from bohb.errors import ArgumentError, MissingDependencyError
from bohb.executors.transport import handed_on, run_packed
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
        How many actors; None for as many as the nodes of the cluster have room for.
    options
        What each actor needs, as ``ray.remote`` takes it: ``num_cpus=4``, ``num_gpus=0.5``,
        ``memory`` in bytes, ``resources``, ``runtime_env``. ``num_cpus`` is 1 unless it is given.

    Raises
    ------
    ArgumentError
        If Ray does not take the options; if `n_workers` is None and no node has room for an
        actor, or each has room for any number because they need nothing.
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
        settings = {"num_cpus": 1, **options, "max_restarts": 0, "max_task_retries": 0}
        try:
            self._make = ray.remote(**settings)(_Actor)
        except (TypeError, ValueError) as error:
            raise ArgumentError(
                f"options must be what ray.remote takes, got {options}: {error}"
            ) from error
        if not ray.is_initialized():
            ray.init(log_to_driver=False)
        needs = needs_of(settings)
        nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
        room = room_for(needs, nodes)
        if n_workers is None:
            n_workers = _all_of(room, needs, nodes)
        elif n_workers > room:
            warnings.warn(
                f"n_workers={n_workers} actors of Ray were asked for, and the cluster has room for "
                f"{room}: legs given to the others wait until it has grown",
                stacklevel=2,
            )
        super().__init__(n_workers)

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
    """The actor, which runs one task after another."""

    def run(self, task: bytes, shared: bytes) -> Any:
        return run_packed(task, shared)

    def call(self, function: Callable[[], None]) -> None:
        function()


def needs_of(options: Mapping[str, Any]) -> dict[str, float]:
    """Return how much of each resource of a node one actor takes."""
    needs = {
        "CPU": options["num_cpus"],
        "GPU": options.get("num_gpus"),
        "memory": options.get("memory"),
        **(options.get("resources") or {}),
    }
    return {name: need for name, need in needs.items() if need}


def room_for(needs: Mapping[str, float], nodes: Sequence[Mapping[str, float]]) -> float:
    """Return how many actors the nodes have room for: each must fit on one of them."""
    if not needs:
        return math.inf
    # Ten actors with a tenth of a GPU fit on one, although 0.1 is not exact in binary: hence 1e-9.
    return sum(
        min(math.floor(node.get(name, 0) / need + 1e-9) for name, need in needs.items())
        for node in nodes
    )


def _all_of(room: float, needs: Mapping[str, float], nodes: Sequence[Mapping[str, float]]) -> int:
    """Return how many actors fill the cluster."""
    if not needs:
        raise ArgumentError("n_workers must be given for actors that need nothing, got None")
    if room < 1:
        most = {name: max((node.get(name, 0) for node in nodes), default=0) for name in needs}
        raise ArgumentError(
            "n_workers must be given, or a node of the cluster must have room for an actor that "
            f"needs {needs}, got nodes with at most {most}"
        )
    return int(room)

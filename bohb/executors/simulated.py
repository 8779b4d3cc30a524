"""Simulated workers, on a clock that jumps from one event to the next."""

from __future__ import annotations

import heapq
import itertools
import math
from collections.abc import Callable, Hashable, Iterable
from concurrent.futures import Future
from typing import Any, Literal, TypeAlias, TypeVar

from bohb import arguments
from bohb.errors import ArgumentError, ExecutorError, WorkerLostError
from bohb.executors.port import Executor, Task, constant

T = TypeVar("T")
_Change: TypeAlias = Literal["join", "leave", "die"]
_Event: TypeAlias = Future[Any] | _Change  # the end of a leg, or a change of the workers


class SimulatedExecutor(Executor):
    """Runs legs as `n_workers` workers would, in no time and always in the same order.

    Each leg takes what `duration` says, on a clock that jumps from one event to the next.
    `timeout` and `leg_timeout` of `optimize` count on that clock too. The objective is called in
    this thread at the moment its leg ends.

    Parameters
    ----------
    n_workers
        How many workers there are at first.
    duration
        A function of a leg, which has a `number`, a `resource` and a `previous_resource`; it
        returns seconds.
    joins, leaves, deaths
        Times in seconds on the simulated clock: a worker joins; one leaves, after the leg it has;
        one dies, and the leg that has run longest is lost with it.

    Raises
    ------
    ArgumentError
        If a number is out of its range.

    Examples
    --------
    >>> import bohb
    >>> study = bohb.create_study(pruner=bohb.HyperbandPruner(1, 9))
    >>> executor = SimulatedExecutor(4, lambda leg: leg.resource - leg.previous_resource)
    >>> study.optimize(lambda trial: trial.suggest_float("x", 0, 1), executor=executor)
    >>> executor.now(), round(executor.utilization, 2)
    (20.0, 0.79)
    """

    is_local = True
    is_simulated = True
    grace_seconds = 0.0

    def __init__(
        self,
        n_workers: int,
        duration: Callable[[Task[Any]], float],
        *,
        joins: Iterable[float] = (),
        leaves: Iterable[float] = (),
        deaths: Iterable[float] = (),
    ) -> None:
        super().__init__()
        self._n_workers = arguments.count("n_workers", n_workers, least=0)
        self._duration = duration
        self._now = 0.0
        self._worker_seconds = 0.0
        self._busy_seconds = 0.0
        self._order = itertools.count()
        self._events: list[tuple[float, int, _Event]] = []
        self._running: dict[Future[Any], tuple[float, Task[Any], Any]] = {}  # oldest first
        changes: dict[_Change, Iterable[float]] = {"join": joins, "leave": leaves, "die": deaths}
        for change, times in changes.items():
            for time in times:
                self._expect(arguments.positive(f"each time to {change}", time), change)

    @property
    def n_workers(self) -> int:
        """How many workers there are now."""
        return self._n_workers

    @property
    def utilization(self) -> float:
        """The share of all workers' time, up to now, in which they ran legs."""
        return self._busy_seconds / self._worker_seconds if self._worker_seconds else math.nan

    def now(self) -> float:
        """Return the seconds on the simulated clock."""
        return self._now

    def start(self, task: Task[T], shared: Any, worker: Hashable) -> Future[T]:
        seconds = self._duration(task)
        if not 0 <= seconds < math.inf:
            raise ArgumentError(f"duration must return seconds of at least 0, got {seconds!r}")
        future: Future[T] = Future()
        self._running[future] = self._now, task, shared
        self._expect(self._now + seconds, future)
        return future

    def wait(self, timeout: float | None = None) -> list[Future[Any]]:
        """Move the clock to the next event, or by `timeout` seconds if there is none before."""
        limit = math.inf if timeout is None else self._now + timeout
        while self._events and self._events[0][0] <= limit:
            time, _, event = heapq.heappop(self._events)
            if isinstance(event, Future) and event not in self._running:
                continue  # it was killed, or lost with its worker
            self._move_to(time)
            self._happen(event)
            return super().wait(timeout=0)
        if limit == math.inf:
            raise ExecutorError(
                f"nothing can happen any more: {self._n_workers} workers are left, and none joins"
            )
        self._move_to(limit)
        return super().wait(timeout=0)

    def kill(self, futures: Iterable[Future[Any]]) -> set[Future[Any]]:
        """End the legs of `futures` now."""
        for future in futures:
            self._running.pop(future, None)
            future.cancel()
        return set()

    def _release(self) -> None:
        """Forget the legs under way."""
        self._running.clear()

    def _expect(self, time: float, event: _Event) -> None:
        heapq.heappush(self._events, (time, next(self._order), event))

    def _move_to(self, time: float) -> None:
        # A worker that has left still has its last leg, so more legs than workers may be running.
        self._worker_seconds += (time - self._now) * max(self._n_workers, len(self._running))
        self._busy_seconds += (time - self._now) * len(self._running)
        self._now = time

    def _happen(self, event: _Event) -> None:
        if isinstance(event, Future):
            _, task, shared = self._running.pop(event)
            event.set_result(task(constant(shared)))
        elif event == "join":
            self._n_workers += 1
        elif self._n_workers:
            self._n_workers -= 1
            if event == "die" and self._running:
                future = next(iter(self._running))
                del self._running[future]
                future.set_exception(WorkerLostError("its simulated worker died"))

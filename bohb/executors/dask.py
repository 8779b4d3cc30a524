"""The executor for a Dask cluster."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import time
import uuid
import warnings
import weakref
from collections import Counter
from collections.abc import Callable, Hashable, Iterable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, TypeVar

from bohb import arguments
from bohb.errors import ArgumentError, ArgumentTypeError, MissingDependencyError
from bohb.executors.port import Executor, Task
from bohb.executors.transport import handed_on, packed, run_packed

try:
    import distributed
except ImportError as error:
    raise MissingDependencyError("DaskExecutor needs Dask: pip install 'bohb[dask]'") from error

T = TypeVar("T")

_COUNT_SECONDS = 1.0  # between two counts of the workers
_LOOK_SECONDS = 0.4  # between two looks at the tasks that run
_RESTART_SECONDS = 30.0


@dataclass(frozen=True)
class _Sent:
    """A task on the cluster: its key, Dask's own future, and the worker it was sent to."""

    key: str
    inner: Future[Any]
    worker: str | None


class DaskExecutor(Executor):
    """Runs legs on the workers of a Dask cluster.

    A paused generator waits in the memory of the worker that ran it, and its next leg is sent
    there. Legs that go further have the higher priority. Workers may join and leave at any time.

    Dask itself gives a leg whose worker has died to other workers, as often as its setting
    ``distributed.scheduler.allowed-failures`` says; then the leg is lost, and these attempts
    count among the `max_retries` of `optimize`.

    Parameters
    ----------
    client
        The client, not an asynchronous one. It is not closed.
    n_workers
        How many legs to have on the cluster at the same time. None for as many as its workers
        have threads just now. Give a number to let an adaptive cluster grow.

    Raises
    ------
    ArgumentTypeError
        If `client` is not a client of Dask.
    ArgumentError
        If the client is asynchronous, or `n_workers` not positive.
    MissingDependencyError
        If Dask is not installed.

    Examples
    --------
    >>> import bohb
    >>> from distributed import Client
    >>> study = bohb.create_study(pruner=bohb.HyperbandPruner(1, 3))
    >>> with Client(processes=False, n_workers=1, dashboard_address="127.0.0.1:0") as client:
    ...     executor = DaskExecutor(client, n_workers=2)
    ...     study.optimize(lambda trial: trial.suggest_float("x", 0, 1), executor=executor)
    >>> len(study.trials)
    5
    """

    is_sticky = True

    def __init__(self, client: distributed.Client, n_workers: int | None = None) -> None:
        super().__init__()
        if not isinstance(client, distributed.Client):
            raise ArgumentTypeError(f"client must be a distributed.Client, got {client!r}")
        if client.asynchronous:
            raise ArgumentError("client must not be asynchronous, got Client(asynchronous=True)")
        if client.status == "closed":
            raise ArgumentError(f"client must be connected, got {client!r}, which is closed")
        self._client = client
        self._pool = client.get_executor(pure=False)
        self._given = None if n_workers is None else arguments.count("n_workers", n_workers)
        self._threads: dict[str, int] = {}  # by worker
        self._counted = float("-inf")
        self._running: dict[str, str] = {}  # the worker of each task that runs, by its key
        self._looked = float("-inf")
        self._sent: dict[Future[Any], _Sent] = {}  # by the future that was handed out
        self._ran_on: weakref.WeakKeyDictionary[Future[Any], str] = weakref.WeakKeyDictionary()
        self._counter = itertools.count()
        self._token = uuid.uuid4().hex[:8]

    @property
    def client(self) -> distributed.Client:
        """The client that was given."""
        return self._client

    @property
    def n_workers(self) -> int:
        """How many legs can run at the same time; at least one, which then waits for a worker."""
        if self._given is not None:
            return self._given
        return max(1, sum(self._threads_now().values()))

    def share(self, value: bytes) -> Any:
        """Return a future of Dask for `value`, which is brought to each worker once.

        It is the result of a task, because Dask computes a result again when it is lost with its
        worker. Scattered data would be gone.
        """
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Sending large graph")
            return self._client.submit(_itself, value, pure=False)

    def start(self, task: Task[T], shared: Any, worker: Hashable) -> Future[T]:
        key = f"bohb-{self._token}-{task.number}-{task.resource}-{next(self._counter)}"
        place = self._place(worker)
        inner = self._pool.submit(
            _run,
            packed(task),
            shared,
            key=key,
            priority=float(task.resource),
            workers=None if place is None else [place],
            allow_other_workers=place is not None,  # it may be gone by then
        )
        future = handed_on(inner, self._note_end)
        self._sent[future] = _Sent(key, inner, place)
        return future

    def _note_end(self, future: Future[Any], returned: tuple[str, T]) -> T:
        self._ran_on[future], result = returned
        return result

    def _place(self, wanted: Hashable) -> str | None:
        """Return the worker for a task: the one that is wanted, else the one with most room.

        Left to itself, Dask sends a task to a worker that has the objective already, even if the
        task has to wait there.
        """
        taken = self._taken()
        room = {worker: n - taken[worker] for worker, n in self._threads_now().items()}
        if isinstance(wanted, str) and wanted in room:
            return wanted
        best = max(room, key=lambda worker: room[worker], default=None)
        return best if best is not None and room[best] > 0 else None

    def _threads_now(self) -> dict[str, int]:
        """Return how many threads each worker has."""
        if time.monotonic() - self._counted > _COUNT_SECONDS:
            self._threads = dict(self._client.nthreads())
            self._counted = time.monotonic()
        return self._threads

    def _taken(self) -> Counter[str | None]:
        """Return how many tasks of this executor each worker has."""
        self._sent = {future: sent for future, sent in self._sent.items() if not future.done()}
        return Counter(sent.worker for sent in self._sent.values())

    def has_room(self, worker: Hashable) -> bool:
        """Return whether a thread of a worker is free of our tasks, or the worker is gone."""
        threads = self._threads_now()
        return not isinstance(worker, str) or (
            worker not in threads or self._taken()[worker] < threads[worker]
        )

    def worker_of(self, future: Future[Any]) -> Hashable:
        """Return the address of the worker that ran the task of `future`, or was to run it."""
        if future in self._ran_on:
            return self._ran_on[future]
        sent = self._sent.get(future)
        return None if sent is None else sent.worker

    def has_begun(self, future: Future[Any]) -> bool:
        """Return whether a worker runs the task of `future`."""
        if not self._is_open(future):
            return True
        if time.monotonic() - self._looked > _LOOK_SECONDS:
            self._running = self._running_now()
        return self._sent[future].key in self._running

    def _is_open(self, future: Future[Any]) -> bool:
        """Return whether the task of `future` was sent and has not ended."""
        return future in self._sent and not future.done()

    def _running_now(self) -> dict[str, str]:
        """Return the worker of each task that is run at this moment, by its key.

        Call it only when the answer is needed: before Python 3.12 a look at the stacks of threads
        can, once in a long while, lock the worker's interpreter (python/cpython#106883).
        """
        self._looked = time.monotonic()
        stacks: dict[str, dict[str, Any]] = self._client.call_stack() or {}
        return {key: worker for worker, found in stacks.items() for key in found}

    def n_attempts(self, future: Future[Any]) -> int:
        """Return how often Dask has tried the task of a `future` that was lost."""
        error = None if future.cancelled() else future.exception()
        if isinstance(error, distributed.KilledWorker):
            return int(error.allowed_failures) + 1
        return 1

    def kill(self, futures: Iterable[Future[Any]]) -> set[Future[Any]]:
        """Cancel tasks that wait, and restart the workers of those that run.

        A worker with several threads is left alone, with its task, because other tasks may run
        beside it, of this executor or of other clients.
        """
        unfinished = [future for future in futures if self._is_open(future)]
        if not unfinished:  # nearly always so at the end of a study: spare the scheduler
            return set()
        threads, running = self._client.nthreads(), self._running_now()
        doomed: dict[str, Future[Any]] = {}
        left: set[Future[Any]] = set()
        for future in filter(self._is_open, unfinished):  # some may have ended meanwhile
            worker = running.get(self._sent[future].key)
            if worker is None:
                self._sent.pop(future).inner.cancel()
            elif threads.get(worker) == 1:
                doomed[worker] = future
            else:
                left.add(future)
        ended = self._restart(list(doomed)) if doomed else set()
        return left | {future for worker, future in doomed.items() if worker not in ended}

    def _restart(self, workers: list[str]) -> set[str]:
        """Restart workers, and return those that were restarted: each needs a nanny for that."""
        for future in [f for f, sent in self._sent.items() if sent.worker in workers]:
            self._sent.pop(future).inner.cancel()  # otherwise Dask would run its task again
        with contextlib.suppress(ValueError, TimeoutError, asyncio.TimeoutError):
            outcome: dict[str, str] = self._client.restart_workers(
                workers, timeout=_RESTART_SECONDS, raise_for_error=False
            )
            self._counted = float("-inf")
            return {worker for worker, word in outcome.items() if word == "OK"}
        return set()

    def tell_all(self, function: Callable[[], None]) -> None:
        """Let every worker call `function`."""
        self._client.run(_call, function, wait=False, on_error="ignore")

    def _release(self) -> None:
        """Forget what was sent."""
        self._sent.clear()


def client_of(given: Any) -> Any:
    """Return the client that was given, or the one behind `Client.get_executor()`.

    Raises
    ------
    ArgumentTypeError
        If it is neither.
    ArgumentError
        If that executor was made with options, which the client alone does not have.
    """
    if isinstance(given, distributed.Client):
        return given
    if not isinstance(given, distributed.cfexecutor.ClientExecutor):
        raise ArgumentTypeError(
            f"executor must be a client of Dask, got {given!r}: pass its distributed.Client"
        )
    options = {name: value for name, value in given._kwargs.items() if name != "pure"}
    if options:
        raise ArgumentError(
            f"executor must be a client, or its get_executor() without options, got {options}: use "
            "bohb.executors.FuturesExecutor(client.get_executor(...), n_workers=...) to keep them"
        )
    return given._client


async def _call(function: Callable[[], None]) -> None:
    function()


def _itself(value: bytes) -> bytes:
    return value


def _run(task: bytes, shared: bytes) -> tuple[str, Any]:
    """Run a task in the worker, and return the worker's address and the result."""
    return distributed.get_worker().address, run_packed(task, shared)

"""Dask's workers."""

from __future__ import annotations

import contextlib
import itertools
import operator
import time
import uuid
import warnings
import weakref
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Any, TypeVar

from bohb import arguments
from bohb.errors import ArgumentError, ArgumentTypeError, MissingDependencyError
from bohb.executors.port import Executor, Task
from bohb.executors.remote import handed_on, packed, run_packed

try:
    import distributed
except ImportError as error:
    raise MissingDependencyError("DaskExecutor needs Dask: pip install 'bohb[dask]'") from error

T = TypeVar("T")

_COUNT_SECONDS = 1.0  # the number of workers is asked for so often
_RESTART_SECONDS = 30.0


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
    """

    is_sticky = True

    def __init__(self, client: distributed.Client, n_workers: int | None = None) -> None:
        super().__init__()
        if not isinstance(client, distributed.Client):
            raise ArgumentTypeError(f"client must be a distributed.Client, got {client!r}")
        if client.asynchronous:
            raise ArgumentError("client must not be asynchronous, got Client(asynchronous=True)")
        self._client = client
        self._pool = client.get_executor(pure=False)
        self._given = None if n_workers is None else arguments.count("n_workers", n_workers)
        self._counted = (0, float("-inf"))
        # By the futures that are handed out: the key of the task, and the future within.
        self._tasks: weakref.WeakKeyDictionary[Future[Any], tuple[str, Future[Any]]] = (
            weakref.WeakKeyDictionary()
        )
        self._counter = itertools.count()
        self._token = uuid.uuid4().hex[:8]

    @property
    def n_workers(self) -> int:
        """How many legs can run at the same time; at least one, which then waits for a worker."""
        if self._given is not None:
            return self._given
        count, when = self._counted
        if time.monotonic() - when > _COUNT_SECONDS:
            count = sum(self._client.nthreads().values())
            self._counted = (count, time.monotonic())
        return max(1, count)

    def share(self, value: bytes) -> Any:
        """Return a future of Dask for `value`, which is brought to each worker once.

        It is a result that can be computed again, for scattered data are lost with their worker.
        """
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Sending large graph")
            return self._client.submit(_itself, value, pure=False)

    def _start(self, task: Task[T], shared: Any, worker: Hashable) -> Future[T]:
        key = f"bohb-{self._token}-{task.number}-{task.resource}-{next(self._counter)}"
        inner = self._pool.submit(
            _run,
            packed(task),
            shared,
            key=key,
            priority=float(task.resource),
            workers=None if worker is None else [worker],
            allow_other_workers=worker is not None,
        )
        future = handed_on(inner, operator.itemgetter(1))
        self._tasks[future] = key, inner
        return future

    def worker_of(self, future: Future[Any]) -> Hashable:
        """Return the address of the worker that ran the task of `future`, once it is done."""
        if not future.done() or future.cancelled() or future.exception() is not None:
            return None
        _, inner = self._tasks[future]
        address: str = inner.result()[0]
        return address

    def has_begun(self, future: Future[Any]) -> bool:
        """Return whether a worker has the task of `future`."""
        return future.done() or self._address(future) is not None

    def _address(self, future: Future[Any]) -> str | None:
        """Return the worker that has the task of `future` now."""
        key, _ = self._tasks[future]
        processing: dict[str, tuple[str, ...]] = self._client.processing()
        return next((address for address, keys in processing.items() if key in keys), None)

    def n_attempts(self, future: Future[Any]) -> int:
        """Return how often Dask has tried the task of a `future` that was lost."""
        error = None if future.cancelled() else future.exception()
        if isinstance(error, distributed.KilledWorker):
            return int(error.allowed_failures) + 1
        return 1

    def kill(self, future: Future[Any]) -> bool:
        """Cancel the task of `future`, and restart its worker if that does nothing else."""
        address = self._address(future)
        _, inner = self._tasks.pop(future)
        inner.cancel()
        if address is None:
            return True
        if self._client.nthreads().get(address) != 1:
            return False
        with contextlib.suppress(ValueError, TimeoutError):  # without a nanny there is no restart
            ended = self._client.restart_workers(
                [address], timeout=_RESTART_SECONDS, raise_for_error=False
            )
            return bool(ended.get(address) == "OK")
        return False

    def tell_all(self, function: Callable[[], None]) -> None:
        """Let every worker call `function`."""
        self._client.run(function, on_error="ignore")


def client_of(given: Any) -> Any:
    """Return the client behind `Client.get_executor()`; anything else as it is."""
    if isinstance(given, distributed.cfexecutor.ClientExecutor):
        return given._client
    return given


def _itself(value: bytes) -> bytes:
    return value


def _run(task: bytes, shared: bytes) -> tuple[str, Any]:
    """Run a task in the worker, and say which one that is."""
    return distributed.get_worker().address, run_packed(task, shared)

"""The base of executors whose workers have names, and can be called and replaced one by one."""

from __future__ import annotations

import abc
import concurrent.futures
import itertools
import uuid
import weakref
from collections.abc import Callable, Hashable, Iterable
from concurrent.futures import BrokenExecutor, Future
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from bohb import arguments
from bohb.executors.port import Executor, Task
from bohb.executors.transport import packed

if TYPE_CHECKING:
    from typing_extensions import Self

T = TypeVar("T")
Engine = TypeVar("Engine")


@dataclass
class Worker(Generic[Engine]):
    """One worker.

    Attributes
    ----------
    name
        The name by which legs are sent to it; its replacement has another one.
    place
        Its number among the workers, which its replacement takes over.
    engine
        The pool or the actor that runs its legs.
    ready
        The future of its first call, which is done when the worker has begun.
    future
        The future of the leg that it runs or ran last; None before its first leg.
    """

    name: str
    place: int
    engine: Engine
    ready: Future[Any]
    future: Future[Any] | None = None

    @property
    def is_free(self) -> bool:
        """Whether it runs nothing."""
        return self.future is None or self.future.done()


class WorkersExecutor(Executor, Generic[Engine]):
    """Keeps `n_workers` workers, one leg at a time on each.

    They are begun when they are first needed and end with `optimize`, unless the executor is
    used as a context manager: then they live, with what is paused in them, until it is left.
    """

    is_sticky = True

    def __init__(self, n_workers: int) -> None:
        super().__init__()
        self._n_workers = arguments.count("n_workers", n_workers)
        self._workers: dict[int, Worker[Engine]] = {}  # by place
        self._counter = itertools.count()
        self._names: weakref.WeakKeyDictionary[Future[Any], str] = weakref.WeakKeyDictionary()
        self._token = uuid.uuid4().hex[:8]  # a name must not be that of another executor's worker
        self._is_entered = False

    @property
    def n_workers(self) -> int:
        """The number of workers."""
        return self._n_workers

    def __enter__(self) -> Self:
        self._is_entered = True
        return self

    def __exit__(self, *error: object) -> None:
        self._is_entered = False
        self._release()

    @abc.abstractmethod
    def _begin(self, place: int) -> Engine:
        """Begin a worker at `place`."""

    @abc.abstractmethod
    def _run(self, engine: Engine, task: bytes, shared: Any) -> Future[Any]:
        """Let a worker run a packed task."""

    @abc.abstractmethod
    def _call(self, engine: Engine, function: Callable[[], None]) -> Future[Any]:
        """Let a worker that is free call `function`."""

    @abc.abstractmethod
    def _end(self, engine: Engine) -> None:
        """End a worker at once."""

    def start(self, task: Task[T], shared: Any, worker: Hashable) -> Future[T]:
        found, work = self._free_worker(worker), packed(task)
        try:
            future = self._run(found.engine, work, shared)
        except BrokenExecutor:  # it died while it had nothing to do
            self._dismiss(found)
            found = self._free_worker(None)
            future = self._run(found.engine, work, shared)
        found.future = future
        self._names[future] = found.name
        return future

    def wait(self, timeout: float | None = None) -> list[Future[Any]]:
        """Return the futures that are done; the workers of those that were lost are replaced."""
        finished = super().wait(timeout)
        self._dismiss_lost()
        return finished

    def has_begun(self, future: Future[Any]) -> bool:
        """Return whether the worker that has the task of `future` is ready for it."""
        worker = self._worker_with(future)
        return worker is None or worker.ready.done()

    def worker_of(self, future: Future[Any]) -> Hashable:
        """Return the name of the worker that has the task of `future`."""
        return self._names.get(future)

    def has_room(self, worker: Hashable) -> bool:
        """Return whether a worker is free, or gone."""
        return all(found.is_free for found in self._workers.values() if found.name == worker)

    def kill(self, futures: Iterable[Future[Any]]) -> set[Future[Any]]:
        """End the workers that have the tasks of `futures`."""
        for future in futures:
            worker = self._worker_with(future)
            if worker is not None:
                self._dismiss(worker)
        return set()

    def tell_all(self, function: Callable[[], None]) -> None:
        """Let every worker that is free call `function`, and wait for that as long as for legs."""
        calls = []
        for worker in [worker for worker in self._workers.values() if worker.is_free]:
            try:
                calls.append(self._call(worker.engine, function))
            except BrokenExecutor:  # it died while it had nothing to do
                self._dismiss(worker)
        concurrent.futures.wait(calls, timeout=self.grace_seconds)

    def _release(self) -> None:
        """End the workers, at once; those of a context manager only if they are busy."""
        for worker in list(self._workers.values()):
            if not (self._is_entered and worker.is_free):
                self._dismiss(worker)

    def _worker_with(self, future: Future[Any]) -> Worker[Engine] | None:
        found = (worker for worker in self._workers.values() if worker.future is future)
        return next(found, None)

    def _free_worker(self, name: Hashable) -> Worker[Engine]:
        self._dismiss_lost()
        free = [worker for worker in self._workers.values() if worker.is_free]
        for worker in free:
            if worker.name == name:
                return worker
        for place in range(self._n_workers):
            if place not in self._workers:
                name = f"{self._token}-{next(self._counter)}"
                engine = self._begin(place)
                ready = self._call(engine, _nothing)
                self._workers[place] = Worker(name, place, engine, ready)
                return self._workers[place]
        return free[0]

    def _dismiss_lost(self) -> None:
        """End the workers whose last leg did not come back: they are dead, or may be."""
        for worker in list(self._workers.values()):
            if worker.is_free and worker.future is not None and _is_lost(worker.future):
                self._dismiss(worker)

    def _dismiss(self, worker: Worker[Engine]) -> None:
        del self._workers[worker.place]
        self._end(worker.engine)


def _is_lost(future: Future[Any]) -> bool:
    return future.cancelled() or future.exception() is not None


def _nothing() -> None:
    """Do nothing, by which a new worker shows that it is there."""

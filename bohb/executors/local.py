"""Executors within this process."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Any, TypeVar

from bohb import arguments
from bohb.errors import ArgumentError
from bohb.executors.port import Executor

T = TypeVar("T")


class SerialExecutor:
    """Runs one leg at a time in the thread that waits for it.

    Examples
    --------
    >>> executor = SerialExecutor()
    >>> future = executor.submit(lambda: 42)
    >>> executor.wait({future}).pop().result()
    42
    """

    n_workers = 1

    def __init__(self) -> None:
        self._queue: deque[tuple[Future[Any], Callable[[], Any]]] = deque()

    def submit(self, work: Callable[[], T]) -> Future[T]:
        """Take `work` to be run by the next `wait`."""
        future: Future[T] = Future()
        self._queue.append((future, work))
        return future

    def wait(self, futures: set[Future[T]]) -> set[Future[T]]:
        """Run the oldest work and return its future.

        An exception of the work is kept in the future. A KeyboardInterrupt goes through: it is
        meant for this thread.
        """
        future, work = self._queue.popleft()
        try:
            future.set_result(work())
        except Exception as error:
            future.set_exception(error)
        return {future}

    def shutdown(self) -> None:
        """Forget work that was not run."""
        self._queue.clear()


class ThreadExecutor:
    """Runs legs in `n_workers` threads."""

    def __init__(self, n_workers: int) -> None:
        self.n_workers = n_workers
        self._pool = ThreadPoolExecutor(n_workers, thread_name_prefix="bohb")

    def submit(self, work: Callable[[], T]) -> Future[T]:
        """Take `work` to be run by the next free thread."""
        return self._pool.submit(work)

    def wait(self, futures: set[Future[T]]) -> set[Future[T]]:
        """Return those of `futures` that are done, once there is at least one."""
        return wait(futures, return_when=FIRST_COMPLETED).done

    def shutdown(self) -> None:
        """Wait for the work under way, and for nothing more."""
        self._pool.shutdown(wait=True, cancel_futures=True)


def local_executor(n_jobs: int) -> Executor:
    """Return the executor for `n_jobs` legs at a time, -1 for as many as there are processors."""
    if n_jobs == 0:
        raise ArgumentError("n_jobs must be at least 1, or -1 for all processors, got 0")
    arguments.count("n_jobs", n_jobs, least=-1)
    n_workers = (os.cpu_count() or 1) if n_jobs == -1 else n_jobs
    return SerialExecutor() if n_workers == 1 else ThreadExecutor(n_workers)

"""Executors within this process."""

from __future__ import annotations

import contextvars
from collections import deque
from collections.abc import Hashable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

from bohb import arguments
from bohb.executors.port import Executor, Task, constant

T = TypeVar("T")


class SerialExecutor(Executor):
    """Runs one leg at a time in the thread that waits for it, as `optimize` does by default.

    Examples
    --------
    >>> import bohb
    >>> study = bohb.create_study(pruner=bohb.HyperbandPruner(1, 3))
    >>> study.optimize(lambda trial: trial.suggest_float("x", 0, 1), executor=SerialExecutor())
    >>> len(study.trials)
    5
    """

    is_local = True
    n_workers = 1

    def __init__(self) -> None:
        super().__init__()
        self._queue: deque[tuple[Future[Any], Task[Any], Any]] = deque()

    def start(self, task: Task[T], shared: Any, worker: Hashable) -> Future[T]:
        future: Future[T] = Future()
        self._queue.append((future, task, shared))
        return future

    def wait(self, timeout: float | None = None) -> list[Future[Any]]:
        """Run the oldest task and return its future.

        An exception of the task is kept in the future. A KeyboardInterrupt goes through: it is
        meant for this thread.
        """
        while self._queue:
            future, task, shared = self._queue.popleft()
            if future.cancelled():
                continue
            try:
                future.set_result(task(constant(shared)))
            except Exception as error:
                future.set_exception(error)
            break
        return super().wait(timeout=0)

    def _release(self) -> None:
        """Forget tasks that were not run."""
        self._queue.clear()


class ThreadExecutor(Executor):
    """Runs legs in threads of this process, as ``optimize(n_jobs=...)`` does.

    That helps where the objective waits, or releases Python's global interpreter lock. A thread
    that hangs cannot be ended: it is left behind.

    Parameters
    ----------
    n_workers
        The number of threads.

    Raises
    ------
    ArgumentError
        If `n_workers` is not positive.

    Examples
    --------
    >>> import bohb
    >>> study = bohb.create_study(pruner=bohb.HyperbandPruner(1, 3))
    >>> study.optimize(lambda trial: trial.suggest_float("x", 0, 1), executor=ThreadExecutor(2))
    >>> len(study.trials)
    5
    """

    is_local = True

    def __init__(self, n_workers: int) -> None:
        super().__init__()
        self._n_workers = arguments.count("n_workers", n_workers)
        self._pool: ThreadPoolExecutor | None = None

    @property
    def n_workers(self) -> int:
        """The number of threads."""
        return self._n_workers

    def start(self, task: Task[T], shared: Any, worker: Hashable) -> Future[T]:
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self._n_workers, thread_name_prefix="bohb")
        # A copy of the context lets an objective see what `np.errstate` or a context variable says
        # in this thread.
        return self._pool.submit(contextvars.copy_context().run, task, constant(shared))

    def has_begun(self, future: Future[Any]) -> bool:
        """Return whether a thread has taken the task of `future`."""
        return future.running() or future.done()

    def _release(self) -> None:
        """Let the threads end, each after what it is doing."""
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)
            self._pool = None

"""The executor for any pool with the interface of `concurrent.futures`."""

from __future__ import annotations

import concurrent.futures
import os
import weakref
from collections.abc import Callable, Hashable
from concurrent.futures import BrokenExecutor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from typing import Any, TypeVar

from bohb import arguments
from bohb.errors import ArgumentError, ArgumentTypeError, ExecutorError
from bohb.executors.port import Executor, Task, constant
from bohb.executors.transport import packed, run_packed

T = TypeVar("T")


class FuturesExecutor(Executor):
    """Runs legs in a pool that somebody else has made: of processes, of threads, of MPI.

    A pool of threads shares the memory of this process; to any other, legs are pickled. When the
    death of one worker breaks a whole pool of processes, a new one like it is made, and the legs
    that were lost are run one by one until it is clear which of them breaks it. That one runs alone
    when it is given out again.

    Parameters
    ----------
    pool
        The pool. It is not shut down.
    n_workers
        How many legs it can run at the same time. None asks the pool.

    Raises
    ------
    ArgumentTypeError
        If `pool` is not a `concurrent.futures.Executor`.
    ArgumentError
        If the pool does not tell how many workers it has.

    Examples
    --------
    >>> import bohb
    >>> from concurrent.futures import ThreadPoolExecutor
    >>> study = bohb.create_study(pruner=bohb.HyperbandPruner(1, 3))
    >>> with ThreadPoolExecutor(4) as pool:
    ...     executor = FuturesExecutor(pool, n_workers=2)
    ...     study.optimize(lambda trial: trial.suggest_float("x", 0, 1), executor=executor)
    >>> len(study.trials)
    5
    """

    def __init__(self, pool: concurrent.futures.Executor, n_workers: int | None = None) -> None:
        super().__init__()
        if not isinstance(pool, concurrent.futures.Executor):
            raise ArgumentTypeError(f"pool must be a concurrent.futures.Executor, got {pool!r}")
        # An InterpreterPoolExecutor is a ThreadPoolExecutor whose threads do not share memory.
        shares = "Interpreter" not in type(pool).__name__
        self.is_local = isinstance(pool, ThreadPoolExecutor) and shares
        self._n_workers = _workers_of(pool) if n_workers is None else n_workers
        arguments.count("n_workers", self._n_workers)
        self._given = self._pool = pool
        self._under_way: set[Future[Any]] = set()  # of the present pool
        self._blamed: weakref.WeakSet[Future[Any]] = weakref.WeakSet()  # they broke a pool
        self._n_suspects = 0  # this many of the next legs are run one by one
        self._alone: weakref.WeakSet[Future[Any]] = weakref.WeakSet()  # the legs that are run so
        self._has_worked = False

    @property
    def n_workers(self) -> int:
        """How many legs can run at the same time; one while a culprit is looked for."""
        return 1 if self._n_suspects else self._n_workers

    def start(self, task: Task[T], shared: Any, worker: Hashable) -> Future[T]:
        is_alone = self._n_suspects > 0
        try:
            future = self._handed_over(task, shared)
        except BrokenExecutor as error:  # it broke before, or while it had nothing to do
            self._note_break(error)
            future = self._handed_over(task, shared)
        except RuntimeError as error:
            raise ExecutorError(
                f"executor must be a pool that takes work, got {self._pool!r}: {error}"
            ) from error
        self._under_way.add(future)
        if is_alone:
            self._alone.add(future)
        return future

    def _handed_over(self, task: Task[T], shared: Any) -> Future[T]:
        if self.is_local:
            return self._pool.submit(task, constant(shared))
        return self._pool.submit(run_packed, packed(task), shared)

    def wait(self, timeout: float | None = None) -> list[Future[Any]]:
        """Return the futures that are done; a pool that has broken is replaced."""
        finished = super().wait(timeout)
        for future in finished:
            if future not in self._under_way:
                continue
            error = None if future.cancelled() else future.exception()
            if isinstance(error, BrokenExecutor):
                self._note_break(error)
            else:
                self._has_worked = True
                self._under_way.discard(future)
                if future in self._alone:
                    self._n_suspects -= 1
        return finished

    def _note_break(self, error: BrokenExecutor) -> None:
        """Replace a pool that has broken, and note who may have done it."""
        lost = [future for future in self._under_way if not _has_result(future)]
        if len(lost) == 1:
            # Nothing else ran in the pool. If this leg is given out again, it must run alone.
            self._blamed.update(lost)
            self._n_suspects = max(1, self._n_suspects)
        else:
            # Any of these legs may have broken the pool. Running them one by one shows which.
            self._n_suspects += len(lost)
        self._under_way.clear()
        self._renew(error)

    def has_begun(self, future: Future[Any]) -> bool:
        """Return whether the pool has begun with the task of `future`, as far as it tells."""
        return future.running() or future.done()

    def n_attempts(self, future: Future[Any]) -> int:
        """Return 0 for a leg that was lost with a whole pool while others ran in it too, else 1."""
        broke = not future.cancelled() and isinstance(future.exception(), BrokenExecutor)
        return 0 if broke and future not in self._blamed else 1

    def _release(self) -> None:
        """Shut down a pool that was made in place of a broken one."""
        if isinstance(self._pool, ProcessPoolExecutor) and self._pool is not self._given:
            self._pool.shutdown(wait=False, cancel_futures=True)
        self._pool = self._given
        self._under_way.clear()
        self._n_suspects = 0

    def _renew(self, error: BrokenExecutor) -> None:
        make = _maker(self._pool)
        if make is None:
            raise ExecutorError(
                f"the executor {type(self._pool).__name__} is broken and cannot be made again: "
                f"{error}. Everything that has finished is kept: make another executor and "
                "optimize again."
            ) from error
        self._pool = make()
        if not self._has_worked:
            self._try_out()

    def _try_out(self) -> None:
        """Raise ExecutorError if no worker of the pool lives long enough to do anything."""
        try:
            self._pool.submit(os.getpid).result()
        except BrokenExecutor as error:
            raise ExecutorError(
                f"the workers of the {type(self._pool).__name__} die before they run anything: "
                f"{error} Processes that are spawned begin by importing the script: it must make "
                'the pool and call optimize under if __name__ == "__main__". '
                "bohb.executors.ProcessExecutor does not need that."
            ) from error
        self._has_worked = True


def _has_result(future: Future[Any]) -> bool:
    return future.done() and not future.cancelled() and future.exception() is None


def _workers_of(pool: concurrent.futures.Executor) -> int:
    for name in ("num_workers", "_max_workers"):  # mpi4py's name, then that of Python's pools
        n_workers = getattr(pool, name, None)
        if isinstance(n_workers, int):
            return n_workers
    raise ArgumentError(
        f"executor must tell how many workers it has, got {type(pool).__name__}: use "
        "bohb.executors.FuturesExecutor(pool, n_workers=...)"
    )


def _maker(pool: concurrent.futures.Executor) -> Callable[[], concurrent.futures.Executor] | None:
    """Return a function that makes another pool like `pool`; None if there is no way known.

    Python's pool keeps the arguments it was made with under private names only.
    """
    made: Any = pool
    if type(pool) is ProcessPoolExecutor:
        return lambda: ProcessPoolExecutor(
            made._max_workers,
            mp_context=made._mp_context,
            initializer=made._initializer,
            initargs=made._initargs,
        )
    if type(pool).__module__.startswith("loky."):
        import loky  # its pool belongs to the whole process: it is not ours to shut down

        return lambda: loky.get_reusable_executor(max_workers=_workers_of(pool))
    return None

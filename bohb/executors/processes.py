"""The executor for processes on this machine."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from multiprocessing import resource_tracker
from pathlib import Path
from typing import Any

import loky
from loky.backend import get_context
from loky.process_executor import ProcessPoolExecutor

from bohb.errors import ArgumentError, ArgumentTypeError
from bohb.executors.transport import handed_on, run_packed
from bohb.executors.workers import WorkersExecutor

# A worker holds paused generators: it must not be replaced because its memory has grown.
_ENVIRONMENT = {"LOKY_MAX_MEMORY_LEAK_SIZE": "1e18"}
_HAS_MASKS = hasattr(signal, "pthread_sigmask")  # not on Windows
# The environment variables that set how many threads numerical libraries start in a process.
_THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
)


class ProcessExecutor(WorkersExecutor[ProcessPoolExecutor]):
    """Runs legs in processes on this machine.

    Each worker is a process of its own: the death of one costs one leg, one that hangs can be
    ended, and the generators of paused trials wait where they ran. The objective may be a lambda
    or a function of a notebook, and a script needs no ``if __name__ == "__main__"``.
    Each process computes with its share of the processors, unless the environment sets the number
    of threads (``OMP_NUM_THREADS`` and its like).

    The processes begin when they are first needed and end with `optimize`, unless the executor
    is used as a context manager: then they live, with what is paused in them, until it is left.

    Parameters
    ----------
    n_workers
        How many processes; None for one per processor that this process may use.
    environments
        One dict of environment variables for each process, for instance
        ``[{"CUDA_VISIBLE_DEVICES": "0"}, {"CUDA_VISIBLE_DEVICES": "1"}]``.

    Raises
    ------
    ArgumentError
        If `n_workers` is not positive, or not the number of `environments`.

    Examples
    --------
    >>> import bohb
    >>> study = bohb.create_study(pruner=bohb.HyperbandPruner(1, 3))
    >>> study.optimize(
    ...     lambda trial: trial.suggest_float("x", 0, 1), executor=ProcessExecutor(2)
    ... )
    >>> len(study.trials)
    5
    """

    def __init__(
        self,
        n_workers: int | None = None,
        *,
        environments: Sequence[Mapping[str, str]] | None = None,
    ) -> None:
        if environments is not None and not isinstance(environments, Sequence):
            raise ArgumentTypeError(
                f"environments must be a list of one dict for each worker, got {environments!r}"
            )
        if environments is not None and not environments:
            raise ArgumentError(
                f"environments must have one dict for each worker, got {environments!r}"
            )
        if n_workers is None:
            n_workers = int(loky.cpu_count()) if environments is None else len(environments)
        super().__init__(n_workers)
        given = [{}] * self.n_workers if environments is None else list(environments)
        for environment in given:
            if not isinstance(environment, Mapping):
                raise ArgumentTypeError(
                    f"environments must hold one dict for each worker, got {environment!r} in it"
                )
        if len(given) != self.n_workers:
            raise ArgumentError(
                f"environments must have one dict for each of the {n_workers} workers, got "
                f"{len(given)}"
            )
        usual = {**_ENVIRONMENT, **thread_share(self.n_workers)}
        self._environments = [{**usual, **environment} for environment in given]
        self._directory: tempfile.TemporaryDirectory[str] | None = None

    def share(self, value: bytes) -> Callable[[], bytes]:
        """Return a function that reads `value` from a file, in the worker."""
        if self._directory is None:  # the workers remove it if this process is killed
            self._directory = tempfile.TemporaryDirectory(prefix="bohb-shared-")
        path = Path(self._directory.name) / f"{next(self._counter)}.pickle"
        path.write_bytes(value)
        return _FromFile(path)

    def _release(self) -> None:
        """End the processes that are not to live on, and remove the files that were shared."""
        super()._release()
        if self._directory is None:
            return
        if self._workers:
            # The directory stays: the workers that live on know it, and will use it again.
            for path in Path(self._directory.name).iterdir():
                path.unlink()
        else:
            self._directory.cleanup()
            self._directory = None

    def _begin(self, place: int) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(
            max_workers=1,
            timeout=None,
            context=get_context("loky"),
            initializer=_begin_worker,
            initargs=(
                os.getpid(),
                self._directory and self._directory.name,
                multiprocessing.get_start_method(allow_none=True),
            ),
            env=self._environments[place],
        )

    def _run(self, engine: ProcessPoolExecutor, task: bytes, shared: Any) -> Future[Any]:
        # The pool's own future is not handed out, because the pool cannot bear its cancellation.
        return handed_on(engine.submit(run_packed, task, shared))

    def _call(self, engine: ProcessPoolExecutor, function: Callable[[], None]) -> Future[Any]:
        with _interrupts_held_back():  # the first call of a worker starts its process
            future: Future[Any] = engine.submit(function)
        return future

    def _end(self, engine: ProcessPoolExecutor) -> None:
        engine.shutdown(wait=True, kill_workers=True)


@dataclass(frozen=True)
class _FromFile:
    """Reads bytes that were left in a file."""

    path: Path

    def __call__(self) -> bytes:
        return self.path.read_bytes()


def thread_share(n_workers: int) -> dict[str, str]:
    """Return the environment in which each worker computes with its share of the processors.

    Variables that are set in this process already are left out.
    """
    share = max(1, int(loky.cpu_count()) // n_workers)
    return {name: str(share) for name in _THREADS if name not in os.environ}


@contextlib.contextmanager
def _interrupts_held_back() -> Iterator[None]:
    """Hold Ctrl-C back, here and in processes that begin meanwhile until they are prepared.

    Otherwise a process that has just begun, and is importing, would die of it with a traceback.
    """
    if not _HAS_MASKS:
        yield
        return
    resource_tracker.ensure_running()  # now, because it unblocks interrupts when it starts
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _begin_worker(parent: int, shared: str | None, start_method: str | None) -> None:
    """Prepare a new process: it ignores Ctrl-C, which the study handles, and dies with the study.

    `shared` is the study's directory, which it then removes. Processes that an objective starts,
    as a DataLoader of PyTorch does, are started as in the study's process, because loky's own start
    method works for loky alone.
    """
    multiprocessing.set_start_method(start_method, force=True)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if _HAS_MASKS:
        # The mask from the start is lifted, so that the objective's processes do not inherit it.
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    if sys.platform != "win32":  # on Windows getppid() stays the same when the parent dies
        threading.Thread(
            target=_follow, args=(parent, shared), name="bohb-follow", daemon=True
        ).start()


def _follow(parent: int, shared: str | None) -> None:
    """End this process, whatever it is doing, when its parent is gone, and remove `shared`."""
    while os.getppid() == parent:
        time.sleep(0.5)
    if shared is not None:
        shutil.rmtree(shared, ignore_errors=True)
    os._exit(1)

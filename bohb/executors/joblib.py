"""The executor for the backends of joblib, such as those that bring work to Ray and to Spark."""

from __future__ import annotations

import concurrent.futures
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from joblib import Parallel
from joblib.parallel import BatchedCalls, ParallelBackendBase, get_active_backend

from bohb.executors.futures import FuturesExecutor


class JoblibExecutor(FuturesExecutor):
    """Runs legs with the backend of joblib that is active when it is made.

    Parameters
    ----------
    n_jobs
        How many legs run at the same time, as joblib counts them: None for what
        ``joblib.parallel_config`` says, -1 for all workers that the backend has.

    Examples
    --------
    >>> import bohb, joblib
    >>> from bohb.executors import JoblibExecutor
    >>> study = bohb.create_study(pruner=bohb.HyperbandPruner(1, 3))
    >>> with joblib.parallel_config("threading", n_jobs=2):
    ...     executor = JoblibExecutor()
    >>> study.optimize(lambda trial: trial.suggest_float("x", 0, 1), executor=executor)
    >>> len(study.trials)
    5
    """

    def __init__(self, n_jobs: int | None = None) -> None:
        pool = _BackendPool(n_jobs)
        super().__init__(pool, pool.n_workers)

    def _release(self) -> None:
        super()._release()
        self._given.shutdown()


class _BackendPool(concurrent.futures.Executor):
    """A backend of joblib with the interface of `concurrent.futures`."""

    def __init__(self, n_jobs: int | None) -> None:
        self._parallel = Parallel(n_jobs=n_jobs)  # it keeps the backend that is active now
        self._backend, _ = get_active_backend()
        self.n_workers = max(1, self._backend.effective_n_jobs(self._parallel.n_jobs))
        self._lock = threading.Lock()
        self._has_begun = False

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Give a call to the backend."""
        with self._lock:
            if not self._has_begun:
                self._parallel.__enter__()  # a cluster may take seconds to give workers
                self._backend.start_call()
                self._has_begun = True
        future: Future[Any] = Future()
        future.set_running_or_notify_cancel()  # joblib does not tell when a call begins
        call = BatchedCalls([(fn, args, kwargs)], self._backend.get_nested_backend())
        if self._backend.supports_retrieve_callback:

            def callback(out: Any) -> None:
                _settle(future, lambda: self._backend.retrieve_result_callback(out))

            self._given_to_backend(call, callback)
        else:
            job = self._given_to_backend(call, _ignore)
            # Such a backend can only be waited for.
            threading.Thread(
                target=_settle,
                args=(future, lambda: self._backend.retrieve_result(job)),
                daemon=True,
            ).start()
        return future

    def _given_to_backend(self, call: BatchedCalls, callback: Callable[[Any], None]) -> Any:
        if type(self._backend).submit is ParallelBackendBase.submit:
            return self._backend.apply_async(call, callback)  # it is older than `submit`
        return self._backend.submit(call, callback)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Let the backend end its workers, if they are its own."""
        with self._lock:
            if self._has_begun:
                self._backend.stop_call()
                self._parallel.__exit__(None, None, None)
                self._has_begun = False


def _ignore(out: Any) -> None:
    """Do nothing with a result that is waited for in another way."""


def _settle(future: Future[Any], retrieve: Callable[[], Any]) -> None:
    """Let a future have the result of its call, or the error that the call or its backend gave."""
    try:
        (result,) = retrieve()
    except BaseException as error:  # whatever the backend raises, somebody waits for the future
        future.set_exception(error)
    else:
        future.set_result(result)

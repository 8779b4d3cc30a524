"""The transport of tasks to workers outside this process, and of their results back."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from typing import Any

import cloudpickle

from bohb.executors.port import Task


def packed(task: Task[Any]) -> bytes:
    """Return `task` as bytes, which every engine can carry."""
    return bytes(cloudpickle.dumps(task))


def handed_on(
    inner: Future[Any], unwrap: Callable[[Future[Any], Any], Any] = lambda _, result: result
) -> Future[Any]:
    """Return a future that ends as `inner` does.

    Its result is what `unwrap` returns for this future and the result of `inner`. It counts as
    running from the start, because it is not known whether `inner` has begun to run.
    """
    outer: Future[Any] = Future()
    outer.set_running_or_notify_cancel()

    def end(done: Future[Any]) -> None:
        if done.cancelled():
            outer.set_exception(CancelledError("it was cancelled"))
        elif (error := done.exception()) is not None:
            outer.set_exception(error)
        else:
            outer.set_result(unwrap(outer, done.result()))

    inner.add_done_callback(end)
    return outer


def run_packed(task: bytes, shared: bytes | Callable[[], bytes]) -> Any:
    """Run a task in the worker. `shared` is the value that was shared, or a function for it."""
    return cloudpickle.loads(task)(shared if callable(shared) else lambda: shared)

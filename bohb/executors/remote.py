"""What travels to a worker outside this process and back."""

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
    """Return a future that ends as `inner` does, with what `unwrap` makes of itself and the result.

    It counts as running from the first, for whether `inner` has begun to run is not known.
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
    """Run a task in the worker. `shared` is a value, or what brings it if it is needed."""
    return cloudpickle.loads(task)(shared if callable(shared) else lambda: shared)

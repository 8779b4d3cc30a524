"""What a study needs of whatever runs its legs."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from typing import Protocol, TypeVar

T = TypeVar("T")


class Executor(Protocol):
    """Runs legs: in this thread, in threads, and later in processes and on clusters."""

    @property
    def n_workers(self) -> int:
        """How many legs can run at the same time."""
        ...

    def submit(self, work: Callable[[], T]) -> Future[T]:
        """Take `work` to be run."""
        ...

    def wait(self, futures: set[Future[T]]) -> set[Future[T]]:
        """Return those of `futures` that are done, once there is at least one."""
        ...

    def shutdown(self) -> None:
        """Give back what the executor holds. No more work comes."""
        ...

"""The signals by which legs end: with the study, or because they take too long."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


class StopSignal:
    """Whether a study is to come to an end, and how soon.

    Parameters
    ----------
    timeout
        Seconds after which everything ends where it stands; None for never.
    clock
        Tells the time: the clock of the executor.

    Attributes
    ----------
    has_deadline
        Whether a `timeout` was given.
    """

    def __init__(self, timeout: float | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._deadline = None if timeout is None else clock() + timeout
        self.has_deadline = timeout is not None
        self._soon = threading.Event()
        self._now = threading.Event()

    def tell(self, *, now: bool = False) -> None:
        """Let the study come to an end: after the legs under way, or in the midst of them."""
        self._soon.set()
        if now:
            self._now.set()

    def is_soon(self) -> bool:
        """Return whether no new leg shall begin."""
        return self._soon.is_set() or self.is_now()

    def is_now(self) -> bool:
        """Return whether the legs under way shall end where they stand."""
        left = self.seconds_left()
        return self._now.is_set() or (left is not None and left <= 0)

    def seconds_left(self) -> float | None:
        """Return the seconds until everything ends; None if that is not known."""
        return None if self._deadline is None else self._deadline - self._clock()


def _never() -> bool:
    return False


class LegWatch:
    """Tells one leg under way whether it is to end.

    Parameters
    ----------
    is_stopping
        Returns whether the study is to end.
    timeout
        The seconds that a leg may take; None for no limit.
    """

    def __init__(
        self, is_stopping: Callable[[], bool] = _never, timeout: float | None = None
    ) -> None:
        self.is_stopping = is_stopping
        self.timeout = timeout
        self._begun: float | None = None

    def begin(self) -> None:
        """Note that the leg begins to run."""
        self._begun = time.monotonic()

    def is_late(self) -> bool:
        """Return whether the leg has taken longer than it may."""
        if self.timeout is None or self._begun is None:
            return False
        return time.monotonic() - self._begun > self.timeout

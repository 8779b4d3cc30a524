"""When legs are to end: with the study, or because they take too long."""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections.abc import Callable, Iterator
from types import FrameType


class _Held:
    """Whether interrupts are held back just now in the main thread, and whether one came."""

    def __init__(self) -> None:
        self.is_on = False
        self.came = False


_held = _Held()


def interrupt(number: int, frame: FrameType | None) -> None:
    """Do what Ctrl-C does, for other signals that are to end a study as well: their handler."""
    if _held.is_on and not _held.came:
        _held.came = True
        return
    raise KeyboardInterrupt


@contextlib.contextmanager
def uninterrupted() -> Iterator[None]:
    """Let a Ctrl-C that comes within this wait for its end. A second one does not wait."""
    if threading.current_thread() is not threading.main_thread() or _held.is_on:
        yield
        return
    before = signal.getsignal(signal.SIGINT)
    is_default = before is signal.default_int_handler
    _held.is_on, _held.came = True, False
    if is_default:
        signal.signal(signal.SIGINT, interrupt)
    try:
        yield
    finally:
        _held.is_on = False  # before the handler, so that a signal between the two is not lost
        if is_default:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        if _held.came:
            raise KeyboardInterrupt


class StopSignal:
    """Whether the study is to come to an end, and how soon.

    Parameters
    ----------
    timeout
        Seconds after which everything ends where it stands; None for never.
    clock
        What tells the time: that of the executor.
    """

    def __init__(self, timeout: float | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._deadline = None if timeout is None else clock() + timeout
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


class LegWatch:
    """Says to one leg under way whether it is to end.

    Parameters
    ----------
    is_stopping
        Whether the study is.
    timeout
        The seconds that a leg may take; None for any number.
    """

    def __init__(
        self, is_stopping: Callable[[], bool] = lambda: False, timeout: float | None = None
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

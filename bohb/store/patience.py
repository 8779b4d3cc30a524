"""Patience with a storage that is away for a moment: what has failed is tried again for a while."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

from bohb.store.opening import without_password

T = TypeVar("T")

_logger = logging.getLogger(__name__)

_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 2.0  # seconds between two attempts; the pause doubles

# Errors of the operating system that do not pass by waiting.
_LASTING = (FileNotFoundError, IsADirectoryError, NotADirectoryError, PermissionError)
# The errors of other libraries by which a storage says that it cannot be reached or written to:
# all of a library, or those that have one of these names.
_PASSING: dict[str, frozenset[str]] = {
    "redis": frozenset(),
    "grpc": frozenset(),
    "sqlalchemy": frozenset(
        {"OperationalError", "InterfaceError", "InternalError", "TimeoutError"}
    ),
}
_LOCK_WAS_TAKEN = "did not possess lock"  # Optuna, where a process was stopped for some seconds


class Patience:
    """Tries again what a storage has failed to do, if the failure is one that may pass.

    Attributes
    ----------
    seconds
        How long it tries.
    has_given_up
        Whether that was in vain the last time. Then nothing is tried again until something works.
    """

    default_seconds = 30.0

    def __init__(self) -> None:
        self.seconds = self.default_seconds
        self.has_given_up = False

    def carry_out(self, call: Callable[[], T], *, waits: bool = True) -> T:
        """Return what `call` returns; its last error is raised when the time is over."""
        try:
            result = call()
        except Exception as error:
            return self.retry(call, error, waits=waits)
        self.has_given_up = False
        return result

    def retry(self, call: Callable[[], T], error: Exception, *, waits: bool = True) -> T:
        """Return what `call` returns, which has raised `error` the first time."""
        seconds = self.seconds if waits and not self.has_given_up else 0.0
        if seconds > 0 and may_pass(error):
            _logger.warning(
                "The storage cannot be used (%s: %s). It is tried again for up to %g seconds.",
                type(error).__name__,
                without_password(str(error).partition("\n")[0]),
                seconds,
            )
        deadline, pause = time.monotonic() + seconds, _FIRST_PAUSE
        while may_pass(error) and time.monotonic() + pause < deadline:
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)
            try:
                result = call()
            except Exception as again:
                error = again
            else:
                self.has_given_up = False
                return result
        self.has_given_up = self.has_given_up or (waits and may_pass(error))
        raise error


def may_pass(error: BaseException) -> bool:
    """Return whether a failure of a storage may be over in a moment."""
    return any(_passes(each) for each in _chain(error))


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__


def _passes(error: BaseException) -> bool:
    if isinstance(error, OSError):
        return not isinstance(error, _LASTING)
    if isinstance(error, RuntimeError) and _LOCK_WAS_TAKEN in str(error):
        return True
    for kind in type(error).__mro__:
        names = _PASSING.get(kind.__module__.partition(".")[0])
        if names is not None and (not names or kind.__name__ in names):
            return True
    return False

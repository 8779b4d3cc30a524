"""Interrupts: Ctrl-C and other signals, held back during writes that belong together."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType


class _Held:
    """Whether interrupts are held back in the main thread just now, and whether one came."""

    def __init__(self) -> None:
        self.is_on = False
        self.came = False


_held = _Held()


def interrupt(number: int, frame: FrameType | None) -> None:
    """Handle a signal as Ctrl-C: raise KeyboardInterrupt, or only note it while it is held back."""
    if _held.is_on and not _held.came:
        _held.came = True
        return
    raise KeyboardInterrupt


@contextlib.contextmanager
def uninterrupted() -> Iterator[None]:
    """Hold a Ctrl-C back until this block has ended. A second one is raised at once."""
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
        # The flag must be reset first, because an interrupt between these lines leaves the block
        # at once. With the flag still set, the next one would be noted where nobody looks for it.
        _held.is_on = False
        if is_default:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        if _held.came:
            raise KeyboardInterrupt


@contextlib.contextmanager
def signals_interrupt() -> Iterator[None]:
    """Let SIGTERM and SIGHUP do what Ctrl-C does, as long as this block runs in the main thread.

    Schedulers such as Slurm and Kubernetes send SIGTERM before they end a job, and SIGHUP comes
    when a terminal is closed. Within this block `Study.optimize`, `minimize` and the searches keep
    what has finished, and KeyboardInterrupt goes on. A signal that is ignored stays ignored,
    because ``nohup`` asks for that.

    Examples
    --------
    >>> import os, signal, bohb
    >>> def objective(trial):
    ...     if trial.number == 2:
    ...         os.kill(os.getpid(), signal.SIGTERM)  # as a scheduler would
    ...     return trial.suggest_float("x", 0, 1)
    >>> study = bohb.create_study(pruner=bohb.HyperbandPruner(1, 9))
    >>> try:
    ...     with bohb.signals_interrupt():
    ...         study.optimize(objective)
    ... except KeyboardInterrupt:
    ...     print(study.was_cut_off, len(study.trials))
    True 3
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    heard = [number for number in numbers if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, interrupt) for number in heard}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

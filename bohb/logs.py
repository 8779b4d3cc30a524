"""The log of `bohb` on the standard error, where a program has set up no logging of its own."""

from __future__ import annotations

import logging
import sys


class LastResort(logging.Handler):
    """Prints the messages of the logger `bohb`, unless anybody else handles them.

    Without it Python prints warnings only, whatever the level of the logger is set to.
    """

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(
            logging.Formatter("[%(levelname).1s %(asctime)s] %(message)s", "%Y-%m-%d %H:%M:%S")
        )

    def emit(self, record: logging.LogRecord) -> None:
        """Print a record."""
        own = logging.getLogger("bohb")
        others = [handler for handler in own.handlers if handler is not self]
        if own.propagate:
            others += logging.getLogger().handlers
        if not others:
            try:
                # Looked up anew: a program, or a notebook, may have replaced it.
                print(self.format(record), file=sys.stderr)
            except Exception:  # a message that cannot be printed must not end the study
                self.handleError(record)


def set_up() -> None:
    """Let the logger `bohb` print what nobody else handles."""
    logger = logging.getLogger("bohb")
    if not any(isinstance(handler, LastResort) for handler in logger.handlers):
        logger.addHandler(LastResort())

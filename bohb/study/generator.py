"""A generator that waits between its legs, without being in the way of other trials."""

from __future__ import annotations

import contextvars
import inspect
import sys
import threading
from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Any

from bohb.hyperband import Resource

# What these functions return is set for a thread, and stays set while a generator waits in the
# with block that has set it.
_THREAD_SETTINGS = {"torch": "is_grad_enabled", "sklearn": "get_config"}


@dataclass
class PausedGenerator:
    """A generator between its legs, and how far it has trained.

    It has context variables of its own, so that what it sets (``np.errstate`` does) neither
    reaches other trials nor depends on the thread in which it goes on.
    """

    generator: Generator[Any, Any, Any]
    position: Resource = 0
    last_value: float | None = None
    ended: bool = False
    _context: contextvars.Context = field(default_factory=contextvars.copy_context)
    _left: list[str] = field(default_factory=list)

    def train(self) -> Any:
        """Let it train until it yields, and return what it does."""
        before = _thread_settings()
        value = self._context.run(next, self.generator)
        after = _thread_settings()
        if after.keys() - before.keys():  # a module was imported meanwhile
            before = {**_settings_of_a_new_thread(), **before}
        self._left = [name for name in before if before[name] != after.get(name)]
        return value

    def oddity_of(self, number: int) -> str | None:
        """Return what is odd about how it has yielded, if anything is."""
        if not self._left:
            return None
        return (
            f"the generator of trial {number} has changed {', '.join(self._left)} for its thread, "
            "where other trials are trained while it waits: yield outside of the with block that "
            "changes it"
        )

    def close(self) -> None:
        """Close it, unless it is running: it does so in a thread that was left behind."""
        if inspect.getgeneratorstate(self.generator) != inspect.GEN_RUNNING:
            self._context.run(self.generator.close)


def _thread_settings() -> dict[str, Any]:
    return {
        f"{module}.{function}()": getattr(sys.modules[module], function)()
        for module, function in _THREAD_SETTINGS.items()
        if hasattr(sys.modules.get(module), function)
    }


def _settings_of_a_new_thread() -> dict[str, Any]:
    found: dict[str, Any] = {}
    thread = threading.Thread(target=lambda: found.update(_thread_settings()))
    thread.start()
    thread.join()
    return found

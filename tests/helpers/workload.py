"""What the executors are given here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Work:
    """A task that does not belong to any study; without a function it returns what was shared."""

    function: Any = None
    number: int = 0
    resource: float = 1
    previous_resource: float = 0

    def __call__(self, shared):
        return shared() if self.function is None else self.function()

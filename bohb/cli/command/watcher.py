"""The watcher: the base class of the views that show the runs of a command."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Run:
    """One run of the command: a leg of a trial."""

    number: int
    values: Mapping[str, Any]
    resource: Any
    previous_resource: Any
    began: float = field(default_factory=time.monotonic)

    @property
    def seconds(self) -> float:
        """The seconds since it began."""
        return time.monotonic() - self.began


class Watcher:
    """Is told what happens to runs, and ignores what it has no method for. Threads may share it."""

    def began(self, run: Run) -> None:
        """Be told that a run begins."""

    def reported(self, run: Run, step: float | None, value: float) -> None:
        """Be told that a run has reported a value of the metric."""

    def ended(self, run: Run, value: float | None, fault: str | None) -> None:
        """Be told that a run is over: with a value, with a fault, or cut off without either."""

    def remarked(self, text: str) -> None:
        """Be told something that the user should know."""

"""The watcher: the interface through which the runs of a command are shown."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol


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


class Watcher(Protocol):
    """Is told what happens to runs. Several threads may tell it."""

    def began(self, run: Run) -> None:
        """Be told that a run begins."""

    def reported(self, run: Run, step: float | None, value: float) -> None:
        """Be told that a run has reported a value of the metric."""

    def ended(self, run: Run, value: float | None, fault: str | None) -> None:
        """Be told that a run is over: with a value, with a fault, or cut off without either."""

    def remarked(self, text: str) -> None:
        """Be told something that the user should know."""

"""The learning curves of all trials so far, by which policies compare the trials."""

from __future__ import annotations

import math
import threading
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from bohb.cli.command.reports import Report, whole_step
from bohb.cli.jobs import Policy, Truncation


@dataclass
class _Curve:
    """The best value of one trial up to each of its steps; steps may be added in any order."""

    _steps: list[int] = field(default_factory=list)
    _best: list[float] = field(default_factory=list)

    @property
    def end(self) -> int:
        """The last step."""
        return self._steps[-1]

    def add(self, step: int, value: float, better: Callable[..., float]) -> None:
        place = bisect_left(self._steps, step)
        if place:
            value = better(self._best[place - 1], value)
        if place == len(self._steps) or self._steps[place] != step:
            self._steps.insert(place, step)
            self._best.insert(place, value)
            place += 1
        # A step that comes late may improve on the best values up to later steps.
        while place < len(self._best) and better(self._best[place], value) != self._best[place]:
            self._best[place] = value
            place += 1

    def at(self, step: int) -> float | None:
        """Return the best value up to `step`."""
        place = bisect_right(self._steps, step)
        return self._best[place - 1] if place else None


@dataclass
class Curves:
    """The best values so far of all trials, by metric and step. Several threads may use it."""

    _curves: dict[str, dict[int, _Curve]] = field(default_factory=dict)
    _running: set[int] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def begin(self, number: int) -> None:
        """Note that a leg of the trial has begun."""
        with self._lock:
            self._running.add(number)

    def end(self, number: int) -> None:
        """Note that the leg of the trial is over."""
        with self._lock:
            self._running.discard(number)

    def add(self, number: int, step: int, metric: str, value: float, *, maximize: bool) -> None:
        """Add a value to the curve of a trial, unless the value is not finite."""
        if not math.isfinite(value):
            return
        with self._lock:
            curve = self._curves.setdefault(metric, {}).setdefault(number, _Curve())
            curve.add(step, value, max if maximize else min)

    def take(self, number: int, report: Report, policies: Iterable[Policy]) -> None:
        """Add the values of a report that the policies compare trials by."""
        step = whole_step(report.step)
        if step is not None:
            for policy in policies:
                if policy.metric in report.values:
                    value = report.values[policy.metric]
                    self.add(number, step, policy.metric, value, maximize=policy.maximize)

    def condemned(self, policy: Policy, number: int, step: int) -> bool:
        """Return whether `policy` prunes a trial that has just reported at `step`."""
        if step < policy.min_step or step % policy.interval:
            return False
        among_running = isinstance(policy, Truncation) and policy.among_running
        with self._lock:
            curves = self._curves.get(policy.metric, {})
            own = curves[number].at(step) if number in curves else None
            others = [
                best
                for other, curve in curves.items()
                if other != number and (not among_running or other in self._running)
                if curve.end >= step and (best := curve.at(step)) is not None
            ]
        return own is not None and policy.condemns(own, others)

"""What trials have reported so far, to compare them by."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from bohb.cli.jobs import Policy
from bohb.cli.reports import Report, whole_step


@dataclass
class Curves:
    """The best values so far of all trials, by metric and step. Several threads may use it."""

    _best: dict[str, dict[int, dict[int, float]]] = field(default_factory=dict)
    _running: set[int] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def begin(self, number: int) -> None:
        """Note that a leg of a trial runs."""
        with self._lock:
            self._running.add(number)

    def end(self, number: int) -> None:
        """Note that the leg of a trial is over."""
        with self._lock:
            self._running.discard(number)

    def add(self, number: int, step: int, metric: str, value: float, *, maximize: bool) -> None:
        """Take in a report; what is not finite is no better than anything."""
        if not math.isfinite(value):
            return
        with self._lock:
            curve = self._best.setdefault(metric, {}).setdefault(number, {})
            before = [best for known, best in curve.items() if known <= step]
            better = max if maximize else min
            curve[step] = better([*before, value])

    def take(self, number: int, report: Report, policies: Iterable[Policy]) -> None:
        """Take in what of a report the policies ask for."""
        step = whole_step(report.step)
        if step is not None:
            for policy in policies:
                if policy.metric in report.values:
                    value = report.values[policy.metric]
                    self.add(number, step, policy.metric, value, maximize=policy.maximize)

    def condemned(self, policy: Policy, number: int, step: int) -> bool:
        """Return whether `policy` prunes a trial that has just reported at `step`."""
        if not policy.applies_at(step):
            return False
        with self._lock:
            curves = self._best.get(policy.metric, {})
            own = _at(curves.get(number, {}), step)
            others = [
                best
                for other, curve in curves.items()
                if other != number and (not policy.among_running or other in self._running)
                if max(curve) >= step and (best := _at(curve, step)) is not None
            ]
        return own is not None and policy.condemns(own, others)


def _at(curve: Mapping[int, float], step: int) -> float | None:
    """Return the best value up to `step`."""
    reached = [known for known in curve if known <= step]
    return curve[max(reached)] if reached else None

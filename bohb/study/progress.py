"""The progress bar of `optimize`."""

from __future__ import annotations

import time
from typing import Any

from tqdm.auto import tqdm

from bohb.hyperband import Resource, Schedule
from bohb.study.bookkeeper import Bookkeeper
from bohb.study.limits import Allowance


class Progress:
    """A bar towards the limit that was given, with the incumbent beside it.

    It counts evaluations towards a number of brackets or rounds, else trials, resource or
    seconds.
    """

    def __init__(
        self,
        bookkeeper: Bookkeeper,
        allowance: Allowance,
        timeout: float | None,
        *,
        shown: bool,
    ) -> None:
        self._allowance = allowance
        self._begin = time.monotonic()
        unit, total = self._goal(bookkeeper.schedule, timeout)
        self._unit = unit
        self._bar: Any = tqdm(
            total=total,
            initial=self._position(bookkeeper.schedule),
            unit=f" {unit}",
            disable=not shown,
            bar_format="{percentage:3.0f}%|{bar:20}| {n:.6g}/{total:.6g}{unit} "
            "[{elapsed}<{remaining}]{postfix}",
        )

    def update(self, bookkeeper: Bookkeeper) -> None:
        """Show where `bookkeeper` stands."""
        if self._bar.disable:
            return
        incumbent = bookkeeper.incumbent
        if incumbent is not None:
            self._bar.set_postfix_str(
                f"best {incumbent.value:.6g} at {incumbent.resource:g} (trial {incumbent.number})",
                refresh=False,
            )
        position = min(self._position(bookkeeper.schedule), self._bar.total)
        self._bar.update(position - self._bar.n)

    def close(self) -> None:
        """Leave the bar as it is."""
        self._bar.close()

    def _goal(self, schedule: Schedule, timeout: float | None) -> tuple[str, Resource]:
        limits = self._allowance.limits
        if limits.n_trials is not None:
            return "trials", limits.n_trials
        if limits.total_resource is not None:
            return "resource", limits.total_resource
        if limits.n_brackets is None:
            return "s", timeout or 0
        before = self._allowance.baseline.n_brackets
        planned = schedule.plan.brackets
        new = range(before, before + limits.n_brackets)
        return "evaluations", sum(planned[i % len(planned)].n_evaluations for i in new)

    def _position(self, schedule: Schedule) -> Resource:
        baseline = self._allowance.baseline
        if self._unit == "trials":
            return schedule.n_started - baseline.n_started
        if self._unit == "resource":
            return self._allowance.spent(schedule)
        if self._unit == "s":
            return round(time.monotonic() - self._begin, 1)
        return schedule.n_evaluations - baseline.n_evaluations

"""The progress bar of `optimize`."""

from __future__ import annotations

import time
from typing import Any

from tqdm.auto import tqdm

from bohb.history import live_trial
from bohb.hyperband import Resource, Schedule
from bohb.objective.trial import Trial
from bohb.study.limits import Allowance
from bohb.study.options import Options
from bohb.study.results import better, find_incumbent
from bohb.study.state import StudyState


def progress_of(state: StudyState, allowance: Allowance, options: Options) -> Progress | None:
    """Return the progress bar of a call; None if none is shown."""
    if not options.show_progress_bar:
        return None
    return Progress(state, allowance, options.timeout)


class Progress:
    """A bar towards the limit that was given, with the incumbent beside it.

    It counts trials or seconds if the limit does, and otherwise the resource of the legs that have
    ended: one at the top costs many times as much as one at the bottom, so a count of evaluations
    would promise an end that is far too near.
    """

    def __init__(self, state: StudyState, allowance: Allowance, timeout: float | None) -> None:
        self._state = state
        self._allowance = allowance
        self._begin = time.monotonic()
        self._incumbent = find_incumbent(state.ledger.trials(), state.scale, state.schedule.plan)
        self._unit, total = self._goal(state.schedule, timeout)
        self._bar: Any = tqdm(
            total=total,
            initial=self._position(),
            unit=f" {self._unit}",
            bar_format="{percentage:3.0f}%|{bar:20}| {n:.6g}/{total:.6g}{unit} "
            "[{elapsed}<{remaining}]{postfix}",
        )

    def take_value(self, trial: Trial, resource: Resource, value: float) -> None:
        """Take a value of `trial` at `resource`, which may make it the incumbent."""
        scale = self._state.scale
        self._incumbent = better(self._incumbent, live_trial(trial), resource, value, scale)

    def update(self) -> None:
        """Show where the study stands."""
        best = self._incumbent
        if best is not None:
            self._bar.set_postfix_str(
                f"best {best.value:.6g} at {best.resource:g} (trial {best.number})", refresh=False
            )
        self._bar.update(min(self._position(), self._bar.total) - self._bar.n)

    def close(self) -> None:
        """Leave the bar as it is."""
        self._bar.close()

    def _goal(self, schedule: Schedule, timeout: float | None) -> tuple[str, Resource]:
        """Return the unit that is counted, and how many units a full bar stands for."""
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
        continued = self._allowance.continued
        return "resource", sum(planned[i % len(planned)].resource(continued=continued) for i in new)

    def _position(self) -> Resource:
        schedule, baseline = self._state.schedule, self._allowance.baseline
        if self._unit == "trials":
            return schedule.n_started - baseline.n_started
        if self._unit == "s":
            return round(time.monotonic() - self._begin, 1)
        continued = self._allowance.continued
        under_way = sum(
            schedule.runs[leg.bracket].bracket.leg_cost(leg.rung, continued=continued)
            for leg in schedule.pending
        )
        return self._allowance.spent(schedule) - under_way

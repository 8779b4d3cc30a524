"""The progress bar of `optimize`."""

from __future__ import annotations

import time
from typing import Any

from tqdm.auto import tqdm

from bohb.history import live_trial
from bohb.hyperband import Resource, Schedule
from bohb.objective.trial import Trial
from bohb.study.forecast import Forecast
from bohb.study.limits import Allowance
from bohb.study.options import Options
from bohb.study.results import better, find_incumbent
from bohb.study.state import StudyState

_COUNTED = "{desc}{percentage:3.0f}%|{bar:20}| {n:.6g}/{total:.6g} {unit} [{elapsed}<{left}]"
_TIMED = "{desc}{percentage:3.0f}%|{bar:20}| {elapsed}/{whole}"


def progress_of(state: StudyState, allowance: Allowance, options: Options) -> Progress | None:
    """Return the progress bar of a call; None if none is shown."""
    if not options.show_progress_bar:
        return None
    return Progress(state, allowance, options)


def count_of_legs(options: Options) -> Any:
    """Return the line of a process that works for the call of another: the legs it has run."""
    is_off = not options.show_progress_bar
    return tqdm(disable=is_off, desc="Joined", bar_format="{desc}: {n} legs here [{elapsed}]")


class Progress:
    """A bar towards the limit that was given, with the incumbent beside it.

    It counts trials or seconds if the limit does, and otherwise the resource of the legs that have
    ended. The time that is left is forecast from the legs that were timed: one at the top takes
    many times as long as one at the bottom.
    """

    def __init__(self, state: StudyState, allowance: Allowance, options: Options) -> None:
        self._state = state
        self._allowance = allowance
        self._timeout = options.timeout
        self._n_workers = options.executor.n_workers
        self._begin = time.monotonic()
        self._forecast = Forecast(state.schedule, allowance, state.timed)
        self._incumbent = find_incumbent(state.ledger.trials(), state.scale, state.schedule.plan)
        self._unit, total = self._goal(state.schedule)
        self._bar: Any = _Bar(
            self._left,
            total=total,
            initial=self._position(),
            unit=self._unit,
            bar_format=_TIMED if self._unit == "s" else _COUNTED,
        )

    def take_value(self, trial: Trial, resource: Resource, value: float) -> None:
        """Take a value of `trial` at `resource`, which may make it the incumbent."""
        scale = self._state.scale
        self._incumbent = better(self._incumbent, live_trial(trial), resource, value, scale)

    def update(self) -> None:
        """Show where the study stands."""
        best = self._incumbent
        if best is not None:
            self._bar.set_description_str(
                f"Best trial: {best.number}. Best value: {best.value:.6g} at {best.resource:g}: ",
                refresh=False,
            )
        with self._state.lock:  # another thread may work with those who have joined
            if self._unit == "resource":
                self._bar.total = self._goal(self._state.schedule)[1]
            position = self._position()
        self._bar.update(min(position, self._bar.total) - self._bar.n)

    def close(self) -> None:
        """Leave the bar as it is."""
        self._bar.close()

    def _goal(self, schedule: Schedule) -> tuple[str, Resource]:
        """Return the unit that is counted, and how many units a full bar stands for."""
        limits = self._allowance.limits
        if limits.n_trials is not None:
            return "trials", limits.n_trials
        if limits.total_resource is not None:
            return "resource", limits.total_resource
        if limits.total_cost is not None:
            return "cost", limits.total_cost
        if limits.n_brackets is None:
            return "s", self._timeout or 0
        continued, to_start = self._allowance.continued, self._allowance.trials_left(schedule)
        needed = schedule.still_needed(continued=continued, new_trials=to_start)
        return "resource", self._allowance.spent(schedule) + needed

    def _position(self) -> Resource:
        schedule, baseline = self._state.schedule, self._allowance.baseline
        if self._unit == "trials":
            return schedule.n_started - baseline.n_started
        if self._unit == "cost":
            return self._allowance.cost()
        if self._unit == "s":
            return round(time.monotonic() - self._begin, 1)
        under_way = schedule.under_way(continued=self._allowance.continued)
        return self._allowance.spent(schedule) - under_way

    def _left(self) -> float | None:
        """Return the seconds until the call ends, as far as that is known."""
        elapsed = time.monotonic() - self._begin
        with self._state.lock:  # tqdm also draws from a thread of its own
            left = self._forecast.at_this_speed(elapsed, self._n_workers)
        if self._timeout is None:
            return left
        until_timeout = max(0.0, self._timeout - elapsed)
        return until_timeout if left is None else min(left, until_timeout)


class _Bar(tqdm):  # type: ignore[misc]  # tqdm ships no types
    """A bar with the time that is left by our own forecast, which is made when the bar is drawn."""

    def __init__(self, left: Any, **options: Any) -> None:
        self._left = left
        super().__init__(**options)

    @property
    def format_dict(self) -> dict[str, Any]:
        """What the format of the bar may name."""
        shown: dict[str, Any] = super().format_dict
        left = self._left()
        shown["left"] = "?" if left is None else self.format_interval(left)
        shown["whole"] = self.format_interval(self.total or 0)
        return shown

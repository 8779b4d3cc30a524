"""The forecast of a study: when a call of `optimize` will end, from the legs that were timed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeAlias

from optuna.trial import FrozenTrial

from bohb.history import leg_of, scale_of, standing
from bohb.hyperband import Bracket, Plan, Schedule, Standing
from bohb.hyperband.forecast import LegsLeft, Pace, busy_seconds, wall_seconds
from bohb.store.legs import spans_of
from bohb.store.stored_study import StoredStudy, ledger_of
from bohb.study.compatibility import schedule_pruner_of
from bohb.study.costs import costs_so_far
from bohb.study.limits import Allowance, Baseline, Limits

# The bracket, the rung, and the seconds of a leg that has ended.
TimedLeg: TypeAlias = tuple[Bracket, int, float]


class Forecast:
    """Says when the legs will be done that a call may still run.

    Parameters
    ----------
    schedule, allowance
        What has been begun, and what may still start.
    timed
        The legs that have ended so far. The list may grow.
    """

    def __init__(self, schedule: Schedule, allowance: Allowance, timed: Sequence[TimedLeg]) -> None:
        self._schedule = schedule
        self._allowance = allowance
        self._timed = timed
        self._n_before = self._n_noted = len(timed)
        self._pace = Pace(continued=allowance.continued)
        self._busy = 0.0  # the seconds of all legs that have ended since this object was made
        self._note(timed)

    def with_workers(self, n_workers: float) -> float | None:
        """Return the seconds until all is done with so many workers; None if no pace is known."""
        if self._allowance.limits.is_timeout:
            return None
        return wall_seconds(self._left(), self._pace, n_workers)

    def at_this_speed(self, elapsed: float, n_workers: float) -> float | None:
        """Return the seconds until all is done, at the speed of the `elapsed` seconds so far.

        The speed holds all that takes time beside the legs: proposals, the storage, and workers
        that wait for a rung.
        """
        self._note(self._timed[self._n_noted :], busy=True)
        self._n_noted = len(self._timed)
        bound = self.with_workers(n_workers)
        half_done = busy_seconds(self._begun(), self._pace)
        left = busy_seconds(self._left(), self._pace)
        if bound is None or not self._busy or half_done is None or left is None:
            return bound
        return max(elapsed * left / (self._busy + half_done), bound)

    def _left(self) -> Iterator[LegsLeft]:
        yield from self._begun()
        yield from self._schedule.legs_left(self._allowance.trials_left(self._schedule))

    def _begun(self) -> Iterator[LegsLeft]:
        """Yield the legs under way; it is not known how far they are, so each counts as half."""
        for leg in self._schedule.pending:
            bracket = self._schedule.by_number[leg.bracket].bracket
            yield LegsLeft(bracket, leg.bracket, leg.rung, 0.5)

    def _note(self, timed: Iterable[TimedLeg], *, busy: bool = False) -> None:
        for bracket, rung, seconds in timed:
            self._pace.note(bracket, rung, seconds)
            self._busy += seconds if busy else 0.0


def timed_legs(trial: FrozenTrial, plan: Plan) -> Iterator[TimedLeg]:
    """Yield the timed legs that are stored with a trial of a bracket."""
    leg = leg_of(trial, plan)
    bracket = plan.bracket(leg.bracket, at_top=leg.at_top)
    for rung, span in enumerate(spans_of(trial)):
        if span is not None:
            yield bracket, rung, span.seconds


def forecast_of(study: StoredStudy, limits: Limits) -> Forecast:
    """Return the forecast of a study as it is stored, whose objective starts anew for each leg."""
    ledger, scale = ledger_of(study), scale_of(study)
    pruner = schedule_pruner_of(study)
    plan = pruner.plan()
    standings: list[Standing] = []
    timed: list[TimedLeg] = []
    costs = costs_so_far(ledger.trials(), scale, plan)
    for trial in ledger.trials():
        place = standing(trial, scale, plan)
        if place is not None:
            standings.append(place)
            timed += timed_legs(trial, plan)
    schedule, _ = pruner.schedule_class.replay(plan, standings, ledger.closed())
    return Forecast(schedule, Allowance(limits, Baseline(), costs, continued=False), timed)

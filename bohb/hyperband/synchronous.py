"""Synchronous successive halving: a rung is decided when everything in it has finished."""

from __future__ import annotations

import heapq

from bohb.hyperband.plan import Plan
from bohb.hyperband.promotion import going_on
from bohb.hyperband.records import Evaluation, Leg
from bohb.hyperband.schedule import BracketRun, Schedule


class SynchronousSchedule(Schedule):
    """Decides each rung once, when all of its trials have finished.

    While a rung waits for its last results, new trials start in the next bracket, so that any
    number of workers has work. See Li et al. (2018), Algorithm 1.

    Parameters
    ----------
    plan
        The plan of one round.

    Examples
    --------
    >>> from bohb.hyperband import ladder, make_plan
    >>> schedule = SynchronousSchedule(make_plan(ladder(1, 3, 3), 3))
    >>> for trial, loss in enumerate([0.3, 0.1, 0.2]):
    ...     schedule.begin(schedule.next_leg(), trial)
    ...     pruned = schedule.record(Evaluation(trial, 0, loss))
    >>> pruned
    [2, 0]
    >>> schedule.next_leg()
    Leg(trial=1, bracket=0, rung=1, resource=3, previous_resource=1)
    """

    def __init__(self, plan: Plan) -> None:
        super().__init__(plan)
        # Promotions that were decided and not begun: the highest resource first, then the
        # older bracket, then the better trial.
        self._decided: list[tuple[float, int, int, int, int]] = []

    def _next_promotion(self) -> Leg | None:
        # A promotion stays in the heap until its leg has begun: who asks need not begin it.
        while self._decided:
            _, index, _, trial, rung = self._decided[0]
            run = self.by_number[index]
            if trial not in run.rungs[rung]:
                return run.leg(trial, rung)
            heapq.heappop(self._decided)
        return None

    def _n_kept(self, run: BracketRun, rung: int) -> int:
        return run.capacity[rung + 1]

    def _settle(self, run: BracketRun, evaluation: Evaluation | None) -> list[int]:
        rung = evaluation.rung if evaluation else 0
        held = run.rungs[rung]
        is_top = rung == len(run.rungs) - 1
        if is_top or held.pending or len(held) < run.capacity[rung]:
            return []
        ranking = [trial for _, trial in held.ranking]
        best = going_on(ranking, self._models(run, rung), run.capacity[rung + 1])
        # Where trials failed, fewer than planned go on, and higher rungs must not wait for more.
        run.limit(rung + 1, len(best))
        for position, trial in enumerate(best):
            if trial not in run.rungs[rung + 1]:
                resource = run.bracket.resources[rung + 1]
                entry = (-resource, run.index, position, trial, rung + 1)
                heapq.heappush(self._decided, entry)
        kept = set(best)
        return [trial for trial in ranking if trial not in kept]

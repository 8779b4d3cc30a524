"""Asynchronous successive halving (ASHA): nothing waits for a rung to be complete."""

from __future__ import annotations

import bisect
from collections import defaultdict

from bohb.hyperband.plan import Plan
from bohb.hyperband.promotion import promotable
from bohb.hyperband.records import Evaluation, Leg
from bohb.hyperband.schedule import BracketRun, Schedule


class AsynchronousSchedule(Schedule):
    """Promotes a paused trial as soon as it is among the best of its rung, else starts a new one.

    A trial goes on when it is in the top one in `reduction_factor` of the results its rung has
    so far (Li et al. 2020, *A System for Massively Parallel Hyperparameter Tuning*, Algorithm 2).
    Early on that is little evidence, so more trials may go on than in the synchronous schedule.
    Once no more results can come to a rung, the best one of it goes on in any case and the
    others are pruned.
    """

    def __init__(self, plan: Plan) -> None:
        super().__init__(plan)
        self._rankings: defaultdict[tuple[int, int], list[tuple[float, int]]] = defaultdict(list)
        self._final: set[tuple[int, int]] = set()  # rungs to which no more results can come
        self._first_live = 0

    def _next_promotion(self) -> Leg | None:
        n_levels = max(len(bracket.sizes) for bracket in self.plan.brackets)
        live = self.runs[self._first_live :]
        for level in reversed(range(n_levels)):
            for run in live:
                rung = level - run.bracket.first_level
                if 0 < rung < len(run.rungs):
                    trial = self._best_waiting(run, rung - 1)
                    if trial is not None:
                        return run.leg(trial, rung)
        return None

    def _best_waiting(self, run: BracketRun, rung: int) -> int | None:
        above = run.rungs[rung + 1]
        waiting = (trial for trial in self._top(run, rung) if trial not in above)
        return next(waiting, None)

    def _top(self, run: BracketRun, rung: int) -> list[int]:
        place = (run.index, rung)
        ranking = self._rankings[place]
        final = place in self._final
        count = promotable(len(ranking), self.plan.reduction_factor, final=final)
        return [trial for _, trial in ranking[:count]]

    def _settle(self, run: BracketRun, evaluation: Evaluation | None) -> list[int]:
        if evaluation is not None and evaluation.loss is not None:
            ranking = self._rankings[run.index, evaluation.rung]
            bisect.insort(ranking, (evaluation.loss, evaluation.trial))
        pruned: list[int] = []
        for rung in range(len(run.rungs) - 1):
            if (run.index, rung) not in self._final:
                if not self._is_final(run, rung):
                    return pruned
                pruned += self._finish(run, rung)
        self._skip_finished()
        return pruned

    def _is_final(self, run: BracketRun, rung: int) -> bool:
        if run.rungs[rung].pending:
            return False
        if rung == 0:
            return run.full
        return (run.index, rung - 1) in self._final and self._best_waiting(run, rung - 1) is None

    def _finish(self, run: BracketRun, rung: int) -> list[int]:
        self._final.add((run.index, rung))
        above = run.rungs[rung + 1]
        winners = set(self._top(run, rung))
        pruned = [
            trial
            for _, trial in self._rankings[run.index, rung]
            if trial not in winners and trial not in above
        ]
        waiting = sum(trial not in above for trial in winners)
        run.limit(rung + 1, len(above) + waiting)
        return pruned

    def _skip_finished(self) -> None:
        """Look no longer for promotions in brackets in which none can be made any more."""
        while self._first_live < len(self.runs):
            run = self.runs[self._first_live]
            if not run.full or any(
                (run.index, rung) not in self._final or self._best_waiting(run, rung) is not None
                for rung in range(len(run.rungs) - 1)
            ):
                return
            self._first_live += 1

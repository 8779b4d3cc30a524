"""Asynchronous successive halving (ASHA): nothing waits for a rung to be complete."""

from __future__ import annotations

import heapq
import itertools
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

    Parameters
    ----------
    plan
        The plan of one round.

    Examples
    --------
    >>> from bohb.hyperband import ladder, make_plan
    >>> schedule = AsynchronousSchedule(make_plan(ladder(1, 9, 3), 3))
    >>> for trial, loss in enumerate([0.3, 0.1, 0.2]):
    ...     schedule.begin(schedule.next_leg(), trial)
    ...     pruned = schedule.record(Evaluation(trial, 0, loss))
    >>> schedule.next_leg()  # three of the nine trials are in, and one of them goes on
    Leg(trial=1, bracket=0, rung=1, resource=3, previous_resource=1)
    """

    def __init__(self, plan: Plan) -> None:
        super().__init__(plan)
        # By bracket and rung: the trials that still wait there.
        self._waiting: defaultdict[tuple[int, int], set[int]] = defaultdict(set)
        self._final: set[tuple[int, int]] = set()  # rungs to which no more results can come
        # A heap of the rungs that may have a trial to promote: the highest level first, then the
        # older bracket. Rungs that have none any more are dropped when they come to the top.
        self._candidates: list[tuple[int, int, int]] = []

    def _next_promotion(self) -> Leg | None:
        while self._candidates:
            _, index, rung = self._candidates[0]
            run = self.by_number[index]
            trial = self._best_waiting(run, rung)
            if trial is not None:
                return run.leg(trial, rung + 1)
            heapq.heappop(self._candidates)
        return None

    def _note_candidate(self, run: BracketRun, rung: int) -> None:
        if self._best_waiting(run, rung) is not None:
            level = run.bracket.first_level + rung
            heapq.heappush(self._candidates, (-level, run.index, rung))

    def _best_waiting(self, run: BracketRun, rung: int) -> int | None:
        """Return the best trial that waits on `rung`, if it is good enough to go on."""
        waiting = self._waiting[run.index, rung]
        if not waiting:
            return None
        best = itertools.islice(run.rungs[rung].ranking, self._n_kept(run, rung))
        return next((trial for _, trial in best if trial in waiting), None)

    def _n_kept(self, run: BracketRun, rung: int) -> int:
        is_final = (run.index, rung) in self._final
        n_ranked = len(run.rungs[rung].ranking)
        return promotable(n_ranked, self.plan.reduction_factor, final=is_final)

    def _enter(self, run: BracketRun, rung: int, trial: int) -> None:
        super()._enter(run, rung, trial)
        self._waiting[run.index, rung - 1].discard(trial)

    def _settle(self, run: BracketRun, evaluation: Evaluation | None) -> list[int]:
        if evaluation is not None and evaluation.loss is not None:
            self._let_wait(run, evaluation.rung, evaluation.trial)
        pruned: list[int] = []
        # A rung can be final only if the rung below it is: the first that is not ends the search.
        for rung in range(len(run.rungs) - 1):
            if (run.index, rung) not in self._final:
                if not self._is_final(run, rung):
                    return pruned
                pruned += self._finish(run, rung)
        return pruned

    def _let_wait(self, run: BracketRun, rung: int, trial: int) -> None:
        is_top = rung == len(run.rungs) - 1
        # In a replay the trial may be on the next rung already, and then it does not wait here.
        if not is_top and trial not in run.rungs[rung + 1]:
            self._waiting[run.index, rung].add(trial)
        self._note_candidate(run, rung)

    def _is_final(self, run: BracketRun, rung: int) -> bool:
        """Return whether no more results can come to `rung`."""
        if run.rungs[rung].pending:
            return False
        if rung == 0:
            return run.full
        return (run.index, rung - 1) in self._final and self._best_waiting(run, rung - 1) is None

    def _finish(self, run: BracketRun, rung: int) -> list[int]:
        """Note that `rung` is final, and return the trials that are pruned by it."""
        place = (run.index, rung)
        self._final.add(place)
        waiting = self._waiting[place]
        # No result can change the ranking any more: those that wait among the best go on, and the
        # others never will.
        others = run.rungs[rung].ranking[self._n_kept(run, rung) :]
        pruned = [trial for _, trial in others if trial in waiting]
        waiting.difference_update(pruned)
        run.limit(rung + 1, len(run.rungs[rung + 1]) + len(waiting))
        self._note_candidate(run, rung)
        return pruned

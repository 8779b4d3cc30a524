"""Population based training: after each interval the worst give way to children of the best."""

from __future__ import annotations

import heapq
import math
from collections import Counter
from dataclasses import replace

from bohb.hyperband.ladder import as_fraction
from bohb.hyperband.plan import Plan
from bohb.hyperband.promotion import n_replaced
from bohb.hyperband.records import Evaluation, Leg, Standing
from bohb.hyperband.schedule import BracketRun, Schedule


class PopulationSchedule(Schedule):
    """Trains a population an interval at a time, and replaces the worst by children of the best.

    A child is a new trial that begins on the rung above the one of its parent's checkpoint. Of the
    worst the first gets the best as its parent, the next one the second best, and so on, which
    spreads the children as evenly as the published draw does on average. A trial that fails is
    replaced as well.

    Synchronously a rung is decided once all have come to it. Asynchronously a trial is judged when
    it comes, among those that were there before, or on the rung below while these are few; its
    child goes on from what a better trial had when it came to the same rung. See Jaderberg et al.
    (2017), section 3.

    Parameters
    ----------
    plan
        The plan, of brackets that are populations.

    Examples
    --------
    >>> from bohb.hyperband import make_population_plan
    >>> schedule = PopulationSchedule(make_population_plan((10, 20), 2, 5))
    >>> for trial, loss in enumerate([0.3, 0.1]):
    ...     schedule.begin(schedule.next_leg(), trial)
    ...     dropped = schedule.record(Evaluation(trial, 0, loss))
    >>> dropped
    [0]
    >>> child = schedule.next_leg()
    >>> child.trial, child.parent, child.previous_resource, child.resource
    (None, 1, 10, 20)
    """

    def __init__(self, plan: Plan) -> None:
        super().__init__(plan)
        # A heap of bracket, rung and trial. Whoever is furthest behind goes on first, so that a
        # schedule that is replayed goes on in the same order.
        self._promotions: list[tuple[int, int, int]] = []
        # By bracket and rung: how many children were born there, and how many are still to be.
        self._n_born: Counter[tuple[int, int]] = Counter()
        self._n_owed: Counter[tuple[int, int]] = Counter()
        self._n_settled: Counter[int] = Counter()  # rungs of each bracket, from the lowest on
        # Of a recorded history: whether a trial that is not under way was dropped where it stands.
        self._was_dropped: dict[int, bool] = {}

    def next_leg(self, *, may_start: bool = True) -> Leg | None:
        """Return what should be done next; a population is filled before any of it goes on."""
        leg = self._next_promotion()
        if may_start and leg is not None and not self.by_number[leg.bracket].full:
            return self.by_number[leg.bracket].leg(None, 0)
        return super().next_leg(may_start=may_start)

    def begin(self, leg: Leg, trial: int) -> None:
        """Note that `trial` has been given `leg`."""
        if self._promotions and self._promotions[0] == (leg.bracket, leg.rung, leg.trial):
            heapq.heappop(self._promotions)
        super().begin(leg, trial)
        if leg.parent is not None:
            self._n_born[leg.bracket, leg.rung] += 1
            self._n_owed[leg.bracket, leg.rung] -= 1

    def may_have_children(self, trial: int, rung: int) -> bool:
        """Return whether children may go on from what `trial` has on `rung`, once it has gone on.

        Synchronously all children are born before.
        """
        run = self._places.get(trial)
        if run is None or not self.plan.asynchronous or rung < self._n_settled[run.index]:
            return False
        evaluation = run.rungs[rung].evaluations.get(trial)
        return evaluation is not None and evaluation.loss is not None

    def take_settled(self, bracket: int) -> list[tuple[int, int]]:
        """Return trials and rungs from which no more children will go on, each once."""
        run, found = self.by_number[bracket], []
        while (rung := self._n_settled[bracket]) < len(run.rungs) - 1:
            above = run.rungs[rung + 1]
            if len(above) < run.capacity[rung + 1]:
                break
            found += [(trial, rung) for trial in run.rungs[rung].evaluations]
            self._n_settled[bracket] += 1
        return found

    def _take_standing(self, standing: Standing) -> None:
        if standing.parent is not None:
            self._n_born[standing.bracket, standing.first_rung] += 1
            self._n_owed[standing.bracket, standing.first_rung] -= 1
        if not standing.pending:
            self._was_dropped[standing.trial] = standing.is_over

    def _next_promotion(self) -> Leg | None:
        """Return the next child, or the next trial that goes on: its parent must not go before."""
        for (index, rung), count in sorted(self._n_owed.items()):
            ranking = self.by_number[index].rungs[rung - 1].ranking
            if count > 0 and ranking:
                n_parents = min(self._n_extreme(index, rung - 1), len(ranking))
                _, parent = ranking[self._n_born[index, rung] % n_parents]
                return replace(self.by_number[index].leg(None, rung), parent=parent)
        if not self._promotions:
            return None
        index, rung, trial = self._promotions[0]
        return self.by_number[index].leg(trial, rung)

    def _n_extreme(self, index: int, rung: int) -> int:
        """Return how many of those that have come to a rung count as good, and at most as bad."""
        n_trials = len(self.by_number[index].rungs[rung].evaluations)
        return max(1, n_replaced(n_trials, self.plan.reduction_factor))

    def _n_kept(self, run: BracketRun, rung: int) -> int:
        held = run.rungs[rung]
        n_ranked = len(held.ranking)
        n_failed = len(held.evaluations) - n_ranked
        n_bad = n_replaced(len(held.evaluations), self.plan.reduction_factor) - n_failed
        return max(min(1, n_ranked), n_ranked - max(0, n_bad))

    def _settle(self, run: BracketRun, evaluation: Evaluation | None) -> list[int]:
        rung = evaluation.rung if evaluation else 0
        if rung == len(run.rungs) - 1:
            return []
        held = run.rungs[rung]
        is_complete = not held.pending and len(held) >= run.capacity[rung]
        if is_complete and not held.ranking:
            run.limit(rung + 1, 0)  # all have failed, and nobody is left to go on from
            return []
        if self.plan.asynchronous:
            return [] if evaluation is None else self._settle_one(run, evaluation)
        if not is_complete:
            return []
        best = [trial for _, trial in held.ranking]
        n_kept = self._n_kept(run, rung)
        self._n_owed[run.index, rung + 1] += len(held) - n_kept
        for trial in best[:n_kept]:
            self._let_go_on(run, rung, trial)
        return best[n_kept:]

    def _let_go_on(self, run: BracketRun, rung: int, trial: int) -> None:
        if trial not in run.rungs[rung + 1]:
            heapq.heappush(self._promotions, (run.index, rung + 1, trial))

    # Asynchronously

    def _settle_one(self, run: BracketRun, evaluation: Evaluation) -> list[int]:
        """Decide on one trial of an asynchronous population, by those that came before it."""
        rung, trial = evaluation.rung, evaluation.trial
        if evaluation.loss is None:
            self._n_owed[run.index, rung + 1] += 1
            return []
        if trial in run.rungs[rung + 1]:
            return []
        is_dropped = self._was_dropped.pop(trial, None)
        if is_dropped is None:
            is_dropped = self._is_bad(run, evaluation)
        if not is_dropped:
            self._let_go_on(run, rung, trial)
            return []
        self._n_owed[run.index, rung + 1] += 1
        return [trial]

    def _is_bad(self, run: BracketRun, evaluation: Evaluation) -> bool:
        """Return whether a trial is among the worst of its rung, and somebody there is better.

        While less than half of the population has come to the rung, it is judged on the one below:
        whoever comes first each time would never be judged otherwise.
        """
        rung = evaluation.rung
        here = run.rungs[rung].ranking
        if 2 * len(here) < run.bracket.n_trials:
            rung -= 1
        ranking = run.rungs[rung].ranking if rung >= 0 else []
        n_bad = math.floor(len(ranking) / as_fraction(self.plan.reduction_factor))
        worst = ranking[len(ranking) - n_bad :]
        is_worst = any(number == evaluation.trial for _, number in worst)
        return is_worst and here[0][1] != evaluation.trial

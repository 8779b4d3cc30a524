"""The makespan of a plan: how long it takes with some workers, if a unit always takes as long."""

from __future__ import annotations

import heapq

from bohb.hyperband.kinds import schedule_for
from bohb.hyperband.plan import Plan
from bohb.hyperband.records import Evaluation, Leg


def makespan(plan: Plan, n_workers: int, *, continued: bool) -> float:
    """Return the units of time from the first leg of a plan to its last, with so many workers.

    The schedule itself is run, with legs that take one unit of time for each unit of resource.
    While a rung waits for its last leg, free workers begin with the next bracket.

    Parameters
    ----------
    plan
        The plan. Of an asynchronous one, promotions made on little evidence may come on top.
    n_workers
        How many legs run at the same time.
    continued
        Whether a promoted trial goes on from where it stood.

    Examples
    --------
    >>> from bohb.hyperband import ladder, make_plan
    >>> plan = make_plan(ladder(1, 9, 3), 3)
    >>> [makespan(plan, n_workers, continued=True) for n_workers in (1, 4, 1000)]
    [63.0, 20.0, 9.0]
    """
    schedule = schedule_for(plan)
    n_started, now = 0, 0.0
    running: list[tuple[float, int, Leg]] = []  # by the moment at which they end
    while True:
        while len(running) < n_workers:
            leg = schedule.next_leg(may_start=schedule.next_bracket < len(plan.brackets))
            if leg is None:
                break
            trial = n_started if leg.trial is None else leg.trial
            n_started += leg.trial is None
            schedule.begin(leg, trial)
            bracket = schedule.by_number[leg.bracket].bracket
            ends = now + float(bracket.leg_cost(leg.rung, continued=continued))
            heapq.heappush(running, (ends, trial, leg))
        if not running:
            return now
        now, trial, leg = heapq.heappop(running)
        # Who does how well plays no part, so the older trial counts as the better one.
        schedule.record(Evaluation(trial, leg.rung, float(trial)))

"""Hyperband as pure functions and values: the ladder, the plan, the promotions, the schedules.

Nothing here knows Optuna, a clock, a file or a random number. A configuration is known by the
number of its trial alone.
"""

from bohb.hyperband.adaptive import pays_to_start_at_top
from bohb.hyperband.asynchronous import AsynchronousSchedule
from bohb.hyperband.ladder import Resource, ladder, lowest_of
from bohb.hyperband.makespan import makespan
from bohb.hyperband.plan import (
    Bracket,
    BracketSizes,
    Plan,
    PlanPace,
    make_plan,
    make_successive_halving_plan,
)
from bohb.hyperband.promotion import keep_best, promotable
from bohb.hyperband.records import Decision, Evaluation, Leg, Standing
from bohb.hyperband.schedule import Schedule
from bohb.hyperband.synchronous import SynchronousSchedule

__all__ = [
    "AsynchronousSchedule",
    "Bracket",
    "BracketSizes",
    "Decision",
    "Evaluation",
    "Leg",
    "Plan",
    "PlanPace",
    "Resource",
    "Schedule",
    "Standing",
    "SynchronousSchedule",
    "keep_best",
    "ladder",
    "lowest_of",
    "make_plan",
    "make_successive_halving_plan",
    "makespan",
    "pays_to_start_at_top",
    "promotable",
]

"""Hyperband as pure functions and values: the ladder, the plan, the promotions, the schedules.

Nothing here knows Optuna, a clock, a file or a random number. A configuration is known by the
number of its trial alone.
"""

from bohb.hyperband.adaptive import pays_to_start_at_top
from bohb.hyperband.asynchronous import AsynchronousSchedule
from bohb.hyperband.bracket import Bracket
from bohb.hyperband.fronts import Loss, sort_losses
from bohb.hyperband.kinds import schedule_class_for
from bohb.hyperband.ladder import Resource, intervals, ladder, lowest_of
from bohb.hyperband.makespan import makespan
from bohb.hyperband.plan import Plan, PlanPace
from bohb.hyperband.planning import (
    BracketSizes,
    make_plan,
    make_population_plan,
    make_successive_halving_plan,
)
from bohb.hyperband.population import PopulationSchedule
from bohb.hyperband.promotion import decision, n_replaced, n_reserved, promotable
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
    "Loss",
    "Plan",
    "PlanPace",
    "PopulationSchedule",
    "Resource",
    "Schedule",
    "Standing",
    "SynchronousSchedule",
    "decision",
    "intervals",
    "ladder",
    "lowest_of",
    "make_plan",
    "make_population_plan",
    "make_successive_halving_plan",
    "makespan",
    "n_replaced",
    "n_reserved",
    "pays_to_start_at_top",
    "promotable",
    "schedule_class_for",
    "sort_losses",
]

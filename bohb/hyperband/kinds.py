"""The kinds of schedules, and which of them a plan is for."""

from __future__ import annotations

from bohb.hyperband.asynchronous import AsynchronousSchedule
from bohb.hyperband.plan import Plan
from bohb.hyperband.population import PopulationSchedule
from bohb.hyperband.schedule import Schedule
from bohb.hyperband.synchronous import SynchronousSchedule


def schedule_class_for(plan: Plan) -> type[Schedule]:
    """Return the kind of schedule that carries out a plan.

    Parameters
    ----------
    plan
        The plan.

    Examples
    --------
    >>> from bohb.hyperband import ladder, make_plan
    >>> schedule_class_for(make_plan(ladder(1, 9, 3), 3)).__name__
    'SynchronousSchedule'
    """
    if plan.is_population:
        return PopulationSchedule
    return AsynchronousSchedule if plan.asynchronous else SynchronousSchedule


def schedule_for(plan: Plan) -> Schedule:
    """Return a new schedule that carries out `plan`."""
    return schedule_class_for(plan)(plan)

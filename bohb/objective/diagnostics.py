"""Diagnostics of objectives: behaviour that is no error, but may cost more than the plan says."""

from __future__ import annotations

import math
from typing import Any

from bohb.history import Value, as_tuple, is_finite
from bohb.objective.leg_state import leg_state_of
from bohb.objective.trial import Trial

_PRUNED = object()  # takes the place of a returned value if the objective raised TrialPruned


def diagnosis(trial: Trial, returned: Any = _PRUNED, *, is_generator: bool = False) -> str | None:
    """Return what the author of an objective should know about the way in which its leg ended.

    None if the objective used its resource as the plan assumes.
    """
    state = leg_state_of(trial)
    used, given = state.used, state.needed_leg("resource").resource
    if state.was_interrupted:
        return None
    if is_generator and state.value_at_rung is not None and not state.scale.is_top(given):
        return (
            f"the generator of trial {trial.number} raised TrialPruned at resource {used}, which "
            "ends it, so that it trains from the start again if it is promoted: let it just "
            "yield, and it waits where it is"
        )
    if used is None:
        if returned is _PRUNED or state.asked_resource or state.scale.is_top(given):
            return None
        return (
            f"the objective of trial {trial.number} was given resource {given} and has neither "
            "reported nor asked for trial.resource: if it trains equally far each time, the rungs "
            "save nothing"
        )
    most = state.scale.levels[-1]
    if used > most and not state.scale.is_top(given):
        return (
            f"trial {trial.number} reported step {used}, which is beyond max_resource={most}: "
            "raise max_resource, or report in the unit that it counts, such as epochs in place of "
            "batches. Until then a trial is judged by its first report"
        )
    if used > given and state.scale.is_top(given):
        return (
            f"trial {trial.number} reported up to resource {used}, beyond the highest, {given}: "
            f"its report at {given} counts, and what it trains after that is lost"
        )
    if used > given:
        if state.asked_should_prune:
            levels = ", ".join(f"{step:g}" for step in state.steps_of_rungs)
            return (
                f"trial {trial.number} was given resource {given} and had reported {used} when it "
                f"could be paused, which costs more than was planned: report at least at steps "
                f"{levels}"
            )
        return (
            f"trial {trial.number} reported up to resource {used} and was given {given}: ask "
            "trial.should_prune() after each report, and raise TrialPruned, so that it can be "
            "paused"
        )
    if used < given and returned is not _PRUNED:
        return (
            f"trial {trial.number} ended after its report at resource {used}, before the {given} "
            f"it was given: its last value counts at {given}"
        )
    if returned is None:
        return (
            f"the objective of trial {trial.number} returned nothing (is a return statement "
            f"missing?): its report at resource {used} counts"
        )
    if returned is _PRUNED:
        return None
    value, reported = state.as_value(returned, "returned"), state.value_at_rung
    if reported is not None and is_finite(value) and not _is_close(value, reported):
        return (
            f"trial {trial.number} returned {value} and had reported {reported} at resource "
            f"{used}: its value is what was returned at the highest resource, but the rungs below "
            "go by the reports. Let both be the same, for example the best so far"
        )
    return None


def _is_close(one: Value, other: Value) -> bool:
    return all(map(math.isclose, as_tuple(one), as_tuple(other)))

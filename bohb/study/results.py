"""The results of a study, read from its trials."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from optuna.trial import FrozenTrial, TrialState

from bohb.errors import MissingDependencyError
from bohb.history import (
    DROPPED,
    FAILED,
    FINISHED,
    LEG_ATTRIBUTE,
    PAUSED,
    PRUNED,
    Scale,
    is_paused,
    standing,
)
from bohb.hyperband import Plan, Resource
from bohb.store.ledger import ERROR_ATTRIBUTE

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class Incumbent:
    """The trial with the best value at the highest resource reached so far.

    Attributes
    ----------
    number
        The trial's number.
    params
        Its configuration.
    value
        Its value at `resource`, as the objective gave it.
    resource
        The highest resource at which any trial has a finite value.
    """

    number: int
    params: dict[str, Any]
    value: float
    resource: Resource


def find_incumbent(trials: Iterable[FrozenTrial], scale: Scale, plan: Plan) -> Incumbent | None:
    """Return the incumbent among `trials`. Ties go to the older one."""
    best: Incumbent | None = None
    for trial in trials:
        for _, _, resource, value in evaluations(trial, scale, plan):
            if math.isfinite(value):
                best = better(best, trial, resource, value, scale)
    return best


def better(
    best: Incumbent | None, trial: FrozenTrial, resource: Resource, value: float, scale: Scale
) -> Incumbent:
    """Return the new incumbent: `best`, or `trial` with its `value` at `resource`."""
    if best is not None:
        # The higher resource wins, then the lower loss, then the older trial.
        before = (-best.resource, scale.loss(best.value), best.number)
        if before < (-resource, scale.loss(value), trial.number):
            return best
    return Incumbent(trial.number, trial.params, value, resource)


def failure_of(trial: FrozenTrial) -> str | None:
    """Return the stored text of a trial's failure; None if it has not failed."""
    noted: str | None = trial.system_attrs.get(ERROR_ATTRIBUTE)
    return noted


def evaluations(
    trial: FrozenTrial, scale: Scale, plan: Plan
) -> list[tuple[int | None, int | None, Resource, float]]:
    """Return bracket, rung, resource and value of each evaluation of `trial`, lowest rung first.

    A failed evaluation has the value NaN. A trial added from elsewhere has no bracket and no rung.
    """
    place = standing(trial, scale, plan)
    if place is None:
        if trial.state != TrialState.COMPLETE or trial.value is None:
            return []
        return [(None, None, scale.levels[-1], trial.value)]
    resources = plan.bracket(place.bracket, at_top=place.at_top).resources
    return [
        (place.bracket, rung, resources[rung], math.nan if loss is None else scale.loss(loss))
        for rung, loss in enumerate(place.losses)
    ]


def _state_of_last(trial: FrozenTrial) -> str:
    """Return what became of a trial after the last of its evaluations."""
    if trial.state == TrialState.RUNNING:
        return PAUSED if is_paused(trial) else "promoted"
    if trial.state == TrialState.PRUNED:
        # What is written of a trial of version 0.1.0 does not tell why it was pruned.
        own = trial.system_attrs[LEG_ATTRIBUTE]["state"] == PRUNED
        return PRUNED if own else DROPPED
    return FINISHED if trial.state == TrialState.COMPLETE else FAILED


def evaluations_dataframe(trials: Iterable[FrozenTrial], scale: Scale, plan: Plan) -> pd.DataFrame:
    """Return one row per trial and resource at which it was evaluated."""
    try:
        import pandas as pd  # importing it takes longer than importing all of bohb
    except ImportError as error:
        raise MissingDependencyError(
            "evaluations_dataframe() needs pandas: pip install 'bohb[pandas]'"
        ) from error
    columns = ["number", "bracket", "rung", "resource", "value", "state"]
    rows = []
    for trial in trials:
        found = evaluations(trial, scale, plan)
        if not found:
            continue
        states = [*["promoted"] * (len(found) - 1), _state_of_last(trial)]
        params = {f"params_{name}": value for name, value in trial.params.items()}
        for evaluation, state in zip(found, states, strict=True):
            row = dict(zip(columns, (trial.number, *evaluation, state), strict=True))
            rows.append(row | params)
    return pd.DataFrame(rows, columns=None if rows else columns)

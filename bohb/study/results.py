"""The incumbent of a study and the failures of its trials."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from optuna.trial import FrozenTrial

from bohb.history import Scale
from bohb.hyperband import Plan, Resource
from bohb.store.ledger import ERROR_ATTRIBUTE
from bohb.study.evaluation_records import evaluations


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
    checkpoint_dir
        Its checkpoint directory; None if it has none.
    """

    number: int
    params: dict[str, Any]
    value: float
    resource: Resource
    checkpoint_dir: Path | None = field(default=None, compare=False)


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

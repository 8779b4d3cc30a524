"""The facts of a report: what a study has found, what it has cost, and what was saved."""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bohb.errors import NoResultError
from bohb.history import scale_of
from bohb.hyperband import Plan, Resource
from bohb.hyperband.duration import duration_as_text
from bohb.study import (
    Advice,
    EvaluationRecord,
    Incumbent,
    Study,
    failure_of,
    lease_holder,
    shown_storage,
)
from bohb.visualization.subject import require_rungs

_MOST_BEST, _MOST_FAILURES = 10, 10


@dataclass(frozen=True, slots=True)
class Yardstick:
    """What the incumbent is compared with, at a resource at which both were evaluated."""

    what: str
    resource: Resource
    value: float
    incumbent: float


@dataclass(frozen=True, slots=True)
class Facts:
    """What a report says beside its pictures.

    Attributes
    ----------
    name, direction, sampler, pruner, storage
        What the study was made with; the storage without passwords.
    state
        Whether a process is optimising it.
    plan
        The plan of one round.
    n_trials
        The number of trials by what became of them.
    n_evaluations, spent, seconds
        What has been done: evaluations, the resource if promoted trials went on from where they
        stood, and the seconds of all legs together.
    full
        The resource that it takes to train as many trials to the highest resource.
    incumbent, baseline
        The best trial, and what it is compared with; None if there is none.
    best
        The last evaluations of the ten best trials.
    advice
        What the evaluations tell.
    failures
        Number and error of the trials that have failed last.
    n_failures
        How many have failed.
    """

    name: str
    direction: str
    sampler: str
    pruner: str
    storage: str
    state: str
    plan: Plan
    n_trials: Mapping[str, int]
    n_evaluations: int
    spent: float
    seconds: float
    full: float
    incumbent: Incumbent | None
    baseline: Yardstick | None
    best: Sequence[EvaluationRecord]
    advice: Sequence[Advice]
    failures: Sequence[tuple[int, str]]
    n_failures: int

    @classmethod
    def of(cls, study: Study) -> Facts:
        """Return the facts of a study.

        Raises
        ------
        ArgumentError
            If the study has no rungs.
        """
        require_rungs(study, "a report")
        evaluations, scale = study.evaluations(), scale_of(study)
        last = {each.number: each for each in evaluations}
        ranked = sorted(
            (each for each in last.values() if math.isfinite(each.value)),
            key=lambda each: (-each.resource, scale.loss(each.value), each.number),
        )
        failures = [
            (trial.number, text)
            for trial in study.get_trials(deepcopy=False)
            if (text := failure_of(trial)) is not None
        ]
        own = [each for each in last.values() if each.bracket is not None]
        try:
            incumbent: Incumbent | None = study.incumbent()
        except NoResultError:
            incumbent = None
        return cls(
            study.study_name,
            ", ".join(direction.name.lower() for direction in study.directions),
            repr(study.sampler),
            repr(study.pruner),
            shown_storage(study._storage),
            "running" if lease_holder(study) is not None else "not running",
            study.plan(),
            Counter(each.outcome for each in own),
            len(evaluations),
            float(sum(each.resource for each in own)),
            sum(_seconds(each) for each in evaluations),
            float(len(own) * scale.levels[-1]),
            incumbent,
            None if incumbent is None else _baseline(incumbent, evaluations),
            ranked[:_MOST_BEST],
            study.advice(),
            failures[-_MOST_FAILURES:],
            len(failures),
        )

    @property
    def saved(self) -> float:
        """The share of the resource of full trainings that was saved, from 0 to 1."""
        return 1 - self.spent / self.full if self.full else 0.0

    @property
    def time(self) -> str:
        """The time of all legs together, in words."""
        return duration_as_text(self.seconds)

    @property
    def params(self) -> list[str]:
        """The names of all parameters of the best trials."""
        return list(dict.fromkeys(name for each in self.best for name in each.params))


def _seconds(evaluation: EvaluationRecord) -> float:
    if evaluation.began is None or evaluation.ended is None:
        return 0.0
    return (evaluation.ended - evaluation.began).total_seconds()


def _baseline(incumbent: Incumbent, evaluations: Sequence[EvaluationRecord]) -> Yardstick | None:
    """Return the comparison with the default configuration, or with the middle of all trials.

    It is made at the highest resource at which both were evaluated.
    """
    own = {e.resource: e.value for e in evaluations if e.number == incumbent.number}
    default = [e for e in evaluations if e.proposed_by == "default" and e.resource in own]
    finite = [e for e in default if math.isfinite(e.value)]
    if finite and finite[-1].number != incumbent.number:
        last = finite[-1]
        return Yardstick("the default configuration", last.resource, last.value, own[last.resource])
    for resource in sorted(own):  # the lowest rung of its bracket has seen most trials
        values = [e.value for e in evaluations if e.resource == resource and math.isfinite(e.value)]
        if len(values) > 1:
            middle: Any = statistics.median(values)
            return Yardstick(f"the median of {len(values)} trials", resource, middle, own[resource])
    return None

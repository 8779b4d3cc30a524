"""Where a job stands: what its study holds, as its commands know it."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from optuna.trial import FrozenTrial, TrialState

from bohb.cli.jobs import Job
from bohb.cli.recorder import REPORTS, TARGET
from bohb.errors import NoResultError
from bohb.history import scale_of
from bohb.hyperband import Bracket, Resource
from bohb.study import Study
from bohb.study.ledger import ERROR_ATTRIBUTE
from bohb.study.owner import living_owner
from bohb.study.results import evaluations


@dataclass(frozen=True, slots=True)
class Best:
    """The best trial so far: the one that has met the target, or else the incumbent."""

    trial: int
    value: float
    resource: Resource
    params: dict[str, Any]
    checkpoint_dir: Path | None
    has_met_target: bool


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a job stands.

    Attributes
    ----------
    activity
        Whether it runs, and if not, whether there is something left to be done.
    owner
        Who runs it, if somebody does.
    n_evaluations, n_planned
        How many evaluations are done, and of how many; None where that is not known beforehand.
    n_trials
        How many trials are in each state: running, paused, complete, pruned, failed.
    rungs
        By bracket: resource, evaluations done and planned of each rung.
    failures
        The trials that have failed, with what they failed with.
    """

    activity: Literal["running", "interrupted", "stopped", "done"]
    owner: str | None
    n_evaluations: int
    n_planned: int | None
    n_trials: dict[str, int]
    rungs: list[list[tuple[Resource, int, int]]]
    failures: list[tuple[int, str]]
    best: Best | None


def standing_of(job: Job, study: Study) -> Standing:
    """Return where `job` stands."""
    trials = study.get_trials(deepcopy=False)
    owner = living_owner(study.ledger)
    done = sum(1 for trial in trials for _ in _evaluations(study, trial))
    plan = job.schedule.plan
    counts = Counter(_state(trial, is_run=owner is not None) for trial in trials)
    try:
        best: Best | None = best_of(job, study)
    except NoResultError:
        best = None
    return Standing(
        _activity(study, owner, counts),
        owner,
        done,
        None if plan is None else plan.n_evaluations,
        {state: counts[state] for state in _STATES if counts[state]},
        _rungs(study, trials),
        [
            (trial.number, trial.system_attrs[ERROR_ATTRIBUTE])
            for trial in trials
            if ERROR_ATTRIBUTE in trial.system_attrs
        ],
        best,
    )


_STATES = ("running", "cut off", "paused", "waiting", "complete", "pruned", "failed")
_FINISHED = {
    TrialState.COMPLETE: "complete",
    TrialState.PRUNED: "pruned",
    TrialState.FAIL: "failed",
    TrialState.WAITING: "waiting",
}


def _state(trial: FrozenTrial, *, is_run: bool) -> str:
    if trial.state in _FINISHED:
        return _FINISHED[trial.state]
    leg = trial.system_attrs.get("bohb:leg") or {}
    if leg.get("state") == "paused":
        return "paused"
    return "running" if is_run else "cut off"


def _activity(
    study: Study, owner: str | None, counts: Counter[str]
) -> Literal["running", "interrupted", "stopped", "done"]:
    if owner is not None:
        return "running"
    if study.user_attrs.get(TARGET) is not None:
        return "done"
    if study.was_cut_off:
        return "interrupted"
    return "stopped" if counts["paused"] or counts["cut off"] or counts["waiting"] else "done"


def _evaluations(
    study: Study, trial: FrozenTrial
) -> list[tuple[int | None, int | None, Resource, float]]:
    return evaluations(trial, scale_of(study), study.plan())


def _rungs(study: Study, trials: list[FrozenTrial]) -> list[list[tuple[Resource, int, int]]]:
    """Return resource, evaluations done and planned by bracket of a round and by rung."""
    shapes = study.plan().brackets
    done: Counter[tuple[int, int]] = Counter()
    opened: dict[int, set[int]] = defaultdict(set)
    for trial in trials:
        for bracket, rung, _, _ in _evaluations(study, trial):
            if bracket is not None and rung is not None:
                done[bracket % len(shapes), rung] += 1
                opened[bracket % len(shapes)].add(bracket)
    return [
        _row(shape, max(1, len(opened[index])), [done[index, r] for r in range(len(shape.sizes))])
        for index, shape in enumerate(shapes)
    ]


def _row(shape: Bracket, n_opened: int, done: list[int]) -> list[tuple[Resource, int, int]]:
    return [
        (resource, count, size * n_opened)
        for resource, count, size in zip(shape.resources, done, shape.sizes, strict=True)
    ]


def best_of(job: Job, study: Study) -> Best:
    """Return the best trial so far.

    Raises
    ------
    NoResultError
        If no evaluation has given a finite value.
    """
    trials = study.get_trials(deepcopy=False)
    target = study.user_attrs.get(TARGET)
    if target is None:
        incumbent = study.incumbent()
        number, value, resource = incumbent.number, incumbent.value, incumbent.resource
    else:
        number = target["trial"]
        reached = [e for e in _evaluations(study, trials[number]) if math.isfinite(e[3])]
        if not reached:
            raise NoResultError(f"trial {number} has met the target, and has no value")
        _, _, resource, value = reached[-1]
    folder = study.checkpoint_root / f"trial-{number:05d}" / "checkpoint"
    return Best(
        number,
        value,
        resource,
        job.values(trials[number].params),
        folder if folder.is_dir() else None,
        target is not None,
    )


def evaluation_rows(job: Job, study: Study) -> Iterator[dict[str, Any]]:
    """Yield one row per trial and resource at which it was evaluated."""
    for trial in study.get_trials(deepcopy=False):
        values = job.values(trial.params)
        for bracket, rung, resource, value in _evaluations(study, trial):
            yield {
                "trial": trial.number,
                "bracket": bracket,
                "rung": rung,
                "resource": resource,
                "value": value if math.isfinite(value) else None,
                "state": _state(trial, is_run=True),
                **{f"params.{name}": given for name, given in values.items()},
            }


def report_rows(job: Job, study: Study) -> Iterator[dict[str, Any]]:
    """Yield one row per report of the metric: the learning curves."""
    scale = scale_of(study)
    for trial in study.get_trials(deepcopy=False):
        steps = trial.intermediate_values
        curve = trial.user_attrs.get(REPORTS)
        if curve is None:
            curve = [(scale.used(step, steps), steps[step]) for step in sorted(steps)]
        for used, value in curve:
            yield {"trial": trial.number, "resource": used, "value": value}

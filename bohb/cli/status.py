"""The status of a job: its activity, its best trial, its rungs, and rows of its evaluations."""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal, TypeAlias

from optuna.trial import FrozenTrial, TrialState

from bohb.cli.command.recorder import PRUNED_BY, REPORTS
from bohb.cli.jobs import Job
from bohb.cli.lifecycle import ENDED, FAILURES, TIMEOUT, met_target
from bohb.errors import NoResultError
from bohb.history import is_paused, scale_of
from bohb.hyperband import Resource
from bohb.study import (
    EvaluationRecord,
    JoinedProcess,
    LegMarks,
    Study,
    checkpoints_of,
    failure_of,
    find_trial_directory,
    forecast_of,
    lease_holder,
    workers_of,
)

Activity: TypeAlias = Literal["running", "cut off", "stopped", "failed", "done"]


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
class Rung:
    """The number of evaluations of a rung that are done, and of those that are planned."""

    resource: Resource
    n_evaluations: int
    n_planned: int


@dataclass(frozen=True, slots=True)
class FailedTrial:
    """A trial that has failed, with its error."""

    trial: int
    error: str


@dataclass(frozen=True, slots=True)
class Status:
    """Where a job stands.

    Attributes
    ----------
    activity
        Whether it runs, and if not, why: it was cut off, it was stopped before it was done, too
        many evaluations failed, or nothing is left to do.
    owner, workers
        The process that leads it, None if it does not run, and those that work for that one.
    n_evaluations, n_planned
        The number of evaluations that are done, and of all that are planned; None if that number
        is not known beforehand.
    n_trials
        The number of trials in each state in which there are any.
    rungs
        The rungs of each bracket, lowest first.
    failures
        The trials that have failed.
    best
        The best trial so far; None if there is no result yet.
    seconds_left
        About how long the job still takes with its number of commands at a time, from those that
        have ended; None if that is not known.
    advice
        What the evaluations say of the job, with what to do about it.
    """

    activity: Activity
    owner: str | None
    workers: list[JoinedProcess]
    n_evaluations: int
    n_planned: int | None
    n_trials: dict[str, int]
    rungs: list[list[Rung]]
    failures: list[FailedTrial]
    best: Best | None
    seconds_left: float | None
    advice: list[str]


def status_of(job: Job, study: Study) -> Status:
    """Return the status of `job`."""
    trials = study.get_trials(deepcopy=False)
    owner = lease_holder(study)
    evaluated = study.evaluations()
    plan = job.plan
    counts = Counter(_state(trial, is_run=owner is not None) for trial in trials)
    try:
        best: Best | None = best_of(job, study)
    except NoResultError:
        best = None
    activity = _activity(job, study, owner, counts)
    return Status(
        activity,
        owner,
        workers_of(study) if owner is not None else [],
        len(evaluated),
        None if plan is None else plan.n_evaluations,
        {state: counts[state] for state in _STATES if counts[state]},
        _rungs(job, study, evaluated),
        [
            FailedTrial(trial.number, error)
            for trial in trials
            if (error := failure_of(trial)) is not None
        ],
        best,
        None if activity == "done" else seconds_left(job, study),
        # The failures are listed with their errors anyway.
        [f"{each.text}." for each in study.advice() if each.kind != "failures"],
    )


def seconds_left(job: Job, study: Study) -> float | None:
    """Return about how long the job still takes, from the commands that have ended."""
    n_jobs = os.cpu_count() or 1 if job.jobs == -1 else job.jobs
    # The run may have been begun with another number, and other processes may have joined it.
    n_running = sum(
        trial.state == TrialState.RUNNING and not is_paused(trial)
        for trial in study.get_trials(deepcopy=False)
    )
    n_jobs = n_running or n_jobs if lease_holder(study) is not None else n_jobs
    return forecast_of(study, job.starts).with_workers(n_jobs)


_STATES = ("running", "cut off", "paused", "waiting", "complete", "pruned", "failed")
_UNFINISHED = ("cut off", "paused", "waiting")
_FINISHED = {
    TrialState.COMPLETE: "complete",
    TrialState.PRUNED: "pruned",
    TrialState.FAIL: "failed",
    TrialState.WAITING: "waiting",
}


def _state(trial: FrozenTrial, *, is_run: bool) -> str:
    if trial.state in _FINISHED:
        return _FINISHED[trial.state]
    if is_paused(trial):
        return "paused"
    return "running" if is_run else "cut off"


def _activity(job: Job, study: Study, owner: str | None, counts: Counter[str]) -> Activity:
    if owner is not None:
        return "running"
    if met_target(job, study) is not None:
        return "done"
    if study.user_attrs.get(ENDED) == FAILURES:
        return "failed"
    if study.user_attrs.get(ENDED) != TIMEOUT and study.was_cut_off:
        return "cut off"
    is_done = counts and not any(counts[state] for state in _UNFINISHED)
    return "done" if is_done and study.user_attrs.get(ENDED) != TIMEOUT else "stopped"


def _rungs(job: Job, study: Study, evaluated: list[EvaluationRecord]) -> list[list[Rung]]:
    """Return the rungs of each bracket of a round, summed over all rounds.

    Without a plan for the whole job, only the brackets that have evaluations count as planned.
    """
    shapes = study.plan().brackets
    on_rungs = [
        (each.bracket, each.rung)
        for each in evaluated
        if each.bracket is not None and each.rung is not None
    ]
    done = Counter((bracket % len(shapes), rung) for bracket, rung in on_rungs)
    opened = {bracket for bracket, _ in on_rungs}
    plan = job.plan
    counted = [shapes[b % len(shapes)] for b in opened] if plan is None else plan.brackets
    # A plan of several rounds repeats its brackets, and one with a limit leaves some of them out.
    # A bracket is known again by the level that it starts on.
    planned: Counter[tuple[int, Resource]] = Counter()
    for shape in counted:
        for resource, size in zip(shape.resources, shape.sizes, strict=True):
            planned[shape.first_level, resource] += size
    return [
        [
            # More may be done than is planned now, if a limit was lowered since.
            Rung(
                resource,
                done[index, rung],
                max(planned[shape.first_level, resource], done[index, rung]),
            )
            for rung, resource in enumerate(shape.resources)
        ]
        for index, shape in enumerate(shapes)
    ]


def best_of(job: Job, study: Study) -> Best:
    """Return the best trial so far.

    Raises
    ------
    NoResultError
        If no evaluation has given a finite value.
    """
    trials = study.get_trials(deepcopy=False)
    target = met_target(job, study)
    if target is not None:
        number = target["trial"]
        value, resource = target["at"]["value"], target["at"]["resource"]
    else:
        try:
            incumbent = study.incumbent()
        except NoResultError as error:
            raise NoResultError(
                f"{job.name} has no result yet: no evaluation has given a finite value"
            ) from error
        number, value, resource = incumbent.number, incumbent.value, incumbent.resource
    return Best(
        number,
        value,
        resource,
        job.values(trials[number].params),
        _checkpoints_of_command(study, trials[number]),
        target is not None,
    )


def _checkpoints_of_command(study: Study, trial: FrozenTrial) -> Path | None:
    root = checkpoints_of(study).placed
    own = None if root is None else find_trial_directory(root, trial.number, LegMarks.of(trial))
    return own / "checkpoint" if own is not None and (own / "checkpoint").is_dir() else None


def explained(job: Job, study: Study, number: int) -> str:
    """Return what `Study.explain` says of a trial, with the values that its command got."""
    found = study.explain(number)
    shown = replace(
        found,
        bracket=found.bracket if job.has_rungs else None,
        params=job.values(found.params),
        enqueued=tuple(job.dimensions[key].name for key in found.enqueued if key in job.dimensions),
    )
    rule = study.get_trials(deepcopy=False)[number].user_attrs.get(PRUNED_BY)
    return f"{shown}\nIt was ended by early_stopping: {rule}" if rule else str(shown)


REPORT_COLUMNS = ("number", "resource", "value")

# Columns of evaluations: how they were judged on their rung, and when and where they ran.
_JUDGED = ("outcome", "rank", "n_ranked", "n_kept", "n_reserved", "cut", "proposed_by")
_RAN = ("began", "ended", "worker")


def evaluation_columns(job: Job) -> list[str]:
    """Return the columns of a table of evaluations."""
    places = ["bracket", "rung"] if job.has_rungs else []
    resource = [] if job.resource_name is None else ["resource"]
    params = [f"params_{dimension.name}" for dimension in job.dimensions.values()]
    judged = _JUDGED if job.has_rungs else []
    return ["number", *places, *resource, "value", "state", *judged, *_RAN, *params]


def evaluation_rows(job: Job, study: Study) -> Iterator[dict[str, Any]]:
    """Yield one row per trial and resource at which it was evaluated, or met the target."""
    trials, columns = study.get_trials(deepcopy=False), evaluation_columns(job)
    rows = [asdict(record) for record in study.evaluations()]
    target = met_target(job, study)
    if target is not None:
        # A trial that meets the target below its resource is stopped there, without an evaluation.
        row = {"number": target["trial"], **target["at"]}
        if all(
            each["number"] != row["number"] or each["resource"] != row["resource"] for each in rows
        ):
            rows.append(row)
    for row in rows:
        trial = trials[row["number"]]
        row["state"] = _state(trial, is_run=target is None)
        row["value"] = row["value"] if math.isfinite(row["value"]) else None  # it has failed
        row |= {f"params_{name}": value for name, value in job.values(trial.params).items()}
        yield {name: row.get(name) for name in columns}


def report_rows(job: Job, study: Study) -> Iterator[dict[str, Any]]:
    """Yield one row per report of the metric; those of one trial are its learning curve."""
    scale = scale_of(study)
    for trial in study.get_trials(deepcopy=False):
        steps = trial.intermediate_values
        curve = trial.user_attrs.get(REPORTS)
        if curve is None:
            curve = [(scale.used(step, steps), steps[step]) for step in sorted(steps)]
        for used, value in curve:
            yield {"number": trial.number, "resource": used, "value": value}

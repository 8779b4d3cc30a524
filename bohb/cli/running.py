"""The study of a job: where it is kept, how it is begun, taken up and found again."""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from optuna.trial import TrialState

from bohb.cli.jobs import Job, Policy
from bohb.cli.objective import CommandObjective
from bohb.cli.recorder import TARGET
from bohb.cli.watcher import Watcher
from bohb.errors import CommandError, NoResultError, SettingsError, StudyError
from bohb.executors import ThreadExecutor
from bohb.executors.processes import thread_share
from bohb.study import Study, create_study, load_study

_JOB = "bohb:job"
_CASE = "case"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a job's study is kept, and its runs with all that they write."""

    storage: str | Path
    runs: Path

    @classmethod
    def of(cls, job: Job, storage: str | None) -> Place:
        """Return the place for what was given as storage: a URL, a path, or nothing."""
        if storage is not None and "://" in storage:
            return cls(storage, job.folder / f"{job.name}.runs")
        path = job.folder / f"{job.name}.journal" if storage is None else Path(storage).absolute()
        return cls(path, path.with_name(f"{path.stem}.runs"))


def begin(job: Job, place: Place) -> Study:
    """Return the job's study: a new one, or the one that was begun there.

    Raises
    ------
    SettingsError
        If the job has changed since, in what cannot change.
    """
    if isinstance(place.storage, Path):
        place.storage.parent.mkdir(parents=True, exist_ok=True)
    study = create_study(
        storage=place.storage,
        pruner=job.schedule.pruner,
        study_name=job.name,
        direction="maximize" if job.metric.maximize else "minimize",
        load_if_exists=True,
        checkpoint_root=place.runs,
        space=job.space,
    )
    study.sampler = job.sampler(_kept_seed(job, study))
    _enqueue_cases(job, study)
    return study


def find(job: Job, place: Place) -> Study:
    """Return the job's study, which must have begun.

    Raises
    ------
    NoResultError
        If it has not.
    """
    missing = NoResultError(f"{job.name} has not begun: bohb run {job.path}")
    if isinstance(place.storage, Path) and not place.storage.exists():
        raise missing
    try:
        study = load_study(study_name=job.name, storage=place.storage)
    except StudyError as error:
        if type(error) is StudyError:
            raise missing from error
        raise
    return study


def run(
    job: Job, study: Study, watcher: Watcher, *, n_jobs: int, timeout: float | None = None
) -> None:
    """Run what is left to be done of a job."""
    if study.user_attrs.get(TARGET) is not None:
        return
    n_workers = (os.cpu_count() or 1) if n_jobs == -1 else n_jobs
    objective = CommandObjective(job, watcher, thread_share(n_workers) if n_workers > 1 else {})
    _take_in_curves(job, study, objective)
    schedule = job.schedule
    limits = [timeout, schedule.timeout]
    study.optimize(
        objective,
        n_trials=schedule.n_trials,
        n_rounds=_rounds(job, timeout),
        n_brackets=schedule.n_brackets,
        total_resource=schedule.total_resource,
        timeout=min((limit for limit in limits if limit is not None), default=None),
        in_all=True,
        executor=ThreadExecutor(n_workers),
        leg_timeout=job.leg_timeout,
        max_failures=job.max_failures,
        catch=CommandError,
    )


def _rounds(job: Job, timeout: float | None) -> int | None:
    """Return the rounds to run: one if a job has no limit of its own, and only its call has."""
    schedule = job.schedule
    limits = (schedule.n_trials, schedule.n_brackets, schedule.total_resource, schedule.timeout)
    if schedule.n_rounds is None and limits == (None, None, None, None):
        return 1
    return schedule.n_rounds


def _kept_seed(job: Job, study: Study) -> int:
    """Return the seed that the study was begun with, and let a new one keep what it is."""
    stored = study.user_attrs.get(_JOB)
    if stored is None:
        if study.ledger.trials():
            raise SettingsError(
                f"study {study.study_name!r} was not begun by a job: give the job another name, "
                "or another --storage"
            )
        seed = secrets.randbits(32) if job.seed is None else job.seed
        study.set_user_attr(_JOB, {**job.identity, "seed": seed})
        return seed
    now: dict[str, Any] = {**job.identity}
    if job.seed is not None:
        now["seed"] = job.seed
    changed = [
        f"{name} (was {stored.get(name)!r}, is {now.get(name)!r})"
        for name in {**stored, **now}
        if stored.get(name) != now.get(name) and not (name == "seed" and job.seed is None)
    ]
    if changed:
        raise SettingsError(
            f"the job has changed since its study was begun, in {', '.join(changed)}: give it "
            "another name, or another --storage"
        )
    return int(stored["seed"])


def _enqueue_cases(job: Job, study: Study) -> None:
    """Let the configurations of a mapping be tried in their order."""
    if job.cases:
        known = {trial.user_attrs.get(_CASE) for trial in study.get_trials(deepcopy=False)}
        for index, case in enumerate(job.cases):
            if index not in known:
                study.enqueue_trial(dict(case), user_attrs={_CASE: index})


def _take_in_curves(job: Job, study: Study, objective: CommandObjective) -> None:
    """Let the policies know what was reported before."""
    for rule in job.stopping:
        if isinstance(rule, Policy) and rule.metric == job.metric.name:
            for trial in study.get_trials(deepcopy=False):
                if trial.state != TrialState.FAIL:
                    for step, value in sorted(trial.intermediate_values.items()):
                        objective.curves.add(
                            trial.number, step, rule.metric, value, maximize=rule.maximize
                        )

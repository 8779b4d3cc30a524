"""The study of a job: its place, its beginning, and the runs that go on with it."""

from __future__ import annotations

import contextlib
import itertools
import math
import os
import secrets
import shlex
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bohb.cli.command.process import written_lines
from bohb.cli.command.recorder import TARGET
from bohb.cli.command.reports import LineReader
from bohb.cli.command.runner import CommandObjective
from bohb.cli.command.watcher import Watcher
from bohb.cli.jobs import Job, Target
from bohb.errors import (
    ArgumentError,
    CommandError,
    NoResultError,
    SettingsError,
    TooManyFailuresError,
)
from bohb.executors import ThreadExecutor
from bohb.executors.processes import thread_share
from bohb.study import (
    Fingerprint,
    LegMarks,
    Study,
    checkpoints_of,
    create_study,
    find_study,
    find_trial_directory,
    without_password,
)

ENDED = "bohb:ended"  # the reason why the last run ended before the job was done
FAILURES, TIMEOUT = "failures", "timeout"

_COMMAND = "bohb:command"
_CASE = "case"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a job's study is kept.

    Attributes
    ----------
    storage
        A journal, or the URL of a database.
    directory
        The directory in which the directory of its runs is made.
    option
        The option of the command line that leads to this place; empty for the usual place.
    """

    storage: str | Path
    directory: Path
    option: str = ""

    @classmethod
    def of(cls, job: Job, storage: str | None) -> Place:
        """Return the place for a given storage: a URL, a path, or None for the usual place."""
        if storage is None:
            return cls(job.directory / f"{job.name}.journal", job.directory)
        option = f" --storage {shlex.quote(without_password(storage))}"
        if "://" in storage:
            return cls(storage, job.directory, option)
        path = Path(storage).absolute()
        return cls(path, path.parent, option)


def begin(job: Job, place: Place) -> Study:
    """Return the job's study: a new one, or the one that was begun there.

    Raises
    ------
    SettingsError
        If the job has changed since in a part that must stay the same.
    """
    known = find_study(job.name, place.storage)
    if known is not None:
        _check_same(job, known)
    elif isinstance(place.storage, Path) and not place.storage.parent.is_dir():
        raise ArgumentError(
            "--storage must be in a directory that exists, got "
            f"{without_password(str(place.storage))!r}"
        )
    study = create_study(
        storage=place.storage,
        pruner=job.pruner,
        study_name=job.name,
        direction=job.metric.direction,
        load_if_exists=True,
        space=job.space,
    )
    _place_runs(job, study, place)
    study.sampler = job.sampler(_kept_seed(job, study))
    _enqueue_cases(job, study)
    return study


def remarks(job: Job, study: Study) -> list[str]:
    """Return remarks for the user before the job goes on: one if its command has changed."""
    known = study.user_attrs.get(_COMMAND)
    if known is None or known == job.command.text:
        return []
    return [f"the last run had another command, {known}"]


def find(job: Job, place: Place) -> Study:
    """Return the job's study, which must have begun.

    Raises
    ------
    NoResultError
        If it has not begun.
    """
    study = find_study(job.name, place.storage)
    if study is None:
        raise NoResultError(
            f"job {job.name!r} has not begun: start it with bohb run {job.path}{place.option}"
        )
    return study


def _place_runs(job: Job, study: Study, place: Place) -> None:
    """Give the study a directory of its own, which holds its checkpoints and outputs."""
    checkpoints = checkpoints_of(study)
    if checkpoints.find(place.directory) is not None:  # it may have been moved with the journal
        return
    names = (job.name if n == 1 else f"{job.name}-{n}" for n in itertools.count(1))
    for name in names:
        directory = place.directory / f"{name}.runs"
        with contextlib.suppress(FileExistsError):
            directory.mkdir()  # of two studies that begin at the same time, only one can make it
            checkpoints.place(directory)
            return


def run(
    job: Job, study: Study, watcher: Watcher, *, n_jobs: int, timeout: float | None = None
) -> None:
    """Run what is left to be done of a job."""
    study.set_user_attr(_COMMAND, job.command.text)
    if met_target(job, study) is not None:
        return
    if study.user_attrs.get(ENDED) is not None:
        study.set_user_attr(ENDED, None)
    n_workers = (os.cpu_count() or 1) if n_jobs == -1 else n_jobs
    objective = CommandObjective(job, watcher, thread_share(n_workers) if n_workers > 1 else {})
    _take_in_curves(job, study, objective)
    seconds = min((s for s in (timeout, job.limits.timeout) if s is not None), default=None)
    deadline = math.inf if seconds is None else time.monotonic() + seconds
    try:
        study.optimize(
            objective,
            **job.counts,
            timeout=seconds,
            in_total=True,
            executor=ThreadExecutor(n_workers),
            leg_timeout=job.leg_timeout,
            max_failures=job.max_failures,
            catch=CommandError,
        )
    except TooManyFailuresError:
        study.set_user_attr(ENDED, FAILURES)
        raise
    # `optimize` returns in the same way when its timeout ends it and when nothing is left to do.
    if deadline <= time.monotonic():
        study.set_user_attr(ENDED, TIMEOUT)


def changes(job: Job, study: Study) -> list[str]:
    """Return the parts of the job that have changed since its study was begun, and must not."""
    fingerprint = _fingerprint(study)
    kept = fingerprint.kept or {}
    # A job without a seed goes on with the one that was drawn when its study was begun.
    now = {**job.identity, "seed": kept.get("seed") if job.seed is None else job.seed}

    def described(name: str) -> str:
        if name not in kept:
            return f"{name} (is new)"
        was = f"{name} (was {kept[name]!r}"
        return f"{was}, is {now[name]!r})" if name in now else f"{was}, is gone)"

    return [described(name) for name in fingerprint.changes(now)]


def _check_same(job: Job, study: Study) -> None:
    """Raise SettingsError if a study was not begun by this job, or the job has changed since."""
    fingerprint = _fingerprint(study)
    fingerprint.refuse_strange()
    changed = [] if fingerprint.kept is None else changes(job, study)
    if changed:
        raise SettingsError(
            f"the job has changed since its study was begun, in {', '.join(changed)}: give the "
            "job another name, or use another --storage"
        )


def _kept_seed(job: Job, study: Study) -> int:
    """Return the seed that the study was begun with; a new study stores its job's identity."""
    seed = secrets.randbits(32) if job.seed is None else job.seed
    return int(_fingerprint(study).keep({**job.identity, "seed": seed})["seed"])


def _fingerprint(study: Study) -> Fingerprint:
    return Fingerprint(study, "bohb:job", "a job")


def _enqueue_cases(job: Job, study: Study) -> None:
    """Enqueue the configurations of a mapping in their order, each of them only once."""
    known = [trial for trial in study.get_trials(deepcopy=False) if _CASE in trial.user_attrs]
    for index, case in enumerate(job.cases[len(known) :], start=len(known)):
        study.enqueue_trial(dict(case), user_attrs={_CASE: index})


def met_target(job: Job, study: Study) -> dict[str, Any] | None:
    """Return the target that was met, and the trial that met it; None if there is none.

    A target that was met does not count if the job has dropped it, or made it harder to meet since.
    """
    met: dict[str, Any] | None = study.user_attrs.get(TARGET)
    if met is None:
        return None
    same = (rule for rule in job.stopping if rule.metric == met["metric"])
    is_met = any(isinstance(rule, Target) and rule.is_met(met["value"]) for rule in same)
    return met if is_met else None


def _take_in_curves(job: Job, study: Study, objective: CommandObjective) -> None:
    """Read what earlier commands have written, so that the policies know their learning curves."""
    if not job.policies:
        return
    reader = LineReader(job.metric)
    for trial in study.get_trials(deepcopy=False):
        directory = find_trial_directory(study.checkpoint_root, trial.number, LegMarks.of(trial))
        for line in () if directory is None else written_lines(directory):
            report = reader.read(line)
            if report is not None:
                objective.curves.take(trial.number, report, job.policies)

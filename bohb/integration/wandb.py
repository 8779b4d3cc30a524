"""The tracker for Weights & Biases. Needs ``wandb``."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any, Literal

import optuna

from bohb.errors import MissingDependencyError
from bohb.hyperband import Resource
from bohb.integration.tracking import TrackedTrial, Tracker

try:
    import wandb
except ImportError as error:
    raise MissingDependencyError("bohb.integration.wandb needs it: pip install wandb") from error

_MARK_ATTRIBUTE = "wandb:mark"  # a user attribute of the study, with which its runs' ids begin


class WandbTracker(Tracker):
    """Makes a run of the study in Weights & Biases, and one of each trial in the same group.

    The metric ``value`` of a trial is drawn over ``resource``; the run of the study has
    ``best_value`` over the resource that was used. The ids of the runs are kept by the study, so
    that a study that is resumed goes on in them.

    Parameters
    ----------
    project
        The project of the runs.
    directory
        Where W&B keeps its files.
    mode
        ``"offline"`` writes files only, which ``wandb sync --append`` sends later: the run of the
        study has one for each call. None is what the environment variable ``WANDB_MODE`` says.
    group
        The group of the runs; None for the name of the study.

    Examples
    --------
    It is a callback, and a context that closes the run of the study::

        with WandbTracker("digits", mode="offline") as tracker:
            study.optimize(objective, callbacks=[tracker])
    """

    def __init__(
        self,
        project: str,
        directory: str | Path = ".",
        mode: Literal["online", "offline", "disabled"] | None = None,
        group: str | None = None,
    ) -> None:
        super().__init__()
        self._project, self._directory = project, Path(directory)
        self._mode, self._group = mode, group
        self._mark = ""
        self._run: Any = None

    def _begin(self, study: optuna.Study) -> set[int]:
        self._group = self._group or study.study_name
        self._mark = study.user_attrs.get(_MARK_ATTRIBUTE, "")
        if not self._mark:
            self._mark = uuid.uuid4().hex[:8]
            study.set_user_attr(_MARK_ATTRIBUTE, self._mark)
        self._run = self._open("study", "study", {"sampler": type(study.sampler).__name__})
        self._run.define_metric("best_value", step_metric="resource_used")
        # W&B ends the name of a run's directory with its id. What is written twice is sent once.
        files = self._directory.glob(f"wandb/*run-*-{self._mark}-[0-9]*")
        return {int(file.name.rpartition("-")[2]) for file in files}

    def _open(self, job: str, suffix: str, config: dict[str, Any]) -> Any:
        self._directory.mkdir(parents=True, exist_ok=True)
        return wandb.init(
            project=self._project,
            dir=self._directory,
            mode=self._mode,
            group=self._group,
            job_type=job,
            name=self._group if job == "study" else f"{self._group}-{suffix}",
            id=f"{self._mark}-{suffix}",
            config=config,
            resume="allow" if self._mode != "offline" else None,
            reinit="create_new",
            settings=wandb.Settings(silent=True, console="off"),
        )

    def _write(self, trial: TrackedTrial) -> None:
        run = self._open("trial", str(trial.number), trial.params)
        run.define_metric("value", step_metric="resource")
        for resource, value in trial.curve:
            run.log({"resource": resource, "value": value})
        run.summary.update({"state": trial.state, **trial.notes})
        run.finish(exit_code=int(trial.has_failed))

    def _write_best(self, value: float, resource: Resource, used: float) -> None:
        self._run.log({"resource_used": used, "best_value": value, "best_resource": resource})

    def _end(self) -> None:
        self._run.finish()

"""The tracker for MLflow. Needs ``mlflow`` or ``mlflow-skinny``."""

from __future__ import annotations

import time
from typing import Any

import optuna

from bohb.errors import MissingDependencyError
from bohb.hyperband import Resource
from bohb.integration.tracking import TrackedTrial, Tracker

try:
    from mlflow import MlflowClient
    from mlflow.entities import Metric, Param, RunTag
    from mlflow.exceptions import MlflowException
except ImportError as error:
    raise MissingDependencyError(
        "bohb.integration.mlflow needs MLflow: pip install mlflow"
    ) from error

_RUN_ATTRIBUTE = "mlflow:run"  # a user attribute of the study: the run that stands for it
_TRIAL_TAG = "bohb.trial"
_PARENT_TAG = "mlflow.parentRunId"
_MOST_METRICS = 1000  # in one call of `log_batch`, as MLflow documents it


class MLflowTracker(Tracker):
    """Makes a run of the study in MLflow, and below it one of each trial that finishes.

    The metric ``value`` of a trial has a step for each report: its resource, or its rung where
    resources are not integers; the metric ``resource`` has the same steps. The run of the study has
    ``best_value`` by the resource that was used. A study that is resumed goes on in its run.

    Parameters
    ----------
    experiment
        The name of MLflow's experiment, which is made if there is none; None for the study's name.
    tracking_uri
        Where MLflow keeps its runs; None for what MLflow is set to.

    Examples
    --------
    It is a callback, and a context that closes the run of the study::

        with MLflowTracker("digits", "sqlite:///mlflow.db") as tracker:
            study.optimize(objective, callbacks=[tracker])
    """

    def __init__(self, experiment: str | None = None, tracking_uri: str | None = None) -> None:
        super().__init__()
        self._client = MlflowClient(tracking_uri)
        self._experiment_name = experiment
        self._experiment = ""
        self._run = ""

    def _begin(self, study: optuna.Study) -> set[int]:
        name = self._experiment_name or study.study_name
        found = self._client.get_experiment_by_name(name)
        self._experiment = found.experiment_id if found else self._client.create_experiment(name)
        run = self._run_of(study)
        if run is None:
            made = self._client.create_run(self._experiment, run_name=study.study_name)
            run = str(made.info.run_id)
            study.set_user_attr(_RUN_ATTRIBUTE, run)
            settings = {
                "sampler": type(study.sampler).__name__,
                "pruner": type(study.pruner).__name__,
                "direction": study.directions[0].name.lower(),
            }
            params = [Param(key, value) for key, value in settings.items()]
            self._client.log_batch(run, params=params)
        self._run = run
        return self._trials_of(run)

    def _run_of(self, study: optuna.Study) -> str | None:
        """Return the run of a study that was tracked before; None if it is not there any more."""
        run: str | None = study.user_attrs.get(_RUN_ATTRIBUTE)
        try:
            return run if run is not None and self._client.get_run(run) else None
        except MlflowException:
            return None

    def _trials_of(self, run: str) -> set[int]:
        """Return the trials whose runs were written whole; MLflow gives them page by page."""
        found, token = set(), None
        while True:
            page = self._client.search_runs(
                [self._experiment], f"tags.`{_PARENT_TAG}` = '{run}'", page_token=token
            )
            for each in page:
                if each.info.status == "RUNNING":  # whoever wrote it was killed
                    self._client.delete_run(each.info.run_id)
                else:
                    found.add(int(each.data.tags[_TRIAL_TAG]))
            token = page.token
            if not token:
                return found

    def _write(self, trial: TrackedTrial) -> None:
        frozen = trial.frozen
        tags = {_PARENT_TAG: self._run, _TRIAL_TAG: str(trial.number), "state": trial.state}
        run = self._client.create_run(
            self._experiment, _milliseconds(frozen.datetime_start), tags, trial.name
        ).info.run_id
        params = [Param(key, str(value)) for key, value in trial.params.items()]
        notes = [RunTag(key.replace(":", "."), text) for key, text in trial.notes.items()]
        self._client.log_batch(run, params=params, tags=notes)
        at = _milliseconds(frozen.datetime_complete)
        metrics = [
            Metric(name, number, at, step)
            for step, (resource, value) in self._by_step(trial)
            for name, number in (("value", value), ("resource", float(resource)))
        ]
        for begin in range(0, len(metrics), _MOST_METRICS):
            self._client.log_batch(run, metrics=metrics[begin : begin + _MOST_METRICS])
        status = "FAILED" if trial.has_failed else "FINISHED"
        self._client.set_terminated(run, status, at)

    def _by_step(self, trial: TrackedTrial) -> list[tuple[int, tuple[Resource, float]]]:
        return [
            (int(point[0]) if self._scale.whole else index, point)
            for index, point in enumerate(trial.curve)
        ]

    def _write_best(self, value: float, resource: Resource, used: float) -> None:
        at, step = _milliseconds(None), round(used)
        named = {"best_value": value, "best_resource": float(resource)}
        metrics = [Metric(name, number, at, step) for name, number in named.items()]
        self._client.log_batch(self._run, metrics=metrics)

    def _end(self) -> None:
        self._client.set_terminated(self._run)


def _milliseconds(moment: Any) -> int:
    """Return a moment in milliseconds since 1970; None is now."""
    return round(1000 * (time.time() if moment is None else moment.timestamp()))

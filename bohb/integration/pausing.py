"""The part that all callbacks share: report after an epoch, and pause once its resource is used."""

from __future__ import annotations

from typing import Any

import optuna

from bohb.errors import ArgumentError, ArgumentTypeError
from bohb.objective.trial import Trial


def checked_trial(trial: Any) -> Trial:
    """Return `trial` if it is one of a study of `bohb`.

    Raises
    ------
    ArgumentTypeError
        If it is not.
    """
    if not isinstance(trial, Trial):
        raise ArgumentTypeError(
            f"trial must be the trial that the objective of a bohb.Study got, got {trial!r}"
        )
    return trial


def value_of(metrics: Any, monitor: str) -> float:
    """Return the metric that is monitored.

    Raises
    ------
    ArgumentError
        If there is no such metric after an epoch.
    """
    if monitor not in metrics:
        raise ArgumentError(
            f"monitor must be a metric that is there after each epoch, got {monitor!r}: there are "
            f"{sorted(metrics)}"
        )
    return float(metrics[monitor])


def report_and_pause(trial: Trial, value: float, n_epochs: int) -> None:
    """Report a value after so many epochs, whose checkpoint has been saved.

    Raises
    ------
    TrialPruned
        If the trial is to pause here.
    """
    trial.report(value, n_epochs)
    if trial.should_prune():
        raise optuna.TrialPruned

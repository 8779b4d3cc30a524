"""The evaluation of one candidate: its training and its score on each fold."""

from __future__ import annotations

import contextlib
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn import config_context
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection._validation import _score
from sklearn.utils.validation import _check_method_params

from bohb.dimensions import described
from bohb.errors import ArgumentError
from bohb.model.arrays import IndexArray
from bohb.sklearn.candidates import Candidates
from bohb.sklearn.training import Data, Training, TrainingResource
from bohb.study import Trial


@dataclass(frozen=True)
class Fold:
    """One split: the rows to train on, in the order they are taken, and those to score on."""

    train: IndexArray
    test: IndexArray


@dataclass(frozen=True)
class Plateau:
    """The rule by which a candidate stops because its score has not risen.

    Attributes
    ----------
    patience
        The resource within which the score must rise.
    tol
        By how much it must rise.
    levels
        The resources of all rungs. The score is looked at on each of them, whether the candidate
        pauses there or not, so that one that is trained again ends where it ended before.
    """

    patience: int
    tol: float
    levels: tuple[int, ...]

    def steps(self, reached: int, goal: int) -> list[int]:
        """Return the resources at which to score, on the way from `reached` to `goal`."""
        every = max(1, self.patience // 3)
        looks = {*range(every, goal, every), *self.levels, goal}
        return sorted(look for look in looks if reached < look <= goal)

    def is_reached(self, scores: Mapping[int, float]) -> bool:
        """Return whether the last scores, by resource, are no better than those before them."""
        last = max(scores)
        before = [score for resource, score in scores.items() if resource <= last - self.patience]
        since = [score for resource, score in scores.items() if resource > last - self.patience]
        return bool(before) and max(since) < max(before) + self.tol


@dataclass(frozen=True)
class Scoring:
    """How fitted estimators are scored.

    Attributes
    ----------
    scorer
        What scikit-learn calls a scorer, of one metric or of several.
    params
        Keyword arguments of the scorer.
    metric
        The metric that candidates are ranked by, if there are several; None for the first.
    error_score
        The score of a fit that fails, or ``"raise"``.
    with_train
        Whether the training samples are scored too.
    """

    scorer: Any
    params: Mapping[str, Any]
    metric: str | None
    error_score: Any
    with_train: bool

    def of(self, estimator: Any, data: Data, rows: IndexArray, trained: IndexArray) -> Any:
        """Return the score of `estimator` on some rows, or the scores by metric."""
        X, y = data.part(estimator, rows, trained)
        params = _check_method_params(data.X, params=self.params, indices=rows)
        return _plain(_score(estimator, X, y, self.scorer, params, self.error_score))

    def value(self, folds: Sequence[Mapping[str, Any]]) -> float:
        """Return what a candidate is ranked by: the mean score over its folds."""
        scores = []
        for fold in folds:
            score = fold["test_scores"]
            if isinstance(score, Mapping):
                score = self._ranked(score)
            scores.append(self.error_score if score is None else score)
        return float(np.mean(scores))

    def _ranked(self, scores: Mapping[str, float]) -> float:
        name = next(iter(scores)) if self.metric is None else self.metric
        if name not in scores:
            raise ArgumentError(f"refit must name one of the metrics {list(scores)}, got {name!r}")
        return scores[name]


@dataclass(frozen=True)
class SearchObjective:
    """The objective of a search.

    Parameters
    ----------
    estimator
        Cloned for each fold of each candidate.
    plateau
        When a candidate stops early; None for never.
    config
        The configuration of scikit-learn, which threads and processes do not share.
    """

    estimator: Any
    candidates: Candidates
    resource: TrainingResource
    data: Data
    folds: Sequence[Fold]
    scoring: Scoring
    plateau: Plateau | None
    config: Mapping[str, Any]

    @property
    def function(self) -> Callable[[Trial], Any]:
        """The function to be optimised: a generator if a promoted candidate can go on."""
        return self.continued if self.resource.continues else self.restarted

    def continued(self, trial: Trial) -> Generator[None, None, float]:
        """Train a candidate from rung to rung, and wait in between."""
        params, trainings = self._begin(trial)
        scores: dict[int, float] = {}
        while True:
            # A promotion raises `trial.resource` while the generator waits.
            reached, goal = max(scores, default=0), trial.resource
            for resource in [goal] if self.plateau is None else self.plateau.steps(reached, goal):
                scores[resource] = self._evaluate(trial, params, trainings, resource)
                if self.plateau is not None and self.plateau.is_reached(scores):
                    return scores[resource]
                yield

    def restarted(self, trial: Trial) -> float:
        """Train a candidate for one rung."""
        return self._evaluate(trial, *self._begin(trial), trial.resource)

    def _begin(self, trial: Trial) -> tuple[dict[str, Any], list[Training]]:
        """Return the parameters of a candidate, and its training on each fold."""
        params = self.candidates.params_of(trial)
        if self.resource.name in params:
            raise ArgumentError(
                "param_distributions must not return the parameter that is the resource, got "
                f"{self.resource.name!r}: leave it out, or use another resource"
            )
        with config_context(**self.config):
            candidate = clone(self.estimator).set_params(**clone(params, safe=False))
            return params, [
                self.resource.begin(clone(candidate), self.data, fold.train) for fold in self.folds
            ]

    def _evaluate(
        self,
        trial: Trial,
        params: dict[str, Any],
        trainings: Sequence[Training],
        resource: int,
    ) -> float:
        """Train up to `resource`, keep the scores of all folds with the trial, and report."""
        pairs = zip(trainings, self.folds, strict=True)
        with config_context(**self.config), quiet_about_convergence():
            folds = [self._fit_and_score(training, fold, resource) for training, fold in pairs]
        record = {"folds": folds, "finished": time.time(), "params": described(params)}
        # The scores are written before the value is reported: no value may be without them.
        trial.set_user_attr(evaluation_key(resource), record)
        value = self.scoring.value(folds)
        trial.report(value, resource)
        return value

    def _fit_and_score(self, training: Training, fold: Fold, resource: int) -> dict[str, Any]:
        started = time.perf_counter()
        try:
            estimator = training.train_to(resource)
        except Exception:
            if self.scoring.error_score == "raise":
                raise
            spent = time.perf_counter() - started
            return _failed(spent, traceback.format_exc())
        fitted = time.perf_counter()
        trained = training.trained_rows(resource)
        result = {
            "fit_time": fitted - started,
            "test_scores": self.scoring.of(estimator, self.data, fold.test, trained),
            "score_time": time.perf_counter() - fitted,
            "fit_error": None,
        }
        if self.scoring.with_train:
            result["train_scores"] = self.scoring.of(estimator, self.data, trained, trained)
        return result


@contextlib.contextmanager
def quiet_about_convergence() -> Iterator[None]:
    """Silence the warnings of trainings that have not converged: they were told to end early.

    Filters belong to the whole process, so only its main thread may change and restore them.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield


def evaluation_key(resource: int) -> str:
    """Return the user attribute that holds the scores of all folds at `resource`."""
    return f"bohb:scores:{resource}"


def _failed(spent: float, error: str) -> dict[str, Any]:
    """Return the record of a fold that could not be fitted; its scores are not known."""
    return {
        "fit_time": spent,
        "score_time": 0.0,
        "test_scores": None,
        "train_scores": None,
        "fit_error": error,
    }


def _plain(scores: Any) -> Any:
    """Return scores as JSON can hold them."""
    if isinstance(scores, Mapping):
        return {name: float(score) for name, score in scores.items()}
    return float(scores)

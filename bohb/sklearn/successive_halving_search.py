"""The search of one bracket, with the names that Dask-ML has for its parameters."""

from __future__ import annotations

from typing import Any

import numpy as np

from bohb import arguments
from bohb.errors import ArgumentError
from bohb.pruners import SuccessiveHalvingPruner
from bohb.sklearn.dask_ml import DaskNamedSearchCV
from bohb.sklearn.search import Settings
from bohb.sklearn.training import TrainingResource


class SuccessiveHalvingSearchCV(DaskNamedSearchCV):
    """Searches the parameters of an estimator with successive halving: one bracket.

    It has the parameters of Dask-ML's class of this name, and needs no client. `HyperbandSearchCV`
    runs several such brackets, which hedge against a short training that says little.

    Parameters
    ----------
    estimator, parameters, patience, tol, test_size, random_state, scoring, verbose, prefix
        As for `HyperbandSearchCV`.
    n_initial_parameters
        How many candidates start; 10 by default.
    n_initial_iter
        What each is trained with before the first are dropped: calls of ``partial_fit``.
    max_iter
        The most that a candidate is trained with; None for what the last one left comes to, if the
        training of those that go on grows by `aggressiveness` each time.
    aggressiveness
        Of this many candidates on a rung one is promoted; 3 by default.
    resource, n_rounds, timeout, cv, refit, n_jobs, executor, max_paused, chunk_size, error_score, \
return_train_score, storage, study_name
        As for `HyperbandSearchCV`.

    Attributes
    ----------
    cv_results_, history_, model_history_, metadata, metadata_, n_iter_
        As in `HyperbandSearchCV`.

    Notes
    -----
    See Jamieson & Talwalkar (2016), *Non-stochastic Best Arm Identification and Hyperparameter
    Optimization*. If `max_iter` is less than what the last candidate would come to, the rungs are
    laid down from `max_iter`, so that the highest one is exact.

    Examples
    --------
    >>> from scipy.stats import loguniform
    >>> from sklearn.linear_model import SGDClassifier
    >>> search = SuccessiveHalvingSearchCV(
    ...     SGDClassifier(),
    ...     {"alpha": loguniform(1e-6, 1)},
    ...     n_initial_parameters=9,
    ...     n_initial_iter=4,
    ... )
    >>> search.metadata["brackets"][0]["decisions"], search.metadata["partial_fit_calls"]
    ([4, 12, 36], 84)
    """

    def __init__(
        self,
        estimator: Any,
        parameters: Any,
        n_initial_parameters: int = 10,
        n_initial_iter: int | None = None,
        max_iter: int | None = None,
        aggressiveness: float = 3,
        test_size: Any = None,
        patience: Any = False,
        tol: float = 1e-3,
        random_state: Any = None,
        scoring: Any = None,
        verbose: Any = False,
        prefix: str = "",
        *,
        resource: str = "partial_fit",
        n_rounds: int = 1,
        timeout: float | None = None,
        cv: Any = None,
        refit: Any = True,
        n_jobs: int | None = None,
        executor: Any = None,
        max_paused: int | None = None,
        chunk_size: int | None = None,
        error_score: Any = np.nan,
        return_train_score: bool = False,
        storage: Any = None,
        study_name: str | None = None,
    ) -> None:
        self.estimator = estimator
        self.parameters = parameters
        self.n_initial_parameters = n_initial_parameters
        self.n_initial_iter = n_initial_iter
        self.max_iter = max_iter
        self.aggressiveness = aggressiveness
        self.test_size = test_size
        self.patience = patience
        self.tol = tol
        self.random_state = random_state
        self.scoring = scoring
        self.verbose = verbose
        self.prefix = prefix
        self.resource = resource
        self.n_rounds = n_rounds
        self.timeout = timeout
        self.cv = cv
        self.refit = refit
        self.n_jobs = n_jobs
        self.executor = executor
        self.max_paused = max_paused
        self.chunk_size = chunk_size
        self.error_score = error_score
        self.return_train_score = return_train_score
        self.storage = storage
        self.study_name = study_name

    def _settings(self) -> Settings:
        lowest, top = self._bounds()
        return Settings(
            self.parameters,
            lowest,
            top,
            self._checked_aggressiveness(),
            "li2018",
            self._patience_in_calls(top),
            label=str(self.prefix),
        )

    def _bounds(self) -> tuple[int, int]:
        """Return what the first candidates are trained with, and the last one."""
        if self.n_initial_iter is None:
            raise ArgumentError(
                "n_initial_iter must be given: what each candidate is trained with before the "
                "first are dropped"
            )
        lowest = arguments.count("n_initial_iter", self.n_initial_iter)
        factor = self._checked_aggressiveness()
        left = arguments.count("n_initial_parameters", self.n_initial_parameters)
        top = float(lowest)
        while left >= factor:
            left, top = int(left // factor), top * factor
        if self.max_iter is not None:
            top = min(top, arguments.count("max_iter", self.max_iter, least=lowest))
        return lowest, round(top)

    def _make_pruner(
        self, resource: TrainingResource, y: Any, train_share: float
    ) -> SuccessiveHalvingPruner:
        hyperband = super()._make_pruner(resource, y, train_share)
        return SuccessiveHalvingPruner(
            hyperband.min_resource,
            hyperband.max_resource,
            hyperband.reduction_factor,
            n_trials=self.n_initial_parameters,
        )

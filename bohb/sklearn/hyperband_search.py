"""The search that draws at random, with the names that Dask-ML has for its parameters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from bohb import arguments
from bohb.sklearn.dask_ml import DaskNamedSearchCV
from bohb.sklearn.problem import Problem
from bohb.sklearn.results import Evaluated
from bohb.sklearn.search import Settings
from bohb.study import Study


class HyperbandSearchCV(DaskNamedSearchCV):
    """Searches the parameters of an estimator with Hyperband, drawing candidates at random.

    It has the parameters of Dask-ML's class of this name, and needs no client. `BOHBSearchCV` has
    the same abilities and learns from what was evaluated.

    Parameters
    ----------
    estimator
        An estimator with ``partial_fit``, or another one with another `resource`.
    parameters
        What candidates are drawn from, as `param_distributions` of `BOHBSearchCV`.
    max_iter
        The most that a candidate is trained with: calls of ``partial_fit``, 81 by default.
    aggressiveness
        Of this many candidates on a rung one is promoted; 3 by default.
    patience
        End the training of a candidate whose score has not risen within so many calls. True for
        ``max_iter // aggressiveness``, False, the default, for never.
    tol
        By how much the score must rise within `patience`; 0.001 by default.
    test_size
        The share or the number of samples that candidates are scored on; None for a fifth. All
        candidates are scored on the same ones.
    random_state
        Makes the search repeatable, as far as the estimator is.
    scoring
        As in scikit-learn.
    verbose
        Whether to print the plan and show a progress bar.
    prefix
        The beginning of the lines that are printed.
    resource, n_rounds, timeout, refit, n_jobs, executor, max_paused, chunk_size, error_score, \
return_train_score, storage, study_name
        As for `BOHBSearchCV`.
    cv
        Folds to score on instead of one part of the samples, as in scikit-learn.

    Attributes
    ----------
    cv_results_, history_
        As in `BOHBSearchCV`, and with ``model_id`` and ``partial_fit_calls``; `model_history_` has
        the ``model_id`` as its keys.
    metadata, metadata_
        What will be done, and what was: equal unless `patience` has stopped a candidate.
    n_iter_
        How many calls of ``partial_fit`` the best candidate was trained with.

    Notes
    -----
    The brackets have the sizes of Dask-ML, which are those of Li et al. (2018). The resources of
    their rungs differ a little: each bracket ends at `max_iter`, whereas those of Dask-ML may end
    below it, for instance at 256 if `max_iter` is 299.

    Examples
    --------
    >>> from scipy.stats import loguniform
    >>> from sklearn.neural_network import MLPClassifier
    >>> params = {"alpha": loguniform(1e-6, 1), "hidden_layer_sizes": [(24,), (12, 12)]}
    >>> search = HyperbandSearchCV(MLPClassifier(), params, max_iter=299, aggressiveness=4)
    >>> search.metadata["n_models"]
    378
    """

    def __init__(
        self,
        estimator: Any,
        parameters: Any,
        max_iter: int = 81,
        aggressiveness: float = 3,
        patience: Any = False,
        tol: float = 1e-3,
        test_size: Any = None,
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
        self.max_iter = max_iter
        self.aggressiveness = aggressiveness
        self.patience = patience
        self.tol = tol
        self.test_size = test_size
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
        arguments.count("max_iter", self.max_iter)
        return Settings(
            self.parameters,
            1,
            self.max_iter,
            self._checked_aggressiveness(),
            "li2018",
            self._patience_in_calls(self.max_iter),
            label=str(self.prefix),
        )

    @property
    def metadata(self) -> dict[str, Any]:
        """How many models `fit` will train and how far, in all and for each bracket.

        In each of ``brackets``, ``SuccessiveHalvingSearchCV params`` are the arguments that make a
        search of this bracket alone. The rest is as in `BOHBSearchCV`.

        Raises
        ------
        ArgumentError
            If the schedule depends on the number of samples, which only `fit` knows.
        """
        return self._with_params(super().metadata)

    def _summarize(self, study: Study, problem: Problem, found: Sequence[Evaluated]) -> None:
        super()._summarize(study, problem, found)
        self.metadata_ = self._with_params(self.metadata_)

    def _with_params(self, metadata: dict[str, Any]) -> dict[str, Any]:
        shared = {
            name: getattr(self, name)
            for name in (
                "aggressiveness",
                "max_iter",
                "patience",
                "random_state",
                "scoring",
                "test_size",
                "tol",
            )
        }
        for bracket in metadata["brackets"]:
            bracket["SuccessiveHalvingSearchCV params"] = {
                "n_initial_parameters": bracket["n_models"],
                "n_initial_iter": bracket["decisions"][0],
                **shared,
            }
        return metadata

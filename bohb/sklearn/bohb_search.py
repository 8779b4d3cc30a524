"""The search that learns from what it has evaluated."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import numpy as np

from bohb.samplers import BOHBSampler
from bohb.sklearn.search import ScheduledSearchCV, Settings

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler


class BOHBSearchCV(ScheduledSearchCV):
    """Searches the parameters of an estimator: many candidates a little, the best ones fully.

    Candidates are cross-validated at a small resource, the best of them are promoted to a larger
    one, and a model of all results proposes the next ones (Falkner, Klein & Hutter 2018). A
    promoted candidate goes on from where it stood if its estimator can do that. All candidates
    are scored on the same splits, and the best is chosen at the largest resource.

    Parameters
    ----------
    estimator
        An estimator of scikit-learn or one that behaves like it, or a pipeline.
    param_distributions
        What candidates are drawn from:

        - a dict with, for each parameter, a list, a distribution of `scipy.stats` or one of
          `optuna.distributions`. Numbers in a list that is sorted are treated as ordered. Uniform,
          log-uniform and integer distributions are modelled exactly, others by their quantiles;
        - a list of such dicts, of which each candidate is drawn from one;
        - a ``ConfigurationSpace``, with its conditions and forbidden clauses;
        - a function of a trial that returns the parameters, having suggested what it needs.
    resource
        What an evaluation is limited by:

        - ``"n_samples"``: the samples, of which each fold trains on its share. Smaller subsets are
          part of larger ones, keep the proportions of classes, and keep ``groups`` together;
        - a parameter of the estimator that counts something, such as ``"n_estimators"`` or
          ``"clf__max_iter"``. If the estimator, or the last step of the pipeline, has
          ``warm_start``, a promoted candidate goes on;
        - ``"partial_fit"``: the calls of ``partial_fit``. A promoted candidate always goes on;
        - ``"auto"``: ``"partial_fit"`` for estimators that have it and train in passes, else
          ``n_estimators`` (``iterations`` of CatBoost, ``max_iter`` of histogram gradient boosting)
          if there is one that is not tuned and the estimator or `max_resource` says how many,
          else ``"n_samples"``. It is ``"n_samples"`` too where candidates differ in ``solver``,
          ``early_stopping`` or the last step of a pipeline. `resource_` tells what was chosen.
    min_resource
        The least that a candidate is judged by. ``"auto"`` makes five rungs, or fewer where the
        lowest would be below 1, or would give a fold less than 50 samples or less than two for
        each class; but always two rungs if the bounds allow it.
    max_resource
        The most that a candidate is trained with. ``"auto"`` takes all samples, the value that
        the estimator has for the parameter, or 81 calls of ``partial_fit``.
    reduction_factor
        Of this many candidates on a rung one is promoted; 3 by default.
    n_rounds
        Passes through all brackets of Hyperband; one by default.
    timeout
        Seconds after which the search ends with what it has; None for no limit.
    asynchronous
        Promote without waiting for a rung to be complete, for many workers.
    sampler
        What proposes candidates: any sampler of Optuna, which keeps its own seed. None for a
        `bohb.BOHBSampler` with `random_state`.
    cv
        As in scikit-learn: the number of folds, a splitter, or splits; None for five folds. The
        splits are made once.
    scoring
        As in scikit-learn: None for the estimator's own score, a name, a function, or several.
    refit
        Whether to train the best candidate on all data, at the largest resource; True by default.
        With several metrics, the name of the one to decide by. A function is given `cv_results_`
        and returns the index of the best. If it is a function or False and there are several
        metrics, the first one decides about promotions.
    n_jobs
        Candidates to be trained at the same time, in processes; None for one, -1 for as many as
        there are processors. ``joblib.parallel_config`` may say threads or Dask instead.
    executor
        What trains candidates, instead of `n_jobs`: a client of Dask, a pool of
        `concurrent.futures` or one of `bohb.executors`. The data is sent to each worker once. To
        be cloned, as in `cross_val_score`, a search needs one of `bohb.executors`, such as
        ``DaskExecutor(client)``; an executor does not travel when a search is pickled.
    max_paused
        The largest number of candidates that wait in memory; None for no limit. Others train
        from the start again if they are promoted.
    chunk_size
        Samples for each call of ``partial_fit``; None for all, which makes each call one pass, or
        for the chunks of a Dask array.
    random_state
        Makes the search repeatable, as far as the estimator and the splitter are. With several
        workers the proposals depend on which one ends first.
    error_score
        The score of a fit that fails; NaN by default. A candidate with the score NaN is never
        promoted. ``"raise"`` ends the search with the exception.
    return_train_score
        Whether to score on the training samples too.
    patience
        End the training of a candidate whose score has not risen within so much resource; None
        for never. It keeps its score.
    tol
        By how much the score must rise within `patience`; 0.001 by default.
    storage
        Where everything is kept, as in `bohb.create_study`. After a kill the search goes on when
        it is fitted again.
    study_name
        Its name in the storage; None for the name of the class.
    verbose
        1 prints the plan and shows a progress bar, 2 also prints a line for each candidate.

    Attributes
    ----------
    best_params_, best_score_, best_index_
        The best candidate at the largest resource.
    best_estimator_
        The best candidate, trained on all data; `refit_time_` says in how many seconds.
    cv_results_
        One row for each candidate and rung, as a dict of columns: those of scikit-learn, and
        ``resource``, ``bracket``, ``rung`` and ``trial``. Ranks go by resource first.
    n_resources_, n_candidates_
        The resources of the rungs, and how many candidates were evaluated at each.
    metadata_
        What was done, in the form of `metadata`.
    history_, model_history_
        All evaluations in the order of time; the same for each candidate.
    study_
        The `bohb.Study`, with everything that was evaluated.
    resource_, min_resource_, max_resource_
        The resource and its range.
    n_splits_, scorer_, multimetric_, classes_, n_features_in_, feature_names_in_
        As in scikit-learn.

    Raises
    ------
    ArgumentError
        By `fit`, if an argument is out of its range or does not fit the estimator.
    NoResultError, SettingsError, StudyOwnedError, StorageError
        By `fit`: if `timeout` ends it before anything is evaluated, or the study in `storage` was
        begun with other settings, is optimised by another process, or cannot be read.

    Examples
    --------
    >>> from scipy import stats
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.linear_model import SGDClassifier
    >>> X, y = load_digits(return_X_y=True)
    >>> search = BOHBSearchCV(
    ...     SGDClassifier(random_state=0),
    ...     {"alpha": stats.loguniform(1e-6, 1), "average": [False, True]},
    ...     max_resource=9,
    ...     cv=3,
    ...     random_state=0,
    ... )
    >>> search.metadata["n_models"]
    15
    >>> search.fit(X, y).resource_
    'partial_fit'
    >>> bool(search.best_score_ > 0.9)
    True
    """

    def __init__(
        self,
        estimator: Any,
        param_distributions: Any,
        *,
        resource: str = "auto",
        min_resource: Any = "auto",
        max_resource: Any = "auto",
        reduction_factor: float = 3,
        n_rounds: int = 1,
        timeout: float | None = None,
        asynchronous: bool = False,
        sampler: BaseSampler | None = None,
        cv: Any = None,
        scoring: Any = None,
        refit: Any = True,
        n_jobs: int | None = None,
        executor: Any = None,
        max_paused: int | None = None,
        chunk_size: int | None = None,
        random_state: Any = None,
        error_score: Any = np.nan,
        return_train_score: bool = False,
        patience: int | None = None,
        tol: float = 1e-3,
        storage: Any = None,
        study_name: str | None = None,
        verbose: int = 0,
    ) -> None:
        self.estimator = estimator
        self.param_distributions = param_distributions
        self.resource = resource
        self.min_resource = min_resource
        self.max_resource = max_resource
        self.reduction_factor = reduction_factor
        self.n_rounds = n_rounds
        self.timeout = timeout
        self.asynchronous = asynchronous
        self.sampler = sampler
        self.cv = cv
        self.scoring = scoring
        self.refit = refit
        self.n_jobs = n_jobs
        self.executor = executor
        self.max_paused = max_paused
        self.chunk_size = chunk_size
        self.random_state = random_state
        self.error_score = error_score
        self.return_train_score = return_train_score
        self.patience = patience
        self.tol = tol
        self.storage = storage
        self.study_name = study_name
        self.verbose = verbose

    def _settings(self) -> Settings:
        return Settings(
            self.param_distributions,
            self.min_resource,
            self.max_resource,
            self.reduction_factor,
            "hpbandster",
            self.patience,
            self.asynchronous,
        )

    def _make_sampler(self, seed: int) -> BaseSampler:
        return BOHBSampler(seed) if self.sampler is None else copy.deepcopy(self.sampler)

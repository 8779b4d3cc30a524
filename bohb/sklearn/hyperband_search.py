"""The search that draws at random, with the names that Dask-ML has for its parameters."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.model_selection import ShuffleSplit, StratifiedShuffleSplit

from bohb import arguments
from bohb.errors import ArgumentError
from bohb.samplers import BOHBSampler
from bohb.sklearn.problem import Problem, has_strata
from bohb.sklearn.results import Evaluated, by_model
from bohb.sklearn.search import ScheduledSearchCV, Settings
from bohb.study import Study

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler

_TEST_SIZE = 0.2


class HyperbandSearchCV(ScheduledSearchCV):
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
        if arguments.positive("aggressiveness", self.aggressiveness) <= 1:
            raise ArgumentError(
                f"aggressiveness must be greater than 1, got {self.aggressiveness!r}"
            )
        patience = self.patience
        if isinstance(patience, (bool, np.bool_)):
            patience = max(int(self.max_iter // self.aggressiveness), 1) if patience else None
        return Settings(
            self.parameters,
            1,
            self.max_iter,
            self.aggressiveness,
            "li2018",
            patience,
            label=str(self.prefix),
        )

    def _make_sampler(self, seed: int) -> BaseSampler:
        return BOHBSampler(seed, random_fraction=1.0)

    def _make_splitter(self, y: Any) -> Any:
        if self.cv is not None:
            if self.test_size is not None:
                raise ArgumentError(
                    "test_size is the size of the one part to score on and cannot be given "
                    f"together with cv, got {self.test_size!r}"
                )
            return super()._make_splitter(y)
        is_fair = has_strata(self.estimator, y) and np.min(np.unique(y, return_counts=True)[1]) > 1
        kind = StratifiedShuffleSplit if is_fair else ShuffleSplit
        return kind(
            n_splits=1,
            test_size=_TEST_SIZE if self.test_size is None else self.test_size,
            # The split is the same in each fit, so that a search in a storage can go on.
            random_state=0 if self.random_state is None else self.random_state,
        )

    @property
    def n_iter_(self) -> int:
        """How many calls of ``partial_fit`` the best candidate was trained with."""
        return int(self.cv_results_["resource"][self.best_index_])

    def _summarize(self, study: Study, problem: Problem, found: Sequence[Evaluated]) -> None:
        """Add what Dask-ML has under names of its own."""
        super()._summarize(study, problem, found)
        ids = _model_ids(found)
        columns = self.cv_results_
        columns["model_id"] = np.array([ids[one.trial] for one in found])
        columns["partial_fit_calls"] = columns["resource"]
        for kind in ("mean", "std"):
            columns[f"{kind}_partial_fit_time"] = columns[f"{kind}_fit_time"]
        if not self.multimetric_:
            columns["test_score"] = columns["mean_test_score"]
        for record in self.history_:
            record["model_id"] = ids[record["trial"]]
            record["partial_fit_calls"] = record["resource"]
            record["partial_fit_time"] = record["fit_time"]
        self.model_history_ = by_model(self.history_, "model_id")


def _model_ids(found: Sequence[Evaluated]) -> dict[int, str]:
    """Return a name for each trial: its bracket, and its number in that bracket."""
    ids: dict[int, str] = {}
    counts: Counter[int] = Counter()
    for one in sorted(found, key=lambda one: one.trial):
        if one.trial not in ids:
            ids[one.trial] = f"bracket={one.bracket}-{counts[one.bracket]}"
            counts[one.bracket] += 1
    return ids

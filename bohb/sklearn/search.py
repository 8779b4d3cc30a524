"""The base class of both searches: the steps of `fit`."""

from __future__ import annotations

import abc
import logging
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import TYPE_CHECKING, Any

from sklearn.base import is_classifier
from sklearn.model_selection import check_cv
from sklearn.model_selection._search import BaseSearchCV
from sklearn.model_selection._validation import _warn_or_raise_about_fit_failures
from sklearn.utils import check_random_state, get_tags
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_method_params, _num_samples

from bohb import arguments
from bohb.errors import ArgumentError, ArgumentTypeError, NoResultError
from bohb.hyperband import BracketSizes
from bohb.pruners import HyperbandPruner, LadderPruner
from bohb.sklearn import results
from bohb.sklearn.candidates import Candidates, candidates_of
from bohb.sklearn.cluster_samples import cluster_client
from bohb.sklearn.evaluation import Plateau, Scoring
from bohb.sklearn.identity import identity_of, seed_of
from bohb.sklearn.problem import (
    Problem,
    as_indexable,
    check_splits,
    chunk_size_of,
    fit_params_of,
    in_memory,
    method_of,
    on_cluster,
    row_numbers,
)
from bohb.sklearn.resources import bounds, choose_resource, counts_of
from bohb.sklearn.running import run_search
from bohb.sklearn.training import Calls, Data, Samples, TrainingResource
from bohb.study import Study, create_study, unannounced

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler
    from typing_extensions import Self

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Settings:
    """The settings that the two searches have different names for.

    Attributes
    ----------
    distributions
        What candidates are drawn from, as it was given.
    min_resource, max_resource, reduction_factor, bracket_sizes
        The settings of the schedule; a bound may be ``"auto"``.
    patience
        The resource within which a score must rise; None for no limit.
    asynchronous
        Whether rungs are promoted from before they are complete.
    label
        The beginning of the lines that are printed.
    """

    distributions: Any
    min_resource: Any
    max_resource: Any
    reduction_factor: float
    bracket_sizes: BracketSizes
    patience: int | None
    asynchronous: bool = False
    label: str = ""


class ScheduledSearchCV(BaseSearchCV, abc.ABC):  # type: ignore[misc] # it has no types
    """A search that decides how far each candidate is trained."""

    def __new__(cls, *_: Any, **arguments: Any) -> Self:
        """Refuse what scikit-learn's searches have for the number of candidates."""
        for name in ("n_iter", "n_candidates"):
            if name in arguments:
                raise ArgumentTypeError(
                    f"{name} is not known, got {arguments[name]!r}: how many candidates are tried "
                    "follows from max_resource; n_rounds tries as many several times over"
                )
        made: Self = super().__new__(cls)
        return made

    @abc.abstractmethod
    def _settings(self) -> Settings:
        """Return the settings that this search has names of its own for."""

    @abc.abstractmethod
    def _make_sampler(self, seed: int) -> BaseSampler:
        """Return what proposes candidates."""

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = get_tags(self.estimator).input_tags.allow_nan
        return tags

    def __getstate__(self) -> dict[str, Any]:
        """Return what is pickled: an executor stays in its process."""
        return {**super().__getstate__(), "executor": None}

    def _make_splitter(self, y: Any) -> Any:
        """Return what splits the data into folds."""
        return check_cv(self.cv, y, classifier=is_classifier(self.estimator))

    @property
    def metadata(self) -> dict[str, Any]:
        """How many models `fit` will train and how far, in all and for each bracket.

        ``n_models`` counts candidates. ``partial_fit_calls`` or ``resource`` is the sum of what
        they are trained with on one fold, without the last training on all data. ``brackets`` has
        the same for each bracket, and under ``decisions`` the resources of its rungs.

        Raises
        ------
        ArgumentError
            If the schedule depends on the number of samples, which only `fit` knows.
        """
        candidates = candidates_of(self._settings().distributions)
        resource = self._choose_resource(candidates, n_samples=0, chunk_size=None)
        if isinstance(resource, Samples):
            settings = self._settings()
            if "auto" in (settings.min_resource, settings.max_resource):
                raise ArgumentError(
                    "min_resource and max_resource must be given for metadata before fit when the "
                    f"resource is the number of samples, got {settings.min_resource!r} and "
                    f"{settings.max_resource!r}: 'auto' depends on the data"
                )
            resource = Samples(settings.max_resource)
        plan = self._make_pruner(resource, None, 1.0).plan(self.n_rounds)
        return results.planned(candidates.limit(plan), resource.name, continued=resource.continues)

    def fit(self, X: Any, y: Any = None, **params: Any) -> Self:
        """Search, and train the best candidate on all data.

        Parameters
        ----------
        X
            Samples, shape (n_samples, n_features): an array, a sparse matrix, a data frame or a
            list. The chunks of a Dask array or data frame are those of ``partial_fit``, and stay
            where they are if `executor` is a client of Dask: a worker holds one of them at a time,
            and the samples it scores on. Anything else of Dask is brought into memory.
        y
            Targets, shape (n_samples,) or (n_samples, n_outputs); None for estimators without.
        **params
            For the estimator's `fit`, the scorer and the splitter, as in scikit-learn. ``groups``
            go to the splitter, and are kept together in subsets of the samples too.
            ``sample_weight`` goes to the estimator and to a scorer that takes it. What has an
            entry for each sample is cut like the samples.

        Raises
        ------
        ArgumentError
            If an argument is out of its range, or does not fit the estimator.
        SettingsError
            If the study in `storage` was begun with other data or other arguments.
        ValueError
            If all fits fail; the message has the errors.
        """
        problem = self._prepare(X, y, params)
        self.study_, seed = self._begin(problem)
        self.resource_ = problem.resource.name
        self.n_resources_ = problem.levels
        self.min_resource_, self.max_resource_ = self.n_resources_[0], self.n_resources_[-1]
        self.n_splits_ = len(problem.splits)
        self.scorer_ = getattr(problem.scoring.scorer, "_scorers", problem.scoring.scorer)
        if self.resource == "auto":
            self._tell_resource(problem)
        run_search(
            self.study_,
            problem.objective(seed),
            n_rounds=self.n_rounds,
            timeout=self.timeout,
            executor=self.executor,
            n_jobs=self.n_jobs,
            max_paused=self.max_paused,
            verbose=self.verbose,
            label=self._settings().label,
        )
        found = self._collect(self.study_, problem)
        if self.refit:
            self._refit(problem, found[self.best_index_], seed)
        return self

    def _tell_resource(self, problem: Problem) -> None:
        """Say what the resource is, and warn if `max_resource` was hardly meant for it."""
        _logger.info("The resource is %s.", self.resource_)
        given = self._settings().max_resource
        n_samples = _num_samples(problem.data.X)
        if isinstance(problem.resource, Samples) and given != "auto" and given < n_samples / 2:
            counts = counts_of(self.estimator)
            hint = f" ({', '.join(counts)})" if counts else ""
            warnings.warn(
                f"resource='auto' means the number of samples for {type(self.estimator).__name__}, "
                f"so max_resource={given} means {given} of {n_samples} samples: give "
                f"resource='n_samples' if that is meant, else another resource{hint} or no "
                "max_resource",
                stacklevel=3,
            )

    # The problem

    def _prepare(self, X: Any, y: Any, params: dict[str, Any]) -> Problem:
        arguments.count("n_rounds", self.n_rounds)
        arguments.number("tol", self.tol)
        if self.n_jobs is not None and not isinstance(self.n_jobs, Integral):
            raise ArgumentTypeError(f"n_jobs must be None or an integer, got {self.n_jobs!r}")
        if not isinstance(self.verbose, bool):
            arguments.number("verbose", self.verbose)
        if not (isinstance(self.error_score, str) and self.error_score == "raise"):
            arguments.number("error_score", self.error_score)
        scorer, _ = self._get_scorers()
        chunk_size = chunk_size_of(X)
        X, y, like_X = as_indexable(self._placed(X, chunk_size), in_memory(y))
        if y is not None and is_classifier(self.estimator):
            check_classification_targets(y)
        routed = self._get_routed_params_for_fit(_check_method_params(X, params=params))
        candidates = candidates_of(self._settings().distributions)
        resource = self._choose_resource(
            candidates, n_samples=_num_samples(X), chunk_size=chunk_size
        )
        split_params = routed.splitter.split
        splits = [
            (row_numbers(train), row_numbers(test))
            for train, test in self._make_splitter(y).split(like_X, y, **split_params)
        ]
        check_splits(splits, _num_samples(X))
        share = min(len(train) for train, _ in splits) / _num_samples(X)
        pruner = self._make_pruner(resource, y, share)
        return Problem(
            self.estimator,
            Data(X, y, fit_params_of(routed.estimator, resource)),
            splits,
            split_params.get("groups"),
            candidates,
            resource,
            Scoring(
                scorer,
                dict(routed.scorer.score),
                self.refit if isinstance(self.refit, str) else None,
                self.error_score,
                self.return_train_score,
            ),
            pruner,
            self._make_plateau(resource, pruner),
        )

    def _placed(self, X: Any, chunk_size: int | None) -> Any:
        """Return samples where they are trained on: chunks of ``partial_fit`` stay on a cluster."""
        client = cluster_client(self.executor)
        if client is None:
            return in_memory(X)
        candidates = candidates_of(self._settings().distributions)
        resource = self._choose_resource(candidates, n_samples=0, chunk_size=chunk_size)
        return on_cluster(X, client) if isinstance(resource, Calls) else in_memory(X)

    def _choose_resource(
        self, candidates: Candidates, *, n_samples: int, chunk_size: int | None
    ) -> TrainingResource:
        return choose_resource(
            self.resource,
            self.estimator,
            candidates.names,
            n_samples=n_samples,
            chunk_size=chunk_size if self.chunk_size is None else self.chunk_size,
            max_resource=self._settings().max_resource,
        )

    def _make_pruner(self, resource: TrainingResource, y: Any, train_share: float) -> LadderPruner:
        settings = self._settings()
        lowest, highest = bounds(
            resource,
            self.estimator,
            y,
            min_resource=settings.min_resource,
            max_resource=settings.max_resource,
            reduction_factor=settings.reduction_factor,
            train_share=train_share,
        )
        return HyperbandPruner(
            lowest,
            highest,
            settings.reduction_factor,
            settings.bracket_sizes,
            settings.asynchronous,
            adaptive=False,  # a search does what its `metadata` says
        )

    def _make_plateau(self, resource: TrainingResource, pruner: LadderPruner) -> Plateau | None:
        patience = self._settings().patience
        if patience is None:
            return None
        if isinstance(patience, bool):
            raise ArgumentTypeError(
                f"patience must be an amount of resource, or None for no end, got {patience!r}"
            )
        if not resource.continues:
            raise ArgumentError(
                "patience needs a resource with which training goes on, 'partial_fit' or a "
                f"parameter of an estimator with warm_start, got patience={patience!r} with "
                f"{resource.name!r}"
            )
        levels = tuple(map(int, pruner.levels))
        return Plateau(
            arguments.count("patience", patience), arguments.number("tol", self.tol), levels
        )

    # The study

    def _begin(self, problem: Problem) -> tuple[Study, int]:
        """Return the study of the search, begun or taken up again, and its seed."""
        seed = check_random_state(self.random_state).randint(2**31 - 1)
        study = create_study(
            storage=self.storage,
            pruner=problem.pruner,
            sampler=self._make_sampler(seed),
            study_name=self._study_name(),
            direction="maximize",
            load_if_exists=self.storage is not None,
            space=problem.candidates.space,
        )
        if self.storage is not None:
            # A study that was begun before keeps its seed, so it needs a sampler with that one.
            is_given = isinstance(self.random_state, Integral)
            seed = seed_of(study, identity_of(problem), seed, is_given=is_given)
            study.sampler = self._make_sampler(seed)
        return study, seed

    def _study_name(self) -> str:
        name = type(self).__name__ if self.study_name is None else self.study_name
        return unannounced(name) if self.storage is None else name

    # The results

    def _collect(self, study: Study, problem: Problem) -> list[results.Evaluated]:
        found = results.evaluated(study, problem.candidates)
        if not found:
            raise NoResultError(
                "the search ended before anything was evaluated: give it more time than "
                f"timeout={self.timeout!r}"
            )
        records = results.fold_results(found, self.n_splits_, self.error_score)
        _warn_or_raise_about_fit_failures(records, self.error_score)
        self.multimetric_ = isinstance(records[0]["test_scores"], dict)
        if self.multimetric_:
            self._check_refit_for_multimetric(records[0]["test_scores"])
        columns = {
            "resource": [one.trained for one in found],
            **{
                name: [getattr(one, name) for one in found] for name in ("bracket", "rung", "trial")
            },
        }
        params = [one.params for one in found]
        self.cv_results_ = self._format_results(params, self.n_splits_, records, columns)
        for key in [key for key in self.cv_results_ if key.startswith("rank_test_")]:
            means = self.cv_results_[key.replace("rank_", "mean_")]
            self.cv_results_[key] = results.ranks(means, [one.counts_to for one in found])
        metric = self.refit if self.multimetric_ else "score"
        if self.refit or not self.multimetric_:
            self._choose_best(metric)
        self._summarize(study, problem, found)
        return found

    def _choose_best(self, metric: Any) -> None:
        self.best_index_ = results.best_of(self.cv_results_, self.refit, metric)
        if not callable(self.refit):
            self.best_score_ = self.cv_results_[f"mean_test_{metric}"][self.best_index_]
        self.best_params_ = self.cv_results_["params"][self.best_index_]

    def _summarize(
        self, study: Study, problem: Problem, found: Sequence[results.Evaluated]
    ) -> None:
        self.n_candidates_ = [
            sum(one.resource <= level <= one.counts_to for one in found)
            for level in self.n_resources_
        ]
        self.metadata_ = results.done(
            found, study.plan(), problem.resource.name, continued=problem.resource.continues
        )
        self.history_ = results.history(found, problem.scoring)
        self.model_history_ = results.by_model(self.history_)

    def _refit(self, problem: Problem, best: results.Evaluated, seed: int) -> None:
        """Train the best candidate on all data, as far as it was trained in the search."""
        goal = self.max_resource_ if best.trained == best.counts_to else best.trained
        started = time.perf_counter()
        self.best_estimator_ = problem.refitted(self.best_params_, goal, seed)
        self.refit_time_ = time.perf_counter() - started
        if hasattr(self.best_estimator_, "feature_names_in_"):
            self.feature_names_in_ = self.best_estimator_.feature_names_in_

    def get_metadata_routing(self) -> MetadataRouter:
        """Return how parameters of `fit` and `score` are handed on, as scikit-learn asks for it."""
        scorer, _ = self._get_scorers()
        candidates = candidates_of(self._settings().distributions)
        resource = self._choose_resource(candidates, n_samples=1, chunk_size=None)
        return (
            MetadataRouter(owner=self)
            .add(
                estimator=self.estimator,
                method_mapping=MethodMapping().add(caller="fit", callee=method_of(resource)),
            )
            .add(
                scorer=scorer,
                method_mapping=MethodMapping()
                .add(caller="score", callee="score")
                .add(caller="fit", callee="score"),
            )
            .add(
                splitter=self.cv,
                method_mapping=MethodMapping().add(caller="fit", callee="split"),
            )
        )

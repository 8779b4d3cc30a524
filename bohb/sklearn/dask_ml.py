"""The common part of the searches with Dask-ML's names for their parameters."""

from __future__ import annotations

import abc
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.model_selection import ShuffleSplit, StratifiedShuffleSplit
from sklearn.utils.metaestimators import available_if

from bohb import arguments
from bohb.errors import ArgumentError
from bohb.samplers import BOHBSampler
from bohb.sklearn.problem import Problem, has_strata
from bohb.sklearn.results import Evaluated, by_model
from bohb.sklearn.search import ScheduledSearchCV
from bohb.study import Study

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler
    from typing_extensions import Self

_TEST_SIZE = 0.2


def _best_has_partial_fit(search: Any) -> bool:
    """Return whether the search was fitted, and its best estimator can be trained further."""
    return hasattr(getattr(search, "best_estimator_", None), "partial_fit")


class DaskNamedSearchCV(ScheduledSearchCV, abc.ABC):
    """A search with Dask-ML's names, which draws its candidates at random."""

    aggressiveness: float
    patience: Any
    test_size: Any

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

    @available_if(_best_has_partial_fit)  # type: ignore[untyped-decorator]
    def partial_fit(self, X: Any, y: Any = None, **params: Any) -> Self:
        """Train the best estimator further, on new samples.

        Parameters
        ----------
        X, y
            Samples and targets.
        **params
            For the ``partial_fit`` of the estimator, such as ``classes``.
        """
        self.best_estimator_.partial_fit(X, y, **params)
        return self

    def _checked_aggressiveness(self) -> float:
        factor = arguments.positive("aggressiveness", self.aggressiveness)
        if factor <= 1:
            raise ArgumentError(
                f"aggressiveness must be greater than 1, got {self.aggressiveness!r}"
            )
        return factor

    def _patience_in_calls(self, max_iter: int) -> int | None:
        """Return `patience` as a number of calls; None for no end."""
        patience = self.patience
        if isinstance(patience, (bool, np.bool_)):
            patience = max(int(max_iter // self.aggressiveness), 1) if patience else None
        given: int | None = patience
        return given


def _model_ids(found: Sequence[Evaluated]) -> dict[int, str]:
    """Return a name for each trial: its bracket, and its number in that bracket."""
    ids: dict[int, str] = {}
    counts: Counter[int] = Counter()
    for one in sorted(found, key=lambda one: one.trial):
        if one.trial not in ids:
            ids[one.trial] = f"bracket={one.bracket}-{counts[one.bracket]}"
            counts[one.bracket] += 1
    return ids

"""What is searched: data, folds, candidates, resource and schedule, before anything is trained."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn import get_config
from sklearn.base import clone, is_classifier
from sklearn.utils.multiclass import type_of_target
from sklearn.utils.validation import _num_samples

from bohb.model.arrays import IndexArray
from bohb.pruners import HyperbandPruner
from bohb.sklearn.candidates import Candidates
from bohb.sklearn.objective import Fold, Plateau, Scoring, SearchObjective
from bohb.sklearn.subsets import nested_order
from bohb.sklearn.training import Calls, Data, Parameter, Resource, Samples


@dataclass(frozen=True)
class Problem:
    """What is searched.

    Attributes
    ----------
    estimator
        As the user gave it.
    data
        What it is trained on.
    splits
        The rows to train on and to score on, for each fold.
    groups
        The group of each sample, or None.
    candidates, resource, scoring, pruner
        What is tried, by what it is limited, how it is judged, and how far it is trained.
    plateau
        When a candidate stops early; None for never.
    """

    estimator: Any
    data: Data
    splits: Sequence[tuple[IndexArray, IndexArray]]
    groups: Any
    candidates: Candidates
    resource: Resource
    scoring: Scoring
    pruner: HyperbandPruner
    plateau: Plateau | None

    @property
    def levels(self) -> list[int]:
        """The resources of the rungs."""
        return [int(level) for level in self.pruner.levels]

    def objective(self, seed: int) -> SearchObjective:
        """Return what is to be optimised; `seed` shuffles the samples of each fold."""
        folds = [
            Fold(self._in_order(train, seed, index), test)
            for index, (train, test) in enumerate(self.splits)
        ]
        return SearchObjective(
            clone(self.estimator),
            self.candidates,
            self.resource,
            self.data,
            folds,
            self.scoring,
            self.plateau,
            get_config(),
        )

    def _in_order(self, rows: IndexArray, seed: int, index: int) -> IndexArray:
        """Return `rows` in the order they are trained on: as they are, unless in parts."""
        if not isinstance(self.resource, (Samples, Calls)):
            return rows
        rng = np.random.default_rng((seed, index))
        return nested_order(rows, _classes(self.estimator, self.data.y), self.groups, rng)

    def refitted(self, params: dict[str, Any], goal: int, seed: int) -> Any:
        """Return the estimator with `params`, trained on all data as far as `goal`."""
        resource = self.resource
        if isinstance(resource, Samples):
            goal = resource.n_samples
        elif isinstance(resource, Parameter):  # it need not be able to go on
            resource = dataclasses.replace(resource, continues=False)
        candidate = clone(self.estimator).set_params(**clone(params, safe=False))
        rows = self._in_order(np.arange(_num_samples(self.data.X)), seed, len(self.splits))
        return resource.begin(candidate, self.data, rows).train_to(goal)


def method_of(resource: Resource) -> str:
    """Return the method of the estimator that trains it."""
    return "partial_fit" if isinstance(resource, Calls) else "fit"


def row_numbers(rows: Any) -> IndexArray:
    """Return the rows of one part of a split, which may be given as a mask or a list."""
    given = np.asarray(rows)
    return np.flatnonzero(given) if given.dtype == bool else given.astype(np.intp)


def fit_params_of(routed: Mapping[str, Any], resource: Resource) -> dict[str, Any]:
    """Return what is handed on to the estimator; without metadata routing that is for `fit`."""
    method = method_of(resource) if get_config()["enable_metadata_routing"] else "fit"
    return dict(routed[method])


def has_strata(estimator: Any, y: Any) -> bool:
    """Return whether the targets are classes, whose proportions subsets should keep."""
    has_classes = y is not None and is_classifier(estimator)
    return has_classes and type_of_target(y) in ("binary", "multiclass")


def _classes(estimator: Any, y: Any) -> IndexArray | None:
    """Return the class of each sample as a number, if the targets are classes."""
    if not has_strata(estimator, y):
        return None
    return np.asarray(np.unique(np.ravel(y), return_inverse=True)[1], dtype=np.intp)

"""The problem of a search: data, folds, candidates, resource and schedule, before any training."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn import get_config
from sklearn.base import clone, is_classifier
from sklearn.utils.multiclass import type_of_target
from sklearn.utils.validation import _num_samples, indexable

from bohb import arguments
from bohb.errors import ArgumentError
from bohb.model.arrays import FloatArray, IndexArray
from bohb.pruners import LadderPruner
from bohb.sklearn.candidates import Candidates
from bohb.sklearn.cluster_samples import ClusterSamples
from bohb.sklearn.evaluation import Fold, Plateau, Scoring, SearchObjective
from bohb.sklearn.training import Calls, Data, EstimatorParameter, Samples, TrainingResource


def check_splits(splits: Sequence[tuple[Any, Any]], n_samples: int) -> None:
    """Raise ArgumentError if a split has no rows on one of its sides, or some that do not exist."""
    if not splits:
        raise ArgumentError("cv must give at least one split, got none")
    for index, (train, test) in enumerate(splits):
        if not len(train) or not len(test):
            raise ArgumentError(
                f"cv must give rows to train on and rows to score on, got {len(train)} and "
                f"{len(test)} in split {index}"
            )
        rows = np.concatenate([np.asarray(train), np.asarray(test)])
        if rows.dtype != bool and not -n_samples <= rows.min() <= rows.max() < n_samples:
            raise ArgumentError(
                f"cv must give rows of the {n_samples} that there are, got rows {rows.min()} to "
                f"{rows.max()} in split {index}"
            )


@dataclass(frozen=True)
class Problem:
    """All that defines a search.

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
    resource: TrainingResource
    scoring: Scoring
    pruner: LadderPruner
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
        """Return `rows` in the order of training: as they are, unless parts are trained on."""
        if not isinstance(self.resource, (Samples, Calls)):
            return rows
        rng = np.random.default_rng((seed, index))
        return nested_order(rows, _classes(self.estimator, self.data.y), self.groups, rng)

    def refitted(self, params: dict[str, Any], goal: int, seed: int) -> Any:
        """Return the estimator with `params`, trained on all data as far as `goal`."""
        resource = self.resource
        if isinstance(resource, Samples):
            goal = resource.n_samples
        elif isinstance(resource, EstimatorParameter):  # it is trained in one go
            resource = dataclasses.replace(resource, continues=False)
        candidate = clone(self.estimator).set_params(**clone(params, safe=False))
        rows = self._in_order(np.arange(_num_samples(self.data.X)), seed, len(self.splits))
        return resource.begin(candidate, self.data, rows).train_to(goal)


def method_of(resource: TrainingResource) -> str:
    """Return the method of the estimator that trains it."""
    return "partial_fit" if isinstance(resource, Calls) else "fit"


def row_numbers(rows: Any) -> IndexArray:
    """Return the rows of one part of a split, which may be given as a mask or a list."""
    given = np.asarray(rows)
    return np.flatnonzero(given) if given.dtype == bool else given.astype(np.intp)


def fit_params_of(routed: Mapping[str, Any], resource: TrainingResource) -> dict[str, Any]:
    """Return the keyword arguments that are handed on to the estimator.

    Without metadata routing, scikit-learn lists them under `fit`, whatever the method is.
    """
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


def nested_order(
    rows: IndexArray, classes: IndexArray | None, groups: Any, rng: np.random.Generator
) -> IndexArray:
    """Return `rows` in a random order whose every beginning is a fair part of them.

    With `classes`, the beginnings have the classes in the proportions of the whole, and the first
    rows are one of each class. With `groups`, the rows of a group stay together; a group counts
    as of the class that most of its rows have.

    Parameters
    ----------
    rows
        Row numbers, shape (n,).
    classes
        The class of every row of the data as a number from 0; None for targets without classes.
    groups
        The group of every row of the data, or None.

    Examples
    --------
    >>> import numpy as np
    >>> classes = np.array([0, 0, 0, 0, 1, 1])
    >>> order = nested_order(np.arange(6), classes, None, np.random.default_rng(0))
    >>> np.bincount(classes[order[:3]]).tolist()
    [2, 1]
    """
    own = np.zeros(len(rows), dtype=int) if classes is None else classes[rows]
    if groups is None:
        return rows[np.argsort(_places(own, np.ones(len(rows)), rng), kind="stable")]
    _, members, sizes = np.unique(np.asarray(groups)[rows], return_inverse=True, return_counts=True)
    counts = np.zeros((len(sizes), int(np.max(own, initial=0)) + 1))
    np.add.at(counts, (members, own), 1)
    places = _places(counts.argmax(axis=1), sizes.astype(float), rng)
    # Rows of one group have the same place, so the stable sort keeps them together.
    shuffled = rng.permutation(len(rows))
    return rows[shuffled[np.argsort(places[members[shuffled]], kind="stable")]]


def _places(strata: IndexArray, sizes: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Return the place of each item in an order over which all strata are spread evenly.

    The items of each stratum are shuffled and fill the range from 0 to 1 one after the other, in
    proportion to their sizes. The first item of each stratum gets a place below 0, so that these
    come before all others.
    """
    places = np.empty(len(strata))
    for stratum in np.unique(strata):
        items = rng.permutation(np.flatnonzero(strata == stratum))
        length = sizes[items]
        before = np.cumsum(length) - length
        # One random offset for all items of a stratum keeps them evenly apart.
        middle = (before + rng.random() * length) / length.sum()
        middle[0] = -rng.random()
        places[items] = middle
    return places


def on_cluster(collection: Any, client: Any) -> Any:
    """Return samples that stay on the cluster of `client`, if they are a collection of Dask."""
    return ClusterSamples.of(collection, client) if _is_dask(collection) else collection


def as_indexable(X: Any, y: Any) -> tuple[Any, Any, Any]:
    """Return samples and targets, which must be as many, and what splitters get for the samples."""
    if not isinstance(X, ClusterSamples):
        X, y = indexable(X, y)
        return X, y, X
    like_X = np.zeros((len(X), 1))  # scikit-learn's splitters take arrays only
    _, y = indexable(like_X, y)
    return X, y, like_X


def in_memory(collection: Any) -> Any:
    """Return what a collection of Dask holds; anything else as it is."""
    return collection.compute() if _is_dask(collection) else collection


def chunk_size_of(collection: Any) -> int | None:
    """Return the number of rows of the first chunk of a Dask array; None for anything else."""
    chunks = getattr(collection, "chunks", None) if _is_dask(collection) else None
    first = chunks[0][0] if chunks else math.nan  # it is NaN if Dask does not know it
    return None if math.isnan(first) else int(first)


def _is_dask(collection: Any) -> bool:
    is_from = arguments.comes_from("dask", collection) or arguments.comes_from(
        "dask_expr", collection
    )
    return is_from and hasattr(collection, "compute")

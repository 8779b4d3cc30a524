"""The training of an estimator up to a resource: by rows, by one of its parameters, or by calls."""

from __future__ import annotations

import abc
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from sklearn.base import clone, is_classifier
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.multioutput import MultiOutputClassifier
from sklearn.pipeline import Pipeline
from sklearn.utils import _safe_indexing
from sklearn.utils.metaestimators import _safe_split
from sklearn.utils.multiclass import unique_labels
from sklearn.utils.validation import _check_method_params

from bohb.model.arrays import IndexArray
from bohb.sklearn.cluster_samples import ClusterSamples

# Parameters that say how much is done in one call of `fit`. All others, such as the number of
# trees, say how much there is afterwards.
PER_CALL = frozenset({"max_iter", "n_iter", "max_epochs", "epochs"})


@dataclass(frozen=True)
class Data:
    """What a search is fitted on.

    Attributes
    ----------
    X, y
        Samples and targets, as they were given; `y` may be None.
    fit_params
        Keyword arguments of the estimator's `fit`; those with an entry for each sample are cut.
    """

    X: Any
    y: Any
    fit_params: Mapping[str, Any]

    def part(
        self, estimator: Any, rows: IndexArray, trained: IndexArray | None = None
    ) -> tuple[Any, Any]:
        """Return samples and targets of some rows.

        `trained` are the rows that the estimator was fitted on: they are the columns to take where
        the samples are precomputed distances or kernels.
        """
        if isinstance(self.X, ClusterSamples):
            y = None if self.y is None else _safe_indexing(self.y, rows)
            return self.X.rows(rows, keep=trained is not None), y
        X, y = _safe_split(estimator, self.X, self.y, rows, trained)
        return X, y

    def params(self, rows: IndexArray) -> dict[str, Any]:
        """Return the keyword arguments of `fit` for some rows."""
        return dict(_check_method_params(self.X, params=self.fit_params, indices=rows))


class Training(abc.ABC):
    """One estimator on its way to the largest resource.

    Parameters
    ----------
    estimator
        An estimator of its own, with its parameters set.
    data, rows
        The rows of `data` it is trained on, in the order in which it gets them.
    """

    def __init__(self, estimator: Any, data: Data, rows: IndexArray) -> None:
        self.estimator = estimator
        self.data = data
        self.rows = rows

    @abc.abstractmethod
    def train_to(self, resource: int) -> Any:
        """Train the estimator up to `resource` in all, and return it."""

    def trained_rows(self, resource: int) -> IndexArray:
        """Return the rows that the estimator has seen."""
        return self.rows

    def _fit(self, estimator: Any, rows: IndexArray) -> Any:
        return self._call(estimator, "fit", rows, self.data.params(rows))

    def _call(
        self, estimator: Any, method: str, rows: IndexArray, params: Mapping[str, Any]
    ) -> Any:
        X, y = self.data.part(estimator, rows)
        given = (X,) if y is None else (X, y)
        return getattr(estimator, method)(*given, **params)


class TrainingResource(abc.ABC):
    """What an evaluation is limited by."""

    name: str
    """``"n_samples"``, ``"partial_fit"`` or a parameter of the estimator."""

    continues: bool
    """Whether a promoted candidate goes on from where it stood."""

    @abc.abstractmethod
    def begin(self, estimator: Any, data: Data, rows: IndexArray) -> Training:
        """Return the training of `estimator` on some rows of `data`."""


@dataclass(frozen=True)
class Samples(TrainingResource):
    """The number of samples, of which each fold has its share.

    Attributes
    ----------
    n_samples
        How many there are.
    """

    n_samples: int
    name = "n_samples"
    continues = False

    def begin(self, estimator: Any, data: Data, rows: IndexArray) -> Training:
        return _SamplesTraining(estimator, data, rows, self.n_samples)


class _SamplesTraining(Training):
    """Trains anew on the first of its rows, the more the larger the resource."""

    def __init__(self, estimator: Any, data: Data, rows: IndexArray, n_samples: int) -> None:
        super().__init__(estimator, data, rows)
        self._n_samples = n_samples

    def train_to(self, resource: int) -> Any:
        return self._fit(clone(self.estimator), self.trained_rows(resource))

    def trained_rows(self, resource: int) -> IndexArray:
        share = min(1.0, resource / self._n_samples)
        # In their own order: some estimators depend on it.
        return np.sort(self.rows[: max(1, round(share * len(self.rows)))])


@dataclass(frozen=True)
class EstimatorParameter(TrainingResource):
    """A parameter of the estimator, or of one of its parts.

    Attributes
    ----------
    name
        Its name in `get_params`.
    continues
        Whether the part it belongs to has `warm_start`, and is not cloned by `fit` of the whole.
    is_per_call
        Whether it says how much is done in one `fit`, and not how much there is afterwards.
    """

    name: str
    continues: bool
    is_per_call: bool

    def begin(self, estimator: Any, data: Data, rows: IndexArray) -> Training:
        owner = self.name.rpartition("__")[0]
        flag = f"{owner}__warm_start" if owner else "warm_start"
        # Candidates may differ in this part, and not each of them need have warm_start.
        continues = self.continues and flag in estimator.get_params()
        if continues:
            estimator.set_params(**{flag: True})
        return _ParameterTraining(estimator, data, rows, replace(self, continues=continues))


class _ParameterTraining(Training):
    """Trains with a parameter set to the resource, going on where the estimator can do that."""

    def __init__(
        self, estimator: Any, data: Data, rows: IndexArray, parameter: EstimatorParameter
    ) -> None:
        super().__init__(estimator, data, rows)
        self._parameter = parameter
        self._trained = 0

    def train_to(self, resource: int) -> Any:
        if not self._parameter.continues:
            self.estimator = clone(self.estimator)
        elif self._trained >= resource:
            return self.estimator
        # With warm_start, `fit` does as much as such a parameter says on top of what was done.
        goes_on = self._parameter.continues and self._parameter.is_per_call
        more = resource - self._trained if goes_on else resource
        self.estimator.set_params(**{self._parameter.name: more})
        self._fit(self.estimator, self.rows)
        self._trained = resource
        return self.estimator


@dataclass(frozen=True)
class Calls(TrainingResource):
    """The number of calls of `partial_fit`.

    Attributes
    ----------
    chunk_size
        How many samples each call gets; None for all at once, which makes each call one pass.
    """

    chunk_size: int | None
    name = "partial_fit"
    continues = True

    def begin(self, estimator: Any, data: Data, rows: IndexArray) -> Training:
        return _CallsTraining(estimator, data, rows, self.chunk_size or len(rows))


class _CallsTraining(Training):
    """Trains by calls of `partial_fit`, with one chunk of its rows after the other."""

    def __init__(self, estimator: Any, data: Data, rows: IndexArray, chunk_size: int) -> None:
        super().__init__(estimator, data, rows)
        n_chunks = max(1, round(len(rows) / chunk_size))
        self._chunks = np.array_split(rows, n_chunks)
        if isinstance(data.X, ClusterSamples):
            self._chunks = data.X.grouped(rows)  # each call needs a single block
        self._n_calls = 0

    def train_to(self, resource: int) -> Any:
        while self._n_calls < resource:
            rows = self._chunks[self._n_calls % len(self._chunks)]
            self._call(self.estimator, "partial_fit", rows, self._params(rows))
            self._n_calls += 1
        return self.estimator

    def _params(self, rows: IndexArray) -> dict[str, Any]:
        params = self.data.params(rows)
        if is_classifier(self.estimator) and self._n_calls == 0 and self.data.y is not None:
            # The first call must name all classes, because its chunk need not have all of them.
            if "classes" not in params:
                params["classes"] = self._classes()
        elif self._n_calls > 0:
            params.pop("classes", None)
        return params

    def _classes(self) -> Any:
        """Return all classes, or a list of those of each output."""
        outputs = self.data.y
        if isinstance(self.estimator, MultiOutputClassifier):
            return [np.unique(column) for column in np.asarray(outputs).T]
        return unique_labels(outputs)


def last_step(estimator: Any) -> tuple[str, Any]:
    """Return the estimator at the end of a pipeline, and the prefix of its parameters.

    An estimator that is no pipeline is returned itself, with an empty prefix.
    """
    prefix = ""
    while isinstance(estimator, Pipeline):
        name, estimator = estimator.steps[-1]
        prefix += f"{name}__"
    return prefix, estimator


def is_per_call(owner: Any, name: str) -> bool:
    """Return whether a parameter says how much one `fit` does on top of what was done before."""
    grows = (HistGradientBoostingClassifier, HistGradientBoostingRegressor)  # they count trees
    return name in PER_CALL and not isinstance(owner, grows)

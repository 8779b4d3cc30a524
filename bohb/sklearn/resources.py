"""The resource of a search: what `resource`, `min_resource` and `max_resource` mean for it."""

from __future__ import annotations

import math
from collections.abc import Collection
from numbers import Integral
from typing import Any

import numpy as np
from sklearn.base import clone, is_classifier

from bohb import arguments
from bohb.errors import ArgumentError
from bohb.hyperband import lowest_of
from bohb.sklearn.training import (
    PER_CALL,
    Calls,
    EstimatorParameter,
    Samples,
    TrainingResource,
    is_per_call,
    last_step,
)

_CALLS = 81  # of partial_fit, if `max_resource` is "auto"
_SAMPLES_PER_CLASS = 2
_LEAST_SAMPLES = 50  # fewer say little about an estimator, and some need more to be fitted
_SIZES = ("n_estimators", "iterations", "max_iter")  # what an estimator may grow with
# The parameters with which warm_start goes on. With others, such as max_depth, it trains no more.
_CONTINUED = PER_CALL | {*_SIZES}
# The beginnings of the names of integers that do not say how much is trained.
_NO_RESOURCES = ("min_", "random_", "verbose", "n_jobs", "thread_count", "num_threads", "nthread")


def choose_resource(
    given: str,
    estimator: Any,
    tuned: Collection[str] | None,
    *,
    n_samples: int,
    chunk_size: int | None,
    max_resource: Any = "auto",
) -> TrainingResource:
    """Return the resource for what was given, or the best one of `estimator` for ``"auto"``.

    `tuned` are the parameters that candidates differ in, None if they are not known. With a
    `max_resource` the estimator need not have a number of its own for ``n_estimators``.

    Raises
    ------
    ArgumentError
        If the estimator does not have that resource, or it is one of `tuned`.
    """
    tuned = frozenset(tuned or ())
    arguments.optional_count("chunk_size", chunk_size)
    if given == "auto":
        return _best(estimator, tuned, n_samples, chunk_size, is_limited=not _is_auto(max_resource))
    if given == "n_samples":
        return Samples(n_samples)
    if given == "partial_fit":
        if not hasattr(estimator, "partial_fit"):
            raise ArgumentError(
                f"resource='partial_fit' needs an estimator that has it, got {estimator!r}"
            )
        return Calls(chunk_size)
    return _parameter(given, estimator, tuned)


def _best(
    estimator: Any,
    tuned: frozenset[str],
    n_samples: int,
    chunk_size: int | None,
    *,
    is_limited: bool,
) -> TrainingResource:
    """Return the best resource: passes over the data, else the estimator's size, else samples."""
    prefix, last = last_step(estimator)
    if prefix[:-2] in tuned or not hasattr(last, "get_params"):
        return Samples(n_samples)  # candidates differ in what is trained
    params = last.get_params(deep=False)
    # These decide whether an estimator can be trained in passes.
    undecided = (
        {"solver", "early_stopping", "class_weight"} & tuned
        or params.get("early_stopping")
        or params.get("class_weight") == "balanced"
    )
    if hasattr(estimator, "partial_fit") and PER_CALL & params.keys() and not undecided:
        return Calls(chunk_size)
    for name in _SIZES:
        is_tuned = f"{prefix}{name}" in tuned
        # An estimator of XGBoost has n_estimators, but it is None unless it is set.
        is_size = _is_count(params.get(name)) or (
            is_limited and name == "n_estimators" and name in params
        )
        if is_size and not is_tuned and not is_per_call(last, name):
            return _parameter(f"{prefix}{name}", estimator, tuned)
    return Samples(n_samples)


def _parameter(name: str, estimator: Any, tuned: Collection[str]) -> EstimatorParameter:
    params = estimator.get_params(deep=True)
    if not _can_be_set(estimator, name):
        raise ArgumentError(
            "resource must be 'auto', 'n_samples', 'partial_fit' or a parameter of the estimator "
            f"that counts something ({', '.join(counts_of(estimator)) or 'it has none'}), got "
            f"{name!r}"
        )
    if name in tuned:
        raise ArgumentError(
            f"resource must not be one of the parameters that are tuned, got {name!r}: leave it "
            "out of the distributions, or use another resource"
        )
    prefix, last = last_step(estimator)
    short = name.rpartition("__")[2]
    # Other parts are cloned when their owner is fitted, and begin anew each time.
    is_kept = name == f"{prefix}{short}"
    owner = last if is_kept else params.get(name.rpartition("__")[0])
    continues = is_kept and short in _CONTINUED and f"{prefix}warm_start" in params
    return EstimatorParameter(name, continues, is_per_call(owner, short))


def counts_of(estimator: Any) -> list[str]:
    """Return the parameters of an estimator that count something, as far as it lists them."""
    return sorted(
        name
        for name, value in estimator.get_params(deep=True).items()
        if _is_count(value) and not name.rpartition("__")[2].startswith(_NO_RESOURCES)
    )


def _can_be_set(estimator: Any, name: str) -> bool:
    """Return whether an estimator has a parameter: CatBoost's list only those that were set."""
    if name in estimator.get_params(deep=True):
        return True
    try:
        clone(estimator).set_params(**{name: 1})
    except Exception:  # whatever an estimator raises where it has no such parameter
        return False
    return True


def bounds(
    resource: TrainingResource,
    estimator: Any,
    y: Any,
    *,
    min_resource: Any,
    max_resource: Any,
    reduction_factor: float,
    train_share: float = 1.0,
) -> tuple[int, int]:
    """Return the least and the largest resource of a candidate, for what was given.

    `train_share` is the share of the samples that the smallest fold is trained on.

    Raises
    ------
    ArgumentError
        If a bound is not a positive integer, they contradict each other, there are not so many
        samples, or the largest must be given.
    """
    highest = _highest(resource, estimator, max_resource)
    if not _is_auto(min_resource):
        return arguments.count("min_resource", min_resource), highest
    lowest = int(lowest_of(highest, reduction_factor))
    if isinstance(resource, Samples):
        least = _LEAST_SAMPLES
        if y is not None and is_classifier(estimator):
            least = max(least, _SAMPLES_PER_CLASS * len(np.unique(np.asarray(y))))
        lowest = max(lowest, math.ceil(least / train_share))
    # There is a second rung if there can be one at all: with a single one nothing is compared.
    return max(1, min(lowest, math.floor(highest / reduction_factor))), highest


def _highest(resource: TrainingResource, estimator: Any, given: Any) -> int:
    if isinstance(resource, Samples):
        if _is_auto(given):
            return resource.n_samples
        if arguments.count("max_resource", given) > resource.n_samples:
            raise ArgumentError(
                f"max_resource must be at most the number of samples, {resource.n_samples}, got "
                f"{given!r}"
            )
    if not _is_auto(given):
        return arguments.count("max_resource", given)
    if isinstance(resource, Calls):
        return _CALLS
    value = estimator.get_params(deep=True).get(resource.name)
    if not _is_count(value):
        raise ArgumentError(
            f"max_resource must be given for resource={resource.name!r}, whose value in the "
            f"estimator is {value!r}: 'auto' takes that if it is a positive integer"
        )
    return int(value)


def _is_auto(value: Any) -> bool:
    return isinstance(value, str) and value == "auto"


def _is_count(value: Any) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool) and int(value) >= 1

"""The identity of a search, which tells whether it may go on with a stored study."""

from __future__ import annotations

import pickle
from typing import Any

import joblib
import numpy as np

from bohb.dimensions import described
from bohb.errors import SettingsError
from bohb.sklearn.cluster_samples import ClusterSamples
from bohb.sklearn.problem import Problem
from bohb.study import Fingerprint, Study


def identity_of(problem: Problem) -> dict[str, str]:
    """Return what must not change between two fits that share a study, each as a hash."""
    estimator, data, scoring = problem.estimator, problem.data, problem.scoring
    parts = {
        "estimator": (type(estimator).__qualname__, estimator.get_params(deep=True)),
        "data": [_content(part) for part in (data.X, data.y, problem.groups)]
        + [(name, _content(value)) for name, value in data.fit_params.items()],
        "param_distributions": problem.candidates.description,
        "cv": problem.splits,
        "resource": described(problem.resource),
        "scoring": (described(scoring.scorer), scoring.metric, described(scoring.error_score)),
        "return_train_score": scoring.with_train,
        "patience": described(problem.plateau),
    }
    return {name: _hash(part) for name, part in parts.items()}


def _content(data: Any) -> Any:
    """Return what `data` holds, apart from its layout in memory and what it has cached."""
    if isinstance(data, ClusterSamples):
        return data.token
    if hasattr(data, "iloc"):  # pandas, whose objects carry more than their values
        import pandas as pd

        hashes = pd.util.hash_pandas_object(data, index=False).to_numpy()
        return str(data.dtypes), list(getattr(data, "columns", ())), hashes
    return np.ascontiguousarray(data) if isinstance(data, np.ndarray) else data


def _hash(part: Any) -> str:
    try:
        return str(joblib.hash(part))
    except (pickle.PicklingError, TypeError, AttributeError):  # a lambda, or an open file
        return str(joblib.hash(described(part)))


def seed_of(study: Study, identity: dict[str, str], seed: int, *, is_given: bool) -> int:
    """Return the seed of a search: the one its study was begun with, if it was begun before.

    Raises
    ------
    SettingsError
        If the study was begun by another search.
    """
    fingerprint = Fingerprint(study, "bohb:search", "a search")
    kept_seed, changed = fingerprint.take_up(
        identity, seed_key="random_state", seed=seed, is_given=is_given
    )
    if changed:
        hint = ""
        if "cv" in changed and "data" not in changed:
            hint = " A splitter that shuffles needs a random_state to be the same again."
        raise SettingsError(
            f"study {study.study_name!r} was begun with different {', '.join(changed)}: fit "
            f"with what it was begun with, or give another study_name or storage.{hint}"
        )
    return kept_seed

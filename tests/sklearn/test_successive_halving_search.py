"""The search of one bracket with Dask-ML's parameters."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from sklearn.cluster import MiniBatchKMeans
from sklearn.datasets import make_classification
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import SGDClassifier
from sklearn.tree import DecisionTreeClassifier

from bohb.errors import ArgumentError
from bohb.sklearn import HyperbandSearchCV, SuccessiveHalvingSearchCV

SGD = {"alpha": stats.loguniform(1e-6, 1)}
X, Y = make_classification(300, random_state=0)


def search_of(**arguments):
    given = {"n_initial_iter": 2, "random_state": 0, **arguments}
    return SuccessiveHalvingSearchCV(SGDClassifier(random_state=0), SGD, **given)


@pytest.mark.parametrize(
    ("arguments", "decisions", "sizes"),
    [
        ({"n_initial_parameters": 9}, [2, 6, 18], [9, 3, 1]),
        ({}, [2, 6, 18], [10, 3, 1]),
        ({"n_initial_parameters": 8, "aggressiveness": 2}, [2, 4, 8, 16], [8, 4, 2, 1]),
        ({"n_initial_parameters": 2}, [2], [2]),
        ({"n_initial_parameters": 27, "max_iter": 18}, [2, 6, 18], [27, 9, 3]),
        ({"n_initial_parameters": 27, "max_iter": 20}, [2, 7, 20], [27, 9, 3]),
    ],
)
def test_rungs_go_up_until_one_is_left_or_max_iter_is_reached(arguments, decisions, sizes):
    search = search_of(**arguments).fit(X, Y)
    (bracket,) = search.metadata_["brackets"]
    assert bracket["decisions"] == decisions
    assert search.n_candidates_ == sizes
    assert search.metadata_ == search.metadata
    calls = sum(
        size * (calls - before)
        for size, calls, before in zip(sizes, decisions, [0, *decisions], strict=False)
    )
    assert search.metadata_["partial_fit_calls"] == calls


def test_a_bracket_of_hyperband_is_made_from_its_params():
    whole = HyperbandSearchCV(SGDClassifier(random_state=0), SGD, max_iter=27, random_state=0)
    for bracket in whole.metadata["brackets"]:
        params = bracket["SuccessiveHalvingSearchCV params"]
        alone = SuccessiveHalvingSearchCV(SGDClassifier(random_state=0), SGD, **params)
        (same,) = alone.metadata["brackets"]
        for key in ("n_models", "partial_fit_calls", "decisions"):
            assert same[key] == bracket[key]


def test_the_best_estimator_is_trained_further():
    search = search_of()
    assert not hasattr(search, "partial_fit")
    search.fit(X, Y)
    before = search.best_estimator_.t_
    assert search.partial_fit(X[:50], Y[:50]) is search
    assert search.best_estimator_.t_ == before + 50
    trees = SuccessiveHalvingSearchCV(
        DecisionTreeClassifier(random_state=0),
        {"max_depth": [1, 2, 3]},
        n_initial_parameters=3,
        n_initial_iter=40,
        max_iter=120,
        resource="n_samples",
        random_state=0,
    ).fit(X, Y)
    assert not hasattr(trees, "partial_fit")


def test_the_best_estimator_transforms():
    search = SuccessiveHalvingSearchCV(
        MiniBatchKMeans(random_state=0, n_init=1),
        {"n_clusters": [2, 3, 4, 5]},
        n_initial_parameters=4,
        n_initial_iter=1,
        random_state=0,
    )
    with pytest.raises(NotFittedError):
        search.transform(X)
    found = search.fit(X).transform(X[:7])
    assert found.shape == (7, search.best_params_["n_clusters"])
    assert np.array_equal(found, search.best_estimator_.transform(X[:7]))


def test_the_inverse_transform_is_that_of_the_best_estimator():
    from sklearn.decomposition import IncrementalPCA

    search = SuccessiveHalvingSearchCV(
        IncrementalPCA(),
        {"n_components": [2, 5]},
        n_initial_parameters=2,
        n_initial_iter=1,
        scoring=lambda estimator, x, y=None: (
            -np.mean((estimator.inverse_transform(estimator.transform(x)) - x) ** 2)
        ),
        random_state=0,
    ).fit(X)
    assert search.best_params_ == {"n_components": 5}
    again = search.inverse_transform(search.transform(X))
    assert np.array_equal(
        again, search.best_estimator_.inverse_transform(search.best_estimator_.transform(X))
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n_initial_iter": None}, "n_initial_iter must be given"),
        ({"n_initial_iter": 0}, "n_initial_iter must be at least 1, got 0"),
        ({"n_initial_parameters": 0}, "n_initial_parameters must be at least 1, got 0"),
        ({"max_iter": 1}, "max_iter must be at least 2, got 1"),
        ({"aggressiveness": 1}, "aggressiveness must be greater than 1, got 1"),
    ],
)
def test_wrong_arguments_are_refused(arguments, message):
    with pytest.raises(ArgumentError, match=message):
        search_of(**arguments).fit(X, Y)

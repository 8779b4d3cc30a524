"""The search with Dask-ML's parameters."""

from __future__ import annotations

import dask.array
import joblib
import numpy as np
import pytest
import searches
from counting import UNITS, Partial, data
from distributed import Client
from scipy import stats
from sklearn.datasets import make_classification
from sklearn.linear_model import SGDClassifier
from sklearn.model_selection import cross_val_score, train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.tree import DecisionTreeClassifier

from bohb.errors import ArgumentError
from bohb.sklearn import HyperbandSearchCV

SGD = {"alpha": stats.loguniform(1e-6, 1)}


@pytest.fixture(scope="module")
def client():
    with Client(
        n_workers=2,
        threads_per_worker=1,
        processes=True,
        dashboard_address="127.0.0.1:0",
        memory_limit=0,
    ) as client:
        yield client


def circles(n_samples):
    """Return the rings of the text that the programme is from."""
    return searches.circles(n_samples, np.random.default_rng(0))


def test_the_programme_of_the_dask_blog():
    search = HyperbandSearchCV(MLPClassifier(), searches.SPACE, max_iter=299, aggressiveness=4)
    # The text has 378 and 5721: there brackets end at 256 to 299, here all at 299.
    assert search.metadata["n_models"] == 378
    assert search.metadata["partial_fit_calls"] == 6134
    assert [b["n_models"] for b in search.metadata["brackets"]] == [256, 80, 27, 10, 5]
    X, y = circles(900)
    X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
    small = HyperbandSearchCV(
        MLPClassifier(random_state=0), searches.SPACE, max_iter=16, aggressiveness=4, random_state=0
    )
    small.fit(X_train, y_train)
    assert small.metadata_ == small.metadata
    assert set(small.best_params_) == set(searches.SPACE)
    assert small.score(X_test, y_test) > 0.3
    assert small.best_params_["hidden_layer_sizes"] in searches.SPACE["hidden_layer_sizes"]


def test_results_and_history_have_the_keys_of_dask_ml():
    X, y = circles(200)
    search = HyperbandSearchCV(SGDClassifier(random_state=0), SGD, max_iter=9).fit(X, y)
    assert {
        *("bracket", "mean_partial_fit_time", "mean_score_time", "std_partial_fit_time"),
        *("std_score_time", "model_id", "param_alpha", "params", "partial_fit_calls"),
        *("rank_test_score", "test_score"),
    } <= set(search.cv_results_)
    assert {
        *("model_id", "params", "partial_fit_calls", "partial_fit_time", "score", "score_time"),
        *("elapsed_wall_time", "bracket"),
    } <= set(search.history_[0])
    best = search.cv_results_["model_id"][search.best_index_]
    assert search.model_history_[best][-1]["partial_fit_calls"] == 9
    assert sorted(search.model_history_)[0] == "bracket=0-0"
    assert len(search.model_history_) == search.metadata_["n_models"] == 17
    assert search.multimetric_ is False


def test_patience_may_be_true():
    UNITS.clear()
    X, y = data()
    quality = {"quality": stats.uniform(0, 1)}
    search = HyperbandSearchCV(Partial(), quality, max_iter=81, patience=True, tol=0.01)
    assert search._settings().patience == 27
    search.fit(X, y)
    assert search.metadata_["partial_fit_calls"] < search.metadata["partial_fit_calls"]


def test_all_candidates_are_scored_on_one_part_of_the_data():
    X, y = circles(200)
    for size, n_test in ((None, 40), (0.5, 100), (30, 30)):
        seen = set()

        class Recording(SGDClassifier):
            def score(self, X, y, seen=seen):
                seen.add((len(X), X.sum()))
                return super().score(X, y)

        HyperbandSearchCV(
            Recording(random_state=0), SGD, max_iter=3, test_size=size, random_state=0
        ).fit(X, y)
        assert {n for n, _ in seen} == {n_test}
        assert len(seen) == 1


def test_folds_may_be_asked_for():
    X, y = circles(200)
    search = HyperbandSearchCV(SGDClassifier(random_state=0), SGD, max_iter=3, cv=4).fit(X, y)
    assert search.n_splits_ == 4


def test_the_prefix_is_printed(capsys):
    X, y = circles(200)
    HyperbandSearchCV(
        SGDClassifier(random_state=0), SGD, max_iter=3, verbose=True, prefix=" mine"
    ).fit(X, y)
    assert "[CV mine] resource: partial_fit" in capsys.readouterr().out


def test_an_estimator_without_partial_fit_is_told_what_to_do():
    tree = DecisionTreeClassifier()
    with pytest.raises(ArgumentError, match="resource='partial_fit' needs an estimator that has"):
        HyperbandSearchCV(tree, {"max_depth": stats.randint(1, 9)}).fit(*circles(100))


def test_dask_arrays_are_taken_with_their_chunks():
    X, y = make_classification(300, random_state=0)
    seen = set()

    class Recording(SGDClassifier):
        def partial_fit(self, X, y, classes=None, sample_weight=None):
            seen.add(len(X))
            return super().partial_fit(X, y, classes, sample_weight)

    search = HyperbandSearchCV(Recording(random_state=0), SGD, max_iter=9, refit=False)
    search.fit(dask.array.from_array(X, chunks=(60, 20)), dask.array.from_array(y, chunks=60))
    assert seen == {60}
    assert search.best_score_ > 0.6


def test_dask_arrays_may_have_chunks_of_unknown_sizes():
    X, y = make_classification(300, random_state=0)
    X = dask.array.from_array(X, chunks=(60, 20))
    search = HyperbandSearchCV(SGDClassifier(random_state=0), SGD, max_iter=3)
    search.fit(X[X[:, 0] > -10], y)
    assert search.best_score_ > 0.5


@pytest.mark.slow
def test_a_search_within_a_task_of_dask_does_not_wait_for_itself(client):
    X, y = circles(200)
    search = HyperbandSearchCV(SGDClassifier(random_state=0), SGD, max_iter=3)
    with joblib.parallel_config("dask"):
        assert len(cross_val_score(search, X, y, cv=2)) == 2


def test_a_class_with_one_sample_is_no_reason_to_fail():
    X, y = circles(200)
    y[0] = 9
    assert HyperbandSearchCV(SGDClassifier(random_state=0), SGD, max_iter=3).fit(X, y).best_score_


@pytest.mark.slow
def test_a_client_of_dask_runs_the_search_and_gets_the_data_once(client):
    X, y = circles(2000)

    def fitted(executor):
        search = HyperbandSearchCV(
            SGDClassifier(random_state=0), SGD, max_iter=9, random_state=0, executor=executor
        )
        return search.fit(X, y)

    one, many = fitted(None), fitted(client)
    assert many.best_params_ == one.best_params_
    same = ("params", "trial", "resource", "mean_test_score")
    assert all(np.array_equal(many.cv_results_[k], one.cv_results_[k]) for k in same)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"max_iter": 0}, "max_iter must be at least 1, got 0"),
        ({"aggressiveness": 1}, "aggressiveness must be greater than 1, got 1"),
        ({"test_size": 0.2, "cv": 3}, "test_size .* cannot be given together with cv, got 0.2"),
    ],
)
def test_what_is_wrong_is_called_by_its_name_here(arguments, message):
    search = HyperbandSearchCV(SGDClassifier(), {"alpha": [1e-4, 1e-3]}, **arguments)
    with pytest.raises(ArgumentError, match=message):
        search.fit(*circles(60))

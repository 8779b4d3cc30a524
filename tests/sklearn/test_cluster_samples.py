"""Searches over Dask collections whose blocks stay on the cluster."""

from __future__ import annotations

import os
import signal
import threading

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import SGDClassifier

import bohb
from bohb.executors import DaskExecutor
from bohb.sklearn import BOHBSearchCV, HyperbandSearchCV
from bohb.sklearn.cluster_samples import ClusterSamples

dask = pytest.importorskip("dask")
distributed = pytest.importorskip("distributed")
da = pytest.importorskip("dask.array")
dd = pytest.importorskip("dask.dataframe")

LIMIT = 700 * 2**20  # the bytes that a worker may have


class Recording(ClassifierMixin, BaseEstimator):
    """A linear model that notes how many samples it ever got at once, and what they began with."""

    def __init__(self, alpha=1e-4):
        self.alpha = alpha

    def fit(self, X, y):
        raise AssertionError("the search trains by partial_fit")

    def partial_fit(self, X, y, classes=None):
        if not hasattr(self, "model_"):
            self.model_ = SGDClassifier(alpha=self.alpha, random_state=0)
            self.sizes_, self.first_ = [], []
        self.model_.partial_fit(X, y, classes=classes)
        self.classes_ = self.model_.classes_
        self.sizes_.append(len(X))
        self.first_.append(np.asarray(X)[:, 0])
        return self

    def predict(self, X):
        return self.model_.predict(X)


@pytest.fixture(scope="module")
def client():
    # Each worker may have less than what the largest data set takes. None is to pause: libraries
    # alone may take so much of the memory that it would never go on.
    with (
        dask.config.set({"distributed.worker.memory.pause": False}),
        distributed.LocalCluster(
            n_workers=4,
            threads_per_worker=1,
            memory_limit=f"{LIMIT}B",
            dashboard_address="127.0.0.1:0",
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        client.upload_file(__file__)
        yield client


def problem(n_samples, n_features, n_chunks):
    """Return samples that are made on the workers, and targets that follow from them."""
    chunks = (n_samples // n_chunks, n_features)
    X = da.random.default_rng(0).normal(size=(n_samples, n_features), chunks=chunks)
    return X, (X[:, 0] + X[:, 1] > 0).astype(int)


def search(estimator, client, **arguments):
    return HyperbandSearchCV(
        estimator,
        {"alpha": np.logspace(-6, 0, 20)},
        **{"max_iter": 9, "random_state": 0, "test_size": 0.1, "executor": client, **arguments},
    )


@pytest.mark.slow
def test_data_larger_than_the_memory_of_a_worker_is_searched(client):
    X, y = problem(240_000, 400, 60)
    assert X.nbytes > LIMIT
    before = {worker["pid"] for worker in client.run(_process).values()}
    found = search(SGDClassifier(random_state=0), client).fit(X, y)
    assert found.best_score_ > 0.95
    assert {worker["pid"] for worker in client.run(_process).values()} == before  # nobody died


def _process():
    import os

    return {"pid": os.getpid()}


def test_each_call_gets_the_rows_of_a_single_block(client):
    X, y = problem(1000, 4, 5)
    found = search(Recording(), client).fit(X, y)
    best = found.best_estimator_
    assert found.best_score_ > 0.8
    assert set(best.sizes_) == {200}
    blocks = [block[:, 0] for block in np.array_split(X.compute(), 5)]
    for first in best.first_:
        assert any(np.isin(first, block).all() for block in blocks)


@pytest.mark.parametrize("kind", ["array", "frame", "executor"])
def test_the_search_is_that_of_the_data_in_memory(client, kind):
    X, y = problem(600, 4, 3)
    executor = DaskExecutor(client) if kind == "executor" else client
    if kind == "frame":
        X = dd.from_dask_array(X, columns=list("abcd"))
    assert isinstance(ClusterSamples.of(X, client).rows(np.array([5, 1, 599])), object)
    found = search(SGDClassifier(random_state=0), executor).fit(X, y)
    rows = np.array([5, 1, 599, 200])
    values = ClusterSamples.of(X, client).rows(rows)
    assert np.allclose(np.asarray(values), np.asarray(X.compute())[rows])
    assert found.best_score_ > 0.8
    assert found.n_features_in_ == 4
    assert found.predict(X.compute()).shape == (600,)


def test_other_resources_bring_the_data_into_memory(client):
    X, y = problem(300, 4, 3)
    found = BOHBSearchCV(
        SGDClassifier(random_state=0),
        {"alpha": np.logspace(-6, -1, 20)},
        resource="n_samples",
        executor=client,
        random_state=0,
    ).fit(X, y)
    assert found.resource_ == "n_samples"
    assert found.best_score_ > 0.7


def test_a_search_over_the_cluster_is_resumed_with_the_same_data_only(client, tmp_path):
    X, y = problem(300, 4, 3)
    storage = {"storage": tmp_path / "s.journal", "study_name": "s"}
    first = search(SGDClassifier(random_state=0), client, **storage).fit(X, y)
    again = search(SGDClassifier(random_state=0), client, **storage).fit(X, y)
    assert again.cv_results_["test_score"].tolist() == first.cv_results_["test_score"].tolist()
    with pytest.raises(bohb.BohbError, match="data"):
        search(SGDClassifier(random_state=0), client, **storage).fit(X + 1, y)


def test_rows_come_in_the_order_that_was_asked_for(client):
    X = da.from_array(np.arange(40).reshape(20, 2), chunks=(7, 1))
    samples = ClusterSamples.of(X, client)
    rows = np.array([19, 0, 7, 3, 8])
    assert samples.rows(rows).tolist() == X.compute()[rows].tolist()
    assert [group.tolist() for group in samples.grouped(rows)] == [[0, 3], [7, 8], [19]]
    assert samples.rows(rows, keep=True) is samples.rows(rows, keep=True)


@pytest.mark.slow
def test_a_worker_that_dies_costs_no_more_than_time():
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address="127.0.0.1:0"
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        X, y = problem(40_000, 20, 20)
        pid = next(iter(client.run(os.getpid).values()))
        killer = threading.Timer(0.6, lambda: os.kill(pid, signal.SIGKILL))
        killer.start()
        found = search(SGDClassifier(random_state=0), client, max_iter=9).fit(X, y)
        killer.join()
    assert found.best_score_ > 0.9

"""Who does the work of a search, and what it brings along."""

from __future__ import annotations

import os
import pickle

import joblib
import numpy as np
import pandas as pd
import pytest
from counting import Cold, Dying
from scipy import stats
from sklearn import config_context
from sklearn.base import clone
from sklearn.datasets import load_iris, make_classification
from sklearn.linear_model import SGDClassifier
from sklearn.metrics import accuracy_score, make_scorer
from sklearn.model_selection import KFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

import bohb
from bohb.executors import ProcessExecutor, SerialExecutor, ThreadExecutor
from bohb.sklearn import BOHBSearchCV
from bohb.sklearn.running import executor_of

pytestmark = pytest.mark.slow  # real workers begin and die here

X, Y = load_iris(return_X_y=True)


def search_of(estimator, distributions, **arguments):
    return BOHBSearchCV(estimator, distributions, cv=3, random_state=0, **arguments)


def sgd_search(**arguments):
    distributions = {"alpha": stats.loguniform(1e-6, 1), "penalty": ["l2", "l1"]}
    return search_of(SGDClassifier(random_state=0), distributions, max_resource=9, **arguments)


@pytest.fixture(scope="module")
def processes():
    """Give two that have imported scikit-learn once for all tests: it takes them seconds."""
    with ProcessExecutor(2) as executor:
        yield executor


@pytest.mark.parametrize(
    ("configuration", "n_jobs", "kind", "n_workers"),
    [
        ({}, None, SerialExecutor, 1),
        ({}, 1, SerialExecutor, 1),
        ({}, 3, ProcessExecutor, 3),
        ({"n_jobs": 2}, None, ProcessExecutor, 2),
        ({"n_jobs": 2}, 1, SerialExecutor, 1),
        ({"backend": "threading"}, 3, ThreadExecutor, 3),
        ({"backend": "threading", "n_jobs": 2}, None, ThreadExecutor, 2),
    ],
)
def test_joblib_may_say_how_many_and_which_workers(configuration, n_jobs, kind, n_workers):
    with joblib.parallel_config(**configuration):
        executor = executor_of(None, n_jobs)
    assert type(executor) is kind
    assert executor.n_workers == n_workers


def test_a_search_asks_joblib_when_it_is_fitted():
    with joblib.parallel_config("threading", n_jobs=2):
        assert sgd_search().fit(X, Y).best_score_ > 0.8
    with joblib.parallel_config(n_jobs=2):
        assert sgd_search().fit(X, Y).best_score_ > 0.8


def test_all_processors_are_as_many_as_joblib_counts():
    assert executor_of(None, -1).n_workers == joblib.cpu_count()


def test_executor_and_n_jobs_contradict_each_other():
    with pytest.raises(bohb.BohbError, match="n_jobs and executor cannot both be given"):
        sgd_search(n_jobs=2, executor=ThreadExecutor(2)).fit(X, Y)


def test_a_search_with_an_executor_can_be_cloned_validated_and_pickled(processes):
    search = sgd_search(executor=processes)
    assert clone(search).executor is processes
    assert np.mean(cross_val_score(search, X, Y, cv=2)) > 0.6
    assert pickle.loads(pickle.dumps(search.fit(X, Y))).predict(X).shape == (150,)


@pytest.mark.parametrize("workers", ["none", "threads", "processes"])
def test_the_configuration_of_scikit_learn_reaches_the_workers(workers, processes):
    class NeedsFrames(DecisionTreeClassifier):
        def fit(self, X, y, sample_weight=None, check_input=True):
            X.columns  # noqa: B018 - fails for an array
            return super().fit(X, y, sample_weight, check_input)

    pipeline = make_pipeline(StandardScaler(), NeedsFrames(random_state=0))
    with config_context(transform_output="pandas"):
        search = search_of(pipeline, {"needsframes__max_features": stats.uniform(0.1, 0.9)})
        executor = {"none": None, "threads": ThreadExecutor(2), "processes": processes}[workers]
        assert search.set_params(executor=executor).fit(X, Y).best_score_ > 0.8


def test_a_generator_of_folds_and_a_lambda_as_scorer_travel_to_processes(processes):
    search = search_of(Cold(), {"quality": stats.uniform(0, 1)}, max_resource=3)
    search.set_params(executor=processes)
    search.set_params(scoring=make_scorer(lambda y, p: accuracy_score(y, p)))
    search.set_params(cv=(split for split in KFold(3).split(X)))
    search.fit(*make_classification(150, random_state=0))
    assert search.n_splits_ == 3


def test_a_candidate_whose_worker_died_has_no_score_there(processes):
    search = search_of(Dying(), {"quality": [0.1, 0.2, 0.3, 0.9]}, refit=False)
    search.set_params(resource="n_estimators", executor=processes)
    with pytest.warns(UserWarning, match="only 4 candidates|non-finite"):
        search.fit(X, Y)
    results = pd.DataFrame(search.cv_results_)
    assert results.resource[search.best_index_] < 9  # it was the only one at 9
    lost = results[(results.param_quality == 0.9) & (results.resource == 9)]
    assert lost.mean_test_score.isna().all()


def test_a_backend_of_joblib_for_a_cluster_does_the_work():
    """Ray's backend stands for all that joblib knows beside its own."""
    ray = pytest.importorskip("ray")
    from ray.util.joblib import register_ray

    was_there = ray.is_initialized()

    class Located(SGDClassifier):  # within the test, so that it is sent to the workers as a whole
        def score(self, X, y, sample_weight=None):
            return float(os.getpid())

    if not was_there:
        ray.init(num_cpus=2, include_dashboard=False, logging_level="error")
    try:
        register_ray()
        search = BOHBSearchCV(
            Located(), {"alpha": stats.loguniform(1e-6, 1e-1)}, max_resource=3, cv=2, random_state=0
        )
        X, y = make_classification(200, random_state=0)
        with joblib.parallel_config("ray", n_jobs=2), pytest.warns(UserWarning, match="Joblib"):
            search.fit(X, y)
        places = {
            score for fold in (0, 1) for score in search.cv_results_[f"split{fold}_test_score"]
        }
        assert places
        assert os.getpid() not in places
        assert search.best_score_ > 0
    finally:
        if not was_there:
            ray.shutdown()

"""The search as a user of scikit-learn meets it."""

from __future__ import annotations

import gc
import pickle
import re
import warnings
import weakref

import numpy as np
import optuna
import pandas as pd
import pytest
from ConfigSpace import ConfigurationSpace
from counting import UNITS, Partial, Warm, data
from scipy import sparse, stats
from sklearn import config_context
from sklearn.base import clone
from sklearn.cluster import MiniBatchKMeans
from sklearn.datasets import load_iris, make_regression
from sklearn.decomposition import PCA
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import (
    ConvergenceWarning,
    FitFailedWarning,
    UnsetMetadataPassedError,
)
from sklearn.linear_model import LogisticRegression, Ridge, SGDClassifier
from sklearn.metrics import accuracy_score, make_scorer
from sklearn.model_selection import GroupKFold, KFold, cross_val_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

import bohb
from bohb.errors import ArgumentError
from bohb.executors import ThreadExecutor
from bohb.sklearn import BOHBSearchCV

X, Y = load_iris(return_X_y=True)
TREE = {"max_depth": stats.randint(1, 8), "min_samples_leaf": stats.randint(1, 30)}
SGD = {"alpha": stats.loguniform(1e-6, 1), "penalty": ["l2", "l1"]}


def search_of(estimator=None, distributions=None, **arguments):
    if estimator is None:
        estimator = DecisionTreeClassifier(random_state=0)
    settings = {"cv": 3, "random_state": 0, "reduction_factor": 3, **arguments}
    return BOHBSearchCV(estimator, distributions or TREE, **settings)


def sgd_search(**arguments):
    return search_of(SGDClassifier(random_state=0), SGD, **{"max_resource": 9, **arguments})


def without_times(results):
    frame = pd.DataFrame(results)
    return frame.drop(columns=[name for name in frame if "time" in name])


# What comes of a fit


def test_the_best_is_the_best_at_the_largest_resource():
    # The more samples a tree was trained on, the worse it is said to be.
    search = search_of(scoring=lambda tree, X, y: tree.score(X, y) - tree.tree_.n_node_samples[0])
    search.fit(X, Y)
    results = pd.DataFrame(search.cv_results_)
    top = results[results.resource == search.max_resource_]
    assert search.max_resource_ == 150
    assert search.best_score_ == top.mean_test_score.max()
    assert search.best_index_ == top.mean_test_score.idxmax()
    assert search.best_params_ == results.params[search.best_index_]
    assert search.cv_results_["rank_test_score"][search.best_index_] == 1
    assert (results.mean_test_score > search.best_score_).any()  # at less, and not chosen


def test_cv_results_has_the_keys_of_scikit_learn_and_ours():
    search = search_of(return_train_score=True).fit(X, Y)
    scores = [f"split{i}_{kind}_score" for i in range(3) for kind in ("test", "train")]
    summaries = [
        f"{stat}_{what}"
        for stat in ("mean", "std")
        for what in ("test_score", "train_score", "fit_time", "score_time")
    ]
    assert set(search.cv_results_) == {
        *scores,
        *summaries,
        *("params", "param_max_depth", "param_min_samples_leaf", "rank_test_score"),
        *("resource", "bracket", "rung", "trial"),
    }
    assert len({len(column) for column in search.cv_results_.values()}) == 1
    order = list(zip(*(search.cv_results_[k] for k in ("bracket", "rung", "trial")), strict=True))
    assert order == sorted(order)


def test_rungs_are_filled_as_planned_and_summed_up():
    search = search_of().fit(X, Y)
    plan = search.study_.plan()
    assert search.n_resources_ == list(search.study_.pruner.levels)
    table = pd.DataFrame(search.cv_results_).groupby(["bracket", "rung"]).size()
    assert [tuple(table[i]) for i in range(len(plan.brackets))] == [b.sizes for b in plan.brackets]
    assert sum(search.n_candidates_) == plan.n_evaluations
    assert search.metadata_["n_models"] == plan.n_trials
    assert search.metadata_["resource"] == plan.resource_restarted
    decisions = [bracket["decisions"] for bracket in search.metadata_["brackets"]]
    assert decisions == [list(bracket.resources) for bracket in plan.brackets]


def test_the_metadata_are_known_before_the_fit():
    search = sgd_search(n_rounds=2)
    before = search.metadata
    assert (before["n_models"], before["partial_fit_calls"]) == (30, 2 * 63)
    assert search.fit(X, Y).metadata_ == before


def test_metadata_that_depend_on_the_data_say_so():
    with pytest.raises(bohb.BohbError, match="must be given for metadata before fit"):
        _ = search_of().metadata
    search = search_of(min_resource=10, max_resource=90)
    assert search.metadata == search.fit(X, Y).metadata_


def test_the_history_is_in_the_order_of_time():
    search = sgd_search().fit(X, Y)
    assert len(search.history_) == len(search.cv_results_["params"])
    times = [record["elapsed_wall_time"] for record in search.history_]
    assert times == sorted(times)
    assert set(search.history_[0]) == {
        *("trial", "bracket", "rung", "resource", "params", "score"),
        *("fit_time", "score_time", "elapsed_wall_time"),
    }
    climber = search.model_history_[search.cv_results_["trial"][search.best_index_]]
    assert [record["resource"] for record in climber][-1] == 9
    assert climber[-1]["score"] == search.best_score_


def test_refit_trains_on_all_data_at_the_largest_resource():
    forest = RandomForestClassifier(random_state=0, n_estimators=9)
    search = search_of(forest, {"max_features": stats.uniform(0.1, 0.9)}).fit(X, Y)
    assert search.best_estimator_.n_estimators == 9
    assert len(search.best_estimator_.estimators_) == 9
    assert not search.best_estimator_.warm_start
    at_once = clone(forest).set_params(**search.best_params_).fit(X, Y)
    assert np.array_equal(search.predict_proba(X), at_once.predict_proba(X))
    assert search.refit_time_ > 0


def test_after_a_fit_the_search_is_its_best_estimator():
    search = sgd_search().fit(pd.DataFrame(X, columns=list("abcd")), Y)
    assert search.n_features_in_ == 4
    assert list(search.feature_names_in_) == list("abcd")
    assert list(search.classes_) == [0, 1, 2]
    frame = pd.DataFrame(X, columns=list("abcd"))
    assert search.score(frame, Y) == accuracy_score(Y, search.predict(frame))
    assert search.decision_function(frame).shape == (150, 3)
    assert not hasattr(search, "transform")
    pca = search_of(PCA(), {"n_components": [1, 2, 3]}, scoring=pca_score, min_resource=50)
    with pytest.warns(UserWarning, match="only 3 candidates"):
        pca.fit(X)
    assert pca.transform(X).shape == (150, pca.best_params_["n_components"])


def pca_score(estimator, X, y=None):
    return float(estimator.explained_variance_ratio_.sum())


def test_without_refit_there_is_a_best_but_no_estimator():
    search = search_of(refit=False).fit(X, Y)
    assert search.best_params_
    assert not hasattr(search, "best_estimator_")
    with pytest.raises(AttributeError):
        search.predict(X)


def test_the_study_is_there_to_be_looked_at():
    search = search_of().fit(X, Y)
    assert isinstance(search.study_, bohb.Study)
    assert search.study_.best_value == search.best_score_
    assert search.study_.best_params == {
        **search.best_params_,
    }


def test_the_same_seed_gives_the_same_search_and_another_seed_another():
    results = [
        without_times(search_of(random_state=seed).fit(X, Y).cv_results_) for seed in (0, 0, 1)
    ]
    assert results[0].equals(results[1])
    assert not results[0].equals(results[2])


# Scores


def test_several_metrics_are_scored_and_one_decides():
    metrics = {"accuracy": "accuracy", "loss": "neg_log_loss"}
    search = search_of(scoring=metrics, refit="loss").fit(X, Y)
    assert search.multimetric_
    assert search.study_.best_value == search.best_score_
    assert search.best_score_ == search.cv_results_["mean_test_loss"][search.best_index_]
    assert search.cv_results_["rank_test_loss"][search.best_index_] == 1
    assert "split2_test_accuracy" in search.cv_results_
    assert search.score(X, Y) < 0
    assert set(search.scorer_) == set(metrics)


def test_a_function_may_choose_the_best():
    def worst(results):
        return int(np.argmin(results["mean_test_accuracy"]))

    search = search_of(scoring=["accuracy", "f1_macro"], refit=worst).fit(X, Y)
    assert search.best_index_ == worst(search.cv_results_)
    assert not hasattr(search, "best_score_")
    results = search.cv_results_
    at_the_top = results["resource"] == results["resource"].max()
    assert search.study_.best_value == results["mean_test_accuracy"][at_the_top].max()
    with pytest.raises(IndexError, match="refit must return an index below"):
        search_of(refit=lambda results: 10_000).fit(X, Y)


def both(estimator, X, y):
    return {"right": estimator.score(X, y), "wrong": 1 - estimator.score(X, y)}


def test_a_scorer_may_return_several_metrics():
    search = search_of(scoring=both, refit="wrong").fit(X, Y)
    assert search.best_score_ == search.cv_results_["mean_test_wrong"][search.best_index_]
    assert search.study_.best_value == search.best_score_


def test_several_metrics_need_a_word_on_which_decides():
    with pytest.raises(ValueError, match="For multi-metric scoring, the parameter refit"):
        search_of(scoring=["accuracy", "f1_macro"]).fit(X, Y)
    search = search_of(scoring=["accuracy", "f1_macro"], refit=False).fit(X, Y)
    assert not hasattr(search, "best_index_")


class Failing(DecisionTreeClassifier):
    def fit(self, X, y, sample_weight=None, check_input=True):
        if self.max_depth % 2:
            raise ValueError("no odd depths")
        return super().fit(X, y, sample_weight, check_input)


def test_a_fit_that_fails_scores_nan_and_is_never_promoted():
    search = search_of(Failing(random_state=0))
    with (
        pytest.warns(FitFailedWarning, match="no odd depths"),
        pytest.warns(UserWarning, match="scores are non-finite"),
    ):
        search.fit(X, Y)
    results = pd.DataFrame(search.cv_results_)
    failed = results.param_max_depth % 2 == 1
    assert failed.any()
    assert results[failed].mean_test_score.isna().all()
    assert (results[failed].rung == 0).all()
    assert search.best_params_["max_depth"] % 2 == 0


def test_a_fit_that_fails_may_have_a_score_given():
    with pytest.warns(FitFailedWarning):
        search = search_of(Failing(random_state=0), error_score=-1.0).fit(X, Y)
    results = pd.DataFrame(search.cv_results_)
    assert set(results[results.param_max_depth % 2 == 1].mean_test_score) == {-1.0}


def test_a_fit_that_fails_may_end_the_search():
    with pytest.raises(ValueError, match="no odd depths"):
        search_of(Failing(random_state=0), error_score="raise").fit(X, Y)


def test_if_all_fits_fail_the_error_says_with_what():
    bad = {"max_depth": [1, 3, 5, 7], "min_samples_leaf": stats.randint(1, 99)}
    with pytest.raises(ValueError, match=r"(?s)All the .* fits failed.*no odd depths"):
        search_of(Failing(random_state=0), bad).fit(X, Y)


def test_a_scorer_that_fails_scores_nan():
    def sometimes(estimator, X, y):
        if estimator.max_depth > 4:
            raise ValueError("too deep")
        return estimator.score(X, y)

    search = search_of(scoring=sometimes)
    with (
        pytest.warns(UserWarning, match="too deep"),
        pytest.warns(UserWarning, match="scores are non-finite"),
    ):
        search.fit(X, Y)
    assert search.best_params_["max_depth"] <= 4


def test_an_unknown_parameter_ends_the_search_at_once():
    with pytest.raises(ValueError, match="Invalid parameter 'depth'"):
        search_of(distributions={"depth": stats.uniform(1, 9)}).fit(X, Y)


# Data, splits and what goes with them


@pytest.mark.parametrize("make", [sparse.csr_matrix, pd.DataFrame, np.asfortranarray])
def test_any_kind_of_data_gives_the_same_search(make):
    reference = without_times(search_of().fit(X, Y).cv_results_)
    assert without_times(search_of().fit(make(X), Y).cv_results_).equals(reference)


def test_regression_and_clustering_work():
    Xr, yr = make_regression(120, 5, noise=1.0, random_state=0)
    search = search_of(DecisionTreeRegressor(random_state=0)).fit(Xr, yr)
    assert search.best_score_ > 0
    both = np.column_stack([yr, -yr])
    assert search_of(DecisionTreeRegressor(random_state=0)).fit(Xr, both).predict(Xr).shape == (
        120,
        2,
    )
    means = MiniBatchKMeans(random_state=0, n_init=1)
    with pytest.warns(UserWarning, match="only 3 candidates"):
        search = search_of(means, {"n_clusters": [2, 3, 4]}, max_resource=9).fit(X)
    assert search.predict(X).shape == (150,)


def test_a_kernel_that_was_computed_before_is_cut_on_both_sides():
    search = search_of(SVC(kernel="precomputed"), {"C": stats.loguniform(0.1, 10)}, min_resource=50)
    search.fit(X @ X.T, Y)
    assert search.predict(X @ X.T).shape == (150,)


def test_groups_are_split_and_cut_as_wholes():
    groups = np.repeat(np.arange(15), 10)
    seen = []

    class Recording(DecisionTreeClassifier):
        def fit(self, X, y, sample_weight=None, check_input=True):
            seen.append(X[:, -1])
            return super().fit(X, y, sample_weight, check_input)

    numbered = np.column_stack([X, groups])
    rng = np.random.default_rng(0).permutation(150)
    search_of(Recording(random_state=0), cv=GroupKFold(3)).fit(
        numbered[rng], Y[rng], groups=groups[rng]
    )
    # Of all groups but one, all samples or none.
    torn = [sum(0 < np.count_nonzero(part == g) < 10 for g in range(15)) for part in seen]
    assert max(torn) == 1


def test_sample_weight_goes_to_the_estimator_and_the_scorer():
    weights = np.where(Y == 0, 1e-9, 1.0)
    weighted, plain = search_of(), search_of()
    weighted.fit(X, Y, sample_weight=weights)
    plain.fit(X, Y)
    assert weighted.best_score_ < plain.best_score_  # the class that is easy does not count
    assert weighted.best_estimator_.tree_.weighted_n_node_samples[0] == pytest.approx(100)


@pytest.mark.parametrize("resource", ["partial_fit", "n_samples"])
def test_metadata_are_routed_if_scikit_learn_is_told_to(resource):
    weights = np.where(Y == 0, 1e-9, 1.0)
    seen = []

    class Recording(SGDClassifier):
        def fit(self, X, y, coef_init=None, intercept_init=None, sample_weight=None):
            seen.append(sample_weight)
            return super().fit(X, y, coef_init, intercept_init, sample_weight)

        def partial_fit(self, X, y, classes=None, sample_weight=None):
            seen.append(sample_weight)
            return super().partial_fit(X, y, classes, sample_weight)

    with config_context(enable_metadata_routing=True):
        estimator = Recording(random_state=0)
        getattr(estimator, f"set_{resource.replace('n_samples', 'fit')}_request")(
            sample_weight=True
        )
        scorer = make_scorer(accuracy_score).set_score_request(sample_weight=False)
        search = search_of(estimator, SGD, resource=resource, scoring=scorer, cv=GroupKFold(3))
        search.set_params(max_resource=60, min_resource=20)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            search.fit(X, Y, sample_weight=weights, groups=np.arange(150) % 15)
        assert all(weight is not None and weight.min() < 1 for weight in seen)
        with pytest.raises(UnsetMetadataPassedError, match="not explicitly set as requested"):
            search_of(SGDClassifier(), SGD, resource=resource).fit(X, Y, sample_weight=weights)


def test_splits_are_made_once():
    class Counting(KFold):
        calls = 0

        def split(self, *args, **kwargs):
            type(self).calls += 1
            return super().split(*args, **kwargs)

    search_of(cv=Counting(3, shuffle=True)).fit(X, Y)
    assert Counting.calls == 1


@pytest.mark.parametrize(("resource", "least"), [("partial_fit", 2), ("n_samples", 20)])
def test_sample_weight_changes_what_is_learned(resource, least):
    search = search_of(SGDClassifier(random_state=0, max_iter=50), SGD, resource=resource)
    search.set_params(max_resource=3 * least, min_resource=least, refit=False)
    scores = []
    for weights in (None, np.where(Y == 2, 1e-9, 1.0)):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            search.fit(X, Y, **({} if weights is None else {"sample_weight": weights}))
        scores.append(search.cv_results_["mean_test_score"])
    assert not np.array_equal(*scores)


KINDS = {
    "masks": lambda part: np.isin(np.arange(150), part),
    "lists": list,
    "arrays": np.asarray,
}


@pytest.mark.parametrize("kind", KINDS)
def test_splits_are_taken_in_every_form(kind):
    splits = list(KFold(3, shuffle=True, random_state=0).split(X))
    reference = without_times(search_of(cv=splits).fit(X, Y).cv_results_)
    given = [tuple(KINDS[kind](part) for part in split) for split in splits]
    assert without_times(search_of(cv=given).fit(X, Y).cv_results_).equals(reference)


def test_splits_may_be_given():
    splits = [(np.arange(0, 150, 2), np.arange(1, 150, 2))]
    search = search_of(cv=splits).fit(X, Y)
    assert search.n_splits_ == 1
    assert "split0_test_score" in search.cv_results_


def test_a_column_of_targets_with_groups_keeps_its_classes():
    groups = np.arange(150) % 50
    settings = {"min_resource": 20, "cv": GroupKFold(3)}
    flat = search_of(**settings).fit(X, Y, groups=groups)
    column = search_of(**settings).fit(X, Y[:, None], groups=groups)
    assert without_times(column.cv_results_).equals(without_times(flat.cv_results_))


# Spaces


def test_a_pipeline_is_tuned_by_a_function():
    def params(trial):
        kind = trial.suggest_categorical("kind", ["tree", "linear"])
        if kind == "tree":
            depth = trial.suggest_int("depth", 1, 8)
            return {"model": DecisionTreeClassifier(max_depth=depth, random_state=0)}
        rate = trial.suggest_float("C", 1e-3, 1e3, log=True)
        return {"model": LogisticRegression(C=rate), "scale": "passthrough"}

    pipeline = Pipeline([("scale", StandardScaler()), ("model", Ridge())])
    search = search_of(pipeline, params, resource="n_samples", scoring="accuracy").fit(X, Y)
    kinds = {type(params["model"]) for params in search.cv_results_["params"]}
    assert kinds == {DecisionTreeClassifier, LogisticRegression}
    assert isinstance(search.best_estimator_, Pipeline)


def test_a_space_of_configspace_and_distributions_of_optuna_are_taken(caplog):
    space = ConfigurationSpace({"max_depth": (1, 8), "min_samples_leaf": (1, 20)})
    assert search_of(distributions=space).fit(X, Y).best_score_ > 0.9
    given = {"max_depth": optuna.distributions.IntDistribution(1, 8)}
    with pytest.warns(UserWarning, match="has only 8 candidates"):
        search = search_of(distributions=given, min_resource=16).fit(X, Y)
    assert search.metadata_["n_models"] == 8
    assert "fit_plan" not in caplog.text  # the user has neither n_trials nor a study


def test_a_small_space_is_tried_once_and_no_more():
    space = {"max_depth": [1, 2, 3], "criterion": ["gini", "entropy"]}
    search = search_of(distributions=space, min_resource=16)
    with pytest.warns(UserWarning, match="only 6 candidates, fewer than the"):
        search.fit(X, Y)
    tried = [str(trial.params) for trial in search.study_.trials]
    assert len(tried) == len(set(tried)) == 6
    assert max(search.cv_results_["resource"]) == 150


def test_a_sampler_of_optuna_may_propose():
    search = search_of(sampler=optuna.samplers.RandomSampler(seed=3)).fit(X, Y)
    assert isinstance(search.study_.sampler, optuna.samplers.RandomSampler)


def test_a_function_that_depends_on_more_than_its_trial_is_found_out():
    calls = []

    def params(trial):
        calls.append(trial)
        return {"max_depth": trial.suggest_int("depth", 1, 5) + len(calls)}

    with pytest.raises(bohb.BohbError, match="must give the same for the same trial"):
        search_of(distributions=params).fit(X, Y)


def test_a_sampler_is_copied_so_that_a_search_can_be_repeated():
    search = search_of(sampler=optuna.samplers.RandomSampler(seed=3))
    first = without_times(search.fit(X, Y).cv_results_)
    assert without_times(search.fit(X, Y).cv_results_).equals(first)


# Stopping early


def test_a_candidate_whose_score_does_not_rise_is_stopped():
    UNITS.clear()
    search = search_of(Partial(), {"quality": stats.uniform(0, 1)}, max_resource=27, cv=2)
    search.set_params(patience=3, tol=0.01).fit(*data())
    assert set(UNITS.values()) <= {1, 2}  # two: of the last training, on all data
    assert search.metadata_["n_models"] == search.metadata["n_models"]
    assert search.metadata_["partial_fit_calls"] < 0.7 * search.metadata["partial_fit_calls"]
    # Each row is of a training that was done, and the best is one of those that count at the top.
    rows = list(zip(*(search.cv_results_[name] for name in ("trial", "resource")), strict=True))
    assert len(set(rows)) == len(rows)
    assert {(record["trial"], record["resource"]) for record in search.history_} == set(rows)
    assert search.best_estimator_.trained_ < 27
    for records in search.model_history_.values():
        scores = {record["resource"]: record["score"] for record in records}
        before = [score for n, score in scores.items() if n <= max(scores) - 6]
        assert not before or max(scores.values()) >= max(before)


def test_patience_without_a_plateau_changes_nothing():
    UNITS.clear()
    search = search_of(Warm(), {"quality": stats.uniform(0, 1)}, cv=2, refit=False)
    search.set_params(patience=26, tol=-1.0).fit(*data())
    assert search.metadata_ == search.metadata


def test_patience_ends_a_candidate_where_it_would_end_without_a_pause():
    def fitted(**arguments):
        search = sgd_search(
            max_resource=9, patience=2, sampler=bohb.BOHBSampler(0, random_fraction=1)
        )
        return search.set_params(**arguments).fit(X, Y)

    kept, again = fitted(), fitted(max_paused=0)
    assert without_times(again.cv_results_).equals(without_times(kept.cv_results_))


def test_a_timeout_before_anything_was_evaluated_says_so():
    with pytest.raises(bohb.BohbError, match="ended before anything was evaluated"):
        search_of(timeout=1e-9).fit(X, Y)


def test_a_timeout_ends_the_search_with_what_it_has():
    search = sgd_search(n_rounds=100_000, timeout=2.0)
    search.fit(X, Y)
    assert search.best_score_ > 0.5
    assert search.metadata_["n_models"] < 100_000


# scikit-learn's ways


def test_a_search_can_be_cloned_and_pickled_before_and_after_its_fit():
    search = pickle.loads(pickle.dumps(clone(sgd_search()))).fit(X, Y)
    again = pickle.loads(pickle.dumps(search))
    assert np.array_equal(again.predict(X), search.predict(X))
    assert again.study_.best_value == search.best_score_
    assert not hasattr(clone(again), "best_params_")


@pytest.mark.slow
def test_a_search_works_within_a_pipeline_and_a_cross_validation():
    pipeline = make_pipeline(StandardScaler(), sgd_search())
    assert pipeline.fit(X, Y).score(X, Y) > 0.9
    scores = cross_val_score(sgd_search(), X, Y, cv=3, n_jobs=2)
    assert np.mean(scores) > 0.7


def test_after_its_fit_a_search_does_not_hold_the_data():
    samples = X.copy()
    reference = weakref.ref(samples)
    search = sgd_search().fit(samples, Y)
    del samples
    gc.collect()
    assert search.study_.trials
    assert reference() is None


def test_warnings_of_convergence_are_what_they_were_after_threads():
    before = list(warnings.filters)
    sgd_search(executor=ThreadExecutor(4)).fit(X, Y)
    assert warnings.filters == before


def test_nothing_is_said_unless_asked(capfd):
    sgd_search().fit(X, Y)
    assert capfd.readouterr() == ("", "")
    sgd_search(verbose=2, n_rounds=1).fit(X, Y)
    out, err = capfd.readouterr()
    assert "[CV] resource: partial_fit\nHyperband, 1 round of 3 brackets" in out
    assert re.search(r"\[CV, bracket=0\] trial \d+: pruned at 1, score 0\.\d", out)
    assert "100%" in err


# Workers


@pytest.mark.slow
def test_processes_give_the_same_results():
    from bohb.sklearn import HyperbandSearchCV

    def fitted(**arguments):
        search = HyperbandSearchCV(
            SGDClassifier(random_state=0), SGD, max_iter=9, random_state=0, **arguments
        )
        return search.fit(X, Y)

    one, many = fitted(), fitted(n_jobs=-1)
    assert without_times(many.cv_results_).equals(without_times(one.cv_results_))
    assert many.best_params_ == one.best_params_
    assert many.metadata_ == one.metadata_


def test_threads_and_executors_give_the_same_results():
    def fitted(executor):
        distributions = {"max_depth": stats.randint(1, 60)}
        sampler = bohb.BOHBSampler(0, random_fraction=1.0)
        return search_of(distributions=distributions, sampler=sampler, executor=executor).fit(X, Y)

    one = without_times(fitted(None).cv_results_)
    assert without_times(fitted(ThreadExecutor(4)).cv_results_).equals(one)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n_jobs": "2"}, "n_jobs must be None or an integer, got '2'"),
        ({"tol": "x"}, "tol must be a number, got 'x'"),
    ],
)
def test_arguments_are_looked_at_before_they_are_used(arguments, message):
    with pytest.raises(ArgumentError, match=message):
        search_of(**arguments).fit(X, Y)

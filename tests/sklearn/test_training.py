"""Resources: how far an estimator is trained, and that no unit of it is trained twice."""

from __future__ import annotations

import functools
import itertools

import numpy as np
import pytest
from counting import UNITS, Cold, Partial, Warm, WarmPerCall, data
from scipy import stats
from sklearn.datasets import load_digits, make_classification
from sklearn.ensemble import (
    AdaBoostClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    VotingClassifier,
)
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.model_selection import cross_val_score
from sklearn.multioutput import MultiOutputClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from bohb.errors import ArgumentError
from bohb.sklearn import BOHBSearchCV, HyperbandSearchCV
from bohb.sklearn.resources import choose_resource
from bohb.sklearn.training import Data

QUALITY = {"quality": stats.uniform(0, 1)}


def search_of(estimator, **arguments):
    settings = {"max_resource": 27, "cv": 3, "random_state": 0, "refit": False, **arguments}
    return BOHBSearchCV(estimator, QUALITY, **settings)


@pytest.fixture(autouse=True)
def _count_anew():
    UNITS.clear()


CONTINUING = [
    (Partial(), "partial_fit"),
    (Warm(), "n_estimators"),
    (WarmPerCall(), "max_iter"),
    (make_pipeline(StandardScaler(with_mean=False), Warm()), "warm__n_estimators"),
]


@pytest.mark.parametrize(("estimator", "resource"), CONTINUING, ids=lambda x: str(x)[:12])
@pytest.mark.parametrize("timeout", [None, 1000])
def test_no_unit_of_training_is_done_twice(estimator, resource, timeout):
    distributions = {f"{resource.rpartition('__')[0]}__quality".strip("_"): stats.uniform(0, 1)}
    search = search_of(estimator, resource=resource, max_resource=9, n_rounds=2, timeout=timeout)
    search.set_params(param_distributions=distributions)
    search.fit(*data())
    assert set(UNITS.values()) == {1}
    assert len(UNITS) == 3 * search.study_.plan(2).resource_continued
    assert search.metadata_ == search.metadata


PARTS = VotingClassifier([("part", Warm())])  # which it clones


@pytest.mark.parametrize(("estimator", "prefix"), [(Cold(), ""), (PARTS, "part__")])
def test_an_estimator_that_cannot_go_on_is_trained_from_the_start(estimator, prefix):
    search = search_of(estimator, resource=f"{prefix}n_estimators")
    search.set_params(param_distributions={f"{prefix}quality": stats.uniform(0, 1)})
    search.fit(*data())
    assert sum(UNITS.values()) == 3 * search.study_.plan().resource_restarted
    assert max(UNITS.values()) > 1


def test_a_forest_that_went_on_is_the_one_that_was_trained_at_once():
    X, y = data()
    X = np.random.default_rng(0).normal(size=X.shape) + y[:, None]
    for estimator in (
        RandomForestClassifier(random_state=0, n_estimators=9),
        GradientBoostingClassifier(random_state=0, n_estimators=9),
        HistGradientBoostingClassifier(random_state=0, max_iter=9),
    ):
        resource = choose_resource("auto", estimator, (), n_samples=60, chunk_size=None)
        training = resource.begin(estimator, Data(X, y, {}), np.arange(60))
        for n in (1, 3, 9):
            trained = training.train_to(n)
        at_once = type(estimator)(**{resource.name: 9, "random_state": 0}).fit(X, y)
        assert np.array_equal(trained.predict_proba(X), at_once.predict_proba(X))


def test_passes_of_a_network_are_counted():
    X, y = data()
    resource = choose_resource("auto", MLPClassifier(), (), n_samples=60, chunk_size=20)
    training = resource.begin(MLPClassifier((2,)), Data(X, y, {}), np.arange(60))
    assert training.train_to(4).t_ == 4 * 20  # samples
    assert training.train_to(9).t_ == 9 * 20


def test_chunks_are_taken_in_turn_and_hold_their_part():
    seen = []

    class Recording(Partial):
        def partial_fit(self, X, y, classes=None):
            seen.append(sorted(X[:, 0].astype(int)))
            return super().partial_fit(X, y, classes)

    X, y = data(12)
    resource = choose_resource("partial_fit", Recording(), (), n_samples=12, chunk_size=4)
    resource.begin(Recording(), Data(X, y, {}), np.arange(12)).train_to(4)
    assert seen == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11], [0, 1, 2, 3]]


def test_subsets_of_samples_are_nested_and_the_largest_is_all():
    seen = {}

    class Recording(Cold):
        def fit(self, X, y):
            seen.setdefault(self.quality, []).append(frozenset(X[:, 0]))
            return super().fit(X, y)

    search = search_of(Recording(), resource="n_samples", min_resource=9, max_resource="auto", cv=2)
    search.fit(*data(81))
    assert search.n_resources_ == [9, 27, 81]
    climbed = [sets for sets in seen.values() if len(sets) > 2]
    assert climbed
    for sets in climbed:
        folds = sets[0::2], sets[1::2]
        for fold in folds:
            assert all(a < b for a, b in itertools.pairwise(fold))
    assert {len(part) for sets in seen.values() for part in sets} == {4, 5, 13, 14, 40, 41}


AUTO = [
    (SGDClassifier(), {}, "partial_fit"),
    (MLPClassifier(), {}, "partial_fit"),
    (MLPClassifier(solver="lbfgs"), {}, "n_samples"),
    (MLPClassifier(early_stopping=True), {}, "n_samples"),
    (MLPClassifier(), {"solver"}, "n_samples"),
    (SGDClassifier(class_weight="balanced"), {}, "n_samples"),
    (SGDClassifier(class_weight={0: 2.0}), {}, "partial_fit"),
    (SGDClassifier(), {"class_weight"}, "n_samples"),
    (
        make_pipeline(StandardScaler(), RandomForestClassifier()),
        {"randomforestclassifier"},
        "n_samples",
    ),
    (make_pipeline(StandardScaler(), "passthrough"), {"passthrough"}, "n_samples"),
    (RandomForestClassifier(), {}, "n_estimators"),
    (RandomForestClassifier(), {"n_estimators"}, "n_samples"),
    (GradientBoostingClassifier(), {}, "n_estimators"),
    (AdaBoostClassifier(), {}, "n_estimators"),
    (HistGradientBoostingClassifier(), {}, "max_iter"),
    (LogisticRegression(), {}, "n_samples"),
    (GaussianNB(), {}, "n_samples"),
    (make_pipeline(StandardScaler(), SGDClassifier()), {}, "n_samples"),
    (
        make_pipeline(StandardScaler(), RandomForestClassifier()),
        {},
        "randomforestclassifier__n_estimators",
    ),
]


@pytest.mark.parametrize(("estimator", "tuned", "expected"), AUTO, ids=str)
def test_auto_takes_what_is_most_like_training(estimator, tuned, expected):
    chosen = choose_resource("auto", estimator, tuned, n_samples=100, chunk_size=None)
    assert chosen.name == expected


def test_auto_takes_a_size_without_a_number_where_max_resource_says_how_many():
    cold = Cold(n_estimators=None)  # as an XGBClassifier has it
    choose = functools.partial(choose_resource, "auto", cold, n_samples=60, chunk_size=None)
    assert choose(()).name == "n_samples"
    assert choose((), max_resource=27).name == "n_estimators"
    assert choose(("n_estimators",), max_resource=27).name == "n_samples"
    search = search_of(cold, resource="auto", max_resource=9).fit(*data())
    assert (search.resource_, search.n_resources_) == ("n_estimators", [1, 3, 9])


class Unlisted(Cold):
    """Takes parameters that it does not list, as CatBoost's estimators do."""

    def __init__(self, quality=0.5, **others):
        super().__init__(quality)
        self.__dict__.update(others)
        self.others = others

    def get_params(self, deep=True):
        return {"quality": self.quality, **self.others}

    def set_params(self, **params):
        self.quality = params.pop("quality", self.quality)
        self.others.update(params)
        self.__dict__.update(params)
        return self


class Refusing(Unlisted):
    def set_params(self, **params):
        raise ValueError("no such parameter")


def test_a_parameter_that_the_estimator_does_not_list_may_be_the_resource():
    search = search_of(Unlisted(), resource="n_estimators", max_resource=9).fit(*data())
    assert (search.resource_, search.n_resources_) == ("n_estimators", [1, 3, 9])
    listed = Unlisted(iterations=9, thread_count=2)
    assert choose_resource("auto", listed, (), n_samples=60, chunk_size=None).name == "iterations"
    with pytest.raises(ArgumentError, match=r"that counts something \(iterations\), got 'thread'"):
        choose_resource("thread", Refusing(iterations=9), (), n_samples=60, chunk_size=None)


def test_what_warm_start_does_not_grow_is_trained_anew():
    X, y = load_digits(return_X_y=True)
    search = BOHBSearchCV(
        RandomForestClassifier(n_estimators=5, random_state=0),
        {"criterion": ["gini"]},
        resource="max_depth",
        min_resource=1,
        max_resource=9,
        n_rounds=1,
        cv=3,
        random_state=0,
    )
    with pytest.warns(UserWarning, match="has only 1 candidates"):
        search.fit(X[:500], y[:500])
    scores = dict(
        zip(search.cv_results_["resource"], search.cv_results_["mean_test_score"], strict=True)
    )
    for depth, score in scores.items():
        forest = RandomForestClassifier(n_estimators=5, random_state=0, max_depth=depth)
        assert score == cross_val_score(forest, X[:500], y[:500], cv=3).mean()
    assert scores[9] > scores[1]


def test_auto_that_turns_max_resource_into_few_samples_warns():
    X, y = data(1000)
    search = search_of(GaussianNB(), resource="auto", max_resource=27, cv=2)
    search.set_params(estimator=LogisticRegression(), param_distributions={"C": [0.1, 1.0]})
    with (
        pytest.warns(UserWarning, match="has only 2 candidates"),
        pytest.warns(UserWarning, match="max_resource=27 means 27 of 1000 samples") as record,
    ):
        search.fit(X, y)
    assert record[0].filename == __file__


@pytest.mark.slow
def test_auto_bounds_make_five_rungs():
    X, y = data(9000)
    search = search_of(GaussianNB(), max_resource="auto", cv=2)
    search.set_params(param_distributions={"var_smoothing": stats.loguniform(1e-9, 1)}).fit(X, y)
    assert search.n_resources_ == [111, 333, 1000, 3000, 9000]
    search.fit(X[:2000], y[:2000])
    assert search.n_resources_ == [222, 667, 2000]  # each half trains on at least 50 at first
    assert HyperbandSearchCV(Partial(), QUALITY).metadata["brackets"][0]["decisions"] == [
        *(1, 3, 9, 27, 81)
    ]


def test_few_samples_make_fewer_rungs():
    X, y = data(40)
    search = search_of(LogisticRegression(), max_resource="auto", cv=2)
    search.set_params(param_distributions={"C": stats.uniform(1, 2)}).fit(X, y)
    assert search.n_resources_ == [13, 40]  # 8 samples are two of each class in each half
    search.fit(*data(8))
    assert search.n_resources_ == [3, 8]  # at least two rungs, even so


BAD = [
    ({"resource": "n_trees"}, r"a parameter of the estimator that counts .*\(n_estimators\)"),
    ({"resource": "quality"}, "must not be one of the parameters that are tuned, got 'quality'"),
    ({"resource": "partial_fit"}, "resource='partial_fit' needs an estimator that has it"),
    ({"min_resource": 30}, "min_resource must be at most max_resource"),
    ({"min_resource": 0}, "min_resource must be at least 1, got 0"),
    ({"resource": "n_samples", "max_resource": 61}, "at most the number of samples, 60, got 61"),
    ({"reduction_factor": 1}, "reduction_factor must be greater than 1"),
    ({"error_score": "rise"}, "error_score must be a number, got 'rise'"),
    ({"verbose": "much"}, "verbose must be a number, got 'much'"),
    ({"patience": 3}, "patience needs a resource with which training goes on"),
    ({"patience": False}, "patience must be an amount of resource, or None for no end, got False"),
    ({"cv": [(range(9), range(0))]}, "cv must give rows to train on and rows to score on"),
    ({"cv": [(range(0), range(9))]}, "cv must give rows to train on and rows to score on"),
    (
        {"cv": [(range(50), range(50, 99))]},
        "cv must give rows of the 60 that there are, got rows 0",
    ),
    ({"n_iter": 5}, "n_iter is not known, got 5"),
    ({"n_rounds": 0}, "n_rounds must be at least 1"),
    ({"chunk_size": 0}, "chunk_size must be at least 1"),
]


@pytest.mark.parametrize(("arguments", "message"), BAD)
def test_what_does_not_fit_is_refused_before_anything_is_trained(arguments, message):
    with pytest.raises(ArgumentError, match=message):
        search_of(Cold(), **arguments).fit(*data())
    assert not UNITS


def test_a_function_must_not_return_what_is_the_resource():
    search = search_of(Cold(), resource="n_estimators")
    search.set_params(param_distributions=lambda trial: {"n_estimators": 3})
    with pytest.raises(ArgumentError, match="must not return the parameter that is the resource"):
        search.fit(*data())


def test_rows_stay_in_their_order_unless_they_are_taken_in_parts():
    seen = []

    class Recording(Cold):
        def fit(self, X, y):
            seen.append(np.all(np.diff(X[:, 0]) > 0))
            return super().fit(X, y)

    search_of(Recording(), resource="n_estimators", refit=True).fit(*data())
    search_of(Recording(), resource="n_samples", max_resource=60, refit=True).fit(*data())
    assert all(seen)


def test_the_last_training_takes_chunks_as_the_search_does():
    seen = []

    class Recording(Partial):
        def partial_fit(self, X, y, classes=None):
            seen.append(np.mean(y))
            return super().partial_fit(X, y, classes)

    X, y = data()
    order = np.argsort(y, kind="stable")  # chunks of one class each, were they taken as they are
    search = search_of(Recording(), max_resource=3, chunk_size=10, refit=True)
    search.fit(X[order], y[order])
    assert all(0.3 < share < 0.7 for share in seen)


def test_a_step_that_is_tuned_may_continue_or_not():
    pipeline = make_pipeline("passthrough", Warm())
    search = search_of(pipeline, resource="warm__n_estimators", max_resource=9)
    search.set_params(param_distributions=lambda trial: {"warm": Cold(quality=trial.number / 15)})
    search.fit(*data())
    top = search.cv_results_["mean_test_score"][search.cv_results_["resource"] == 9]
    assert search.best_score_ == max(top) > 0.9
    assert max(UNITS.values()) > 1  # these candidates cannot go on


def test_a_parameter_without_a_value_needs_a_largest_resource():
    search = search_of(Cold(n_estimators=None), resource="n_estimators", max_resource="auto")
    with pytest.raises(ArgumentError, match=r"max_resource must be given .* is None"):
        search.fit(*data())


@pytest.mark.parametrize("given", [False, True])
def test_a_classifier_of_several_outputs_is_given_the_classes_of_each(given):
    X, y = make_classification(200, 6, n_informative=4, n_classes=3, random_state=0)
    outputs = np.c_[y, y % 2]
    search = BOHBSearchCV(
        MultiOutputClassifier(SGDClassifier(random_state=0)),
        {"estimator__alpha": np.logspace(-4, 0, 9)},
        resource="partial_fit",
        max_resource=3,
        random_state=0,
        error_score="raise",
    )
    params = {"classes": [np.unique(column) for column in outputs.T]} if given else {}
    assert search.fit(X, outputs, **params).predict(X).shape == outputs.shape

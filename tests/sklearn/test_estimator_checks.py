"""scikit-learn's own checks of estimators."""

from __future__ import annotations

import pytest
from sklearn.base import BaseEstimator
from sklearn.linear_model import LogisticRegression, Ridge, SGDClassifier
from sklearn.utils.estimator_checks import estimator_checks_generator

from bohb.sklearn import BOHBSearchCV, HyperbandSearchCV

SEARCHES = [
    BOHBSearchCV(LogisticRegression(), {"C": [0.1, 1.0]}, cv=2, random_state=0),
    BOHBSearchCV(Ridge(), {"alpha": [0.1, 1.0]}, cv=2, random_state=0),
    HyperbandSearchCV(
        SGDClassifier(random_state=0),
        {"alpha": [0.001, 0.1]},
        max_iter=3,
        random_state=0,
        error_score="raise",
    ),
]


def expected_failures(search):
    if isinstance(search.estimator, Ridge):
        # The same is said of GridSearchCV in scikit-learn's own tests.
        return {"check_supervised_y_2d": "the estimator itself takes such targets"}
    if isinstance(search, HyperbandSearchCV):
        # As in Dask-ML the best estimator is trained further, and at first there is none.
        return {"check_n_features_in_after_fitting": "partial_fit comes after fit"}
    return {}


def name_of(part):
    return type(part).__name__ if isinstance(part, BaseEstimator) else part.func.__name__


CHECKS = [
    check
    for search in SEARCHES
    for check in estimator_checks_generator(
        search, expected_failed_checks=expected_failures(search), mark="xfail"
    )
]


@pytest.mark.filterwarnings("ignore")  # some checks feed what must be warned of
@pytest.mark.parametrize(("estimator", "check"), CHECKS, ids=name_of)
def test_a_search_is_an_estimator(estimator, check):
    check(estimator)

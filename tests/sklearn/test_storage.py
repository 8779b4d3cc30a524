"""Searches that are kept, and taken up again."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from ConfigSpace import ConfigurationSpace, Integer
from scipy import stats
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_iris
from sklearn.model_selection import KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from sklearn.tree import DecisionTreeClassifier
from studies import HELPERS

import bohb
from bohb.errors import SettingsError
from bohb.sklearn import BOHBSearchCV

pytestmark = pytest.mark.slow  # real workers begin and die here

SCRIPT = HELPERS / "search_script.py"
X, Y = load_iris(return_X_y=True)


def run(*arguments):
    return subprocess.run(
        [sys.executable, str(SCRIPT), *map(str, arguments)], capture_output=True, text=True
    )


@pytest.mark.parametrize("seeded", [True, False])
def test_a_search_that_was_killed_goes_on_and_ends_as_if_nothing_had_happened(seeded, tmp_path):
    more = [] if seeded else ["unseeded"]
    for fit in (5, 80) if seeded else (40,):
        assert run(fit, *more).returncode == -9
    done = run(-1, *more)
    assert done.returncode == 0, done.stderr
    assert " True [" in done.stdout
    if seeded:
        n_fits = Path("fits.txt").stat().st_size
        assert run(-1).stdout == done.stdout
        assert Path("fits.txt").stat().st_size == n_fits  # nothing was left to be done
        Path("search.journal").unlink()
        assert run(-1).stdout == done.stdout


def search_of(path, **arguments):
    settings = {
        "estimator": DecisionTreeClassifier(random_state=0),
        "param_distributions": {"max_features": stats.uniform(0.1, 0.9)},
        "cv": 3,
        "random_state": 0,
        "storage": path,
        **arguments,
    }
    return BOHBSearchCV(**settings)


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "search.journal"
    search_of(path).fit(X, Y)
    return path


CHANGES = [
    ({"estimator": DecisionTreeClassifier(random_state=1)}, "different estimator"),
    (
        {"param_distributions": {"max_features": stats.uniform(0.2, 0.8)}},
        "different param_distributions",
    ),
    ({"param_distributions": {"ccp_alpha": stats.expon()}}, "different param_distributions"),
    ({"cv": KFold(3)}, "different cv: fit with"),
    ({"cv": KFold(3, shuffle=True)}, "A splitter that shuffles needs a random_state"),
    ({"scoring": "f1_macro"}, "different scoring"),
    ({"random_state": 1}, "different random_state"),
    ({"return_train_score": True}, "different return_train_score"),
    ({"max_resource": 100}, "max_resource=150, got .*max_resource=100"),
]


@pytest.mark.parametrize(("changed", "message"), CHANGES)
def test_another_search_is_refused_by_name(path, changed, message):
    with pytest.raises(SettingsError, match=message):
        search_of(path, **changed).fit(X, Y)


def test_other_data_are_refused(path):
    for X_now, y_now in ((X + 1e-9, Y), (X, 2 - Y), (X[::-1], Y)):
        with pytest.raises(SettingsError, match=r"was begun with different .*data"):
            search_of(path).fit(X_now, y_now)
    with pytest.raises(SettingsError, match="different data"):
        search_of(path).fit(X, Y, sample_weight=np.ones(150))


def test_the_same_data_are_known_again_and_nothing_is_done(path):
    search = search_of(path).fit(X.copy(), Y.copy())
    assert search.metadata_["n_models"] == search.study_.plan().n_trials
    assert search.score(X, Y) > 0.9


FRAMES = {
    "nullable": pd.DataFrame(X, columns=list("abcd")).astype("Float64"),
    "texts": pd.DataFrame({"a": X[:, 0], "b": pd.Series(np.where(Y, "x", "y"), dtype="category")}),
}


@pytest.mark.parametrize("kind", [*FRAMES, "fortran"])
def test_data_are_known_again_whatever_their_layout(kind, tmp_path):
    first, second = X, np.asfortranarray(X)
    if kind in FRAMES:
        first, second = FRAMES[kind], FRAMES[kind].sample(frac=1, random_state=0).sort_index()
    columns = make_column_transformer(
        (OneHotEncoder(), ["b"]) if kind == "texts" else ("passthrough", [0, 1])
    )
    pipeline = make_pipeline(columns, DecisionTreeClassifier(random_state=0))
    space = {"decisiontreeclassifier__min_samples_leaf": stats.uniform(0.01, 0.4)}
    for samples in (first, first, second):
        search_of(tmp_path / "s.journal", estimator=pipeline, param_distributions=space).fit(
            samples, Y
        )


def test_a_function_that_has_changed_is_found_out(tmp_path):
    def scaled(factor):
        return lambda trial: {"ccp_alpha": factor * trial.suggest_float("a", 1e-6, 1, log=True)}

    search_of(tmp_path / "f.journal", param_distributions=scaled(1)).fit(X, Y)
    with pytest.raises(SettingsError, match="must give the same for the same trial"):
        search_of(tmp_path / "f.journal", param_distributions=scaled(1000)).fit(X, Y)


def test_a_default_configuration_is_tried_first_and_kept(tmp_path):
    space = ConfigurationSpace()
    space.add(Integer("max_depth", (1, 90), default=2))
    for _ in range(2):
        search = search_of(tmp_path / "d.journal", param_distributions=space).fit(X, Y)
    assert search.study_.trials[0].params == {"max_depth": 2}


def test_more_rounds_go_on_where_the_others_ended(path):
    search = search_of(path, n_rounds=2).fit(X, Y)
    assert search.metadata_["n_models"] == search.study_.plan(2).n_trials


def test_several_searches_share_a_storage_by_name(path):
    search = search_of(path, random_state=1, study_name="another").fit(X, Y)
    assert search.study_.study_name == "another"
    assert search_of(path).fit(X, Y).study_.study_name == "BOHBSearchCV"


def test_a_study_that_is_no_search_is_refused(tmp_path):
    path = tmp_path / "other.journal"
    study = bohb.create_study(
        storage=path, study_name="mine", direction="maximize", pruner=bohb.HyperbandPruner(17, 150)
    )
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=3)
    with pytest.raises(SettingsError, match="'mine' was not begun by a search"):
        search_of(path, study_name="mine", min_resource=17, max_resource=150).fit(X, Y)

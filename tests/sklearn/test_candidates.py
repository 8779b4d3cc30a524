"""Candidates: spaces, and what a configuration means to the estimator."""

from __future__ import annotations

import pytest
from ConfigSpace import Categorical, ConfigurationSpace, EqualsCondition, Float
from scipy import stats

import bohb
from bohb.errors import ArgumentError, ArgumentTypeError
from bohb.sklearn.candidates import candidates_of


def drawn(candidates, count=60):
    """Return the parameters of some trials, as they are under way and when they are stored."""
    live = []

    def objective(trial):
        live.append(candidates.params_of(trial))
        return 0.0

    study = bohb.create_study(
        sampler=bohb.BOHBSampler(0),
        pruner=bohb.SuccessiveHalvingPruner(1, 1, n_trials=count),
        space=candidates.space,
    )
    study.optimize(objective)
    assert [candidates.params_of(trial) for trial in study.trials] == live
    return live


def test_a_dict_gives_all_its_parameters():
    candidates = candidates_of({"C": stats.norm(0, 1), "layers": [(1,), (2, 2)], "n": [1, 2, 3]})
    params = drawn(candidates)
    assert {tuple(sorted(one)) for one in params} == {("C", "layers", "n")}
    assert {one["layers"] for one in params} == {(1,), (2, 2)}
    assert candidates.names == {"C", "layers", "n"}
    assert candidates.n_candidates == float("inf")


def test_of_several_dicts_each_candidate_is_drawn_from_one():
    candidates = candidates_of(
        [
            {"kernel": ["linear"], "C": stats.loguniform(1, 10)},
            {"kernel": ["rbf"], "C": stats.loguniform(100, 1000), "gamma": [0.1, 0.2, 0.3]},
        ]
    )
    params = drawn(candidates)
    assert {one["kernel"] for one in params} == {"linear", "rbf"}
    for one in params:
        assert ("gamma" in one) == (one["kernel"] == "rbf")
        assert (one["C"] >= 100) == (one["kernel"] == "rbf")


def test_what_several_dicts_have_alike_is_one_parameter():
    same = stats.loguniform(1, 10)
    candidates = candidates_of([{"C": same, "a": [1, 2]}, {"C": stats.loguniform(1, 10)}])
    assert list(candidates.space.distributions) == ["distributions", "C", "a"]


def test_a_space_of_configspace_gives_the_active_parameters():
    space = ConfigurationSpace()
    kind, rate = Categorical("kind", ["a", "b"]), Float("rate", (0.1, 1.0), log=True)
    space.add(kind, rate, EqualsCondition(rate, kind, "a"))
    params = drawn(candidates_of(space))
    assert all(("rate" in one) == (one["kind"] == "a") for one in params)


def make(trial):
    kind = trial.suggest_categorical("kind", ["a", "b"])
    return {"kind": kind, "rate": trial.suggest_float("rate", 0, 1)} if kind == "a" else {}


def test_a_function_gives_what_it_returns():
    candidates = candidates_of(make)
    assert candidates.names is None
    assert {tuple(one) for one in drawn(candidates)} == {(), ("kind", "rate")}


def test_a_finite_space_knows_how_many_candidates_there_are():
    assert candidates_of({"a": [1, 2, 3], "b": [None, 1]}).n_candidates == 6


BAD = [
    (None, ArgumentTypeError, "param_distributions must be a dict of distributions"),
    ({}, ArgumentError, "must have at least one parameter, got none"),
    ([], ArgumentTypeError, "must be a dict of distributions"),
]


@pytest.mark.parametrize(("given", "kind", "message"), BAD)
def test_what_gives_no_candidates_is_refused(given, kind, message):
    with pytest.raises(kind, match=message):
        candidates_of(given)


def test_a_function_must_return_a_dict():
    study = bohb.create_study(pruner=bohb.HyperbandPruner(1, 3))
    candidates = candidates_of(lambda trial: trial.suggest_float("x", 0, 1))
    with pytest.raises(ArgumentTypeError, match="must return a dict of parameters"):
        study.optimize(lambda trial: candidates.params_of(trial))


def test_several_dicts_are_counted_by_what_each_has():
    candidates = candidates_of(
        [{"depth": [1, 2]}, {"criterion": ["gini", "entropy"], "depth": [5]}, {}]
    )
    assert candidates.n_candidates == 5


def test_a_parameter_may_have_the_name_of_the_choice_among_dicts():
    candidates = candidates_of([{"distributions": [1, 2]}, {"other": [3]}])
    assert {tuple(one) for one in drawn(candidates)} == {("distributions",), ("other",)}

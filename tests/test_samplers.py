"""The sampler passes Optuna's own suite, and keeps the promises of ours."""

from __future__ import annotations

import pickle

import optuna
import pytest
from optuna.testing.pytest_samplers import (
    BasicSamplerTestCase,
    RelativeSamplerTestCase,
    SingleOnlySamplerTestCase,
)

import bohb


class TestConformance(BasicSamplerTestCase, RelativeSamplerTestCase, SingleOnlySamplerTestCase):
    @pytest.fixture(params=["from the start", "by default"])
    def sampler(self, request):
        if request.param == "by default":
            return lambda: bohb.BOHBSampler(seed=0)
        return lambda: bohb.BOHBSampler(seed=0, min_observations=1, random_fraction=0.0)


def objective(trial):
    x = trial.suggest_float("x", -5, 5)
    n = trial.suggest_int("n", 1, 100, log=True)
    kind = trial.suggest_categorical("kind", ["a", "b"])
    extra = trial.suggest_float("extra", 0, 1) if kind == "a" else 0.5
    return (x - 1) ** 2 + abs(n - 10) / 10 + extra


def test_the_same_seed_gives_the_same_study():
    def values():
        study = optuna.create_study(sampler=bohb.BOHBSampler(seed=3))
        study.optimize(objective, n_trials=40)
        return [trial.params for trial in study.trials]

    assert values() == values()


def test_another_seed_gives_another_study():
    first, second = (bohb.BOHBSampler(seed=seed) for seed in (1, 2))
    studies = [optuna.create_study(sampler=sampler) for sampler in (first, second)]
    for study in studies:
        study.optimize(objective, n_trials=2)
    assert studies[0].trials[0].params != studies[1].trials[0].params


def test_it_finds_better_values_than_random_search_in_a_plain_optuna_study():
    def mean_best(make):
        bests = []
        for seed in range(8):
            study = optuna.create_study(sampler=make(seed))
            study.optimize(objective, n_trials=60)
            bests.append(study.best_value)
        return sum(bests) / len(bests)

    ours = mean_best(lambda seed: bohb.BOHBSampler(seed=seed))
    assert ours < 0.7 * mean_best(lambda seed: optuna.samplers.RandomSampler(seed=seed))


def test_it_maximizes():
    study = optuna.create_study(direction="maximize", sampler=bohb.BOHBSampler(seed=0))
    study.optimize(lambda trial: -((trial.suggest_float("x", -5, 5) - 2) ** 2), n_trials=60)
    assert study.best_params["x"] == pytest.approx(2, abs=0.2)


def test_a_copy_by_pickle_proposes_the_same():
    sampler = bohb.BOHBSampler(seed=7)
    study = optuna.create_study(sampler=sampler)
    study.optimize(objective, n_trials=5)
    copy = pickle.loads(pickle.dumps(sampler))
    other = optuna.create_study(sampler=copy)
    other.optimize(objective, n_trials=5)
    assert [t.params for t in other.trials] == [t.params for t in study.trials]


def test_it_works_with_the_pruners_of_optuna():
    def trained(trial):
        value = objective(trial)
        for step in range(9):
            trial.report(value + 1 / (step + 1), step)
            if trial.should_prune():
                raise optuna.TrialPruned
        return value

    for pruner in (
        optuna.pruners.HyperbandPruner(1, 9),
        optuna.pruners.MedianPruner(),
        optuna.pruners.NopPruner(),
    ):
        study = optuna.create_study(sampler=bohb.BOHBSampler(seed=0), pruner=pruner)
        study.optimize(trained, n_trials=30)
        assert len(study.trials) == 30
        assert study.best_value < 30


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"seed": -1}, "seed must be at least 0, got -1"),
        ({"seed": 0.5}, "seed must be an integer, got 0.5"),
        ({"random_fraction": 1.5}, "random_fraction must be between 0 and 1, got 1.5"),
        ({"n_candidates": 0}, "n_candidates must be at least 1, got 0"),
        ({"min_observations": 0}, "min_observations must be at least 1, got 0"),
    ],
)
def test_wrong_arguments_are_named(arguments, message):
    with pytest.raises(bohb.BohbError, match=message):
        bohb.BOHBSampler(**arguments)

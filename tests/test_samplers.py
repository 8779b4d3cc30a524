"""The sampler passes Optuna's own suite, and keeps the promises of ours."""

from __future__ import annotations

import collections
import pickle
import warnings
from pathlib import Path

import numpy as np
import optuna
import pytest
from optuna.testing.pytest_samplers import (
    BasicSamplerTestCase,
    MultiObjectiveSamplerTestCase,
    RelativeSamplerTestCase,
)
from scipy import stats

import bohb
from bohb.errors import ArgumentError

MODELS = ["auto", "gp", "forest", "density", "evolution", "falkner2018"]


class TestConformance(BasicSamplerTestCase, RelativeSamplerTestCase, MultiObjectiveSamplerTestCase):
    @pytest.fixture(params=["auto", "gp", "forest", "density", "evolution", "falkner2018"])
    def sampler(self, request):
        if request.param == "auto":
            return lambda: bohb.BOHBSampler(seed=0)
        # Each model as soon as it can, so that the suite's few trials meet it.
        return lambda: bohb.BOHBSampler(
            seed=0, model=request.param, min_observations=1, random_fraction=0.0
        )


def objective(trial):
    x = trial.suggest_float("x", -5, 5)
    n = trial.suggest_int("n", 1, 100, log=True)
    kind = trial.suggest_categorical("kind", ["a", "b"])
    extra = trial.suggest_float("extra", 0, 1) if kind == "a" else 0.5
    return (x - 1) ** 2 + abs(n - 10) / 10 + extra


@pytest.mark.parametrize("model", MODELS)
def test_the_same_seed_gives_the_same_study(model):
    def values():
        study = optuna.create_study(sampler=bohb.BOHBSampler(seed=3, model=model))
        study.optimize(objective, n_trials=30)
        return [trial.params for trial in study.trials]

    assert values() == values()


def test_another_seed_gives_another_study():
    first, second = (bohb.BOHBSampler(seed=seed) for seed in (1, 2))
    studies = [optuna.create_study(sampler=sampler) for sampler in (first, second)]
    for study in studies:
        study.optimize(objective, n_trials=2)
    assert studies[0].trials[0].params != studies[1].trials[0].params


def mean_best(make):
    bests = []
    for seed in range(6):
        study = optuna.create_study(sampler=make(seed))
        study.optimize(objective, n_trials=50)
        bests.append(study.best_value)
    return sum(bests) / len(bests)


@pytest.mark.slow
def test_each_model_finds_better_values_than_random_search_in_a_plain_optuna_study():
    chance = mean_best(lambda seed: optuna.samplers.RandomSampler(seed=seed))
    best = {
        model: mean_best(lambda seed, model=model: bohb.BOHBSampler(seed=seed, model=model))
        for model in MODELS
        if model != "auto"  # which is "gp" here, as the next test shows
    }
    assert best["gp"] < 0.5 * chance
    assert best["forest"] < 0.7 * chance
    assert best["density"] < 0.7 * chance
    assert best["evolution"] < chance
    assert best["falkner2018"] < chance


def test_the_default_takes_the_density_model_where_a_process_is_not_worth_it():
    def is_like(model, n_trials, n_parameters):
        sampler = bohb.BOHBSampler(seed=0)
        study = optuna.create_study(sampler=sampler)
        distributions = {
            f"x{i}": optuna.distributions.FloatDistribution(0, 1) for i in range(n_parameters)
        }
        rng = np.random.default_rng(0)
        study.add_trials(
            optuna.trial.create_trial(
                params=dict(zip(distributions, rng.random(n_parameters), strict=True)),
                distributions=distributions,
                value=rng.random(),
            )
            for _ in range(n_trials)
        )
        alike = optuna.create_study(sampler=bohb.BOHBSampler(seed=0, model=model))
        alike.add_trials(study.trials)
        return study.ask(distributions).params == alike.ask(distributions).params

    assert is_like("gp", 30, 2)
    assert not is_like("density", 30, 2)
    assert is_like("density", 30, 65)
    assert is_like("density", 2001, 2)


@pytest.mark.parametrize("model", MODELS)
def test_random_fraction_one_is_random_search(model):
    def params(**settings):
        study = optuna.create_study(sampler=bohb.BOHBSampler(seed=0, model=model, **settings))
        study.optimize(objective, n_trials=40)
        return [trial.params["x"] for trial in study.trials]

    # The same numbers, whatever the results are: nothing is learned.
    values = np.array(params(random_fraction=1.0))
    assert stats.kstest(values, stats.uniform(-5, 10).cdf).pvalue > 1e-3
    assert abs(np.median(values[20:]) - 1) > 0.05


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(
    ("storage", "direction"),
    [
        ("memory", "minimize"),
        ("memory", "maximize"),
        ("sqlite", "maximize"),
        ("journal", "maximize"),
    ],
    indirect=["storage"],
)
def test_each_model_copes_with_what_studies_hold(model, direction, storage):
    def troubled(trial):
        value = objective(trial) * (1 if direction == "minimize" else -1)
        if trial.number % 7 == 3:
            return float("nan")
        if trial.number % 7 == 5:
            raise ArithmeticError("trouble")
        trial.suggest_float("late", 0, 1) if trial.number > 8 else None
        return value

    if isinstance(storage, Path):
        backend = optuna.storages.journal.JournalFileBackend(str(storage))
        storage = optuna.storages.JournalStorage(backend)
    study = optuna.create_study(
        direction=direction,
        storage=storage,
        sampler=bohb.BOHBSampler(seed=0, model=model, min_observations=2),
    )
    study.enqueue_trial({"x": 1.0, "n": 10})
    study.enqueue_trial({"kind": "b"})
    study.enqueue_trial({"x": 77.0})  # out of range: Optuna warns and goes on
    donor = optuna.create_study(direction=direction)
    donor.optimize(troubled, n_trials=4, catch=ArithmeticError)
    study.add_trials(donor.trials)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        study.optimize(troubled, n_trials=14, catch=ArithmeticError)
    assert len(study.trials) == 18
    assert study.trials[0].params["n"] == 10
    assert study.trials[1].params["kind"] == "b"


@pytest.mark.parametrize("model", ["gp", "density"])
def test_proposals_that_are_asked_for_at_once_keep_apart(model):
    distributions = {f"x{i}": optuna.distributions.FloatDistribution(0, 1) for i in range(3)}

    def loss(x):
        return np.sum((x - 0.3) ** 2) + 0.1 * np.sum(np.cos(12 * x))

    def spread(seed, *, told):
        study = optuna.create_study(
            sampler=bohb.BOHBSampler(seed=seed, model=model, random_fraction=0.0)
        )
        for x in np.random.default_rng(seed).random((40, 3)):
            params = dict(zip(distributions, x, strict=True))
            study.add_trial(
                optuna.trial.create_trial(params=params, distributions=distributions, value=loss(x))
            )
        points = []
        for _ in range(16):
            trial = study.ask(distributions)
            points.append(list(trial.params.values()))
            if told:
                study.tell(trial, loss(np.array(points[-1])))
        distances = np.linalg.norm(np.array(points)[:, None] - np.array(points), axis=2)
        return np.mean(np.sort(distances, axis=1)[:, 1])  # to the nearest other one

    at_once = np.mean([spread(seed, told=False) for seed in range(8)])
    one_after_another = np.mean([spread(seed, told=True) for seed in range(8)])
    assert at_once > 0.4 * one_after_another  # without counting them, all sixteen were one


@pytest.mark.parametrize("model", MODELS)
def test_each_model_works_with_several_threads_and_fixed_parameters(model):
    inner = bohb.BOHBSampler(seed=0, model=model, min_observations=2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        sampler = optuna.samplers.PartialFixedSampler({"n": 12}, inner)
    study = optuna.create_study(sampler=sampler)
    study.optimize(objective, n_trials=24, n_jobs=2)
    assert {trial.params["n"] for trial in study.trials} == {12}
    assert len({tuple(trial.params.values()) for trial in study.trials}) == 24


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("kind", ["one", "hundred", "one choice", "thousand choices"])
def test_each_model_copes_with_spaces_of_any_size(model, kind):
    def sized(trial):
        if kind == "one":
            return trial.suggest_float("x", 0, 1)
        if kind == "hundred":
            return sum(trial.suggest_float(f"x{i}", 0, 1) for i in range(100))
        if kind == "one choice":
            return len(trial.suggest_categorical("c", ["only"])) + trial.suggest_int("n", 3, 3)
        return trial.suggest_categorical("c", list(range(1000))) / 1000

    sampler = bohb.BOHBSampler(seed=0, model=model, min_observations=2, random_fraction=0.0)
    study = optuna.create_study(sampler=sampler)
    study.optimize(sized, n_trials=12)
    assert len(study.trials) == 12
    if kind == "thousand choices" and model != "falkner2018":
        assert len({trial.params["c"] for trial in study.trials}) == 12


@pytest.mark.parametrize("model", MODELS)
def test_bounds_may_depend_on_another_parameter(model):
    # The LeNet space of Li et al. 2018, table 1: no layer is wider than the next one.
    def lenet(trial):
        k2 = trial.suggest_int("k2", 10, 60)
        k1 = trial.suggest_int("k1", 5, k2)
        rate = trial.suggest_float("rate", 1e-3, 1e-1, log=True)
        assert 5 <= k1 <= k2
        return abs(k1 - 20) + abs(k2 - 40) + abs(rate - 0.01)

    study = optuna.create_study(sampler=bohb.BOHBSampler(seed=0, model=model))
    study.optimize(lenet, n_trials=40)
    later = [trial.value for trial in study.trials[25:]]
    if model != "falkner2018":
        assert np.median(later) < np.median([trial.value for trial in study.trials[:12]])


def test_what_a_range_that_depends_on_another_parameter_cannot_hold_counts_as_tried():
    def below(trial):
        x = trial.suggest_float("x", 0, 1)
        return (x - 0.7) ** 2 + (trial.suggest_float("y", 0, x) - 0.5) ** 2

    for seed in range(3):
        study = optuna.create_study(sampler=bohb.BOHBSampler(seed=seed))
        study.optimize(below, n_trials=60)
        times = collections.Counter(tuple(trial.params.values()) for trial in study.trials)
        assert max(times.values()) <= 4
        assert study.best_value < 1e-4


@pytest.mark.parametrize("model", ["auto", "density"])
@pytest.mark.parametrize("seed", range(3))
def test_a_proposal_beyond_the_range_of_a_trial_becomes_its_nearest_end(model, seed):
    study = optuna.create_study(sampler=bohb.BOHBSampler(seed, model=model, random_fraction=0.0))
    study.optimize(lambda trial: -trial.suggest_float("x", 0, 100), n_trials=30)
    assert study.ask().suggest_float("x", 0, 50) == 50


@pytest.mark.parametrize("model", MODELS)
def test_ranges_and_kinds_may_change_between_studies(model):
    first = optuna.create_study()
    first.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=15)
    second = optuna.create_study(sampler=bohb.BOHBSampler(seed=0, model=model))
    second.add_trials(first.trials)
    second.optimize(lambda trial: abs(trial.suggest_float("x", 2, 8) - 3), n_trials=15)
    assert all(2 <= trial.params["x"] <= 8 for trial in second.trials[15:])


def test_a_copy_by_pickle_proposes_the_same():
    sampler = bohb.BOHBSampler(seed=7)
    study = optuna.create_study(sampler=sampler)
    study.optimize(objective, n_trials=5)
    copy = pickle.loads(pickle.dumps(sampler))
    other = optuna.create_study(sampler=copy)
    other.optimize(objective, n_trials=5)
    assert [t.params for t in other.trials] == [t.params for t in study.trials]


@pytest.mark.parametrize("model", MODELS)
def test_it_works_with_the_pruners_of_optuna(model):
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
        sampler = bohb.BOHBSampler(seed=0, model=model)
        study = optuna.create_study(sampler=sampler, pruner=pruner)
        study.optimize(trained, n_trials=30)
        assert len(study.trials) == 30
        assert study.best_value < 30


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"seed": -1}, "seed must be at least 0, got -1"),
        ({"model": "tpe"}, "model must be one of .*'falkner2018'.*, got 'tpe'"),
        ({"seed": 0.5}, "seed must be an integer, got 0.5"),
        ({"random_fraction": 1.5}, "random_fraction must be between 0 and 1, got 1.5"),
        ({"n_candidates": 0}, "n_candidates must be at least 1, got 0"),
        ({"min_observations": 0}, "min_observations must be at least 1, got 0"),
    ],
)
def test_wrong_arguments_are_named(arguments, message):
    with pytest.raises(bohb.BohbError, match=message):
        bohb.BOHBSampler(**arguments)


def test_the_process_proposes_what_a_branch_of_the_objective_asks_for():
    asked = []

    def objective(trial):
        kind = trial.suggest_categorical("kind", ["a", "b", "c"])
        wanted = {"a": ["xa"], "b": ["xb", "yb"], "c": ["xc", "yc", "zc"]}[kind]
        proposed = set(trial.relative_params)
        asked.append(set(wanted) <= proposed)
        values = [trial.suggest_float(name, 0, 1) for name in wanted]
        return 3 - len(wanted) + sum((value - 0.3) ** 2 for value in values)

    study = optuna.create_study(sampler=bohb.BOHBSampler(seed=0, model="gp", random_fraction=0.0))
    study.optimize(objective, n_trials=60)
    assert np.mean(asked[20:]) > 0.9
    assert study.best_value < 1e-3


def test_a_parameter_that_no_evaluated_trial_has_is_no_trouble():
    def objective(trial):
        return 1.0 if trial.number < 12 else trial.suggest_float("x", 0, 1)

    study = optuna.create_study(sampler=bohb.BOHBSampler(seed=0, model="gp"))
    study.optimize(objective, n_trials=20, n_jobs=2)
    for _ in range(3):
        study.ask({"y": optuna.distributions.FloatDistribution(0, 1)})
    assert len(study.get_trials(states=[optuna.trial.TrialState.COMPLETE])) == 20


@pytest.mark.parametrize(
    ("low", "high", "log"),
    [(1e-15, 1e-10, True), (0.0, 1e-300, False), (1.0, 1.0 + 1e-9, False)],
)
def test_narrow_ranges_are_tuned_like_others(low, high, log):
    def objective(trial):
        x = trial.suggest_float("x", low, high, log=log)
        unit = np.log(x / low) / np.log(high / low) if log else (x - low) / (high - low)
        return (unit - 0.3) ** 2

    study = optuna.create_study(sampler=bohb.BOHBSampler(seed=0))
    study.optimize(objective, n_trials=30)
    assert study.best_value < 1e-5


def test_the_ends_of_a_range_beyond_the_precision_of_floats_are_legal():
    study = optuna.create_study(sampler=bohb.BOHBSampler(seed=0))
    study.optimize(lambda trial: -trial.suggest_int("n", 0, 2**62 - 1), n_trials=40)
    assert len(study.trials) == 40
    assert study.best_params["n"] > 0.99 * 2**62


def test_a_range_that_is_not_finite_is_refused():
    study = optuna.create_study(sampler=bohb.BOHBSampler(seed=0))
    with pytest.raises(ArgumentError, match="must have a range whose width is finite"):
        study.optimize(lambda trial: trial.suggest_float("x", -1e308, 1e308), n_trials=2)


def test_losses_and_ranges_of_any_size_are_taken_without_a_warning():
    study = optuna.create_study(sampler=bohb.BOHBSampler(seed=0, model="gp"))
    huge = iter([1.7e308, -1.7e308] * 10)
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1) and next(huge), n_trials=15)
    shrinking = optuna.create_study(sampler=bohb.BOHBSampler(seed=0, model="density"))
    for width in [1e20] * 12 + [1.0] * 4:
        shrinking.optimize(lambda trial, w=width: trial.suggest_float("x", 0, w), n_trials=1)
    assert len(shrinking.trials) == 16


def test_another_pruner_may_be_set_in_a_plain_study():
    pruner = optuna.pruners.HyperbandPruner(1, 81)
    study = optuna.create_study(sampler=bohb.BOHBSampler(seed=0), pruner=bohb.HyperbandPruner(1, 9))
    for other in (pruner, optuna.pruners.NopPruner(), bohb.HyperbandPruner(1, 81)):
        study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=12)
        study.pruner = other
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=2)
    assert len(study.trials) == 38


@pytest.mark.parametrize("model", ["gp", "density", "falkner2018"])
def test_the_settings_of_numpy_do_not_reach_the_model(model):
    def objective(trial):
        x = trial.suggest_float("x", 1e-6, 1, log=True) + trial.suggest_int("n", 1, 512, log=True)
        return x + {"a": 0, "b": 1}[trial.suggest_categorical("c", ["a", "b"])] + 1 / trial.resource

    studies = []
    for settings in ({}, {"all": "raise"}):
        sampler = bohb.BOHBSampler(seed=0, model=model)
        study = bohb.create_study(sampler=sampler, pruner=bohb.HyperbandPruner(1, 9))
        with np.errstate(**settings):
            study.optimize(objective, n_rounds=3)
        studies.append([trial.params for trial in study.trials])
    assert studies[0] == studies[1]


def test_a_space_that_is_used_up_is_measured_where_it_is_best_and_that_is_said_once(caplog):
    study = bohb.create_study(sampler=bohb.BOHBSampler(seed=0), pruner=bohb.HyperbandPruner(1, 9))
    study.optimize(lambda trial: trial.suggest_int("a", 0, 5) + 1 / trial.resource, n_rounds=10)
    counts = collections.Counter(trial.params["a"] for trial in study.trials[15:])
    assert counts[0] > 2 * max(counts[4], counts[5])
    assert [r.getMessage().split(".")[0] for r in caplog.records if "tried" in r.getMessage()] == [
        f"All configurations of study {study.study_name!r} were tried"
    ]


def test_constraints_of_a_plain_study_are_warned_about_once():
    def objective(trial):
        x = trial.suggest_float("x", 0, 1)
        trial.set_constraint("c", 0.5 - x)
        return x

    study = optuna.create_study(sampler=bohb.BOHBSampler(seed=0))
    with pytest.warns(UserWarning, match="does not look at constraints") as caught:
        study.optimize(objective, n_trials=5)
    assert len(caught) == 1

import numpy as np
import optuna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import bohb
from bohb.model import Categorical, Numeric, Observations, Space
from bohb.model.success import Success

SQUARE = Space({"x": Numeric(0, 1), "y": Numeric(0, 1)})
GRID = np.random.default_rng(1).random((500, 2))


def success(space, rows):
    return Success.fitted(space, Observations.of(rows))


def trials(n, fails, seed=0):
    """Return `n` random trials of the square, of which those fail of which `fails` says so."""
    rng = np.random.default_rng(seed)
    points = rng.random((n, 2))
    return [({"x": x, "y": y}, None if fails(x, y, rng) else {0: x + y}) for x, y in points]


def test_without_a_failure_nothing_is_learned():
    assert success(SQUARE, trials(20, lambda x, y, rng: False)) is None


def test_as_long_as_everything_fails_nothing_is_learned():
    assert success(SQUARE, trials(20, lambda x, y, rng: True)) is None


@pytest.mark.parametrize("seed", range(5))
def test_a_region_that_fails_is_known(seed):
    learned = success(SQUARE, trials(60, lambda x, y, rng: x > 0.6, seed))
    chance = np.exp(learned.log_probability(GRID))
    assert chance[GRID[:, 0] > 0.75].mean() < 0.3
    assert chance[GRID[:, 0] < 0.45].mean() > 0.8


@pytest.mark.parametrize("seed", range(5))
def test_failures_by_chance_repel_nothing_much(seed):
    learned = success(SQUARE, trials(200, lambda x, y, rng: rng.random() < 0.2, seed))
    chance = np.exp(learned.log_probability(GRID))
    assert np.mean(chance) == pytest.approx(0.8, abs=0.1)
    assert np.quantile(chance, 0.1) > 0.55


def test_a_choice_that_fails_is_known():
    space = Space({"kind": Categorical(3)})
    rows = [({"kind": float(i % 3)}, None if i % 3 == 2 else {0: 1.0}) for i in range(30)]
    chance = np.exp(success(space, rows).log_probability(np.array([[0.0], [1.0], [2.0]])))
    assert chance[2] < 0.3
    assert chance[:2].min() > 0.7


@settings(deadline=None)
@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=30))
def test_a_chance_lies_between_0_and_1(rows):
    line = Space({"x": Numeric(0, 1)})
    learned = success(line, [({"x": x}, None if failed else {0: x}) for x, failed in rows])
    if learned is not None:
        logs = learned.log_probability(np.linspace(0, 1, 11)[:, None])
        assert np.isfinite(logs).all()
        assert (logs <= 0).all()


def test_what_is_more_likely_to_fail_comes_after_all_that_is_not():
    learned = success(SQUARE, trials(60, lambda x, y, rng: x > 0.6))
    penalties, chances = learned.log_penalty(GRID), np.exp(learned.log_probability(GRID))
    assert penalties[chances < 0.5].max() < penalties[chances >= 0.5].min() - 900


def test_a_failure_among_very_many_successes_changes_nothing():
    learned = success(SQUARE, trials(1000, lambda x, y, rng: x > 0.999))
    assert learned.log_penalty(GRID).min() > -0.1


@pytest.mark.parametrize("model", ["gp", "density", "forest"])
def test_of_the_best_that_lie_beside_what_fails_few_are_lost(model):
    def corner(trial):
        x, y = trial.suggest_float("x", 0, 1), trial.suggest_float("y", 0, 1)
        if x + y < 0.7:
            raise optuna.TrialPruned
        return x + y

    found, n_failed = [], 0
    for seed in range(2):
        study = optuna.create_study(sampler=bohb.BOHBSampler(seed=seed, model=model))
        study.optimize(corner, n_trials=40)
        found.append(study.best_value)
        n_failed += sum(trial.value is None for trial in study.trials)
    assert max(found) < 0.8
    assert n_failed < 50  # of 80

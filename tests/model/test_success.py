import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

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
    assert np.mean(chance) == pytest.approx(0.8, abs=0.08)
    assert np.quantile(chance, 0.1) > 0.55


def test_a_choice_that_fails_is_known():
    space = Space({"kind": Categorical(3)})
    rows = [({"kind": float(i % 3)}, None if i % 3 == 2 else {0: 1.0}) for i in range(30)]
    chance = np.exp(success(space, rows).log_probability(np.array([[0.0], [1.0], [2.0]])))
    assert chance[2] < 0.3
    assert chance[:2].min() > 0.7


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=30))
def test_a_chance_lies_between_0_and_1(rows):
    line = Space({"x": Numeric(0, 1)})
    learned = success(line, [({"x": x}, None if failed else {0: x}) for x, failed in rows])
    if learned is not None:
        logs = learned.log_probability(np.linspace(0, 1, 11)[:, None])
        assert np.isfinite(logs).all()
        assert (logs <= 0).all()

"""Which configurations were tried, and what is left."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bohb.model import Categorical, Numeric, Observations, Space
from bohb.model.allowed import is_possible
from bohb.model.predicates import Comparison
from bohb.model.tried import Tried, first_untried, is_used_up, untried_from_prior

FINITE = {
    "kind": Categorical(3),
    "n": Numeric(1, 8, log=True, step=1),
    "k": Numeric(0, 1, step=0.1),
}
SPACES = {
    "finite": Space(FINITE),
    "with a continuous parameter": Space({**FINITE, "x": Numeric(-2.0, 2.0)}),
    "on the logarithmic scale": Space({**FINITE, "x": Numeric(1e-5, 1.0, log=True)}),
}
EXISTING = {
    "kind": [0.0, 1.0, 2.0],
    "n": [1.0, 2.0, 8.0],
    "k": [0.0, 0.3, 1.0],
    "x": [1e-5, 0.5, 1.0],
}
# Of the trials some are the same but for rounding, or are from another range.
OBSERVED = {
    "kind": [*EXISTING["kind"], 5.0],
    "n": [*EXISTING["n"], 9.0],
    "k": [*EXISTING["k"], 0.1 + 0.2],
    "x": [*EXISTING["x"], 1e-5 * (1 + 1e-12), 0.5 + 1e-12, 0.500001, -1.0],
}


def some_of(values):
    return st.fixed_dictionaries(
        {}, optional={name: st.sampled_from(known) for name, known in values.items()}
    )


def is_same(row, values, space):
    """Return whether a trial with these `values` tried `row`, one parameter after another."""
    pairs = [
        (parameter.encode(np.array([values[name]]))[0], unit)
        for (name, parameter), unit in zip(space.parameters.items(), row, strict=True)
        if name in values and not math.isnan(unit)
    ]
    return bool(pairs) and all(abs(tried - unit) <= 1e-9 for tried, unit in pairs)


@given(st.sampled_from(sorted(SPACES)), some_of(EXISTING), st.lists(some_of(OBSERVED), max_size=12))
def test_a_configuration_was_tried_if_a_trial_had_all_that_it_asked_for(name, wanted, trials):
    space = SPACES[name]
    row = space.encode_named(wanted)
    tried = Tried(space, Observations.of([(values, {0: 1.0}) for values in trials]))
    assert (row in tried) == any(is_same(row, values, space) for values in trials)


@pytest.mark.parametrize("n_values", [300, 5000])  # of the larger space nothing is listed
def test_what_little_is_left_of_a_space_is_found(n_values):
    space = Space({"n": Numeric(1, n_values, step=1)})
    n_left = 1 if n_values == 300 else n_values // 10
    tried = Observations.of([({"n": float(n)}, {0: 1.0}) for n in range(n_left + 1, n_values + 1)])
    nothing = np.full(1, np.nan)
    for seed in range(5):
        row = untried_from_prior(space, tried, nothing, np.random.default_rng(seed))
        assert space.named(row)["n"] <= n_left


def test_of_a_space_without_anything_left_something_is_tried_again():
    space = Space({"kind": Categorical(3)})
    tried = Observations.of([({"kind": float(kind)}, {0: 1.0}) for kind in range(3)])
    row = untried_from_prior(space, tried, np.full(1, np.nan), np.random.default_rng(0))
    assert row[0] in (0.0, 1.0, 2.0)


def test_the_first_that_was_not_tried_is_taken_before_one_of_the_prior():
    space = SPACES["on the logarithmic scale"]
    rows = space.draw_prior(3, np.random.default_rng(0))
    tried = Observations.of([(space.named(row), {0: 1.0}) for row in rows[:2]])
    rng, nothing = np.random.default_rng(0), np.full(4, np.nan)
    assert first_untried(rows, space, tried, nothing, rng).tolist() == rows[2].tolist()
    other = first_untried(rows[:2], space, tried, nothing, np.random.default_rng(7))
    assert other.tolist() not in rows.tolist()


def test_of_a_space_that_is_used_up_the_most_promising_is_tried_again():
    space = Space({"n": Numeric(0, 2, step=1)})
    observations = Observations.of([({"n": float(n)}, {0: float(n)}) for n in range(3)])
    ranked = space.encode(np.array([[1.0], [0.0], [2.0]]))
    nothing, rng = np.array([np.nan]), np.random.default_rng(0)
    for _ in range(5):
        again = first_untried(ranked, space, observations, nothing, rng)
        assert space.named(again) == {"n": 1.0}
    assert is_used_up(space, observations, {"n": 1.0})
    assert not is_used_up(space, observations.rows(np.arange(2)), {"n": 1.0})


@pytest.mark.parametrize("propose", ["listed", "drawn", "mended", "ranked"])
def test_a_choice_without_weight_is_proposed_only_if_it_is_fixed(propose):
    kinds = Categorical(3, (0.5, 0.5, 0.0))
    forbidden = [Comparison("n", "<", 2.5)] if propose == "mended" else []
    space = Space({"n": Numeric(0, 3, step=1), "kind": kinds}, {}, forbidden, is_declared=True)
    rows = space.encode(np.array([[3.0, 2.0], [3.0, 1.0]]))
    tried = [({"n": float(n), "kind": float(k)}, {0: 1.0}) for n in range(4) for k in range(2)]
    observations = Observations.of(tried if propose == "listed" else tried[:1])
    for seed in range(20):
        rng = np.random.default_rng(seed)
        nothing = np.full(2, np.nan)
        if propose == "ranked":
            assert is_possible(rows, space, nothing).tolist() == [False, True]
            assert is_possible(rows, space, rows[0]).tolist() == [True, True]
        else:
            row = untried_from_prior(space, observations, nothing, rng)
            assert space.named(row)["kind"] != 2.0

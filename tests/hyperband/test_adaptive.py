"""Where a bracket starts, as far as the rounds before have told."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bohb.hyperband import Bracket, ladder, make_plan, pays_to_start_at_top

PLAN = make_plan(ladder(1, 27, 3), 3)
FIRST = PLAN.brackets[0]


@pytest.mark.parametrize("levels", [ladder(1, 81, 3), ladder(0.1, 2.7, 3), ladder(1, 16, 2)])
def test_a_bracket_at_the_top_costs_no_more_and_wastes_less_than_one_training(levels):
    top = levels[-1]
    for planned in make_plan(levels, 3).brackets:
        cost, instead = (each.resource(continued=True) for each in (planned, planned.at_top()))
        assert cost - top < instead <= cost * (1 + 1e-9)
        assert planned.at_top().resources == (top,)
        assert planned.at_top().at_top() == planned.at_top()


def test_it_pays_when_the_best_of_those_it_buys_is_more_likely_than_not_to_be_better():
    promoted = [1.0] * 5
    assert FIRST.at_top().n_trials == 3  # in place of one that is promoted
    for n_better in range(6):
        started = [0.5] * n_better + [2.0] * (5 - n_better)
        chance = 1 - (1 - n_better / 5) ** 3
        assert pays_to_start_at_top(FIRST, started, promoted) == (chance >= 0.5)


def test_only_the_newest_of_each_count():
    assert pays_to_start_at_top(FIRST, [9.0] * 20 + [0.0] * 5, [1.0] * 5)
    assert not pays_to_start_at_top(FIRST, [0.0] * 20 + [9.0] * 5, [1.0] * 5)


@given(st.lists(st.floats(0, 1) | st.just(math.inf), max_size=8), st.booleans())
def test_without_either_kind_and_for_a_single_rung_nothing_changes(losses, is_started):
    started, promoted = (losses, []) if is_started else ([], losses)
    assert not pays_to_start_at_top(FIRST, started, promoted)
    assert not pays_to_start_at_top(Bracket((4,), (27,), 3), losses, losses)


def test_screening_that_works_is_kept_if_nothing_is_learned():
    rng = np.random.default_rng(0)
    kept = 0
    for _ in range(200):
        started = rng.random(4)
        promoted = rng.random((4, 27)).min(axis=1)  # as by rungs that rank without an error
        kept += not pays_to_start_at_top(FIRST, started.tolist(), promoted.tolist())
    assert kept > 180

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bohb.model import Observation, rank_weights, scores, split


def test_a_trial_is_judged_at_the_highest_level_it_was_evaluated_at():
    losses = [{0: 0.1}, {0: 0.2, 1: 0.9}, {0: 0.3, 1: 0.5}, {0: 0.4}]
    # Level 0: quantiles 1/8, 3/8, 5/8, 7/8; level 1: 3/4, 1/4; divided by 3**level.
    assert scores(losses, 3.0) == pytest.approx([1 / 8, 3 / 4 / 3, 1 / 4 / 3, 7 / 8])


def test_equal_losses_share_the_middle_rank():
    assert scores([{0: 1.0}, {0: 1.0}, {0: 2.0}], 3.0) == pytest.approx([1 / 3, 1 / 3, 5 / 6])


def test_the_good_are_a_tenth_but_at_most_25_and_failures_are_never_good():
    observations = [Observation({}, {0: float(i)}) for i in range(40)]
    observations += [Observation({}, {})] * 60
    good, bad = split(observations, 3.0)
    assert good.tolist() == [0, 1, 2, 3]
    assert len(bad) == 96
    many = [Observation({}, {0: float(-i)}) for i in range(1000)]
    good, bad = split(many, 3.0)
    assert good.tolist() == list(range(999, 974, -1))


def test_without_evaluations_nothing_is_good():
    good, bad = split([Observation({}, {})] * 3, 3.0)
    assert len(good) == 0
    assert bad.tolist() == [0, 1, 2]


@given(st.integers(1, 200))
def test_rank_weights_fall_and_have_mean_one(count):
    weights = rank_weights(count)
    assert weights.mean() == pytest.approx(1)
    assert (np.diff(weights) < 0).all()
    assert (weights > 0).all()
    ratio = (math.log(count + 0.5)) / (math.log(count + 0.5) - math.log(count))
    assert weights[0] / weights[-1] == pytest.approx(ratio)


@given(st.lists(st.dictionaries(st.integers(0, 3), st.floats(-1e3, 1e3), max_size=4), max_size=40))
def test_a_split_loses_no_observation(losses):
    observations = [Observation({}, by_level) for by_level in losses]
    good, bad = split(observations, 3.0)
    assert sorted([*good, *bad]) == list(range(len(losses)))

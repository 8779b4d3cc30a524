"""One loss in place of several."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bohb.model.observations import Observations
from bohb.model.scalarisation import scalarised


def objectives(*losses):
    return [
        Observations.of([({"x": float(row)}, {0: loss}) for row, loss in enumerate(column)])
        for column in zip(*losses, strict=True)
    ]


def test_a_single_objective_stays_as_it_is():
    (one,) = objectives((0.1,), (0.2,))
    assert scalarised([one], np.random.default_rng(0)) is one


@given(
    st.lists(
        st.tuples(*[st.integers(0, 50)] * 2),
        min_size=2,
        max_size=15,
    ),
    st.integers(0, 99),
)
def test_whatever_is_dominated_has_the_higher_loss(points, seed):
    both = objectives(*[tuple(map(float, point)) for point in points])
    found = scalarised(both, np.random.default_rng(seed)).losses[:, 0]
    for one, loss in zip(points, found, strict=True):
        for other, its_loss in zip(points, found, strict=True):
            if one[0] < other[0] and one[1] < other[1]:
                assert loss < its_loss


def test_weights_differ_from_one_proposal_to_the_next_and_reach_both_ends():
    both = objectives((0.0, 1.0), (0.3, 0.3), (1.0, 0.0))
    best = {
        int(np.argmin(scalarised(both, np.random.default_rng(seed)).losses[:, 0]))
        for seed in range(50)
    }
    assert best == {0, 1, 2}


def test_an_objective_that_diverged_does_not_flatten_the_others():
    both = objectives((0.0, 1.0), (0.1, 0.9), (0.2, 0.8), (1e12, 0.0))
    found = scalarised(both, np.random.default_rng(3)).losses[:3, 0]
    assert found.max() < 20


def test_levels_without_a_loss_stay_without_one():
    rows = [({"x": 0.0}, {0: 1.0, 1: 0.5}), ({"x": 1.0}, {0: 2.0}), ({"x": 2.0}, {})]
    both = [Observations.of(rows), Observations.of(rows)]
    found = scalarised(both, np.random.default_rng(0))
    assert np.isnan(found.losses).tolist() == np.isnan(both[0].losses).tolist()
    assert found.highest.tolist() == [1, 0, -1]


@pytest.mark.parametrize("loss", [0.0, 5.0])
def test_equal_losses_are_no_division_by_zero(loss):
    both = objectives((loss, 1.0), (loss, 2.0))
    assert np.isfinite(scalarised(both, np.random.default_rng(0)).losses).all()

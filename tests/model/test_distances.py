"""The distances between configurations at their levels."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bohb.model import Categorical, Numeric, Space
from bohb.model.distances import Distances, Points, squared_distances
from bohb.model.warp import Warp

SPACE = Space({"x": Numeric(0, 1), "c": Categorical(3), "y": Numeric(1, 9, step=1)})
WEIGHTS = np.array([2.0, 0.5, 3.0, 0.25])


def points(count, seed, missing):
    """Return random configurations, each of whose values is missing with this chance."""
    rng = np.random.default_rng(seed)
    units = SPACE.draw_prior(count, rng)
    units[rng.random(units.shape) < missing] = np.nan
    return Points(units, rng.integers(3, size=count))


def test_a_choice_is_as_far_from_another_as_nearly_a_whole_range_and_a_missing_value_as_a_range():
    units = np.array([[0.0, 0.0, 0.5], [1.0, 1.0, np.nan], [1.0, 1.0, np.nan]])
    squared = squared_distances(SPACE, 3, Points(units, np.array([0, 2, 1])))
    assert squared[:, 0, 1].tolist() == [1.0, 0.98, 1.0, 1.0]
    assert squared[:, 1, 2].tolist() == [0.0, 0.0, 0.0, 0.25]
    assert np.array_equal(squared, squared.transpose(0, 2, 1))


@given(
    seed=st.integers(0, 1000),
    missing=st.sampled_from([0.0, 0.1, 0.5, 1.0]),
    missing_there=st.sampled_from([0.0, 0.3]),
)
def test_their_sum_is_that_of_the_distances_by_parameter(seed, missing, missing_there):
    one, other = points(5, seed, missing), points(4, seed + 1, missing_there)
    together = Points(
        np.concatenate([one.units, other.units]), np.concatenate([one.levels, other.levels])
    )
    by_input = squared_distances(SPACE, 3, together)[:, :5, 5:]
    expected = np.tensordot(WEIGHTS, by_input, axes=1)
    assert Distances(SPACE, 3, WEIGHTS, other).of(one) == pytest.approx(expected, abs=1e-12)


def test_warped_distances_are_those_of_warped_configurations():
    warp = Warp(np.array([0, 2]), np.array([[0.5, -0.5], [0.2, 0.9]]))
    one, other = points(5, 0, 0.1), points(4, 1, 0.0)
    expected = Distances(SPACE, 3, WEIGHTS, Points(warp.of(other.units), other.levels)).of(
        Points(warp.of(one.units), one.levels)
    )
    warped = Distances(SPACE, 3, WEIGHTS, points(9, 2, 0.0), warp).to(other)
    assert warped.of(one) == pytest.approx(expected, abs=1e-12)


def test_they_can_be_taken_to_other_points_and_are_never_negative():
    near = points(50, 0, 0.0)
    distances = Distances(SPACE, 3, 1e6 * WEIGHTS, points(3, 1, 0.0)).to(near)
    own = distances.of(near)
    assert own.shape == (50, 50)
    assert (own >= 0).all()
    assert np.diagonal(own) == pytest.approx(np.zeros(50), abs=1e-8)

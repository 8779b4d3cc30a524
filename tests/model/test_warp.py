"""Warps of the ranges of numbers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bohb.model import Categorical, Numeric, Space
from bohb.model.warp import Warp, log_inside, warp_with_slopes, warpable

shapes = st.floats(-1, 1)


def warped(units, log_a, log_b):
    """Return units, shape (n,), warped by one map."""
    return Warp(np.array([0]), np.array([[log_a], [log_b]])).of(units[:, None])[:, 0]


@given(log_a=shapes, log_b=shapes)
def test_a_warp_maps_a_range_onto_itself_and_keeps_the_order(log_a, log_b):
    found = warped(np.linspace(0, 1, 50), log_a, log_b)
    assert (found[0], found[-1]) == (0, 1)
    assert (np.diff(found) > 0).all()


def test_shapes_of_one_leave_everything_as_it_is():
    units = np.random.default_rng(0).random(9)
    assert warped(units, 0, 0) == pytest.approx(units, abs=1e-15)


def test_other_columns_and_missing_values_stay():
    units = np.array([[0.25, 0.25, 2.0], [np.nan, 0.5, 0.0]])
    found = Warp(np.array([0]), np.array([[1.0], [0.5]])).of(units)
    assert np.array_equal(found[:, 1:], units[:, 1:])
    assert np.isnan(found[1, 0])
    assert found[0, 0] != units[0, 0] == 0.25


@given(log_a=shapes, log_b=shapes)
def test_slopes_are_those_of_finite_differences(log_a, log_b):
    units, step = np.linspace(0.01, 0.99, 20), 1e-6
    found, slopes = warp_with_slopes(log_inside(units[:, None]), np.array([[log_a], [log_b]]))
    assert found[:, 0] == pytest.approx(warped(units, log_a, log_b), abs=1e-12)
    for own, (a, b) in zip(slopes, step * np.eye(2), strict=True):
        ahead, behind = (warped(units, log_a + k * a, log_b + k * b) for k in (1, -1))
        assert own[:, 0] == pytest.approx((ahead - behind) / (2 * step), rel=1e-5, abs=1e-8)


@pytest.mark.parametrize("unit", [0.0, 1.0])
def test_slopes_at_the_ends_are_finite(unit):
    found = warp_with_slopes(log_inside(np.array([[unit]])), np.array([[-0.9], [-0.9]]))
    assert all(np.isfinite(each).all() for each in found)


def test_numbers_are_warped_that_all_configurations_have_within_the_range_of_today():
    number = Numeric(0, 1)
    space = Space(
        {"a": number, "choice": Categorical(2), "missing": number, "beyond": number, "b": number}
    )
    units = np.array([[0.0, 0.0, 0.5, 1.2, 0.1], [1.0, 1.0, np.nan, 0.3, 0.2]])
    assert warpable(space, units).tolist() == [0, 4]

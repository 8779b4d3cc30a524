import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bohb.errors import ArgumentError, BohbError
from bohb.hyperband import ladder


@pytest.mark.parametrize(
    ("bounds", "levels"),
    [
        ((1, 81, 3), (1, 3, 9, 27, 81)),
        ((1, 243, 3), (1, 3, 9, 27, 81, 243)),  # floor(log(243) / log(3)) is 4
        ((1, 1000, 10), (1, 10, 100, 1000)),  # floor(log(1000) / log(10)) is 2
        ((0.1, 0.9, 3), (0.1, 0.3, 0.9)),  # 0.9 / 9 is less than 0.1 in floating point
        ((1, 299, 4), (1, 5, 19, 75, 299)),  # every bracket ends at the top
        ((2, 9, 3), (3, 9)),  # the lowest level may lie above min_resource
        ((7, 7, 3), (7,)),
        ((1, 4, 1.2), (1, 2, 3, 4)),  # whole levels increase strictly
        ((0.5, 8, 2), (0.5, 1.0, 2.0, 4.0, 8.0)),
    ],
)
def test_the_ladder_has_the_levels_it_should_have(bounds, levels):
    assert ladder(*bounds) == levels


@given(st.integers(1, 1000), st.integers(2, 10), st.integers(0, 12))
def test_between_b_and_b_times_eta_to_the_k_there_are_k_plus_one_levels(b, eta, k):
    assert ladder(b, b * eta**k, eta) == tuple(b * eta**level for level in range(k + 1))


@given(
    st.floats(1e-6, 1e6),
    st.integers(2, 10) | st.floats(1.5, 10),
    st.integers(0, 12),
)
def test_float_bounds_lose_no_level_to_rounding(b, eta, k):
    levels = ladder(b, b * eta**k, eta)
    assert len(levels) == k + 1
    assert levels[-1] == b * eta**k
    assert math.isclose(levels[0], b, rel_tol=1e-9)


@given(st.integers(1, 10**6), st.integers(1, 10**6), st.floats(1.1, 20))
def test_whole_levels_are_whole_and_increase_and_stay_within_the_bounds(one, other, eta):
    low, high = sorted((one, other))
    levels = ladder(low, high, eta)
    assert all(isinstance(level, int) for level in levels)
    assert list(levels) == sorted(set(levels))
    assert levels[0] >= low
    assert levels[-1] == high


@pytest.mark.parametrize(
    ("bounds", "message"),
    [
        ((0, 9, 3), "min_resource must be positive and finite, got 0"),
        ((-1, 9, 3), "min_resource must be positive and finite, got -1"),
        ((1, float("inf"), 3), "max_resource must be positive and finite, got inf"),
        ((1, float("nan"), 3), "max_resource must be positive and finite, got nan"),
        ((9, 1, 3), "min_resource must be at most max_resource"),
        ((1, 9, 1), "reduction_factor must be greater than 1, got 1"),
        ((1, 9, 0.5), "reduction_factor must be greater than 1, got 0.5"),
        (("1", 9, 3), "min_resource must be a number, got '1'"),
        ((1, None, 3), "max_resource must be a number, got None"),
        ((1, 9, True), "reduction_factor must be a number, got True"),
    ],
)
def test_wrong_bounds_are_named(bounds, message):
    with pytest.raises(ArgumentError, match=message) as caught:
        ladder(*bounds)
    assert isinstance(caught.value, BohbError)

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from bohb.model import Numeric


@given(st.integers(-50, 50), st.integers(0, 100), st.integers(1, 7), st.floats(0, 1))
def test_every_point_of_the_interval_belongs_to_a_value_of_the_grid(low, length, step, share):
    high = low + length // step * step
    parameter = Numeric(low, high, step=step)
    left, right = parameter.edges
    value = parameter.values(np.array([left + share * (right - left)]))[0]
    assert low <= value <= high
    assert (value - low) % step == 0


@given(st.integers(1, 10**6), st.integers(1, 10**6), st.floats(0, 1))
def test_log_integers_are_integers_within_their_range(one, other, share):
    low, high = sorted((one, other))
    parameter = Numeric(low, high, log=True, step=1)
    left, right = parameter.edges
    value = parameter.values(np.array([left + share * (right - left)]))[0]
    assert low <= value <= high
    assert value == round(value)


@given(st.integers(1, 1000), st.integers(1, 1000))
def test_the_bins_of_a_log_integer_cover_its_interval_without_a_gap(one, other):
    low, high = sorted((one, other))
    parameter = Numeric(low, high, log=True, step=1)
    lower, upper = parameter.bins(np.arange(low, high + 1, dtype=float))
    assert np.allclose(lower[1:], upper[:-1])
    assert np.allclose([lower[0], upper[-1]], parameter.edges)

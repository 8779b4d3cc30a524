"""Units, values, priors and conditions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from bohb.model import Categorical, Numeric, Space
from bohb.model.predicates import All, Comparison, OneOf, Relation, Some

NORMAL = stats.truncnorm(-0.8 / 0.2, 0.2 / 0.2, loc=0.8, scale=0.2)
PRIORS = {
    "float": Numeric(-2.0, 3.0, prior=NORMAL),
    "log float": Numeric(1e-4, 1e2, log=True, prior=stats.beta(2.0, 5.0)),
    "integer": Numeric(1, 9, step=1, prior=NORMAL),
    "log integer": Numeric(1, 40, log=True, step=1, prior=stats.beta(2.0, 2.0)),
    "weighted": Categorical(4, (0.1, 0.0, 0.6, 0.3)),
}


@given(st.integers(-50, 50), st.integers(0, 100), st.integers(1, 7), st.floats(0, 1))
def test_every_place_belongs_to_a_value_of_the_grid(low, length, step, unit):
    high = low + length // step * step
    value = Numeric(low, high, step=step).decode(np.array([unit]))[0]
    assert low <= value <= high
    assert (value - low) % step == 0


@given(st.integers(1, 10**6), st.integers(1, 10**6), st.floats(0, 1))
def test_log_integers_are_integers_within_their_range(one, other, unit):
    low, high = sorted((one, other))
    value = Numeric(low, high, log=True, step=1).decode(np.array([unit]))[0]
    assert low <= value <= high
    assert value == round(value)


@given(st.integers(1, 1000), st.integers(1, 1000))
def test_the_bins_of_a_log_integer_cover_its_range_without_a_gap(one, other):
    low, high = sorted((one, other))
    parameter = Numeric(low, high, log=True, step=1)
    lower, upper = parameter.bins(parameter.all_units())
    assert np.allclose(lower[1:], upper[:-1])
    assert np.allclose([lower[0], upper[-1]], [0, 1])


@pytest.mark.parametrize("name", PRIORS)
def test_the_values_around_another_end_where_their_units_do(name):
    parameter = PRIORS[name]
    for value in parameter.decode(parameter.draw_prior(5, np.random.default_rng(0))):
        lowest, highest = parameter.around(float(value), 0.25)
        lower, unit, upper = parameter.encode(np.array([lowest, value, highest]))
        assert [unit - lower, upper - unit] == pytest.approx([0.25, 0.25])


@given(st.integers(1, 500), st.integers(1, 500), st.booleans())
def test_a_value_survives_its_encoding(one, other, log):
    low, high = sorted((one, other))
    parameter = Numeric(low, high, log=log, step=1)
    values = np.arange(low, high + 1, dtype=float)
    assert parameter.decode(parameter.encode(values)).tolist() == values.tolist()
    assert np.allclose(parameter.all_units(), parameter.encode(values))


def test_the_end_values_of_a_grid_are_as_likely_as_the_others():
    parameter = Numeric(1, 5, step=1)
    values = parameter.decode(parameter.draw_prior(50_000, np.random.default_rng(0)))
    counts = np.bincount(values.astype(int))[1:]
    assert stats.chisquare(counts).pvalue > 1e-4


@pytest.mark.parametrize("name", PRIORS)
def test_a_prior_integrates_to_one_and_its_draws_follow_it(name):
    parameter = PRIORS[name]
    draws = parameter.draw_prior(20_000, np.random.default_rng(0))
    if parameter.n_values < np.inf:
        units = parameter.all_units()
        if isinstance(parameter, Categorical):
            base = np.full(len(units), 1 / len(units))
        else:
            lower, upper = parameter.bins(units)
            base = upper - lower
        masses = np.exp(parameter.log_prior(units)) * base
        assert masses.sum() == pytest.approx(1)
        counts = np.array([np.isclose(draws, unit).sum() for unit in units])
        possible = masses > 1e-12
        assert counts[~possible].sum() == 0
        expected = masses[possible] * len(draws)
        assert stats.chisquare(counts[possible], expected).pvalue > 1e-4
    else:
        units = np.linspace(1e-9, 1 - 1e-9, 20_001)
        heights = np.exp(parameter.log_prior(units))
        assert np.trapezoid(heights, units) == pytest.approx(1, abs=1e-5)
        assert stats.kstest(draws, parameter.prior.cdf).pvalue > 1e-4


def conditional_space():
    parameters = {
        "kind": Categorical(3),
        "depth": Numeric(1, 5, step=1),
        "leaf": Numeric(0.0, 1.0),
        "deep": Numeric(0.0, 1.0),
    }
    conditions = {
        "depth": OneOf("kind", (1.0, 2.0)),
        "leaf": Comparison("kind", "==", 2.0),
        "deep": All((Comparison("depth", ">", 3.0), Comparison("kind", "!=", 1.0))),
    }
    return Space(parameters, conditions, is_declared=True)


def test_a_row_of_a_declared_space_has_what_its_conditions_ask_for():
    space = conditional_space()
    rows = space.draw_prior(500, np.random.default_rng(0))
    seen = {frozenset(space.named(row)) for row in rows}
    assert seen == {
        frozenset({"kind"}),
        frozenset({"kind", "depth"}),
        frozenset({"kind", "depth", "leaf"}),
        frozenset({"kind", "depth", "leaf", "deep"}),
    }


def test_no_statement_about_a_missing_parameter_holds():
    columns = {"x": np.array([np.nan, 1.0]), "y": np.array([2.0, np.nan])}
    for symbol in ("==", "!=", "<", "<=", ">", ">="):
        assert Comparison("x", symbol, 1.0).holds(columns)[0] == np.False_
        assert not Relation("x", symbol, "y").holds(columns).any()
    assert OneOf("x", (1.0,)).holds(columns).tolist() == [False, True]
    either = Some((Comparison("x", "==", 1.0), Comparison("y", ">", 1.0)))
    assert either.holds(columns).tolist() == [True, True]
    assert either.names == ("x", "y")


def test_choices_are_compared_by_what_they_stand_for():
    columns = {"a": np.array([0.0, 1.0, 2.0]), "b": np.array([15.0, 15.0, np.nan])}
    assert Relation("a", "<", "b", left_ranks=(10.0, 20.0, 5.0)).holds(columns).tolist() == [
        True,
        False,
        False,
    ]

"""Which observations are good."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bohb.model import Observations, Table
from bohb.model.observations import best, rank_weights, split


def of_losses(*losses):
    return Observations.of([({}, by_level) for by_level in losses])


def test_a_trial_is_judged_at_the_highest_level_it_was_evaluated_at():
    observations = of_losses({0: 0.1}, {0: 0.2, 1: 0.9}, {0: 0.3, 1: 0.5}, {0: 0.4})
    # Level 0: quantiles 1/8, 3/8, 5/8, 7/8; level 1: 3/4, 1/4; divided by 3**level.
    rows, scores = best(observations, 3.0, 4)
    assert rows.tolist() == [2, 0, 1, 3]
    assert scores == pytest.approx([1 / 4 / 3, 1 / 8, 3 / 4 / 3, 7 / 8])


def test_equal_losses_share_the_middle_rank_and_the_older_comes_first():
    rows, scores = best(of_losses({0: 2.0}, {0: 1.0}, {0: 1.0}), 3.0, 3)
    assert rows.tolist() == [1, 2, 0]
    assert scores == pytest.approx([1 / 3, 1 / 3, 5 / 6])


@given(st.lists(st.dictionaries(st.integers(0, 3), st.integers(-5, 5), max_size=4), max_size=40))
def test_the_first_few_are_those_of_the_whole_order(losses):
    observations = of_losses(*losses)
    everything, scores = best(observations, 3.0, len(losses) + 1)
    assert len(everything) == sum(1 for by_level in losses if by_level)
    for count in (1, 3, 7):
        rows, few = best(observations, 3.0, count)
        assert rows.tolist() == everything[:count].tolist()
        assert few.tolist() == scores[:count].tolist()


def test_the_good_are_a_tenth_but_at_most_25_and_failures_are_never_good():
    good, others = split(of_losses(*[{0: float(i)} for i in range(40)], *[{}] * 60), 3.0)
    assert good.tolist() == [0, 1, 2, 3]
    assert len(others) == 96
    good, others = split(of_losses(*[{0: float(-i)} for i in range(1000)]), 3.0)
    assert good.tolist() == list(range(999, 974, -1))


def test_without_evaluations_nothing_is_good():
    good, others = split(of_losses({}, {}, {}), 3.0)
    assert len(good) == 0
    assert others.tolist() == [0, 1, 2]


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
    good, others = split(of_losses(*losses), 3.0)
    assert sorted([*good, *others]) == list(range(len(losses)))


def test_a_table_grows_by_rows_parameters_and_levels():
    table = Table()
    table.put(40, {"b": 1.0}, {2: 0.5})
    table.put(3, {"a": 2.0}, {}, failed=True)
    table.put(7, {"a": 3.0, "b": 4.0}, {})
    observations = table.view()
    assert len(observations) == 41
    known = observations.rows(np.array([3, 7, 40]))
    assert known.columns(["a", "b", "c"]).tolist()[1] == pytest.approx(
        [3.0, 4.0, np.nan], nan_ok=True
    )
    assert known.is_evaluated.tolist() == [False, False, True]
    assert known.failed.tolist() == [True, False, False]
    assert known.is_pending.tolist() == [False, True, False]
    assert known.highest.tolist() == [-1, -1, 2]


def test_a_row_that_was_passed_over_is_neither_evaluated_nor_pending_and_has_no_parameter():
    table = Table()
    table.put(40, {"b": 1.0}, {0: 0.5})
    observations = table.view()
    assert np.flatnonzero(observations.is_evaluated).tolist() == [40]
    assert not observations.is_pending.any()
    assert len(observations.with_any_of(["a", "b"])) == 1


def test_a_row_that_is_written_again_forgets_what_it_was():
    table = Table()
    table.put(0, {"a": 1.0, "b": 1.0}, {0: 1.0, 1: 1.0})
    table.put(0, {"a": 2.0}, {0: 3.0})
    observations = table.view()
    assert observations.columns(["a"]).tolist() == [[2.0]]
    assert np.isnan(observations.columns(["b"])).all()
    assert observations.highest.tolist() == [0]


@pytest.mark.parametrize("n_rows", [1, 5, 16, 40])
def test_a_view_leaves_out_one_row_wherever_it_is(n_rows):
    table = Table()
    for row in range(n_rows):
        table.put(row, {"a": float(row)}, {0: float(row)})
    for without in (-1, 0, n_rows // 2, n_rows - 1, n_rows):
        others = [float(row) for row in range(n_rows) if row != without]
        assert table.view(without=without).column("a").tolist() == others
        assert table.view(without=without).losses[:, 0].tolist() == others


def test_what_a_view_shows_cannot_be_changed_by_who_reads_it():
    table = Table()
    table.put(0, {"a": 1.0}, {0: 1.0})
    for array in (table.view().values, table.view().losses, table.view().failed):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0

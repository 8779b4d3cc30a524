"""The order in which samples are taken."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from bohb.sklearn.problem import nested_order


@given(st.lists(st.integers(0, 3), min_size=1, max_size=200), st.integers(0, 99))
def test_every_beginning_keeps_the_proportions_of_the_classes(labels, seed):
    classes = np.array(labels)
    rows = np.arange(len(classes))[::-1]
    order = nested_order(rows, classes, None, np.random.default_rng(seed))
    assert sorted(order) == sorted(rows)
    n_classes = len(np.unique(classes))
    assert len(np.unique(classes[order[:n_classes]])) == n_classes
    whole = np.bincount(classes, minlength=4) / len(classes)
    for size in range(1, len(order) + 1):
        part = np.bincount(classes[order[:size]], minlength=4)
        assert np.all(np.abs(part - size * whole) <= n_classes + 1)


@given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(0, 9)), min_size=1, max_size=100),
    st.integers(0, 99),
)
def test_groups_are_not_torn_apart(pairs, seed):
    classes, groups = np.array(pairs).T
    order = nested_order(np.arange(len(pairs)), classes, groups, np.random.default_rng(seed))
    assert sorted(order) == list(range(len(pairs)))
    changes = np.count_nonzero(np.diff(groups[order]))
    assert changes == len(np.unique(groups)) - 1


def test_groups_of_each_class_come_early():
    classes = np.repeat([0, 0, 0, 0, 0, 1], 10)  # the last group is all there is of class 1
    groups = np.repeat(np.arange(6), 10)
    for seed in range(20):
        order = nested_order(np.arange(60), classes, groups, np.random.default_rng(seed))
        assert set(classes[order[:20]]) == {0, 1}


def test_without_classes_the_order_is_random_and_repeatable():
    orders = [nested_order(np.arange(50), None, None, np.random.default_rng(s)) for s in (0, 0, 1)]
    assert np.array_equal(orders[0], orders[1])
    assert not np.array_equal(orders[0], orders[2])


def test_rows_may_be_a_part_of_the_data():
    rows = np.array([5, 3, 9])
    classes = np.arange(10) % 2
    order = nested_order(rows, classes, np.arange(10), np.random.default_rng(0))
    assert sorted(order) == [3, 5, 9]

"""Configurations that are possible, where few are."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from bohb.errors import ArgumentError
from bohb.model import Categorical, Numeric, Space
from bohb.model.allowed import allowed_from_prior, is_possible
from bohb.model.predicates import All, Comparison, Relation


def test_an_order_of_nine_numbers_is_found():
    names = [f"x{i}" for i in range(9)]  # one of 362,880 random ones is in order
    space = Space(
        {name: Numeric(0, 1) for name in names},
        forbidden=[Relation(a, ">", b) for a, b in itertools.pairwise(names)],
        is_declared=True,
    )
    for seed in range(5):
        found = allowed_from_prior(space, np.full(9, np.nan), np.random.default_rng(seed))
        assert (np.diff(found) >= 0).all()


def test_what_is_fixed_is_active_in_what_is_found():
    parameters = {"kind": Categorical(2), "x": Numeric(0, 1), "y": Numeric(0, 1)}
    conditions = {"y": Comparison("kind", "==", 1.0)}
    space = Space(parameters, conditions, is_declared=True)
    fixed = space.encode_named({"y": 0.3})
    for seed in range(3):
        found = allowed_from_prior(space, fixed, np.random.default_rng(seed))
        assert found[0] == 1.0
        assert found[2] == 0.3


def test_a_configuration_that_lacks_what_is_fixed_is_not_possible():
    parameters = {"kind": Categorical(2), "x": Numeric(0, 1)}
    space = Space(parameters, {"x": Comparison("kind", "==", 1.0)}, is_declared=True)
    rows = np.array([[0.0, np.nan], [1.0, 0.5]])
    fixed = space.encode_named({"x": 0.5})
    assert is_possible(rows, space, fixed).tolist() == [False, True]


def test_where_everything_is_forbidden_the_error_says_so():
    everything = [All((Comparison("kind", "==", 0.0),)), Comparison("kind", "==", 1.0)]
    space = Space({"kind": Categorical(2)}, forbidden=everything, is_declared=True)
    with pytest.raises(ArgumentError, match="space must leave configurations that are not"):
        allowed_from_prior(space, np.array([np.nan]), np.random.default_rng(0))
    with pytest.raises(ArgumentError, match=r"together with \{'kind': 1.0\}, found none"):
        allowed_from_prior(space, np.array([1.0]), np.random.default_rng(0))

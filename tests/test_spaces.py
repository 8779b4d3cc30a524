"""Spaces that are declared as distributions."""

from __future__ import annotations

import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from bohb.errors import ArgumentError, ArgumentTypeError
from bohb.spaces import SearchSpace

SPACE = SearchSpace.of_distributions(
    {
        "rate": FloatDistribution(0.1, 1.0, log=True),
        "depth": IntDistribution(1, 9, step=2),
        "kind": CategoricalDistribution(["a", None, 3]),
    }
)


def test_all_parameters_are_always_active():
    assert all(SPACE.is_active(name, {}) for name in SPACE.distributions)
    SPACE.check({"rate": 0.5, "depth": 7, "kind": None})
    SPACE.check({"depth": 1})


@pytest.mark.parametrize(
    ("params", "message"),
    [
        (
            {"rates": 0.5},
            r"params must name parameters of the space \(rate, depth, kind\), got 'ra",
        ),
        ({"rate": 2.0}, r"params\['rate'\] must be a value of FloatDistribution.*, got 2.0"),
        ({"depth": "deep"}, r"params\['depth'\] must be a value of IntDistribution.*, got 'deep'"),
        ({"kind": "b"}, r"params\['kind'\] must be a value of CategoricalDistribution.*, got 'b'"),
    ],
)
def test_what_is_not_in_the_space_is_named(params, message):
    with pytest.raises(ArgumentError, match=message):
        SPACE.check(params)


@pytest.mark.parametrize(
    ("distributions", "error", "message"),
    [
        ({}, ArgumentError, "space must have at least one parameter, got none"),
        ({1: FloatDistribution(0, 1)}, ArgumentTypeError, "strings as names, got 1"),
        (
            {"x": (0, 1)},
            ArgumentTypeError,
            r"space\['x'\] must be a distribution of optuna.*\(0, 1",
        ),
    ],
)
def test_what_is_no_space_is_named(distributions, error, message):
    with pytest.raises(error, match=message):
        SearchSpace.of_distributions(distributions)

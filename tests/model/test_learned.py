"""Conditions that are learned from what was asked for."""

from __future__ import annotations

import numpy as np
import pytest

from bohb.model import Categorical, Numeric, Observations, Space
from bohb.model.learned import with_learned_conditions

SPACE = Space(
    {
        "depth": Numeric(1, 3, step=1),
        "kind": Categorical(3),
        "other": Categorical(4),
        "share": Numeric(0, 1),
        "y": Numeric(0, 1),
        "z": Numeric(0, 1),
    }
)
PARENTS = {name: SPACE.parameters[name] for name in ("depth", "kind", "other", "share")}


def observed(asks_for_y, asks_for_z=lambda values: False, count=120):
    """Random configurations of an objective that asks for y and for z under these conditions."""
    rows = []
    for unit in SPACE.draw_prior(count, np.random.default_rng(0)):
        values = SPACE.named(unit)
        if not asks_for_y(values):
            del values["y"]
        if "y" not in values or not asks_for_z(values):
            del values["z"]
        rows.append((values, {0: 1.0}))
    return Observations.of(rows)


@pytest.mark.parametrize(
    "asks_for_y",
    [
        lambda values: values["kind"] == 1,
        lambda values: values["kind"] != 0,
        lambda values: values["depth"] >= 2,
        lambda values: values["kind"] == 1 and values["other"] == 3,
        lambda values: values["kind"] == 2 or values["depth"] == 3,
        lambda values: values["share"] > 0.5,
    ],
)
def test_what_is_asked_for_beside_which_values_is_learned(asks_for_y):
    learned = with_learned_conditions(SPACE, observed(asks_for_y))
    drawn = learned.draw_prior(300, np.random.default_rng(1))
    wrong = 0
    for unit in drawn:
        values = learned.named(unit)
        wrong += ("y" in values) != asks_for_y(values)
    assert wrong <= 6  # the place of a threshold between two numbers is not known exactly


def test_a_condition_on_a_parameter_that_has_one_itself_is_learned():
    observations = observed(lambda v: v["kind"] == 1, lambda v: v["y"] > 0.5, count=250)
    learned = with_learned_conditions(SPACE, observations)
    drawn = [learned.named(unit) for unit in learned.draw_prior(300, np.random.default_rng(1))]
    assert any("z" in values for values in drawn)
    wrong = [v for v in drawn if ("z" in v) != (v["kind"] == 1 and v["y"] > 0.5)]
    assert len(wrong) <= 6


def test_what_nothing_explains_counts_as_asked_for():
    rng = np.random.default_rng(0)
    space = Space({"x": Categorical(2), "y": Numeric(0, 1), "z": Numeric(0, 1)})
    rows = [({"x": 0.0, ("y" if rng.random() < 0.5 else "z"): 0.3}, {0: 1.0}) for _ in range(30)]
    learned = with_learned_conditions(space, Observations.of(rows))
    assert set(learned.named(learned.draw_prior(1, rng)[0])) == {"x", "y", "z"}


def test_without_anything_missing_or_with_a_declaration_the_space_stays_as_it_is():
    assert with_learned_conditions(SPACE, observed(lambda v: True, lambda v: True)) is SPACE
    declared = Space(SPACE.parameters, is_declared=True)
    assert with_learned_conditions(declared, observed(lambda v: False)) is declared


def test_a_parameter_of_which_nothing_was_observed_is_kept():
    observations = observed(lambda values: values["kind"] == 1, count=20)  # nothing asks for z
    learned = with_learned_conditions(SPACE, observations)
    assert set(learned.parameters) == set(SPACE.parameters)
    assert "z" not in learned.conditions

"""What the forest proposes: it learns without a value for what is not active, and explores."""

from __future__ import annotations

import numpy as np
import pytest

from bohb.model import Categorical, Numeric, Observations, Space
from bohb.model.density import DensityProposer
from bohb.model.forest import ForestProposer, ForestSurface
from bohb.model.predicates import Comparison

SPACE = Space({"x": Numeric(0, 1), "y": Numeric(0, 1), "c": Categorical(3)})
PROPOSER = ForestProposer(DensityProposer(), n_levels=2, random_fraction=0.0)


def loss(values):
    return (values["x"] - 0.2) ** 2 + (values["y"] - 0.7) ** 2 + 0.5 * (values["c"] != 1)


def observe(space, count, loss, seed=0, top_every=3):
    rows = space.draw_prior(count, np.random.default_rng(seed))
    known = []
    for index, row in enumerate(rows):
        values = space.named(row)
        losses = {0: loss(values) + 0.1}
        if index % top_every == 0:
            losses[1] = loss(values)
        known.append((values, losses))
    return known


def propose(known, seed):
    return PROPOSER.propose(SPACE, Observations.of(known), {}, np.random.default_rng(seed))


def test_proposals_come_close_to_the_optimum():
    known = observe(SPACE, 60, loss)
    found = [propose(known, seed) for seed in range(8)]
    assert {proposal.source for proposal in found} == {"forest"}
    assert np.median([loss(proposal.config) for proposal in found]) < 0.1
    assert np.median([loss(values) for values, _ in known]) > 0.3


def test_the_same_history_and_seed_give_the_same_proposal():
    known = observe(SPACE, 40, loss)
    assert propose(known, 5) == propose(known, 5)


def test_what_is_not_active_needs_no_value():
    space = Space(
        {"c": Categorical(2), "x": Numeric(0, 1), "y": Numeric(0, 1)},
        {"x": Comparison("c", "==", 0), "y": Comparison("c", "==", 1)},
        is_declared=True,
    )

    def branched(values):
        return values["x"] if values["c"] == 0 else 1.5 + values["y"]

    known = Observations.of(observe(space, 120, branched))
    surface = ForestSurface.fitted(space, known, 1)
    places = np.array([[0, 0.1, np.nan], [0, 0.9, np.nan], [1, np.nan, 0.1], [1, np.nan, 0.9]])
    mean, deviation = surface.predict(places)
    assert np.all(np.diff(mean) > 0)
    assert np.all(deviation > 0)


def test_trees_disagree_about_a_choice_that_was_never_tried():
    space = Space({"c": Categorical(40), "x": Numeric(0, 1)})

    def by_choice(values):
        return (values["c"] % 4) + 0.01 * values["x"]

    known = [each for each in observe(space, 300, by_choice) if each[0]["c"] != 7]
    surface = ForestSurface.fitted(space, Observations.of(known), 1)
    _, deviation = surface.predict(np.array([[7.0, 0.5], [8.0, 0.5]]))
    assert deviation[0] > 1.2 * deviation[1]


def test_a_pending_configuration_promises_less_than_before():
    known = observe(SPACE, 60, loss)
    place = SPACE.encode_named({"x": 0.2, "y": 0.7, "c": 1})[None, :]
    alone = ForestSurface.fitted(SPACE, Observations.of(known), 1)
    pending = [({"x": 0.2, "y": 0.7, "c": 1.0}, {})] * 5
    crowded = ForestSurface.fitted(SPACE, Observations.of([*known, *pending]), 1)
    assert crowded.log_improvement(place)[0] < alone.log_improvement(place)[0]


def test_hundreds_of_choices_and_parameters_are_taken():
    parameters = {f"x{i}": Numeric(0, 1) for i in range(150)}
    space = Space({**parameters, "c": Categorical(400)})
    known = observe(space, 60, lambda values: values["x0"] + values["c"] / 400)
    surface = ForestSurface.fitted(space, Observations.of(known), 1)
    mean, _ = surface.predict(space.draw_prior(20, np.random.default_rng(1)))
    assert np.isfinite(mean).all()
    assert surface.lowest == pytest.approx(surface.predict(surface.tried[:1])[0][0])

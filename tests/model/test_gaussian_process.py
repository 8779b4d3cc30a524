"""What the Gaussian-process model proposes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bohb.model import Categorical, Numeric, Observations, Space
from bohb.model.density import DensityProposer
from bohb.model.gaussian_process import GaussianProcessProposer, vary
from bohb.model.predicates import Comparison

SPACE = Space(
    {"x": Numeric(0, 1), "k": Numeric(1, 64, log=True, step=1), "c": Categorical(3)},
)
DENSITY = DensityProposer()
PROPOSER = GaussianProcessProposer(DENSITY, n_levels=2, random_fraction=0.0)


def propose(proposer, space, known, seed, **fixed):
    rng = np.random.default_rng(seed)
    return proposer.propose(space, Observations.of(known), fixed, rng).config


def loss(values):
    return (values["x"] - 0.2) ** 2 + abs(np.log(values["k"] / 8)) / 4 + (values["c"] != 1)


def observe(count, top_every=5):
    """Return trials from the prior, some of which were evaluated at the top."""
    rows = SPACE.draw_prior(count, np.random.default_rng(0))
    known = []
    for index, row in enumerate(rows):
        values = SPACE.named(row)
        losses = {0: loss(values) + 0.1}
        if top_every and index % top_every == 0:
            losses[1] = loss(values)
        known.append((values, losses))
    return known


def test_proposals_come_close_to_the_optimum():
    found = [propose(PROPOSER, SPACE, observe(120), seed) for seed in range(10)]
    assert np.median([loss(values) for values in found]) < 0.06


def test_the_same_history_and_seed_give_the_same_proposal():
    known = observe(30)
    assert propose(PROPOSER, SPACE, known, 5) == propose(PROPOSER, SPACE, known, 5)


def test_until_there_is_enough_the_density_model_proposes():
    assert propose(PROPOSER, SPACE, observe(9), 3) == propose(DENSITY, SPACE, observe(9), 3)


@pytest.mark.parametrize(("top_every", "n_tops"), [(0, 0), (40, 1)])
def test_until_two_reached_the_top_the_density_model_proposes_unless_it_is_the_turn_of_the_process(
    top_every, n_tops
):
    known = observe(40, top_every)
    assert sum(1 in losses for _, losses in known) == n_tops
    in_turn = replace(PROPOSER, is_its_turn=True)
    for seed in range(5):
        from_density = propose(DENSITY, SPACE, known, seed)
        assert propose(PROPOSER, SPACE, known, seed) == from_density
        assert propose(in_turn, SPACE, known, seed) != from_density


def test_an_improvement_is_looked_for_at_the_highest_level_that_two_have_reached():
    proposer = GaussianProcessProposer(DENSITY, n_levels=3)
    for top_every, target in [(0, 0), (40, 0), (20, 1)]:
        known = Observations.of(observe(40, top_every))
        assert proposer.target(SPACE, known) == target
    assert proposer.target(SPACE, Observations.of([])) is None


def test_where_there_is_more_than_it_is_for_the_density_model_proposes():
    known = observe(40)
    for limits in ({"max_observations": 39}, {"max_parameters": 2}):
        limited = GaussianProcessProposer(DENSITY, n_levels=2, random_fraction=0.0, **limits)
        assert propose(limited, SPACE, known, 3) == propose(DENSITY, SPACE, known, 3)


def test_a_share_of_the_proposals_is_random():
    known = observe(60)
    random = GaussianProcessProposer(DENSITY, n_levels=2, random_fraction=1.0)
    losses = [loss(propose(random, SPACE, known, seed)) for seed in range(40)]
    assert np.median(losses) > 0.3


def test_what_is_given_is_kept():
    found = [propose(PROPOSER, SPACE, observe(120), seed, k=11.0) for seed in range(5)]
    assert {values["k"] for values in found} == {11.0}
    assert np.median([values["x"] for values in found]) == pytest.approx(0.2, abs=0.15)


def test_a_small_space_is_exhausted_before_anything_is_tried_twice():
    space = Space({"a": Numeric(1, 5, step=1), "b": Categorical(4)})
    seen = []
    for trial in range(20):
        values = propose(PROPOSER, space, seen, trial)
        seen.append((values, {1: values["a"] + values["b"]}))
    assert len({tuple(values.items()) for values, _ in seen}) == 20
    assert set(propose(PROPOSER, space, seen, 20)) == {"a", "b"}


def test_parameters_of_a_branch_come_together():
    space = Space({"kind": Categorical(2), "a": Numeric(0, 1), "b": Numeric(0, 1)})
    known = []
    for index in range(60):
        kind = index % 2
        values = {"kind": float(kind), ("a", "b")[kind]: (index % 30) / 30}
        known.append((values, {1: (index % 30) / 30 + kind}))
    patterns = [tuple(propose(PROPOSER, space, known, seed)) for seed in range(12)]
    assert patterns.count(("kind", "a")) > 8  # the better branch


def test_a_declared_space_keeps_its_conditions_and_what_it_forbids():
    space = Space(
        {"kind": Categorical(2), "a": Numeric(0, 1), "b": Numeric(0, 1)},
        conditions={"a": Comparison("kind", "==", 0.0), "b": Comparison("kind", "==", 1.0)},
        forbidden=[Comparison("a", "<", 0.4)],
        is_declared=True,
    )
    known = []
    for row in space.draw_prior(40, np.random.default_rng(0)):
        if space.is_allowed(row[None, :])[0]:
            values = space.named(row)
            known.append((values, {1: values.get("a", 1.0 + values.get("b", 0.0))}))
    for seed in range(12):
        values = propose(PROPOSER, space, known, seed)
        assert set(values) == ({"kind", "a"} if values["kind"] == 0 else {"kind", "b"})
        assert values.get("a", 1.0) >= 0.4


@pytest.mark.parametrize("scale", [0.02, 0.2])
def test_a_variation_moves_something_and_stays_in_the_space(scale):
    rows = SPACE.draw_prior(200, np.random.default_rng(0))
    fixed = np.array([np.nan, np.nan, 2.0])
    varied = vary(rows, scale, SPACE, fixed, np.random.default_rng(1))
    assert (varied[:, 2] == 2).all()
    assert ((varied[:, :2] >= 0) & (varied[:, :2] <= 1)).all()
    assert (varied[:, :2] != rows[:, :2]).any(axis=1).mean() > 0.6
    assert np.abs(varied[:, 0] - rows[:, 0]).max() < 5 * scale
    k = SPACE.parameters["k"]
    assert np.allclose(k.snap(varied[:, 1]), varied[:, 1])


def test_a_thousand_choices_and_a_hundred_parameters_are_no_obstacle():
    rng = np.random.default_rng(0)
    wide = Space({f"x{i}": Numeric(0, 1) for i in range(100)})
    many = Space({"c": Categorical(1000), "x": Numeric(0, 1)})
    for space in (wide, many):
        rows = space.draw_prior(30, rng)
        known = [(space.named(row), {1: float(row[-1])}) for row in rows]
        assert set(propose(PROPOSER, space, known, 0)) == set(space.parameters)


def test_of_pure_noise_most_proposals_are_left_to_the_prior_unless_the_share_is_fixed():
    rng = np.random.default_rng(0)
    space = Space({"x": Numeric(0, 1), "y": Numeric(0, 1)})
    known = [({"x": x, "y": y}, {0: loss}) for x, y, loss in rng.random((60, 3))]
    observations = Observations.of(known)

    def share_of_prior(**options):
        proposer = GaussianProcessProposer(DENSITY, n_levels=1, random_fraction=0.0, **options)
        proposals = [
            proposer.propose(space, observations, {}, np.random.default_rng(seed))
            for seed in range(30)
        ]
        return np.mean([proposal.source == "prior" for proposal in proposals])

    assert share_of_prior() > 0.5
    assert share_of_prior(heeds_noise=False) == 0


def test_of_a_smooth_loss_no_proposals_are_left_to_the_prior():
    observations = Observations.of(observe(60))
    sources = {
        PROPOSER.propose(SPACE, observations, {}, np.random.default_rng(seed)).source
        for seed in range(20)
    }
    assert sources == {"Gaussian process"}

"""What the evolution proposes: children of the best, in which something has changed."""

from __future__ import annotations

import numpy as np

from bohb.model import Categorical, Numeric, Observations, Space
from bohb.model.density import DensityProposer
from bohb.model.evolution import EvolutionProposer
from bohb.model.predicates import Comparison

SPACE = Space({"x": Numeric(0, 1), "k": Numeric(1, 64, log=True, step=1), "c": Categorical(3)})
PROPOSER = EvolutionProposer(DensityProposer(), random_fraction=0.0)


def loss(values):
    return (values["x"] - 0.2) ** 2 + abs(np.log(values["k"] / 8)) / 4 + (values["c"] != 1)


def observe(count, top_every=5, space=SPACE, loss=loss):
    rows = space.draw_prior(count, np.random.default_rng(0))
    known = []
    for index, row in enumerate(rows):
        values = space.named(row)
        losses = {0: loss(values) + 0.1}
        if top_every and index % top_every == 0:
            losses[1] = loss(values)
        known.append((values, losses))
    return known


def propose(known, seed, space=SPACE, proposer=PROPOSER, **fixed):
    rng = np.random.default_rng(seed)
    return proposer.propose(space, Observations.of(known), fixed, rng)


def test_until_four_trials_have_a_loss_at_one_level_the_prior_proposes():
    assert propose(observe(3), 0).source == "prior"
    assert propose(observe(4, top_every=0), 0).level == 0
    assert propose(observe(20), 0).level == 1


def test_children_are_better_than_what_is_drawn_at_random():
    known = observe(80, top_every=1)
    children = [loss(propose(known, seed).config) for seed in range(60)]
    drawn = [loss(values) for values, _ in known]
    assert np.median(children) < 0.6 * np.median(drawn)


def test_a_child_has_values_of_its_parents_and_others():
    known = observe(60, top_every=1)
    best = sorted(known, key=lambda each: each[1][1])[:8]
    from_parents = [
        sum(abs(child["x"] - values["x"]) < 1e-9 for values, _ in best) > 0
        for child in (propose(known, seed).config for seed in range(60))
    ]
    assert 10 < sum(from_parents) < 50


def test_what_is_fixed_stays_and_the_same_seed_gives_the_same_child():
    known = observe(40)
    child = propose(known, 3, x=0.75)
    assert child.config["x"] == 0.75
    assert child == propose(known, 3, x=0.75)


def test_conditions_hold_for_children():
    space = Space(
        {"c": Categorical(2), "x": Numeric(0, 1), "y": Numeric(0, 1)},
        {"x": Comparison("c", "==", 0), "y": Comparison("c", "==", 1)},
        is_declared=True,
    )
    known = observe(60, space=space, loss=lambda v: v.get("x", 0.5) + v.get("y", 0.2))
    for seed in range(40):
        child = propose(known, seed, space).config
        assert child.keys() == ({"c", "x"} if child["c"] == 0 else {"c", "y"})


def test_a_study_evolves_from_rung_to_rung():
    import bohb

    study = bohb.create_study(
        sampler=bohb.BOHBSampler(seed=0, model="evolution"), pruner=bohb.HyperbandPruner(1, 27)
    )
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1) + 1 / trial.resource, n_rounds=2)
    sources = [evaluation.proposed_by for evaluation in study.evaluations()]
    assert sources.count("evolution") > len(sources) / 2
    assert study.incumbent().params["x"] < 0.02

"""What the density model proposes."""

from __future__ import annotations

import numpy as np
import optuna
import pytest

import bohb
from bohb.model import Categorical, Numeric, Observations, Space
from bohb.model.density import DensityProposer
from bohb.model.predicates import All, Comparison

SPACE = Space(
    {"x": Numeric(0, 1), "k": Numeric(1, 64, log=True, step=1), "c": Categorical(3)},
)
GREEDY = DensityProposer(random_fraction=0.0)
RANDOM = DensityProposer(random_fraction=1.0)


def propose(proposer, space, known, seed, **fixed):
    rng = np.random.default_rng(seed)
    return proposer.propose(space, Observations.of(known), fixed, rng).config


def loss(values):
    return (values["x"] - 0.2) ** 2 + abs(values["k"] - 8) / 64 + (values["c"] != 1)


def observe(count):
    proposed = [propose(RANDOM, SPACE, [], seed) for seed in range(count)]
    return [(values, {0: loss(values)}) for values in proposed]


def test_proposals_come_close_to_the_good_observations():
    known = observe(100)
    proposals = [propose(DensityProposer(), SPACE, known, seed) for seed in range(60)]
    mean_proposed = np.mean([loss(values) for values in proposals])
    mean_known = np.mean([losses[0] for _, losses in known])
    assert mean_proposed < mean_known / 2


def test_the_same_history_and_seed_give_the_same_proposal():
    known = observe(30)
    first, second = (propose(DensityProposer(), SPACE, known, 5) for _ in range(2))
    assert first == second


def test_until_there_are_enough_observations_proposals_are_random():
    few = observe(len(SPACE.parameters) + 1)
    assert propose(DensityProposer(), SPACE, few, 30) == propose(RANDOM, SPACE, [], 30)


def test_in_many_dimensions_ten_observations_are_enough_to_begin():
    space = Space({f"x{i}": Numeric(0, 1) for i in range(40)})
    drawn = [propose(RANDOM, space, [], seed) for seed in range(10)]
    known = [(values, {0: values["x0"]}) for values in drawn]
    assert not GREEDY.is_random(space, Observations.of(known), np.random.default_rng(0))
    assert GREEDY.is_random(space, Observations.of(known[:9]), np.random.default_rng(0))


@pytest.mark.parametrize("random_fraction", [0.0, 0.1, 1.0])
def test_a_small_space_is_exhausted_before_anything_is_tried_twice(random_fraction):
    space = Space({"a": Numeric(0.0, 0.3, step=0.1), "b": Categorical(3)})
    proposer = DensityProposer(random_fraction=random_fraction)
    seen = []
    for trial in range(12):
        values = propose(proposer, space, seen, trial)
        seen.append((values, {0: values["a"] + values["b"]}))
    assert len({(round(values["a"], 6), values["b"]) for values, _ in seen}) == 12
    assert set(propose(proposer, space, seen, 12)) == {"a", "b"}


def test_in_a_conditional_space_only_what_was_asked_for_makes_a_repetition():
    space = Space({"kind": Categorical(2), "n": Numeric(1, 3, step=1)})  # only kind 1 asks for n
    seen = [({"kind": 0.0}, {0: 1.0})]
    seen += [({"kind": 1.0, "n": float(n)}, {0: 2.0}) for n in (1, 2)]
    for seed in range(20):
        for random_fraction in (0.0, 1.0):
            proposer = DensityProposer(random_fraction=random_fraction, min_observations=1)
            values = propose(proposer, space, seen, seed)
            assert values["kind"] == 1.0
            assert values.get("n", 3.0) == 3.0


def test_a_declared_space_is_exhausted_but_for_what_is_forbidden():
    space = Space(
        {"kind": Categorical(3), "n": Numeric(1, 4, step=1)},
        conditions={"n": Comparison("kind", "!=", 0.0)},
        forbidden=[All((Comparison("kind", "==", 1.0), Comparison("n", ">", 2.0)))],
        is_declared=True,
    )
    allowed = (
        {(0.0, None)} | {(1.0, n) for n in (1.0, 2.0)} | {(2.0, float(n)) for n in range(1, 5)}
    )
    for proposer in (DensityProposer(min_observations=1), RANDOM):
        seen = []
        for trial in range(len(allowed)):
            values = propose(proposer, space, seen, trial)
            seen.append((values, {0: values["kind"]}))
        assert {(values["kind"], values.get("n")) for values, _ in seen} == allowed


def test_a_parameter_that_is_asked_for_alone_may_repeat_its_values():
    space = Space({"n": Numeric(1, 4, step=1)})
    known = Observations.of(
        [({"n": float(1 + i % 4)}, {0: abs(1 + i % 4 - 2)}) for i in range(100)]
    )
    drawn = [
        GREEDY.propose_one("n", space, known, {}, np.random.default_rng(seed)) for seed in range(50)
    ]
    assert drawn.count(2.0) > 40


def test_a_running_trial_keeps_others_away():
    space = Space({"x": Numeric(0, 1)})
    known = [({"x": x}, {0: abs(x - 0.5)}) for x in np.linspace(0, 1, 21)]
    pending = [({"x": 0.5}, {})] * 8

    def near(observations):
        proposed = [propose(GREEDY, space, observations, seed)["x"] for seed in range(100)]
        return np.mean(np.abs(np.array(proposed) - 0.5) < 0.03)

    assert near(known + pending) < near(known)


def test_all_that_are_running_count_however_many_have_finished():
    space = Space({"x": Numeric(0, 1)})
    known = [({"x": x}, {0: abs(x - 0.5)}) for x in np.linspace(0, 1, 2000)]
    pending = [({"x": x}, {}) for x in (0.2, 0.4, 0.6)]
    densities = GREEDY.densities(space, Observations.of(known + pending))
    assert {0.2, 0.4, 0.6} <= set(densities.others.points[:, 0])
    assert len(densities.others.points) == GREEDY.max_others + 3
    assert np.exp(densities.others.log_weights).sum() == pytest.approx(2000 - 25 + 3 + 1)


def test_one_parameter_is_proposed_given_the_others():
    space = Space({"c": Categorical(2), "x": Numeric(0, 1)})
    best = {0: 0.1, 1: 0.9}
    generator = np.random.default_rng(0)
    known = []
    for _ in range(200):
        c, x = int(generator.integers(2)), float(generator.random())
        known.append(({"c": c, "x": x}, {0: abs(x - best[c])}))
    observations = Observations.of(known)
    for c, where in best.items():
        alone = [
            GREEDY.propose_one("x", space, observations, {"c": c}, np.random.default_rng(seed))
            for seed in range(30)
        ]
        together = [propose(GREEDY, space, known, seed, c=c) for seed in range(30)]
        assert np.median(alone) == pytest.approx(where, abs=0.15)
        assert {values["c"] for values in together} == {c}
        assert np.median([values["x"] for values in together]) == pytest.approx(where, abs=0.15)


def test_parameters_of_a_branch_come_together():
    space = Space({"kind": Categorical(2), "a": Numeric(0, 1), "b": Numeric(0, 1)})
    known = []
    for index in range(60):
        kind = index % 2
        values = {"kind": float(kind), ("a", "b")[kind]: (index % 30) / 30}
        known.append((values, {0: (index % 30) / 30 + kind}))
    patterns = [tuple(propose(GREEDY, space, known, seed)) for seed in range(40)]
    assert set(patterns) <= {("kind", "a"), ("kind", "b")}
    assert patterns.count(("kind", "a")) > 30  # the better branch


def test_a_trial_that_has_no_parameters_yet_says_nothing():
    known = observe(40)
    for seed in range(10):
        with_silent = propose(DensityProposer(), SPACE, known + [({}, {})] * 5, seed)
        assert with_silent == propose(DensityProposer(), SPACE, known, seed)


def test_observations_of_one_kind_only_still_give_a_proposal():
    space = Space({"x": Numeric(0, 1)})
    assert 0 <= propose(DensityProposer(), space, [({"x": 0.5}, None)] * 10, 0)["x"] <= 1
    one = DensityProposer(min_observations=1, random_fraction=0.0)
    assert 0 <= propose(one, space, [({"x": 0.5}, {0: 1.0})], 0)["x"] <= 1


@pytest.mark.parametrize("model", ["gp", "density", "forest"])
def test_as_long_as_all_losses_are_alike_proposals_come_from_the_prior(model):
    study = optuna.create_study(sampler=bohb.BOHBSampler(seed=0, model=model))
    for _ in range(60):
        trial = study.ask()
        for name in ("x", "y", "z"):
            trial.suggest_float(name, 0, 1)
        study.tell(trial, 1.0)
    values = np.array([list(trial.params.values()) for trial in study.trials])
    assert np.mean((values < 0.05) | (values > 0.95)) < 0.2  # a tenth, and no crowd in the corners


def test_losses_tell_nothing_until_two_of_a_level_differ():
    alike = [({"x": 0.1}, {0: 1.0, 1: 0.5}), ({"x": 0.2}, {0: 1.0}), ({"x": 0.3}, None)]
    assert Observations.of([]).tells_nothing
    assert Observations.of(alike).tells_nothing
    assert not Observations.of([*alike, ({"x": 0.4}, {0: 0.9})]).tells_nothing

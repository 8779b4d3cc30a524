import dataclasses

import numpy as np
import pytest

from bohb.model import Categorical, Numeric, Observation
from bohb.model.proposer import DensityProposer

SPACE = {"x": Numeric(0, 1), "k": Numeric(1, 64, log=True, step=1), "c": Categorical(3)}


def rng(seed=0):
    return np.random.default_rng(seed)


def loss(values):
    return (values["x"] - 0.2) ** 2 + abs(values["k"] - 8) / 64 + (values["c"] != 1)


def observe(count, seed=0):
    first = DensityProposer(random_fraction=1.0)
    found = []
    for index in range(count):
        values = first.propose(SPACE, [], rng(seed * 10_000 + index))
        found.append(Observation(values, {0: loss(values)}))
    return found


def test_proposals_come_close_to_the_good_observations():
    known = observe(100)
    proposals = [DensityProposer().propose(SPACE, known, rng(seed)) for seed in range(60)]
    mean_proposed = np.mean([loss(values) for values in proposals])
    mean_known = np.mean([observation.losses[0] for observation in known])
    assert mean_proposed < mean_known / 2


def test_the_same_history_and_seed_give_the_same_proposal():
    known = observe(30)
    assert DensityProposer().propose(SPACE, known, rng(5)) == DensityProposer().propose(
        SPACE, known, rng(5)
    )


def test_until_there_are_enough_observations_proposals_are_random():
    random = DensityProposer(random_fraction=1.0)
    few = observe(len(SPACE) + 1)
    assert DensityProposer().propose(SPACE, few, rng(3)) == random.propose(SPACE, [], rng(3))


@pytest.mark.parametrize("random_fraction", [0.0, 0.1, 1.0])
def test_a_small_space_is_exhausted_before_anything_is_tried_twice(random_fraction):
    space = {"a": Numeric(0.0, 0.3, step=0.1), "b": Categorical(3)}
    proposer = DensityProposer(random_fraction=random_fraction)
    seen: list[Observation] = []
    for trial in range(12):
        values = proposer.propose(space, seen, rng(trial))
        seen.append(Observation(values, {0: values["a"] + values["b"]}))
    assert len({(round(o.values["a"], 6), o.values["b"]) for o in seen}) == 12
    assert set(proposer.propose(space, seen, rng(12))) == {"a", "b"}


def test_in_a_conditional_space_only_what_was_asked_for_makes_a_repetition():
    space = {"kind": Categorical(2), "n": Numeric(1, 3, step=1)}  # only kind 1 asks for n
    seen = [Observation({"kind": 0.0}, {0: 1.0})]
    seen += [Observation({"kind": 1.0, "n": float(n)}, {0: 2.0}) for n in (1, 2)]
    for seed in range(20):
        for random_fraction in (0.0, 1.0):
            proposer = DensityProposer(random_fraction=random_fraction, min_observations=1)
            values = proposer.propose(space, seen, rng(seed))
            assert values["kind"] == 1.0
            assert values.get("n", 3.0) == 3.0


def test_a_parameter_that_is_asked_for_alone_may_repeat_its_values():
    space = {"n": Numeric(1, 4, step=1)}
    known = [Observation({"n": float(1 + i % 4)}, {0: abs(1 + i % 4 - 2)}) for i in range(100)]
    proposer = DensityProposer(random_fraction=0.0)
    drawn = [proposer.propose_one("n", space, known, {}, rng(seed)) for seed in range(50)]
    assert drawn.count(2.0) > 40


def test_a_running_trial_keeps_others_away():
    space = {"x": Numeric(0, 1)}
    known = [Observation({"x": x}, {0: abs(x - 0.5)}) for x in np.linspace(0, 1, 21)]
    pending = [Observation({"x": 0.5}, {})] * 8
    proposer = DensityProposer(random_fraction=0.0)
    near = lambda observations: np.mean(  # noqa: E731 - two uses, one line
        [abs(proposer.propose(space, observations, rng(s))["x"] - 0.5) < 0.03 for s in range(100)]
    )
    assert near(known + pending) < near(known)


def test_one_parameter_is_proposed_given_the_others():
    space = {"c": Categorical(2), "x": Numeric(0, 1)}
    best = {0: 0.1, 1: 0.9}
    generator = rng()
    known = []
    for _ in range(200):
        c, x = int(generator.integers(2)), float(generator.random())
        known.append(Observation({"c": c, "x": x}, {0: abs(x - best[c])}))
    for c, where in best.items():
        proposed = [
            DensityProposer(random_fraction=0.0).propose_one("x", space, known, {"c": c}, rng(s))
            for s in range(30)
        ]
        assert np.median(proposed) == pytest.approx(where, abs=0.15)


def test_parameters_of_a_branch_come_together():
    space = {"kind": Categorical(2), "a": Numeric(0, 1), "b": Numeric(0, 1)}
    known = []
    for index in range(60):
        kind = index % 2
        values = {"kind": float(kind), ("a", "b")[kind]: (index % 30) / 30}
        known.append(Observation(values, {0: (index % 30) / 30 + kind}))
    patterns = [
        tuple(DensityProposer(random_fraction=0.0).propose(space, known, rng(seed)))
        for seed in range(40)
    ]
    assert set(patterns) <= {("kind", "a"), ("kind", "b")}
    assert patterns.count(("kind", "a")) > 30  # the better branch


def test_a_trial_that_has_no_parameters_yet_says_nothing():
    known = observe(40)
    silent = [Observation({}, {})] * 5
    for seed in range(10):
        assert DensityProposer().propose(SPACE, known + silent, rng(seed)) == (
            DensityProposer().propose(SPACE, known, rng(seed))
        )


def test_a_trial_of_one_kind_of_observation_only_still_gets_a_proposal():
    failed = [Observation({"x": 0.5}, {})] * 10
    values = DensityProposer().propose({"x": Numeric(0, 1)}, failed, rng())
    assert 0 <= values["x"] <= 1
    one = dataclasses.replace(DensityProposer(), min_observations=1, random_fraction=0.0)
    values = one.propose({"x": Numeric(0, 1)}, [Observation({"x": 0.5}, {0: 1.0})], rng())
    assert 0 <= values["x"] <= 1

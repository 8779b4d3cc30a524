"""Rules to stop by."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rules import rule

from bohb.cli.command.curves import Curves

finite = st.floats(-1e6, 1e6)


def a_policy(kind, **given):
    """Return a policy that needs but one other trial; the median has no use for a percentage."""
    if kind == "median":
        given.pop("percent", None)
    return rule(kind, **{"min_samples": 1, **given})


def test_a_target_is_met_by_what_is_at_least_as_good():
    assert rule("target", value=0.1).is_met(0.1)
    assert not rule("target", value=0.1).is_met(0.2)
    assert rule("target", maximize=True, value=0.9).is_met(0.95)
    assert not rule("target", maximize=True, value=0.9).is_met(0.85)


def test_median_prunes_what_is_worse_than_the_median():
    policy = a_policy("median", maximize=True)
    assert policy.condemns(0.5, [0.4, 0.6, 0.8])
    assert not policy.condemns(0.6, [0.4, 0.6, 0.8])


@pytest.mark.parametrize(("own", "is_pruned"), [(0.9, True), (0.8, True), (0.7, False)])
def test_truncation_prunes_the_worst_share(own, is_pruned):
    policy = a_policy("truncation", percent=50)
    others = [0.1, 0.2, 0.85] if own == 0.8 else [0.1, 0.75, 0.8]
    assert policy.condemns(own, others) is is_pruned


def test_diff_prunes_what_is_further_from_the_best():
    policy = a_policy("diff", percent=20)
    assert policy.condemns(1.3, [1.0, 5.0])
    assert not policy.condemns(1.2, [1.0, 5.0])
    below_zero = a_policy("diff", percent=20)
    assert below_zero.condemns(-0.7, [-1.0])
    assert not below_zero.condemns(-0.9, [-1.0])


@given(st.lists(st.tuples(st.integers(0, 9), finite), min_size=1, max_size=20), st.randoms())
def test_it_does_not_matter_in_which_order_reports_are_taken_in(reports, random):
    shuffled = random.sample(reports, len(reports))
    policy = a_policy("diff", percent=1e-9, min_samples=1)
    verdicts = []
    for order in (reports, shuffled):
        curves = Curves()
        curves.add(0, 0, "loss", 0.0, maximize=False)
        curves.add(0, 9, "loss", 0.0, maximize=False)
        for step, value in order:
            curves.add(1, step, "loss", value, maximize=False)
        verdicts.append([curves.condemned(policy, 1, step) for step in range(10)])
    reached = [[v for s, v in reports if s <= step] for step in range(10)]
    assert verdicts[0] == verdicts[1] == [bool(r) and min(r) > 0 for r in reached]


@given(st.sampled_from(["median", "truncation", "diff"]), st.lists(finite, max_size=6), finite)
def test_the_best_is_never_pruned(kind, others, own):
    policy = a_policy(kind, percent=99)
    if all(own <= other for other in others):
        assert not policy.condemns(own, others)


@given(st.sampled_from(["median", "truncation", "diff"]), finite, st.integers(1, 6))
def test_equals_are_not_pruned(kind, value, count):
    assert not a_policy(kind, percent=50).condemns(value, [value] * count)


@given(st.sampled_from(["median", "truncation", "diff"]), st.lists(finite, max_size=6), finite)
def test_maximizing_mirrors_minimizing(kind, others, own):
    down = a_policy(kind, percent=30)
    up = a_policy(kind, maximize=True, percent=30)
    assert down.condemns(own, others) == up.condemns(-own, [-other for other in others])


def test_few_samples_and_good_values_spare():
    assert not a_policy("median", min_samples=3).condemns(9.0, [1.0, 1.0])
    assert a_policy("median", min_samples=2).condemns(9.0, [1.0, 1.0])
    assert not a_policy("median", spared_from=10.0).condemns(9.0, [1.0, 1.0])


def curves(values):
    made = Curves()
    for number, curve in values.items():
        for step, value in curve.items():
            made.add(number, step, "loss", value, maximize=False)
    return made


def test_trials_are_compared_by_their_best_up_to_the_same_step():
    made = curves({0: {1: 5.0, 2: 1.0, 3: 9.0}, 1: {1: 4.0, 2: 3.0}, 2: {1: 0.5}})
    policy = a_policy("median")
    assert made.condemned(policy, 1, 2)  # 3.0 is worse than 1.0; trial 2 has not come so far
    assert not made.condemned(policy, 0, 2)
    assert made.condemned(policy, 0, 1)


def test_a_rule_is_applied_at_its_interval():
    made = curves({0: dict.fromkeys(range(10), 9.0), 1: dict.fromkeys(range(10), 1.0)})
    policy = a_policy("median", interval=3, min_step=4)
    assert [step for step in range(10) if made.condemned(policy, 0, step)] == [6, 9]


def test_only_running_trials_are_compared_if_so_wished():
    made = curves({0: {1: 9.0}, 1: {1: 1.0}})
    policy = a_policy("truncation", percent=50, among_running=True)
    assert not made.condemned(policy, 0, 1)
    made.begin(1)
    assert made.condemned(policy, 0, 1)
    made.end(1)
    assert not made.condemned(policy, 0, 1)

"""The order of trials with several losses, and schedules that promote by it."""

from __future__ import annotations

import itertools

import numpy as np
import optuna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bohb.hyperband import (
    AsynchronousSchedule,
    Bracket,
    Evaluation,
    Standing,
    SynchronousSchedule,
    ladder,
    make_plan,
    pays_to_start_at_top,
    sort_losses,
)
from bohb.hyperband.fronts import _spread, hypervolume

numbers = st.floats(-10, 10, allow_nan=False).map(lambda x: round(x, 2))


def points(n_objectives):
    return st.lists(st.tuples(*[numbers] * n_objectives), min_size=1, max_size=12)


def dominates(one, other):
    return one != other and all(a <= b for a, b in zip(one, other, strict=True))


@given(st.integers(1, 4).flatmap(points))
def test_nobody_comes_after_a_trial_that_it_dominates(losses):
    order = [loss for loss, _ in sort_losses([(loss, i) for i, loss in enumerate(losses)])]
    assert sorted(order) == sorted(losses)
    for earlier, later in itertools.combinations(order, 2):
        assert not dominates(later, earlier)


@given(points(2), st.randoms())
def test_the_order_does_not_depend_on_that_of_the_results(losses, random):
    entries = [(loss, i) for i, loss in enumerate(losses)]
    shuffled = random.sample(entries, len(entries))
    assert sort_losses(shuffled) == sort_losses(entries)


@given(points(2), st.floats(0.1, 1000), st.floats(-50, 50))
def test_the_unit_of_an_objective_changes_nothing(losses, factor, shift):
    def trials(values):
        return [trial for _, trial in sort_losses([(v, i) for i, v in enumerate(values)])]

    # Powers of two are exact, so that no rounding makes or breaks a tie.
    exact = 2.0 ** round(np.log2(factor))
    whole = [(round(a), round(b)) for a, b in losses]
    assert trials(whole) == trials([(a * exact, b + round(shift)) for a, b in whole])


def test_single_losses_are_sorted_by_their_size_and_ties_by_age():
    assert sort_losses([(0.3, 5), (0.1, 9), (0.1, 2)]) == [(0.1, 2), (0.1, 9), (0.3, 5)]


@pytest.mark.parametrize("n_objectives", [1, 2, 3, 4])
def test_hypervolumes_are_those_of_optuna(n_objectives):
    from optuna._hypervolume import compute_hypervolume

    rng = np.random.default_rng(n_objectives)
    for _ in range(20):
        found = rng.random((rng.integers(1, 9), n_objectives)).round(1)
        reference = np.full(n_objectives, 1.1)
        expected = compute_hypervolume(found, reference)
        assert hypervolume(found, reference) == pytest.approx(expected)


@pytest.mark.parametrize("n_objectives", [2, 3])
def test_each_next_trial_of_a_front_adds_the_most_hypervolume(n_objectives):
    rng = np.random.default_rng(n_objectives)
    reference = np.full(n_objectives, 1.1)
    for _ in range(10):
        found = rng.random((8, n_objectives))
        order = _spread(found, reference)
        for place, chosen in enumerate(order):
            volumes = {
                other: hypervolume(found[[*order[:place], other]], reference)
                for other in order[place:]
            }
            assert volumes[chosen] == pytest.approx(max(volumes.values()))


def test_fronts_are_those_of_optuna():
    from optuna.study._multi_objective import _fast_non_domination_rank

    rng = np.random.default_rng(0)
    for n_objectives in (2, 3):
        losses = rng.random((30, n_objectives)).round(1)
        fronts = _fast_non_domination_rank(losses)
        entries = [(tuple(loss), i) for i, loss in enumerate(losses.tolist())]
        in_order = [fronts[trial] for _, trial in sort_losses(entries)]
        assert in_order == sorted(in_order)


@pytest.mark.parametrize("kind", [SynchronousSchedule, AsynchronousSchedule])
@given(data=st.data())
@settings(max_examples=30, deadline=None)
def test_a_replay_with_several_losses_stands_where_the_life_stands(kind, data):
    plan = make_plan(ladder(1, 9, 3), 3, asynchronous=kind is AsynchronousSchedule)
    schedule, legs = kind(plan), {}
    lost, places, began, pruned = {}, {}, {}, set()
    for _ in range(data.draw(st.integers(1, 60))):
        leg = schedule.next_leg() if len(legs) < 4 else None
        if leg is not None and (not legs or data.draw(st.booleans())):
            trial = len(lost) if leg.trial is None else leg.trial
            schedule.begin(leg, trial)
            legs[trial] = leg
            lost.setdefault(trial, [])
            places[trial] = leg.bracket, leg.at_top
            began[trial] = leg.rung
            continue
        if not legs:
            break
        trial = data.draw(st.sampled_from(sorted(legs)))
        loss = data.draw(st.one_of(st.none(), st.tuples(numbers, numbers)))
        lost[trial].append(loss)
        rung = legs.pop(trial).rung
        pruned |= set(schedule.record(Evaluation(trial, rung, loss)))
    standings = [
        Standing(trial, places[trial][0], tuple(losses), trial in legs, places[trial][1])
        for trial, losses in lost.items()
    ]
    again, pruned_again = kind.replay(plan, standings, {})
    assert again.pending == schedule.pending
    assert set(pruned_again) == pruned
    assert again.next_leg() == schedule.next_leg()


def test_a_rung_promotes_the_front_before_what_it_dominates():
    schedule = SynchronousSchedule(make_plan(ladder(1, 3, 3), 3))
    for trial, loss in enumerate([(0.9, 0.2), (0.5, 0.9), (0.4, 0.3)]):
        schedule.begin(schedule.next_leg(), trial)
        pruned = schedule.record(Evaluation(trial, 0, loss))
    leg = schedule.next_leg()
    assert (leg.trial, pruned) == (2, [0, 1])
    assert schedule.decision(leg).cut == (0.4, 0.3)


def test_a_bracket_starts_at_the_top_where_its_trials_dominate_those_promoted():
    planned = Bracket(sizes=(9, 3, 1), resources=(1, 3, 9), first_level=0)
    good, bad = [(0.1, 0.2), (0.2, 0.1)], [(0.5, 0.5), (0.6, 0.4)]
    assert pays_to_start_at_top(planned, started=good, promoted=bad)
    assert not pays_to_start_at_top(planned, started=[*bad, None], promoted=good)


def test_optuna_and_the_schedule_agree_on_which_trials_are_best():
    study = optuna.create_study(directions=["minimize"] * 2)
    rng = np.random.default_rng(1)
    losses = [tuple(row) for row in rng.random((25, 2)).tolist()]
    for loss in losses:
        study.add_trial(optuna.trial.create_trial(values=list(loss)))
    ordered = [trial for _, trial in sort_losses([(loss, i) for i, loss in enumerate(losses)])]
    front = {trial.number for trial in study.best_trials}
    assert set(ordered[: len(front)]) == front

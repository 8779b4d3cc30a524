"""Who goes on from a rung, where the model has had a turn."""

import dataclasses
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bohb.hyperband import (
    Evaluation,
    Standing,
    SynchronousSchedule,
    decision,
    ladder,
    make_plan,
    n_reserved,
)
from bohb.hyperband.promotion import going_on

rankings = st.lists(st.integers(0, 11), min_size=1, unique=True)
models_trials = st.frozensets(st.integers(0, 11))
places = st.integers(0, 14)


@given(ranking=rankings, models=models_trials, n_kept=places)
def test_all_places_are_given_and_none_twice(ranking, models, n_kept):
    kept = going_on(ranking, models, n_kept)
    assert len(set(kept)) == len(kept) == min(n_kept, len(ranking))
    assert kept == [trial for trial in ranking if trial in kept]


@given(ranking=rankings, models=models_trials, n_kept=places)
def test_whoever_goes_on_is_better_than_all_of_its_kind_that_do_not(ranking, models, n_kept):
    kept = set(going_on(ranking, models, n_kept))
    for kind in (
        [trial for trial in ranking if trial in models],
        [trial for trial in ranking if trial not in models],
    ):
        assert [trial in kept for trial in kind] == sorted(
            (trial in kept for trial in kind), reverse=True
        )


@given(ranking=rankings, models=models_trials, n_kept=st.integers(1, 12))
def test_what_was_begun_before_the_models_turn_gets_its_share_of_places(ranking, models, n_kept):
    others = [trial for trial in ranking if trial not in models]
    kept = going_on(ranking, models, n_kept)
    n_others_kept = sum(trial in others for trial in kept)
    if len(others) < len(ranking):
        assert n_others_kept >= min(math.floor(n_kept * len(others) / len(ranking)), len(others))
    assert n_others_kept >= min(n_reserved(ranking, models, n_kept), len(others))


@given(ranking=rankings, n_kept=places)
def test_without_a_models_turn_just_the_best_go_on(ranking, n_kept):
    assert going_on(ranking, (), n_kept) == list(ranking[:n_kept])


@given(ranking=rankings, n_kept=places)
def test_the_best_go_on_where_all_was_begun_in_the_models_turn(ranking, n_kept):
    assert going_on(ranking, set(ranking), n_kept) == list(ranking[:n_kept])


@given(ranking=rankings, models=models_trials, n_kept=st.integers(1, 12))
def test_a_decision_says_how_far_down_trials_go_on(ranking, models, n_kept):
    ranked = [(float(place), trial) for place, trial in enumerate(ranking)]
    made = decision(ranked, models, n_kept, ranking[-1])
    worst = going_on(ranking, models, n_kept)[-1]
    assert made.cut == ranking.index(worst)
    assert (made.rank, made.n_ranked, made.n_kept) == (len(ranking), len(ranking), n_kept)


def decided(*, models=(6, 7, 8)):
    """Return a schedule of 9 trials on a rung, each better than the one before, and the dropped."""
    schedule = SynchronousSchedule(make_plan(ladder(1, 9, 3), 3))
    for trial in range(9):
        leg = schedule.next_leg()
        schedule.begin(dataclasses.replace(leg, in_models_turn=trial in models), trial)
    dropped = []
    for trial in range(9):
        dropped += schedule.record(Evaluation(trial, 0, 9.0 - trial))
    return schedule, dropped


def test_the_first_rung_of_all_keeps_places_for_trials_from_before_the_models_turn():
    schedule, dropped = decided()
    assert dropped == [7, 6, 3, 2, 1, 0]
    promoted = []
    while (leg := schedule.next_leg(may_start=False)) is not None:
        made = schedule.decision(leg)
        promoted.append((leg.trial, made.rank, made.cut, made.n_reserved, leg.in_models_turn))
        schedule.begin(leg, leg.trial)
    assert promoted == [(8, 1, 5.0, 2, True), (5, 4, 5.0, 2, False), (4, 5, 5.0, 2, False)]


def test_higher_rungs_keep_no_places():
    schedule, _ = decided()
    while (leg := schedule.next_leg(may_start=False)) is not None:
        schedule.begin(leg, leg.trial)
    for trial in (8, 5, 4):
        dropped = schedule.record(Evaluation(trial, 1, 9.0 - trial))
    assert dropped == [5, 4]
    leg = schedule.next_leg(may_start=False)
    assert (leg.trial, schedule.decision(leg).n_reserved) == (8, 0)


def test_without_a_models_turn_the_best_go_on():
    schedule, dropped = decided(models=())
    assert dropped == [5, 4, 3, 2, 1, 0]
    assert schedule.decision(schedule.next_leg()).n_reserved == 0


def test_a_schedule_that_is_replayed_keeps_the_same_places():
    schedule, dropped = decided()
    standings = [
        Standing(trial, 0, (9.0 - trial,), pending=False, in_models_turn=trial >= 6)
        for trial in range(9)
    ]
    again, pruned = SynchronousSchedule.replay(schedule.plan, standings, {})
    assert pruned == dropped
    assert again.next_leg() == schedule.next_leg()


@pytest.mark.parametrize(
    ("bounds", "n_before", "shares"), [((1, 27), 22, True), ((9, 9), 0, False)]
)
def test_the_turn_of_the_model_is_the_last_fifth_of_the_first_bracket(bounds, n_before, shares):
    plan = make_plan(ladder(*bounds, 3), 3)
    assert (plan.n_before_model, plan.shares_places) == (n_before, shares)
    assert not make_plan(ladder(*bounds, 3), 3, asynchronous=True).shares_places

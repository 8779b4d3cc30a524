"""Populations: who is dropped, who has children, and that a replay stands where the life stands."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bohb.errors import ArgumentError
from bohb.hyperband import (
    Evaluation,
    Leg,
    PopulationSchedule,
    Standing,
    intervals,
    make_population_plan,
    makespan,
    n_replaced,
)


class Life:
    """Lives through a population, and keeps the history that a storage would keep."""

    def __init__(self, plan):
        self.schedule = PopulationSchedule(plan)
        self.legs: dict[int, Leg] = {}
        self.losses: dict[int, list[float | None]] = {}
        self.births: dict[int, tuple[int, int, int | None]] = {}  # bracket, rung and parent
        self.dropped: list[int] = []

    def begin(self, *, may_start=True):
        leg = self.schedule.next_leg(may_start=may_start)
        if leg is None:
            return False
        trial = len(self.losses) if leg.trial is None else leg.trial
        self.schedule.begin(leg, trial)
        self.legs[trial] = leg
        if leg.trial is None:
            self.losses[trial] = []
            self.births[trial] = leg.bracket, leg.rung, leg.parent
        return True

    def end(self, which, loss):
        trial = sorted(self.legs)[which % len(self.legs)]
        leg = self.legs.pop(trial)
        self.losses[trial].append(loss)
        self.dropped += self.schedule.record(Evaluation(trial, leg.rung, loss))

    def standings(self):
        found = []
        for trial, losses in self.losses.items():
            bracket, rung, parent = self.births[trial]
            is_over = trial in self.dropped or (None in losses)
            standing = Standing(
                trial, bracket, tuple(losses), trial in self.legs, False, rung, parent, is_over
            )
            found.append(standing)
        return found


def state(schedule):
    """Return the state of a schedule as plain values."""
    return {
        "capacity": [run.capacity for run in schedule.runs],
        "pending": [[sorted(held.pending) for held in run.rungs] for run in schedule.runs],
        "evaluated": [
            [sorted(held.evaluations.items()) for held in run.rungs] for run in schedule.runs
        ],
        "owed": +schedule._n_owed,
        "promotions": sorted(schedule._promotions),
        "next": schedule.next_leg(),
    }


losses = st.none() | st.integers(0, 5).map(float) | st.floats(-1e6, 1e6)
moves = st.lists(
    st.tuples(st.sampled_from(["begin", "begin", "end"]), st.integers(0, 9), losses), max_size=120
)
plans = st.builds(
    make_population_plan,
    st.sampled_from([(1, 2, 3, 4), (5, 10), (3,)]),
    st.integers(2, 9),
    st.sampled_from([2.0, 4.0, 5.0]),
    asynchronous=st.booleans(),
)


def live(plan, moves):
    life = Life(plan)
    for move, which, loss in moves:
        if move == "begin":
            life.begin()
        elif life.legs:
            life.end(which, loss)
        yield life


@given(plans, moves)
@settings(max_examples=200, deadline=None)
def test_a_replay_stands_where_the_life_stands_at_every_prefix(plan, moves):
    for life in live(plan, moves):
        replayed, dropped = PopulationSchedule.replay(plan, life.standings(), {})
        assert state(replayed) == state(life.schedule)
        assert set(dropped) == set(life.dropped)


@given(plans, st.lists(st.tuples(st.integers(0, 9), losses), min_size=5, max_size=200))
@settings(max_examples=200, deadline=None)
def test_a_population_keeps_its_size_until_the_end(plan, results):
    life = Life(plan)
    results = iter(results * 10)
    while life.begin(may_start=life.schedule.next_bracket < 1) or life.legs:
        if len(life.legs) >= 3 or not life.schedule.next_leg(
            may_start=life.schedule.next_bracket < 1
        ):
            life.end(*next(results))
    (run,) = life.schedule.runs
    assert run.finished
    size = plan.brackets[0].n_trials
    for rung, held in enumerate(run.rungs):
        survived = all(below.ranking for below in run.rungs[:rung])
        assert len(held) == (size if survived else 0)
    for trial, (_, rung, parent) in life.births.items():
        if parent is not None:
            below = run.rungs[rung - 1]
            place = below.ranking.index((below.evaluations[parent].loss, parent))
            most = n_replaced(size, plan.reduction_factor)
            if not plan.asynchronous:
                assert place < most
            assert parent != trial


def test_the_worst_give_way_to_children_of_the_best_and_all_others_go_on():
    life = Life(make_population_plan((10, 20), 10, 5))
    for _ in range(10):
        life.begin()
    for trial in range(10):
        assert life.dropped == []
        life.end(0, float(trial))
    assert sorted(life.dropped) == [8, 9]
    given = []
    while life.begin(may_start=False):
        pass
    given = [(life.births[trial][2], leg.rung) for trial, leg in life.legs.items() if trial >= 10]
    assert given == [(0, 1), (1, 1)]
    assert sorted(life.legs) == [*range(8), 10, 11]
    assert all(leg.previous_resource == 10 for leg in life.legs.values())


def test_children_are_made_before_their_parents_go_on():
    life = Life(make_population_plan((1, 2), 4, 4))
    for _ in range(4):
        life.begin()
    for trial in range(4):
        life.end(0, float(trial))
    assert life.schedule.next_leg().parent == 0


def test_a_trial_that_fails_is_replaced_and_counts_among_the_worst():
    life = Life(make_population_plan((1, 2), 4, 4))
    for _ in range(4):
        life.begin()
    for loss in (1.0, None, 2.0, 3.0):
        life.end(0, loss)
    assert life.dropped == []
    while life.begin(may_start=False):
        pass
    assert sorted(life.legs) == [0, 2, 3, 4]
    assert life.births[4] == (0, 1, 0)


def test_an_asynchronous_trial_goes_on_without_waiting_for_the_slowest():
    life = Life(make_population_plan((1, 2, 3), 4, 4, asynchronous=True))
    for _ in range(4):
        life.begin()
    life.end(0, 5.0)
    assert life.begin(may_start=False)
    assert life.legs[0].rung == 1


def test_the_plan_says_what_is_run():
    plan = make_population_plan((10, 20, 30), 6, 3)
    life = Life(plan)
    order = 0
    while life.begin(may_start=life.schedule.next_bracket < 1) or life.legs:
        if not life.schedule.next_leg(may_start=life.schedule.next_bracket < 1):
            life.end(order, float(order % 7))
            order += 1
    assert len(life.losses) == plan.n_trials == 10
    assert life.schedule.n_evaluations == plan.n_evaluations == 18
    assert life.schedule.spent(continued=False) == plan.resource_restarted == 180
    assert makespan(plan, 6, continued=True) == 30
    assert makespan(plan, 1, continued=False) == 180


def test_intervals_end_at_the_highest_resource():
    assert intervals(10, 35) == (10, 20, 30, 35)
    with pytest.raises(ArgumentError, match="interval must be at most max_resource=10"):
        intervals(20, 10)

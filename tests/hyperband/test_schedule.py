"""Both schedules, lived and replayed, with any number of legs under way."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bohb.errors import ArgumentError
from bohb.hyperband import (
    AsynchronousSchedule,
    Evaluation,
    Leg,
    Standing,
    SynchronousSchedule,
    ladder,
    make_plan,
    make_successive_halving_plan,
    promotable,
    sort_losses,
)


class Life:
    """Lives through a schedule and keeps the history that a storage would keep."""

    def __init__(self, schedule):
        self.schedule = schedule
        self.legs: dict[int, Leg] = {}
        self.losses: dict[int, list[float | None]] = {}
        self.places: dict[int, tuple[int, bool]] = {}
        self.closed: dict[int, int] = {}
        self.pruned: list[int] = []
        self.began: list[tuple[int, int]] = []

    def begin(self, *, may_start=True):
        leg = self.schedule.next_leg(may_start=may_start)
        if leg is None:
            return False
        trial = len(self.losses) if leg.trial is None else leg.trial
        self.schedule.begin(leg, trial)
        self.legs[trial] = leg
        self.losses.setdefault(trial, [])
        self.places[trial] = leg.bracket, leg.at_top
        self.began.append((trial, leg.rung))
        return True

    def end(self, which, loss):
        trial = sorted(self.legs)[which % len(self.legs)]
        leg = self.legs.pop(trial)
        self.losses[trial].append(loss)
        self.pruned += self.schedule.record(Evaluation(trial, leg.rung, loss))

    def close(self):
        closed, pruned = self.schedule.close()
        self.closed |= closed
        self.pruned += pruned

    def standings(self):
        found = []
        for trial, losses in self.losses.items():
            bracket, at_top = self.places[trial]
            found.append(Standing(trial, bracket, tuple(losses), trial in self.legs, at_top))
        return found

    def finish(self, loss=lambda trial: float(trial)):
        """End all that is open without starting anything new."""
        self.close()
        while self.begin(may_start=False) or self.legs:
            if self.legs:
                self.end(0, loss(sorted(self.legs)[0]))


def snapshot(schedule):
    """Return the whole state of a schedule as plain values."""
    return {
        "sizes": [run.bracket.sizes for run in schedule.runs],
        "capacity": [run.capacity for run in schedule.runs],
        "pending": [[sorted(held.pending) for held in run.rungs] for run in schedule.runs],
        "evaluations": [
            [sorted(held.evaluations.items()) for held in run.rungs] for run in schedule.runs
        ],
        "next": schedule.next_leg(),
        "promotion": schedule.next_leg(may_start=False),
    }


losses = st.none() | st.integers(0, 5).map(float) | st.floats(-1e6, 1e6)
moves = st.lists(
    st.tuples(
        st.sampled_from(["begin", "begin", "end", "end", "close"]), st.integers(0, 9), losses
    ).filter(lambda move: move[0] != "close" or move[1] == 0),
    max_size=120,
)
plans = st.sampled_from(
    [
        make_plan(ladder(1, 9, 3), 3),
        make_plan(ladder(1, 8, 2), 2, bracket_sizes="li2018"),
        make_plan(ladder(1, 27, 3), 3),
        make_successive_halving_plan(ladder(1, 16, 4), 4),
        make_successive_halving_plan(ladder(1, 4, 2), 2, n_trials=7),
        make_plan((5,), 3),
        make_plan(ladder(1, 4, 2), 2, adaptive=True),
        make_plan(ladder(1, 3, 3), 3, adaptive=True),
        make_plan(ladder(1, 16, 2), 2, adaptive=True),
    ]
)
kinds = st.sampled_from([SynchronousSchedule, AsynchronousSchedule])


def live(kind, plan, moves):
    life = Life(kind(plan))
    for move, which, loss in moves:
        if move == "begin":
            life.begin()
        elif move == "end" and life.legs:
            life.end(which, loss)
        elif move == "close":
            life.close()
        yield life


@given(kinds, plans, moves)
@settings(max_examples=150, deadline=None)
def test_a_replayed_history_stands_where_the_lived_one_stands_at_every_prefix(kind, plan, moves):
    for life in live(kind, plan, moves):
        replayed, pruned = kind.replay(plan, life.standings(), life.closed)
        assert snapshot(replayed) == snapshot(life.schedule)
        assert sorted(pruned) == sorted(life.pruned)
        assert {leg.trial for leg in replayed.pending} == set(life.legs)
        for continued in (True, False):
            assert replayed.spent(continued=continued) == life.schedule.spent(continued=continued)


@given(kinds, plans, moves)
@settings(max_examples=150, deadline=None)
def test_no_trial_runs_twice_at_one_rung_and_none_goes_on_after_it_failed(kind, plan, moves):
    life = Life(kind(plan))
    for life in live(kind, plan, moves):
        assert len(life.began) == len(set(life.began))
    for trial, history in life.losses.items():
        assert None not in history[:-1], trial
    assert len(life.pruned) == len(set(life.pruned))
    assert not set(life.pruned) & set(life.legs)


@given(plans, moves)
@settings(max_examples=150, deadline=None)
def test_no_rung_holds_more_than_planned(plan, moves):
    for life in live(SynchronousSchedule, plan, moves):
        for run in life.schedule.runs:
            planned = plan.bracket(run.index, at_top=run.at_top).sizes
            assert all(len(r) <= size for r, size in zip(run.rungs, planned, strict=True))


@given(plans, moves)
@settings(max_examples=150, deadline=None)
def test_a_rung_is_decided_exactly_when_it_is_complete(plan, moves):
    for life in live(SynchronousSchedule, plan, moves):
        waiting = life.schedule.next_leg(may_start=False)
        for run in life.schedule.runs:
            rung_0 = run.rungs[0]
            complete = len(rung_0) == run.bracket.n_trials and not rung_0.pending
            members = set(rung_0.evaluations)
            touched = any(len(rung) for rung in run.rungs[1:]) or members & set(life.pruned)
            promised = waiting is not None and waiting.bracket == run.index and waiting.rung == 1
            if touched or promised:
                assert complete
            if complete and len(run.rungs) > 1:
                has_winner = any(e.loss is not None for e in rung_0.evaluations.values())
                undecided = members - set(life.pruned)
                assert len(undecided) >= has_winner


@given(plans, moves)
@settings(max_examples=150, deadline=None)
def test_a_trial_is_promoted_early_only_from_the_top_of_its_rung(plan, moves):
    life = Life(AsynchronousSchedule(plan))
    for move, which, loss in moves:
        if move == "begin":
            leg = life.schedule.next_leg()
            if leg.trial is not None:
                run = life.schedule.runs[leg.bracket]
                below = list(run.rungs[leg.rung - 1].evaluations.values())
                entries = [(each.loss, each.trial) for each in below if each.loss is not None]
                ranking = [trial for _, trial in sort_losses(entries)]
                top = promotable(len(ranking), plan.reduction_factor, final=True)
                assert leg.trial in ranking[:top]
            life.begin()
        elif move == "end" and life.legs:
            life.end(which, loss)


@given(kinds, plans, moves)
@settings(max_examples=150, deadline=None)
def test_what_has_begun_can_always_be_finished(kind, plan, moves):
    *_, life = [Life(kind(plan)), *live(kind, plan, moves)]
    life.finish()
    assert life.schedule.next_leg(may_start=False) is None
    assert life.schedule.still_needed(continued=True) == 0
    for run in life.schedule.runs:
        reached = [rung for rung in run.rungs if len(rung)]
        top = reached[-1]
        all_failed = all(e.loss is None for e in top.evaluations.values())
        assert top is run.rungs[-1] or all_failed
    ended = {t for t, history in life.losses.items() if history[-1] is None} | set(life.pruned)
    finished_above = {t for run in life.schedule.runs for t in run.rungs[-1].evaluations}
    assert ended | finished_above == set(life.losses)


@pytest.mark.parametrize("n_workers", [1, 7, 64, 500])
def test_a_synchronous_round_is_the_same_for_any_number_of_workers(n_workers):
    plan = make_plan(ladder(1, 81, 3), 3)
    schedule = SynchronousSchedule(plan)
    life = Life(schedule)
    order = 0
    while True:
        while len(life.legs) < n_workers:
            may_start = schedule.next_bracket < len(plan.brackets)
            if not life.begin(may_start=may_start):
                break
        if not life.legs:
            break
        order += 17  # results come in no particular order
        trial = sorted(life.legs)[order % len(life.legs)]
        life.end(order, loss=(trial * 37 % 128) / 128)
    held = [tuple(len(rung) for rung in run.rungs) for run in schedule.runs]
    assert held == [bracket.sizes for bracket in plan.brackets]
    assert schedule.spent(continued=True) == plan.resource_continued
    assert schedule.spent(continued=False) == plan.resource_restarted
    assert schedule.n_evaluations == plan.n_evaluations


def test_promotions_come_before_new_trials_and_the_best_first():
    life = Life(SynchronousSchedule(make_plan(ladder(1, 9, 3), 3)))
    for _ in range(9):
        life.begin()
    for loss in [0.9, 0.1, 0.8, 0.2, 0.7, 0.3, 0.6, 0.5, 0.4]:
        life.end(0, loss)
    for trial in (1, 3, 5):
        assert life.schedule.next_leg().trial == trial
        life.begin()
    assert life.schedule.next_leg() == Leg(None, 1, 0, 3, 0)


def test_equal_losses_promote_the_older_trial():
    life = Life(SynchronousSchedule(make_successive_halving_plan(ladder(1, 3, 3), 3)))
    for _ in range(3):
        life.begin()
    for which in (2, 1, 0):
        life.end(which, 0.5)
    assert life.schedule.next_leg().trial == 0


def test_failures_do_not_compete_and_are_not_refilled():
    life = Life(SynchronousSchedule(make_successive_halving_plan(ladder(1, 9, 3), 3)))
    for _ in range(9):
        life.begin()
    for loss in [None, None, 0.3, None, None, None, None, 0.2, None]:
        life.end(0, loss)
    assert [life.begin(may_start=False) for _ in range(3)] == [True, True, False]
    assert sorted(life.legs) == [2, 7]


def test_a_rung_in_which_all_failed_ends_its_bracket():
    for kind in (SynchronousSchedule, AsynchronousSchedule):
        life = Life(kind(make_successive_halving_plan(ladder(1, 9, 3), 3)))
        for _ in range(9):
            life.begin()
            life.end(0, None)
        assert life.schedule.next_leg() == Leg(None, 1, 0, 1, 0)
        assert life.pruned == []


def test_an_asynchronous_trial_goes_on_without_waiting():
    life = Life(AsynchronousSchedule(make_successive_halving_plan(ladder(1, 9, 3), 3)))
    for loss in (0.3, 0.2, 0.1):
        life.begin()
        life.end(0, loss)
    assert life.schedule.next_leg() == Leg(2, 0, 1, 3, 1)


def test_a_full_asynchronous_bracket_holds_at_least_the_planned_numbers():
    plan = make_successive_halving_plan(ladder(1, 27, 3), 3)
    life = Life(AsynchronousSchedule(plan))
    while life.begin(may_start=life.schedule.next_bracket == 0) or life.legs:
        trial = sorted(life.legs)[0]
        life.end(0, (trial * 11 % 27) / 27)
    held = [len(rung) for rung in life.schedule.runs[0].rungs]
    assert held[0] == 27
    assert all(got >= size for got, size in zip(held, plan.brackets[0].sizes, strict=True))
    best = (0 * 11 % 27) / 27
    top = life.schedule.runs[0].rungs[-1].evaluations.values()
    assert min(e.loss for e in top) == best


def test_a_result_without_a_leg_is_refused():
    schedule = SynchronousSchedule(make_plan(ladder(1, 9, 3), 3))
    with pytest.raises(ArgumentError, match="must have a leg under way"):
        schedule.record(Evaluation(0, 0, 0.5))
    leg = schedule.next_leg()
    schedule.begin(leg, 0)
    schedule.record(Evaluation(0, 0, 0.5))
    with pytest.raises(ArgumentError, match="must have a leg under way"):
        schedule.record(Evaluation(0, 0, 0.5))
    with pytest.raises(ArgumentError, match="has had rung 0"):
        schedule.begin(leg, 0)


def test_what_is_still_needed_is_what_the_plan_says():
    plan = make_plan(ladder(1, 81, 3), 3)
    life = Life(SynchronousSchedule(plan))
    assert life.schedule.still_needed(continued=True) == 0
    assert life.schedule.still_needed(continued=True, new_trials=1) == 81
    for _ in range(81):
        life.begin()
    first = plan.brackets[0].resource(continued=True)
    assert life.schedule.still_needed(continued=True) == first - 81


def run_rounds(kind, plan, n_rounds, loss):
    """Run whole rounds one trial at a time; `loss` is called with the trial and the leg."""
    life = Life(kind(plan))
    n_brackets = n_rounds * len(plan.brackets)
    while life.begin(may_start=life.schedule.next_bracket < n_brackets):
        (trial,) = life.legs
        life.end(0, loss(trial, life.legs[trial]))
    return life.schedule


@pytest.mark.parametrize("kind", [SynchronousSchedule, AsynchronousSchedule])
@given(st.lists(st.floats(0, 1), min_size=100, max_size=100))
@settings(max_examples=50, deadline=None)
def test_an_adaptive_schedule_uses_no_more_than_its_plan_and_begins_with_a_whole_round(kind, lots):
    plan = make_plan(ladder(1, 9, 3), 3, adaptive=True)
    adaptive = run_rounds(kind, plan, 3, lambda trial, leg: lots[trial % 100])
    fixed = run_rounds(kind, make_plan(ladder(1, 9, 3), 3), 3, lambda trial, leg: lots[trial % 100])
    shapes = [run.bracket for run in adaptive.runs]
    assert sorted(shapes[:3], key=lambda each: each.first_level) == list(plan.brackets)
    by_number = sorted(adaptive.runs, key=lambda run: run.index)
    for run, planned in zip(by_number, fixed.runs, strict=True):
        assert run.bracket in (planned.bracket, planned.bracket.at_top())
        assert run.bracket.resource(continued=True) <= planned.bracket.resource(continued=True)
    if kind is SynchronousSchedule:
        assert adaptive.spent(continued=True) <= fixed.spent(continued=True)


def test_brackets_start_at_the_top_while_what_starts_there_is_good():
    plan = make_plan(ladder(1, 9, 3), 3, adaptive=True)

    def learned(trial, leg):  # later configurations are better, wherever they start
        return -trial

    def drawn(trial, leg):  # the rungs screen well, and nothing is learned
        return trial * 37 % 100

    at_top = run_rounds(SynchronousSchedule, plan, 3, learned)
    assert [run.bracket.sizes for run in at_top.runs[3:]] == [(3,), (2,), (1,)] * 2
    as_planned = run_rounds(SynchronousSchedule, plan, 3, drawn)
    by_number = sorted(as_planned.runs, key=lambda run: run.index)
    assert [run.bracket for run in by_number] == list(plan.brackets) * 3


def test_what_the_model_can_do_by_now_is_seen_before_the_other_brackets_of_a_round_begin():
    plan = make_plan(ladder(1, 9, 3), 3, adaptive=True)
    started = 0

    def late(trial, leg):  # what starts at the top is bad in the first round, and best from then on
        nonlocal started
        started += leg.resource == 9 and leg.previous_resource == 0
        return 1000 - trial if leg.resource < 9 else 2000 if started <= 3 else -trial

    rounds = run_rounds(SynchronousSchedule, plan, 2, late)
    assert [run.index for run in rounds.runs] == [0, 1, 2, 5, 3, 4]
    assert [run.bracket.sizes for run in rounds.runs[3:]] == [(3,), (2,), (1,)]


def begun(kind, **given):
    plan = make_plan(ladder(1, 81, 3), 3, **given)
    return run_rounds(kind, plan, 2, lambda trial, leg: trial).runs


def test_in_an_adaptive_round_the_bracket_at_the_top_begins_once_the_top_is_known():
    runs = begun(SynchronousSchedule, adaptive=True)
    assert [run.index for run in runs] == [0, 1, 4, 2, 3, 9, 5, 6, 7, 8]
    shapes = {run.index: run.bracket for run in runs[:5]}
    planned = make_plan(ladder(1, 81, 3), 3).brackets
    assert [bracket for _, bracket in sorted(shapes.items())] == list(planned)


@pytest.mark.parametrize(
    ("kind", "given"),
    [
        (SynchronousSchedule, {}),
        (AsynchronousSchedule, {"asynchronous": True}),
        (AsynchronousSchedule, {"asynchronous": True, "adaptive": True}),
    ],
)
def test_brackets_otherwise_begin_in_the_order_of_their_numbers(kind, given):
    assert [run.index for run in begun(kind, **given)] == [*range(10)]


def test_failures_at_the_top_are_not_waited_for():
    plan = make_plan(ladder(1, 27, 3), 3, adaptive=True)
    fails = run_rounds(
        SynchronousSchedule, plan, 1, lambda trial, leg: None if leg.resource == 27 else trial
    )
    assert [run.index for run in fails.runs] == [0, 1, 2, 3]


def test_with_many_legs_at_once_brackets_begin_in_the_order_of_their_numbers():
    plan = make_plan(ladder(1, 27, 3), 3, adaptive=True)
    life = Life(SynchronousSchedule(plan))
    for _ in range(46):
        life.begin()
    assert [run.index for run in life.schedule.runs] == [0, 1, 2, 3]


def test_brackets_that_were_begun_in_another_order_are_finished_and_none_is_left_out():
    def standings(plan, numbers):
        trial = itertools.count()
        for number in numbers:
            for _ in range(plan.brackets[number].n_trials - (number == numbers[-1])):
                yield Standing(next(trial), number, (), pending=True)

    plan = make_plan(ladder(1, 27, 3), 3, adaptive=True)
    schedule, _ = SynchronousSchedule.replay(plan, standings(plan, [0, 1, 2]), {})
    joined = []
    for trial in range(41, 47):
        leg = schedule.next_leg()
        schedule.begin(leg, trial)
        joined.append(leg.bracket)
    assert joined == [2, 3, 3, 3, 3, 4]


def test_an_enqueued_trial_may_be_older_than_those_of_brackets_that_were_begun_before():
    plan = make_plan(ladder(1, 4, 2), 2)
    sizes = [bracket.n_trials for bracket in plan.brackets]
    full = [Standing(1 + n, 0, (), pending=True) for n in range(sizes[0])]
    schedule, _ = SynchronousSchedule.replay(plan, [Standing(0, 1, (), pending=True), *full], {})
    assert (schedule.next_bracket, schedule.n_full) == (1, 1)

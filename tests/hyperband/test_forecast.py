import heapq
import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bohb.hyperband import Evaluation, SynchronousSchedule, ladder, make_plan
from bohb.hyperband.duration import duration_as_text
from bohb.hyperband.forecast import (
    LegsLeft,
    Pace,
    busy_seconds,
    wall_seconds,
)

PLAN = make_plan(ladder(1, 27, 3), 3)
LONG_PLAN = make_plan(ladder(1, 81, 3), 3)


def all_legs(plan):
    return [
        LegsLeft(bracket, index, rung, size)
        for index, bracket in enumerate(plan.brackets)
        for rung, size in enumerate(bracket.sizes)
    ]


@given(st.integers(1, 5), st.booleans(), st.floats(0.001, 1000))
def test_a_steady_pace_gives_the_resource_of_the_plan(top, continued, seconds_per_unit):
    plan = make_plan(ladder(1, 3**top, 3), 3)
    pace = Pace(continued=continued)
    pace.note(plan.brackets[0], 0, seconds_per_unit)
    resource = plan.resource_continued if continued else plan.resource_restarted
    assert busy_seconds(all_legs(plan), pace) == pytest.approx(resource * seconds_per_unit)


@given(st.integers(1, 200))
def test_more_workers_never_take_longer_and_never_beat_the_longest_chain(n_workers):
    pace = Pace(continued=False)
    pace.note(PLAN.brackets[0], 0, 1.0)
    now = wall_seconds(all_legs(PLAN), pace, n_workers)
    more = wall_seconds(all_legs(PLAN), pace, n_workers + 1)
    assert PLAN.longest_chain_restarted <= more <= now


def test_without_a_measurement_there_is_no_forecast():
    assert wall_seconds(all_legs(PLAN), Pace(continued=False), 1) is None


def test_each_rung_has_its_own_pace():
    pace = Pace(continued=False)
    first = PLAN.brackets[0]
    for _ in range(300):
        pace.note(first, 0, 10.0)
        pace.note(first, 1, 40.0)
        pace.note(first, 2, 30.0)  # faster than the rung below, however that may be
    for rung, seconds in enumerate([10, 40, 30]):
        assert pace.leg_seconds(first, rung) == pytest.approx(seconds, rel=0.02)


def test_a_rung_that_was_not_measured_is_on_the_line_of_the_others():
    pace = Pace(continued=False)
    for rung, units in enumerate([1, 3]):
        pace.note(PLAN.brackets[0], rung, 10 + 2 * units)  # most of it is a fixed cost
    assert pace.leg_seconds(PLAN.brackets[0], 3) == pytest.approx(10 + 2 * 27)


@given(st.lists(st.tuples(st.integers(0, 3), st.floats(0, 100)), min_size=1))
def test_no_leg_takes_a_negative_time(timed):
    pace = Pace(continued=False)
    for rung, seconds in timed:
        pace.note(PLAN.brackets[0], rung, seconds)
    assert all(pace.leg_seconds(PLAN.brackets[0], rung) >= 0 for rung in range(4))


def test_promoted_trials_have_their_own_pace():
    pace = Pace(continued=False)
    for _ in range(300):
        pace.note(PLAN.brackets[0], 1, 2.0)  # it goes on from a checkpoint
        pace.note(PLAN.brackets[1], 0, 3.0)
    assert pace.leg_seconds(PLAN.brackets[0], 1) == pytest.approx(2, rel=0.01)
    assert pace.leg_seconds(PLAN.brackets[1], 0) == pytest.approx(3, rel=0.01)


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0 s"), (59.4, "59 s"), (60, "1 min"), (3600, "1 h 0 min")]
)
def test_a_duration_is_said_as_people_say_it(seconds, text):
    assert duration_as_text(seconds) == text


def errors_of_forecasts(slowness, seed):
    """Yield how far off the end is, by its relative error, as each leg of a plan ends.

    The seconds of a leg are its resource times a lognormal factor and the `slowness` of its worker,
    of which there is one for each worker. The first third is left out.
    """
    draw = np.random.default_rng(seed)
    schedule, ends, numbers, now = SynchronousSchedule(LONG_PLAN), [], itertools.count(), 0.0
    n_brackets, pace, forecasts = len(LONG_PLAN.brackets), Pace(continued=False), []
    idle, n_workers = list(range(len(slowness))), len(slowness)
    while True:
        while idle:
            leg = schedule.next_leg(may_start=schedule.next_bracket < n_brackets)
            if leg is None:
                break
            number = next(numbers) if leg.trial is None else leg.trial
            schedule.begin(leg, number)
            worker = idle.pop()
            seconds = leg.resource * slowness[worker] * draw.lognormal(0, 0.5)
            heapq.heappush(ends, (now + seconds, number, leg.bracket, leg.rung, seconds, worker))
        if not ends:
            break
        now, number, index, rung, seconds, worker = heapq.heappop(ends)
        idle.append(worker)
        schedule.record(Evaluation(number, rung, draw.random()))
        pace.note(LONG_PLAN.brackets[index], rung, seconds)
        begun = [
            LegsLeft(LONG_PLAN.brackets[leg.bracket], leg.bracket, leg.rung, 0.5)
            for leg in schedule.pending
        ]
        left = [*begun, *schedule.legs_left(LONG_PLAN.n_trials - schedule.n_started)]
        forecasts.append((now, now + wall_seconds(left, pace, n_workers)))
    for made, end in forecasts:
        if made > now / 3:
            yield abs(end - now) / now


@pytest.mark.parametrize("slowness", [[1], [1, 1, 1, 1]])
def test_from_a_third_on_the_end_is_mostly_known_within_a_quarter(slowness):
    worst = [max(errors_of_forecasts(slowness, seed)) for seed in range(20)]
    assert np.quantile(worst, 0.9) < 0.25


def test_workers_of_different_speed_need_no_speeds_of_their_own_to_be_forecast():
    # A slow worker has ended few legs, so that the mean over all legs has the speed of them all.
    # What cannot be known is which of the workers gets the last and longest legs.
    worst = [max(errors_of_forecasts([1, 1, 3, 3], seed)) for seed in range(20)]
    assert np.median(worst) < 0.25
    assert np.quantile(worst, 0.9) < 0.4

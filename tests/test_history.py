"""The translator between Optuna's trials and our records."""

from __future__ import annotations

import dataclasses
import math
import threading

import optuna
import pytest
from hypothesis import given
from hypothesis import strategies as st
from optuna.distributions import (
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.trial import TrialState, create_trial

from bohb.errors import ReportError
from bohb.history import (
    History,
    Scale,
    _first_by_level,
    from_model,
    standing,
    to_model,
    to_parameter,
)
from bohb.hyperband import Standing, ladder, make_plan
from bohb.model import Proposal

SCALE = Scale(ladder(1, 9, 3))
PLAN = make_plan(ladder(1, 9, 3), 3)


def trial(state, steps, leg=None, **arguments):
    attributes = {} if leg is None else {"bohb:leg": dict(zip(LEG, leg, strict=True))}
    return create_trial(
        state=state, intermediate_values=steps, system_attrs=attributes, **arguments
    )


LEG = ("bracket", "rung", "state")
RUNNING, PRUNED, FAIL = TrialState.RUNNING, TrialState.PRUNED, TrialState.FAIL


@pytest.mark.parametrize(
    ("frozen", "expected"),
    [
        (trial(RUNNING, {1: 0.5}, (0, 0, "paused")), Standing(-1, 0, (0.5,), False)),
        (trial(RUNNING, {1: 0.5}, (0, 1, "running")), Standing(-1, 0, (0.5,), True)),
        (trial(RUNNING, {}, (0, 0, "running")), Standing(-1, 0, (), True)),
        (trial(RUNNING, {0: 0.5}, (0, 0, "paused")), Standing(-1, 0, (0.5,), False)),
        (trial(PRUNED, {1: 0.5, 3: 0.4}, (0, 1, "paused")), Standing(-1, 0, (0.5, 0.4), False)),
        (trial(PRUNED, {2: 0.5}, (1, 0, "running")), Standing(-1, 1, (None,), False)),
        (trial(FAIL, {1: 0.5, 3: 0.4}, (0, 1, "running")), Standing(-1, 0, (0.5, None), False)),
        (trial(FAIL, {3: float("nan")}, (1, 0, "running")), Standing(-1, 1, (None,), False)),
        (trial(RUNNING, {5: 0.5}, (0, 0, "paused")), Standing(-1, 0, (0.5,), False)),
        (trial(RUNNING, {}), None),
    ],
)
def test_a_trial_stands_where_its_leg_and_its_values_say(frozen, expected):
    if expected is not None:
        expected = dataclasses.replace(expected, is_over=frozen.state.is_finished())
    assert standing(frozen, SCALE, PLAN) == expected


def test_values_that_are_maximised_are_turned_once():
    frozen = trial(RUNNING, {1: 0.5}, (0, 0, "paused"))
    turned = Scale(SCALE.levels, maximize=True)
    assert standing(frozen, turned, PLAN).losses == (-0.5,)
    assert turned.loss(turned.loss(0.7)) == 0.7


def test_a_loop_that_counts_from_zero_has_used_one_more_than_its_step():
    from_zero, from_one = {0: 0.1, 2: 0.2}, {1: 0.1, 3: 0.2}
    for steps in (from_zero, from_one):
        assert SCALE.value_at(3, steps) == 0.2
        assert SCALE.value_at(9, steps) is None
    assert SCALE.step(9, from_zero) == 8
    assert SCALE.step(9, from_one) == SCALE.step(9, {}) == 9


def test_fractions_are_kept_at_the_level_of_the_ladder():
    scale = Scale(ladder(0.1, 0.9, 3))
    assert [scale.step(r, {}) for r in (0.1, 0.3, 0.9)] == [0, 1, 2]
    assert scale.used(0, {0: 1.0}) == 0.1
    assert scale.step_of_report(0.9) == 2
    assert scale.step_of_report(0.1 + 0.2) == 1  # as computed, 0.30000000000000004
    with pytest.raises(ReportError):
        scale.step_of_report(0.5)


@pytest.mark.parametrize(
    ("distribution", "values"),
    [
        (FloatDistribution(0.0, 1.0), [0.0, 0.25, 1.0]),
        (FloatDistribution(1e-5, 1.0, log=True), [1e-5, 0.1]),
        (FloatDistribution(0.0, 1.0, step=0.25), [0.0, 0.75]),
        (IntDistribution(1, 9, step=2), [1, 9]),
        (IntDistribution(1, 100, log=True), [1, 50]),
        (CategoricalDistribution(["a", None, 3]), ["a", None, 3]),
    ],
)
def test_a_value_comes_back_from_the_model_as_it_was(distribution, values):
    to_parameter(distribution)
    for value in values:
        back = from_model(distribution, to_model(distribution, value))
        assert back == value
        assert type(back) is type(value)


def finished(value, number, **params):
    frozen = create_trial(
        value=value,
        params=params,
        distributions={name: FloatDistribution(0, 1) for name in params},
        intermediate_values={1: value + 1, 3: value + 0.5, 9: value},
    )
    frozen.number = number
    return frozen


def observed(history, without=-1):
    with history.observations(without=without) as observations:
        return observations


def seen_by_model(history):
    observations = observed(history)
    return [
        (
            {name: v for name, v in zip(observations.names, values, strict=True) if v == v},
            {level: loss for level, loss in enumerate(losses) if loss == loss},
        )
        for values, losses in zip(
            observations.values.tolist(), observations.losses.tolist(), strict=True
        )
    ]


def test_the_model_sees_every_level_a_trial_was_evaluated_at():
    history = History(SCALE)
    history.refresh([finished(0.5, 0, x=0.25)])
    assert seen_by_model(history) == [({"x": 0.25}, {0: 1.5, 1: 1.0, 2: 0.5})]


def test_a_level_is_credited_only_with_reports_of_its_own():
    history = History(SCALE)
    late = create_trial(state=PRUNED, intermediate_values={5: 0.7, 8: 0.6})
    late.number = 0
    history.refresh([late])
    assert seen_by_model(history) == [({}, {1: 0.7})]


def test_without_a_ladder_complete_trials_are_above_pruned_ones():
    history = History(Scale(()))
    pruned = create_trial(state=PRUNED, intermediate_values={4: 0.7})
    pruned.number = 1
    history.refresh([finished(0.5, 0, x=0.25), pruned])
    assert [losses for _, losses in seen_by_model(history)] == [{1: 0.5}, {0: 0.7}]


def test_a_trial_does_not_see_itself():
    history = History(SCALE)
    history.refresh([finished(0.5, number, x=0.1) for number in range(3)])
    assert len(observed(history, without=1)) == 2


def test_the_newest_distribution_of_a_parameter_is_the_one_that_counts():
    history = History(SCALE)
    newer = finished(0.5, 7, x=0.5)
    newer.distributions = {"x": FloatDistribution(0, 2)}
    history.refresh([newer, finished(0.5, 3, x=0.5)])
    assert history.distributions(without=-1) == {"x": FloatDistribution(0, 2)}
    assert history.distributions(without=7) == {"x": FloatDistribution(0, 1)}


def test_a_running_trial_is_looked_at_whenever_the_model_asks():
    study = optuna.create_study()
    running = study.ask()
    history = History(SCALE)
    history.refresh(study.get_trials(deepcopy=False))
    assert seen_by_model(history) == [({}, {})]
    running.suggest_float("x", 0, 1)
    history.refresh(study.get_trials(deepcopy=False))
    assert set(seen_by_model(history)[0][0]) == {"x"}


def with_a_proposal():
    """Return a study with a running trial, the trial, and a history that knows its proposal."""
    study = optuna.create_study()
    running = study.ask()
    history = History(SCALE)
    history.refresh(study.get_trials(deepcopy=False))
    history.expect(0, Proposal({"x": 0.25, "y": 0.5}, "prior"), 0)
    return study, running, history


def test_what_was_proposed_to_a_trial_counts_before_it_asks_for_it():
    study, running, history = with_a_proposal()
    assert seen_by_model(history) == [({"x": 0.25, "y": 0.5}, {})]
    x = running.suggest_float("x", 0, 1)
    study.tell(running, 1.0)
    history.refresh(study.get_trials(deepcopy=False))
    assert seen_by_model(history) == [({"x": x}, {2: 1.0})]


def test_what_was_proposed_beyond_the_range_of_a_trial_counts_where_it_was_proposed():
    study, running, history = with_a_proposal()
    running.suggest_float("x", 0.75, 0.75)
    assert seen_by_model(history) == [({"x": 0.25, "y": 0.5}, {})]
    study.tell(running, 1.0)
    history.refresh(study.get_trials(deepcopy=False))
    assert seen_by_model(history) == [({"x": 0.25}, {2: 1.0})]


def test_an_older_list_of_trials_does_not_undo_what_is_known():
    study = optuna.create_study()
    trial = study.ask()
    trial.suggest_float("x", 0, 1)
    older = study.get_trials()
    study.tell(trial, 1.0)
    history = History(Scale(()))
    history.refresh(study.get_trials())
    history.refresh(older)
    assert not observed(history).is_pending.any()


def test_nothing_is_taken_in_while_the_model_looks():
    history = History(SCALE)
    history.refresh([finished(0.5, 0, x=0.25)])
    with history.observations(without=-1) as observations:
        other = threading.Thread(target=history.observe, args=[finished(0.5, 0, x=0.75)])
        other.start()
        other.join(0.2)
        assert other.is_alive()
        assert observations.column("x").tolist() == [0.25]
    other.join()
    assert observed(history).column("x").tolist() == [0.75]


@given(
    st.dictionaries(st.integers(0, 40), st.floats(-5, 5) | st.just(math.nan), max_size=30),
    st.sampled_from([(1, 3, 9, 27), (2, 6, 17), (5,), (0.1, 0.3, 0.9)]),
)
def test_the_model_sees_the_first_finite_report_of_each_level(steps, levels):
    scale = Scale(levels)
    if not scale.whole:
        steps = {step: value for step, value in steps.items() if step < len(levels)}
    expected = {}
    for step in sorted(steps):
        level = scale.level(scale.used(step, steps))
        if level is not None and math.isfinite(steps[step]):
            expected.setdefault(level, steps[step])
    assert _first_by_level(steps, scale) == expected

"""Advice on a study: each kind where it applies, and silence where all is well."""

import logging
import math

import numpy as np
import pytest
from studies import study_of

import bohb


def kinds(study):
    return [advice.kind for advice in study.advice()]


def run(objective, n_rounds=2, pruner=None, **arguments):
    study = study_of(pruner or bohb.HyperbandPruner(1, 27, adaptive=False))
    study.optimize(objective, n_rounds=n_rounds, **arguments)
    return study


def healthy(trial):
    return (trial.suggest_float("x", 0, 1) - 0.4) ** 2 + 1 / trial.resource


def test_a_healthy_study_gets_no_advice(caplog):
    study = run(healthy)
    assert kinds(study) == []
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


def test_ranks_that_disagree_are_told_with_their_interval():
    def misleading(trial):
        x = trial.suggest_float("x", 0, 1)
        return 10 * (x if trial.resource < 3 else -x) - trial.resource

    study = run(misleading)
    (text,) = [a.text for a in study.advice() if a.kind == "ranks at 1"]
    assert "their rank correlation is -1.00 (95 % interval" in text
    assert text.endswith("raise min_resource to 3")


def test_a_lowest_rung_whose_values_are_mostly_alike_tells_nothing():
    def chance(trial):
        value = (trial.suggest_float("x", 0, 1) - 0.4) ** 2 + 1 / trial.resource
        return 5.0 if trial.resource == 1 else value

    study = run(chance)
    (text,) = [a.text for a in study.advice() if a.kind == "lowest rung"]
    assert text.startswith("54 of 54 trials have the same value, 5, at resource 1")


def test_a_range_at_whose_end_the_best_trials_crowd_is_to_be_widened():
    def at_the_end(trial):
        rate = trial.suggest_float("rate", 1e-5, 1e-2, log=True)
        n = trial.suggest_int("n", 1, 3)  # all of these few values are near an end
        return -math.log(rate) + 1 / trial.resource + n / 1000

    study = run(at_the_end)
    assert kinds(study) == ["range of rate"]
    assert "at the end of its range, 0.01: widen the range there" in study.advice()[0].text


def test_more_than_a_third_of_failures_is_too_much():
    def fails(trial):
        if trial.suggest_float("x", 0, 1) < 0.5 or trial.number % 2:
            raise ValueError
        return healthy(trial)

    study = study_of()
    study.optimize(fails, catch=ValueError)
    assert "failures" in kinds(study)


def test_training_that_gains_nothing_is_told():
    study = run(lambda trial: (trial.suggest_float("x", 0, 1) - 0.4) ** 2)
    assert kinds(study) == ["no gain"]


@pytest.mark.parametrize("direction", ["minimize", "maximize"])
def test_curves_that_rise_after_their_best_are_told_unless_the_best_value_counts(direction):
    sign = 1 if direction == "minimize" else -1

    def overfits(trial):
        x = trial.suggest_float("x", 0, 1)
        for epoch in range(1, 28):
            value = sign * ((x - 0.4) ** 2 + 1 / epoch + 0.02 * epoch)
            trial.report(value, epoch)
            if trial.should_prune():
                raise bohb.TrialPruned
        return value

    def made(value):
        study = study_of(
            bohb.HyperbandPruner(1, 27, adaptive=False, value=value), direction=direction
        )
        study.optimize(overfits)
        return study

    last, best = made("last"), made("best")
    assert "rising curves" in kinds(last)
    assert "rising curves" not in kinds(best)
    for trial in best.trials:
        curve = list(trial.intermediate_values.values())
        if trial.state.name == "COMPLETE":
            assert trial.value == sign * min(sign * value for value in curve)
    for e in best.evaluations():
        curve = best.trials[e.number].intermediate_values
        assert e.value == sign * min(sign * v for step, v in curve.items() if step <= e.resource)


def test_a_limit_below_the_first_bracket_is_told_as_the_call_begins(caplog):
    study = study_of(bohb.HyperbandPruner(1, 27))
    study.optimize(healthy, n_trials=5)
    assert "n_trials=5 is less than the 27 trials of the first bracket" in caplog.text
    caplog.clear()
    study.optimize(healthy, n_trials=5)
    assert caplog.text == ""


def test_each_kind_of_advice_is_logged_once(caplog):
    study = study_of(bohb.HyperbandPruner(1, 27, adaptive=False))
    for _ in range(3):
        study.optimize(lambda trial: (trial.suggest_float("x", 0, 1) - 0.4) ** 2)
    assert caplog.text.count("promoted evaluations was better than the one before") == 1


@pytest.mark.parametrize("seed", range(20))
def test_advice_copes_with_any_values(seed):
    rng = np.random.default_rng(seed)

    def wild(trial):
        trial.suggest_float("x", -1, 1)
        trial.suggest_categorical("c", ["a", "b"])
        kind = rng.integers(6)
        if kind == 0:
            raise ValueError
        if kind == 1:
            raise bohb.TrialPruned
        return float(rng.choice([0.0, 1.0, np.nan, np.inf, 1e300, -1e300]))

    study = study_of()
    study.optimize(wild, n_rounds=3, catch=ValueError)
    for advice in study.advice():
        assert advice.text


# The value that counts


@pytest.mark.parametrize("style", ["loop", "generator", "function"])
def test_the_best_value_counts_in_every_style(style):
    curve = [5.0, 1.0, 3.0, 4.0, 0.5, 6.0, 7.0, 8.0, 9.0]

    def loop(trial):
        for epoch, value in enumerate(curve, 1):
            trial.report(value + trial.number, epoch)
            if trial.should_prune():
                raise bohb.TrialPruned
        return value + trial.number

    def generator(trial):
        for value in curve:
            yield value + trial.number

    def function(trial):
        return curve[trial.resource - 1] + trial.number

    study = study_of(bohb.HyperbandPruner(1, 9, value="best"))
    study.optimize({"loop": loop, "generator": generator, "function": function}[style])
    first = [(e.resource, e.value) for e in study.evaluations() if e.number == 0]
    expected = {"function": [(1, 5.0), (3, 3.0), (9, 3.0)]}
    assert first == expected.get(style, [(1, 5.0), (3, 1.0), (9, 0.5)])


def test_a_study_cannot_change_the_value_that_counts(tmp_path):
    from bohb.errors import SettingsError

    study_of(bohb.HyperbandPruner(1, 9, value="best"), storage=tmp_path / "study.journal")
    with pytest.raises(SettingsError, match="value='best', got value='last'"):
        bohb.load_study(storage=tmp_path / "study.journal", pruner=bohb.HyperbandPruner(1, 9))
    assert bohb.load_study(storage=tmp_path / "study.journal").pruner.value == "best"

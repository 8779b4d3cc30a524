"""The pruners in a plain Optuna study, where they can only stop a trial."""

from __future__ import annotations

from collections import Counter

import optuna
import pytest

import bohb
from bohb.pruners import from_settings


def trained(curve, *, start=1):
    def objective(trial):
        quality = trial.suggest_float("quality", 0, 1)
        for step in range(start, start + 27):
            trial.report(curve(quality, step + 1 - start), step)
            if trial.should_prune():
                raise optuna.TrialPruned
        return curve(quality, 27)

    return objective


def by_bracket(study):
    return Counter(trial.system_attrs["bohb:bracket"] for trial in study.trials)


@pytest.mark.parametrize("start", [0, 1])
def test_trials_fill_the_brackets_in_the_plans_proportions(start):
    pruner = bohb.HyperbandPruner(1, 27)
    study = optuna.create_study(sampler=bohb.BOHBSampler(seed=0, model="density"), pruner=pruner)
    objective = trained(lambda quality, step: quality + 1 / step, start=start)
    study.optimize(objective, n_trials=pruner.plan().n_trials)
    planned = {i: bracket.n_trials for i, bracket in enumerate(pruner.plan().brackets)}
    assert by_bracket(study) == planned


def test_the_bracket_of_a_trial_depends_on_its_number_alone_and_any_run_is_well_mixed():
    pruner = bohb.HyperbandPruner(1, 81)
    n = pruner.plan().n_trials
    indices = [pruner.bracket_index(number) for number in range(3 * n)]
    assert indices[:n] == indices[n : 2 * n] == indices[2 * n :]
    for first in range(0, n, 8):
        in_bracket_0 = indices[first : first + 32].count(0)
        assert abs(in_bracket_0 / 32 - 81 / n) < 0.15


def test_a_trial_stops_only_at_a_rung_of_its_bracket_and_the_best_goes_to_the_end():
    pruner = bohb.HyperbandPruner(1, 27)
    study = optuna.create_study(sampler=bohb.BOHBSampler(seed=1, model="density"), pruner=pruner)
    study.optimize(trained(lambda quality, step: quality), n_trials=92)
    for trial in study.trials:
        rungs = pruner.plan().brackets[trial.system_attrs["bohb:bracket"]].resources
        assert trial.last_step in rungs
    assert study.best_trial.number == min(study.trials, key=lambda t: t.params["quality"]).number


def test_at_each_rung_about_one_in_eta_goes_on():
    pruner = bohb.SuccessiveHalvingPruner(1, 27)
    study = optuna.create_study(
        sampler=optuna.samplers.RandomSampler(seed=0), pruner=pruner, direction="maximize"
    )
    study.optimize(trained(lambda quality, step: quality), n_trials=270)
    stopped = Counter(trial.last_step for trial in study.trials)
    assert stopped[1] == pytest.approx(180, abs=15)
    assert stopped[3] == pytest.approx(60, abs=15)
    assert study.best_value == max(trial.params["quality"] for trial in study.trials)


def test_a_value_that_is_not_finite_stops_the_trial():
    study = optuna.create_study(pruner=bohb.SuccessiveHalvingPruner(1, 9))
    study.optimize(trained(lambda quality, step: float("nan")), n_trials=2)
    assert [trial.state.name for trial in study.trials] == ["PRUNED", "PRUNED"]


def test_a_loop_that_reports_seldom_is_judged_at_its_first_report_after_the_rung():
    asked = []

    def objective(trial):
        for step in (5, 10, 15, 20, 25, 30):
            trial.report(float(trial.number), step)
            asked.append((trial.number, step))
            if trial.should_prune():
                raise optuna.TrialPruned
        return float(trial.number)

    study = optuna.create_study(pruner=bohb.SuccessiveHalvingPruner(1, 27))
    study.optimize(objective, n_trials=2)
    assert [step for number, step in asked if number == 1] == [5]


def test_a_single_rung_is_warned_about():
    with pytest.warns(UserWarning, match="there is a single rung, and nothing is ever promoted"):
        bohb.HyperbandPruner(80, 200)


@pytest.mark.parametrize(
    "pruner",
    [
        bohb.HyperbandPruner(1, 81, 3, "li2018"),
        bohb.HyperbandPruner(0.1, 0.9, asynchronous=True),
        bohb.SuccessiveHalvingPruner(1, 64, 4, n_trials=20),
    ],
)
def test_a_pruner_comes_back_from_its_settings(pruner):
    copy = from_settings(pruner.settings())
    assert type(copy) is type(pruner)
    assert copy.settings() == pruner.settings()
    assert copy.plan() == pruner.plan()

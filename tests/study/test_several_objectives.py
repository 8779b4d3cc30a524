"""Studies of several directions in brackets: error and seconds, in all styles and places."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import optuna
import pytest
from optuna.distributions import FloatDistribution
from optuna.samplers import CmaEsSampler, NSGAIISampler, RandomSampler, TPESampler
from optuna.trial import TrialState
from studies import counts, decisions, planned_counts, study_of

import bohb
from bohb.errors import ArgumentError, ObjectiveError
from bohb.executors import ProcessExecutor, ThreadExecutor

BOTH = ["minimize", "minimize"]


def values(trial, resource):
    """Return an error that falls with training, and a cost that falls as the error rises."""
    x, y = trial.suggest_float("x", 0, 1), trial.suggest_float("y", 0, 1)
    return x + y**2 + 1 / resource, (1 - x) ** 2 + y


def by_resource(trial):
    return values(trial, trial.resource)


def loop(trial):
    for step in range(1, 10):
        trial.report(values(trial, step), step)
        if trial.should_prune():
            raise bohb.TrialPruned
    return values(trial, 9)


def generator(trial):
    for step in range(1, 100):
        yield np.array(values(trial, step))


def reporting_generator(trial):
    for step in range(1, 100):
        trial.report(list(values(trial, step)), step)
        yield


STYLES = [by_resource, loop, generator, reporting_generator]


@pytest.fixture(scope="module")
def workers():
    with ProcessExecutor(2) as executor:
        yield executor


def front_of(study):
    return [tuple(trial.values) for trial in study.best_trials]


@pytest.mark.parametrize("asynchronous", [False, True])
@pytest.mark.parametrize("style", STYLES)
def test_rungs_promote_by_fronts_and_the_best_trials_are_at_the_top(style, asynchronous):
    study = study_of(bohb.HyperbandPruner(1, 9, asynchronous=asynchronous), directions=BOTH)
    study.optimize(style, n_rounds=2)
    assert study.best_trials
    for trial in study.best_trials:
        assert trial.state is TrialState.COMPLETE
        assert tuple(trial.values) == values(optuna.trial.FixedTrial(trial.params), 9)
    for record in study.evaluations():
        expected = values(optuna.trial.FixedTrial(record.params), record.resource)
        assert record.values == pytest.approx(expected)
        assert record.value == record.values[0]
        assert record.cut is None


@pytest.mark.parametrize("style", STYLES)
def test_all_executors_run_the_same_study(style, workers):
    space = {"x": FloatDistribution(0, 1), "y": FloatDistribution(0, 1)}
    found = []
    for executor in (None, ThreadExecutor(3), workers):
        study = study_of(
            bohb.HyperbandPruner(1, 9),
            sampler=bohb.BOHBSampler(seed=0, random_fraction=1.0),
            directions=BOTH,
            space=space,
        )
        study.optimize(style, n_rounds=1, executor=executor)
        found.append(front_of(study))
    assert found[0] == found[1] == found[2]


@pytest.mark.slow
@pytest.mark.parametrize(("storage", "asynchronous"), [("journal", False), ("sqlite", True)])
def test_a_killed_study_takes_the_same_decisions(storage, asynchronous, tmp_path):
    paths = [os.path.dirname(__file__), os.path.dirname(sys.modules["studies"].__file__)]
    code = f"""
import os, sys
sys.path[:0] = {paths}
from pathlib import Path
import bohb, test_several_objectives as these
name, n = sys.argv[1:]
left = int(n)
def objective(trial):
    global left
    left -= 1
    if left < 0:
        os._exit(9)
    return these.by_resource(trial)
storage = Path(name) if {storage!r} == "journal" else "sqlite:///" + name
study = bohb.create_study(
    study_name="mine", storage=storage, load_if_exists=True, directions=these.BOTH,
    sampler=bohb.BOHBSampler(seed=0),
    pruner=bohb.HyperbandPruner(1, 9, asynchronous={asynchronous}),
)
study.optimize(objective, n_rounds=2, in_total=True)
"""
    for name, n_legs in (("whole", [999]), ("killed", [4, 13, 999])):
        for n in n_legs:
            call = [sys.executable, "-c", code, name, str(n)]
            done = subprocess.run(call, cwd=tmp_path, capture_output=True, text=True, check=False)
            assert done.returncode == (0 if n == 999 else 9), done.stderr
    whole, killed = (
        bohb.load_study(
            storage=tmp_path / name if storage == "journal" else f"sqlite:///{tmp_path / name}",
            study_name="mine",
        )
        for name in ("whole", "killed")
    )
    assert decisions(killed).equals(decisions(whole))
    assert front_of(killed) == front_of(whole)
    assert isinstance(killed.sampler, bohb.BOHBSampler)


def test_the_model_finds_a_better_front_than_random_configurations():
    from optuna._hypervolume import compute_hypervolume

    def volume(sampler):
        study = study_of(bohb.HyperbandPruner(1, 27), sampler=sampler, directions=BOTH)
        study.optimize(by_resource, n_rounds=2)
        return compute_hypervolume(np.array(front_of(study)), np.array([2.0, 2.0]))

    by_model = [volume(bohb.BOHBSampler(seed=seed)) for seed in range(6)]
    at_random = [volume(bohb.BOHBSampler(seed=seed, random_fraction=1.0)) for seed in range(6)]
    assert np.mean(by_model) > np.mean(at_random) + 0.1


def test_the_sampler_serves_a_plain_study_of_optuna():
    study = optuna.create_study(directions=BOTH, sampler=bohb.BOHBSampler(seed=0))
    study.optimize(lambda trial: values(trial, 9), n_trials=40)
    ys = [trial.params["y"] for trial in study.trials[20:]]
    assert np.median(ys) < 0.15  # a y above 0 costs in both objectives
    assert len(study.best_trials) > 8


@pytest.mark.parametrize("sampler", [NSGAIISampler(seed=0), RandomSampler(seed=0)])
def test_samplers_of_optuna_run_in_brackets_of_several_objectives(sampler):
    study = study_of(bohb.HyperbandPruner(1, 9), sampler=sampler, directions=BOTH)
    study.optimize(by_resource, n_rounds=1)
    assert counts(study) == planned_counts(study)


def test_each_direction_is_turned_by_itself():
    def objective(trial):
        error, cost = values(trial, trial.resource)
        return 1 - error, cost

    one = study_of(bohb.HyperbandPruner(1, 9), directions=BOTH)
    other = study_of(bohb.HyperbandPruner(1, 9), directions=["maximize", "minimize"])
    one.optimize(by_resource, n_rounds=1)
    other.optimize(objective, n_rounds=1)
    numbers = [[trial.number for trial in study.best_trials] for study in (one, other)]
    assert numbers[0] == numbers[1]


@pytest.mark.parametrize("bad", [(0.1, float("nan")), (float("inf"), 0.1)])
def test_a_trial_fails_if_any_of_its_values_is_not_finite(bad):
    def objective(trial):
        return bad if trial.number == 1 else values(trial, trial.resource)

    study = study_of(bohb.HyperbandPruner(1, 9), directions=BOTH)
    study.optimize(objective, n_rounds=1)
    assert study.trials[1].state is TrialState.FAIL
    place = 0 if np.isinf(bad[0]) else 1
    assert f"the value {bad[place]} of objective {place} is not finite" in str(study.explain(1))
    assert 1 not in [trial.number for trial in study.best_trials]


@pytest.mark.parametrize(
    "wrong", [0.5, (0.5,), (0.1, 0.2, 0.3), "ab", (0.1, "b"), np.zeros((2, 2))]
)
def test_what_has_not_one_number_for_each_direction_is_refused_by_name(wrong):
    study = study_of(bohb.HyperbandPruner(1, 9), directions=BOTH)
    with pytest.raises(ObjectiveError, match=r"2 directions|must be one number"):
        study.optimize(lambda trial: wrong, n_trials=1)


def test_trials_can_be_asked_and_told():
    study = study_of(bohb.SuccessiveHalvingPruner(1, 3), directions=BOTH)
    while study.plan().n_trials > len(study.trials) or any(
        trial.state is TrialState.RUNNING for trial in study.trials
    ):
        trial = study.ask()
        study.tell(trial, list(values(trial, trial.resource)))
    assert len(study.best_trials) == 1
    with pytest.raises(ObjectiveError, match="2 directions"):
        study.tell(study.ask(), 0.5)


def test_an_explanation_has_all_values_and_a_data_frame_a_column_for_each():
    study = study_of(bohb.SuccessiveHalvingPruner(1, 3), directions=BOTH)
    study.optimize(by_resource)
    best = study.best_trials[0]
    first = values(optuna.trial.FixedTrial(best.params), 1)
    text = str(study.explain(best.number))
    assert "has finished at resource 3 with values" in text
    assert f"values {first[0]:.6g}, {first[1]:.6g}, rank 1 of 3; the best goes on:" in text
    frame = study.evaluations_dataframe()
    assert frame[["values_0", "values_1"]].notna().all(axis=None)
    assert (frame["value"] == frame["values_0"]).all()


def test_reports_and_pictures_show_the_first_objective(tmp_path):
    study = study_of(bohb.HyperbandPruner(1, 9), directions=BOTH)
    study.optimize(by_resource, n_rounds=1)
    study.report(tmp_path / "report.html")
    assert "learning curves" in (tmp_path / "report.html").read_text().lower()
    assert study.incumbent().value == min(front_of(study))[0]
    assert study.advice() == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"pruner": bohb.PopulationPruner(max_resource=9, interval=3)},
            "got bohb.PopulationPruner",
        ),
        ({"pruner": bohb.HyperbandPruner(1, 9, value="best")}, "value must be 'last' in a study"),
        ({"sampler": TPESampler(seed=0)}, "sampler must not be a TPESampler"),
        ({"sampler": CmaEsSampler(seed=0)}, "sampler must not be a CmaEsSampler"),
    ],
)
def test_what_needs_one_objective_is_refused_beforehand(arguments, message):
    given = {"pruner": bohb.HyperbandPruner(1, 9), **arguments}
    with pytest.raises(ArgumentError, match=message):
        bohb.create_study(directions=BOTH, **given)


def test_no_trial_is_the_best_whose_checkpoint_alone_could_be_kept():
    study = study_of(bohb.HyperbandPruner(1, 9), directions=BOTH)
    with pytest.raises(ArgumentError, match="keep must be 'all' in a study of 2 directions"):
        study.optimize(by_resource, keep="best")


def test_results_of_one_objective_teach_nothing_about_several():
    earlier = study_of(bohb.HyperbandPruner(1, 9))
    with pytest.raises(ArgumentError, match="needs a study of one direction"):
        study_of(bohb.HyperbandPruner(1, 9), directions=BOTH).add_trials_from(earlier)

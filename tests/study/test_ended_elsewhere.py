"""Trials that somebody ends in the storage while they are paused, as in the dashboard."""

import logging

import pytest
from optuna.trial import TrialState
from studies import study_of

import bohb


def fail(study, number):
    study._storage.set_trial_state_values(study.trials[number]._trial_id, TrialState.FAIL)


def storage_of(kind, tmp_path):
    return {
        "memory": None,
        "journal": tmp_path / "s.journal",
        "sqlite": f"sqlite:///{tmp_path}/s.db",
    }[kind]


@pytest.mark.parametrize("asynchronous", [False, True])
@pytest.mark.parametrize("kind", ["memory", "journal", "sqlite"])
@pytest.mark.parametrize("ended", [0, 1, 5, 8])
def test_a_paused_trial_that_is_failed_elsewhere_costs_that_trial_only(
    tmp_path, kind, ended, asynchronous, caplog
):
    def objective(trial):
        if trial.number == 8 and trial.resource == 1 and ended < 8:
            fail(study, ended)  # while the others of its rung are paused
        return trial.number + 1 / trial.resource

    study = study_of(
        bohb.SuccessiveHalvingPruner(1, 9, asynchronous=asynchronous),
        storage=storage_of(kind, tmp_path),
    )
    study.optimize(objective, n_rounds=2)
    states = [trial.state for trial in study.trials]
    assert len(states) == 18
    assert TrialState.RUNNING not in states
    n_failed = states.count(TrialState.FAIL)
    was_paused = ended < 8 and not (asynchronous and study.trials[ended].state != TrialState.FAIL)
    assert n_failed == was_paused
    if was_paused:
        assert states[ended] == TrialState.FAIL
        said = [r for r in caplog.records if r.levelno == logging.WARNING]
        assert f"Trial {ended} was paused, and was ended by somebody else" in said[0].message
    # An asynchronous bracket whose only trial on its way to the top is failed has none there.
    assert states.count(TrialState.COMPLETE) >= (1 if asynchronous else 2)


def test_a_study_goes_on_after_a_restart_beside_a_trial_that_was_failed_elsewhere(tmp_path):
    storage = tmp_path / "s.journal"
    study = study_of(storage=storage, study_name="mine")
    for number in range(8):
        study.tell(study.ask(), float(number))
    fail(study, 0)
    del study
    again = study_of(storage=storage, study_name="mine", load_if_exists=True)
    again.optimize(lambda trial: trial.number + 1 / trial.resource)
    assert {t.state for t in again.trials} == {
        TrialState.FAIL,
        TrialState.COMPLETE,
        TrialState.PRUNED,
    }
    assert again.trials[0].state == TrialState.FAIL

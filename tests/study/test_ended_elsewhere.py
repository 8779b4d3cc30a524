"""Trials that somebody ends in the storage while they run or are paused, as in the dashboard."""

import logging

import pytest
from optuna.trial import TrialState
from studies import study_of

import bohb

SAID = "was ended by somebody else: it goes no further"


def end(study, number, state=TrialState.FAIL):
    values = [-1.0] if state == TrialState.COMPLETE else None
    trial_id = study.trials[number]._trial_id
    study._storage.set_trial_state_values(trial_id, state, values)


def storage_of(kind, tmp_path):
    return {
        "memory": None,
        "journal": tmp_path / "s.journal",
        "sqlite": f"sqlite:///{tmp_path}/s.db",
    }[kind]


def results(study):
    return [(trial.state, trial.intermediate_values) for trial in study.trials]


@pytest.mark.parametrize("asynchronous", [False, True])
@pytest.mark.parametrize("kind", ["memory", "journal", "sqlite"])
@pytest.mark.parametrize("ended", [0, 1, 5, 8])
def test_a_paused_trial_that_is_failed_elsewhere_costs_that_trial_only(
    tmp_path, kind, ended, asynchronous, caplog
):
    def objective(trial):
        if trial.number == 8 and trial.resource == 1 and ended < 8:
            end(study, ended)  # while the others of its rung are paused
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
        assert f"Trial {ended} {SAID}" in said[0].message
    # An asynchronous bracket whose only trial on its way to the top is failed has none there.
    assert states.count(TrialState.COMPLETE) >= (1 if asynchronous else 2)


def reporting(trial):
    for epoch in range(1, trial.resource + 1):
        trial.report(trial.number + 1 / epoch, epoch)
        if trial.should_prune():
            raise bohb.TrialPruned


def returning(trial):
    trial.suggest_float("x", 0, 1)
    return trial.number + 1 / trial.resource


def yielding(trial):
    for epoch in range(1, 10):
        yield trial.number + 1 / epoch


@pytest.mark.parametrize("asynchronous", [False, True])
@pytest.mark.parametrize(
    ("state", "executor"),
    [
        (TrialState.FAIL, None),
        (TrialState.COMPLETE, None),
        (TrialState.PRUNED, "threads"),
        (TrialState.FAIL, "processes"),
    ],
)
@pytest.mark.parametrize("train", [reporting, returning, yielding])
def test_a_running_trial_that_is_ended_elsewhere_costs_that_trial_only(
    tmp_path, train, state, executor, asynchronous, caplog
):
    journal = tmp_path / "s.journal"

    def end_itself(trial):
        if trial.number == 2:
            end(bohb.load_study(storage=journal, study_name="mine"), 2, state)

    def objective(trial):
        end_itself(trial)
        return train(trial)

    def generator(trial):
        end_itself(trial)
        yield from train(trial)

    workers = None
    if executor is not None:
        kinds = {
            "threads": bohb.executors.ThreadExecutor,
            "processes": bohb.executors.ProcessExecutor,
        }
        workers = kinds[executor](2)
    study = study_of(
        bohb.SuccessiveHalvingPruner(1, 9, asynchronous=asynchronous),
        storage=journal,
        study_name="mine",
    )
    study.optimize(generator if train is yielding else objective, n_rounds=2, executor=workers)
    states = [trial.state for trial in study.trials]
    assert len(states) == 18
    assert TrialState.RUNNING not in states
    assert states[2] == state
    assert [r.message for r in caplog.records if SAID in r.message] == [f"Trial 2 {SAID}."]
    assert study.trials[2].intermediate_values.keys() <= {1}
    assert states.count(TrialState.COMPLETE) - (state == TrialState.COMPLETE) >= 2


@pytest.mark.parametrize("asynchronous", [False, True])
@pytest.mark.parametrize("state", [TrialState.FAIL, TrialState.PRUNED, TrialState.COMPLETE])
@pytest.mark.parametrize("is_running", [False, True])
@pytest.mark.parametrize("ended", [1, 5])
def test_a_study_that_is_restarted_decides_as_the_one_that_saw_the_trial_end(
    tmp_path, ended, is_running, state, asynchronous
):
    def objective(trial):
        when = ended if is_running else 8
        if trial.number == when and trial.resource == 1 and kept is not None:
            end(kept, ended, state)
        return (trial.number * 5) % 9 + 1 / trial.resource

    pruner = bohb.HyperbandPruner(1, 9, asynchronous=asynchronous)
    found = []
    for is_restarted in (False, True):
        path = tmp_path / f"{is_restarted}.journal"
        study = kept = study_of(pruner, storage=path, study_name="mine", seed=1)
        study.optimize(objective, n_trials=9)
        kept = None
        for _ in range(2):
            if is_restarted:
                study = bohb.load_study(
                    storage=path, study_name="mine", sampler=study.sampler, pruner=pruner
                )
            study.optimize(objective, n_trials=2)
        found.append(results(study))
    assert TrialState.RUNNING not in [each for each, _ in found[0]]
    assert str(found[0]) == str(found[1])


def test_a_study_goes_on_after_a_restart_beside_a_trial_that_was_failed_elsewhere(tmp_path):
    storage = tmp_path / "s.journal"
    study = study_of(storage=storage, study_name="mine")
    for number in range(8):
        study.tell(study.ask(), float(number))
    end(study, 0)
    del study
    again = study_of(storage=storage, study_name="mine", load_if_exists=True)
    again.optimize(lambda trial: trial.number + 1 / trial.resource)
    assert {t.state for t in again.trials} == {
        TrialState.FAIL,
        TrialState.COMPLETE,
        TrialState.PRUNED,
    }
    assert again.trials[0].state == TrialState.FAIL

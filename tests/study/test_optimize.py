"""What optimize does with its arguments, and how it ends."""

from __future__ import annotations

import contextlib
import gc
import logging
import os
import pickle
import re
import signal
import sys
import threading
import time
import weakref
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import optuna
import pytest
from studies import decisions, planned_sizes, sizes, study_of

import bohb
from bohb.errors import NoResultError, StorageError, StudyError
from bohb.store.lease import Lease


def by_resource(trial):
    return trial.suggest_float("x", 0, 1) + 1 / trial.resource


def generator(trial):
    x, unit = trial.suggest_float("x", 0, 1), 0
    while True:
        unit += 1
        yield x + 1 / unit


# Limits


def test_without_a_limit_one_round_is_run_and_again_another():
    study = study_of()
    study.optimize(by_resource)
    assert sizes(study) == planned_sizes(study)
    study.optimize(by_resource)
    assert sizes(study) == planned_sizes(study, 2)


def test_rounds_and_brackets_are_counted():
    study = study_of()
    study.optimize(by_resource, n_rounds=2)
    assert sizes(study) == planned_sizes(study, 2)
    study = study_of()
    study.optimize(by_resource, n_brackets=2)
    assert sizes(study) == planned_sizes(study)[:2]
    study.optimize(by_resource, n_brackets=2)
    assert sizes(study) == planned_sizes(study, 2)[:4]


def test_n_trials_counts_configurations_and_the_open_bracket_is_finished():
    study = study_of()
    study.optimize(by_resource, n_trials=11)
    assert len(study.trials) == 11
    assert sizes(study) == [(9, 3, 1), (2, 1)]
    assert {trial.state.name for trial in study.trials} == {"COMPLETE", "PRUNED"}
    study.optimize(by_resource, n_trials=3)
    assert sizes(study) == [(9, 3, 1), (2, 1), (3,)]


def test_one_trial_at_a_time_goes_to_the_top_each_time():
    study = study_of()
    for _ in range(4):
        study.optimize(by_resource, n_trials=1)
    assert [trial.state.name for trial in study.trials] == ["COMPLETE"] * 4


@pytest.mark.parametrize("total", [13, 20, 57, 100, 333])
def test_the_total_resource_is_never_exceeded_and_nothing_is_left_open(total):
    units = Counter()

    def counted(trial):
        for value in generator(trial):
            units["generator"] += 1
            yield value

    study = study_of()
    study.optimize(counted, total_resource=total)
    assert total - 27 < units["generator"] <= total
    assert {trial.state.name for trial in study.trials} <= {"COMPLETE", "PRUNED"}

    def restarted(trial):
        units["function"] += trial.resource
        return by_resource(trial)

    study = study_of()
    study.optimize(restarted, total_resource=total)
    assert 0 < units["function"] <= total


@pytest.mark.parametrize(
    "limit", [{}, {"n_rounds": 2}, {"n_brackets": 2}, {"n_trials": 11}, {"total_resource": 100}]
)
def test_a_limit_in_all_is_one_for_all_calls_together(limit):
    reference = study_of()
    reference.optimize(by_resource, **limit)
    study = study_of()
    study.optimize(by_resource, n_trials=2)
    for _ in range(3):
        study.optimize(by_resource, **limit, in_total=True)
    if limit.get("n_brackets") or limit.get("n_rounds") or not limit:
        assert len(sizes(study)) == len(sizes(reference))
    elif "n_trials" in limit:
        assert len(study.trials) == 11
    else:
        spent = study.evaluations_dataframe().resource.sum()
        assert 100 - 27 < spent <= 100
    assert {trial.state.name for trial in study.trials} == {"COMPLETE", "PRUNED"}


def test_what_a_timeout_left_is_done_by_a_call_with_the_same_limit_in_all():
    def stopping(trial):
        if trial.number in (4, 12):
            trial.study.stop()
        return by_resource(trial)

    reference, study = study_of(), study_of()
    reference.optimize(by_resource)
    for _ in range(9):
        study.optimize(stopping, n_rounds=1, in_total=True)
    assert decisions(study).equals(decisions(reference))


def test_a_study_knows_whether_its_last_call_was_cut_off():
    def failing(trial):
        if trial.number == 3:
            raise RuntimeError("broken")
        return by_resource(trial)

    study = study_of()
    assert not study.was_cut_off
    with pytest.raises(RuntimeError):
        study.optimize(failing)
    assert study.was_cut_off
    study.optimize(by_resource)
    assert not study.was_cut_off
    assert sizes(study)[0] == (9, 3, 1)


def test_a_timeout_leaves_trials_paused_and_another_call_goes_on():
    def slow(trial):
        if trial.number == 3:
            time.sleep(1.1)
        return by_resource(trial)

    study = study_of()
    study.optimize(slow, timeout=1)
    assert 0 < len(study.trials) <= 4
    study.optimize(by_resource, n_rounds=1)
    assert {trial.state.name for trial in study.trials} == {"COMPLETE", "PRUNED"}
    assert sizes(study)[0] == (9, 3, 1)


def test_stop_ends_after_the_leg_under_way():
    def objective(trial):
        if trial.number == 4:
            trial.study.stop()
        return by_resource(trial)

    study = study_of()
    study.optimize(objective)
    assert len(study.trials) == 5
    assert len(study.evaluations_dataframe()) == 5


def test_stop_now_ends_the_other_legs_at_their_next_report():
    begun = threading.Event()

    def objective(trial):
        if trial.number == 0:
            begun.wait()
            trial.study.stop(now=True)
            return 1.0
        begun.set()
        while not trial.should_prune():
            time.sleep(0.001)
        raise bohb.TrialPruned

    study = study_of()
    study.optimize(objective, n_jobs=2)
    assert [trial.number for trial in study.trials] == [0, 1]
    assert len(study.evaluations_dataframe()) == 1
    study.optimize(by_resource)  # the leg that was ended is run again
    assert sizes(study)[0] == (9, 3, 1)


def test_a_callback_sees_each_finished_trial_once_and_may_stop():
    seen = []

    def callback(study, trial):
        seen.append((trial.number, trial.state.name))
        if len(seen) == 10:
            study.stop()

    study = study_of()
    study.optimize(by_resource, callbacks=[callback])
    assert len({number for number, _ in seen}) == len(seen) >= 10
    finished = [t for t in study.trials if t.state.is_finished()]
    assert {number for number, _ in seen} == {trial.number for trial in finished}


def test_a_callback_that_asks_and_tells_loses_no_other_callback():
    seen = Counter()

    def callback(study, trial):
        seen[trial.number] += 1
        if seen.total() == 3:
            asked = study.ask()
            study.tell(asked, by_resource(asked))

    study = study_of()
    study.optimize(by_resource, callbacks=[callback])
    finished = {trial.number for trial in study.trials if trial.state.is_finished()}
    assert set(seen) == finished
    assert set(seen.values()) == {1}


# Endings


def test_an_exception_ends_the_call_fails_its_trial_and_keeps_the_rest():
    def objective(trial):
        if trial.number == 3 and trial.resource == 1:
            raise RuntimeError("no more memory")
        return by_resource(trial)

    study = study_of()
    with pytest.raises(RuntimeError, match="no more memory"):
        study.optimize(objective)
    assert len(study.evaluations_dataframe()) == 4
    failed = study.trials[3]
    assert failed.state.name == "FAIL"
    assert failed.system_attrs["bohb:error"] == "RuntimeError: no more memory"
    study.optimize(objective)  # goes on with the same round
    assert [bracket[0] for bracket in sizes(study)] == [9, 3, 3]


def test_an_exception_that_cannot_say_what_it_is_only_fails_its_trial_too():
    class WordlessError(Exception):
        def __str__(self):
            return self.code  # which it does not have

    def objective(trial):
        if trial.number == 1:
            raise WordlessError
        return by_resource(trial)

    study = study_of()
    study.optimize(objective, catch=WordlessError)
    assert len(study.trials) == study.plan().n_trials
    assert study.trials[1].state.name == "FAIL"
    assert study.trials[1].system_attrs["bohb:error"] == "WordlessError: <exception str() failed>"


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_what_a_failed_trial_held_is_let_go_of_at_once(n_jobs):
    held = []

    class Model:
        """Stands for what fills the memory of a GPU."""

    def objective(trial):
        model = Model()
        held.append(weakref.ref(model))
        alive.append(sum(reference() is not None for reference in held))
        raise MemoryError

    alive = []
    study = study_of()
    gc.disable()
    try:
        study.optimize(objective, n_trials=9, n_jobs=n_jobs, catch=MemoryError)
    finally:
        gc.enable()
    assert max(alive) <= n_jobs + 1  # of those that run, and one whose result is being taken


def test_exceptions_in_catch_only_fail_their_trial(caplog):
    def objective(trial):
        if trial.number % 3 == 0:
            raise ValueError("diverged")
        return by_resource(trial)

    study = study_of()
    with caplog.at_level(logging.WARNING, "bohb"):
        study.optimize(objective, catch=ValueError)
    states = Counter(trial.state.name for trial in study.trials)
    assert states["FAIL"] == 5
    assert sizes(study)[0] == (9, 3, 1)
    assert "ValueError: diverged" in caplog.text


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_a_value_that_is_not_finite_fails_its_trial_and_is_never_promoted(bad):
    def objective(trial):
        return bad if trial.number in (0, 5) else by_resource(trial)

    study = study_of()
    study.optimize(objective)
    assert [study.trials[n].state.name for n in (0, 5)] == ["FAIL", "FAIL"]
    frame = study.evaluations_dataframe()
    assert frame[frame.number.isin([0, 5])].value.isna().all()
    assert sizes(study)[0] == (9, 3, 1)


def test_ctrl_c_keeps_everything_and_is_raised_and_optimize_goes_on():
    reference = study_of()
    reference.optimize(generator)
    units = Counter()

    def interrupted(trial):
        for value in generator(trial):
            units[trial.number] += 1
            if trial.number == 4 and units["pressed"] == 0:
                units["pressed"] = 1
                os.kill(os.getpid(), signal.SIGINT)
                time.sleep(1)
            yield value

    study = study_of()
    with pytest.raises(KeyboardInterrupt):
        study.optimize(interrupted)
    assert study.was_cut_off
    assert len(study.trials) == 5
    study.optimize(interrupted)
    assert decisions(study).equals(decisions(reference))
    del units["pressed"]
    assert sum(units.values()) == study.plan().resource_continued + 1


def test_ctrl_c_with_threads_ends_within_the_legs_under_way():
    started, pressed = threading.Event(), threading.Event()

    def objective(trial):
        x = trial.suggest_float("x", 0, 1)
        started.set()
        pressed.wait()
        for step in range(1, 10):
            trial.report(x, step)
            if trial.should_prune():
                raise bohb.TrialPruned
        return x

    def press():
        started.wait()
        os.kill(os.getpid(), signal.SIGINT)
        pressed.set()

    study = study_of(bohb.HyperbandPruner(3, 9))
    presser = threading.Thread(target=press)
    presser.start()
    with pytest.raises(KeyboardInterrupt):
        study.optimize(objective, n_jobs=3)
    presser.join()
    assert len(study.trials) <= 3
    study.optimize(objective, n_jobs=3)
    assert sizes(study) == planned_sizes(study)


def test_ctrl_c_between_a_result_and_its_record_loses_nothing(monkeypatch):
    reference = study_of()
    reference.optimize(by_resource)
    for moment in range(1, reference.plan().n_evaluations):
        calls = Counter()

        def pressed(lease, moment=moment, calls=calls):
            calls["n"] += 1
            if calls["n"] == moment:
                raise KeyboardInterrupt

        study = study_of()
        with monkeypatch.context() as patch:
            patch.setattr(
                Lease, "is_lost", property(pressed, lambda lease, value: None), raising=False
            )
            with contextlib.suppress(KeyboardInterrupt):  # the last moment may come after all
                study.optimize(by_resource)
        study.optimize(by_resource)
        assert decisions(study).equals(decisions(reference))


def test_an_objective_that_exits_ends_the_call_and_its_leg_is_run_again():
    def objective(trial):
        if trial.number == 4 and not exits["n"]:
            exits["n"] += 1
            raise SystemExit
        return by_resource(trial)

    for n_jobs in (1, 3):
        exits = Counter()
        study = study_of()
        with pytest.raises(SystemExit):
            study.optimize(objective, n_jobs=n_jobs)
        study.optimize(objective, n_jobs=n_jobs)
        assert sizes(study) == planned_sizes(study)
        assert {trial.state.name for trial in study.trials} == {"COMPLETE", "PRUNED"}


def test_without_trials_only_what_is_open_is_finished():
    study = study_of()
    study.optimize(by_resource, n_trials=4, callbacks=[lambda study, trial: study.stop()])
    study.optimize(by_resource, n_trials=0)
    assert len(study.trials) == 4
    assert all(trial.state.is_finished() for trial in study.trials)


@pytest.mark.filterwarnings("ignore:BruteForceSampler is experimental")
def test_a_sampler_that_has_nothing_left_ends_the_beginning_and_not_the_brackets():
    def objective(trial):
        y = trial.suggest_int("y", 1, 4) + trial.suggest_categorical("c", [0, 1])
        return y + 1 / trial.resource

    sampler = optuna.samplers.BruteForceSampler(seed=0)
    study = bohb.create_study(sampler=sampler, pruner=bohb.HyperbandPruner(1, 9))
    study.optimize(objective)
    assert all(trial.state.is_finished() for trial in study.trials)
    assert study.best_params == {"y": 1, "c": 0}
    assert len({tuple(sorted(trial.params.items())) for trial in study.trials}) == 8


def test_evaluations_are_told_to_the_logger_if_it_is_asked(caplog):
    with caplog.at_level(logging.INFO, logger="bohb"):
        study_of().optimize(by_resource, n_trials=1)
    told = [record.getMessage() for record in caplog.records if record.levelno == logging.INFO]
    values = [text for text in told if text.startswith("Trial 0 has value ")]
    assert len(values) == 3
    assert " at resource 1 with parameters {'x': " in values[0]
    promotions = [text for text in told if text.startswith("Trial 0 is promoted from ")]
    assert [text.partition(" from ")[2] for text in promotions] == [
        "resource 1 to 3.",
        "resource 3 to 9.",
    ]
    assert len(told) == 5


def test_callbacks_hear_nothing_of_trials_that_were_told_by_hand_before():
    study = study_of(bohb.SuccessiveHalvingPruner(9, 9))
    told = study.tell(study.ask(), 0.5)
    heard = []
    study.optimize(
        lambda trial: 1.0, n_trials=2, callbacks=[lambda study, trial: heard.append(trial.number)]
    )
    assert told.number == 0
    assert heard == [1, 2]


@pytest.mark.slow
def test_a_loop_that_breaks_off_at_a_timeout_has_no_value_at_its_resource_yet():
    def objective(trial):
        x = trial.suggest_float("x", 0, 1)
        for unit in range(1, 10):
            trial.report(x + 1 / unit, unit)
            if unit == 4 and trial.number == 0:
                time.sleep(1.5)
            if trial.should_prune():
                break
        return x + 1 / unit

    study = study_of(bohb.SuccessiveHalvingPruner(9, 9))
    study.optimize(objective, timeout=1)
    assert study.trials[0].state.name == "RUNNING"
    study.optimize(objective, n_trials=1)
    assert study.trials[0].value == study.trials[0].params["x"] + 1 / 9


def test_a_report_that_is_not_a_number_leaves_a_database_readable(tmp_path):
    def objective(trial):
        x = trial.suggest_float("x", 0, 1)
        for unit in range(1, 10):
            value = float("nan") if x > 0.5 and unit == 2 else x
            trial.report(value, unit)
            if value != value or trial.should_prune():
                raise bohb.TrialPruned
        return x

    study = study_of(bohb.HyperbandPruner(3, 9), storage=f"sqlite:///{tmp_path}/study.db")
    study.optimize(objective)
    assert len(study.trials) == study.plan().n_trials


# Threads


@pytest.mark.parametrize("objective", [by_resource, generator])
@pytest.mark.parametrize("asynchronous", [False, True])
def test_threads_run_the_same_plan(objective, asynchronous):
    study = study_of(bohb.HyperbandPruner(1, 27, asynchronous=asynchronous))
    study.optimize(objective, n_jobs=4)
    held, plan = sizes(study), planned_sizes(study)
    if asynchronous:
        assert [bracket[0] for bracket in held] == [bracket[0] for bracket in plan]
        for got, wanted in zip(held, plan, strict=True):
            assert all(n >= size for n, size in zip(got, wanted, strict=True))
    else:
        assert held == plan
    assert {trial.state.name for trial in study.trials} == {"COMPLETE", "PRUNED"}


def test_threads_work_at_the_same_time():
    barrier = threading.Barrier(3, timeout=10)

    def objective(trial):
        if trial.number < 3 and trial.resource == 1:
            barrier.wait()
        return by_resource(trial)

    study = study_of()
    study.optimize(objective, n_jobs=3)
    assert len(study.trials) == study.plan().n_trials


def test_the_model_may_look_at_a_trial_while_its_thread_reports():
    def objective(trial):
        x = trial.suggest_float("x", 0, 1)
        for unit in range(1, 301):
            trial.report(x + 1 / unit, unit)
            if trial.should_prune():
                raise bohb.TrialPruned
        return x

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for seed in range(5):
            study = study_of(bohb.HyperbandPruner(100, 300), seed=seed)
            study.optimize(objective, n_jobs=4, n_rounds=2)
            assert "FAIL" not in {trial.state.name for trial in study.trials}
    finally:
        sys.setswitchinterval(interval)


def test_threads_may_ask_and_tell(tmp_path):
    study = study_of()

    def work():
        for _ in range(10):
            trial = study.ask()
            study.tell(trial, by_resource(trial))

    with ThreadPoolExecutor(4) as pool:
        for future in [pool.submit(work) for _ in range(4)]:
            future.result()
    frame = study.evaluations_dataframe()
    assert len(frame) == 40
    assert not frame.duplicated(["number", "rung"]).any()


def test_an_exception_in_a_thread_keeps_what_the_others_had():
    def objective(trial):
        if trial.number == 5:
            raise RuntimeError("boom")
        return by_resource(trial)

    study = study_of()
    with pytest.raises(RuntimeError, match="boom"):
        study.optimize(objective, n_jobs=3)
    study.optimize(objective, n_jobs=3)
    assert len(study.trials) == study.plan().n_trials
    assert Counter(trial.state.name for trial in study.trials)["FAIL"] == 1


# Sequences


def test_enqueued_configurations_are_tried_first():
    study = study_of()
    study.enqueue_trial({"x": 0.25})
    study.enqueue_trial({"x": 0.75})
    study.optimize(by_resource)
    assert [trial.params["x"] for trial in study.trials[:2]] == [0.25, 0.75]
    assert len(study.trials) == study.plan().n_trials
    assert sizes(study) == planned_sizes(study)


def test_a_configuration_that_was_enqueued_survives_a_kill_while_it_is_taken(monkeypatch):
    study = study_of()
    study.enqueue_trial({"x": 0.25})
    storage = optuna.storages.InMemoryStorage
    for method in ("set_trial_system_attr", "set_trial_state_values"):
        with monkeypatch.context() as broken:
            broken.setattr(storage, method, lambda *_, **__: 1 / 0)
            with pytest.raises(StorageError):
                study.optimize(by_resource)
    study.optimize(by_resource)
    assert study.trials[0].params["x"] == 0.25
    assert len(study.trials) == study.plan().n_trials


def test_a_callback_may_enqueue():
    def callback(study, trial):
        if trial.number == 0:
            study.enqueue_trial({"x": 0.125})

    study = study_of()
    study.optimize(by_resource, callbacks=[callback])
    assert 0.125 in [trial.params["x"] for trial in study.trials]
    assert len(study.trials) == study.plan().n_trials


def test_added_trials_teach_the_model_and_are_not_counted():
    first = study_of()
    first.optimize(by_resource)
    study = study_of(seed=1)
    study.add_trials(first.trials)
    study.optimize(by_resource)
    assert len(study.trials) == 2 * study.plan().n_trials
    with study._history.observations(without=-1) as observations:
        assert len(observations) == observations.is_evaluated.sum() == len(study.trials)
    assert sizes(study) == planned_sizes(study)


def test_trials_of_another_schedule_can_be_added(tmp_path):
    first = study_of(bohb.HyperbandPruner(1, 81))
    first.optimize(by_resource, n_brackets=1)
    study = study_of(study_name="second", storage=tmp_path / "study.journal")
    study.add_trials(first.trials)
    study.optimize(by_resource, n_brackets=1)
    again = bohb.load_study(study_name="second", storage=tmp_path / "study.journal")
    again.optimize(by_resource, n_brackets=2)
    assert sizes(again) == planned_sizes(again)


@pytest.mark.parametrize(
    "make",
    [
        lambda: optuna.samplers.RandomSampler(seed=0),
        lambda: optuna.samplers.TPESampler(seed=0, n_startup_trials=3),
        lambda: optuna.samplers.GridSampler({"x": [i / 30 for i in range(30)]}, seed=0),
        lambda: optuna.samplers.QMCSampler(seed=0),
    ],
    ids=["random", "TPE", "grid", "QMC"],
)
@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
def test_any_sampler_of_optuna_runs_in_real_brackets(make):
    study = bohb.create_study(sampler=make(), pruner=bohb.HyperbandPruner(1, 9))
    study.optimize(by_resource)
    assert sizes(study) == planned_sizes(study)


@pytest.mark.parametrize(
    "pruner", [None, optuna.pruners.MedianPruner(), optuna.pruners.HyperbandPruner(1, 9)]
)
def test_any_pruner_of_optuna_behaves_as_in_optuna(pruner):
    def objective(trial):
        x = trial.suggest_float("x", 0, 1)
        for step in range(9):
            trial.report(x, step)
            if trial.should_prune():
                raise bohb.TrialPruned
        return x

    ours = bohb.create_study(
        study_name="same", sampler=optuna.samplers.RandomSampler(seed=0), pruner=pruner
    )
    theirs = optuna.create_study(
        study_name="same", sampler=optuna.samplers.RandomSampler(seed=0), pruner=pruner
    )
    ours.optimize(objective, n_trials=30)
    theirs.optimize(objective, n_trials=30)
    assert [(t.state, t.value) for t in ours.trials] == [(t.state, t.value) for t in theirs.trials]


def test_a_generator_runs_under_a_pruner_of_optuna():
    def objective(trial):
        x = trial.suggest_float("x", 0, 1)
        for _ in range(9):
            yield x

    study = bohb.create_study(pruner=optuna.pruners.NopPruner())
    with pytest.warns(UserWarning, match="the study's pruner has no resources"):
        study.optimize(objective, n_trials=3)
    assert [len(trial.intermediate_values) for trial in study.trials] == [9, 9, 9]
    assert study.best_value == study.best_params["x"]


def test_several_directions_go_with_a_pruner_of_optuna_too():
    study = bohb.create_study(
        directions=["minimize", "maximize"], sampler=optuna.samplers.RandomSampler(seed=0)
    )
    study.optimize(lambda trial: (trial.suggest_float("x", 0, 1),) * 2, n_trials=3)
    assert len(study.best_trials) == 3


def test_the_same_seed_gives_the_same_study():
    first, second = study_of(), study_of()
    for study in (first, second):
        study.optimize(by_resource, n_rounds=2)
    assert decisions(first).equals(decisions(second))


def test_ask_and_tell_give_the_same_study_as_optimize():
    reference = study_of()
    reference.optimize(by_resource)
    study = study_of()
    for _ in range(study.plan().n_evaluations):
        trial = study.ask()
        study.tell(trial, by_resource(trial))
    assert decisions(study).equals(decisions(reference))


def test_a_promoted_trial_comes_back_from_ask_with_a_larger_resource():
    study = study_of(bohb.SuccessiveHalvingPruner(1, 9))
    for loss in [5, 1, 4, 2, 3, 9, 8, 7, 6]:
        trial = study.ask()
        assert (trial.previous_resource, trial.resource) == (0, 1)
        frozen = study.tell(trial, loss)
        assert frozen.state.name in ("RUNNING", "PRUNED")
    trial = study.ask()
    assert (trial.number, trial.previous_resource, trial.resource) == (1, 1, 3)


def test_tell_understands_optunas_own_loop():
    study = study_of()
    for _ in range(study.plan().n_evaluations):
        trial = study.ask()
        x = trial.suggest_float("x", 0, 1)
        for step in range(9):
            trial.report(x + 1 / (step + 1), step)
            if trial.should_prune():
                study.tell(trial, state=optuna.trial.TrialState.PRUNED)
                break
        else:
            study.tell(trial, x)
    assert sizes(study) == planned_sizes(study)
    assert study.best_trial.state.name == "COMPLETE"


def test_tell_takes_a_list_of_one_value_and_a_failure_as_optuna_does():
    study = study_of()
    first, second = study.ask(), study.ask()
    study.tell(first, [0.5])
    study.tell(second, state=optuna.trial.TrialState.FAIL)
    assert study.evaluations_dataframe()["value"].dropna().tolist() == [0.5]
    assert [trial.state.name for trial in study.trials] == ["RUNNING", "FAIL"]


def test_ask_takes_distributions():
    study = study_of()
    trial = study.ask({"x": optuna.distributions.FloatDistribution(0, 1)})
    assert "x" in trial.params


def test_a_trial_of_ask_that_was_never_told_is_given_out_again_by_the_next_process(tmp_path):
    storage = tmp_path / "study.journal"
    pruner = bohb.HyperbandPruner(1, 9)
    study = bohb.create_study(storage=storage, study_name="s", pruner=pruner)
    first = study.ask()
    first.suggest_float("x", 0, 1)
    number, params = first.number, first.params
    del study, first
    again = bohb.load_study(storage=storage, study_name="s").ask()
    assert (again.number, again.params) == (number, params)


# What came of it


def test_before_there_is_a_best_trial_the_error_points_to_the_incumbent():
    study = study_of()
    with pytest.raises(NoResultError, match="has no incumbent"):
        study.incumbent()
    trial = study.ask()
    study.tell(trial, by_resource(trial))
    for ask in (lambda: study.best_trial, lambda: study.best_value, lambda: study.best_params):
        with pytest.raises(NoResultError, match=r"max_resource=9.*study\.incumbent\(\)"):
            ask()
    incumbent = study.incumbent()
    assert (incumbent.number, incumbent.resource) == (0, 1)
    assert incumbent.params == study.trials[0].params


def test_the_incumbent_is_the_best_at_the_highest_resource():
    study = study_of()
    study.optimize(by_resource)
    frame = study.evaluations_dataframe()
    top = frame[frame.resource == 9].sort_values("value").iloc[0]
    assert study.incumbent().number == top.number == study.best_trial.number
    assert study.incumbent().value == top.value


def test_a_study_survives_pickling():
    study = study_of()
    study.optimize(by_resource, n_brackets=1)
    copy = pickle.loads(pickle.dumps(study))
    copy.optimize(by_resource, n_brackets=1)
    study.optimize(by_resource, n_brackets=1)
    assert decisions(copy).equals(decisions(study))


def test_optimize_must_not_be_nested():
    def objective(trial):
        trial.study.optimize(by_resource)
        return 1.0

    with pytest.raises(StudyError, match="by the call of optimize that has called this objective"):
        study_of().optimize(objective)


def test_a_storage_that_fails_is_named_and_the_study_goes_on_when_it_is_back(monkeypatch):
    reference = study_of()
    reference.optimize(by_resource)
    study = study_of()
    calls = Counter()
    real = optuna.storages.InMemoryStorage.set_trial_system_attr

    def failing(self, trial_id, key, value):
        calls["n"] += 1
        if calls["n"] == 7:
            raise OSError(28, "No space left on device")
        real(self, trial_id, key, value)

    monkeypatch.setattr(optuna.storages.InMemoryStorage, "set_trial_system_attr", failing)
    with pytest.raises(StorageError, match=r"could not write bohb:leg.*No space left on device"):
        study.optimize(by_resource)
    assert len(study.trials) == 7
    study.optimize(by_resource)
    assert decisions(study).equals(decisions(reference))


def test_the_progress_bar_shows_the_incumbent(capsys):
    study = study_of()
    study.optimize(by_resource, show_progress_bar=True)
    err = capsys.readouterr().err
    assert "72/72 resource" in err
    best = study.best_trial
    assert f"Best trial: {best.number}. Best value: {best.value:.6g} at 9: " in err


def test_the_progress_bar_of_a_timeout_counts_minutes(capsys):
    study = study_of()

    def stop(trial):
        trial.study.stop()
        return by_resource(trial)

    study.optimize(stop, timeout=3600, show_progress_bar=True)
    assert "/1:00:00" in capsys.readouterr().err


@pytest.mark.parametrize(("objective", "total"), [(generator, 63), (by_resource, 72)])
@pytest.mark.parametrize("n_jobs", [1, 3])
def test_the_progress_bar_counts_the_resource_that_was_used(objective, total, n_jobs, capsys):
    study = study_of()
    plan = study.plan()
    assert total in (plan.resource_continued, plan.resource_restarted)
    study.optimize(objective, show_progress_bar=True, n_jobs=n_jobs)
    shown = [int(n) for n in re.findall(rf"(\d+)/{total} resource", capsys.readouterr().err)]
    assert shown[0] == 0
    assert shown[-1] == total
    assert shown == sorted(shown)


def test_each_evaluation_says_what_became_of_its_trial():
    def objective(trial):
        if trial.number == 3:
            raise ValueError
        if trial.number == 4:
            raise bohb.TrialPruned
        return trial.number + 1 / trial.resource

    study = study_of()
    study.optimize(objective, n_brackets=1, catch=ValueError)
    study.optimize(objective, n_trials=2, callbacks=[lambda study, trial: study.stop()])
    frame = study.evaluations_dataframe()
    states = {(row.number, row.resource): row.outcome for row in frame.itertuples()}
    assert states.items() >= {
        ((0, 1), "promoted"),
        ((0, 3), "promoted"),
        ((0, 9), "finished"),
        ((1, 3), "dropped"),
        ((3, 1), "failed"),
        ((4, 1), "pruned"),
        ((8, 1), "dropped"),
    }
    for trial in study.trials:
        if trial.state.is_finished():
            mine = frame[frame.number == trial.number].iloc[-1]
            assert (
                f"rung {mine.rung}, resource {mine.resource}" in trial.user_attrs["bohb:standing"]
            )
    study.add_trial(study.best_trial)
    assert study.evaluations_dataframe().outcome.iloc[-1] == "finished"


def test_a_paused_trial_is_called_paused():
    study = study_of()
    for _ in range(3):
        study.tell(study.ask(), 1.0)
    assert set(study.evaluations_dataframe().outcome) == {"paused"}

"""A study in a storage: killed, continued, shared, and read by plain Optuna."""

from __future__ import annotations

import contextlib
import functools
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import optuna
import pytest
from resumable import PRUNER, generator, loop, resource, storage_of
from studies import HELPERS, decisions, wait_until

import bohb
from bohb import machine
from bohb.errors import SettingsError, StorageError, StudyError, StudyOwnedError
from bohb.store import lease
from bohb.store.ledger import LEASE, OPEN_CALL
from bohb.store.opening import open_storage
from bohb.store.stored_study import ledger_of

SCRIPT = HELPERS / "resumable.py"


def make(storage, **arguments):
    return bohb.create_study(
        study_name="resumable",
        storage=storage,
        sampler=bohb.BOHBSampler(seed=0),
        pruner=PRUNER,
        **arguments,
    )


def start(*arguments):
    command = [sys.executable, "-W", "error", str(SCRIPT), *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@functools.cache
def uninterrupted(objective):
    # One for each style: those that report between the rungs tell the model more.
    study = make(None)
    study.optimize(objective, n_rounds=2)
    return study


@pytest.mark.parametrize("objective", [loop, generator, resource])
def test_every_storage_holds_the_same_study(storage, objective):
    study = make(storage)
    study.optimize(objective, n_rounds=2)
    assert decisions(study).equals(decisions(uninterrupted(objective)))


def test_loops_and_generators_make_the_same_study():
    assert decisions(uninterrupted(loop)).equals(decisions(uninterrupted(generator)))


def test_a_study_is_continued_by_another_object_at_any_point(storage):
    if storage is None:
        storage = optuna.storages.InMemoryStorage()
    for _ in range(50):
        study = make(storage, load_if_exists=True)
        if ledger_of(study).read(OPEN_CALL) is None and study.trials:
            break
        legs = Counter()

        def stopping(trial, legs=legs):
            legs["n"] += 1
            if legs["n"] == 3:
                raise KeyboardInterrupt
            return resource(trial)

        with contextlib.suppress(KeyboardInterrupt):
            study.optimize(stopping, n_rounds=2)
    assert decisions(study).equals(decisions(uninterrupted(resource)))


def kill_until_done(storage, style, root, *, seed, most_kills):
    """Start the script and kill it at a random moment of its run, until it ends.

    Returns how often it was killed; after `most_kills` it may run to its end.
    """
    moments = np.random.default_rng(seed).uniform(0, 0.6, size=most_kills)
    for kills, moment in enumerate(moments):
        process = start(storage, style, root)
        assert process.stdout.readline() == "begun\n", process.communicate()
        time.sleep(moment)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        if has_ended(storage):
            return kills + 1
    process = start(storage, style, root)
    output, error = process.communicate(timeout=60)
    assert "done" in output, error
    return most_kills


def has_ended(storage):
    study = bohb.load_study(study_name="resumable", storage=storage_of(storage))
    return bool(study.trials) and ledger_of(study).read(OPEN_CALL) is None


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "style"), [("sqlite", "loop"), ("journal", "generator"), ("journal", "resource")]
)
def test_a_killed_process_is_continued_as_if_nothing_had_happened(kind, style, tmp_path):
    path = tmp_path / "study"
    storage = f"sqlite:///{path}.db" if kind == "sqlite" else f"{path}.journal"
    root = tmp_path / "checkpoints"
    kills = kill_until_done(storage, style, root, seed=len(kind + style), most_kills=3)
    assert kills > 1
    study = bohb.load_study(study_name="resumable", storage=storage_of(storage))
    whole = uninterrupted({"loop": loop, "generator": generator, "resource": resource}[style])
    assert decisions(study).equals(decisions(whole))
    assert study.best_params == whole.best_params
    if style == "resource":
        legs = Counter(
            (file.parent.name, line)
            for file in root.glob("*/trial-*/legs.txt")
            for line in file.read_text().splitlines()
        )
        assert legs.total() <= study.plan(2).n_evaluations + kills
        assert len(legs) == study.plan(2).n_evaluations


def test_plain_optuna_reads_the_right_data(storage):
    if storage is None:
        storage = optuna.storages.InMemoryStorage()
    study = make(storage)
    study.optimize(generator, n_brackets=1)
    study.ask()
    plain = optuna.load_study(study_name="resumable", storage=study._storage)
    states = Counter(trial.state.name for trial in plain.trials)
    assert states == {"PRUNED": 8, "COMPLETE": 1, "RUNNING": 1}
    assert plain.best_trial.params == study.best_params
    assert plain.best_trial.intermediate_values.keys() == set(range(1, 10))
    assert plain.best_value == plain.best_trial.intermediate_values[9]
    assert len(plain.trials_dataframe()) == 10


def test_a_paused_trial_says_where_it_waits():
    study = make(None)
    for _ in range(9):
        trial = study.ask()
        study.tell(trial, trial.suggest_float("x", 0, 1))
    paused = [t for t in study.trials if t.state.name == "RUNNING"]
    assert len(paused) == 3
    assert all(
        t.system_attrs["bohb:leg"].items() >= {"bracket": 0, "rung": 0, "state": "paused"}.items()
        for t in paused
    )


def test_load_study_takes_the_pruner_it_was_begun_with(tmp_path):
    make(tmp_path / "study.journal")
    study = bohb.load_study(storage=tmp_path / "study.journal")
    assert study.pruner.settings() == PRUNER.settings()
    assert study.plan() == PRUNER.plan()


def test_another_schedule_is_refused(storage):
    if storage is None:
        storage = optuna.storages.InMemoryStorage()
    make(storage)
    with pytest.raises(SettingsError, match=r"begun with max_resource=9, got max_resource=27"):
        bohb.create_study(
            study_name="resumable",
            storage=storage,
            pruner=bohb.HyperbandPruner(1, 27),
            load_if_exists=True,
        )


def test_a_finished_call_is_not_taken_up_again(tmp_path):
    storage = tmp_path / "study.journal"
    make(storage).optimize(resource, n_trials=9)
    study = make(storage, load_if_exists=True)
    study.optimize(resource, n_trials=9)
    assert len(study.trials) == 18


# Two processes


def owned_by(study, **changes):
    """Write another owner into the study."""
    found = {
        "token": "another",
        "host": "elsewhere",
        "machine": "elsewhere",
        "pid": 4242,
        "since": "2026-01-01T00:00:00+00:00",
        "beat": time.time(),
        "released": False,
    }
    if changes.get("host") == socket.gethostname():
        found["machine"] = machine.machine_name()
    ledger_of(study).write(LEASE, {**found, **changes})


@pytest.mark.slow
def test_a_second_process_is_refused_and_told_who_is_first(tmp_path):
    storage = f"sqlite:///{tmp_path}/study.db"
    process = start(storage, "resource", tmp_path)
    try:
        while not has_trials(storage):
            assert process.poll() is None, process.communicate()
        study = bohb.load_study(study_name="resumable", storage=storage)
        with pytest.raises(
            StudyOwnedError, match=rf"is being optimised by process {process.pid} on .* since 20"
        ):
            study.optimize(resource, join=False)
        with pytest.raises(StudyOwnedError, match=f"process {process.pid}"):
            study.ask()
        process.send_signal(signal.SIGKILL)
        process.communicate()
        study.optimize(resource, n_rounds=2)  # the dead owner is succeeded at once
        assert len(study.trials) == study.plan(2).n_trials
    finally:
        process.kill()
        process.communicate()


def has_trials(storage):
    try:
        return bool(bohb.load_study(study_name="resumable", storage=storage).trials)
    except (StudyError, optuna.exceptions.OptunaError):
        return False


@pytest.mark.parametrize(
    ("changes", "alive"),
    [
        ({}, True),
        ({"beat": 0.0}, False),
        ({"released": True}, False),
        ({"host": lease.socket.gethostname(), "pid": os.getppid()}, True),
        ({"host": lease.socket.gethostname(), "pid": os.getppid(), "beat": 0.0}, False),
        ({"host": lease.socket.gethostname(), "pid": 2**22 + 1}, False),
        ({"host": lease.socket.gethostname(), "pid": os.getpid()}, False),
    ],
)
def test_an_owner_lives_as_long_as_it_beats_and_its_process_exists(changes, alive, tmp_path):
    study = make(tmp_path / "study.journal")
    owned_by(study, **changes)
    if alive:
        with pytest.raises(StudyOwnedError, match="since 2026-01-01T00:00:00"):
            study.optimize(resource, join=False)
        assert study.trials == []
    else:
        study.optimize(resource, n_brackets=1)
        assert len(study.trials) == 9


def test_whoever_loses_the_study_notices_and_stops(tmp_path, monkeypatch):
    monkeypatch.setattr(lease, "BEAT_SECONDS", 0.01)
    study = make(tmp_path / "study.journal")

    def is_lost():
        owned_by(study)  # again: a beat that has just looked writes over it
        return study._session._lease.is_lost

    def objective(trial):
        if trial.number == 2:
            wait_until(is_lost)
        return resource(trial)

    with pytest.raises(StudyOwnedError, match="process 4242 on elsewhere"):
        study.optimize(objective, join=False)
    assert ledger_of(study).read(LEASE)["host"] == "elsewhere"


def test_an_owner_beats_while_it_works(tmp_path, monkeypatch):
    monkeypatch.setattr(lease, "BEAT_SECONDS", 0.01)
    study = make(tmp_path / "study.journal")
    beats = set()

    def objective(trial):
        before = ledger_of(study).read(LEASE)["beat"]
        wait_until(lambda: ledger_of(study).read(LEASE)["beat"] != before)
        beats.add(before)
        return resource(trial)

    study.optimize(objective, n_brackets=1)
    assert len(beats) == study.plan().brackets[0].n_evaluations


def test_two_studies_of_one_process_take_turns(storage):
    if storage is None:
        storage = optuna.storages.InMemoryStorage()
    first = make(storage)
    second = bohb.load_study(study_name="resumable", storage=first._storage, sampler=first.sampler)
    reference = make(None)
    for study in (first, second, first):
        study.optimize(resource, n_brackets=1)
    reference.optimize(resource, n_brackets=3)
    assert decisions(first).equals(decisions(reference))


def test_a_study_in_the_midst_of_optimize_is_not_taken_over_in_the_same_process():
    storage = optuna.storages.InMemoryStorage()
    first = make(storage)

    def objective(trial):
        bohb.load_study(study_name="resumable", storage=storage).optimize(resource)
        return 0.0

    with pytest.raises(StudyOwnedError):
        first.optimize(objective)


def at_once(*calls):
    """Return what each of the calls, made by threads at the same moment, has raised or None."""
    together = threading.Barrier(len(calls))

    def call(function):
        together.wait()
        try:
            function()
        except Exception as error:
            return error
        return None

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(call, calls))


@pytest.mark.slow
def test_a_new_database_may_be_opened_by_several_at_once(tmp_path):
    for count in range(4):  # each time they meet at other moments
        url = f"sqlite:///{tmp_path}/{count}.db"
        assert at_once(*4 * [lambda url=url: open_storage(url)]) == [None] * 4


def test_of_two_threads_that_optimise_one_study_one_is_refused_without_join(storage):
    study = make(storage)
    first, second = at_once(*2 * [lambda: study.optimize(resource, join=False)])
    refused = second if first is None else first
    assert isinstance(refused, StudyError)
    assert "is being optimised by this process already" in str(refused)
    assert len(study.evaluations_dataframe()) == study.plan().n_evaluations


def test_of_two_studies_in_one_process_that_begin_at_once_one_is_refused_without_join(storage):
    first = make(storage)
    second = bohb.load_study(study_name="resumable", storage=first._storage)
    errors = at_once(
        *[lambda study=study: study.optimize(resource, join=False) for study in (first, second)]
    )
    refused = [error for error in errors if error is not None]
    assert [type(error) for error in refused] == [StudyOwnedError]
    assert len(first.evaluations_dataframe()) == first.plan().n_evaluations


def test_one_who_has_lost_the_study_leaves_it_to_the_new_owner():
    storage = optuna.storages.InMemoryStorage()
    study = make(storage)

    def objective(trial):
        owned_by(study)  # by a process that took this one for dead
        return resource(trial)

    with contextlib.suppress(StudyOwnedError):
        study.optimize(objective, n_trials=1, join=False)
    found = ledger_of(study).read(LEASE)
    assert (found["host"], found["released"]) == ("elsewhere", False)


def test_another_container_with_the_same_host_name_lives_while_it_beats():
    study = make(optuna.storages.InMemoryStorage())
    other = {"host": socket.gethostname(), "pid": os.getpid(), "machine": "another container"}
    owned_by(study, **other)
    with pytest.raises(StudyOwnedError):
        study.optimize(resource, join=False)
    owned_by(study, **other, beat=time.time() - 61)
    study.optimize(resource, n_trials=1)


@pytest.mark.parametrize("first", [(4,), (2, 5), (1, 2, 3)])
@pytest.mark.parametrize("later", [(3, 9), (0, 1, 2, 3, 8), (1, 2, 3, 4, 5, 9)])
def test_decisions_stay_what_they_were_if_a_script_reports_at_other_steps_later(first, later):
    storage = optuna.storages.InMemoryStorage()
    script = {"steps": first}

    def objective(trial):
        x = trial.suggest_float("x", 0, 1)
        for step in script["steps"]:
            trial.report((x - 0.3) ** 2 + 1 / (step + 1), step)
            if trial.should_prune():
                raise bohb.TrialPruned
        if script["steps"] is later and trial.number % 2:
            raise KeyboardInterrupt  # in the midst of a leg, after its reports
        return x

    pruner = bohb.SuccessiveHalvingPruner(3, 9)
    arguments = {"study_name": "changed", "storage": storage, "pruner": pruner}
    study = bohb.create_study(**arguments)
    study.optimize(objective, n_trials=3, callbacks=[lambda study, trial: study.stop()])
    before = decisions(study)
    for steps in (later, later, (*range(1, 10),)):
        script["steps"] = steps
        study = bohb.create_study(**arguments, load_if_exists=True)
        with contextlib.suppress(KeyboardInterrupt):
            study.optimize(objective)
        after = decisions(study)
        kept = before.merge(after, on=["number", "rung", "value"])
        assert len(kept) == len(before)
        before = after


def test_trials_may_be_asked_for_and_told_beside_a_study_that_runs(storage):
    study = make(storage, space={"x": optuna.distributions.FloatDistribution(0, 1)})
    is_over = threading.Event()

    def by_hand():
        while not is_over.is_set():
            trial = study.ask()
            assert study.tell(trial, trial.params["x"]).number == trial.number

    def optimize():
        try:
            study.optimize(lambda trial: trial.params["x"], n_brackets=6, n_jobs=2)
        finally:
            is_over.set()

    assert at_once(optimize, by_hand) == [None, None]
    frame = study.evaluations_dataframe()
    assert not frame.duplicated(["number", "rung"]).any()
    sizes = frame[frame.rung == 0].groupby("bracket").size()
    planned = [bracket.n_trials for bracket in study.plan(20).brackets]
    assert all(size <= planned[bracket] for bracket, size in sizes.items())


@pytest.mark.parametrize("where", ["memory", "journal"])
def test_a_study_object_that_has_asked_is_not_succeeded_until_it_is_gone(tmp_path, where):
    storage = optuna.storages.InMemoryStorage() if where == "memory" else tmp_path / "j.journal"
    first = make(storage)
    trial = first.ask()
    other = bohb.load_study(study_name=first.study_name, storage=storage)
    with pytest.raises(StudyOwnedError, match="another study object of this process"):
        other.ask()
    with pytest.raises(StudyOwnedError, match="another study object of this process"):
        other.optimize(resource, n_trials=1)
    first.tell(trial, 0.5)
    given = other.ask()
    assert given.number != trial.number
    with pytest.raises(StudyOwnedError):
        first.ask()
    number = given.number
    del other, given
    again = first.ask()
    assert again.number == number  # its leg was cut off, and is given out again
    first.tell(again, 0.25)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_a_fork_does_not_act_in_its_parents_name(tmp_path):
    study = make(tmp_path / "study.journal")
    trial = study.ask()
    child = os.fork()
    if child == 0:
        try:
            study.ask()
        except StudyOwnedError:
            os._exit(3)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 3
    study.tell(trial, 0.5)


@pytest.mark.slow
def test_a_zombie_is_dead(tmp_path):
    storage = tmp_path / "study.journal"
    process = start(storage, "resource", tmp_path)
    assert process.stdout.readline() == "begun\n"
    process.send_signal(signal.SIGKILL)
    wait_until(lambda: machine.is_zombie(process.pid))
    try:
        study = bohb.load_study(study_name="resumable", storage=storage)
        study.optimize(resource, n_rounds=2)
        assert len(study.trials) == study.plan(2).n_trials
    finally:
        process.communicate()


# Storages that are broken


@pytest.mark.parametrize("missing", [1, 20])
def test_a_last_line_that_was_not_written_to_its_end_spoils_nothing(missing, tmp_path):
    path = tmp_path / "study.journal"
    study = make(path)
    study.optimize(resource, n_brackets=1)
    reference = decisions(study)
    path.write_bytes(path.read_bytes()[:-missing])
    study = make(path, load_if_exists=True)
    study.optimize(resource, n_brackets=1)
    assert decisions(study)[: len(reference)].equals(reference)
    assert len(bohb.load_study(storage=path).trials) == len(study.trials) > 9


def test_a_journal_stays_where_it_is_when_the_program_changes_its_directory(tmp_path, monkeypatch):
    study = make(Path("study.journal"))
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    study.optimize(resource, n_brackets=1)
    assert len(bohb.load_study(storage=tmp_path / "study.journal").trials) == 9


def test_a_journal_with_a_broken_line_is_named(tmp_path):
    path = tmp_path / "study.journal"
    make(path).optimize(resource, n_brackets=1)
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:20]) + "{broken\n" + "".join(lines[20:]))
    with pytest.raises(StorageError, match=r"study\.journal' cannot be read: line 21"):
        bohb.load_study(storage=path)
    path.write_text("".join(lines))
    assert len(bohb.load_study(storage=path).trials) == 9


@pytest.mark.parametrize("torn", [b'{"op_code": 4, "wor', b'{"op_code": 4, "wor\n'])
def test_a_journal_whose_last_entry_is_torn_loses_that_entry_only(tmp_path, torn):
    path = tmp_path / "study.journal"
    make(path).optimize(resource, n_brackets=1)
    content = path.read_bytes()
    path.write_bytes(content + torn)  # which an editor may have ended with a line of its own
    study = make(path, load_if_exists=True)
    after = path.read_bytes()
    assert after.startswith(content)
    assert torn.rstrip() not in after[len(content) :].splitlines()
    study.optimize(resource, n_brackets=1)
    assert len(bohb.load_study(storage=path).trials) > 9


def test_paused_trials_need_a_space_that_goes_with_them():
    storage = optuna.storages.InMemoryStorage()
    x, y = (optuna.distributions.FloatDistribution(0, high) for high in (1, 2))
    study = make(storage, space={"x": x})
    study.tell(study.ask(), 0.5)
    for space in ({"y": y}, {"x": x, "y": y}):
        with pytest.raises(SettingsError, match=r"paused trials with the parameters \['x'\]"):
            make(storage, space=space, load_if_exists=True)
    study = make(storage, space={"x": y}, load_if_exists=True)  # ranges may change
    study.optimize(lambda trial: trial.params["x"])


def test_a_journal_that_is_removed_is_a_failure_of_the_storage(tmp_path):
    path = tmp_path / "study.journal"

    def objective(trial):
        if trial.number == 5:
            path.unlink(missing_ok=True)
        return resource(trial)

    with pytest.raises(StorageError, match="of study 'resumable'"):
        make(path).optimize(objective)


def test_a_storage_that_vanishes_is_named(tmp_path):
    study = make(f"sqlite:///{tmp_path}/study.db")
    optuna.delete_study(study_name="resumable", storage=study._storage)
    with pytest.raises(StorageError, match="of study 'resumable'"):
        study.optimize(resource)


def test_a_database_that_cannot_be_opened_is_named():
    with pytest.raises(StorageError, match=r"could not open storage='sqlite:////no/such/dir"):
        bohb.create_study(storage="sqlite:////no/such/dir/study.db")

from __future__ import annotations

import collections
import json
import logging
import os
import random
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import joining
import optuna
import pytest

import bohb
from bohb.errors import CallEndedError, StorageError, StudyOwnedError
from bohb.executors import ProcessExecutor, ThreadExecutor
from bohb.hyperband import Leg
from bohb.machine import machine_name
from bohb.remote.crew import CALL, Note, Order, note_key
from bohb.remote.leading import CrewExecutor
from bohb.remote.member import Member
from bohb.store.legs import LegMarks
from bohb.store.stored_study import ledger_of

SCRIPT = Path(joining.__file__)


# In threads of one process


def study_of(**arguments):
    return bohb.create_study(
        sampler=bohb.BOHBSampler(seed=0, random_fraction=1.0),
        pruner=bohb.HyperbandPruner(1, 9, adaptive=False),
        space={"x": optuna.distributions.FloatDistribution(0, 1)},
        **arguments,
    )


def by_resource(trial):
    time.sleep(0.01)
    return trial.suggest_float("x", 0, 1) + 1 / trial.resource


def alone(n_rounds=1):
    study = study_of()
    study.optimize(by_resource, n_rounds=n_rounds)
    return study


def in_threads(*calls):
    """Run the calls in threads that begin one after another; return what each has raised."""
    errors = [None] * len(calls)

    def run(index, call):
        try:
            call()
        except Exception as error:
            errors[index] = error

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(calls)]
    for thread in threads:
        thread.start()
        time.sleep(0.15)
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    return errors


def test_a_second_thread_joins_and_the_study_is_that_of_one():
    study, ran_in = study_of(), collections.Counter()

    def objective(trial):
        ran_in[threading.current_thread().name] += 1
        time.sleep(0.05)
        return by_resource(trial)

    def call():
        study.optimize(objective)

    assert in_threads(call, call, call) == [None, None, None]
    assert sum(ran_in.values()) == study.plan().n_evaluations
    assert len(ran_in) == 3
    reference = alone()
    assert [t.params for t in study.trials] == [t.params for t in reference.trials]
    assert [t.state for t in study.trials] == [t.state for t in reference.trials]
    assert study.best_trial.number == reference.best_trial.number


def test_a_process_with_several_threads_joins_with_all_of_them():
    study, busy, most = study_of(), set(), []

    def objective(trial):
        busy.add(trial.number)
        most.append(len(busy))
        time.sleep(0.1)
        busy.discard(trial.number)
        return by_resource(trial)

    in_threads(
        lambda: study.optimize(objective),
        lambda: study.optimize(objective, executor=ThreadExecutor(3)),
    )
    assert max(most) == 4
    assert len(study.evaluations_dataframe()) == study.plan().n_evaluations


def test_a_call_that_must_not_join_is_refused():
    study = study_of()
    errors = in_threads(
        lambda: study.optimize(lambda trial: time.sleep(0.05) or by_resource(trial)),
        lambda: study.optimize(by_resource, join=False),
    )
    assert errors[0] is None
    assert isinstance(errors[1], StudyOwnedError)


def test_an_objective_that_optimises_its_own_study_is_refused():
    study = study_of()

    def objective(trial):
        with pytest.raises(StudyOwnedError, match="has called this objective"):
            trial.study.optimize(by_resource)
        return by_resource(trial)

    study.optimize(objective, n_trials=1)


def test_the_limits_are_those_of_the_call_that_leads(caplog):
    study = study_of()

    def slow(trial):
        time.sleep(0.05)
        return by_resource(trial)

    in_threads(lambda: study.optimize(slow), lambda: study.optimize(slow, n_trials=2))
    assert len(study.trials) == study.plan().n_trials
    assert "limits that hold are those of the call that is led by another" in caplog.text


def test_an_exception_ends_the_call_everywhere_with_its_traceback():
    study, seen = study_of(), []

    def objective(trial):
        seen.append(threading.get_ident())
        time.sleep(0.05)
        if len(seen) > 8 and threading.get_ident() != seen[0]:
            raise ValueError("somewhere")
        return by_resource(trial)

    errors = in_threads(lambda: study.optimize(objective), lambda: study.optimize(objective))
    assert all(errors)
    assert {str(error) for error in errors if isinstance(error, ValueError)} == {"somewhere"}
    elsewhere = next(error for error in errors if error.__cause__ is not None)
    assert "raise ValueError" in str(elsewhere.__cause__) + str(elsewhere.__cause__.__cause__)


def test_an_exception_of_the_one_that_leads_ends_the_call_of_those_who_joined():
    study, leader = study_of(), []

    def objective(trial):
        leader.append(threading.get_ident())
        time.sleep(0.05)
        if len(leader) > 8 and threading.get_ident() == leader[0]:
            raise ValueError("here")
        return by_resource(trial)

    first, second = in_threads(lambda: study.optimize(objective), lambda: study.optimize(objective))
    assert isinstance(first, ValueError)
    assert isinstance(second, CallEndedError)
    assert "ValueError: here" in str(second) + str(second.__cause__)


def test_an_exception_that_is_caught_fails_its_trial_wherever_it_ran():
    study = study_of()

    def objective(trial):
        time.sleep(0.05)
        if trial.number % 4 == 3:
            raise ValueError("every fourth")
        return by_resource(trial)

    def call():
        study.optimize(objective, catch=ValueError)

    assert in_threads(call, call) == [None, None]
    failed = [t.number for t in study.trials if t.state.name == "FAIL"]
    assert failed == [n for n in range(len(study.trials)) if n % 4 == 3]
    assert {bohb.study.failure_of(study.trials[n]) for n in failed} == {"ValueError: every fourth"}


@pytest.mark.parametrize("leads", [True, False])
def test_a_stop_ends_the_call_everywhere(leads):
    study, threads = study_of(), []

    def objective(trial):
        threads.append(threading.get_ident())
        time.sleep(0.05)
        if len(threads) > 6 and (threading.get_ident() == threads[0]) is leads:
            trial.study.stop()
        return by_resource(trial)

    def call():
        study.optimize(objective, n_rounds=20)

    assert in_threads(call, call) == [None, None]
    assert len(study.trials) < study.plan().n_trials * 2


def test_a_study_is_stopped_by_a_process_that_has_joined_through_the_study_itself(tmp_path):
    first, second = (
        study_of(storage=tmp_path / "s.journal", study_name="s", load_if_exists=True)
        for _ in range(2)
    )
    seen = []

    def stop(study, trial):
        seen.append(study.incumbent().number)
        study.stop()

    def slow(trial):
        time.sleep(0.05)
        return by_resource(trial)

    errors = in_threads(
        lambda: first.optimize(slow, n_rounds=20),
        lambda: second.optimize(slow, callbacks=[stop]),
    )
    assert errors == [None, None]
    assert seen
    assert len(first.trials) < 3 * first.plan().n_trials


def test_processes_of_one_who_has_joined_get_what_was_proposed():
    study = bohb.create_study(
        sampler=bohb.BOHBSampler(seed=0, model="density", random_fraction=0.0),
        pruner=bohb.HyperbandPruner(1, 9, adaptive=False),
    )

    def objective(trial):
        import os
        import time

        trial.set_user_attr("pid", os.getpid())
        time.sleep(0.1)
        return (trial.suggest_float("x", 0, 1) - 0.3) ** 2

    with ProcessExecutor(2) as executor:
        errors = in_threads(
            lambda: study.optimize(objective, n_rounds=3),
            lambda: study.optimize(objective, executor=executor),
        )
    assert errors == [None, None]
    elsewhere = [t for t in study.trials[20:] if t.user_attrs["pid"] != os.getpid()]
    assert len(elsewhere) > 5
    near = [abs(t.params["x"] - 0.3) < 0.1 for t in elsewhere]
    assert sum(near) > len(near) / 3  # of random ones it would be a fifth


def test_a_thread_that_joins_leaves_the_lease_with_the_one_that_leads(tmp_path):
    study = study_of(storage=tmp_path / "s.journal", study_name="s")

    def slow(trial):
        time.sleep(0.05)
        return by_resource(trial)

    def call():
        study.optimize(slow)

    assert in_threads(call, call) == [None, None]
    assert bohb.study.lease_holder(study) is None
    found = study._storage.get_study_system_attrs(study._study_id)
    assert found["bohb:owner"]["released"]


def test_who_has_joined_is_shown_how_many_legs_it_has_run(capsys):
    study, ran_in = study_of(), collections.Counter()

    def objective(trial):
        ran_in[threading.get_ident()] += 1
        time.sleep(0.03)
        return by_resource(trial)

    def call():
        study.optimize(objective, show_progress_bar=True)

    assert in_threads(call, call) == [None, None]
    shown = capsys.readouterr().err
    found = re.findall(r"Joined: (\d+) legs here", shown)
    assert int(found[-1]) in ran_in.values()
    assert sum(ran_in.values()) == study.plan().n_evaluations


def test_callbacks_are_called_where_the_last_leg_ran():
    study, ran, called = study_of(), {}, {}

    def objective(trial):
        ran[trial.number] = threading.get_ident()
        time.sleep(0.03)
        return by_resource(trial)

    def callback(study, trial):
        assert trial.state.is_finished()
        called[trial.number] = threading.get_ident()

    def call():
        study.optimize(objective, callbacks=[callback])

    assert in_threads(call, call) == [None, None]
    assert called == ran
    assert len(called) == study.plan().n_trials
    assert len(set(ran.values())) == 2


def test_a_generator_goes_on_where_it_waits():
    study, trained = study_of(), collections.Counter()

    def objective(trial):
        unit = 0
        x = trial.suggest_float("x", 0, 1)
        while True:
            unit += 1
            trained[trial.number, unit] += 1
            time.sleep(0.02)
            yield x + 1 / unit

    def call():
        study.optimize(objective)

    assert in_threads(call, call) == [None, None]
    assert set(trained.values()) == {1}
    assert sum(trained.values()) == study.plan().resource_continued


def test_who_leads_and_who_joins_is_logged(caplog):
    caplog.set_level(logging.INFO, logger="bohb")
    study = study_of()

    def call():
        study.optimize(lambda trial: time.sleep(0.05) or by_resource(trial))

    in_threads(call, call)
    assert "Joined process" in caplog.text
    assert "has joined, with room for 1 legs" in caplog.text


def test_what_is_left_in_the_storage_is_small():
    study = study_of()

    def call():
        study.optimize(lambda trial: time.sleep(0.01) or by_resource(trial), n_rounds=3)

    in_threads(call, call, call)
    attributes = study._storage.get_study_system_attrs(study._study_id)
    assert all(len(json.dumps(value)) < 1000 for value in attributes.values())
    assert sum(key.startswith("bohb:worker:") for key in attributes) == 2


@pytest.mark.parametrize("machine", ["elsewhere", machine_name()])
def test_who_does_not_see_the_checkpoints_of_another_machine_is_refused(tmp_path, machine):
    study = study_of(storage=tmp_path / "s.journal", study_name="s")
    ledger = ledger_of(study)
    since = {"since": "2026-01-01T00:00:00+00:00", "beat": time.time(), "released": False}
    place = {"token": "x", "host": "elsewhere", "machine": machine, "pid": os.getppid()}
    ledger.write_lease({**since, **place})
    ledger.write("bohb:call", {"call": "c", "is_open": True, "limits": None})
    ledger.write("bohb:ended", {"call": "c", "failure": None})
    ledger.write("bohb:checkpoint_root", str(tmp_path / "nowhere" / "s-1"))
    if machine == "elsewhere":
        with pytest.raises(StorageError, match=r"directory that all processes see, got .*s-1"):
            study.optimize(by_resource)
    else:
        study.optimize(by_resource)  # that call has ended


def test_a_worker_that_has_lost_its_place_leaves_it_and_its_orders_to_the_new_one():
    study = study_of()
    ledger = ledger_of(study)
    ledger.write("bohb:call", {"call": "c", "is_open": True, "limits": None})
    first, second = (Member(ledger, "c", room=1, lease=60) for _ in range(2))
    executor = CrewExecutor(ledger, "c", lambda how: None)
    first.enter()
    executor.look()
    second._place = first._place  # both took it at the same moment, and this one wrote later
    second._note.room = 1
    second._write()
    executor.look()
    order = Order("t", 0, Leg(0, 0, 0, 1, 0), LegMarks("m"), {}, 0)
    executor.start(order, None, None)
    first._look()
    first.leave()
    executor.look()
    second._look()
    assert first.standing == "orphaned"
    assert [each.token for each in second.orders()] == ["t"]


def test_what_was_written_last_is_read_when_nobody_leads_any_more():
    ledger = ledger_of(study_of())
    ledger.write("bohb:call", {"call": "c", "is_open": True, "limits": None})
    member = Member(ledger, "c", room=1, lease=60)
    member.enter()
    member._is_over.set()  # this test looks itself
    before, read = [ledger.attributes()], ledger.attributes
    executor = CrewExecutor(ledger, "c", lambda how: None)
    executor.look()
    executor.show_finished(member._note.token, 7)
    executor.flush()
    ledger.write(CALL, {"call": "c", "failure": None})
    ledger.attributes = lambda name="": before.pop() if before else read(name)
    member._look()
    assert member.standing == "ended"
    assert [number for _, number in member.finished()] == [7]


def test_who_leads_next_goes_on_with_the_count_of_what_was_shown():
    ledger = ledger_of(study_of())
    ledger.write("bohb:call", {"call": "c", "is_open": True, "limits": None})
    member = Member(ledger, "c", room=1, lease=60)
    member.enter()
    member._is_over.set()
    shown = []
    for number in (3, 4):
        executor = CrewExecutor(ledger, "c", lambda how: None)
        executor.adopted()
        executor.show_finished(member._note.token, number)
        executor.flush()
        member._look()
        for count, each in member.finished():
            member.has_shown(count)
            shown.append(each)
    assert shown == [3, 4]


def test_no_orders_are_sent_to_a_place_that_its_worker_may_have_to_leave():
    ledger = ledger_of(study_of())
    ledger.write("bohb:call", {"call": "c", "is_open": True, "limits": None})
    executor, seen = CrewExecutor(ledger, "c", lambda how: None), []

    class Late(Member):
        """One that finds another one in the first place that it has taken."""

        def _write(self):
            super()._write()
            executor.look()
            seen.append((self._place, executor.n_workers))
            if len(seen) == 1:
                ledger.write(note_key(self._place), Note("c", 0, 60.0).written())

    late = Late(ledger, "c", room=1, lease=60)
    late.enter()
    executor.start(Order("t", 0, Leg(0, 0, 0, 1, 0), LegMarks("m"), {}, 0), None, None)
    late._look()
    assert seen[:3] == [(0, 0), (1, 0), (1, 1)]
    assert [each.token for each in late.orders()] == ["t"]
    late.leave()


# In processes


def start(storage, directory, style="resource", seconds=0.05):
    arguments = [sys.executable, str(SCRIPT), storage, style, str(directory), str(seconds)]
    return subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def end_all(processes):
    """Wait until all have ended, and return what they have printed."""
    printed = []
    for process in processes:
        out, err = process.communicate(timeout=120)
        printed.append(out + err)
    return printed


def calls_in(directory):
    lines = (directory / "calls.txt").read_text().splitlines()
    return [tuple(map(int, line.split())) for line in lines]


def check_as_planned(storage, directory, runs_twice=0):
    study = joining.study_in(storage, directory)
    plan = study.pruner.plan(joining.ROUNDS)
    assert len(study.trials) == plan.n_trials
    assert {t.state.name for t in study.trials} == {"COMPLETE", "PRUNED"}
    assert len(study.evaluations_dataframe()) == plan.n_evaluations
    calls = [(number, resource) for _, number, resource in calls_in(directory)]
    assert len(set(calls)) == plan.n_evaluations
    assert len(calls) <= plan.n_evaluations + runs_twice
    reference = alone(joining.ROUNDS)
    assert [t.params for t in study.trials] == [t.params for t in reference.trials]
    assert study.best_trial.number == reference.best_trial.number
    return study


@pytest.fixture(params=["journal", "sqlite"])
def storage(request, tmp_path):
    journal = str(tmp_path / "study.journal")
    return journal if request.param == "journal" else f"sqlite:///{tmp_path}/study.db"


@pytest.mark.slow
def test_four_processes_that_begin_at_once_carry_out_the_plan_of_one(storage, tmp_path):
    processes = [start(storage, tmp_path, "checkpoints", 0.2) for _ in range(4)]
    assert all("done" in printed for printed in end_all(processes))
    check_as_planned(storage, tmp_path)
    assert len({pid for pid, _, _ in calls_in(tmp_path)}) > 1


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="processes are killed by signals")
def test_killed_processes_lose_nothing_that_had_finished(storage, tmp_path):
    chance = random.Random(0)  # noqa: S311 - nothing is kept secret by it
    processes = [start(storage, tmp_path, seconds=0.2) for _ in range(3)]
    n_killed = 0
    for _ in range(6):
        time.sleep(chance.uniform(0.5, 1.5))
        index = chance.randrange(3)
        if processes[index].poll() is None:
            processes[index].kill()
            processes[index].communicate()
            n_killed += 1
            processes[index] = start(storage, tmp_path, seconds=0.2)
    assert all("done" in printed for printed in end_all(processes))
    check_as_planned(storage, tmp_path, runs_twice=n_killed)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="processes are interrupted by signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_who_is_interrupted_hands_its_legs_back_and_the_others_go_on(tmp_path, number):
    storage = str(tmp_path / "study.journal")
    processes = []
    for _ in range(3):
        processes.append(start(storage, tmp_path, seconds=0.2))
        time.sleep(1.5)
    for process in processes[:2]:  # the first one leads
        process.send_signal(number)
        process.wait(timeout=30)
    first, second, third = end_all(processes)
    assert "KeyboardInterrupt" in first
    assert "KeyboardInterrupt" in second
    assert "done" in third
    check_as_planned(storage, tmp_path, runs_twice=2)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="processes are stopped by signals")
@pytest.mark.parametrize("leads", [True, False])
def test_who_wakes_after_a_long_stop_does_no_harm(tmp_path, leads):
    storage = str(tmp_path / "study.journal")
    processes = []
    for _ in range(2):
        processes.append(start(storage, tmp_path, seconds=0.3))
        time.sleep(1.5)
    stopped = processes[0 if leads else 1]
    os.kill(stopped.pid, signal.SIGSTOP)
    time.sleep(joining.LEASE + 3)
    os.kill(stopped.pid, signal.SIGCONT)
    printed = end_all(processes)
    assert all("done" in each for each in printed), printed
    check_as_planned(storage, tmp_path, runs_twice=2)


@pytest.mark.slow
def test_generators_of_many_processes_are_continued_where_they_wait(tmp_path):
    storage = str(tmp_path / "study.journal")
    processes = [start(storage, tmp_path, "generator", 0.1) for _ in range(3)]
    assert all("done" in printed for printed in end_all(processes))
    calls = collections.Counter((number, unit) for _, number, unit in calls_in(tmp_path))
    assert set(calls.values()) == {1}
    study = joining.study_in(storage, tmp_path)
    assert sum(calls.values()) == study.pruner.plan(joining.ROUNDS).resource_continued


@pytest.mark.slow
def test_a_failure_in_one_process_ends_all_with_its_traceback(tmp_path):
    storage = str(tmp_path / "study.journal")
    processes = [start(storage, tmp_path, "fails", 0.1) for _ in range(3)]
    printed = end_all(processes)
    assert all("ValueError: the twelfth" in each for each in printed)
    assert not any("done" in each for each in printed)
    assert sum("CallEndedError" in each for each in printed) >= 1


SUGGESTING = """
import sys, time
import bohb
def objective(trial):
    x = trial.suggest_float("x", -5, 5)  # not declared: the process that joins writes it
    time.sleep(0.1)
    return (x - 2) ** 2 + 1 / trial.resource
study = bohb.create_study(
    study_name="a", storage=sys.argv[1], load_if_exists=True, sampler=bohb.BOHBSampler(seed=1),
    pruner=bohb.HyperbandPruner(1, 9),
)
study.optimize(objective, n_rounds=2, in_total=True)
"""


@pytest.mark.slow
def test_who_joins_on_a_database_suggests_what_nobody_declared(tmp_path):
    storage = f"sqlite:///{tmp_path}/study.db"
    script = tmp_path / "script.py"
    script.write_text(SUGGESTING)
    calls = [
        subprocess.Popen(
            [sys.executable, str(script), storage], cwd=tmp_path, stderr=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    for call in calls:
        _, error = call.communicate(timeout=120)
        assert call.returncode == 0, error
    study = bohb.load_study(storage=storage, study_name="a")
    assert all(trial.state.is_finished() for trial in study.trials)
    workers = {record.worker for record in study.evaluations()}
    assert len(workers) == 2

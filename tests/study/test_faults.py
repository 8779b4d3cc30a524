"""What happens when workers die, legs hang and studies are cut off: nothing is lost."""

from __future__ import annotations

import functools
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import psutil
import pytest
import working as script
from engines import REMOTE, SPACE, engine
from objectives import hanging_always, resource
from optuna.storages import InMemoryStorage
from studies import HELPERS, counts, decisions, planned_counts, study_of, user_attributes
from working import ROUNDS, load

import bohb
from bohb.errors import (
    ArgumentError,
    ArgumentTypeError,
    ExecutorError,
    NoResultError,
    StorageError,
    TooManyFailuresError,
    WorkerLostError,
)
from bohb.executors import (
    Executor,
    FuturesExecutor,
    ProcessExecutor,
    SimulatedExecutor,
    ThreadExecutor,
)

pytestmark = pytest.mark.slow  # real workers begin and die here

SCRIPT = HELPERS / "working.py"
KILL = signal.SIGKILL if hasattr(signal, "SIGKILL") else signal.SIGTERM


@pytest.fixture(autouse=True)
def _impatient(monkeypatch):
    monkeypatch.setattr(Executor, "grace_seconds", 0.5)


def states(study):
    return {trial.number: trial.state.name for trial in study.trials}


def assert_kept(before, after):
    """Check that every evaluation of a study is among those of the other, as it was."""
    merged = before.merge(after, on=["number", "rung"], suffixes=("", "_after"))
    assert len(merged) == len(before)
    assert (merged["value"] == merged["value_after"]).all()
    assert (merged["params_x"] == merged["params_x_after"]).all()


def dying_once(directory, number=3):
    """Return an objective that kills its worker once, after a report."""
    marker = directory / "died"

    def objective(trial):
        x = trial.suggest_float("x", 0, 1)
        trial.report(x + 1, 1)
        if trial.number == number and not marker.exists():
            marker.touch()
            os.kill(os.getpid(), KILL)
        return x + 1 / trial.resource

    return objective


def dying_always(trial):
    x = trial.suggest_float("x", 0, 1)
    if trial.number == 3:
        os.kill(os.getpid(), KILL)
    return x + 1 / trial.resource


# Workers that die


@pytest.mark.parametrize("name", REMOTE)
def test_a_worker_that_dies_costs_one_leg_which_is_given_out_again(name, tmp_path):
    with engine(name) as executor:
        study = study_of()
        study.optimize(dying_once(tmp_path), executor=executor)
    assert (tmp_path / "died").exists()
    assert counts(study) == planned_counts(study)
    assert "FAIL" not in states(study).values()


@pytest.mark.parametrize("name", REMOTE)
def test_a_leg_whose_workers_die_again_and_again_fails_and_nobody_elses(name):
    with engine(name) as executor:
        study = study_of()
        study.optimize(dying_always, executor=executor)
    assert [number for number, state in states(study).items() if state == "FAIL"] == [3]
    assert "WorkerLostError: the leg was lost" in study.trials[3].system_attrs["bohb:error"]
    assert all(trial.state.is_finished() for trial in study.trials)


def test_a_lost_leg_is_given_out_as_often_as_is_said(tmp_path):
    def objective(trial):
        if trial.number == 3:
            with (tmp_path / "attempts").open("a") as file:
                file.write("x")
            os.kill(os.getpid(), KILL)
        return resource(trial)

    for retries in (0, 1):
        (tmp_path / "attempts").write_text("")
        study = study_of()
        study.optimize(objective, n_brackets=1, executor=ProcessExecutor(1), max_retries=retries)
        assert (tmp_path / "attempts").read_text() == "x" * (retries + 1)


def test_the_reports_of_a_leg_that_was_lost_are_kept():
    def objective(trial):
        x = trial.suggest_float("x", 0, 1)
        trial.set_user_attr("was", "here")
        if trial.number == 0:
            trial.report(x, 3)
            os.kill(os.getpid(), KILL)
        return x

    study = study_of(pruner=bohb.HyperbandPruner(9, 9))
    study.optimize(objective, n_trials=2, executor=ProcessExecutor(1), max_retries=0)
    lost = study.trials[0]
    assert lost.state.name == "FAIL"
    assert lost.intermediate_values == {3: lost.params["x"]}
    assert user_attributes(lost) == {"was": "here"}


def test_a_generator_whose_worker_died_is_trained_again_by_another(tmp_path):
    def objective(trial):
        x = trial.suggest_float("x", 0, 1)
        for unit in range(1, 100):
            if unit == 2 and not (tmp_path / "died").exists():
                (tmp_path / "died").touch()
                os.kill(os.getpid(), KILL)
            yield x + 1 / unit

    study = study_of()
    study.optimize(objective, executor=ProcessExecutor(2))
    assert counts(study) == planned_counts(study)
    assert "FAIL" not in states(study).values()


def test_a_pool_of_an_unknown_kind_that_breaks_ends_the_study_with_all_kept(tmp_path):
    class Pool(ProcessPoolExecutor):
        pass

    study = study_of(storage=tmp_path / "study.journal")
    with (
        Pool(2) as pool,
        pytest.raises(ExecutorError, match=r"Pool is broken.*make another executor"),
    ):
        study.optimize(dying_once(tmp_path, number=5), executor=pool)
    before = decisions(study)
    assert len(before) >= 4
    study = bohb.load_study(storage=tmp_path / "study.journal")
    with Pool(2) as pool:
        study.optimize(dying_once(tmp_path), executor=pool)
    assert_kept(before, decisions(study))
    assert counts(study) == planned_counts(study)


def test_a_script_whose_spawned_workers_cannot_begin_is_told_why(tmp_path):
    (tmp_path / "script.py").write_text(
        "import multiprocessing\n"
        "from concurrent.futures import ProcessPoolExecutor\n"
        "import bohb\n"
        "pool = ProcessPoolExecutor(1, multiprocessing.get_context('spawn'))\n"
        "study = bohb.create_study(study_name='s', storage='sqlite:///s.db', load_if_exists=True,\n"
        "    pruner=bohb.HyperbandPruner(1, 9))\n"
        "def objective(trial):\n"
        "    return trial.resource\n"
        "study.optimize(objective, executor=pool)\n"
    )
    run = subprocess.run([sys.executable, "script.py"], capture_output=True, text=True)
    assert run.returncode == 1
    last = run.stderr.strip().splitlines()[-1]
    assert "the workers of the ProcessPoolExecutor die before they run anything" in last
    assert "__main__" in last
    assert "FAIL" not in states(bohb.load_study(storage="sqlite:///s.db")).values()


def test_a_pool_that_was_shut_down_is_named():
    pool = ProcessPoolExecutor(1)
    pool.shutdown()
    with pytest.raises(ExecutorError, match="executor must be a pool that takes work"):
        study_of().optimize(resource, executor=FuturesExecutor(pool))


# Legs that hang


def warm_up(executor):
    """Let the workers begin: that takes time, and the seconds of these tests are few."""
    study_of().optimize(resource, executor=executor)


def hanging(seconds):
    def objective(trial):
        x = trial.suggest_float("x", 0, 1)
        trial.report(x + 1, 1)
        if trial.number == 2:
            time.sleep(seconds)
        return x + 1 / trial.resource

    return objective


@pytest.mark.parametrize("name", ["processes", "dask", "ray"])
def test_a_leg_that_hangs_is_ended_and_its_trial_fails(name):
    with engine(name) as executor:
        warm_up(executor)
        study = study_of()
        study.optimize(hanging(600), executor=executor, leg_timeout=2)
        study.optimize(resource, n_brackets=1, executor=executor)  # with all its workers
    assert [number for number, state in states(study).items() if state == "FAIL"] == [2]
    assert "longer than leg_timeout=2 s" in study.trials[2].system_attrs["bohb:error"]
    assert all(trial.state.is_finished() for trial in study.trials)
    if name == "processes":  # others than these keep no files that the study can see
        assert study.trials[2].intermediate_values.keys() == {1}


@pytest.mark.parametrize("style", ["loop", "generator"])
@pytest.mark.parametrize("name", ["serial", "threads", "pool"])
@pytest.mark.filterwarnings("ignore:FuturesExecutor cannot send a leg:UserWarning")
def test_a_slow_leg_that_reports_ends_at_its_next_report(name, style, monkeypatch):
    monkeypatch.setattr(Executor, "grace_seconds", 60.0)  # it ends by itself

    def loop_(trial):
        x = trial.suggest_float("x", 0, 1)
        for unit in range(1, 10):
            time.sleep(2.5 if trial.number == 9 and unit == 2 else 0.0)
            trial.report(x + 1 / unit, unit)
            if trial.should_prune():
                raise bohb.TrialPruned
        return x

    def generator(trial):
        x = trial.suggest_float("x", 0, 1)
        for unit in range(1, 10):
            time.sleep(2.5 if trial.number == 9 and unit == 2 else 0.0)
            yield x + 1 / unit

    study = study_of()
    with engine(name) as executor:
        warm_up(executor)
        objective = loop_ if style == "loop" else generator
        study.optimize(objective, executor=executor, leg_timeout=2)
    assert states(study)[9] == "FAIL"
    assert 2 in study.trials[9].intermediate_values
    assert list(states(study).values()).count("FAIL") == 1


def test_threads_that_hang_are_left_behind_until_none_is_left():
    release = threading.Event()

    def objective(trial):
        if trial.number < 2:
            release.wait(60)
        return 0.0

    study = study_of()
    with pytest.raises(ExecutorError, match="all 2 workers of the executor are busy with legs"):
        study.optimize(objective, executor=ThreadExecutor(2), leg_timeout=0.1)
    release.set()
    assert [state for state in states(study).values() if state == "FAIL"] == ["FAIL"] * 2
    study.optimize(objective)
    assert all(trial.state.is_finished() for trial in study.trials)


# The end of the study


def working(seconds):
    def objective(trial):
        x = trial.suggest_float("x", 0, 1)
        for unit in range(1, 10):
            trial.report((x - 0.3) ** 2 + 1 / unit, unit)
            time.sleep(seconds)
            if trial.should_prune():
                raise bohb.TrialPruned
        return (x - 0.3) ** 2 + 1 / 9

    return objective


@pytest.mark.parametrize("name", [*REMOTE, "threads"])
def test_a_timeout_ends_the_legs_and_keeps_what_they_reported(name, tmp_path):
    study = study_of(checkpoint_root=tmp_path / "checkpoints", pruner=bohb.HyperbandPruner(9, 9))
    with engine(name) as executor:
        warm_up(executor)
        study.optimize(working(0.5), timeout=3, executor=executor)
        cut_off = [trial for trial in study.trials if not trial.state.is_finished()]
        assert cut_off
        assert any(trial.intermediate_values for trial in cut_off)
        begun = [dict(trial.intermediate_values) for trial in cut_off]
        study.optimize(working(0), n_trials=1, executor=executor)
    for trial, values in zip(cut_off, begun, strict=True):
        after = study.trials[trial.number]
        assert after.state.name == "COMPLETE"
        assert values.items() <= after.intermediate_values.items()


def test_a_leg_in_a_process_that_does_not_listen_is_ended_and_its_reports_are_kept():
    study = study_of(pruner=bohb.HyperbandPruner(9, 9))
    with ProcessExecutor(1) as executor:
        warm_up(executor)
        began = time.monotonic()
        study.optimize(hanging(600), n_trials=3, timeout=2, executor=executor)
    assert time.monotonic() - began < 60
    cut_off = study.trials[2]
    assert cut_off.state.name == "RUNNING"
    assert cut_off.intermediate_values == {1: cut_off.params["x"] + 1}
    study.optimize(hanging(0), n_trials=1)
    assert all(trial.state.is_finished() for trial in study.trials)


def start(directory):
    return subprocess.Popen(
        [sys.executable, str(SCRIPT), str(directory)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def n_evaluations(directory):
    try:
        return len(load(directory).evaluations_dataframe())
    except (OSError, StorageError, ValueError):  # the other process is writing
        return 0


def wait_for(condition):
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.2)


@functools.cache
def uninterrupted():
    """Return what the script's study decides, here with one worker: its sampler does not learn."""
    script.UNIT_SECONDS = 0
    study = study_of(pruner=script.PRUNER, space={"x": SPACE["x"]}, sampler=script.sampler())
    study.optimize(script.objective, n_rounds=ROUNDS)
    return decisions(study)


@pytest.mark.skipif(os.name != "posix", reason="processes are killed by signals")
@pytest.mark.parametrize("how", ["killed", "interrupted"])
def test_a_study_that_is_cut_off_while_its_pool_works_goes_on_from_there(how, tmp_path):
    directory = tmp_path / "cut off"
    directory.mkdir()
    n_cuts, before = 2, None
    for _ in range(n_cuts):
        process = start(directory)
        try:
            assert process.stdout.readline() == "begun\n", process.communicate()
            least = n_evaluations(directory) + 4
            wait_for(lambda least=least: n_evaluations(directory) >= least)
            if how == "killed":
                process.send_signal(signal.SIGKILL)
            else:
                os.killpg(process.pid, signal.SIGINT)  # as the terminal does, to its workers too
            output, error = process.communicate(timeout=30)
        finally:
            process.kill()
        assert "Traceback" not in error, error
        assert "done" not in output
        assert ("interrupted" in output) == (how == "interrupted")
        frame = decisions(load(directory))
        if before is not None:
            assert_kept(before, frame)
        assert len(frame) < load(directory).plan(ROUNDS).n_evaluations
        before = frame
    output, error = start(directory).communicate(timeout=60)
    assert "done" in output, error
    study = load(directory)
    assert_kept(before, decisions(study))
    assert counts(study) == planned_counts(study, ROUNDS)
    assert decisions(study).equals(uninterrupted())
    # Nothing was trained again but what was under way when the study was cut off: with each of
    # the two workers one leg, of at most nine units.
    trained = [
        int(line)
        for file in (directory / "checkpoints").glob("*/trial-*/units.txt")
        for line in file.read_text().splitlines()
    ]
    assert len(trained) <= study.plan(ROUNDS).resource_continued + n_cuts * 2 * 9
    assert not list((directory / "checkpoints").glob("*/legs-*"))


@pytest.mark.skipif(os.name != "posix", reason="processes are interrupted by signals")
def test_ctrl_c_while_the_workers_begin_is_the_studys_alone(tmp_path):
    process = start(tmp_path)
    family = psutil.Process(process.pid)

    def has_begun_a_worker():
        return any("popen_loky" in " ".join(child.cmdline()) for child in family.children())

    wait_for(has_begun_a_worker)
    time.sleep(0.1)  # now it imports what it needs
    os.killpg(process.pid, signal.SIGINT)
    output, error = process.communicate(timeout=30)
    assert "interrupted" in output
    assert "Cut off by Ctrl-C." in error
    assert "Traceback" not in error, error


@pytest.mark.skipif(not Path("/proc").exists(), reason="looks for processes in /proc")
def test_the_workers_of_a_killed_study_end(tmp_path):
    process = start(tmp_path)
    wait_for(lambda: n_evaluations(tmp_path) >= 2)
    workers = children(process.pid)
    assert len(workers) >= 2
    process.kill()
    process.communicate()
    wait_for(lambda: not any(Path(f"/proc/{worker}").exists() for worker in workers))


def children(pid):
    found = set()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            if int(stat.read_text().rpartition(")")[2].split()[1]) == pid:
                found.add(int(stat.parent.name))
        except (OSError, ValueError):
            continue
    return found


class FullDisk(InMemoryStorage):
    """A storage that takes no more reports after the first `room`."""

    def __init__(self, room):
        super().__init__()
        self.room = room

    def set_trial_intermediate_value(self, *arguments):
        if self.room == 0:
            raise OSError(28, "No space left on device")
        self.room -= 1
        super().set_trial_intermediate_value(*arguments)


@pytest.mark.parametrize("name", ["processes", "pool", "threads", "dask"])
def test_a_storage_that_is_full_ends_the_study_with_all_kept_that_it_took(name):
    storage = FullDisk(room=7)
    study = study_of(storage=storage, study_name="full")
    with engine(name) as executor:
        with pytest.raises(StorageError, match="No space left on device"):
            study.optimize(resource, executor=executor)
        before = decisions(study)
        assert len(before) >= 3
        storage.room = -1
        study = bohb.load_study(storage=storage, study_name="full")
        study.optimize(resource, executor=executor)
    assert_kept(before, decisions(study))
    assert counts(study) == planned_counts(study)


# Too many failures


def test_a_hopeless_study_is_stopped_with_the_most_frequent_exception():
    def objective(trial):
        trial.suggest_float("x", 0, 1)
        if trial.number % 4 == 0:
            raise KeyError("rare")
        if trial.number % 4 == 1:
            return 0.0
        raise ValueError(f"number {trial.number} is odd")

    study = study_of()
    with pytest.raises(
        TooManyFailuresError,
        match=r"[789] of 10 evaluations failed, more than max_failures=0\.5 allows\. .* "
        r"4 failed like this: ValueError: number \d+ is odd",
    ):
        study.optimize(objective, catch=Exception, max_failures=0.5)
    before = decisions(study)
    study.optimize(objective, catch=Exception, max_failures=1.0)
    assert_kept(before.dropna(), decisions(study))
    assert all(trial.state.is_finished() for trial in study.trials)


def test_values_that_are_not_finite_count_as_failures():
    with pytest.raises(TooManyFailuresError, match="like this: the value nan"):
        study_of().optimize(lambda trial: float("nan"), max_failures=0.9)


@pytest.mark.parametrize(
    ("name", "value"),
    [("leg_timeout", 0), ("max_retries", -1), ("max_failures", 1.5), ("max_paused", -1)],
)
def test_bounds_that_make_no_sense_are_refused(name, value):
    study = study_of()
    with pytest.raises(ArgumentError, match=name):
        study.optimize(resource, **{name: value})
    assert study.trials == []


# On a simulated clock


def test_simulated_workers_that_die_and_leave_change_nothing_but_the_time():
    arguments = {"sampler": bohb.BOHBSampler(seed=1, random_fraction=1.0), "space": SPACE}
    reference = study_of(**arguments)
    reference.optimize(resource, n_rounds=3)
    study = study_of(**arguments)
    executor = SimulatedExecutor(
        8,
        lambda leg: float(leg.resource - leg.previous_resource),
        deaths=[0.5, 2.5, 4.5, 7.5],
        leaves=[1.0, 3.0],
        joins=[20.0],
    )
    study.optimize(resource, n_rounds=3, executor=executor, max_retries=4)
    assert executor.n_workers == 3
    assert decisions(study).equals(decisions(reference))


def test_a_study_waits_for_workers_to_join_and_says_if_none_will():
    study = study_of()
    executor = SimulatedExecutor(0, lambda leg: 1.0, joins=[5.0])
    study.optimize(resource, executor=executor)
    assert executor.now() == 5 + study.plan().n_evaluations
    study = study_of()
    executor = SimulatedExecutor(2, lambda leg: 1.0, leaves=[3.5, 4.5])
    with pytest.raises(ExecutorError, match="0 workers are left, and none joins"):
        study.optimize(resource, executor=executor)
    assert 7 <= len(decisions(study)) <= 9
    study.optimize(resource)
    assert counts(study) == planned_counts(study)


def test_a_timeout_counts_on_the_simulated_clock():
    study = study_of()
    executor = SimulatedExecutor(2, lambda leg: 10.0)
    study.optimize(resource, timeout=35, executor=executor)
    assert executor.now() == 35
    assert len(decisions(study)) == 6
    assert list(states(study).values()).count("RUNNING") == 8


def test_a_simulated_leg_that_takes_too_long_fails():
    study = study_of()
    executor = SimulatedExecutor(2, lambda leg: 1000.0 if leg.number == 4 else 1.0)
    study.optimize(resource, executor=executor, leg_timeout=10)
    assert [number for number, state in states(study).items() if state == "FAIL"] == [4]
    assert executor.now() < 100


def test_a_lost_simulated_leg_fails_with_its_reason():
    study = study_of()
    executor = SimulatedExecutor(1, lambda leg: 1.0, deaths=[0.5], joins=[0.6])
    study.optimize(resource, executor=executor, max_retries=0)
    assert states(study)[0] == "FAIL"
    assert issubclass(WorkerLostError, bohb.BohbError)
    assert "its simulated worker died" in study.trials[0].system_attrs["bohb:error"]


# What must not be lost on the way


class Cutting(SimulatedExecutor):
    """A simulated executor that is cut off once: when it ends a leg, or takes one."""

    def __init__(self, where, error):
        super().__init__(2, lambda leg: 1000.0 if leg.number == 1 else 1.0)
        self.where, self.error = where, error

    def _cut(self, where):
        if self.where == where:
            self.where = None
            raise self.error

    def kill(self, futures):
        self._cut("kill")
        return super().kill(futures)

    def start(self, task, shared, worker):
        if task.number == 5:
            self._cut("start")
        return super().start(task, shared, worker)


@pytest.mark.parametrize("where", ["kill", "start"])
@pytest.mark.parametrize("error", [KeyboardInterrupt(), ConnectionError("gone")])
def test_no_leg_is_lost_when_the_executor_is_cut_off(where, error):
    study = study_of()
    executor = Cutting(where, error)
    with pytest.raises(type(error)):
        study.optimize(resource, executor=executor, leg_timeout=10)
    assert executor.where is None
    before = decisions(study)
    study.optimize(resource)
    assert_kept(before, decisions(study))
    assert counts(study)[:2] == planned_counts(study)[:2]


def test_a_second_ctrl_c_leaves_at_once_and_the_workers_can_be_used_again(tmp_path):
    study = study_of(checkpoint_root=tmp_path)

    with ProcessExecutor(2) as executor:
        presser = threading.Thread(target=press_twice, args=(study.checkpoint_root,))
        presser.start()
        with pytest.raises(KeyboardInterrupt):
            study.optimize(hanging_always, executor=executor)
        presser.join()
        study.optimize(resource, executor=executor)
    assert counts(study) == planned_counts(study)


def press_twice(checkpoints):
    wait_for(lambda: len(list(checkpoints.glob("trial-*/hangs"))) == 2)
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(0.2)
    os.kill(os.getpid(), signal.SIGINT)


def test_workers_that_a_broken_storage_left_busy_can_be_used_again():
    storage = FullDisk(room=3)
    with ProcessExecutor(2) as executor:
        with pytest.raises(StorageError):
            study_of(storage=storage, study_name="full").optimize(working(0.05), executor=executor)
        study = study_of()
        study.optimize(resource, executor=executor)
    assert counts(study) == planned_counts(study)


@pytest.mark.skipif(not Path("/proc").exists(), reason="looks for processes in /proc")
def test_a_worker_that_dies_while_it_is_idle_is_replaced():
    study = study_of()
    with ProcessExecutor(2) as executor:
        study.optimize(resource, n_brackets=1, executor=executor)
        for worker in executor._workers.values():
            os.kill(worker.engine.submit(os.getpid).result(), KILL)
            time.sleep(0.2)
        study.optimize(resource, n_brackets=2, executor=executor)
    assert counts(study) == planned_counts(study)


class SlowSampler(bohb.BOHBSampler):
    """Takes its time, so that a pool has broken before the next leg is handed to it."""

    def sample_relative(self, *arguments):
        time.sleep(0.1)
        return super().sample_relative(*arguments)


@pytest.mark.parametrize("retries", [0, 2])
def test_a_pool_that_breaks_between_two_legs_is_no_excuse(retries, tmp_path):
    def objective(trial):
        if trial.number == 0:
            with (tmp_path / "attempts").open("a") as file:
                file.write("x")
            os._exit(1)
        return trial.params["x"]

    study = study_of(sampler=SlowSampler(seed=0), space=SPACE)
    with ProcessPoolExecutor(2) as pool:
        study.optimize(objective, n_brackets=1, executor=pool, max_retries=retries)
    assert [number for number, state in states(study).items() if state == "FAIL"] == [0]
    # One attempt may not count: another leg was lost with it, and might have been the cause.
    assert len((tmp_path / "attempts").read_text()) in (retries + 1, retries + 2)


@pytest.mark.parametrize("retries", [0, 2])
def test_a_leg_that_breaks_a_pool_again_and_again_takes_another_with_it_only_once(
    retries, tmp_path
):
    def objective(trial):
        attempts = tmp_path / f"attempts-{trial.number}"
        with attempts.open("a") as file:
            file.write("x")
        if trial.number == 0:
            wait_for((tmp_path / "attempts-1").exists)
            os._exit(1)
        time.sleep(60 if attempts.read_text() == "x" and trial.number == 1 else 0.2)
        return trial.params["x"]

    study = study_of(space=SPACE, pruner=bohb.HyperbandPruner(1, 1))
    with ProcessPoolExecutor(2) as pool:
        study.optimize(objective, n_trials=5, executor=pool, max_retries=retries)
    attempts = [len((tmp_path / f"attempts-{number}").read_text()) for number in range(5)]
    assert attempts == [1 + 1 + retries, 2, 1, 1, 1]  # one leg before anybody was blamed


def test_lokys_own_pool_is_replaced_too(tmp_path):
    loky = pytest.importorskip("loky")
    study = study_of()
    study.optimize(dying_once(tmp_path), executor=loky.get_reusable_executor(max_workers=2))
    assert counts(study) == planned_counts(study)
    loky.get_reusable_executor().shutdown(kill_workers=True)


def test_an_executor_is_used_by_one_call_at_a_time():
    executor = ThreadExecutor(2)

    def objective(trial):
        study_of().optimize(resource, executor=executor)

    study = study_of()
    with pytest.raises(ExecutorError, match="got a ThreadExecutor that is in use: make another"):
        study.optimize(objective, executor=executor)
    study.optimize(resource, executor=executor)
    assert all(trial.state.is_finished() for trial in study.trials)


def test_callbacks_hear_of_trials_that_finish_while_the_call_ends():
    told = []
    study = study_of(pruner=bohb.HyperbandPruner(9, 9))
    study.optimize(
        working(0.05),
        timeout=1.0,
        executor=ThreadExecutor(3),
        callbacks=[lambda study, trial: told.append(trial.number)],
    )
    finished = [trial.number for trial in study.trials if trial.state.is_finished()]
    assert sorted(told) == finished


def test_directories_that_were_there_stay_and_others_go(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine").mkdir()
    study_of(storage=tmp_path / "a.journal", checkpoint_root=tmp_path / "mine").optimize(
        resource, executor=ProcessExecutor(1)
    )
    study_of(storage=tmp_path / "b.journal").optimize(resource, executor=ProcessExecutor(1))
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_dir()) == ["mine"]


def test_a_root_that_cannot_be_made_is_named_before_any_leg(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageError, match=r"checkpoint_root must be a directory"):
        study_of(checkpoint_root=tmp_path / "file" / "checkpoints")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bohb-checkpoints").write_text("in the way")
    study = study_of(storage=tmp_path / "a.journal")
    with pytest.raises(StorageError, match=r"checkpoint_root must be a directory"):
        study.optimize(resource, executor=ProcessExecutor(1))
    assert not study.trials


def test_a_leg_on_dask_that_waits_for_a_worker_is_not_late():
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(
            n_workers=1, threads_per_worker=2, processes=True, dashboard_address="127.0.0.1:0"
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        study = study_of()
        with pytest.raises(ExecutorError, match="all 2 workers of the executor are busy"):
            study.optimize(hanging_always, executor=client, leg_timeout=0.5)
        assert list(states(study).values()) == ["FAIL", "FAIL"]
        client.restart()
        study.optimize(resource, executor=client)
    assert list(states(study).values()).count("FAIL") == 2


def test_options_of_dasks_pool_are_not_dropped_in_silence():
    distributed = pytest.importorskip("distributed")
    with distributed.Client(
        processes=False, dashboard_address="127.0.0.1:0", n_workers=1
    ) as client:
        with pytest.raises(ArgumentError, match=r"get_executor\(\) without options, got {'retr"):
            study_of().optimize(resource, executor=client.get_executor(retries=2))
        study = study_of()
        pool = client.get_executor(retries=2)
        study.optimize(resource, executor=FuturesExecutor(pool, n_workers=2))
    assert counts(study) == planned_counts(study)


def test_where_all_failed_the_most_frequent_reason_is_told():
    def failing(trial):
        raise (ValueError("odd") if trial.number % 3 else KeyError("rare"))

    study = study_of()
    study.optimize(failing, catch=Exception, n_trials=9)
    for ask in (study.incumbent, lambda: study.best_trial):
        message = "All 9 trials have failed, 6 failed like this: ValueError: odd"
        with pytest.raises(NoResultError, match=message):
            ask()


class Flaky:
    """An objective that fails by chance: in each leg of some trials, the first times it runs."""

    def __init__(self, n_failures):
        self.n_failures = n_failures
        self.calls = Counter()

    def __call__(self, trial):
        leg = trial.number, trial.resource
        self.calls[leg] += 1
        if trial.number % 2 and self.calls[leg] <= self.n_failures:
            raise ConnectionResetError("by chance")
        return resource(trial)


@pytest.mark.parametrize("n_jobs", [1, 3])
def test_what_fails_by_chance_is_tried_again(n_jobs, caplog):
    reference = study_of(sampler=bohb.BOHBSampler(seed=0, random_fraction=1.0), space=SPACE)
    reference.optimize(resource)
    study = study_of(sampler=bohb.BOHBSampler(seed=0, random_fraction=1.0), space=SPACE)
    study.optimize(Flaky(2), retry_on=ConnectionError, max_retries=2, n_jobs=n_jobs)
    assert decisions(study).equals(decisions(reference))
    assert "is tried again at resource 1, after ConnectionResetError: by chance" in caplog.text


@pytest.mark.parametrize(("n_failures", "retry_on"), [(2, ConnectionError), (1, ValueError)])
def test_what_fails_too_often_or_otherwise_fails(n_failures, retry_on):
    study = study_of()
    study.optimize(Flaky(n_failures), retry_on=retry_on, catch=ConnectionError, n_trials=4)
    assert [trial.state.name == "FAIL" for trial in study.trials] == [False, True] * 2


def test_a_generator_that_fails_by_chance_trains_from_the_start_again():
    failed = []

    def generator(trial):
        x = trial.suggest_float("x", 0, 1)
        for epoch in range(1, 10):
            if trial.number == 4 and epoch == 2 and not failed:
                failed.append(epoch)
                raise ConnectionError("by chance")
            yield (x - 0.3) ** 2 + 1 / epoch

    study = study_of(bohb.HyperbandPruner(3, 9))
    study.optimize(generator, retry_on=ConnectionError)
    assert failed
    assert all(trial.state.name != "FAIL" for trial in study.trials)


def test_it_is_checked_what_is_tried_again():
    with pytest.raises(ArgumentTypeError, match="retry_on"):
        study_of().optimize(resource, retry_on="ConnectionError")

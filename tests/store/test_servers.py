"""Studies in real database servers, which are stopped, killed, and begun again meanwhile."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import joining
import pytest
import servers
from servers import SERVERS, storage_at

import bohb
from bohb.errors import StorageError, StudyOwnedError

pytestmark = [
    pytest.mark.slow,  # real servers begin here
    pytest.mark.skipif(sys.platform == "win32", reason="the servers are stopped by signals"),
]


DATABASES = ["mariadb", "postgresql"]


@pytest.fixture(params=sorted(SERVERS))
def server(request):
    # Of a short name: the path of a socket has but a hundred characters.
    with tempfile.TemporaryDirectory(prefix="bohb-", ignore_cleanup_errors=True) as directory:
        made = SERVERS[request.param](Path(directory) / "s")
        made.begin()
        yield made
        made.stop()


def study_of(server, **arguments):
    return bohb.create_study(
        storage=storage_at(server.url),
        study_name="s",
        load_if_exists=True,
        sampler=bohb.BOHBSampler(seed=0),
        pruner=bohb.HyperbandPruner(1, 9),
        **arguments,
    )


def objective(trial):
    x = trial.suggest_float("x", 0, 1)
    for step in range(1, trial.resource + 1):
        trial.report(x + 1 / step, step)
    return x + 1 / trial.resource


def decisions(study):
    return [(t.number, t.state.name, t.params, t.intermediate_values) for t in study.trials]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_server_that_begins_again_is_waited_for(server, number, caplog):
    if number == signal.SIGINT and type(server).__name__ == "MariaDB":
        number = signal.SIGTERM
    whole = bohb.create_study(sampler=bohb.BOHBSampler(seed=0), pruner=bohb.HyperbandPruner(1, 9))
    whole.optimize(objective)
    study = study_of(server)
    study.storage_patience = 60.0
    restarted = []

    def breaking(trial):
        if trial.number == 5 and not restarted:
            server.stop(number)
            restarted.append(threading.Thread(target=lambda: (time.sleep(1), server.begin())))
            restarted[0].start()
        return objective(trial)

    study.optimize(breaking)
    restarted[0].join()
    assert decisions(study) == decisions(whole)
    assert "tried again for up to 60 seconds" in caplog.text


def test_a_server_that_stays_away_locks_nothing(server):
    study = study_of(server)
    study.storage_patience = 0.0
    stopped = []

    def breaking(trial):
        if trial.number == 5 and not stopped:
            stopped.append(server.stop(signal.SIGKILL))
        return objective(trial)

    with pytest.raises(StorageError, match="could not"):
        study.optimize(breaking)
    server.begin()
    study.storage_patience = 30.0
    study.optimize(objective)
    assert len(study.trials) == study.plan().n_trials
    assert all(trial.state.is_finished() for trial in study.trials)


def test_a_long_error_is_stored(server):
    def failing(trial):
        trial.suggest_float("x", 0, 1)
        raise ValueError("x" * 100_000 + " end")

    study = study_of(server)
    study.optimize(failing, n_trials=3, catch=ValueError)
    assert [trial.state.name for trial in study.trials] == ["FAIL"] * 3
    assert study.trials[0].system_attrs["bohb:error"].endswith(" end")
    study.optimize(objective, n_brackets=1)


SCRIPT = """
import sys, time, bohb, optuna
from bohb.store import lease
from servers import storage_at
lease.BEAT_SECONDS = 0.5
optuna.logging.set_verbosity(optuna.logging.ERROR)
study = bohb.create_study(storage=storage_at(sys.argv[1]), study_name="s", load_if_exists=True,
                          sampler=bohb.BOHBSampler(seed=0), pruner=bohb.HyperbandPruner(1, 9))
def objective(trial):
    x = trial.suggest_float("x", 0, 1)
    print(trial.number, flush=True)
    time.sleep(0.3)
    return x + 1 / trial.resource
study.optimize(objective, join=False, lease=4.0)
"""


def test_whoever_was_stopped_while_another_took_over_writes_nothing_more(server, tmp_path):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    process = subprocess.Popen(
        [sys.executable, str(script), server.url],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(servers.__file__).parent)},
    )
    try:
        while process.stdout.readline() not in ("4\n", ""):
            pass
        process.send_signal(signal.SIGSTOP)
        study = study_of(server)
        with pytest.raises(StudyOwnedError):
            study.optimize(objective, join=False)
        time.sleep(4.5)
        study.optimize(objective)
        before = decisions(study)
        process.send_signal(signal.SIGCONT)
        _, error = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode != 0
    assert "StudyOwnedError" in error
    after = decisions(study_of(server))
    assert after == before
    assert len(after) == study.plan().n_trials
    assert all(trial.state.is_finished() for trial in study.trials)


def test_processes_on_a_server_carry_out_one_plan_although_the_one_that_leads_is_killed(
    server, tmp_path
):
    script = [sys.executable, joining.__file__, server.url, "resource", str(tmp_path), "0.2"]
    processes = []
    for _ in range(3):
        processes.append(subprocess.Popen(script, stdout=subprocess.PIPE, text=True))
        time.sleep(1.5)
    processes[0].kill()
    processes[0].communicate()
    assert all("done" in process.communicate(timeout=120)[0] for process in processes[1:])
    study = joining.study_in(server.url, tmp_path)
    plan = study.pruner.plan(joining.ROUNDS)
    assert len(study.trials) == plan.n_trials
    assert len(study.evaluations_dataframe()) == plan.n_evaluations
    assert {trial.state.name for trial in study.trials} == {"COMPLETE", "PRUNED"}

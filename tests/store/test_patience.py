"""Storages that are away for a moment, and processes that were stopped while others went on."""

from __future__ import annotations

import contextlib
import logging
import threading

import optuna
import pytest
from optuna.storages import InMemoryStorage

import bohb
from bohb.errors import ArgumentError, StorageError, StudyOwnedError
from bohb.store import lease as leases
from bohb.store.lease import Lease
from bohb.store.ledger import LEASE
from bohb.store.patience import Patience, may_pass
from bohb.store.stored_study import ledger_of

METHODS = (
    "create_new_trial",
    "get_all_trials",
    "get_best_trial",
    "get_study_system_attrs",
    "get_study_user_attrs",
    "set_study_system_attr",
    "set_study_user_attr",
    "set_trial_intermediate_value",
    "set_trial_param",
    "set_trial_state_values",
    "set_trial_system_attr",
    "set_trial_user_attr",
)


class Away(InMemoryStorage):
    """A storage that cannot be reached while `is_away`, also after it has taken a write."""

    def __init__(self):
        super().__init__()
        self.is_away = False
        self.answers = True  # else it takes what is written, and fails only then


def _unreachable(name):
    method = getattr(InMemoryStorage, name)

    def call(self, *arguments, **keywords):
        if self.is_away and self.answers:
            raise ConnectionError("refused")
        result = method(self, *arguments, **keywords)
        if self.is_away:
            raise ConnectionError("broken pipe")
        return result

    return call


for each in METHODS:
    setattr(Away, each, _unreachable(each))


def objective(trial):
    trial.set_user_attr("seen", trial.resource)
    x = trial.suggest_float("x", 0, 1)
    for step in range(1, trial.resource + 1):
        trial.report(x + 1 / step, step)
    return x + 1 / trial.resource


def study_of(storage, **arguments):
    return bohb.create_study(
        storage=storage,
        study_name="s",
        sampler=bohb.BOHBSampler(seed=0),
        pruner=bohb.HyperbandPruner(1, 9),
        **arguments,
    )


def decisions(study):
    return [(t.number, t.state.name, t.params, t.intermediate_values) for t in study.trials]


@pytest.mark.parametrize("number", [0, 3, 11])
@pytest.mark.parametrize("n_jobs", [1, 3])
def test_an_outage_locks_nothing_and_its_first_error_is_raised(number, n_jobs):
    storage = Away()
    study = study_of(storage)
    was = []

    def breaking(trial):
        if trial.number == number and not was:
            was.append(True)
            storage.is_away = True
        return objective(trial)

    with pytest.raises(StorageError, match="ConnectionError: refused") as caught:
        study.optimize(breaking, n_jobs=n_jobs)
    assert LEASE not in str(caught.value)
    storage.is_away = False
    study.optimize(breaking, n_jobs=n_jobs)
    assert len(study.trials) == study.plan().n_trials
    assert all(trial.state.is_finished() for trial in study.trials)
    assert all(trial.state.name != "FAIL" for trial in study.trials)


@pytest.mark.parametrize("answers", [True, False])
def test_a_short_outage_is_ridden_out_and_that_is_said(answers, caplog):
    whole = study_of(InMemoryStorage())
    whole.optimize(objective)
    storage = Away()
    storage.answers = answers
    study = study_of(storage)
    study.storage_patience = 20
    timers = []

    def breaking(trial):
        if trial.number % 4 == 3 and trial.previous_resource == 0:
            storage.is_away = True
            timers.append(threading.Timer(0.3, setattr, (storage, "is_away", False)))
            timers[-1].start()
        return objective(trial)

    study.optimize(breaking)
    assert decisions(study) == decisions(whole)
    assert "cannot be used (ConnectionError: refused)" in caplog.text or not answers
    assert "tried again for up to 20 seconds" in caplog.text


@pytest.mark.parametrize(
    "call",
    [
        lambda study: len(study.trials),
        lambda study: study.best_value,
        lambda study: study.user_attrs["owner"],
        lambda study: study.set_user_attr("owner", "Ada"),
        lambda study: study.set_user_attr("seen", True),
        lambda study: len(study.evaluations()),
        lambda study: study.incumbent().number,
    ],
)
def test_a_study_that_is_only_read_or_annotated_waits_for_its_storage_too(call):
    storage = Away()
    study = study_of(storage)
    study.optimize(objective)
    study.set_user_attr("owner", "Grace")
    before = call(study)
    study.storage_patience = 20
    storage.is_away = True
    threading.Timer(0.3, setattr, (storage, "is_away", False)).start()
    assert call(study) == before
    storage.is_away = True
    study.storage_patience = 0
    with pytest.raises(StorageError, match="ConnectionError: refused"):
        call(study)


def test_what_does_not_pass_is_not_waited_for(caplog):
    storage = InMemoryStorage()
    study = study_of(storage)
    study.storage_patience = 60
    storage.delete_study(study._study_id)
    with pytest.raises(StorageError, match="it is not in the storage any more"):
        study.optimize(objective)
    assert "tried again" not in caplog.text


@pytest.mark.parametrize("seconds", [-1, float("inf"), "long"])
def test_a_patience_that_is_none_is_refused(seconds):
    study = study_of(InMemoryStorage())
    with pytest.raises(ArgumentError, match="storage_patience"):
        study.storage_patience = seconds


def test_it_is_known_what_may_pass():
    sqlalchemy = pytest.importorskip("sqlalchemy")
    gone = optuna.exceptions.StorageInternalError("storage")
    gone.__cause__ = sqlalchemy.exc.OperationalError("INSERT", {}, Exception("server closed"))
    wrong = optuna.exceptions.StorageInternalError("storage")
    wrong.__cause__ = sqlalchemy.exc.DataError("INSERT", {}, Exception("too long"))
    passing = [ConnectionError(), TimeoutError(), OSError(28, "full"), gone]
    passing.append(RuntimeError("Error: did not possess lock"))
    lasting = [KeyError(1), ValueError(), FileNotFoundError(), PermissionError(), wrong]
    assert [may_pass(error) for error in passing] == [True] * len(passing)
    assert [may_pass(error) for error in lasting] == [False] * len(lasting)


def test_nothing_is_tried_again_once_it_was_in_vain_until_something_works():
    patience, calls = Patience(), []
    patience.seconds = 0.3

    def fail():
        calls.append(1)
        raise ConnectionError

    for n_calls in (2, 1):  # the second time it does not wait
        calls.clear()
        with pytest.raises(ConnectionError):
            patience.carry_out(fail)
        assert (len(calls) > 1) == (n_calls > 1)
    assert patience.carry_out(lambda: 5) == 5
    calls.clear()
    with pytest.raises(ConnectionError):
        patience.carry_out(fail)
    assert len(calls) > 1


@pytest.mark.parametrize("join", [True, False])
def test_whoever_was_stopped_while_another_took_over_writes_nothing_more(
    monkeypatch, tmp_path, join
):
    """A process that sleeps neither beats nor sees that another one has taken its study."""
    storage = tmp_path / "s.journal"
    study = study_of(storage, load_if_exists=True)
    monkeypatch.setattr(leases, "BEAT_SECONDS", 3600.0)
    before = []

    def stopped(trial):
        if trial.number == 4:
            # It wakes up after another process has found its lease silent, and gone on.
            found = ledger_of(study).read(LEASE)
            silent = {**found, "beat": found["beat"] - 100, "machine": "elsewhere"}
            other = study_of(storage, load_if_exists=True)
            ledger_of(other).write_lease(silent)
            monkeypatch.setattr(leases, "machine_name", lambda: "another")
            thread = threading.Thread(target=other.optimize, args=(objective,))
            thread.start()
            thread.join()
            monkeypatch.undo()
            before.append(decisions(other))
            ledger_of(study).fenced_from = -1.0
        return objective(trial)

    with contextlib.suppress(StudyOwnedError):  # whoever may join finds that all is done
        study.optimize(stopped, join=join)
    after = decisions(study_of(storage, load_if_exists=True))
    assert after == before[0]
    assert len(after) == study.plan().n_trials
    assert all(state != "RUNNING" for _, state, _, _ in after)


def test_a_holder_that_beats_does_not_look_before_each_write(monkeypatch):
    looks = []
    check = Lease.check
    monkeypatch.setattr(Lease, "check", lambda lease: (looks.append(lease), check(lease)))
    study = study_of(InMemoryStorage())
    study.optimize(objective)
    assert study._session._lease not in looks  # threads of other tests may look at theirs


def test_the_log_is_quiet_where_nothing_fails(caplog):
    caplog.set_level(logging.WARNING)
    study_of(InMemoryStorage()).optimize(objective)
    assert "tried again" not in caplog.text

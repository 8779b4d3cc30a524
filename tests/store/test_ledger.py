"""A study that is cut off before or after any single write goes on as if it had not been."""

from __future__ import annotations

import math
import threading

import pytest
from optuna.storages import InMemoryStorage
from studies import decisions

import bohb
from bohb.errors import StorageError, StudyOwnedError
from bohb.store.ledger import LEASE, OPEN_CALL
from bohb.store.stored_study import ledger_of

WRITES = (
    "create_new_trial",
    "set_study_system_attr",
    "set_trial_intermediate_value",
    "set_trial_param",
    "set_trial_state_values",
    "set_trial_system_attr",
)
UNITS = (1, 2, 3, 4)  # of reports: on the rungs and between them


class BreakingStorage(InMemoryStorage):
    """A storage that fails once, `after` or before write number `at` has been made."""

    def __init__(self, at=None, *, after=False):
        super().__init__()
        self.at = at
        self.after = after
        self.count = 0


def _breaking(name):
    method = getattr(InMemoryStorage, name)

    def write(self, *arguments, **keywords):
        self.count += 1
        broken = self.count == self.at
        if broken and not self.after:
            raise OSError(28, "No space left on device")
        result = method(self, *arguments, **keywords)
        if broken:
            raise OSError(5, "Input/output error")
        return result

    return write


for name in WRITES:
    setattr(BreakingStorage, name, _breaking(name))


def loss(x, unit):
    return (x - 0.3) ** 2 + 1 / unit


def loop(trial):
    x = trial.suggest_float("x", 0, 1)
    y = trial.suggest_float("y", 0, 1) if x < 0.5 else 0.0
    for unit in UNITS:
        trial.report(loss(x + y, unit), unit)
        if trial.should_prune():
            raise bohb.TrialPruned
    return loss(x + y, 4)


def best_so_far(trial):
    x, best = trial.suggest_float("x", 0, 1), 10.0
    for unit in (unit for unit in UNITS if unit <= trial.resource):
        value = loss(x, unit) + (unit % 3) / 5
        trial.report(value, unit)
        best = min(best, value)
    return best


def new_names(trial):
    # A parameter that no trial had before comes first, and then those that all have.
    z = trial.suggest_float(f"z{trial.number // 3}", 0, 1) if trial.number > 4 else 0.5
    return loss(trial.suggest_float("x", 0, 1), trial.resource) + z / 10


def generator(trial):
    x, unit = trial.suggest_float("x", 0, 1), 0
    while True:
        unit += 1
        yield loss(x, unit)


def failing(trial):
    x = trial.suggest_float("x", 0, 1)
    if trial.number % 4 == 1:
        return float("nan")
    if trial.number % 4 == 2:
        raise bohb.TrialPruned
    return loss(x, trial.resource)


def run(storage, objective, asynchronous, limit):
    """Run a study to its end, however often its storage breaks, with a new object each time."""
    breaks = 0
    while True:
        try:
            study = bohb.create_study(
                study_name="study",
                storage=storage,
                sampler=bohb.BOHBSampler(seed=0, model="density"),
                pruner=bohb.HyperbandPruner(1, 4, 2, asynchronous=asynchronous),
                load_if_exists=True,
            )
            if not study.get_trials(deepcopy=False):
                study.enqueue_trial({"x": 0.25})
            study.optimize(objective, **limit)
            return study, breaks
        except (StorageError, OSError):  # an OSError where Optuna writes to the queue
            breaks += 1
        if len(study.evaluations_dataframe()) and ledger_of(study).read(OPEN_CALL) is None:
            return study, breaks


def states(study):
    return [trial.state for trial in study.get_trials(deepcopy=False)]


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("asynchronous", [False, True], ids=["synchronous", "asynchronous"])
@pytest.mark.parametrize(
    ("objective", "limit"),
    [
        (loop, {"n_rounds": 1}),
        (generator, {"n_trials": 8}),
        (failing, {"n_rounds": 1}),
        (best_so_far, {"n_rounds": 1}),
        (new_names, {"n_rounds": 1}),
    ],
    ids=["loop", "generator", "failing", "best so far", "new names"],
)
def test_a_study_survives_a_break_at_every_write(objective, limit, asynchronous, after):
    whole = BreakingStorage()
    reference, _ = run(whole, objective, asynchronous, limit)
    expected, ended = decisions(reference), states(reference)
    # The first two make the study itself. What is in the storage after one write is what is there
    # before the next, so every other one is enough for each of the two tests.
    for at in range(3, whole.count + 1, 2):
        study, breaks = run(BreakingStorage(at, after=after), objective, asynchronous, limit)
        assert breaks <= 1
        assert decisions(study).equals(expected), at
        assert states(study) == ended


class StoppingStorage(InMemoryStorage):
    """A storage in which something happens while write number `at` is on its way to it."""

    def __init__(self, at=None):
        super().__init__()
        self.at = at
        self.count = 0
        self.meanwhile = None


def _stopping(name):
    method = getattr(InMemoryStorage, name)

    def write(self, *arguments):
        is_lease = name == "set_study_system_attr" and arguments[1] == LEASE
        if self.meanwhile is not None and not is_lease:
            self.count += 1
            if self.count == self.at:
                meanwhile, self.meanwhile = self.meanwhile, None
                meanwhile()
        return method(self, *arguments)

    return write


for name in WRITES:
    setattr(StoppingStorage, name, _stopping(name))


def run_stopped(storage, objective):
    """Run a study that another process ends while this one is stopped; return what was there."""

    def study():
        return bohb.create_study(
            study_name="study",
            storage=storage,
            sampler=bohb.BOHBSampler(seed=0, model="density"),
            pruner=bohb.HyperbandPruner(1, 4, 2),
            load_if_exists=True,
        )

    def facts():
        return [(t.number, t.state, t.params, t.intermediate_values) for t in study().trials]

    stopped, seen = study(), []

    def take_over():
        ledger = ledger_of(stopped)
        ledger.fenced_from = -math.inf  # as after a minute
        ledger.write_lease({**ledger.read(LEASE), "token": "elsewhere", "released": True})
        other = threading.Thread(target=lambda: study().optimize(objective, n_rounds=1))
        other.start()
        other.join()
        seen.extend(facts())

    storage.meanwhile = take_over
    if storage.at is None:
        storage.at = math.inf
        stopped.optimize(objective, n_rounds=1)
    else:
        with pytest.raises(StudyOwnedError):
            stopped.optimize(objective, n_rounds=1, join=False)
    return study(), seen, facts()


@pytest.mark.parametrize("objective", [loop, failing])
def test_who_is_stopped_within_a_write_while_another_one_ends_the_study_changes_nothing(objective):
    whole = StoppingStorage()
    reference, _, _ = run_stopped(whole, objective)
    expected = decisions(reference)
    # The first write says that a call begins, and the last one that it has ended.
    for at in range(2, whole.count - 1, 2):
        study, seen, now = run_stopped(StoppingStorage(at), objective)
        assert now[: len(seen)] == seen, at
        assert [state.name for _, state, _, _ in now[len(seen) :]] in ([], ["FAIL"])
        assert decisions(study).equals(expected)
        study.optimize(objective, n_rounds=1, in_total=True)
        assert len(study.trials) == len(now)

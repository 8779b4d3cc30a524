"""Generators that wait inside of a with block: what it sets must not reach anything else."""

from __future__ import annotations

import contextlib
import contextvars
import decimal
import importlib
import sys
import threading
import types

import numpy as np
import pytest

import bohb
from bohb.errors import ObjectiveError
from bohb.objective.generator import PausedGenerator
from bohb.objective.objective import Objective

variable = contextvars.ContextVar("variable", default="outside")


def waiting_in_numpy(trial):
    x = trial.suggest_float("x", 0, 1)
    assert np.geterr()["over"] == "warn"
    while True:
        with np.errstate(over="raise"):
            yield x
            assert np.geterr()["over"] == "raise"


def waiting_in_decimal(trial):
    x = trial.suggest_float("x", 0, 1)
    assert decimal.getcontext().prec == 28
    while True:
        with decimal.localcontext() as context:
            context.prec = 5
            yield x
            assert decimal.getcontext().prec == 5


def waiting_with_a_variable(trial):
    x = trial.suggest_float("x", 0, 1)
    assert variable.get() == "outside"
    while True:
        token = variable.set("inside")
        yield x
        variable.reset(token)  # refused in any other context


@pytest.mark.parametrize("n_jobs", [1, 3])
@pytest.mark.parametrize(
    "objective", [waiting_in_numpy, waiting_in_decimal, waiting_with_a_variable]
)
def test_what_a_generator_sets_reaches_no_other_trial_and_goes_with_it(objective, n_jobs):
    study = bohb.create_study(
        sampler=bohb.BOHBSampler(seed=0, model="density"), pruner=bohb.HyperbandPruner(1, 9)
    )
    study.optimize(objective, n_jobs=n_jobs)
    assert len(study.trials) == study.plan().n_trials
    assert np.geterr()["over"] == "warn"
    assert decimal.getcontext().prec == 28
    assert variable.get() == "outside"


def stopping(study, objective, **arguments):
    """Optimise until a trial has its last result; some wait then."""
    study.optimize(objective, callbacks=[lambda study, trial: study.stop()], **arguments)


def test_generators_that_make_way_for_another_objective_are_closed_in_their_own_context(caplog):
    study = bohb.create_study(
        sampler=bohb.BOHBSampler(seed=0, model="density"), pruner=bohb.HyperbandPruner(1, 9)
    )
    with decimal.localcontext() as context:
        context.prec = 50
        stopping(study, lambda trial: (yield from precise(trial)))
        n_waiting = study._session._objective.n_paused
        assert n_waiting > 0
        study.optimize(lambda trial: 0.5 + trial.suggest_float("x", 0, 1), n_trials=1)
        assert decimal.getcontext().prec == 50
    assert f"{n_waiting} trials whose generators waited train from the start" in caplog.text


def precise(trial):
    with decimal.localcontext() as context:
        context.prec = 5
        while True:
            yield trial.suggest_float("x", 0, 1)


class Program:
    """A program whose objective is a method."""

    def __init__(self):
        self.n_trained = 0

    def objective(self, trial):
        while True:
            self.n_trained += 1
            yield trial.suggest_float("x", 0, 1)


def test_generators_of_a_method_wait_from_call_to_call():
    program = Program()
    study = bohb.create_study(pruner=bohb.HyperbandPruner(1, 9))
    for _ in range(3):
        stopping(study, program.objective, n_rounds=1, in_total=True)
    study.optimize(program.objective, n_rounds=1, in_total=True)
    assert len(study.trials) == study.plan().n_trials
    assert program.n_trained == study.plan().resource_continued


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_an_objective_sees_the_context_in_which_optimize_was_called(n_jobs):
    seen = []

    def objective(trial):
        seen.append((variable.get(), np.geterr()["over"]))
        return trial.suggest_float("x", 0, 1)

    token = variable.set("of the caller")
    try:
        with np.errstate(over="raise"):
            bohb.create_study(pruner=bohb.HyperbandPruner(1, 9)).optimize(objective, n_jobs=n_jobs)
    finally:
        variable.reset(token)
    assert set(seen) == {("of the caller", "raise")}


def test_a_generator_is_closed_in_its_own_context():
    closed_with = []

    def generator():
        token = variable.set("inside")
        try:
            yield 0.5
        finally:
            closed_with.append(variable.get())
            variable.reset(token)

    paused = PausedGenerator(generator())
    assert paused.train() == 0.5
    paused.close()
    assert closed_with == ["inside"]


def test_a_generator_that_cannot_be_closed_costs_a_warning_and_no_more(caplog):
    def objective(trial):
        try:
            while True:
                yield trial.suggest_float("x", 0, 1)
        finally:
            raise OSError("no space left")

    study = bohb.create_study(pruner=bohb.HyperbandPruner(1, 9))
    study.optimize(objective)
    plan = study.plan()
    assert len(study.evaluations_dataframe()) == plan.n_evaluations
    assert caplog.text.count("Closing the generator of trial") == plan.n_trials
    assert "OSError: no space left" in caplog.text


# PyTorch


@pytest.fixture
def torch(monkeypatch):
    """PyTorch, or where it is not installed what stands for its modes, which a thread has each."""
    with contextlib.suppress(ImportError):
        return importlib.import_module("torch")
    modes = threading.local()

    @contextlib.contextmanager
    def changed(name, value):
        before = getattr(modes, name, not value)
        setattr(modes, name, value)
        try:
            yield
        finally:
            setattr(modes, name, before)

    stand_in = types.SimpleNamespace(
        is_grad_enabled=lambda: getattr(modes, "gradients", True),
        is_autocast_enabled=lambda device: getattr(modes, device, False),
        no_grad=lambda: changed("gradients", False),
        inference_mode=lambda: changed("gradients", False),
        autocast=lambda device: changed(device, True),
    )
    monkeypatch.setitem(sys.modules, "torch", stand_in)
    return stand_in


MODES = {
    "no_grad": (lambda torch: torch.no_grad(), "is_grad_enabled"),
    "inference_mode": (lambda torch: torch.inference_mode(), "is_grad_enabled"),
    "autocast": (lambda torch: torch.autocast("cpu"), r"is_autocast_enabled\('cpu'\)"),
}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_a_generator_that_yields_in_a_mode_of_pytorch_is_refused_at_once(torch, mode, n_jobs):
    change, name = MODES[mode]

    def objective(trial):
        x = trial.suggest_float("x", 0, 1)
        while True:
            with change(torch):
                yield x

    study = bohb.create_study(pruner=bohb.HyperbandPruner(1, 9))
    with pytest.raises(ObjectiveError, match=rf"must not yield where torch\.{name}"):
        study.optimize(objective, n_jobs=n_jobs)
    assert torch.is_grad_enabled()
    assert not torch.is_autocast_enabled("cpu")


def test_a_mode_is_noticed_where_the_generator_has_imported_pytorch_itself(torch, monkeypatch):
    imported = sys.modules["torch"]
    monkeypatch.delitem(sys.modules, "torch")

    def generator():
        monkeypatch.setitem(sys.modules, "torch", imported)
        with torch.no_grad():
            yield 0.5

    paused = PausedGenerator(generator())
    with pytest.raises(ObjectiveError, match="is_grad_enabled"):
        paused.train()
    paused.close()


@pytest.mark.parametrize("mode", MODES)
def test_a_generator_that_yields_after_its_mode_is_not_refused(torch, mode):
    change, _ = MODES[mode]

    def objective(trial):
        x = trial.suggest_float("x", 0, 1)
        while True:
            with change(torch):
                loss = x + 1
            yield loss

    study = bohb.create_study(pruner=bohb.HyperbandPruner(1, 9))
    study.optimize(objective)
    assert len(study.trials) == study.plan().n_trials


def test_a_generator_that_was_forgotten_as_it_ran_is_closed_when_it_comes_back():
    closed = []

    def generator(trial):
        try:
            objective.forget(trial.number)  # as for a thread that has taken too long
            while True:
                yield trial.suggest_float("x", 0, 1)
        finally:
            closed.append(trial.number)

    objective = Objective(generator)
    study = bohb.create_study(pruner=bohb.HyperbandPruner(1, 9))
    objective.run_leg(study.ask())
    assert closed == [0]

"""Generators that wait inside of a with block: what it sets must not reach anything else."""

from __future__ import annotations

import contextvars
import decimal
import itertools
import sys
import threading
import types

import numpy as np
import pytest
import sklearn

import bohb
from bohb.study.generator import _THREAD_SETTINGS, PausedGenerator
from bohb.study.objective import Objective

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


def waiting_in_sklearn(trial):
    x = trial.suggest_float("x", 0, 1)
    while True:
        with sklearn.config_context(assume_finite=True):
            yield x


def test_a_generator_that_changes_its_thread_for_others_is_told_so_once(caplog):
    study = bohb.create_study(pruner=bohb.HyperbandPruner(1, 9))
    with sklearn.config_context():  # puts back what they leave behind
        study.optimize(waiting_in_sklearn)
    assert not sklearn.get_config()["assume_finite"]
    assert caplog.text.count("has changed sklearn.get_config() for its thread") == 1
    assert "yield outside of the with block" in caplog.text


def test_a_setting_of_a_module_that_the_generator_has_imported_itself_is_noticed(monkeypatch):
    local = threading.local()
    late = types.SimpleNamespace(setting=lambda: getattr(local, "value", "usual"))

    def generator():
        monkeypatch.setitem(sys.modules, "late", late)  # as an import does
        while True:
            local.value = "changed"
            yield 0.5
            local.value = "usual"

    monkeypatch.setitem(_THREAD_SETTINGS, "late", "setting")
    paused = PausedGenerator(generator())
    paused.train()
    assert "has changed late.setting() for its thread" in paused.oddity_of(0)


def test_a_generator_is_told_of_its_thread_even_if_something_else_was_odd_before(caplog):
    def objective(trial):
        x = trial.suggest_float("x", 0, 1)
        yield x
        if trial.number != 0:  # which ends too early
            with sklearn.config_context(assume_finite=True):
                yield x
            yield from itertools.repeat(x)

    study = bohb.create_study(pruner=bohb.SuccessiveHalvingPruner(3, 9))
    with sklearn.config_context():
        study.optimize(objective)
    assert "ended after 1 units" in caplog.text
    assert "has changed sklearn.get_config()" in caplog.text


def test_a_generator_that_leaves_its_thread_as_it_was_is_told_nothing(caplog):
    def objective(trial):
        x = trial.suggest_float("x", 0, 1)
        while True:
            with sklearn.config_context(assume_finite=True):
                loss = x + 1
            yield loss

    study = bohb.create_study(pruner=bohb.HyperbandPruner(1, 9))
    study.optimize(objective)
    assert "has changed" not in caplog.text


def test_pytorch_that_does_not_record_gradients_any_more_is_named(caplog):
    torch = pytest.importorskip("torch")

    def objective(trial):
        x = trial.suggest_float("x", 0, 1)
        weight = torch.ones(1, requires_grad=True)
        while True:
            ((weight * x) ** 2).sum().backward()
            with torch.no_grad():
                yield (weight * x).sum()

    study = bohb.create_study(pruner=bohb.HyperbandPruner(1, 9))
    with torch.enable_grad(), pytest.raises(RuntimeError, match="does not require grad"):
        study.optimize(objective)
    assert "has changed torch.is_grad_enabled() for its thread" in caplog.text


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

"""Objectives for every engine. Workers import this module, so it needs nothing but bohb."""

from __future__ import annotations

import os
import time

import bohb


def loss(x, n, unit):
    return (x - 0.3) ** 2 + abs(n - 7) / 50 + 1 / unit


def loop(trial):
    x, n = trial.suggest_float("x", 0, 1), trial.suggest_int("n", 1, 64, log=True)
    for unit in range(1, 10):
        trial.report(loss(x, n, unit), unit)
        if trial.should_prune():
            raise bohb.TrialPruned
    return loss(x, n, 9)


def generator(trial):
    x, n = trial.suggest_float("x", 0, 1), trial.suggest_int("n", 1, 64, log=True)
    unit = 0
    while True:
        unit += 1
        trial.set_user_attr("n_trained", trial.user_attrs.get("n_trained", 0) + 1)
        yield loss(x, n, unit)


def resource(trial):
    x, n = trial.suggest_float("x", 0, 1), trial.suggest_int("n", 1, 64, log=True)
    return loss(x, n, trial.resource)


STYLES = {"loop": loop, "generator": generator, "resource": resource}


def with_kind(trial):
    config = trial.config
    penalty = 0.1 if config["kind"] == "b" else 0.0
    return (config["x"] - 0.3) ** 2 + abs(config["n"] - 7) / 50 + 1 / trial.resource + penalty


def everything(trial):
    x = trial.suggest_float("x", -1, 1)
    choice = trial.suggest_categorical("choice", ["a", None, 3])
    trial.suggest_int("fixed", 4, 4)
    trial.set_user_attr("pid", os.getpid())
    trial.set_user_attr("saw", [trial.number, trial.resource, trial.previous_resource, choice])
    trial.set_constraint("small", x)
    assert trial.datetime_start is not None
    (trial.checkpoint_dir / f"{trial.resource}").write_text("here")
    trial.report(abs(x), trial.resource)
    return abs(x)


def hanging_always(trial):
    trial.suggest_float("x", 0, 1)
    (trial.checkpoint_dir / "hangs").touch()
    time.sleep(600)

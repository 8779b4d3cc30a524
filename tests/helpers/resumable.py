"""A study as a script, to be killed and started again. Prints "done" when it has ended."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from objectives import loss
from servers import storage_at

import bohb

PRUNER = bohb.HyperbandPruner(1, 9, adaptive=False)


def storage_of(name):
    return storage_at(name) if "://" in name else Path(name)


def loop(trial):
    x, n = trial.suggest_float("x", 0, 1), trial.suggest_int("n", 1, 64, log=True)
    for unit in range(1, 10):
        time.sleep(0.002)
        trial.report(loss(x, n, unit), unit)
        if trial.should_prune():
            raise bohb.TrialPruned
    return loss(x, n, 9)


def generator(trial):
    x, n = trial.suggest_float("x", 0, 1), trial.suggest_int("n", 1, 64, log=True)
    unit = 0
    while True:
        unit += 1
        time.sleep(0.002)
        yield loss(x, n, unit)


def resource(trial):
    x, n = trial.suggest_float("x", 0, 1), trial.suggest_int("n", 1, 64, log=True)
    with (trial.checkpoint_dir / "legs.txt").open("a") as file:
        file.write(f"{trial.resource}\n")
    time.sleep(0.002 * trial.resource)
    return loss(x, n, trial.resource)


def main(storage: str, style: str, root: str) -> None:
    study = bohb.create_study(
        study_name="resumable",
        storage=storage_of(storage),
        sampler=bohb.BOHBSampler(seed=0),
        pruner=PRUNER,
        load_if_exists=True,
        checkpoint_root=root,
    )
    print("begun", flush=True)
    study.optimize(globals()[style], n_rounds=2)
    print("done", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])

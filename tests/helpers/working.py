"""A study with two worker processes as a script, to be killed or interrupted. Prints "done"."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import optuna

import bohb
from bohb.executors import ProcessExecutor

PRUNER = bohb.HyperbandPruner(1, 9, adaptive=False)
ROUNDS = 4
UNIT_SECONDS = 0.01


def objective(trial):
    x = trial.suggest_float("x", 0, 1)
    with (trial.checkpoint_dir / "units.txt").open("a") as file:
        for unit in range(trial.previous_resource + 1, trial.resource + 1):
            time.sleep(UNIT_SECONDS)
            trial.report((x - 0.3) ** 2 + 1 / unit, unit)
            file.write(f"{unit}\n")
            file.flush()
            if trial.should_prune():
                raise bohb.TrialPruned
    return (x - 0.3) ** 2 + 1 / trial.resource


def sampler() -> bohb.BOHBSampler:
    return bohb.BOHBSampler(seed=0, random_fraction=1.0)


def load(path: Path) -> bohb.Study:
    return bohb.create_study(
        study_name="working",
        storage=path / "study.journal",
        sampler=sampler(),
        pruner=PRUNER,
        space={"x": optuna.distributions.FloatDistribution(0, 1)},
        load_if_exists=True,
        checkpoint_root=path / "checkpoints",
    )


if __name__ == "__main__":
    study = load(Path(sys.argv[1]))
    print("begun", flush=True)
    try:
        study.optimize(objective, n_rounds=ROUNDS, executor=ProcessExecutor(2))
        print("done", flush=True)
    except KeyboardInterrupt:
        print("interrupted", flush=True)

"""One of several processes that work on one study, as a script. Prints "done" when it has ended.

    python joining.py STORAGE STYLE DIRECTORY [SECONDS]

Each leg appends a line with the process, the trial and the resource to a file in the directory.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import optuna
from resumable import storage_of

import bohb

PRUNER = bohb.HyperbandPruner(1, 9, adaptive=False)
ROUNDS = 2
LEASE = 6  # seconds
SPACE = {"x": optuna.distributions.FloatDistribution(0, 1)}


class Objectives:
    def __init__(self, directory: Path, seconds: float) -> None:
        self.calls = directory / "calls.txt"
        self.seconds = seconds

    def note(self, trial):
        with self.calls.open("a") as file:
            file.write(f"{os.getpid()} {trial.number} {trial.resource}\n")

    def resource(self, trial):
        self.note(trial)
        x = trial.suggest_float("x", 0, 1)
        time.sleep(self.seconds)
        return x + 1 / trial.resource

    def generator(self, trial):
        x, unit = trial.suggest_float("x", 0, 1), 0
        while True:
            unit += 1
            with self.calls.open("a") as file:
                file.write(f"{os.getpid()} {trial.number} {unit}\n")
            time.sleep(self.seconds / 3)
            yield x + 1 / unit

    def checkpoints(self, trial):
        self.note(trial)
        file = trial.checkpoint_dir / "units.txt"
        done = int(file.read_text()) if file.exists() else 0
        assert done >= trial.previous_resource
        time.sleep(self.seconds)
        file.write_text(str(trial.resource))
        return trial.suggest_float("x", 0, 1) + 1 / trial.resource

    def fails(self, trial):
        time.sleep(self.seconds)
        if trial.number == 12:
            raise ValueError("the twelfth")
        return self.resource(trial)

    def stops(self, trial):
        if trial.number == 12:
            trial.study.stop()
        return self.resource(trial)


def study_in(storage: str, directory: Path) -> bohb.Study:
    return bohb.create_study(
        study_name="joined",
        storage=storage_of(storage),
        sampler=bohb.BOHBSampler(seed=0, random_fraction=1.0),
        pruner=PRUNER,
        space=SPACE,
        load_if_exists=True,
        checkpoint_root=directory / "checkpoints",
    )


def main(storage: str, style: str, directory: str, seconds: str = "0.05") -> None:
    study = study_in(storage, Path(directory))
    objective = getattr(Objectives(Path(directory), float(seconds)), style)
    print("begun", flush=True)
    with bohb.signals_interrupt():
        study.optimize(objective, n_rounds=ROUNDS, in_total=True, max_retries=20, lease=LEASE)
    print("done", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])

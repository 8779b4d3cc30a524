"""What the library itself costs: importing it, and running objectives that do nothing.

    python benchmarks/overhead.py

Every figure stands beside one of Optuna's, measured in the same run on the same machine.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import optuna

import bohb

optuna.logging.set_verbosity(optuna.logging.WARNING)


def seconds(work):
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def import_seconds(module):
    """Return the least of five fresh imports."""
    program = (
        "import time; begin = time.perf_counter(); "
        f"import {module}; print(time.perf_counter() - begin)"
    )
    command = [sys.executable, "-c", program]
    runs = [subprocess.run(command, capture_output=True, check=True, text=True) for _ in range(5)]  # noqa: S603 - our own program
    return min(float(run.stdout) for run in runs)


def empty(trial):
    return 0.0


def ten_parameters(trial):
    return sum(trial.suggest_float(f"x{i}", 0, 1) for i in range(10))


def per_evaluation(objective, sampler, *, storage=None, n_rounds=1):
    """Return the milliseconds per evaluation of Hyperband with R = 81."""
    study = bohb.create_study(sampler=sampler, storage=storage, pruner=bohb.HyperbandPruner(1, 81))
    took = seconds(lambda: study.optimize(objective, n_rounds=n_rounds))
    assert len(study.trials) == study.plan(n_rounds).n_trials
    return 1000 * took / study.plan(n_rounds).n_evaluations


def per_trial(objective, sampler, n_trials):
    """Return the milliseconds per trial of plain Optuna."""
    study = optuna.create_study(sampler=sampler, pruner=optuna.pruners.NopPruner())
    return 1000 * seconds(lambda: study.optimize(objective, n_trials=n_trials)) / n_trials


def row(what, ours, theirs, unit):
    print(f"{what:44} {ours:9.3f} {theirs:9.3f} {unit:3} {ours / theirs:8.2f}")


def main():
    print(f"{'':44} {'bohb':>9} {'optuna':>9} {'':3} {'ratio':>8}")
    row("import", import_seconds("bohb"), import_seconds("optuna"), "s")
    random = optuna.samplers.RandomSampler
    row(
        "empty objective, random, in memory",
        min(per_evaluation(empty, random(seed=i), n_rounds=3) for i in range(3)),
        min(per_trial(empty, random(seed=i), 561) for i in range(3)),
        "ms",
    )
    row(
        "ten parameters, random, in memory",
        per_evaluation(ten_parameters, random(seed=0), n_rounds=3),
        per_trial(ten_parameters, random(seed=0), 384),
        "ms",
    )
    row(
        "ten parameters, BOHBSampler / TPESampler",
        per_evaluation(ten_parameters, bohb.BOHBSampler(seed=0), n_rounds=3),
        per_trial(ten_parameters, optuna.samplers.TPESampler(seed=0), 384),
        "ms",
    )
    print("\nms per evaluation, random sampler, by storage:")
    with tempfile.TemporaryDirectory() as directory:
        for name, storage in (
            ("memory", None),
            ("journal", Path(directory) / "study.journal"),
            ("sqlite", f"sqlite:///{directory}/study.db"),
        ):
            print(f"  {name:10} {per_evaluation(empty, random(seed=0), storage=storage):9.3f}")


if __name__ == "__main__":
    main()

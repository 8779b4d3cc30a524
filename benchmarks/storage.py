"""What an evaluation costs in each storage, and whether that grows with the study.

    python benchmarks/storage.py

The objective does nothing and the sampler draws at random, so that nearly all of the time is
spent on schedule and storage. An evaluation is one leg: giving it out, running it, recording it.
"""

from __future__ import annotations

import argparse
import itertools
import tempfile
import time
from pathlib import Path

import optuna

import bohb


def seconds_per_evaluation(storage: str | Path | None, n_evaluations: int) -> list[float]:
    """Return how long each evaluation took."""
    moments: list[float] = []

    def objective(trial: bohb.Trial) -> float:
        moments.append(time.perf_counter())
        if len(moments) == n_evaluations:
            trial.study.stop()
        return trial.suggest_float("x", 0, 1) + 1 / trial.resource

    study = bohb.create_study(
        storage=storage,
        sampler=optuna.samplers.RandomSampler(seed=0),
        pruner=bohb.HyperbandPruner(1, 81, reduction_factor=3),
    )
    study.optimize(objective, n_rounds=n_evaluations)
    return [after - before for before, after in itertools.pairwise(moments)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scale", type=float, default=1.0, help="of the numbers of evaluations")
    arguments = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    print("storage  evaluations  ms per evaluation  first tenth  last tenth  ratio")
    with tempfile.TemporaryDirectory() as directory:
        storages: dict[str, tuple[str | Path | None, int]] = {
            "memory": (None, 100_000),
            "journal": (Path(directory) / "study.journal", 10_000),
            "SQLite": (f"sqlite:///{directory}/study.db", 2_000),
        }
        for name, (storage, most) in storages.items():
            n_evaluations = max(20, round(most * arguments.scale))
            seconds = seconds_per_evaluation(storage, n_evaluations)
            tenth = len(seconds) // 10
            first, last = (1000 * sum(part) / tenth for part in (seconds[:tenth], seconds[-tenth:]))
            print(
                f"{name:<7}  {n_evaluations:>11}  {1000 * sum(seconds) / len(seconds):>17.2f}  "
                f"{first:>11.2f}  {last:>10.2f}  {last / first:>5.2f}",
                flush=True,
            )


if __name__ == "__main__":
    main()

"""What it brings that better trials are trained first, with four workers.

    python benchmarks/priority.py --seeds 20

The rings of `benchmarks/searches.py` with random configurations, as in the blog of Dask-ML's
Hyperband: four workers on a simulated clock, and two orders in which the promotions of a rung are
carried out, the best trial first, as it is here, or the oldest first. The table has the accuracy
of the best model so far after so much time, in full trainings of one worker.
"""

from __future__ import annotations

import argparse

import numpy as np
import optuna
from training import training_tasks

import bohb
from bohb.executors import SimulatedExecutor
from bohb.hyperband import SynchronousSchedule

optuna.logging.set_verbosity(optuna.logging.WARNING)
N_WORKERS = 4
MOMENTS = (0.3, 0.5, 0.7, 1.0, 1.5, 2.0, 3.0, 4.0)


class OldestFirst(SynchronousSchedule):
    """A schedule that carries out the promotions of a rung by the age of the trials."""

    def _settle(self, run, evaluation):
        dropped = super()._settle(run, evaluation)
        # The third entry of each is its place in the ranking, by which the heap is ordered.
        self._decided = sorted(
            (r, index, trial, trial, rung) for r, index, _, trial, rung in self._decided
        )
        return dropped


def curve(task, seed, schedule_class):
    """Return the best loss so far at each moment, on the simulated clock."""
    pruner = bohb.HyperbandPruner(*task.resources, adaptive=False)
    found = []

    def objective(trial):
        loss = task.loss(task.suggest(trial), trial.resource)
        found.append((executor.now() + duration(trial), loss))
        return loss

    def duration(leg):
        return (leg.resource - leg.previous_resource) / task.resources[1]

    executor = SimulatedExecutor(N_WORKERS, duration)
    study = bohb.create_study(
        sampler=bohb.BOHBSampler(seed=seed, random_fraction=1.0), pruner=pruner
    )
    if schedule_class is not SynchronousSchedule:
        study.pruner = _with(pruner, schedule_class)
    study.optimize(objective, executor=executor)
    return [min((v for at, v in found if at <= moment), default=np.nan) for moment in MOMENTS]


def _with(pruner, schedule_class):
    class Ordered(type(pruner)):
        @property
        def schedule_class(self):
            return schedule_class

    pruner.__class__ = Ordered
    return pruner


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=5)
    arguments = parser.parse_args()
    task = next(each for each in training_tasks() if each.name == "rings")
    print(f"accuracy after {MOMENTS} full trainings of time, {arguments.seeds} seeds")
    for name, schedule_class in (
        ("best first", SynchronousSchedule),
        ("oldest first", OldestFirst),
    ):
        found = 1 - np.array(
            [curve(task, seed, schedule_class) for seed in range(arguments.seeds)], dtype=float
        )
        means = np.nanmean(found, axis=0)
        print(f"{name:14}" + "   ".join(f"{mean:.3f}" for mean in means), flush=True)


if __name__ == "__main__":
    main()

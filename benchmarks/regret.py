"""How good a configuration is found for how much training.

    BOHB_YAHPO_DATA=... python benchmarks/regret.py [--seeds 10] [--samplers random density tpe]

Synchronous Hyperband with factor 3; a promoted trial goes on from where it stood. The table has
the mean over tasks and seeds of the decimal logarithm of the normalised regret of the incumbent,
after as many full evaluations as the column says. The incumbent is the lowest loss observed at the
highest rung so far; it is scored by its true loss at the highest resource.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import optuna
from tasks import Task, all_tasks

import bohb

BUDGETS = (1, 2, 5, 10, 20, 50)
SAMPLERS: dict[str, Callable[[int], optuna.samplers.BaseSampler]] = {
    "random": lambda seed: bohb.BOHBSampler(seed=seed, random_fraction=1.0),
    "density": lambda seed: bohb.BOHBSampler(seed=seed),
    "tpe": lambda seed: optuna.samplers.TPESampler(seed=seed, multivariate=True),
}


class Recorder:
    """An objective that keeps the regret of the incumbent over what was spent."""

    def __init__(self, task: Task) -> None:
        self.task = task
        self.top = task.resources[1]
        self.spent = 0.0
        self.best = (0.0, np.inf)  # the highest rung so far, and the lowest loss there
        self.regret = np.nan
        self.after: dict[int, float] = {}

    def __call__(self, trial: bohb.Trial) -> float:
        config = self.task.suggest(trial)
        cost = (trial.resource - trial.previous_resource) / self.top
        for budget in BUDGETS:
            if self.spent <= budget < self.spent + cost:
                self.after[budget] = self.regret
        self.spent += cost
        if self.spent > BUDGETS[-1]:
            trial.study.stop()
        loss = self.task.loss(config, trial.resource)
        if (-trial.resource, loss) < (-self.best[0], self.best[1]):
            self.best = (trial.resource, loss)
            self.regret = self.task.normalised_regret(config)
        return loss


def run(name: str, index: int, seed: int) -> tuple[str, int, list[float], float]:
    """Return the log regrets of one run, and the seconds it took."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
    task = all_tasks()[index]
    recorder = Recorder(task)
    study = bohb.create_study(
        sampler=SAMPLERS[name](seed), pruner=bohb.HyperbandPruner(*task.resources)
    )
    begin = time.perf_counter()
    study.optimize(recorder, n_rounds=1000)
    took = time.perf_counter() - begin
    regrets = [np.log10(max(recorder.after[budget], 1e-5)) for budget in BUDGETS]
    return name, index, regrets, took


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--samplers", nargs="+", choices=SAMPLERS, default=list(SAMPLERS))
    parser.add_argument("--by-task", action="store_true")
    arguments = parser.parse_args()
    tasks = all_tasks()
    results: dict[tuple[str, int], list[list[float]]] = {}
    seconds: dict[str, float] = dict.fromkeys(arguments.samplers, 0.0)
    with ProcessPoolExecutor(2) as pool:
        futures = [
            pool.submit(run, name, index, seed)
            for seed in range(arguments.seeds)
            for name in arguments.samplers
            for index in range(len(tasks))
        ]
        for future in futures:
            name, index, regrets, took = future.result()
            results.setdefault((name, index), []).append(regrets)
            seconds[name] += took
    print(f"{'':28}" + "".join(f"{budget:>8}" for budget in BUDGETS) + "  s per run")
    for name in arguments.samplers:
        each = {index: np.mean(results[name, index], axis=0) for index in range(len(tasks))}
        mean = np.mean(list(each.values()), axis=0)
        per_run = seconds[name] / (len(tasks) * arguments.seeds)
        print(f"{name:28}" + "".join(f"{value:8.2f}" for value in mean) + f"{per_run:11.1f}")
        if arguments.by_task:
            for index, values in each.items():
                row = "".join(f"{value:8.2f}" for value in values)
                print(f"  {tasks[index].name:26}{row}")


if __name__ == "__main__":
    main()

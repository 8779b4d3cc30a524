"""How good a configuration is found for how much training.

    BOHB_YAHPO_DATA=... python benchmarks/regret.py [--seeds 10] [--samplers random density gp]
        [--failures chance|corner]

Synchronous Hyperband with factor 3; a promoted trial goes on from where it stood. The incumbent is
the lowest loss observed at the highest rung so far; it is scored by its true loss at the highest
resource. The first table has the mean over tasks and seeds of the decimal logarithm of the
normalised regret of the incumbent, after as many full evaluations as the column says. The others
have the mean loss, and its standard error, for networks and trees that are really trained. With
`--failures` a fifth of the evaluations fail by chance, or all in a corner of the space do.
"""

from __future__ import annotations

import argparse
import os
import time
import warnings
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")  # two runs at a time share the processors

import numpy as np
import optuna
from contestants import optuna_hyperband
from protocol import Recorder, suite

import bohb

IN_BRACKETS: dict[str, Callable[[int], optuna.samplers.BaseSampler]] = {
    "random": lambda seed: bohb.BOHBSampler(seed=seed, random_fraction=1.0),
    "falkner2018": lambda seed: bohb.BOHBSampler(seed=seed, model="falkner2018"),
    "density": lambda seed: bohb.BOHBSampler(seed=seed, model="density"),
    "gp": lambda seed: bohb.BOHBSampler(seed=seed, model="gp"),
    "tpe": lambda seed: optuna.samplers.TPESampler(seed=seed, multivariate=True),
}
NAMES = {
    "random": "random",
    "falkner2018": 'model="falkner2018"',
    "density": 'model="density"',
    "gp": 'model="gp"',
    "tpe": "Optuna's TPE, in our brackets",
    "optuna": "Optuna's TPE and its pruner",
}


class FailedEvaluationError(Exception):
    pass


def unit(distribution: optuna.distributions.BaseDistribution, value: Any) -> float:
    """Return where a value lies in its range, from 0 to 1."""
    if isinstance(distribution, optuna.distributions.CategoricalDistribution):
        return distribution.choices.index(value) / max(1, len(distribution.choices) - 1)
    scale = np.log if distribution.log else float
    low, high = scale(distribution.low), scale(distribution.high)
    return (scale(value) - low) / (high - low)


def fails(kind: str | None, trial: bohb.Trial, rng: np.random.Generator) -> bool:
    if kind == "chance":
        return rng.random() < 0.2
    first_two = list(trial.distributions.items())[:2]
    places = [unit(distribution, trial.params[name]) for name, distribution in first_two]
    return kind == "corner" and sum(places) > 1.2


def run_in_brackets(
    sampler: optuna.samplers.BaseSampler, recorder: Recorder, failures: str | None, seed: int
) -> None:
    task, rng = recorder.task, np.random.default_rng(1000 + seed)

    def objective(trial: bohb.Trial) -> float:
        config = task.suggest(trial)
        is_failure = fails(failures, trial, rng)
        if is_failure:
            recorder.spend(trial.previous_resource, trial.resource)
        else:
            loss = recorder.evaluate(config, trial.resource)
        if recorder.is_over:
            trial.study.stop()
        if is_failure:
            raise FailedEvaluationError
        return loss

    study = bohb.create_study(sampler=sampler, pruner=bohb.HyperbandPruner(*task.resources))
    study.optimize(objective, n_rounds=1000, catch=FailedEvaluationError)


def run(
    name: str, kind: str, index: int, seed: int, failures: str | None = None
) -> tuple[list[float], float]:
    """Return the scores of one run, and the seconds it took."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.simplefilter("ignore")  # of experimental samplers, and of networks that diverge
    tasks, moments = suite(kind)
    recorder = Recorder(tasks[index], moments)
    begin = time.perf_counter()
    if name == "optuna":
        optuna_hyperband(recorder, seed)
    else:
        run_in_brackets(IN_BRACKETS[name](seed), recorder, failures, seed)
    return [recorder.after[moment] for moment in moments], time.perf_counter() - begin


def all_runs(
    kind: str, names: list[str], seeds: range, failures: str | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Return scores, shape (samplers, seeds, tasks, moments), and seconds per sampler."""
    tasks, moments = suite(kind)
    with ProcessPoolExecutor(2) as pool:
        futures = [
            pool.submit(run, name, kind, index, seed, failures)
            for name in names
            for seed in seeds
            for index in range(len(tasks))
        ]
        results = [future.result() for future in futures]
    scores = np.array([scores for scores, _ in results])
    seconds = np.array([took for _, took in results]).reshape(len(names), -1).mean(axis=1)
    return scores.reshape(len(names), len(seeds), len(tasks), len(moments)), seconds


def print_regret(names: list[str], seeds: range, failures: str | None, *, by_task: bool) -> None:
    tasks, moments = suite("surrogates")
    scores, seconds = all_runs("surrogates", names, seeds, failures)
    logs = np.log10(np.maximum(scores, 1e-5))
    print(
        f"{'log10 of the regret':32}" + "".join(f"{moment:>8}" for moment in moments) + "   s/run"
    )
    for name, each, took in zip(names, logs, seconds, strict=True):
        row = "".join(f"{value:8.2f}" for value in each.mean(axis=(0, 1)))
        print(f"{NAMES[name]:32}{row}{took:8.1f}")
        error = each.mean(axis=1).std(axis=0, ddof=1) / np.sqrt(len(seeds))
        print(f"{'  standard error over seeds':32}" + "".join(f"{value:8.2f}" for value in error))
        if by_task:
            for task, values in zip(tasks, each.mean(axis=0), strict=True):
                print(f"  {task.name:30}" + "".join(f"{value:8.2f}" for value in values))


def print_training(names: list[str], seeds: range) -> None:
    tasks, moments = suite("training")
    scores, _ = all_runs("training", names, seeds)
    for index, task in enumerate(tasks):
        title = f"loss of the {task.name}"
        print(f"\n{title:32}" + "".join(f"{moment:>16}" for moment in moments))
        for name, each in zip(names, scores[:, :, index], strict=True):
            mean, error = each.mean(axis=0), each.std(axis=0, ddof=1) / np.sqrt(len(seeds))
            cells = "".join(f"{m:9.4f} ±{e:.4f}" for m, e in zip(mean, error, strict=True))
            print(f"{NAMES[name]:32}{cells}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--samplers", nargs="+", choices=NAMES, default=list(NAMES))
    parser.add_argument("--by-task", action="store_true")
    parser.add_argument("--only", choices=("surrogates", "training"))
    parser.add_argument("--failures", choices=("chance", "corner"))
    arguments = parser.parse_args()
    if arguments.failures:  # Optuna's own pruner is run without failures only
        arguments.samplers = [name for name in arguments.samplers if name != "optuna"]
    seeds = range(arguments.seeds)
    if arguments.only != "training":
        print_regret(arguments.samplers, seeds, arguments.failures, by_task=arguments.by_task)
    if arguments.only != "surrogates" and not arguments.failures:
        print_training(arguments.samplers, seeds)


if __name__ == "__main__":
    main()

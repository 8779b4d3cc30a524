"""What the library itself costs: importing it, and running objectives that do nothing.

    python benchmarks/overhead.py

Every figure stands beside one of Optuna's, measured in the same run on the same machine.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
import tracemalloc
import warnings
from pathlib import Path

import optuna
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import TrialState, create_trial

import bohb
from bohb.history import History, Scale

optuna.logging.set_verbosity(optuna.logging.WARNING)
warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)


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
    runs = [subprocess.run(command, capture_output=True, check=True, text=True) for _ in range(5)]
    return min(float(run.stdout) for run in runs)


def empty(trial):
    return 0.0


def ten_parameters(trial):
    return sum(trial.suggest_float(f"x{i}", 0, 1) for i in range(10))


def per_evaluation(objective, sampler, *, storage=None, n_rounds=1):
    """Return the milliseconds per evaluation of Hyperband with R = 81."""
    pruner = bohb.HyperbandPruner(1, 81, adaptive=False)  # so that the plan says how many there are
    study = bohb.create_study(sampler=sampler, storage=storage, pruner=pruner)
    took = seconds(lambda: study.optimize(objective, n_rounds=n_rounds))
    return 1000 * took / study.plan(n_rounds).n_evaluations


def per_trial(objective, sampler, n_trials):
    """Return the milliseconds per trial of plain Optuna."""
    study = optuna.create_study(sampler=sampler, pruner=optuna.pruners.NopPruner())
    return 1000 * seconds(lambda: study.optimize(objective, n_trials=n_trials)) / n_trials


DISTRIBUTIONS = {
    **{f"float{i}": FloatDistribution(0, 1) for i in range(4)},
    **{f"log{i}": FloatDistribution(1e-4, 1, log=True) for i in range(3)},
    "integer": IntDistribution(1, 64),
    "log integer": IntDistribution(16, 1024, log=True),
    "choice": CategoricalDistribution(["a", "b", "c"]),
}


def finished_trials(count):
    """Return trials of ten parameters, every tenth of which got to the highest resource of 27."""
    generator = optuna.samplers.RandomSampler(seed=0)
    source = optuna.create_study(sampler=generator)
    trials = []
    for number in range(count):
        params = source.ask(DISTRIBUTIONS).params
        value = sum(params[f"float{i}"] ** 2 for i in range(4)) + params["log0"]
        steps = {3**k: value + 1 / 3**k for k in range(3 if number % 10 else 4)}
        state = TrialState.PRUNED if number % 10 else TrialState.COMPLETE
        trials.append(
            create_trial(
                state=state,
                value=value,
                params=params,
                distributions=DISTRIBUTIONS,
                intermediate_values=steps,
            )
        )
    return trials


def per_proposal(sampler, trials, *, repeats):
    """Return the median milliseconds that a sampler takes for the ten parameters of a trial."""
    study = optuna.create_study(sampler=sampler, pruner=bohb.HyperbandPruner(1, 27))
    for trial in trials:
        study.add_trial(trial)
    took = []
    for _ in range(repeats + 1):  # the first reads all trials
        begin = time.perf_counter()
        trial = study.ask(DISTRIBUTIONS)
        took.append(time.perf_counter() - begin)
        study.tell(trial, 1.0)
    return 1000 * statistics.median(took[1:])


def bytes_per_observation(trials):
    """Return what the sampler keeps of each trial, besides Optuna's own record of it."""
    tracemalloc.start()
    history = History(Scale((1, 3, 9, 27)))
    history.refresh(trials)
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return kept / len(trials)


def proposals():
    """Print what a proposal costs, by the number of finished trials."""

    def bohb_sampler(model):
        return bohb.BOHBSampler(seed=0, model=model, random_fraction=0.0)

    samplers = {
        "TPESampler()": lambda: optuna.samplers.TPESampler(seed=0),
        "TPESampler(multivariate=True)": lambda: optuna.samplers.TPESampler(
            seed=0, multivariate=True
        ),
        "BOHBSampler(model='density')": lambda: bohb_sampler("density"),
        "BOHBSampler(model='gp')": lambda: bohb_sampler("gp"),
        "BOHBSampler(model='falkner2018')": lambda: bohb_sampler("falkner2018"),
    }
    counts = (100, 1000, 10_000)
    trials = finished_trials(max(counts))
    for number, trial in enumerate(trials):
        trial.number = number
    title = "ms per proposal, ten parameters, after so many trials:"
    print(f"\n{title:56}" + "".join(f"{count:>9}" for count in counts))
    for name, make in samplers.items():
        took = [per_proposal(make(), trials[:count], repeats=15) for count in counts]
        print(f"  {name:54}" + "".join(f"{value:9.2f}" for value in took))
    print(f"\nbytes kept per observation: {bytes_per_observation(trials):.0f}")


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
    proposals()


if __name__ == "__main__":
    main()

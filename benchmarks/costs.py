"""What a budget in cost comes to, with proposals by improvement and by improvement for each cost.

    python benchmarks/costs.py --seeds 5

A network on the digits of scikit-learn, by epochs. Wide networks with small batches cost some
hundred times as much as narrow ones with large batches, counted as multiplications and steps. The
score is the error of the incumbent after so much cost, in mean full trainings of random
configurations. The study goes on from where trials stood.
"""

from __future__ import annotations

import argparse

import numpy as np
import optuna
from continued import digits_data, network_of, suggest_network

import bohb

optuna.logging.set_verbosity(optuna.logging.WARNING)
BUDGETS = (5, 10, 20)
EPOCHS = 27


def objective_of(task):
    """Return a generator that reports error and cost after each epoch."""
    train, test, labels, test_labels = task

    def objective(trial):
        config = suggest_network(trial)
        model = network_of(config)
        for epoch in range(1, EPOCHS + 1):
            model.partial_fit(train, labels, classes=np.arange(10))
            error = 1 - model.score(test, test_labels)
            trial.report(error, epoch, cost=epoch * cost_of_epoch(config))
            yield

    return objective


def cost_of_epoch(config):
    """Return the millions of multiplications of an epoch, with a share for each of its steps."""
    width, layers = config["width"], config["layers"]
    weights = 64 * width + width * width * (layers - 1) + 10 * width
    return (718 * weights + 20_000 * 718 / config["batch"]) / 1e6


def mean_cost():
    """Return what a full training costs in the mean of random configurations."""
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    costs = [cost_of_epoch(suggest_network(study.ask())) for _ in range(300)]
    return EPOCHS * float(np.mean(costs))


def errors(study, unit):
    """Return the error of the incumbent after each budget."""
    records = sorted(study.evaluations(), key=lambda record: record.ended)
    found = []
    for budget in BUDGETS:
        used, best, before = 0.0, (0, -1.0), {}
        for record in records:
            used += record.cost - before.get(record.number, 0.0)
            before[record.number] = record.cost
            if used > budget * unit:
                break
            best = max(best, (record.resource, -record.value))
        found.append(-best[1])
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=3)
    arguments = parser.parse_args()
    task, unit = digits_data(test_size=0.6), mean_cost()
    samplers = {
        "improvement": {},
        "improvement for each cost": {"per_cost": True},
        "Hyperband": {"random_fraction": 1.0},
    }
    print(f"error after {BUDGETS} mean full trainings' cost, {arguments.seeds} seeds")
    for name, options in samplers.items():
        found = []
        for seed in range(arguments.seeds):
            study = bohb.create_study(
                sampler=bohb.BOHBSampler(seed=seed, **options),
                pruner=bohb.HyperbandPruner(1, EPOCHS),
            )
            study.optimize(objective_of(task), total_cost=BUDGETS[-1] * unit)
            found.append(errors(study, unit))
        means = np.mean(found, axis=0)
        deviations = np.std(found, axis=0, ddof=1) / np.sqrt(len(found))
        shown = "   ".join(f"{m:.4f} ({d:.4f})" for m, d in zip(means, deviations, strict=True))
        print(f"{name:28}{shown}", flush=True)


if __name__ == "__main__":
    main()

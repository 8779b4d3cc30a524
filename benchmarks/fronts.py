"""How good the fronts of two objectives are: error and time of a prediction, at equal resource.

    python benchmarks/fronts.py --seeds 5

Two tasks of real training: a network on the digits of scikit-learn, by epochs, and boosted trees on
a classification problem, by trees. The objectives are the share of wrong predictions on data that
was not trained on, and the milliseconds that a thousand predictions take, the least of several
runs. The score is the hypervolume of the trials at the highest resource, between the best and the
median of 200 random configurations in each objective: 0 for none, 1 for a trial that is best in
both. Promoted trials go on from where they stood.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import optuna
from continued import Continued, digits_data, network_of, seed_of, suggest_network
from report import store_further

import bohb
from bohb.hyperband.fronts import hypervolume

optuna.logging.set_verbosity(optuna.logging.WARNING)
BUDGETS = (10, 20, 40)  # full trainings


@dataclass
class Task:
    """A task of two objectives, with what was measured of it."""

    name: str
    resources: tuple[int, int]
    suggest: Callable
    losses: Callable
    ends: np.ndarray = field(default_factory=lambda: np.empty(0))


def both(error: Callable, rows: np.ndarray) -> Callable:
    """Return a function of a model that returns both objectives."""

    def observed(model):
        model.predict(rows[:10])
        took = []
        for _ in range(15):
            began = time.process_time()  # whatever else the machine does
            model.predict(rows)
            took.append(time.process_time() - began)
        return error(model), 1e6 * min(took) / len(rows)

    return observed


def digits() -> Task:
    """A network of one to three layers on the digits, by epochs."""
    train, test, labels, test_labels = digits_data(test_size=0.6)

    def advance(model, done, epochs):
        for _ in range(done, epochs):
            model.partial_fit(train, labels, classes=np.arange(10))
        return model

    def error(model):
        return 1 - model.score(test, test_labels)

    losses = Continued(network_of, advance, both(error, test))
    return Task("digits, by epochs", (1, 27), suggest_network, losses)


def trees() -> Task:
    """Boosted trees on a problem of three classes, by trees."""
    from sklearn.datasets import make_classification
    from sklearn.ensemble import GradientBoostingClassifier

    inputs, labels = make_classification(
        1600, 20, n_informative=8, n_classes=3, class_sep=0.8, random_state=0
    )
    train, test = slice(0, 600), slice(600, None)

    def suggest(trial):
        return {
            "depth": trial.suggest_int("depth", 1, 8),
            "rate": trial.suggest_float("rate", 1e-2, 1.0, log=True),
            "subsample": trial.suggest_float("subsample", 0.2, 1.0),
            "features": trial.suggest_float("features", 0.1, 1.0),
            "leaf": trial.suggest_int("leaf", 1, 30, log=True),
        }

    def begin(config):
        return GradientBoostingClassifier(
            max_depth=config["depth"],
            learning_rate=config["rate"],
            subsample=config["subsample"],
            max_features=config["features"],
            min_samples_leaf=config["leaf"],
            warm_start=True,
            random_state=seed_of(config),
        )

    def advance(model, done, n_trees):
        return model.set_params(n_estimators=n_trees).fit(inputs[train], labels[train])

    def error(model):
        return 1 - model.score(inputs[test], labels[test])

    losses = Continued(begin, advance, both(error, inputs))
    return Task("boosted trees, by trees", (2, 54), suggest, losses)


def ours(task: Task, seed: int, random_fraction: float | None = None) -> bohb.Study:
    sampler = bohb.BOHBSampler(seed=seed, random_fraction=random_fraction)
    return in_brackets(task, sampler)


def in_brackets(task: Task, sampler: optuna.samplers.BaseSampler) -> bohb.Study:
    study = bohb.create_study(
        directions=["minimize"] * 2, sampler=sampler, pruner=bohb.HyperbandPruner(*task.resources)
    )
    # So much that the last budget is used up; what is over is cut off when it is scored.
    total = BUDGETS[-1] * task.resources[1]
    study.optimize(_continued(task), total_resource=total)
    return study


def _continued(task: Task) -> Callable:
    def objective(trial):
        return task.losses(task.suggest(trial), trial.resource)

    return objective


def in_full(task: Task, sampler: optuna.samplers.BaseSampler) -> optuna.Study:
    study = optuna.create_study(directions=["minimize"] * 2, sampler=sampler)
    top = task.resources[1]
    study.optimize(lambda t: task.losses(task.suggest(t), top), n_trials=BUDGETS[-1])
    return study


CONTESTANTS = {
    "bohb": ours,
    "Hyperband": lambda task, seed: ours(task, seed, 1.0),
    "NSGA-II in brackets": lambda task, seed: in_brackets(
        task, optuna.samplers.NSGAIISampler(population_size=10, seed=seed)
    ),
    "NSGA-II": lambda task, seed: in_full(
        task, optuna.samplers.NSGAIISampler(population_size=10, seed=seed)
    ),
    "TPE": lambda task, seed: in_full(task, optuna.samplers.TPESampler(seed=seed)),
    "random": lambda task, seed: in_full(task, optuna.samplers.RandomSampler(seed=seed)),
}


def spent(task: Task, study: optuna.Study) -> list[tuple[float, tuple[float, ...] | None]]:
    """Return what each evaluation cost, in full trainings, and the values at the top."""
    top = task.resources[1]
    if not isinstance(study, bohb.Study):
        return [(1.0, tuple(trial.values)) for trial in study.trials]
    records = sorted(study.evaluations(), key=lambda record: record.ended)
    reached: dict[int, float] = {}
    found = []
    for record in records:
        cost = (record.resource - reached.get(record.number, 0)) / top
        reached[record.number] = record.resource
        found.append((cost, record.values if record.resource == top else None))
    return found


def scores(task: Task, study: optuna.Study) -> list[float]:
    """Return the hypervolume of the trials at the top after each budget."""
    result = []
    for budget in BUDGETS:
        used, points = 0.0, []
        for cost, values in spent(task, study):
            used += cost
            if used > budget * (1 + 1e-9):
                break
            if values is not None:
                points.append(values)
        low, high = task.ends
        scaled = (np.array(points).reshape(-1, 2) - low) / (high - low)
        inside = scaled[(scaled < 1).all(axis=1)].clip(0, None)
        result.append(hypervolume(inside, np.ones(2)) if len(inside) else 0.0)
    return result


def note_ends(task: Task) -> None:
    """Note the ends that random configurations reach: the best and the median in each objective."""
    study = optuna.create_study(
        directions=["minimize"] * 2, sampler=optuna.samplers.RandomSampler(seed=10_000)
    )
    top = task.resources[1]
    study.optimize(lambda t: task.losses(task.suggest(t), top), n_trials=200)
    found = np.array([trial.values for trial in study.trials])
    task.ends = np.array([found.min(axis=0), np.median(found, axis=0)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument(
        "--store", action="store_true", help="keep the table for docs/benchmarks.md"
    )
    arguments = parser.parse_args()
    rows: list[list[str]] = []
    for task in (digits(), trees()):
        note_ends(task)
        print(f"\n{task.name}: hypervolume after {BUDGETS} full trainings, {arguments.seeds} seeds")
        for name, run in CONTESTANTS.items():
            found = np.array(
                [scores(task, run(task, seed)) for seed in range(arguments.seeds)], dtype=float
            )
            errors = found.std(axis=0, ddof=1) / np.sqrt(len(found))
            shown = "   ".join(
                f"{m:.3f} ({e:.3f})" for m, e in zip(found.mean(axis=0), errors, strict=True)
            )
            print(f"{name:22}{shown}", flush=True)
            rows.append([task.name, name, *shown.split("   ")])
    if arguments.store:
        table = {
            "title": "Several objectives: error and time of a prediction",
            "text": f"Written by `python benchmarks/fronts.py --seeds {arguments.seeds} --store`, "
            "whose text says what is measured: the hypervolume of the trials at the highest "
            "resource after so many full trainings, standard errors in brackets.",
            "columns": ["task", "", *map(str, BUDGETS)],
            "rows": rows,
        }
        store_further(Path(__file__).parent / "further.json", "fronts", table)


if __name__ == "__main__":
    main()

"""Whether proposals that are asked for at once keep apart.

    python benchmarks/spread.py

After 60 finished trials, 16 proposals: drawn at random; asked for at once, before any of them has
a result; and made one after another, each with the results of those before it. The table has the
mean distance of a proposal to the nearest of the other 15, in shares of the ranges, over 10 seeds.
"""

from __future__ import annotations

import numpy as np
import optuna

import bohb

optuna.logging.set_verbosity(optuna.logging.WARNING)
D = 4
DISTRIBUTIONS = {f"x{i}": optuna.distributions.FloatDistribution(0, 1) for i in range(D)}


def loss(x):
    return np.sum((x - 0.3) ** 2) + 0.1 * np.sum(np.cos(12 * x))


def point(trial):
    return np.array([trial.params[name] for name in DISTRIBUTIONS])


def nearest(points):
    distances = np.linalg.norm(points[:, None] - points[None, :], axis=2)
    np.fill_diagonal(distances, np.inf)
    return distances.min(axis=1).mean()


def study_with_history(model, seed):
    study = optuna.create_study(
        sampler=bohb.BOHBSampler(seed=seed, model=model, random_fraction=0.0)
    )
    for x in np.random.default_rng(seed).random((60, D)):
        trial = optuna.trial.create_trial(
            params=dict(zip(DISTRIBUTIONS, x, strict=True)),
            distributions=DISTRIBUTIONS,
            value=loss(x),
        )
        study.add_trial(trial)
    return study


def at_once(model, seed):
    study = study_with_history(model, seed)
    return np.array([point(study.ask(DISTRIBUTIONS)) for _ in range(16)])


def one_after_another(model, seed):
    study = study_with_history(model, seed)
    points = []
    for _ in range(16):
        trial = study.ask(DISTRIBUTIONS)
        points.append(point(trial))
        study.tell(trial, loss(points[-1]))
    return np.array(points)


def main():
    seeds = range(10)
    random = np.mean([nearest(np.random.default_rng(seed).random((16, D))) for seed in seeds])
    print(f"{'':12} {'random':>8} {'at once':>8} {'one after another':>18}")
    for model in ("gp", "density", "falkner2018"):
        together = np.mean([nearest(at_once(model, seed)) for seed in seeds])
        alone = np.mean([nearest(one_after_another(model, seed)) for seed in seeds])
        print(f"{model:12} {random:8.3f} {together:8.3f} {alone:18.3f}")


if __name__ == "__main__":
    main()

"""Searches of a neural network's hyperparameters, at equal work.

The task is that of "Better and faster hyperparameter optimization with Dask" (Sievert 2019): four
rings in two of six dimensions, a network of 24 neurons, and seven hyperparameters. Work is counted
in passes through the training data. All searches see the same splits and the same space.

    python benchmarks/searches.py [--seeds 20] [--rounds 1] [--jobs 2] [--picture searches.png]
"""

from __future__ import annotations

import argparse
import warnings
from pathlib import Path

import joblib
import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.experimental import enable_halving_search_cv  # noqa: F401 - as scikit-learn asks for it
from sklearn.model_selection import HalvingRandomSearchCV, PredefinedSplit, RandomizedSearchCV
from sklearn.neural_network import MLPClassifier
from training import circles

from bohb.sklearn import BOHBSearchCV, HyperbandSearchCV

PASSES, ETA = 81, 3  # of one network, and of how many one goes on
N_TRAIN, N_VALID, N_TEST = 4000, 1000, 10_000
SPACE = {  # of the appendix, https://blog.dask.org/2019/09/30/dask-hyperparam-opt
    "hidden_layer_sizes": [(24,), (12, 12), (6, 6, 6, 6), (4, 4, 4, 4, 4, 4), (12, 6, 3, 3)],
    "alpha": np.logspace(-6, -3, num=1000),
    "batch_size": [32, 64, 128, 256, 512],
    "learning_rate": ["constant", "invscaling", "adaptive"],
    "learning_rate_init": np.logspace(-4, -2, num=1000),
    "power_t": np.linspace(0.1, 0.9, num=1000),
    "momentum": np.linspace(0, 1, num=1000),
}


def network(seed: int) -> MLPClassifier:
    """Return a network that never ends by itself: its passes are those it is given."""
    return MLPClassifier(solver="sgd", max_iter=PASSES, n_iter_no_change=10**6, random_state=seed)


def curve_of_history(search):
    """Return passes and score after each evaluation of a search of ours."""
    reached, passes, curve = {}, 0, []
    for record in search.history_:
        passes += record["resource"] - reached.get(record["trial"], 0)
        reached[record["trial"]] = record["resource"]
        curve.append((passes, record["score"]))
    return curve


def curve_of_results(search, passes_each):
    """Return the same for a search of scikit-learn, which trains each network from the start."""
    return list(zip(np.cumsum(passes_each), search.cv_results_["mean_test_score"], strict=True))


def run(seed: int, n_rounds: int):
    """Return curve and test accuracy of each search."""
    rng = np.random.default_rng(seed)
    X, y = circles(N_TRAIN + N_VALID, rng)
    X_test, y_test = circles(N_TEST, rng)
    split = PredefinedSplit([-1] * N_TRAIN + [0] * N_VALID)
    common = {"cv": split, "random_state": seed}
    bohb = BOHBSearchCV(
        network(seed),
        SPACE,
        resource="partial_fit",
        max_resource=PASSES,
        n_rounds=n_rounds,
        **common,
    )
    work = bohb.metadata["partial_fit_calls"]
    searches = {
        "BOHB": bohb,
        "Hyperband": HyperbandSearchCV(
            network(seed), SPACE, PASSES, ETA, n_rounds=n_rounds, **common
        ),
        "random search": RandomizedSearchCV(network(seed), SPACE, n_iter=work // PASSES, **common),
        # On four rungs, each as dear as the others.
        "halving": HalvingRandomSearchCV(
            network(seed),
            SPACE,
            resource="max_iter",
            factor=ETA,
            min_resources=3,
            max_resources=PASSES,
            n_candidates=work // 12,
            **common,
        ),
    }
    found = {}
    for name, search in searches.items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            search.fit(X, y)
        if hasattr(search, "history_"):
            curve = curve_of_history(search)
        elif name == "halving":
            curve = curve_of_results(search, search.cv_results_["n_resources"])
        else:
            curve = curve_of_results(search, [PASSES] * search.n_iter)
        found[name] = curve, search.score(X_test, y_test)
    return found


def best_after(curve, passes: float) -> float:
    """Return the best score of the evaluations that were done within so many passes."""
    return max((score for used, score in curve if used <= passes), default=0.25)


def report(runs) -> None:
    work = work_of(runs)
    marks = [work // 16, work // 8, work // 4, work // 2, work]
    print(f"{len(runs)} seeds; best validation accuracy after passes, mean (standard error)")
    print(" " * 14 + "".join(f"{mark:>16}" for mark in marks) + f"{'test':>16}")
    for name in runs[0]:
        columns = [[best_after(run[name][0], mark) for run in runs] for mark in marks]
        columns.append([run[name][1] for run in runs])
        cells = [f"{np.mean(c):.3f} ({np.std(c) / len(c) ** 0.5:.3f})" for c in columns]
        print(f"{name:14}" + "".join(f"{cell:>16}" for cell in cells))
    print(f"\nthe best score of random search after {work} passes is reached, medians")
    columns = ["after passes", f"{work} :", "its own :", "by"]
    print(" " * 14 + "".join(f"{column:>16}" for column in columns))
    goals = [best_after(run["random search"][0], work) for run in runs]
    own = np.array(passes_until(runs, "random search", goals))
    for name in runs[0]:
        needed = np.array(passes_until(runs, name, goals))
        half = np.median(needed)
        cells = [f"{half:.0f}", f"{work / half:.1f}", f"{np.median(own / needed):.1f}"]
        cells.append(f"{np.isfinite(needed).mean():.0%} of seeds")
        print(f"{name:14}" + "".join(f"{cell:>16}" for cell in cells))


def work_of(runs) -> int:
    """Return how many passes random search took, which is what the others may take."""
    return int(max(used for used, _ in runs[0]["random search"][0]))


def passes_until(runs, name: str, goals) -> list[float]:
    """Return the passes until each run reaches its goal, infinity if it never does."""
    return [
        next((used for used, score in run[name][0] if score >= goal), np.inf)
        for run, goal in zip(runs, goals, strict=True)
    ]


def draw(runs, path: Path) -> None:
    import matplotlib.pyplot as plt

    work = work_of(runs)
    grid = np.arange(1, work + 1)
    figure, axes = plt.subplots(figsize=(7, 4.5), layout="constrained")
    for name in runs[0]:
        scores = np.array([[best_after(run[name][0], p) for p in grid] for run in runs])
        low, high = np.quantile(scores, [0.25, 0.75], axis=0)
        (line,) = axes.plot(grid, scores.mean(axis=0), label=name)
        axes.fill_between(grid, low, high, color=line.get_color(), alpha=0.15)
    axes.set(xlabel="passes through the data", ylabel="best validation accuracy so far")
    axes.set_title(f"mean and quartiles over {len(runs)} seeds")
    axes.legend()
    figure.savefig(path, dpi=120)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--picture", type=Path)
    arguments = parser.parse_args()
    runs = joblib.Parallel(n_jobs=arguments.jobs)(
        joblib.delayed(run)(seed, arguments.rounds) for seed in range(arguments.seeds)
    )
    report(runs)
    if arguments.picture is not None:
        draw(runs, arguments.picture)


if __name__ == "__main__":
    main()

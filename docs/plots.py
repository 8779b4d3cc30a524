"""Draw the pictures of the page on pictures, from a study of real training.

python docs/plots.py [docs/pictures]
"""

from __future__ import annotations

import runpy
import sys
import warnings
from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import optuna
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

import bohb
from bohb import visualization

X, Y = load_digits(return_X_y=True)
X_TRAIN, X_TEST, Y_TRAIN, Y_TEST = train_test_split(X / 16, Y, test_size=0.3, random_state=0)


def train(trial):
    network = MLPClassifier(
        hidden_layer_sizes=(trial.suggest_int("width", 4, 64, log=True),),
        learning_rate_init=trial.suggest_float("learning_rate", 1e-4, 0.3, log=True),
        alpha=trial.suggest_float("decay", 1e-6, 1e-1, log=True),
        activation=trial.suggest_categorical("activation", ["relu", "tanh", "logistic"]),
        batch_size=64,
        random_state=0,
    )
    while True:
        network.partial_fit(X_TRAIN, Y_TRAIN, classes=range(10))
        yield network.score(X_TEST, Y_TEST)


def study_of(seed: int, **options: float) -> bohb.Study:
    study = bohb.create_study(
        direction="maximize",
        sampler=bohb.BOHBSampler(seed=seed, **options),
        pruner=bohb.HyperbandPruner(1, 27),
    )
    study.optimize(train, n_rounds=1, n_jobs=2)
    return study


def population() -> bohb.Study:
    """Return the study of examples/population.py."""
    example = runpy.run_path(str(Path(__file__).parents[1] / "examples" / "population.py"))
    study = bohb.create_study(
        sampler=bohb.BOHBSampler(seed=0),
        pruner=bohb.PopulationPruner(max_resource=60, interval=3, population=8),
    )
    study.optimize(example["objective"], n_jobs=2)
    return study


def draw_front(path: Path) -> None:
    """Draw the front of the page on several objectives."""
    if path.exists():
        return
    page = Path(__file__).parent / "how-to" / "several-objectives.md"
    program = page.read_text().split("```python\n")[1].split("```")[0]
    found: dict[str, Any] = {}
    exec(program, found)  # noqa: S102 - the page's own program
    with plt.style.context("default"):  # Optuna changes the style of all that follows
        axes = optuna.visualization.matplotlib.plot_pareto_front(
            found["study"], target_names=["error", "weights"]
        )
        axes.set_yscale("log")
        axes.figure.savefig(path, dpi=110)


def draw(directory: Path) -> None:
    """Draw all pictures into a directory, unless they are there."""
    mpl.use("agg")
    warnings.simplefilter("ignore")
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    directory.mkdir(exist_ok=True)
    _draw_ours(directory)
    draw_front(directory / "front.png")


def _draw_ours(directory: Path) -> None:
    names = [name for name in visualization.__all__ if name != "plot_learning_curves"]
    paths = {name: directory / f"{name.removeprefix('plot_')}.png" for name in names}
    if all(path.exists() for path in paths.values()):
        return
    ours = [study_of(seed) for seed in range(3)]
    plain = [study_of(seed, random_fraction=1.0) for seed in range(3)]
    for name, path in paths.items():
        plot = getattr(visualization, name)
        if name == "plot_incumbent":
            axes = plot({"bohb": ours, "Hyperband": plain}, over="trainings")
        else:
            axes = plot(population() if name == "plot_lineage" else ours[0])
        axes.figure.savefig(path, dpi=110)
        plt.close(axes.figure)


if __name__ == "__main__":
    draw(Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent / "pictures"))

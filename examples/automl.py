"""A pipeline that tunes itself: preprocessing and three families of estimators in one space.

Each configuration of the conditional space is a whole pipeline for the handwritten digits that ship
with scikit-learn. The resource is the number of samples it is trained on.

    python examples/automl.py [--rounds 3] [--max-samples 898] [--jobs 1] [--picture automl.png]
"""

from __future__ import annotations

import argparse
import itertools
import warnings
from dataclasses import dataclass
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from ConfigSpace import Categorical, ConfigurationSpace, EqualsCondition, Float, Integer
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, train_test_split
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import MinMaxScaler, QuantileTransformer, StandardScaler
from sklearn.svm import SVC

import bohb

SCALERS = {
    "none": "passthrough",
    "standard": StandardScaler(),
    "minmax": MinMaxScaler(),
    "quantile": QuantileTransformer(n_quantiles=30, random_state=0),
}
FAMILIES = {
    "trees": ExtraTreesClassifier(random_state=0),
    "kernel": SVC(),
    "linear": LogisticRegression(max_iter=200),
}
COLORS = {"trees": "tab:green", "kernel": "tab:blue", "linear": "tab:orange"}


def make_space() -> ConfigurationSpace:
    """Return all pipelines: a family's hyperparameters are active if the family is chosen."""
    own = {
        "trees": [
            Integer("trees:n_estimators", (10, 200), log=True),
            Float("trees:max_features", (0.05, 1.0)),
            Integer("trees:min_samples_leaf", (1, 20), log=True),
        ],
        "kernel": [
            Categorical("kernel:kernel", ["rbf", "poly"]),
            Float("kernel:C", (1e-2, 1e3), log=True),
            Float("kernel:gamma", (1e-5, 1e1), log=True),
        ],
        "linear": [Float("linear:C", (1e-4, 1e2), log=True)],
    }
    degree = Integer("kernel:degree", (2, 5))
    scaler = Categorical("scaler", list(SCALERS))
    reduction = Categorical("reduction", ["none", "pca"])
    variance = Float("pca:variance", (0.5, 0.99))
    family = Categorical("family", list(FAMILIES))
    space = ConfigurationSpace()
    space.add(scaler, reduction, variance, family, degree, *itertools.chain(*own.values()))
    space.add(EqualsCondition(variance, reduction, "pca"))
    space.add(EqualsCondition(degree, own["kernel"][0], "poly"))
    for name, hyperparameters in own.items():
        space.add(*(EqualsCondition(each, family, name) for each in hyperparameters))
    return space


def make_model(config: dict) -> Pipeline:
    """Return the pipeline that a configuration stands for."""
    reduction = PCA(config["pca:variance"]) if config["reduction"] == "pca" else "passthrough"
    family = config["family"]
    own = {
        name.partition(":")[2]: value
        for name, value in config.items()
        if name.startswith(f"{family}:")
    }
    # Copies: what is set and trained here is nobody else's.
    model = clone(make_pipeline(SCALERS[config["scaler"]], reduction, FAMILIES[family]))
    return model.set_params(**{f"{model.steps[-1][0]}__{k}": v for k, v in own.items()})


@dataclass(frozen=True)
class ValidationError:
    """The function to be minimised: the share of errors in a cross-validation."""

    samples: np.ndarray
    labels: np.ndarray
    folds: list[tuple[np.ndarray, np.ndarray]]

    def __call__(self, config: dict, n_samples: int) -> float:
        errors = []
        for train, valid in self.folds:
            rows = train[:n_samples]  # they are shuffled, so that these are a fair part
            model = make_model(config).fit(self.samples[rows], self.labels[rows])
            errors.append(1 - model.score(self.samples[valid], self.labels[valid]))
        return float(np.mean(errors))


def draw(study: bohb.Study, path: Path) -> None:
    """Draw all evaluations by family, and how the best one improved."""
    table = study.evaluations_dataframe()
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.5), layout="constrained")
    rng = np.random.default_rng(0)
    for family, color in COLORS.items():
        mine = table[table.params_family == family]
        spread = mine.resource * np.exp(rng.uniform(-0.15, 0.15, len(mine)))
        left.scatter(spread, mine.value, s=14, alpha=0.6, color=color, label=family)
    left.set(xscale="log", yscale="log", xlabel="training samples", ylabel="validation error")
    left.set_xticks(levels := sorted(table.resource.unique()), [f"{level:g}" for level in levels])
    left.minorticks_off()
    left.legend(title="family")
    left.set_title(f"{len(table)} evaluations of {len(study.trials)} pipelines")
    done = table.sort_values(["bracket", "rung", "number"])
    spent = done.resource.cumsum() / done.resource.max()
    top = done.value.where(done.resource == done.resource.max()).cummin().ffill()
    right.step(spent, top, where="post", color="black")
    right.set(xlabel="work, in full trainings", ylabel="validation error")
    right.set(xlim=(0, None), ylim=(0, 1.1 * top.max()))
    right.set_title("the best at all samples so far")
    figure.savefig(path, dpi=120)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--max-samples", type=int)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--picture", type=Path, default=Path("automl.png"))
    arguments = parser.parse_args()

    samples, labels = load_digits(return_X_y=True)
    rest, held_out, rest_labels, held_out_labels = train_test_split(
        samples, labels, test_size=450, stratify=labels, random_state=0
    )
    # Some of the pipelines need more iterations or samples than they are given, and are judged so.
    warnings.filterwarnings("ignore", category=ConvergenceWarning)
    rng = np.random.default_rng(0)
    splits = StratifiedKFold(3, shuffle=True, random_state=0).split(rest, rest_labels)
    folds = [(rng.permutation(train), valid) for train, valid in splits]
    function = ValidationError(rest, rest_labels, folds)
    n_samples = min(len(train) for train, _ in folds)
    n_samples = min(arguments.max_samples or n_samples, n_samples)
    found = bohb.minimize(
        function,
        make_space(),
        min_resource=n_samples // 27,
        max_resource=n_samples,
        n_rounds=arguments.rounds,
        seed=0,
        n_jobs=arguments.jobs,
        show_progress_bar=True,
    )
    print(found.study.plan(arguments.rounds), "\n\nBest pipeline:")
    for name, value in found.config.items():
        print(f"  {name:22} {value if isinstance(value, str) else f'{value:.4g}'}")
    print(f"\nvalidation error {found.loss:.2%}")
    print("\nheld-out accuracy, trained on all other samples:")
    models = {
        f"{name}, untuned": make_pipeline(StandardScaler(), e) for name, e in FAMILIES.items()
    }
    for name, model in {"tuned": make_model(found.config), **models}.items():
        accuracy = model.fit(rest, rest_labels).score(held_out, held_out_labels)
        print(f"  {name:22} {accuracy:.2%}")
    draw(found.study, arguments.picture)
    print(f"\nPicture: {arguments.picture}")


if __name__ == "__main__":
    main()

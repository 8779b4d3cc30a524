"""Tune a neural network on handwritten digits, and compare with random search at equal cost.

The objective is a generator: it trains one epoch and yields the validation error, over and over.
Between rungs it waits in memory, so that no epoch is ever trained twice.

    python examples/digits.py [--max-epochs 81] [--picture demo-learning-curves.png]
"""

import argparse
import logging
from collections import Counter

import matplotlib as mpl
import numpy as np
import optuna
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from threadpoolctl import threadpool_limits

import bohb
from bohb.visualization import plot_rungs

images, labels = load_digits(return_X_y=True)
images = images / 16
rest, test_images, rest_labels, test_labels = train_test_split(
    images, labels, test_size=0.25, stratify=labels, random_state=0
)
train_images, valid_images, train_labels, valid_labels = train_test_split(
    rest, rest_labels, test_size=1 / 3, stratify=rest_labels, random_state=0
)
classes = np.unique(labels)
epochs_trained = Counter()


def network(trial):
    """Return an untrained network with the hyperparameters of `trial`."""
    width = trial.suggest_int("width", 4, 128, log=True)
    depth = trial.suggest_int("depth", 1, 4)
    return MLPClassifier(
        hidden_layer_sizes=[width] * depth,
        activation=trial.suggest_categorical("activation", ["relu", "tanh", "logistic"]),
        solver=trial.suggest_categorical("solver", ["adam", "sgd"]),
        learning_rate_init=trial.suggest_float("learning_rate", 1e-5, 1, log=True),
        alpha=trial.suggest_float("alpha", 1e-6, 10, log=True),
        batch_size=trial.suggest_int("batch_size", 32, 256, log=True),
        random_state=0,
    )


def objective(trial):
    """Train a network, and yield its validation error after each epoch."""
    model = network(trial)
    while True:
        model.partial_fit(train_images, train_labels, classes=classes)
        epochs_trained[trial.study.study_name] += 1
        yield 1 - model.score(valid_images, valid_labels)


def test_accuracy(params, max_epochs):
    """Train the configuration `params` again and return its accuracy on images never used."""
    model = network(optuna.trial.FixedTrial(params))
    for _ in range(max_epochs):
        model.partial_fit(train_images, train_labels, classes=classes)
    return model.score(test_images, test_labels)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--max-epochs", type=int, default=81)
    parser.add_argument("--picture", default="demo-learning-curves.png")
    arguments = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    logging.getLogger("bohb").setLevel(logging.ERROR)  # some learning rates diverge, and may

    study = bohb.create_study(
        study_name="BOHB on digits",
        sampler=bohb.BOHBSampler(seed=0),
        pruner=bohb.HyperbandPruner(min_resource=1, max_resource=arguments.max_epochs),
    )
    plan = study.plan()
    print(plan, "\n")
    study.optimize(objective, n_rounds=1, catch=ValueError, show_progress_bar=True)

    epochs = epochs_trained[study.study_name]
    evaluations = len(study.evaluations_dataframe())
    print(f"\nplanned: {plan.n_trials} trials, {plan.n_evaluations} evaluations, ", end="")
    print(f"{plan.resource_continued} epochs")
    print(f"run:     {len(study.trials)} trials, {evaluations} evaluations, {epochs} epochs")

    print("\nRandom search with at most as many epochs:")
    random_search = bohb.create_study(
        study_name="random search",
        sampler=optuna.samplers.RandomSampler(seed=0),
        pruner=bohb.HyperbandPruner(arguments.max_epochs, arguments.max_epochs),
    )
    random_search.optimize(
        objective, total_resource=epochs, catch=ValueError, show_progress_bar=True
    )

    print("\nBest configuration:")
    for name, value in study.best_params.items():
        print(f"  {name:15} {value:.4g}" if isinstance(value, float) else f"  {name:15} {value}")
    print(f"\n{'':15} trials  validation error  held-out accuracy")
    for name, each in (("BOHB", study), ("random search", random_search)):
        accuracy = test_accuracy(each.best_params, arguments.max_epochs)
        print(f"{name:15} {len(each.trials):6}  {each.best_value:16.2%}  {accuracy:17.2%}")

    mpl.use("agg")
    plot_rungs(study).figure.savefig(arguments.picture, dpi=150)
    print(f"\nPicture: {arguments.picture}")


if __name__ == "__main__":
    with threadpool_limits(1):  # matrices so small are multiplied faster by one thread than by many
        main()

"""
As many layers as there are widths
==================================

A conditional space can also be written in the objective, as in Optuna: a parameter that is not
asked for is not there. The model knows that a width of the third layer belongs to networks of
three.
"""

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

import bohb

data = load_digits(return_X_y=True)
train, test, train_labels, test_labels = train_test_split(*data, test_size=0.5, random_state=0)


def objective(trial):
    n_layers = trial.suggest_int("layers", 1, 3)
    widths = [trial.suggest_int(f"width{i}", 4, 64, log=True) for i in range(n_layers)]
    network = MLPClassifier(
        widths,
        solver=trial.suggest_categorical("solver", ["adam", "sgd"]),
        learning_rate_init=trial.suggest_float("rate", 1e-4, 1e-1, log=True),
        random_state=0,
    )
    while True:
        network.partial_fit(train, train_labels, classes=np.arange(10))
        yield 1 - network.score(test, test_labels)


study = bohb.create_study(sampler=bohb.BOHBSampler(seed=0), pruner=bohb.HyperbandPruner(1, 27))
study.optimize(objective, n_rounds=1)
print(f"{study.best_value:.1%} wrong with {study.best_params}")
print(study.explain(study.best_trial.number))

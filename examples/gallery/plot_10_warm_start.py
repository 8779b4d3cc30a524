"""
Start from earlier results
==========================

A study on half of the data teaches the model of the next one: its trials are not counted, but
they are learned from.
"""

import numpy as np
from sklearn.datasets import load_digits
from sklearn.neural_network import MLPClassifier

import bohb

images, labels = load_digits(return_X_y=True)


def objective_of(n_samples):
    def objective(trial):
        network = MLPClassifier(
            (trial.suggest_int("width", 4, 128, log=True),),
            learning_rate_init=trial.suggest_float("rate", 1e-4, 1e-1, log=True),
            alpha=trial.suggest_float("alpha", 1e-6, 1.0, log=True),
            random_state=0,
        )
        while True:
            network.partial_fit(images[:n_samples], labels[:n_samples], classes=np.arange(10))
            yield 1 - network.score(images[900:], labels[900:])

    return objective


def new_study():
    return bohb.create_study(sampler=bohb.BOHBSampler(seed=1), pruner=bohb.HyperbandPruner(1, 27))


earlier = new_study()
earlier.optimize(objective_of(300))
cold, warm = new_study(), new_study()
print(f"{warm.add_trials_from(earlier)} trials are learned from")
cold.optimize(objective_of(900), n_brackets=1)
warm.optimize(objective_of(900), n_brackets=1)
print(f"after one bracket: {cold.best_value:.1%} wrong without, {warm.best_value:.1%} with them")

# %%
# The incumbents of both, over the resource.

from bohb import visualization

visualization.plot_incumbent({"from nothing": cold, "from earlier results": warm})

"""
A first study
=============

A neural network on handwritten digits. The objective is that of any Optuna program: it suggests
values, reports after each epoch and asks whether it should stop. The brackets of Hyperband decide
how far each network is trained, and the model which one is tried next.
"""

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

import bohb

data = load_digits(return_X_y=True)
train, test, train_labels, test_labels = train_test_split(*data, test_size=0.5, random_state=0)


def objective(trial):
    network = MLPClassifier(
        (trial.suggest_int("width", 4, 128, log=True),),
        learning_rate_init=trial.suggest_float("rate", 1e-4, 1e-1, log=True),
        alpha=trial.suggest_float("alpha", 1e-6, 1.0, log=True),
        random_state=0,
    )
    for epoch in range(1, 28):
        network.partial_fit(train, train_labels, classes=np.arange(10))
        error = 1 - network.score(test, test_labels)
        trial.report(error, epoch)
        if trial.should_prune():
            raise bohb.TrialPruned
    return error


# %%
# The whole schedule is known before anything is trained.

pruner = bohb.HyperbandPruner(min_resource=1, max_resource=27)
study = bohb.create_study(sampler=bohb.BOHBSampler(seed=0), pruner=pruner)
print(study.plan())

# %%

study.optimize(objective, n_rounds=1)
print(f"{study.best_value:.1%} wrong with {study.best_params}")

# %%
# Each curve is a network. It ends where its rung has dropped it; the short strokes are the cuts.

from bohb import visualization

visualization.plot_rungs(study)

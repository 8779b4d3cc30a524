"""
A generator that waits in memory
================================

An objective that yields its value after each epoch is paused at a rung, with its network in
memory. If it is promoted it goes on from there: no epoch is trained twice, and no checkpoint is
written.
"""

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

import bohb

data = load_digits(return_X_y=True)
train, test, train_labels, test_labels = train_test_split(*data, test_size=0.5, random_state=0)
n_epochs = 0


def objective(trial):
    global n_epochs
    network = MLPClassifier(
        (trial.suggest_int("width", 4, 128, log=True),),
        learning_rate_init=trial.suggest_float("rate", 1e-4, 1e-1, log=True),
        random_state=0,
    )
    while True:
        network.partial_fit(train, train_labels, classes=np.arange(10))
        n_epochs += 1
        yield 1 - network.score(test, test_labels)


study = bohb.create_study(sampler=bohb.BOHBSampler(seed=0), pruner=bohb.HyperbandPruner(1, 27))
plan = study.plan()
study.optimize(objective, n_rounds=1)
print(f"planned: {plan.resource_continued} epochs ({plan.resource_restarted} if each began anew)")
print(f"trained: {n_epochs} epochs, best error {study.best_value:.1%}")

# %%
# The brackets: how many trials have come how far, and what became of them.

from bohb import visualization

visualization.plot_brackets(study)

"""
Error and size at once
======================

With two directions rungs promote by fronts: first the networks that no other one beats in both.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

import bohb

data = load_digits(return_X_y=True)
train, test, train_labels, test_labels = train_test_split(*data, test_size=0.5, random_state=0)


def objective(trial):
    width = trial.suggest_int("width", 2, 256, log=True)
    network = MLPClassifier(
        (width,),
        learning_rate_init=trial.suggest_float("rate", 1e-4, 1e-1, log=True),
        random_state=0,
    )
    while True:
        network.partial_fit(train, train_labels, classes=np.arange(10))
        yield 1 - network.score(test, test_labels), 74 * width


study = bohb.create_study(
    directions=["minimize", "minimize"],
    sampler=bohb.BOHBSampler(seed=0),
    pruner=bohb.HyperbandPruner(1, 27),
)
study.optimize(objective, n_rounds=2)
front = sorted(trial.values for trial in study.best_trials)
for error, weights in front:
    print(f"{error:6.1%} wrong with {weights:7,.0f} weights")

# %%
# All networks at the highest resource, and the front.

complete = [trial.values for trial in study.trials if trial.state.name == "COMPLETE"]
figure, axes = plt.subplots()
axes.plot(*zip(*complete, strict=True), "o", color="#bbbbbb", label="fully trained")
axes.plot(*zip(*front, strict=True), "o-", color="#D55E00", label="front")
axes.set(xlabel="error", ylabel="weights", yscale="log")
axes.legend()

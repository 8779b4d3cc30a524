"""
Trees that go on growing: LightGBM
==================================

The resource is the number of trees. A generator keeps the booster in memory between its rungs.
"""

import lightgbm
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split

import bohb
from bohb import visualization

data = load_breast_cancer(return_X_y=True)
train, test, train_labels, test_labels = train_test_split(*data, test_size=0.4, random_state=0)


def objective(trial):
    params = {
        "objective": "binary",
        "learning_rate": trial.suggest_float("learning_rate", 1e-2, 1, log=True),
        "num_leaves": trial.suggest_int("num_leaves", 2, 64, log=True),
        "min_data_in_leaf": trial.suggest_int("min_data_in_leaf", 1, 50, log=True),
        "seed": 0,
        "num_threads": 1,
        "verbose": -1,
    }
    known = lightgbm.Dataset(train, train_labels)
    booster = lightgbm.Booster(params, known)
    booster.add_valid(lightgbm.Dataset(test, test_labels, reference=known), "test")
    while True:
        booster.update()
        yield booster.eval_valid()[0][2]


study = bohb.create_study(sampler=bohb.BOHBSampler(seed=0), pruner=bohb.HyperbandPruner(1, 81))
study.optimize(objective)
print(f"log loss {study.best_value:.4f} with {study.best_params}")

# %%
# What the model expects of a rate and a number of leaves, with the trials that it has seen.

visualization.plot_model(study, ["learning_rate", "num_leaves"])

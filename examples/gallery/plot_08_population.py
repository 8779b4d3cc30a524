"""
A schedule of the learning rate
===============================

Population based training: after each interval the worst members give way to children of the best,
which go on from copies of their checkpoints with other values. What the best was trained with is
a schedule, found in one run.
"""

import pickle

import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import SGDClassifier
from sklearn.model_selection import train_test_split

import bohb

data = load_digits(return_X_y=True)
train, test, train_labels, test_labels = train_test_split(*data, test_size=0.5, random_state=0)


def objective(trial):
    rate = trial.suggest_float("rate", 1e-4, 1, log=True)
    file = trial.checkpoint_dir / "model.pickle"
    model = SGDClassifier(loss="log_loss", learning_rate="constant", eta0=rate, random_state=0)
    if file.exists():  # a child has its parent's from the start
        model = pickle.loads(file.read_bytes()).set_params(eta0=rate)  # noqa: S301 - our own
    for _ in range(trial.previous_resource, trial.resource):
        model.partial_fit(train / 16, train_labels, classes=np.arange(10))
    file.write_bytes(pickle.dumps(model))
    chances = model.predict_proba(test / 16)[np.arange(len(test)), test_labels]
    return float(-np.log(np.maximum(chances, 1e-12)).mean())


pruner = bohb.PopulationPruner(max_resource=40, interval=4, population=8)
study = bohb.create_study(sampler=bohb.BOHBSampler(seed=0), pruner=pruner)
study.optimize(objective)
print(f"loss {study.best_value:.4f}")
for stretch in study.lineage():
    print(f"epochs {stretch.begin:2} to {stretch.end:2}: rate {stretch.params['rate']:.4f}")

# %%
# The schedule of the best member, and those of the others.

from bohb import visualization

visualization.plot_lineage(study)

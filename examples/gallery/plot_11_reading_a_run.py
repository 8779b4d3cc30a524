"""
Reading a run
=============

Why was a trial dropped, do the rungs agree, what does the model think, and what should be
changed? A study answers all of it from its storage, also long after.
"""

import numpy as np
from sklearn.datasets import load_digits
from sklearn.neural_network import MLPClassifier

import bohb
from bohb import visualization

images, labels = load_digits(return_X_y=True)


def objective(trial):
    network = MLPClassifier(
        (trial.suggest_int("width", 4, 128, log=True),),
        learning_rate_init=trial.suggest_float("rate", 1e-4, 1e-1, log=True),
        alpha=trial.suggest_float("alpha", 1e-6, 1.0, log=True),
        random_state=0,
    )
    while True:
        network.partial_fit(images[:900], labels[:900], classes=np.arange(10))
        yield 1 - network.score(images[900:], labels[900:])


study = bohb.create_study(sampler=bohb.BOHBSampler(seed=0), pruner=bohb.HyperbandPruner(1, 27))
study.optimize(objective, n_rounds=1)
print(study.explain(17))

# %%

for advice in study.advice():
    print(advice.text)
print(study.evaluations_dataframe().groupby("resource").value.describe().round(3))

# %%
# Do short trainings rank as long ones do?

visualization.plot_rank_correlation(study)

# %%
# Where the model expects good configurations, over two parameters.

visualization.plot_model(study, ["width", "rate"])

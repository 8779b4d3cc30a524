"""
Processes of one machine
========================

Four processes train at the same time. The brackets are those of the plan, whoever finishes first,
and free workers begin with the next bracket while a rung waits.
"""

import numpy as np
from sklearn.datasets import load_digits
from sklearn.neural_network import MLPClassifier

import bohb
from bohb.executors import ProcessExecutor

images, labels = load_digits(return_X_y=True)


def objective(trial):
    network = MLPClassifier(
        (trial.suggest_int("width", 4, 128, log=True),),
        learning_rate_init=trial.suggest_float("rate", 1e-4, 1e-1, log=True),
        random_state=0,
    )
    while True:
        network.partial_fit(images[:900], labels[:900], classes=np.arange(10))
        yield 1 - network.score(images[900:], labels[900:])


if __name__ == "__main__":  # processes import this file
    study = bohb.create_study(sampler=bohb.BOHBSampler(seed=0), pruner=bohb.HyperbandPruner(1, 27))
    with ProcessExecutor(4) as executor:
        study.optimize(objective, executor=executor)
    print(f"{len(study.trials)} trials, best error {study.best_value:.1%}")

    # %%
    # Who worked on what, and when.

    from bohb import visualization

    visualization.plot_timeline(study)

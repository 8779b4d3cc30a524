"""
A Dask cluster
==============

The legs of a study run on the workers of a cluster: here a local one, in the same way one of
Slurm or Kubernetes.
"""

import numpy as np
from distributed import Client, LocalCluster
from sklearn.datasets import load_digits
from sklearn.neural_network import MLPClassifier

import bohb

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


if __name__ == "__main__":  # workers import this file
    cluster = LocalCluster(n_workers=2, processes=False, dashboard_address="127.0.0.1:0")
    with cluster, Client(cluster) as client:
        study = bohb.create_study(
            sampler=bohb.BOHBSampler(seed=0), pruner=bohb.HyperbandPruner(1, 27)
        )
        study.optimize(objective, executor=client)
    print(f"{len(study.trials)} trials, best error {study.best_value:.1%}")

    # %%
    # How the best error falls, in full trainings of resource.

    from bohb import visualization

    visualization.plot_incumbent(study, over="trainings")

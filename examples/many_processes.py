"""One of as many processes as you like that tune the same network on the handwritten digits.

Start it in several terminals, as the tasks of a job array, or on several machines: whoever comes
first leads, and the others work for it. What they share is the storage, a file or a database.

    python examples/many_processes.py --storage digits.journal &
    python examples/many_processes.py --storage digits.journal &
    wait

A SIGTERM, as a scheduler sends it before it ends a job, hands the leg under way back.
"""

from __future__ import annotations

import argparse
import logging
import os
from pathlib import Path

import numpy as np
import optuna
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

import bohb

SPACE = {
    "rate": optuna.distributions.FloatDistribution(1e-4, 1e-1, log=True),
    "alpha": optuna.distributions.FloatDistribution(1e-6, 1e-1, log=True),
    "units": optuna.distributions.IntDistribution(8, 128, log=True),
}


def objective(trial: bohb.Trial):
    """Train a network pass by pass; it waits in this process until its trial is promoted."""
    trial.set_user_attr("process", os.getpid())
    x, y = load_digits(return_X_y=True)
    x_train, x_valid, y_train, y_valid = train_test_split(x / 16, y, random_state=0)
    params = trial.params
    network = MLPClassifier(
        (params["units"],),
        learning_rate_init=params["rate"],
        alpha=params["alpha"],
        random_state=0,
    )
    while True:
        network.partial_fit(x_train, y_train, classes=np.unique(y))
        yield 1 - network.score(x_valid, y_valid)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--storage", default="digits.journal", help="a file, or a database's URL")
    parser.add_argument("--rounds", type=int, default=1)
    arguments = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    logging.getLogger("bohb.study").setLevel(logging.INFO)  # who leads, and who has joined
    storage = arguments.storage if "://" in arguments.storage else Path(arguments.storage)
    study = bohb.create_study(
        study_name="digits",
        storage=storage,
        sampler=bohb.BOHBSampler(seed=0),
        pruner=bohb.HyperbandPruner(1, 27),
        space=SPACE,
        load_if_exists=True,
    )
    with bohb.signals_interrupt():
        study.optimize(objective, n_rounds=arguments.rounds, in_total=True)
    mine = sum(trial.user_attrs.get("process") == os.getpid() for trial in study.trials)
    best = study.incumbent()
    print(f"process {os.getpid()} began {mine} of {len(study.trials)} trials")
    print(f"the best error is {best.value:.4f} after {best.resource} passes, with {best.params}")


if __name__ == "__main__":
    main()

"""Find a schedule of the learning rate while training: population based training on real data.

    python examples/population.py [--max-epochs 60]

A linear model is trained on the handwritten digits by stochastic gradient descent, one image at a
time. A constant learning rate is too slow if it is small, and never settles if it is large. A
population of 8 models is trained side by side; after each interval the worst go on from a copy of
the best, with other learning rates. The schedule that the best one was trained with is printed, and
beside it what each of 12 constant rates comes to in as many epochs.
"""

from __future__ import annotations

import argparse
import logging

import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import SGDClassifier
from sklearn.metrics import log_loss

import bohb

X, y = load_digits(return_X_y=True)
X = X / 16
CLASSES = np.unique(y)


class Training:
    """A linear model that is trained an epoch at a time, and saved and loaded between two."""

    def __init__(self, rate: float) -> None:
        self.model = SGDClassifier(
            loss="log_loss", alpha=1e-6, learning_rate="constant", eta0=rate, shuffle=False
        )
        self.epoch = 0

    def load(self, path: str) -> None:
        """Go on from what another training has saved, with the learning rate of this one."""
        with np.load(path) as saved:
            self.model.partial_fit(X[:1], y[:1], classes=CLASSES)
            self.model.coef_, self.model.intercept_ = saved["coef"], saved["intercept"]
            self.epoch = int(saved["epoch"])

    def save(self, path: str) -> None:
        """Save the weights."""
        coef, intercept = self.model.coef_, self.model.intercept_
        np.savez(path, coef=coef, intercept=intercept, epoch=self.epoch)

    def train(self) -> float:
        """Train for an epoch, and return the loss on all images."""
        order = np.random.default_rng(self.epoch).permutation(len(y))
        self.model.partial_fit(X[order], y[order], classes=CLASSES)
        self.epoch += 1
        return float(log_loss(y, self.model.predict_proba(X)))


def objective(trial: bohb.Trial) -> float:
    training = Training(trial.suggest_float("rate", 1e-4, 1, log=True))
    checkpoint = trial.checkpoint_dir / "weights.npz"
    if checkpoint.exists():
        training.load(str(checkpoint))
    loss = np.inf
    while training.epoch < trial.resource:
        loss = training.train()
    training.save(str(checkpoint))
    return loss


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--max-epochs", type=int, default=60)
    arguments = parser.parse_args()
    logging.getLogger("bohb").setLevel(logging.ERROR)
    pruner = bohb.PopulationPruner(max_resource=arguments.max_epochs, interval=3, population=8)
    study = bohb.create_study(sampler=bohb.BOHBSampler(seed=0), pruner=pruner)
    print(study.plan(), "\n")
    study.optimize(objective, n_jobs=2, show_progress_bar=True)

    print("\nThe schedule of the best trial:")
    for stretch in study.lineage():
        print(f"  epochs {stretch.begin:3} to {stretch.end:3}: rate {stretch.params['rate']:.4f}")
    print(f"Its loss at the end: {study.best_value:.5f}")

    losses = {}
    for rate in np.geomspace(1e-2, 1, 12):
        training = Training(rate)
        losses[rate] = [training.train() for _ in range(arguments.max_epochs)][-1]
    best = min(losses, key=lambda rate: losses[rate])
    print(f"The best of 12 constant rates: {best:.4f}, with loss {losses[best]:.5f}")


if __name__ == "__main__":
    main()

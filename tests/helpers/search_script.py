"""A search in a storage, to be killed: a number as argument says at which fit."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from scipy import stats
from sklearn.datasets import load_iris
from sklearn.linear_model import SGDClassifier

from bohb.sklearn import BOHBSearchCV

X, y = load_iris(return_X_y=True)
FITS = Path("fits.txt")


class Mortal(SGDClassifier):
    def partial_fit(self, X, y, classes=None, sample_weight=None):
        with FITS.open("a") as file:
            file.write("x")
        if FITS.stat().st_size == int(sys.argv[1]):
            os.kill(os.getpid(), signal.SIGKILL)
        return super().partial_fit(X, y, classes, sample_weight)


def main():
    search = BOHBSearchCV(
        Mortal(random_state=0),
        {"alpha": stats.loguniform(1e-6, 1), "eta0": stats.expon(scale=0.1)},
        max_resource=9,
        cv=3,
        random_state=None if len(sys.argv) > 2 else 0,
        storage=Path("search.journal"),
        refit=False,
    )
    search.fit(X, y)
    scores = search.cv_results_["mean_test_score"].tolist()
    print(search.best_params_, search.best_score_, search.metadata_ == search.metadata, scores)


if __name__ == "__main__":
    main()

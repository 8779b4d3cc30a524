"""Estimators that count what they are trained with, and one that ends its process."""

from __future__ import annotations

import os
from collections import Counter

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.tree import DecisionTreeClassifier

UNITS: Counter[tuple] = Counter()  # by quality, rows of the fold, and unit


class _Counting(ClassifierMixin, BaseEstimator):
    """Predicts the better the larger its quality and the longer it was trained."""

    def _train(self, X, y, n_units, before):
        self.classes_ = np.unique(y)
        self.n_features_in_ = X.shape[1]
        for unit in range(before + 1, before + n_units + 1):
            UNITS[self.quality, X[:, 0].sum(), unit] += 1
        self.trained_ = before + n_units

    def predict(self, X):
        n_right = int(len(X) * (1 - (1 - self.quality) / self.trained_))
        labels = (X[:, 0] % 2).astype(int)
        return np.where(np.arange(len(X)) < n_right, labels, 1 - labels)


class Partial(_Counting):
    def __init__(self, quality=0.5, max_iter=5):
        self.quality = quality
        self.max_iter = max_iter

    def partial_fit(self, X, y, classes=None):
        if not hasattr(self, "trained_"):
            assert classes is not None
        self._train(X, y, 1, getattr(self, "trained_", 0))
        return self

    def fit(self, X, y):
        raise NotImplementedError("only partial_fit is to be called")


class Warm(_Counting):
    """Grows to `n_estimators`, like a forest; each call does `max_iter` more, like a network."""

    def __init__(self, quality=0.5, n_estimators=27, warm_start=False):
        self.quality = quality
        self.n_estimators = n_estimators
        self.warm_start = warm_start

    def fit(self, X, y):
        before = getattr(self, "trained_", 0) if self.warm_start else 0
        self._train(X, y, self.n_estimators - before, before)
        return self


class WarmPerCall(_Counting):
    def __init__(self, quality=0.5, max_iter=27, warm_start=False):
        self.quality = quality
        self.max_iter = max_iter
        self.warm_start = warm_start

    def fit(self, X, y):
        before = getattr(self, "trained_", 0) if self.warm_start else 0
        self._train(X, y, self.max_iter, before)
        return self


class Cold(_Counting):
    def __init__(self, quality=0.5, n_estimators=27):
        self.quality = quality
        self.n_estimators = n_estimators

    def fit(self, X, y):
        self._train(X, y, self.n_estimators, 0)
        return self


class Dying(DecisionTreeClassifier):
    """Ends its process at the largest resource if it is too good."""

    def __init__(self, n_estimators=9, quality=0.5):
        super().__init__(max_depth=3)
        self.n_estimators = n_estimators
        self.quality = quality

    def fit(self, X, y, sample_weight=None, check_input=True):
        if self.n_estimators == 9 and self.quality > 0.4:
            os._exit(1)
        return super().fit(X, y, sample_weight, check_input)

    def score(self, X, y, sample_weight=None):
        return self.quality


def data(n_samples=60):
    """Return samples whose number and label are in their first column."""
    numbers = np.arange(n_samples, dtype=float)
    return np.column_stack([numbers, np.zeros(n_samples)]), (numbers % 2).astype(int)

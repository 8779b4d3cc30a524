"""Gaussian-process regression with one length scale per input and one noise per group of points.

The equations are those of Rasmussen & Williams 2006, *Gaussian Processes for Machine Learning*.
Inputs come as squared distances, so that the caller can define them differently for numbers, for
choices and for parameters that are missing: one array for each input where the length scales are
fitted, and one array of all of them together, weighted, where they are known.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.linalg.lapack import dpotrf, dpotri, dpotrs, dtrtrs
from scipy.optimize import minimize

from bohb.model.arrays import FloatArray, IndexArray

_JITTER = 1e-8  # added to the diagonal, times the signal's variance, for the factorisation
_LEAST_VARIANCE = 1e-12  # times the signal's: rounding may make a predicted variance negative
_IMPOSSIBLE = 1e10  # a negative log posterior for hyperparameters that cannot be computed with


@dataclass(frozen=True, slots=True)
class Hyperparameters:
    """The hyperparameters of a Gaussian process, as logarithms.

    Attributes
    ----------
    log_scales
        The logarithms of the length scales, shape (p,).
    log_signal
        The logarithm of the variance of the function.
    log_noise
        The logarithms of the variance of the noise of each group, shape (g,).
    """

    log_scales: FloatArray
    log_signal: float
    log_noise: FloatArray

    @classmethod
    def of(cls, vector: FloatArray, n_scales: int) -> Hyperparameters:
        """Return the hyperparameters that `vector` holds one after another."""
        return cls(vector[:n_scales], float(vector[n_scales]), vector[n_scales + 1 :])

    @property
    def vector(self) -> FloatArray:
        """All of them one after another, shape (p + 1 + g,)."""
        return np.concatenate([self.log_scales, np.array([self.log_signal]), self.log_noise])

    @property
    def weights(self) -> FloatArray:
        """What a squared distance along each input counts, shape (p,)."""
        return np.asarray(np.exp(-2 * self.log_scales))

    def covariance(self, distances: FloatArray) -> FloatArray:
        """Return the covariance of the function, shape (n, m), for weighted squared distances.

        The Matern kernel with nu = 5/2 (eq. 4.17).
        """
        root = np.sqrt(5 * distances)
        covariance = 1 + root
        covariance += (5 / 3) * distances
        covariance *= np.exp(self.log_signal - root)
        return np.asarray(covariance)


@dataclass(frozen=True, slots=True)
class Belief:
    """Independent normal distributions of the hyperparameters before anything was seen."""

    mean: Hyperparameters
    deviation: Hyperparameters


class LogPosterior:
    """The log posterior of hyperparameters given the data, up to a constant.

    Parameters
    ----------
    squared
        The squared distances between all points, shape (p, n, n).
    targets
        Their values, shape (n,).
    groups
        The group of the noise of each point, from 0 on, shape (n,).
    belief
        The prior of the hyperparameters.
    """

    def __init__(
        self, squared: FloatArray, targets: FloatArray, groups: IndexArray, belief: Belief
    ) -> None:
        self._n = len(targets)
        # All matrices are symmetric: half of each pair is enough.
        rows, columns = self._pairs = np.tril_indices(self._n)
        self._places = columns * self._n + rows  # as LAPACK has them in memory
        self._count = np.where(rows == columns, 1.0, 2.0)  # of each pair in the whole matrix
        self._diagonal = np.flatnonzero(rows == columns)
        self._squared = np.ascontiguousarray(squared[:, rows, columns])
        self._targets, self._groups = targets, groups
        self._mean, self._deviation = belief.mean.vector, belief.deviation.vector
        self._n_groups = len(belief.mean.log_noise)

    def negative(self, vector: FloatArray) -> tuple[float, FloatArray]:
        """Return the negative log posterior and its gradient (eqs. 2.30 and 5.9)."""
        n = self._n
        hyperparameters = Hyperparameters.of(vector, len(self._squared))
        weights = hyperparameters.weights
        noise = np.exp(hyperparameters.log_noise)
        jitter = _JITTER * math.exp(hyperparameters.log_signal)

        distances = weights @ self._squared
        root = np.sqrt(5 * distances)
        decay = np.exp(hyperparameters.log_signal - root)
        by_distance = (1 + root) * decay
        signal = by_distance + (5 / 3) * distances * decay

        noisy = np.zeros(n * n)
        noisy[self._places] = signal
        noisy[:: n + 1] += noise[self._groups] + jitter
        factor, failed = dpotrf(noisy.reshape((n, n), order="F"), lower=1, clean=0, overwrite_a=1)
        if failed:
            return _IMPOSSIBLE, np.zeros_like(vector)
        solved, _ = dpotrs(factor, self._targets, lower=1)
        log_likelihood = -0.5 * self._targets @ solved - np.log(np.diagonal(factor)).sum()

        inverse, _ = dpotri(factor, lower=1, overwrite_c=1)
        # Twice the derivative of the log likelihood by the covariance.
        rows, columns = self._pairs
        slope = solved[rows] * solved[columns] - inverse.ravel(order="F")[self._places]
        own = slope[self._diagonal]
        slope *= self._count
        # Its sum with the weighted squared distances is twice the derivative by a log length scale.
        by_distance *= (5 / 3) * slope
        gradient = 0.5 * np.concatenate(
            [
                weights * (self._squared @ by_distance),
                [signal @ slope + jitter * own.sum()],
                noise * np.bincount(self._groups, weights=own, minlength=self._n_groups),
            ]
        )
        distance = (vector - self._mean) / self._deviation
        value = log_likelihood - 0.5 * distance @ distance
        return -value, distance / self._deviation - gradient


def fit(
    squared: FloatArray,
    targets: FloatArray,
    groups: IndexArray,
    belief: Belief,
    *,
    max_iterations: int = 15,
) -> Hyperparameters:
    """Return hyperparameters of high posterior, found by a search from the prior's mean on.

    The arguments are those of `LogPosterior`.
    """
    mean, deviation = belief.mean.vector, belief.deviation.vector
    found = minimize(
        LogPosterior(squared, targets, groups, belief).negative,
        mean,
        jac=True,
        method="L-BFGS-B",
        bounds=np.column_stack([mean - 4 * deviation, mean + 4 * deviation]),
        options={"maxiter": max_iterations},
    )
    return Hyperparameters.of(found.x, len(squared))


class GaussianProcess:
    """The posterior of a function with prior mean zero, given noisy values of it.

    Parameters
    ----------
    hyperparameters
        The hyperparameters of its prior and of the noise.
    distances
        The squared distances between all points, weighted by the length scales, shape (n, n).
    targets
        The values there, shape (n,).
    groups
        The group of the noise of each point, from 0 on, shape (n,).
    """

    def __init__(
        self,
        hyperparameters: Hyperparameters,
        distances: FloatArray,
        targets: FloatArray,
        groups: IndexArray,
    ) -> None:
        self.hyperparameters = hyperparameters
        self._signal = math.exp(hyperparameters.log_signal)
        covariance = hyperparameters.covariance(distances)
        noise = np.exp(hyperparameters.log_noise)[groups]
        covariance[np.diag_indices(len(targets))] += noise
        self._factor = _factor(covariance, _JITTER * self._signal)
        self._solved, _ = dpotrs(self._factor, targets, lower=1)

    def predict(self, distances: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the mean and the standard deviation of the function (eqs. 2.25 and 2.26).

        `distances` are those of m places to the n points, shape (m, n).
        """
        covariance = self.hyperparameters.covariance(distances)
        mean = covariance @ self._solved
        explained, _ = dtrtrs(self._factor, covariance.T, lower=1, overwrite_b=1)
        variance = self._signal - np.einsum("ij,ij->j", explained, explained)
        return mean, np.sqrt(np.maximum(variance, _LEAST_VARIANCE * self._signal))


def _factor(covariance: FloatArray, jitter: float) -> FloatArray:
    """Return the Cholesky factor of `covariance`, whose diagonal grows until there is one."""
    diagonal = np.diag_indices(len(covariance))
    while True:
        covariance[diagonal] += jitter
        factor, failed = dpotrf(covariance, lower=1)
        if not failed:
            return np.asarray(factor)
        if jitter > np.max(covariance):
            raise np.linalg.LinAlgError("the covariance of the points is not positive definite")
        jitter *= 10  # points are too much alike

"""Gaussian-process regression with one length scale per input and one noise per group of points.

The equations are those of Rasmussen & Williams 2006, *Gaussian Processes for Machine Learning*.
Inputs come as squared distances, one array for each input, so that the caller can define distances
differently for numbers, for choices and for parameters that are missing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_solve, solve_triangular
from scipy.linalg.lapack import dpotrf, dpotri
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

    def covariance(self, squared: FloatArray) -> FloatArray:
        """Return the covariance of the function, shape (n, m), for shape (p, n, m).

        The Matern kernel with nu = 5/2 (eq. 4.17).
        """
        weights = np.exp(-2 * self.log_scales)
        total = weights[0] * squared[0]
        for weight, distances in zip(weights[1:], squared[1:], strict=True):
            total += weight * distances
        root = np.sqrt(5 * total)
        covariance = 1 + root
        covariance += (5 / 3) * total
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
        self._squared = squared.reshape(len(squared), -1)
        self._targets, self._groups = targets, groups
        self._mean, self._deviation = belief.mean.vector, belief.deviation.vector
        self._n_groups = len(belief.mean.log_noise)

    def negative(self, vector: FloatArray) -> tuple[float, FloatArray]:
        """Return the negative log posterior and its gradient (eqs. 2.30 and 5.9)."""
        n = self._n
        hyperparameters = Hyperparameters.of(vector, len(self._squared))
        weights = np.exp(-2 * hyperparameters.log_scales)
        noise = np.exp(hyperparameters.log_noise)
        jitter = _JITTER * math.exp(hyperparameters.log_signal)

        total = weights @ self._squared
        root = np.sqrt(5 * total)
        decay = np.exp(hyperparameters.log_signal - root)
        signal = (1 + root + (5 / 3) * total) * decay

        noisy = signal.reshape(n, n).copy()
        diagonal = np.diag_indices(n)
        noisy[diagonal] += noise[self._groups] + jitter
        factor, failed = dpotrf(noisy, lower=1, clean=0, overwrite_a=1)
        if failed:
            return _IMPOSSIBLE, np.zeros_like(vector)
        solved = cho_solve((factor, True), self._targets, check_finite=False)
        log_likelihood = -0.5 * self._targets @ solved - np.log(factor[diagonal]).sum()

        inverse, _ = dpotri(factor, lower=1, overwrite_c=1)
        # Twice the derivative of the log likelihood by the covariance. LAPACK fills the lower
        # triangle of the inverse only, and the sum of its halves has the diagonal twice.
        slope = np.outer(solved, solved)
        lower = np.tril(inverse)
        slope -= lower + lower.T
        slope[diagonal] += inverse[diagonal]
        own = slope[diagonal]
        # Its sum with the weighted squared distances is twice the derivative by a log length scale.
        by_distance = (5 / 3) * (1 + root) * decay * slope.ravel()
        gradient = 0.5 * np.concatenate(
            [
                weights * (self._squared @ by_distance),
                [signal @ slope.ravel() + jitter * own.sum()],
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
    squared
        The squared distances between all points, shape (p, n, n).
    targets
        The values there, shape (n,).
    groups
        The group of the noise of each point, from 0 on, shape (n,).
    """

    def __init__(
        self,
        hyperparameters: Hyperparameters,
        squared: FloatArray,
        targets: FloatArray,
        groups: IndexArray,
    ) -> None:
        self.hyperparameters = hyperparameters
        self._signal = math.exp(hyperparameters.log_signal)
        covariance = hyperparameters.covariance(squared)
        noise = np.exp(hyperparameters.log_noise)[groups]
        covariance[np.diag_indices(len(targets))] += noise
        self._factor = _factor(covariance, _JITTER * self._signal)
        self._solved = cho_solve((self._factor, True), targets, check_finite=False)

    def predict(self, squared: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the mean and the standard deviation of the function (eqs. 2.25 and 2.26).

        `squared` are the squared distances of m places to the n points, shape (p, m, n).
        """
        covariance = self.hyperparameters.covariance(squared)
        mean = covariance @ self._solved
        explained = solve_triangular(
            self._factor, covariance.T, lower=True, overwrite_b=True, check_finite=False
        )
        variance = self._signal - np.einsum("ij,ij->j", explained, explained)
        return mean, np.sqrt(np.maximum(variance, _LEAST_VARIANCE * self._signal))


def _factor(covariance: FloatArray, jitter: float) -> FloatArray:
    """Return the Cholesky factor of `covariance`, whose diagonal grows until there is one."""
    diagonal = np.diag_indices(len(covariance))
    while True:
        covariance[diagonal] += jitter
        try:
            return np.asarray(np.linalg.cholesky(covariance))
        except np.linalg.LinAlgError:  # points that are too much alike
            if jitter > np.max(covariance):
                raise
            jitter *= 10

"""Gaussian-process regression with a length scale per input, and a noise per group of points.

The equations are those of Rasmussen & Williams 2006, *Gaussian Processes for Machine Learning*.
Inputs come as squared distances, so that the caller can define them differently for numbers, for
choices and for parameters that are missing: one array for each input where the length scales are
fitted, and one array of all of them together, weighted, where they are known. Numbers may be
warped, and how is fitted with the rest.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field

import numpy as np
from scipy.linalg.lapack import dpotrf, dpotri, dpotrs, dtrtrs
from scipy.optimize import minimize

from bohb.model.arrays import FloatArray, IndexArray
from bohb.model.warp import log_inside, warp_with_slopes

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
    log_signal, log_noise
        The logarithms of the variances of the function and of the noise in each group of points,
        shape (g,) each.
    log_shapes
        The logarithms of the shapes of the warps of m inputs, shape (2, m).
    """

    log_scales: FloatArray
    log_signal: FloatArray
    log_noise: FloatArray
    log_shapes: FloatArray = field(default_factory=lambda: np.zeros((2, 0)))

    @property
    def vector(self) -> FloatArray:
        """All of them one after another, shape (p + 2g + 2m,)."""
        return np.concatenate(
            [self.log_scales, self.log_signal, self.log_noise, self.log_shapes.ravel()]
        )

    def from_vector(self, vector: FloatArray) -> Hyperparameters:
        """Return those that `vector` holds, of the same shapes as these."""
        sizes = (len(self.log_scales), len(self.log_signal), len(self.log_noise))
        one, two, three = itertools.accumulate(sizes)  # where each but the first begins
        shapes = vector[three:].reshape(2, -1)
        return Hyperparameters(vector[:one], vector[one:two], vector[two:three], shapes)

    @property
    def weights(self) -> FloatArray:
        """What a squared distance along each input counts, shape (p,)."""
        return np.asarray(np.exp(-2 * self.log_scales))

    @property
    def amplitudes(self) -> FloatArray:
        """The standard deviation of the function in each group of points, shape (g,)."""
        return np.asarray(np.exp(0.5 * self.log_signal))


def correlation(distances: FloatArray) -> FloatArray:
    """Return the correlation of the function, shape (n, m), for weighted squared distances.

    The Matern kernel with nu = 3/2 (eq. 4.17): losses have kinks, as where trainings diverge.
    """
    root = np.sqrt(3 * distances)
    return np.asarray((1 + root) * np.exp(-root))


@dataclass(frozen=True, slots=True)
class Belief:
    """Independent normal distributions of the hyperparameters before anything was seen."""

    mean: Hyperparameters
    deviation: Hyperparameters


@dataclass(frozen=True, slots=True)
class Numbers:
    """The inputs that are warped: which they are, shape (m,), and their units, shape (n, m)."""

    inputs: IndexArray
    units: FloatArray


class LogPosterior:
    """The log posterior of hyperparameters given the data, up to a constant.

    Parameters
    ----------
    squared
        The squared distances between all points, shape (p, n, n).
    targets
        Their values, shape (n,).
    groups
        The group of each point, from 0 on, shape (n,).
    belief
        The prior of the hyperparameters.
    numbers
        The inputs that are warped; their squared distances in `squared` do not count. None if
        there are none.
    """

    def __init__(
        self,
        squared: FloatArray,
        targets: FloatArray,
        groups: IndexArray,
        belief: Belief,
        numbers: Numbers | None = None,
    ) -> None:
        self._n = len(targets)
        # All matrices are symmetric: half of each pair is enough.
        rows, columns = np.tril_indices(self._n)
        self._places = columns * self._n + rows  # as LAPACK has them in memory
        self._count = np.where(rows == columns, 1.0, 2.0)  # of each pair in the whole matrix
        self._diagonal = np.flatnonzero(rows == columns)
        self._targets, self._groups = targets, groups
        # Half of each pair belongs to the group of each of its ends, shape (g, pairs).
        every = np.arange(len(belief.mean.log_signal))[:, None]
        self._shares = np.mean([groups[ends] == every for ends in (rows, columns)], axis=0)
        self._belief = belief
        self._mean, self._deviation = belief.mean.vector, belief.deviation.vector
        numbers = numbers or Numbers(np.zeros(0, dtype=int), np.zeros((self._n, 0)))
        self._inputs, self._log_units = numbers.inputs, log_inside(numbers.units)
        self._others = np.setdiff1d(np.arange(len(squared)), numbers.inputs)
        self._squared = np.ascontiguousarray(squared[self._others][:, rows, columns])

    def negative(self, vector: FloatArray) -> tuple[float, FloatArray]:
        """Return the negative log posterior and its gradient (eqs. 2.30 and 5.9)."""
        n = self._n
        hyperparameters = self._belief.mean.from_vector(vector)
        weights = hyperparameters.weights
        warped, slopes = warp_with_slopes(self._log_units, hyperparameters.log_shapes)
        noise = np.exp(hyperparameters.log_noise)
        jitter = _JITTER * np.exp(hyperparameters.log_signal)

        distances = weights[self._others] @ self._squared
        distances += self._distances_of(warped * np.sqrt(weights[self._inputs]))
        root = np.sqrt(3 * distances)
        decay = np.exp(hyperparameters.log_signal @ self._shares - root)
        signal = (1 + root) * decay

        noisy = np.zeros(n * n)
        noisy[self._places] = signal
        noisy[:: n + 1] += (noise + jitter)[self._groups]
        factor, failed = dpotrf(noisy.reshape((n, n), order="F"), lower=1, clean=0, overwrite_a=1)
        if failed:
            return _IMPOSSIBLE, np.zeros_like(vector)
        solved, _ = dpotrs(factor, self._targets, lower=1)
        log_likelihood = -0.5 * self._targets @ solved - np.log(np.diagonal(factor)).sum()

        inverse, _ = dpotri(factor, lower=1, overwrite_c=1)
        # Twice the derivative of the log likelihood by the covariance.
        slope = (np.outer(solved, solved) - inverse.T).ravel()[self._places]
        own = np.bincount(self._groups, weights=slope[self._diagonal], minlength=len(noise))
        slope *= self._count
        # Its sum with the weighted squared distances is twice the derivative by a log length scale.
        by_distance = 3 * slope * decay
        by_warped = self._by_warped(warped, by_distance) * weights[self._inputs]
        by_scales = np.empty_like(weights)
        by_scales[self._others] = weights[self._others] * (self._squared @ by_distance)
        by_scales[self._inputs] = -(warped * by_warped).sum(axis=0)
        by_shapes = (slopes * by_warped).sum(axis=1).ravel()
        gradient = 0.5 * np.concatenate(
            [
                by_scales,
                self._shares @ (signal * slope) + jitter * own,
                noise * own,
                by_shapes,
            ]
        )
        distance = (vector - self._mean) / self._deviation
        value = log_likelihood - 0.5 * distance @ distance
        return -value, distance / self._deviation - gradient

    def _distances_of(self, coordinates: FloatArray) -> FloatArray:
        """Return the squared distances of all pairs of points with these coordinates."""
        products = coordinates @ coordinates.T
        norms = np.diagonal(products)
        distances = (norms[:, None] + norms - 2 * products).ravel()[self._places]
        return np.asarray(np.maximum(distances, 0.0))  # rounding may leave less than nothing

    def _by_warped(self, warped: FloatArray, by_distance: FloatArray) -> FloatArray:
        """Return twice the derivative of the log likelihood by the warped numbers, shape (n, m).

        It is that of an input with the weight 1. The derivative by the weighted squared distance
        of a pair is -1/4 of `by_distance`.
        """
        half = np.zeros(self._n * self._n)
        half[self._places] = by_distance
        of_pairs = half.reshape((self._n, self._n))
        of_pairs = of_pairs + of_pairs.T
        return np.asarray(of_pairs @ warped - of_pairs.sum(axis=1)[:, None] * warped)


def fit(
    squared: FloatArray,
    targets: FloatArray,
    groups: IndexArray,
    belief: Belief,
    numbers: Numbers | None = None,
    *,
    max_iterations: int = 15,
) -> Hyperparameters:
    """Return hyperparameters of high posterior, found by a search from the prior's mean on.

    The arguments are those of `LogPosterior`.
    """
    mean, deviation = belief.mean.vector, belief.deviation.vector
    posterior = LogPosterior(squared, targets, groups, belief, numbers)

    def negative(steps: FloatArray) -> tuple[float, FloatArray]:
        value, gradient = posterior.negative(mean + deviation * steps)
        return value, deviation * gradient

    found = minimize(
        negative,
        np.zeros_like(mean),
        jac=True,
        method="L-BFGS-B",
        bounds=np.broadcast_to([-4.0, 4.0], (len(mean), 2)),
        options={"maxiter": max_iterations},
    )
    return belief.mean.from_vector(mean + deviation * found.x)


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
        The group of each point, from 0 on, shape (n,).
    group
        The group whose function is predicted.
    """

    def __init__(
        self,
        hyperparameters: Hyperparameters,
        distances: FloatArray,
        targets: FloatArray,
        groups: IndexArray,
        group: int = 0,
    ) -> None:
        self.hyperparameters = hyperparameters
        amplitudes = hyperparameters.amplitudes
        own = amplitudes[groups]
        self._scale, self._signal = own * amplitudes[group], amplitudes[group] ** 2
        covariance = correlation(distances) * own[:, None] * own
        noise = np.exp(hyperparameters.log_noise)[groups]
        covariance[np.diag_indices(len(targets))] += noise
        self._factor = _factor(covariance, _JITTER * own * own)
        self._solved, _ = dpotrs(self._factor, targets, lower=1)

    def predict(self, distances: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the mean and the standard deviation of the function (eqs. 2.25 and 2.26).

        `distances` are those of m places to the n points, shape (m, n).
        """
        covariance = correlation(distances) * self._scale
        mean = covariance @ self._solved
        explained, _ = dtrtrs(self._factor, covariance.T, lower=1, overwrite_b=1)
        variance = self._signal - np.einsum("ij,ij->j", explained, explained)
        return mean, np.sqrt(np.maximum(variance, _LEAST_VARIANCE * self._signal))


def _factor(covariance: FloatArray, jitter: FloatArray) -> FloatArray:
    """Return the Cholesky factor of `covariance`, whose diagonal grows until there is one.

    `jitter` is what is added to it at first, shape (n,).
    """
    diagonal = np.diag_indices(len(covariance))
    while True:
        covariance[diagonal] += jitter
        factor, failed = dpotrf(covariance, lower=1)
        if not failed:
            return np.asarray(factor)
        if np.max(jitter) > np.max(covariance):
            raise np.linalg.LinAlgError("the covariance of the points is not positive definite")
        jitter = 10 * jitter  # points are too much alike

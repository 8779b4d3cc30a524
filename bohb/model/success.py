"""The chance of success: how likely a configuration is evaluated without a failure."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import log_ndtr

from bohb.model.arrays import FloatArray
from bohb.model.distances import Distances, Points, squared_distances
from bohb.model.observations import Observations
from bohb.model.regression import Belief, GaussianProcess, Hyperparameters, fit
from bohb.model.space import Space

_MOST_POINTS = 120
_UNLIKELY = 1000.0  # more than any difference between the logarithms of two promises


@dataclass(frozen=True, slots=True)
class Success:
    """Tells failures that come from a configuration from those that come by chance.

    A Gaussian process is fitted to what became of the configurations: 1 for one that was evaluated
    and -1 for one that has failed. Its noise is what happens by chance. A configuration succeeds if
    what the process and its noise come to is positive (Rasmussen & Williams 2006, *Gaussian
    Processes for Machine Learning*, section 6.5, least-squares classification). Proposals are
    judged by what they promise times their chance of success (Gelbart, Snoek & Adams 2014,
    *Bayesian Optimization with Unknown Constraints*, section 3), and one that is more likely to
    fail than to succeed is made only if there is no other: the best configurations often lie
    beside those that fail, and would be looked for among these.

    Attributes
    ----------
    distances
        The distances to the configurations of which it is known what became of them.
    process
        The Gaussian process of what became of them, less `mean`.
    mean
        The mean of what became of them, from -1 to 1.
    noise
        The variance of what happens by chance.
    """

    distances: Distances
    process: GaussianProcess
    mean: float
    noise: float

    @classmethod
    def fitted(cls, space: Space, observations: Observations) -> Success | None:
        """Return what is learned from the observations; None if all have failed, or none has.

        At most 120 of them are looked at, spread evenly over time, so that the share of those that
        have failed is that of all.
        """
        known = np.flatnonzero(observations.failed | observations.is_evaluated)
        if observations.failed[known].all() or not observations.failed.any():
            return None
        places = np.linspace(0, len(known) - 1, min(len(known), _MOST_POINTS))
        rows = known[places.round().astype(int)]
        outcomes = np.where(observations.failed[rows], -1.0, 1.0)
        mean = float(np.mean(outcomes))
        units = space.encode(observations.rows(rows).columns(space.names))
        points = Points(units, np.zeros(len(rows), dtype=int))  # whatever the level
        hyperparameters = fit(
            squared_distances(space, 1, points),
            outcomes - mean,
            points.levels,
            _belief(len(space.parameters) + 1),
        )
        distances = Distances(space, 1, hyperparameters.weights, points)
        process = GaussianProcess(
            hyperparameters, distances.of(points), outcomes - mean, points.levels
        )
        return cls(distances, process, mean, math.exp(hyperparameters.log_noise[0]))

    def log_probability(self, units: FloatArray) -> FloatArray:
        """Return the logarithm of the chance of success of configurations, shape (n,)."""
        return np.asarray(log_ndtr(self._scores(units)))

    def log_penalty(self, units: FloatArray) -> FloatArray:
        """Return what is added to the logarithms of what configurations promise, shape (n,).

        It is the logarithm of their chance of success, and far less for those that are more likely
        to fail than to succeed.
        """
        scores = self._scores(units)
        return np.asarray(log_ndtr(scores) - _UNLIKELY * (scores < 0))

    def _scores(self, units: FloatArray) -> FloatArray:
        """Return the expected outcomes in units of their standard deviation, shape (n,)."""
        places = Points(units, np.zeros(len(units), dtype=int))
        mean, deviation = self.process.predict(self.distances.of(places))
        return np.asarray((self.mean + mean) / np.sqrt(deviation**2 + self.noise))


def _belief(n_scales: int) -> Belief:
    """Return a vague prior: an outcome depends a little on the configuration, and on chance."""
    return Belief(
        Hyperparameters(np.zeros(n_scales), np.log([0.1]), np.log([0.1])),
        Hyperparameters(np.ones(n_scales), np.array([1.5]), np.array([2.0])),
    )

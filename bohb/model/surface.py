"""The surface: a Gaussian process over all levels, and its predictions for one of them."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass

import numpy as np
from scipy.special import erfcx, ndtr

from bohb.model.arrays import FloatArray, IndexArray
from bohb.model.distances import Distances, Points, squared_distances
from bohb.model.observations import Observations
from bohb.model.regression import Belief, GaussianProcess, Hyperparameters, Numbers, fit
from bohb.model.space import Space
from bohb.model.warp import Warp, warpable

MAX_POINTS, MAX_FIT = 120, 55_000  # see `Surface.fitted`
_BEST_OF_EACH_LEVEL = 15
_WORST = 50.0  # losses further above the median, in units of its distance to the best, are alike
_LARGEST = 1e150  # differences and squares of larger losses may not be finite
_ENOUGH_GAINS = 2  # so many trials on two levels tell how far the levels lie apart


@dataclass(frozen=True, slots=True)
class Squeeze:
    """How losses are scaled for the process: the bad ones squeezed together, and standardised.

    They are counted from the median on, in units of the distance between the median and the best.
    Losses above the median grow like a logarithm, and not beyond that of fifty units: a training
    that diverges must not hide the differences between the others.

    Attributes
    ----------
    median, unit
        What losses are counted from, and in what.
    mean, deviation
        Those of the losses once they are squeezed.

    Examples
    --------
    >>> squeeze = Squeeze.of(np.array([1.0, 2.0, 3.0, 9.0]))
    >>> squeeze.invert(squeeze.apply(np.array([1.5, 2.5, 7.0]))).round(6).tolist()
    [1.5, 2.5, 7.0]
    """

    median: float
    unit: float
    mean: float = 0.0
    deviation: float = 1.0

    @classmethod
    def of(cls, losses: FloatArray) -> Squeeze:
        """Return the scale of these losses, shape (n,)."""
        losses = np.clip(losses, -_LARGEST, _LARGEST)
        median = float(np.median(losses))
        unit = median - float(np.min(losses)) or float(np.std(losses)) or 1.0
        squeezed = cls(median, unit).apply(losses)
        return cls(median, unit, float(np.mean(squeezed)), float(np.std(squeezed)) or 1.0)

    def apply(self, losses: FloatArray) -> FloatArray:
        """Return losses as the process gets them."""
        units = (np.clip(losses, -_LARGEST, _LARGEST) - self.median) / self.unit
        squeezed = np.where(units > 0, np.log1p(np.clip(units, 0, _WORST)), units)
        return np.asarray((squeezed - self.mean) / self.deviation)

    def invert(self, targets: FloatArray) -> FloatArray:
        """Return the losses that the process has got as `targets`."""
        squeezed = targets * self.deviation + self.mean
        units = np.where(squeezed > 0, np.expm1(np.clip(squeezed, 0, math.log1p(_WORST))), squeezed)
        return np.asarray(units * self.unit + self.median)


@dataclass(frozen=True, slots=True)
class Surface:
    """The loss at one level, as far as the evaluations of all levels tell.

    Attributes
    ----------
    n_levels
        How many levels the ladder has.
    distances
        The distances to the configurations, each with a level, that the process has seen.
    process
        The Gaussian process of the losses of all levels, as they were scaled.
    target
        The level whose loss is predicted.
    squeeze
        How losses were scaled for the process.
    lowest
        The lowest expected loss at that level among all configurations that were tried or are
        pending.
    tried
        The configurations that were tried or are pending, shape (n, d), the one of the lowest
        expected loss first.
    """

    n_levels: int
    distances: Distances
    process: GaussianProcess
    target: int
    squeeze: Squeeze
    lowest: float
    tried: FloatArray

    @classmethod
    def fitted(
        cls,
        space: Space,
        observations: Observations,
        n_levels: int,
        target: int,
        *,
        max_points: int = MAX_POINTS,
        max_fit: int = MAX_FIT,
    ) -> Surface:
        """Return the surface that fits the observations, of which at least one has a loss.

        Parameters
        ----------
        space, n_levels, target
            As above.
        observations
            A configuration that has failed has no loss, and does not count. One that is pending
            counts at the target as one standard deviation worse than is expected of it, so
            that its neighbourhood promises less. (With the expected loss alone, as in the kriging
            believer of Ginsbourger et al. 2010, proposals made at the same time crowd together.)
        max_points
            At most so many evaluations are looked at: the best of each level, those at the
            highest levels, and the most recent.
        max_fit
            The hyperparameters are fitted to the first ``sqrt(max_fit / inputs)`` of these. The
            inputs are the parameters and the level, so that the fit works on at most `max_fit`
            squared distances.
        """
        units = space.encode(observations.columns(space.names))
        rows, levels = evaluations_of(observations, max_points)
        losses = aligned(observations.losses)[rows, levels]
        squeeze = Squeeze.of(losses)
        targets = squeeze.apply(losses)
        n_fit = math.isqrt(max_fit // (len(space.parameters) + 1))
        points = Points(units[rows], levels)
        numbers = warpable(space, points.units)
        first = points.first(n_fit)
        hyperparameters = fit(
            squared_distances(space, n_levels, first, without=numbers),
            targets[:n_fit],
            levels[:n_fit],
            _belief(len(space.parameters) + 1, n_levels, len(numbers)),
            Numbers(numbers, first.units[:, numbers]),
        )
        warp = Warp(numbers, hyperparameters.log_shapes)
        distances = Distances(space, n_levels, hyperparameters.weights, points, warp)
        surface = cls(
            n_levels,
            distances,
            GaussianProcess(hyperparameters, distances.of(points), targets, levels, target),
            target,
            squeeze,
            lowest=math.nan,
            tried=units[np.unique(rows)],
        )
        pending = units[observations.is_pending][-(max_points // 2) :]
        if len(pending):
            surface = surface._with_pending(pending, targets)
        mean, _ = surface.predict(surface.tried)
        order = np.argsort(mean, kind="stable")
        return dataclasses.replace(
            surface, lowest=float(mean[order[0]]), tried=surface.tried[order]
        )

    def _with_pending(self, pending: FloatArray, targets: FloatArray) -> Surface:
        """Return the surface that has seen the `pending` configurations too.

        `targets` are those of the points that this surface has seen.
        """
        mean, deviation = self.predict(pending)
        seen = self.distances.points
        points = Points(
            np.concatenate([seen.units, pending]),
            np.append(seen.levels, np.full(len(pending), self.target)),
        )
        distances = self.distances.to(points)
        process = GaussianProcess(
            self.process.hyperparameters,
            distances.of(points),
            np.append(targets, mean + deviation),
            points.levels,
            self.target,
        )
        tried = np.concatenate([self.tried, pending])
        return dataclasses.replace(self, distances=distances, process=process, tried=tried)

    def predict(self, units: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the mean and the standard deviation at the target, shape (n,) each."""
        places = Points(units, np.full(len(units), self.target))
        return self.process.predict(self.distances.of(places))

    @property
    def noise_share(self) -> float:
        """The share of the variance of losses at the target that is taken for noise."""
        known = self.process.hyperparameters
        noise = math.exp(known.log_noise[self.target])
        return noise / (noise + math.exp(known.log_signal[self.target]))

    def log_improvement(self, units: FloatArray) -> FloatArray:
        """Return the log of the expected improvement on `lowest`, shape (n,)."""
        return log_expected_improvement(self.lowest, *self.predict(units))


def log_expected_improvement(lowest: float, mean: FloatArray, deviation: FloatArray) -> FloatArray:
    """Return the log of what losses of this mean and deviation improve on `lowest` by, shape (n,).

    Jones, Schonlau & Welch 1998, *Efficient Global Optimization*, eq. 15.
    """
    return np.asarray(np.log(deviation) + log_gain((lowest - mean) / deviation))


def log_gain(scores: FloatArray) -> FloatArray:
    """Return the log of the mean of ``max(z + s, 0)`` for each score s and a standard normal z.

    It is precise also where the gain itself is too small for a float (Ament et al. 2023).

    Examples
    --------
    >>> log_gain(np.array([0.0, -40.0])).round(3).tolist()
    [-0.919, -808.299]
    """
    # For lower scores the factor exp(-s * s / 2), which may be zero as a float, is taken out.
    near = scores > -1
    s = np.where(near, scores, 0.0)
    direct = np.log(np.exp(-0.5 * s * s) / math.sqrt(2 * math.pi) + s * ndtr(s))
    t = np.where(near, 1.0, -scores)
    with np.errstate(divide="ignore"):
        share = np.log(np.maximum(1 - t * math.sqrt(math.pi / 2) * erfcx(t / math.sqrt(2)), 0))
    share = np.where(t > 1e3, -2 * np.log(t), share)  # its limit, where the difference cancels
    return np.where(near, direct, -0.5 * t * t - 0.5 * math.log(2 * math.pi) + share)


def evaluations_of(observations: Observations, count: int) -> tuple[IndexArray, IndexArray]:
    """Return the rows and levels of at most `count` evaluations, those that matter most first.

    First the best of each level, then up to half of all from the highest levels, then the most
    recent.
    """
    rows, levels = np.nonzero(~np.isnan(observations.losses))
    is_best = np.zeros(len(rows), dtype=bool)
    for level in np.unique(levels):
        own = np.flatnonzero(levels == level)
        ranking = np.argsort(observations.losses[rows[own], level], kind="stable")
        is_best[own[ranking[:_BEST_OF_EACH_LEVEL]]] = True
    by_level = np.lexsort((-rows, -levels, ~is_best))[: max(count // 2, is_best.sum())]
    is_first = np.zeros(len(rows), dtype=bool)
    is_first[by_level] = True
    by_age = np.lexsort((-levels, -rows))
    order = np.concatenate([by_level, by_age[~is_first[by_age]]])[:count]
    return rows[order], levels[order]


def aligned(losses: FloatArray) -> FloatArray:
    """Return losses, shape (n, k), with each level moved to where the highest one lies.

    A level moves by what its trials have gained in the median on their way to the next level, so
    that the process need not take what all trials gain for a difference between configurations.
    """
    aligned = np.array(losses)
    for level in reversed(range(losses.shape[1] - 1)):
        gains = losses[:, level + 1] - losses[:, level]
        gains = gains[~np.isnan(gains)]
        if len(gains) >= _ENOUGH_GAINS:
            aligned[:, : level + 1] += np.median(gains)
    return aligned


def _belief(n_scales: int, n_groups: int, n_numbers: int) -> Belief:
    """Return the prior: smooth on the scale of a range and a half, hardly warped, little noise."""
    groups, shapes = np.ones(n_groups), np.zeros((2, n_numbers))
    return Belief(
        Hyperparameters(np.full(n_scales, 0.4), 0.0 * groups, math.log(0.01) * groups, shapes),
        Hyperparameters(np.full(n_scales, 0.7), 1.5 * groups, 2.0 * groups, shapes + 0.4),
    )

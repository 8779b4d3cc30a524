"""Product kernels round observed configurations, as one density.

Each observation carries one kernel: the product of one factor per parameter. Keeping the product
together keeps the relations between parameters, which a density per parameter loses.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr, ndtri

from bohb.model.space import Categorical, FloatArray, Numeric, Parameter

_SMALLEST = np.finfo(float).tiny


@dataclass(frozen=True, slots=True)
class NumericKernel:
    """A Gaussian, truncated to the range that is asked for.

    `span` is the range over all observations on the model's scale; `bandwidth` is a share of it.
    Densities are per `span`, so that they do not depend on the user's units: a parameter that is
    missing has the factor 1, and only so is that comparable. For a parameter with a step the
    kernel is the mass of the Gaussian in the value's bin. A centre outside of the range is moved
    to its nearer end, where its truncated Gaussian has nearly all its mass anyway.
    """

    parameter: Numeric
    span: float
    bandwidth: float

    def log_factors(self, values: FloatArray, centres: FloatArray) -> FloatArray:
        """Return log k(value, centre), shape (n values, n centres)."""
        low, high = self.parameter.edges
        width = self.bandwidth * self.span
        centres = np.clip(self._scaled(centres), low, high)[None, :]
        inside = ndtr((high - centres) / width) - ndtr((low - centres) / width)
        if self.parameter.step:
            lower, upper = self.parameter.bins(values)
            mass = ndtr((upper[:, None] - centres) / width)
            mass -= ndtr((lower[:, None] - centres) / width)
            return np.asarray(np.log(np.maximum(mass / inside, _SMALLEST)))
        distance = (self._scaled(values)[:, None] - centres) / width
        scale = np.log(inside * self.bandwidth * np.sqrt(2 * np.pi))
        return np.asarray(-0.5 * distance**2 - scale)

    def log_prior(self, values: FloatArray) -> FloatArray:
        """Return the log of the uniform density, shape (n values,)."""
        low, high = self.parameter.edges
        if self.parameter.step:
            lower, upper = self.parameter.bins(values)
            return np.asarray(np.log((upper - lower) / (high - low)))
        return np.full(len(values), np.log(self.span / (high - low)))

    def draw(self, centres: FloatArray, rng: np.random.Generator) -> FloatArray:
        """Return one value from the kernel of each centre, shape (n centres,)."""
        low, high = self.parameter.edges
        width = self.bandwidth * self.span
        centres = np.clip(self._scaled(centres), low, high)
        lowest, highest = ndtr((low - centres) / width), ndtr((high - centres) / width)
        quantiles = lowest + (highest - lowest) * rng.random(len(centres))
        scaled = centres + width * ndtri(quantiles)
        return self.parameter.values(np.clip(scaled, low, high))

    def draw_prior(self, count: int, rng: np.random.Generator) -> FloatArray:
        """Return `count` values from the uniform density."""
        low, high = self.parameter.edges
        return self.parameter.values(low + (high - low) * rng.random(count))

    def _scaled(self, values: FloatArray) -> FloatArray:
        # An observation from another range may lie outside the domain of the logarithm.
        return np.log(np.maximum(values, _SMALLEST)) if self.parameter.log else values


@dataclass(frozen=True, slots=True)
class CategoricalKernel:
    """Most mass on the observed choice, ``smoothing`` shared equally by all of them."""

    parameter: Categorical
    smoothing: float

    def log_factors(self, values: FloatArray, centres: FloatArray) -> FloatArray:
        """Return log k(value, centre), shape (n values, n centres)."""
        same = values[:, None] == centres[None, :]
        total = 1 + self.smoothing * self.parameter.n_choices
        return np.asarray(np.log((same + self.smoothing) / total))

    def log_prior(self, values: FloatArray) -> FloatArray:
        """Return the log of the uniform probability, shape (n values,)."""
        return np.full(len(values), -np.log(self.parameter.n_choices))

    def draw(self, centres: FloatArray, rng: np.random.Generator) -> FloatArray:
        """Return one choice from the kernel of each centre, shape (n centres,)."""
        keep = rng.random(len(centres)) < 1 / (1 + self.smoothing * self.parameter.n_choices)
        return np.where(keep, centres, self.draw_prior(len(centres), rng))

    def draw_prior(self, count: int, rng: np.random.Generator) -> FloatArray:
        """Return `count` choices, all equally likely."""
        return rng.integers(self.parameter.n_choices, size=count).astype(float)


class Mixture:
    """A density over configurations: kernels round observations, and the prior as one more.

    Parameters
    ----------
    space
        The parameters in the order of the columns.
    points
        The observed configurations, shape (n, d). NaN stands for a parameter that is not active.
    weights
        The weights of the observations, shape (n,); the prior has the weight 1 beside them.
    spans
        The range of each column over all observations, shape (d,), on the model's scale.

    Notes
    -----
    The bandwidth is ``max(0.2 n**(-1/(d+4)), 1/min(100, n+1))`` of the range: the rate of Scott's
    rule without its standard deviations, which collapse where the good configurations lie close
    together. A choice is smoothed by 1/n. A parameter that either side lacks has the factor 1.
    """

    def __init__(
        self,
        space: Sequence[Parameter],
        points: FloatArray,
        weights: FloatArray,
        spans: FloatArray,
    ) -> None:
        n, d = points.shape
        bandwidth = max(0.2 * max(n, 1) ** (-1 / (d + 4)), 1 / min(100, n + 1))
        self.kernels = [
            NumericKernel(parameter, float(span), bandwidth)
            if isinstance(parameter, Numeric)
            else CategoricalKernel(parameter, 1 / max(n, 1))
            for parameter, span in zip(space, spans, strict=True)
        ]
        self.points = points
        self.active = ~np.isnan(points)
        self.log_weights = np.log(np.append(weights, 1.0))

    def log_density(
        self, candidates: FloatArray, log_weights: FloatArray | None = None
    ) -> FloatArray:
        """Return the log density of `candidates`, shape (n, d), as shape (n,).

        `log_weights` replaces the weights of the components, the prior's last.
        """
        if log_weights is None:
            log_weights = self.log_weights
        terms = self.log_components(candidates) + log_weights
        largest = np.max(terms, axis=1, keepdims=True)
        total = np.log(np.exp(terms - largest).sum(axis=1)) + largest[:, 0]
        return np.asarray(
            total - np.log(np.exp(log_weights - np.max(log_weights)).sum()) - np.max(log_weights)
        )

    def log_components(self, candidates: FloatArray) -> FloatArray:
        """Return the log density of each component, shape (n candidates, n points + 1).

        The last column is the prior's.
        """
        terms = np.zeros((len(candidates), len(self.points) + 1))
        for column, kernel in enumerate(self.kernels):
            values, centres = candidates[:, column], self.points[:, column]
            given = np.flatnonzero(~np.isnan(values))
            active = self.active[:, column]
            factors = np.zeros((len(given), len(self.points) + 1))
            factors[:, :-1][:, active] = kernel.log_factors(values[given], centres[active])
            factors[:, -1] = kernel.log_prior(values[given])
            terms[given] += factors
        return terms

    def condition(self, fixed: Mapping[int, float]) -> FloatArray:
        """Return the log weights of the components, given the values of some columns.

        `fixed` has values by column. Each weight is multiplied by the component's density there.
        """
        row = np.full((1, len(self.kernels)), np.nan)
        for column, value in fixed.items():
            row[0, column] = value
        return np.asarray(self.log_weights + self.log_components(row)[0])

    def draw(
        self, count: int, rng: np.random.Generator, log_weights: FloatArray | None = None
    ) -> FloatArray:
        """Return `count` configurations, shape (count, d).

        A configuration has the active parameters of the observation it was drawn from. The prior
        borrows the pattern of a random observation, and has all parameters if there is none.
        """
        if log_weights is None:
            log_weights = self.log_weights
        chances = np.exp(log_weights - np.max(log_weights))
        chosen = rng.choice(len(chances), size=count, p=chances / chances.sum())
        n_points = len(self.points)
        from_prior = chosen == n_points
        draws = np.empty((count, len(self.kernels)))
        for column, kernel in enumerate(self.kernels):
            centres = self.points[chosen[~from_prior], column]
            has_value = ~np.isnan(centres)
            values = np.full(len(centres), np.nan)
            values[has_value] = kernel.draw(centres[has_value], rng)
            draws[~from_prior, column] = values
            draws[from_prior, column] = kernel.draw_prior(int(from_prior.sum()), rng)
        if n_points and from_prior.any():
            pattern = self.active[rng.integers(n_points, size=int(from_prior.sum()))]
            draws[from_prior] = np.where(pattern, draws[from_prior], np.nan)
        return draws

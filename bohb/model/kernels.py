"""Kernels: densities round one observed value, for some columns of a configuration.

All take and return units; densities are relative to the uniform one. Where a value is missing on
either side, which is written as NaN, the factor is 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy.special import ndtr, ndtri

from bohb.model.arrays import FloatArray
from bohb.model.space import Categorical, Numeric, Parameter

_SMALLEST = np.finfo(float).tiny
_NARROWEST = 1e-9  # of the unit interval
_FINE = 1 / 8  # of the bandwidth: narrower bins change the density by less than a thousandth


class Kernel(Protocol):
    """The part of a mixture's components that is about some `columns`: a product of densities."""

    @property
    def columns(self) -> Sequence[int]:
        """The columns that it is about."""

    def log_factors(self, units: FloatArray, centres: FloatArray) -> FloatArray:
        """Return log k(unit, centre), shape (n, m), for shapes (n, k) and (m, k)."""

    def draw(self, centres: FloatArray, rng: np.random.Generator) -> FloatArray:
        """Return units from the kernels round `centres`, both of shape (n, k)."""


@dataclass(frozen=True, slots=True)
class Continuous:
    """Gaussians with these bandwidths, truncated to the range that is asked for.

    Grids that are fine in relation to the bandwidth are continuous too: the mass of a narrow bin,
    relative to its width, is the density in its middle.

    A centre that was observed out of the range is moved to the nearer end of the range, where its
    truncated Gaussian has nearly all its mass anyway.
    """

    columns: Sequence[int]
    parameters: Sequence[Numeric]
    bandwidths: FloatArray  # shape (k,)

    def log_factors(self, units: FloatArray, centres: FloatArray) -> FloatArray:
        """Return log k(unit, centre), shape (n, m)."""
        has_unit, has_centre = ~np.isnan(units), ~np.isnan(centres)
        inside = _share_inside(np.clip(centres, 0, 1), self.bandwidths)
        log_scale = np.log(inside * (self.bandwidths * np.sqrt(2 * np.pi)))
        x = np.where(has_unit, units, 0.0) / self.bandwidths
        c = np.where(has_centre, np.clip(centres, 0, 1), 0.0) / self.bandwidths
        # The sum of -(x - c)**2 / 2 - log_scale over the columns that both sides have. The square
        # is multiplied out, so that the sum is made of products of matrices.
        product = x @ c.T
        product -= (0.5 * x**2) @ has_centre.T
        product -= has_unit @ np.where(has_centre, 0.5 * c**2 + log_scale, 0.0).T
        return np.asarray(product)

    def draw(self, centres: FloatArray, rng: np.random.Generator) -> FloatArray:
        """Return units from the kernels round `centres`, both of shape (n, k)."""
        drawn = draw_truncated(centres, self.bandwidths, rng)
        for column, parameter in enumerate(self.parameters):
            if parameter.step:
                drawn[:, column] = parameter.snap(drawn[:, column])
        return drawn


@dataclass(frozen=True, slots=True)
class Grid:
    """The mass of a Gaussian, truncated to the range, in the bin of each value of a grid."""

    column: int
    parameter: Numeric
    bandwidth: float

    @property
    def columns(self) -> Sequence[int]:
        """The one column."""
        return (self.column,)

    def log_factors(self, units: FloatArray, centres: FloatArray) -> FloatArray:
        """Return log k(unit, centre), shape (n, m)."""
        # The normal integral takes most of the time, and many observations share few values: it
        # is computed once for each pair of values.
        values, value_of = np.unique(units, return_inverse=True)
        places, place_of = np.unique(np.clip(centres, 0, 1), return_inverse=True)
        lower, upper = self.parameter.bins(values)
        # Bins that are too narrow for the differences of floats are widened.
        lower = np.minimum(lower, values - _NARROWEST / 2)
        upper = np.maximum(upper, values + _NARROWEST / 2)
        mass = ndtr((upper[:, None] - places) / self.bandwidth)
        mass -= ndtr((lower[:, None] - places) / self.bandwidth)
        mass /= _share_inside(places, self.bandwidth) * (upper - lower)[:, None]
        factors = np.where(np.isnan(mass), 0.0, np.log(np.maximum(mass, _SMALLEST)))
        return np.asarray(factors[value_of.reshape(-1, 1), place_of.reshape(-1)])

    def draw(self, centres: FloatArray, rng: np.random.Generator) -> FloatArray:
        """Return units from the kernels round `centres`, both of shape (n, 1)."""
        return self.parameter.snap(draw_truncated(centres, self.bandwidth, rng))


@dataclass(frozen=True, slots=True)
class Choice:
    """A weight of 1 for the observed choice, and of `smoothing` times its prior for each choice."""

    column: int
    parameter: Categorical
    smoothing: float

    @property
    def columns(self) -> Sequence[int]:
        """The one column."""
        return (self.column,)

    def log_factors(self, units: FloatArray, centres: FloatArray) -> FloatArray:
        """Return log k(choice, centre), shape (n, m)."""
        n_choices = self.parameter.n_choices
        smoothed = self.smoothing * self.parameter.relative_prior(units[:, 0])
        total = (1 + self.smoothing * n_choices) / n_choices
        other = np.log(np.maximum(smoothed / total, _SMALLEST))
        same = np.log((1 + smoothed) / total)
        factors = np.where(units == centres.T, same[:, None], other[:, None])
        return np.where(np.isnan(units) | np.isnan(centres.T), 0.0, factors)

    def draw(self, centres: FloatArray, rng: np.random.Generator) -> FloatArray:
        """Return choices from the kernels round `centres`, both of shape (n, 1)."""
        keep = rng.random(centres.shape) < 1 / (1 + self.smoothing * self.parameter.n_choices)
        # A choice that was observed in a longer list may not exist in this one.
        keep &= centres < self.parameter.n_choices
        drawn = self.parameter.draw_prior(len(centres), rng)[:, None]
        return np.where(keep | np.isnan(centres), centres, drawn)


def kernels(
    parameters: Sequence[Parameter], bandwidths: FloatArray, smoothing: float
) -> list[Kernel]:
    """Return the kernels for all columns; the continuous columns share one, which comes last.

    `bandwidths` has shape (d,), in units.
    """
    found: list[Kernel] = []
    continuous: list[int] = []
    for column, parameter in enumerate(parameters):
        if isinstance(parameter, Categorical):
            found.append(Choice(column, parameter, smoothing))
        elif parameter.widest_bin > _FINE * bandwidths[column]:
            found.append(Grid(column, parameter, float(bandwidths[column])))
        else:
            continuous.append(column)
    if continuous:
        numbers = [
            p for c, p in enumerate(parameters) if c in continuous and isinstance(p, Numeric)
        ]
        found.append(Continuous(continuous, numbers, bandwidths[continuous]))
    return found


def _share_inside(centres: FloatArray, bandwidths: FloatArray | float) -> FloatArray:
    """Return the share of the mass of Gaussians that lies between 0 and 1."""
    return np.asarray(ndtr((1 - centres) / bandwidths) - ndtr(-centres / bandwidths))


def draw_truncated(
    centres: FloatArray, bandwidths: FloatArray | float, rng: np.random.Generator
) -> FloatArray:
    """Return draws from Gaussians truncated to [0, 1], one for each of `centres`."""
    centres = np.clip(centres, 0, 1)
    lowest, highest = ndtr(-centres / bandwidths), ndtr((1 - centres) / bandwidths)
    shares = lowest + (highest - lowest) * rng.random(centres.shape)
    return np.asarray(np.clip(centres + bandwidths * ndtri(shares), 0, 1))

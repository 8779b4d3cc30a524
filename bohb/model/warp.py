"""Warps: monotone maps by which a function varies alike over the whole range of a number."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bohb.model.arrays import FloatArray, IndexArray
from bohb.model.space import Categorical, Space

_MARGIN = 1e-6  # units closer to an end count as that far from it: the slope is infinite there


@dataclass(frozen=True, slots=True)
class Warp:
    """A map of the ranges of numbers onto themselves, one for each number.

    A process has one length scale for the whole range of a number. Where the loss changes quickly
    near one end and hardly near the other, as with the depth of a tree, a warp stretches the one
    and presses the other together (Snoek, Swersky, Zemel & Adams 2014, *Input Warping for Bayesian
    Optimization of Non-Stationary Functions*, section 3). The maps are the distribution functions
    of Kumaraswamy 1980, ``1 - (1 - u**a)**b``, which are close to those of the beta distributions
    there, and quickly computed.

    Attributes
    ----------
    columns
        The columns of the configurations that are warped, shape (m,).
    log_shapes
        The logarithms of a and b of each, shape (2, m). Zeros leave units as they are.

    Examples
    --------
    >>> warp = Warp(np.array([0]), np.log([[1.0], [2.0]]))
    >>> warp.of(np.array([[0.0, 0.3], [0.5, 0.3], [1.0, 0.3]])).round(3).tolist()
    [[0.0, 0.3], [0.75, 0.3], [1.0, 0.3]]
    """

    columns: IndexArray
    log_shapes: FloatArray

    def of(self, units: FloatArray) -> FloatArray:
        """Return configurations, shape (n, d), with these columns warped."""
        warped = np.array(units)
        a, b = np.exp(self.log_shapes)
        warped[:, self.columns] = 1 - (1 - np.clip(units[:, self.columns], 0.0, 1.0) ** a) ** b
        return warped


def warp_with_slopes(
    log_units: FloatArray, log_shapes: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return warped units, and their derivatives by the logarithms of a and b.

    Parameters
    ----------
    log_units
        The logarithms of the units, shape (n, m), as `log_inside` returns them.
    log_shapes
        The logarithms of a and b for each column, shape (2, m).

    Returns
    -------
    warped, slopes
        Shapes (n, m) and (2, n, m).
    """
    a, b = np.exp(log_shapes)
    power = np.exp(a * log_units)
    rest = 1 - power
    log_rest = np.log(rest)
    left = np.exp(b * log_rest)
    return 1 - left, np.stack([a * b * left / rest * power * log_units, -b * left * log_rest])


def log_inside(units: FloatArray) -> FloatArray:
    """Return the logarithms of units, which are kept a little away from both ends."""
    return np.asarray(np.log(np.clip(units, _MARGIN, 1 - _MARGIN)))


def warpable(space: Space, units: FloatArray) -> IndexArray:
    """Return the columns of the numbers that all configurations have, and in the range of today."""
    is_number = [not isinstance(each, Categorical) for each in space.parameters.values()]
    lies_within = ((units >= 0) & (units <= 1)).all(axis=0)  # a missing value, NaN, does not
    return np.flatnonzero(np.array(is_number, dtype=bool) & lies_within)

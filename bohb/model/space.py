"""Parameters as the model sees them: intervals, grids on intervals, and choices."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

FloatArray: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Numeric:
    """A number between `low` and `high`, both included.

    On the linear scale, or the logarithmic one if `log`. With a `step` only the values
    ``low + k * step`` exist. Each of them then owns the bin of half a step to either side, so
    that the two end values are as likely as the others.
    """

    low: float
    high: float
    log: bool = False
    step: float | None = None

    @property
    def edges(self) -> tuple[float, float]:
        """The ends of the interval on the model's scale, bins included."""
        margin = self.step / 2 if self.step else 0.0
        return self.scale(self.low - margin), self.scale(self.high + margin)

    def scale(self, value: float) -> float:
        """Return `value` on the model's scale."""
        return math.log(value) if self.log else float(value)

    def values(self, scaled: FloatArray) -> FloatArray:
        """Return the existing values that own the points `scaled`, shape (n,)."""
        values = np.exp(scaled) if self.log else np.asarray(scaled, dtype=float)
        if self.step:
            steps = np.floor((values - self.low) / self.step + 0.5)
            values = self.low + self.step * np.clip(steps, 0, self._last_step)
        return np.clip(values, self.low, self.high)

    def bins(self, values: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the ends of the bins of `values`, shape (n,) each, on the model's scale."""
        margin = (self.step or 0.0) / 2
        lower, upper = values - margin, values + margin
        return (np.log(lower), np.log(upper)) if self.log else (lower, upper)

    @property
    def n_values(self) -> float:
        """The number of values that exist: infinite without a step."""
        return self._last_step + 1 if self.step else math.inf

    @property
    def _last_step(self) -> float:
        assert self.step is not None  # noqa: S101 - for the type checker; callers have looked
        return math.floor((self.high - self.low) / self.step + 1e-8)


@dataclass(frozen=True, slots=True)
class Categorical:
    """One of `n_choices` things without an order, known by their index."""

    n_choices: int

    @property
    def n_values(self) -> float:
        """The number of values that exist."""
        return self.n_choices


Parameter: TypeAlias = Numeric | Categorical


def all_values(parameter: Parameter) -> list[float]:
    """Return the values of a parameter that has finitely many."""
    if isinstance(parameter, Categorical):
        return [float(index) for index in range(parameter.n_choices)]
    steps = np.arange(parameter.n_values) * (parameter.step or 0.0)
    return [float(value) for value in parameter.low + steps]

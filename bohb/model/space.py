"""Parameters and spaces as the model sees them.

The model works on units: a number is its place between the ends of its range, 0 and 1, on the
linear or the logarithmic scale; a choice is its index. NaN stands for a parameter that is not
active. All densities are relative to the uniform one: a missing parameter, whose factor in a
product is 1, therefore counts as one of which nothing is known.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

import numpy as np

from bohb.model.arrays import BoolArray, FloatArray
from bohb.model.predicates import Predicate

_SMALLEST = np.finfo(float).tiny


class Prior(Protocol):
    """A distribution on [0, 1], as SciPy's frozen ones are."""

    def logpdf(self, units: FloatArray, /) -> FloatArray:
        """Return the log of the density."""

    def cdf(self, units: FloatArray, /) -> FloatArray:
        """Return the mass below."""

    def ppf(self, shares: FloatArray, /) -> FloatArray:
        """Return the points below which these shares of the mass lie."""


@dataclass(frozen=True, slots=True)
class Numeric:
    """A number between `low` and `high`, both included.

    Its scale is linear, or logarithmic if `log`. With a `step` only the values ``low + k * step``
    exist. Each of them then owns the bin of half a step to either side, so that the two end
    values are as likely as the others. The units 0 and 1 are the ends of the range, bins
    included. `prior` is a distribution of the units; None is the uniform one.
    """

    low: float
    high: float
    log: bool = False
    step: float | None = None
    prior: Prior | None = None

    def encode(self, values: FloatArray) -> FloatArray:
        """Return the units of `values`, shape (n,); outside of [0, 1] if they are out of range."""
        lowest, highest = self.ends
        # What was observed in another range may lie outside the domain of the logarithm.
        scaled = np.log(np.maximum(values, _SMALLEST)) if self.log else values
        return np.asarray((scaled - lowest) / (highest - lowest))

    def decode(self, units: FloatArray) -> FloatArray:
        """Return the existing values that own the places `units`, shape (n,)."""
        lowest, highest = self.ends
        scaled = lowest + (highest - lowest) * units
        values = np.exp(scaled) if self.log else scaled
        if self.step:
            steps = np.floor((values - self.low) / self.step + 0.5)
            values = self.low + self.step * np.clip(steps, 0, self.n_values - 1)
        return np.clip(values, self.low, self.high)

    def around(self, value: float, distance: float) -> tuple[float, float]:
        """Return the ends of the values whose units are at most `distance` from that of `value`."""
        lowest, highest = self.ends
        margin = distance * (highest - lowest)
        if self.log:
            return value * math.exp(-margin), value * math.exp(margin)
        return value - margin, value + margin

    def bins(self, units: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the ends of the bins that `units` lie in, shape (n,) each."""
        margin = (self.step or 0.0) / 2
        values = self.decode(units)
        return self.encode(values - margin), self.encode(values + margin)

    @property
    def widest_bin(self) -> float:
        """The width of the widest bin, in units: that of the lowest value; 0 without a step."""
        if not self.step:
            return 0.0
        lower, upper = self.bins(np.zeros(1))
        return float(upper[0] - lower[0])

    def log_prior(self, units: FloatArray) -> FloatArray:
        """Return the log of the prior, relative to the uniform density, shape (n,)."""
        if self.prior is None:
            return np.zeros(len(units))
        if self.step:
            lower, upper = self.bins(units)
            mass = self.prior.cdf(upper) - self.prior.cdf(lower)
            return np.asarray(np.log(np.maximum(mass / (upper - lower), _SMALLEST)))
        return self.prior.logpdf(units)

    def draw_prior(self, count: int, rng: np.random.Generator) -> FloatArray:
        """Return `count` units from the prior."""
        shares = rng.random(count)
        return self.snap(shares if self.prior is None else self.prior.ppf(shares))

    def snap(self, units: FloatArray) -> FloatArray:
        """Return the places of the existing values that own the places `units`, shape (n,)."""
        return self.encode(self.decode(units)) if self.step else np.clip(units, 0.0, 1.0)

    @property
    def has_prior(self) -> bool:
        """Whether the prior is another than the uniform one."""
        return self.prior is not None

    @property
    def n_values(self) -> float:
        """The number of values that exist: infinite without a step."""
        if not self.step:
            return math.inf
        # Rounding may leave the quotient just below a whole number.
        return math.floor((self.high - self.low) / self.step + 1e-8) + 1

    def all_units(self) -> FloatArray:
        """Return the places of all values of a parameter that has a step."""
        steps = np.arange(self.n_values, dtype=np.float64)
        return self.encode(self.low + (self.step or 0.0) * steps)

    @property
    def ends(self) -> tuple[float, float]:
        """The values of the units 0 and 1, on the model's scale."""
        margin = self.step / 2 if self.step else 0.0
        ends = self.low - margin, self.high + margin
        return (math.log(ends[0]), math.log(ends[1])) if self.log else ends


@dataclass(frozen=True, slots=True)
class Categorical:
    """One of `n_choices` things without an order, known by their index.

    `weights` are the probabilities of the choices, and sum to one; None stands for equal ones.
    """

    n_choices: int
    weights: tuple[float, ...] | None = None

    def encode(self, values: FloatArray) -> FloatArray:
        """Return `values` themselves: a choice is its index."""
        return values

    def decode(self, units: FloatArray) -> FloatArray:
        """Return `units` themselves: a choice is its index."""
        return units

    def around(self, value: float, distance: float) -> tuple[float, float]:
        """Return the ends of the values whose units are at most `distance` from that of `value`."""
        return value - distance, value + distance

    def relative_prior(self, units: FloatArray) -> FloatArray:
        """Return how likely the choices are, relative to equal probabilities, shape (n,)."""
        if self.weights is None:
            return np.ones(len(units))
        relative = self.n_choices * np.array(self.weights)
        # A choice of another study's longer list has no weight here.
        known = units < self.n_choices
        return np.where(known, relative[np.where(known, units, 0).astype(int)], 0.0)

    def log_prior(self, units: FloatArray) -> FloatArray:
        """Return the log of the prior, relative to equal probabilities, shape (n,)."""
        return np.asarray(np.log(np.maximum(self.relative_prior(units), _SMALLEST)))

    def draw_prior(self, count: int, rng: np.random.Generator) -> FloatArray:
        """Return `count` choices from the prior."""
        if self.weights is None:
            return rng.integers(self.n_choices, size=count).astype(float)
        return rng.choice(self.n_choices, size=count, p=self.weights).astype(float)

    @property
    def has_prior(self) -> bool:
        """Whether the prior is another than equal probabilities."""
        return self.weights is not None

    @property
    def n_values(self) -> float:
        """The number of values that exist."""
        return self.n_choices

    def all_units(self) -> FloatArray:
        """Return all choices."""
        return np.arange(self.n_choices, dtype=float)


Parameter: TypeAlias = Numeric | Categorical


@dataclass(frozen=True)
class Space:
    """The parameters of a configuration, and what is known of how they belong together.

    Configurations are the rows of an array of units, shape (n, d).

    Attributes
    ----------
    parameters
        By name, in the order of the columns; each after the parameters that its condition is about.
    conditions
        By name, the statement that must hold for a parameter to be active; without one it always
        is.
    forbidden
        The statements that must hold for no configuration.
    is_declared
        Whether the parameters and their conditions were declared beforehand. If so, a row has a
        value for each active parameter and for no other. Otherwise a row may lack any of them:
        which parameters go together is only known from the configurations that were tried.
    """

    parameters: Mapping[str, Parameter]
    conditions: Mapping[str, Predicate] = field(default_factory=dict)
    forbidden: Sequence[Predicate] = ()
    is_declared: bool = False

    @property
    def names(self) -> list[str]:
        """The names of the parameters, in the order of the columns."""
        return list(self.parameters)

    def encode(self, values: FloatArray) -> FloatArray:
        """Return the units of `values`, shape (n, d) each."""
        columns = zip(self.parameters.values(), values.T, strict=True)
        return _stacked([parameter.encode(column) for parameter, column in columns], values.shape)

    def decode(self, units: FloatArray) -> FloatArray:
        """Return the values of `units`, shape (n, d) each."""
        columns = zip(self.parameters.values(), units.T, strict=True)
        return _stacked([parameter.decode(column) for parameter, column in columns], units.shape)

    def named(self, row: FloatArray) -> dict[str, float]:
        """Return the values of the active parameters of a row of units, by name."""
        values = self.decode(row[None, :])[0]
        return {
            name: float(value)
            for name, value in zip(self.parameters, values, strict=True)
            if not np.isnan(value)
        }

    def encode_named(self, values: Mapping[str, float]) -> FloatArray:
        """Return the row of units of some values by name, NaN for the others, shape (d,)."""
        row = [values.get(name, np.nan) for name in self.parameters]
        return np.asarray(self.encode(np.array([row]))[0])

    def draw_prior(
        self, count: int, rng: np.random.Generator, fixed: FloatArray | None = None
    ) -> FloatArray:
        """Return `count` configurations from the prior, shape (count, d), forbidden or not.

        All active parameters have values, and no others. `fixed` is a row of units that are given,
        NaN for the others.
        """
        units = self.draw_independent(count, rng)
        if fixed is not None:
            units = np.where(np.isnan(fixed), units, fixed)
        self.deactivate(units)
        return units

    def draw_independent(self, count: int, rng: np.random.Generator) -> FloatArray:
        """Return `count` rows with a value of the prior for every parameter, shape (count, d)."""
        columns = [p.draw_prior(count, rng) for p in self.parameters.values()]
        return _stacked(columns, (count, len(columns)))

    def log_prior(self, units: FloatArray) -> FloatArray:
        """Return the log of the prior of configurations, relative to the uniform, shape (n,)."""
        total = np.zeros(len(units))
        for column, parameter in enumerate(self.parameters.values()):
            if parameter.has_prior:
                given = ~np.isnan(units[:, column])
                total[given] += parameter.log_prior(units[given, column])
        return total

    def deactivate(self, units: FloatArray) -> None:
        """Let no row of `units` have a value for a parameter that is not active."""
        # In the order of the columns, so that what depends on a removed parameter goes too.
        for column in range(units.shape[1]):
            units[~self.is_active(column, units), column] = np.nan

    def complete(self, units: FloatArray, rng: np.random.Generator) -> None:
        """Let each row of a declared space have what its conditions ask for, and nothing else.

        What a row lacks is drawn from the prior.
        """
        parameters = list(self.parameters.values())
        self.complete_with(
            lambda column, lacking: parameters[column].draw_prior(len(lacking), rng), units
        )

    def complete_with(
        self, draw: Callable[[int, FloatArray], FloatArray], units: FloatArray
    ) -> None:
        """Let each row of a declared space have what its conditions ask for, and nothing else.

        `draw` is given a column and the rows that lack it, and returns a unit for each of them.
        """
        if not self.is_declared:
            return
        for column in range(units.shape[1]):
            active = self.is_active(column, units)
            units[~active, column] = np.nan
            lacking = active & np.isnan(units[:, column])
            if lacking.any():
                units[lacking, column] = draw(column, units[lacking])

    def is_active(self, column: int, units: FloatArray) -> BoolArray:
        """Return whether the parameter of `column` is active, given those before it, shape (n,)."""
        condition = self.conditions.get(self.names[column])
        if condition is None:
            return np.ones(len(units), dtype=bool)
        return self.holds(condition, units)

    def is_allowed(self, units: FloatArray) -> BoolArray:
        """Return which configurations no forbidden clause holds for, shape (n,)."""
        allowed = np.ones(len(units), dtype=bool)
        for clause in self.forbidden:
            allowed &= ~self.holds(clause, units)
        return allowed

    def holds(self, statement: Predicate, units: FloatArray) -> BoolArray:
        """Return for which configurations a statement holds, shape (n,)."""
        return statement.holds(self._columns(statement.names, units))

    @property
    def n_configurations(self) -> float:
        """An upper bound of the number of configurations: the product of the numbers of values."""
        return math.prod(parameter.n_values for parameter in self.parameters.values())

    def _columns(self, names: Sequence[str], units: FloatArray) -> dict[str, FloatArray]:
        """Return the values of some parameters by name; a missing parameter's are NaN."""
        found = {}
        for name in names:
            column = self.names.index(name)
            found[name] = self.parameters[name].decode(units[:, column])
        return found


def _stacked(columns: Sequence[FloatArray], shape: tuple[int, ...]) -> FloatArray:
    return np.column_stack(columns) if columns else np.empty(shape)

"""The mixture of kernels round observed configurations, as one density.

Each observation carries one kernel: the product of one factor per parameter. Keeping the product
together keeps the relations between parameters, which a density per parameter loses.
"""

from __future__ import annotations

import numpy as np

from bohb.model.arrays import FloatArray, IndexArray
from bohb.model.kernels import kernels
from bohb.model.space import Space

_FLAT = 100.0  # a kernel of this bandwidth, in units, is as good as uniform


class Mixture:
    """A density over configurations: kernels round observations, and the prior as one more.

    Densities are relative to the uniform one.

    Parameters
    ----------
    space
        The parameters of the columns.
    points
        The units of the observed configurations, shape (n, d), NaN where a parameter is missing.
    weights
        The weights of the observations, shape (n,); the prior has the weight 1 beside them.
    spans
        The range of each column over all that was seen and is asked for, shape (d,), in units:
        above 1 where ranges differ between trials.

    Notes
    -----
    The bandwidth is ``max(0.2 n**(-1/(d+4)), 1/min(100, n+1))`` of the span: the rate of Scott's
    rule without its standard deviations, which collapse where the good configurations lie close
    together. A choice is smoothed by 1/n. A parameter that either side lacks has the factor 1.
    """

    def __init__(
        self, space: Space, points: FloatArray, weights: FloatArray, spans: FloatArray
    ) -> None:
        n, d = points.shape
        bandwidth = max(0.2 * max(n, 1) ** (-1 / (d + 4)), 1 / min(100, n + 1))
        self.space = space
        self.points = points
        widths = np.minimum(bandwidth * spans, _FLAT)
        self.kernels = kernels(list(space.parameters.values()), widths, 1 / max(n, 1))
        self.log_weights = np.log(np.append(weights, 1.0))

    def log_density(self, units: FloatArray, fixed: FloatArray | None = None) -> FloatArray:
        """Return the log density of configurations, shape (n, d), as shape (n,).

        `fixed` is a row of units, shape (d,), NaN where nothing is given. If it gives any, the
        density is that of the other parameters given these values.
        """
        weights = self.log_weights
        if fixed is not None and not np.isnan(fixed).all():
            weights = self.condition(fixed)
            units = np.where(np.isnan(fixed), units, np.nan)
        total = _log_sum(self.log_components(units) + weights)
        return np.asarray(total - _log_sum(weights[None, :]))

    def log_components(self, units: FloatArray) -> FloatArray:
        """Return the log density of each component, shape (n, n points + 1).

        The last column is the prior's.
        """
        terms = np.zeros((len(units), len(self.points) + 1))
        for kernel in self.kernels:
            columns = list(kernel.columns)
            terms[:, :-1] += kernel.log_factors(units[:, columns], self.points[:, columns])
        terms[:, -1] = self.space.log_prior(units)
        return terms

    def condition(self, fixed: FloatArray) -> FloatArray:
        """Return the log weights of the components, given some values.

        `fixed` is a row of units, shape (d,), NaN where nothing is given. Each weight is
        multiplied by the component's density there.
        """
        if np.isnan(fixed).all():
            return np.asarray(self.log_weights)
        return np.asarray(self.log_weights + self.log_components(fixed[None, :])[0])

    def draw(self, count: int, fixed: FloatArray, rng: np.random.Generator) -> FloatArray:
        """Return `count` configurations, shape (count, d), given some values.

        `fixed` is a row of units, shape (d,), NaN where nothing is given. A configuration has the
        parameters of the observation it was drawn from; one of the prior has all. In a declared
        space the conditions say what is active, and what is lacking is drawn given the rest.
        """
        weights = self.condition(fixed)
        chances = np.exp(weights - np.max(weights))
        chosen = rng.choice(len(chances), size=count, p=chances / chances.sum())
        units = self._draw_from(chosen, rng)
        units = np.where(np.isnan(fixed), units, fixed)

        def lacking(column: int, rows: FloatArray) -> FloatArray:
            return self._draw_from(self._components_for(column, rows, rng), rng)[:, column]

        self.space.complete_with(lacking, units)
        return units

    def _draw_from(self, chosen: IndexArray, rng: np.random.Generator) -> FloatArray:
        """Return a row from each of the components `chosen`, NaN where it has no parameter."""
        from_prior = chosen == len(self.points)
        units = np.empty((len(chosen), len(self.space.parameters)))
        centres = self.points[chosen[~from_prior]]
        for kernel in self.kernels:
            columns = list(kernel.columns)
            units[np.ix_(~from_prior, columns)] = kernel.draw(centres[:, columns], rng)
        units[from_prior] = self.space.draw_independent(int(from_prior.sum()), rng)
        return units

    def _components_for(
        self, column: int, units: FloatArray, rng: np.random.Generator
    ) -> IndexArray:
        """Return a component that has the parameter of `column` for each row, given the row."""
        # Later columns are not settled yet: their parameters may turn out to be inactive.
        before = units.copy()
        before[:, column:] = np.nan
        weights = self.log_weights + self.log_components(before)
        weights[:, :-1][:, np.isnan(self.points[:, column])] = -np.inf
        noise = rng.gumbel(size=weights.shape)  # the place of the largest sum is a draw by weight
        return np.asarray(np.argmax(weights + noise, axis=1))


def _log_sum(terms: FloatArray) -> FloatArray:
    """Return the log of the sum of the exponentials along the last axis."""
    largest = np.max(terms, axis=-1)
    return np.asarray(np.log(np.exp(terms - largest[..., None]).sum(axis=-1)) + largest)

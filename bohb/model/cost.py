"""The cost of a configuration: what training it is expected to cost, from what others have cost."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bohb.model.arrays import FloatArray
from bohb.model.observations import Observations
from bohb.model.space import Space
from bohb.model.surface import Surface

_FEWEST = 5  # so many trials must have a cost before anything is expected of others


@dataclass(frozen=True, slots=True)
class Cost:
    """The logarithm of what trials cost, as a Gaussian process over all levels expects it.

    Proposals are judged by what they promise for each unit of cost: the expected improvement by
    the expected cost (Snoek, Larochelle & Adams 2012, *Practical Bayesian Optimization of Machine
    Learning Algorithms*, section 3.2).

    Attributes
    ----------
    surface
        The surface of the logarithms of costs, at the level that is looked at.
    """

    surface: Surface

    @classmethod
    def fitted(
        cls, space: Space, log_costs: Observations, n_levels: int, target: int
    ) -> Cost | None:
        """Return what the costs of trials tell; None if too few are known.

        Parameters
        ----------
        space
            The parameters of the configurations.
        log_costs
            The logarithms of costs in place of losses.
        n_levels, target
            How many levels there are, and the one whose cost is asked for.
        """
        if np.count_nonzero(log_costs.is_evaluated) < _FEWEST:
            return None
        return cls(Surface.fitted(space, log_costs, n_levels, target))

    def log_cost(self, units: FloatArray) -> FloatArray:
        """Return the logarithm of the expected cost of configurations, shape (n,)."""
        mean, _ = self.surface.predict(units)
        return self.surface.squeeze.invert(mean)

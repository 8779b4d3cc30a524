"""The chance of success: how likely a configuration is evaluated without a failure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bohb.model.arrays import FloatArray
from bohb.model.mixture import Mixture
from bohb.model.observations import Observations
from bohb.model.space import Space


@dataclass(frozen=True, slots=True)
class Success:
    """Tells failures that come from a configuration from those that come by chance.

    The chance of a failure is estimated by kernels round the configurations that have failed and
    round those that were evaluated. Where the two lie among each other it is the same everywhere,
    and nothing is preferred; where all that is near has failed, it is close to one. Proposals are
    judged by what they promise times their chance of success (Gelbart, Snoek & Adams 2014,
    *Bayesian Optimization with Unknown Constraints*, section 3).

    Attributes
    ----------
    failed, evaluated
        The densities of the two kinds of configurations.
    log_odds
        The logarithm of the number of failures by the number of evaluated configurations.
    """

    failed: Mixture
    evaluated: Mixture
    log_odds: float

    @classmethod
    def fitted(
        cls, space: Space, observations: Observations, max_points: int = 100
    ) -> Success | None:
        """Return what is learned from the newest `max_points` of each kind; None if none failed."""
        failed = np.flatnonzero(observations.failed)
        evaluated = np.flatnonzero(observations.is_evaluated)
        if not len(failed) or not len(evaluated):
            return None
        log_odds = float(np.log(len(failed) / len(evaluated)))
        return cls(
            _mixture(space, observations.rows(failed[-max_points:])),
            _mixture(space, observations.rows(evaluated[-max_points:])),
            log_odds,
        )

    def log_probability(self, units: FloatArray) -> FloatArray:
        """Return the logarithm of the chance of success of configurations, shape (n,)."""
        failed, evaluated = self.failed.log_density(units), self.evaluated.log_density(units)
        return -np.logaddexp(0.0, self.log_odds + failed - evaluated)


def _mixture(space: Space, observations: Observations) -> Mixture:
    points = space.encode(observations.columns(space.names))
    # Values that were observed in another range may lie outside of [0, 1].
    spans = np.nanmax(points, axis=0, initial=1.0) - np.nanmin(points, axis=0, initial=0.0)
    return Mixture(space, points, np.ones(len(points)), spans)

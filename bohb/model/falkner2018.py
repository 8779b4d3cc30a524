"""The published model, to compare with: Falkner, Klein & Hutter 2018, *BOHB*, section 3.

It reproduces the paper and does not improve on it. It consists of two kernel density estimators
over the largest resource with enough results, with bandwidths from the normal reference rule.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from statsmodels.nonparametric.kernel_density import KDEMultivariate

from bohb.model.allowed import allowed_from_prior, is_possible
from bohb.model.arrays import FloatArray
from bohb.model.kernels import draw_truncated
from bohb.model.observations import Observations
from bohb.model.proposer import Proposal
from bohb.model.space import Categorical, Parameter, Space

_MIN_BANDWIDTH = 1e-3
_BANDWIDTH_FACTOR = 3.0
_GOOD_SHARE = 0.15  # q
_LEAST_DENSITY = 1e-32


@dataclass(frozen=True, slots=True)
class Falkner2018Proposer:
    """Proposes by the ratio of two densities over the largest resource with enough results.

    Attributes
    ----------
    random_fraction
        The share of proposals drawn from the prior (rho in the paper).
    n_candidates
        How many candidates compete (N_s).
    min_observations
        The least number of observations for each density (N_min), at least d + 1 for d parameters,
        which is also what None means.

    Notes
    -----
    Unlike in the authors' program a categorical parameter has its true number of choices, and its
    bandwidth is at most (K - 1) / K, beyond which the kernel would prefer the other choices.
    A parameter that is not active gets the value of a random configuration that has it. A
    configuration that has failed counts as the worst, whatever its resource.
    """

    random_fraction: float = 1 / 3
    n_candidates: int = 64
    min_observations: int | None = None

    def propose(
        self,
        space: Space,
        observations: Observations,
        fixed: Mapping[str, float],
        rng: np.random.Generator,
    ) -> Proposal:
        """Return values for the parameters of `space` that should be tried together."""
        given = space.encode_named(fixed)
        found = None
        if rng.random() >= self.random_fraction:
            found = self._densities(space, observations.with_any_of(space.names), rng)
        if found is None:
            return Proposal(space.named(allowed_from_prior(space, given, rng)), "prior")
        good, bad, level = found
        candidates = np.where(np.isnan(given), good.draw_near(self.n_candidates, rng), given)
        ratio = np.maximum(good.density(candidates), _LEAST_DENSITY)
        ratio /= np.maximum(bad.density(candidates), _LEAST_DENSITY)
        # Only now, for the estimators take configurations that lack nothing.
        space.deactivate(candidates)
        ratio[~is_possible(candidates, space, given)] = -1
        best = np.argmax(ratio)
        if ratio[best] < 0:
            return Proposal(space.named(allowed_from_prior(space, given, rng)), "prior")
        return Proposal(space.named(candidates[best]), "densities", level)

    def propose_one(
        self,
        name: str,
        space: Space,
        observations: Observations,
        fixed: Mapping[str, float],
        rng: np.random.Generator,
    ) -> float:
        """Return a value from the prior: the paper says nothing of parameters outside a space."""
        return space.named(allowed_from_prior(space, space.encode_named(fixed), rng))[name]

    def _densities(
        self, space: Space, observations: Observations, rng: np.random.Generator
    ) -> tuple[Estimator, Estimator, int] | None:
        """Return the densities of the good and of the bad, if there are enough of both.

        The third is the level at which they were observed.
        """
        least = max(self.min_observations or 0, len(space.parameters) + 1)
        for level in reversed(range(observations.losses.shape[1])):
            losses = np.where(observations.failed, np.inf, observations.losses[:, level])
            rows = np.flatnonzero(~np.isnan(losses))
            if np.isfinite(losses[rows]).any() and len(rows) >= least + 2:
                break
        else:
            return None
        order = rows[np.argsort(losses[rows], kind="stable")]
        n_good = max(least, int(_GOOD_SHARE * len(order)))  # eq. 3
        n_bad = max(least, len(order) - n_good)
        units = space.encode(observations.columns(space.names)[order])
        parameters = list(space.parameters.values())
        units = impute(units, parameters, rng)
        return Estimator(parameters, units[:n_good]), Estimator(parameters, units[-n_bad:]), level


def impute(units: FloatArray, parameters: list[Parameter], rng: np.random.Generator) -> FloatArray:
    """Return `units` with each missing value replaced by that of a random row that has one."""
    filled = units.copy()
    for column, parameter in enumerate(parameters):
        missing = np.isnan(units[:, column])
        donors = units[~missing, column]
        if not len(donors):
            filled[missing, column] = parameter.draw_prior(int(missing.sum()), rng)
        elif missing.any():
            filled[missing, column] = donors[rng.integers(len(donors), size=int(missing.sum()))]
    return np.asarray(filled)


class Estimator:
    """A kernel density estimator with one bandwidth per parameter.

    Parameters
    ----------
    parameters
        Those of the columns.
    data
        The units of the observed configurations, shape (n, d).
    """

    def __init__(self, parameters: list[Parameter], data: FloatArray) -> None:
        self.parameters, self.data = parameters, data
        # For statsmodels "u" is an unordered parameter, and "c" a continuous one.
        kinds = "".join("u" if isinstance(p, Categorical) else "c" for p in parameters)
        self.bandwidths = np.maximum(
            KDEMultivariate(data, kinds, bw="normal_reference", rng=0).bw, _MIN_BANDWIDTH
        )
        for column, parameter in enumerate(parameters):
            if isinstance(parameter, Categorical):
                most = (parameter.n_choices - 1) / parameter.n_choices
                self.bandwidths[column] = min(self.bandwidths[column], most)

    def density(self, units: FloatArray) -> FloatArray:
        """Return the density of configurations that lack nothing, shape (n, d), as shape (n,)."""
        product = np.ones((len(units), len(self.data)))
        for column, (parameter, bandwidth) in enumerate(
            zip(self.parameters, self.bandwidths, strict=True)
        ):
            values, data = units[:, column, None], self.data[:, column]
            if isinstance(parameter, Categorical):  # Aitchison & Aitken 1976
                other = bandwidth / max(parameter.n_choices - 1, 1)
                product *= np.where(values == data, 1 - bandwidth, other)
            else:
                product *= np.exp(-0.5 * ((values - data) / bandwidth) ** 2)
                product /= bandwidth * np.sqrt(2 * np.pi)
        return np.asarray(product.mean(axis=1))

    def draw_near(self, count: int, rng: np.random.Generator) -> FloatArray:
        """Return configurations near random ones of the data, shape (count, d).

        The bandwidths of numbers are widened by a factor, for exploration (section 4.1).
        """
        centres = self.data[rng.integers(len(self.data), size=count)]
        drawn = np.empty_like(centres)
        for column, (parameter, bandwidth) in enumerate(
            zip(self.parameters, self.bandwidths, strict=True)
        ):
            centre = centres[:, column]
            if isinstance(parameter, Categorical):
                keep = rng.random(count) < 1 - bandwidth
                other = rng.integers(parameter.n_choices, size=count)
                drawn[:, column] = np.where(keep, centre, other)
            else:
                drawn[:, column] = draw_truncated(centre, _BANDWIDTH_FACTOR * bandwidth, rng)
        return np.asarray(drawn)

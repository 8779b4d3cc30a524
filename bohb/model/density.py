"""The density model: proposals that are likely among the good trials and unlikely among the others.

The tree-structured Parzen estimator (Bergstra et al. 2011) over all rungs, with one product
kernel per observation as in BOHB (Falkner, Klein & Hutter 2018).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bohb.model.allowed import allowed_from_prior, is_possible
from bohb.model.arrays import FloatArray
from bohb.model.learned import with_learned_conditions
from bohb.model.observations import Observations, rank_weights, split
from bohb.model.proposer import Proposal
from bohb.model.space import Space
from bohb.model.tried import first_untried, untried_from_prior

if TYPE_CHECKING:
    from bohb.model.mixture import Mixture
    from bohb.model.success import Success

_ENOUGH = 10  # so many evaluated trials suffice to begin with, also in many dimensions


@dataclass(frozen=True, slots=True)
class DensityProposer:
    """Proposes what is likely among the good configurations and unlikely among the others.

    Attributes
    ----------
    random_fraction
        The share of proposals drawn from the prior, whatever was observed.
    n_candidates
        How many draws from the good density compete for the largest ratio of the two densities.
    min_observations
        How many trials must have been evaluated before the densities are used; None means d + 2
        for d parameters, but 10 at most.
    reduction_factor
        How many trials compete for one place on the next level of the ladder.
    good_share, max_good
        The best ``min(ceil(good_share * n), max_good)`` of n evaluated trials are good.
    max_others
        At most how many of the others are looked at, taken evenly from the first to the last. All
        pending trials are looked at besides: they keep other proposals away (the constant liar of
        Ginsbourger et al. 2010).
    """

    random_fraction: float = 0.1
    n_candidates: int = 256
    min_observations: int | None = None
    reduction_factor: float = 3.0
    good_share: float = 0.1
    max_good: int = 25
    max_others: int = 100

    def propose(
        self,
        space: Space,
        observations: Observations,
        fixed: Mapping[str, float],
        rng: np.random.Generator,
    ) -> Proposal:
        """Return values for the parameters of `space` that should be tried together."""
        if self.is_random(space, observations, rng):
            given = space.encode_named(fixed)
            drawn = untried_from_prior(space, observations, given, rng)
            return Proposal(space.named(drawn), "prior")
        relevant = observations.with_any_of(space.names)
        space = with_learned_conditions(space, relevant)
        given = space.encode_named(fixed)
        densities = self.densities(space, relevant)
        candidates = densities.draw(self.n_candidates, given, rng)
        order = np.argsort(-densities.log_ratio(candidates, given), kind="stable")
        chosen = first_untried(candidates[order], space, observations, given, rng)
        return Proposal(space.named(chosen), "densities")

    def propose_one(
        self,
        name: str,
        space: Space,
        observations: Observations,
        fixed: Mapping[str, float],
        rng: np.random.Generator,
    ) -> float:
        """Return a value for the parameter `name` of a trial that has the values `fixed`."""
        given = space.encode_named(fixed)
        relevant = observations.with_any_of([name])
        if self.is_random(space, relevant, rng):
            return space.named(allowed_from_prior(space, given, rng))[name]
        densities = self.densities(space, relevant)
        candidates = densities.draw(self.n_candidates, given, rng)
        best = np.argmax(densities.log_ratio(candidates, given))
        return space.named(candidates[best])[name]

    def is_random(self, space: Space, observations: Observations, rng: np.random.Generator) -> bool:
        """Return whether a proposal is drawn from the prior: by chance, or as nothing is known.

        As long as all losses are alike no configuration is better than another. A model would look
        for what is farthest from all that was tried, which are the corners of the space.
        """
        if rng.random() < self.random_fraction:
            return True
        wanted = self.min_observations or min(len(space.parameters) + 2, _ENOUGH)
        return bool(observations.is_evaluated.sum() < wanted) or observations.tells_nothing

    def densities(self, space: Space, observations: Observations) -> Densities:
        """Return the densities of the good observations and of the others.

        Each of the `observations` must have some parameter of `space`.
        """
        # These need SciPy, and random proposals do not.
        from bohb.model.mixture import Mixture
        from bohb.model.success import Success

        good, others = split(
            observations, self.reduction_factor, good_share=self.good_share, max_good=self.max_good
        )
        pending = others[observations.is_pending[others]]
        others = others[observations.is_evaluated[others]]
        # The observations that are looked at weigh as much as all those that they stand for.
        weight = max(len(others) / self.max_others, 1.0)
        if weight > 1:
            places = np.linspace(0, len(others) - 1, self.max_others)
            others = others[places.round().astype(int)]
        weights = np.append(np.full(len(others), weight), np.ones(len(pending)))
        others = np.append(others, pending)
        rows = np.concatenate([good, others])
        points = space.encode(observations.rows(rows).columns(space.names))
        # Values that were observed in another range may lie outside of [0, 1].
        spans = np.nanmax(points, axis=0, initial=1.0) - np.nanmin(points, axis=0, initial=0.0)
        n_good = len(good)
        return Densities(
            space,
            Mixture(space, points[:n_good], rank_weights(n_good), spans),
            Mixture(space, points[n_good:], weights, spans),
            Success.fitted(space, observations),
        )


@dataclass(frozen=True, slots=True)
class Densities:
    """The density of the good configurations, that of the others, and the chance of success."""

    space: Space
    good: Mixture
    others: Mixture
    success: Success | None

    def draw(self, count: int, fixed: FloatArray, rng: np.random.Generator) -> FloatArray:
        """Return the possible ones among `count` draws from the good density, shape (n, d).

        If none of them is possible, return one configuration from the prior. `fixed` is a row of
        units that are given, NaN for the others, shape (d,).
        """
        rows = self.good.draw(count, fixed, rng)
        rows = rows[is_possible(rows, self.space, fixed)]
        return rows if len(rows) else allowed_from_prior(self.space, fixed, rng)[None, :]

    def log_ratio(self, units: FloatArray, fixed: FloatArray) -> FloatArray:
        """Return log good - log others of configurations, shape (n,), given what is fixed.

        Where trials have failed, the logarithm of the chance of success is added.
        """
        ratio = self.good.log_density(units, fixed) - self.others.log_density(units, fixed)
        return ratio if self.success is None else ratio + self.success.log_penalty(units)

"""The Gaussian-process model: densities propose, a Gaussian process over all rungs ranks."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np

from bohb.model.allowed import is_possible
from bohb.model.arrays import FloatArray
from bohb.model.cost import Cost
from bohb.model.density import DensityProposer
from bohb.model.learned import with_learned_conditions
from bohb.model.observations import Observations
from bohb.model.proposer import Proposal, Source
from bohb.model.space import Categorical, Space
from bohb.model.surface import MAX_FIT, MAX_POINTS, Surface
from bohb.model.tried import first_untried, untried_from_prior

_N_PARENTS, _N_CHILDREN = 5, 12  # the best that are varied, and how often at each scale
_SCALES = (0.02, 0.08, 0.2)  # of the variations, in units
_REFINEMENTS = np.geomspace(0.1, 0.001, 11)  # the scales at which the best candidate is refined
_N_NEIGHBOURS = 40  # how many variations of the best candidate are tried at each of them
_MOVED = 0.6  # the share of the parameters that a variation moves


class Ranking(Protocol):
    """What is known of the loss at the level at which an improvement is looked for."""

    @property
    def tried(self) -> FloatArray:
        """The configurations that were tried or are pending, best first, shape (n, d)."""

    @property
    def noise_share(self) -> float:
        """The share of the variance of losses at that level that is taken for noise."""

    def log_improvement(self, units: FloatArray) -> FloatArray:
        """Return the log of the expected improvement by each configuration, shape (n,)."""


@dataclass(frozen=True, slots=True)
class GaussianProcessProposer:
    """Proposes what promises the largest improvement at the highest level.

    Until two trials have reached the highest level the density model proposes in its place: a
    process that has seen lower levels alone optimises the loss there, and a single trial cannot
    show what is a difference between levels and what is noise. Only where it is the turn of the
    process does it look for an improvement at the highest level that two have reached.

    Attributes
    ----------
    density
        The density model, which proposes until then, and draws a part of the candidates.
    n_levels
        How many levels the ladder has.
    random_fraction
        The share of proposals drawn from the prior.
    heeds_noise
        Whether this share is at least that of the noise. What the process takes for noise it cannot
        explain, and what promises most is then what is least known: it would propose the ends of
        the ranges again and again.
    is_its_turn
        Whether it is the turn of the process, at the end of the first bracket: it proposes then
        even if it has not seen the highest level. Few of these trials are promoted, as those from
        before its turn keep their share of the places.
    min_observations, min_at_level
        How many trials must have been evaluated before the process is used, at any level and at
        the one where it looks for an improvement.
    n_candidates
        How many candidates are drawn, a third of them from the good density and the others from
        the prior. 180 variations of the best configurations are added, and 440 of the best
        candidate, ever closer to it.
    max_observations, max_parameters
        The density model proposes where there are more evaluated trials or parameters.
    max_points, max_fit
        At most how much the process looks at, as for `Surface.fitted`.
    log_costs
        The logarithms of what trials have cost, in place of their losses, if an improvement counts
        by what it costs; else None.
    """

    _source: ClassVar[Source] = "Gaussian process"

    density: DensityProposer
    n_levels: int
    random_fraction: float = 0.05
    heeds_noise: bool = True
    is_its_turn: bool = False
    n_candidates: int = 384
    min_observations: int = 10
    min_at_level: int = 2
    max_observations: float = math.inf
    max_parameters: float = math.inf
    max_points: int = MAX_POINTS
    max_fit: int = MAX_FIT
    log_costs: Observations | None = None

    def propose(
        self,
        space: Space,
        observations: Observations,
        fixed: Mapping[str, float],
        rng: np.random.Generator,
    ) -> Proposal:
        """Return values for the parameters of `space` that should be tried together."""
        relevant = observations.with_any_of(space.names)
        target = self.target(space, relevant)
        is_early = target is not None and target < self.n_levels - 1
        if target is None or (is_early and not self.is_its_turn):
            return self.density.propose(space, observations, fixed, rng)
        chance = rng.random()
        if chance >= self.random_fraction and not relevant.tells_nothing:
            learned = with_learned_conditions(space, relevant)
            surface = self._surface(learned, relevant, target)
            if chance >= surface.noise_share or not self.heeds_noise:
                given = learned.encode_named(fixed)
                ranked = self._ranked(learned, relevant, target, surface, given, rng)
                chosen = first_untried(ranked, learned, observations, given, rng)
                return Proposal(learned.named(chosen), self._source, target)
        given = space.encode_named(fixed)
        drawn = untried_from_prior(space, observations, given, rng)
        return Proposal(space.named(drawn), "prior")

    def propose_one(
        self,
        name: str,
        space: Space,
        observations: Observations,
        fixed: Mapping[str, float],
        rng: np.random.Generator,
    ) -> float:
        """Return a value for the parameter `name` of a trial that has the values `fixed`."""
        return self.density.propose_one(name, space, observations, fixed, rng)

    def target(self, space: Space, observations: Observations) -> int | None:
        """Return the level at which to look for an improvement.

        It is None where there is not enough to learn from, or more than the process is used for.
        """
        n_evaluated = int(observations.is_evaluated.sum())
        is_little = n_evaluated < self.min_observations
        is_much = n_evaluated > self.max_observations
        if is_little or is_much or len(space.parameters) > self.max_parameters:
            return None
        counts = np.count_nonzero(~np.isnan(observations.losses), axis=0)
        return max(np.flatnonzero(counts >= self.min_at_level).tolist(), default=None)

    def _surface(self, space: Space, observations: Observations, target: int) -> Ranking:
        """Return what the candidates are ranked by."""
        return Surface.fitted(
            space,
            observations,
            self.n_levels,
            target,
            max_points=self.max_points,
            max_fit=self.max_fit,
        )

    def _ranked(
        self,
        space: Space,
        observations: Observations,
        target: int,
        surface: Ranking,
        fixed: FloatArray,
        rng: np.random.Generator,
    ) -> FloatArray:
        """Return configurations, the most promising first, shape (n, d)."""
        densities = self.density.densities(space, observations)
        success, cost = densities.success, None
        if self.log_costs is not None:
            cost = Cost.fitted(space, self.log_costs, self.n_levels, target)

        def promise(units: FloatArray) -> FloatArray:
            gains = surface.log_improvement(units)
            if cost is not None:
                gains = gains - cost.log_cost(units)
            return gains if success is None else gains + success.log_penalty(units)

        parents = np.repeat(surface.tried[:_N_PARENTS], _N_CHILDREN, axis=0)
        candidates = np.concatenate(
            [
                densities.draw(self.n_candidates // 3, fixed, rng),
                space.draw_prior(self.n_candidates - self.n_candidates // 3, rng, fixed),
                *(vary(parents, scale, space, fixed, rng) for scale in _SCALES),
            ]
        )
        # At least one candidate is left: the densities draw possible configurations only.
        candidates = candidates[is_possible(candidates, space, fixed)]
        gains = promise(candidates)
        best, gain = candidates[np.argmax(gains)], np.max(gains)
        for scale in _REFINEMENTS:
            near = vary(np.repeat(best[None, :], _N_NEIGHBOURS, axis=0), scale, space, fixed, rng)
            possible = is_possible(near, space, fixed)
            near_gains = np.where(possible, promise(near), -np.inf)
            if np.max(near_gains) > gain:
                best, gain = near[np.argmax(near_gains)], np.max(near_gains)
        order = np.argsort(-gains, kind="stable")
        return np.concatenate([best[None, :], candidates[order]])


def vary(
    rows: FloatArray, scale: float, space: Space, fixed: FloatArray, rng: np.random.Generator
) -> FloatArray:
    """Return a neighbour of each row, shape (n, d).

    Some parameters of each row move: a number by a normal step of this `scale`, and a choice, more
    seldom, to a random one. `fixed` is a row of units that stay, NaN for the others.
    """
    moved = rng.random(rows.shape) < _MOVED
    # In each row one parameter is chosen in any case: of few, chance might choose none.
    moved[np.arange(len(rows)), rng.integers(rows.shape[1], size=len(rows))] = True
    moved &= ~np.isnan(rows) & np.isnan(fixed)
    steps = rng.standard_normal(rows.shape)
    varied = np.where(moved, np.clip(rows + scale * steps, 0, 1), rows)
    for column, parameter in enumerate(space.parameters.values()):
        if isinstance(parameter, Categorical):
            other = moved[:, column] & (rng.random(len(rows)) < max(2 * scale, 0.1))
            drawn = parameter.draw_prior(len(rows), rng)
            varied[:, column] = np.where(other, drawn, rows[:, column])
        elif parameter.step:
            snapped = parameter.snap(varied[:, column])
            varied[:, column] = np.where(moved[:, column], snapped, rows[:, column])
    varied = np.where(np.isnan(fixed), varied, fixed)
    space.complete(varied, rng)
    return varied

"""The evolution model: differential evolution over the trials that did best, as in DEHB.

Awad, Mallik & Hutter 2021, *DEHB: Evolutionary Hyperband for Scalable, Robust and Efficient
Hyperparameter Optimization*, section 4: mutation "rand/1" and binomial crossover, with a population
for each level, which takes its parents from the level below while it has few of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from bohb.model.allowed import is_possible
from bohb.model.arrays import FloatArray
from bohb.model.density import DensityProposer
from bohb.model.learned import with_learned_conditions
from bohb.model.observations import Observations
from bohb.model.proposer import Proposal
from bohb.model.space import Categorical, Space
from bohb.model.tried import first_untried, untried_from_prior

_FEWEST = 4  # that differential evolution needs: one to be changed, and three that differ
_N_CHILDREN = 16  # of which the first that is possible and new is tried


@dataclass(frozen=True, slots=True)
class EvolutionProposer:
    """Proposes a child of the trials that did best at the highest level that has enough of them.

    Attributes
    ----------
    density
        What gives a single parameter that was not proposed.
    random_fraction
        The share of proposals drawn from the prior.
    population
        How many of the best are parents: those of the highest level that has four, and for the rest
        those of the levels below.
    scale
        What the difference of two parents is multiplied with (F in the paper).
    crossover
        The probability of each value of coming from the mutant (p in the paper).
    """

    density: DensityProposer
    random_fraction: float = 0.15
    population: int = 8
    scale: float = 0.5
    crossover: float = 0.5

    def propose(
        self,
        space: Space,
        observations: Observations,
        fixed: Mapping[str, float],
        rng: np.random.Generator,
    ) -> Proposal:
        """Return values for the parameters of `space` that should be tried together."""
        relevant = observations.with_any_of(space.names)
        given = space.encode_named(fixed)
        level = _level_of(relevant)
        if level is not None and rng.random() >= self.random_fraction:
            space = with_learned_conditions(space, relevant)
            given = space.encode_named(fixed)
            parents = self._parents(space, relevant, level)
            children = np.array([self._child(space, parents, rng) for _ in range(_N_CHILDREN)])
            children = np.where(np.isnan(given), children, given)
            space.complete(children, rng)
            children = children[is_possible(children, space, given)]
            if len(children):
                chosen = first_untried(children, space, observations, given, rng)
                return Proposal(space.named(chosen), "evolution", level)
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

    def _parents(self, space: Space, observations: Observations, level: int) -> FloatArray:
        """Return the best of the level, and then of the levels below, shape (n, d)."""
        found: dict[int, None] = {}
        for each in range(level, -1, -1):
            losses = observations.losses[:, each]
            rows = np.argsort(losses, kind="stable")[: np.count_nonzero(~np.isnan(losses))]
            found.update(dict.fromkeys(rows.tolist()))
            if len(found) >= self.population:
                break
        units = space.encode(observations.columns(space.names))[list(found)[: self.population]]
        for column, parameter in enumerate(space.parameters.values()):
            own = units[:, column]  # some may have been observed in another range
            if isinstance(parameter, Categorical):
                own[own >= parameter.n_choices] = parameter.n_choices - 1
            else:
                units[:, column] = parameter.snap(np.clip(own, 0, 1))
        return units

    def _child(self, space: Space, parents: FloatArray, rng: np.random.Generator) -> FloatArray:
        """Return one parent in which some values are those of a mutant, shape (d,)."""
        target, base, one, other = parents[rng.choice(len(parents), size=4, replace=False)]
        mutant = base.copy()
        for column, parameter in enumerate(space.parameters.values()):
            if isinstance(parameter, Categorical):
                if one[column] != other[column] and rng.random() < self.scale:
                    mutant[column] = parameter.draw_prior(1, rng)[0]
                continue
            moved = base[column] + self.scale * (one[column] - other[column])
            if not 0 <= moved <= 1:  # out of the range, or not active in one of the three
                moved = parameter.draw_prior(1, rng)[0]
            mutant[column] = parameter.snap(np.array([moved]))[0]
        is_mutated = rng.random(len(target)) < self.crossover
        is_mutated[rng.integers(len(target))] = True
        return np.asarray(np.where(is_mutated, mutant, target))


def _level_of(observations: Observations) -> int | None:
    """Return the highest level at which enough trials have a loss; None if there is none."""
    counts = np.count_nonzero(~np.isnan(observations.losses), axis=0)
    found: int | None = max(np.flatnonzero(counts >= _FEWEST).tolist(), default=None)
    return found

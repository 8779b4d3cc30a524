"""From what was observed to the configuration that is tried next."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from bohb.model.density import Mixture
from bohb.model.observations import Observation, rank_weights, split
from bohb.model.space import Categorical, FloatArray, Numeric, Parameter, all_values

_LARGEST_GRID = 4096  # finite spaces up to this size are searched for what is left


@dataclass(frozen=True, slots=True)
class DensityProposer:
    """Proposes what is likely among the good configurations and unlikely among the others.

    Attributes
    ----------
    random_fraction
        The share of proposals drawn from the prior, whatever was observed.
    n_candidates
        How many draws from the good density compete for the largest ratio of the two densities.
    good_share, max_good
        The best ``min(ceil(good_share * n), max_good)`` of n evaluated trials are good.
    min_observations
        From so many evaluated trials on the densities are used; None means d + 2 for d
        parameters.
    reduction_factor
        How many trials compete for one place on the next level of the ladder.
    """

    random_fraction: float = 0.1
    n_candidates: int = 64
    good_share: float = 0.1
    max_good: int = 25
    min_observations: int | None = None
    reduction_factor: float = 3.0

    def propose(
        self,
        space: Mapping[str, Parameter],
        observations: Sequence[Observation],
        rng: np.random.Generator,
    ) -> dict[str, float]:
        """Return values for the parameters of `space` that should be tried together.

        Parameters of `space` may be missing from it: those that were not active in the good
        observation it was drawn from.
        """
        if self._is_random(space, observations, rng):
            return _untried_from_prior(space, observations, rng)
        for values in self._from_densities(space, observations, {}, rng):
            if not _was_tried(values, space, observations):
                return values
        return _untried_from_prior(space, observations, rng)

    def propose_one(
        self,
        name: str,
        space: Mapping[str, Parameter],
        observations: Sequence[Observation],
        fixed: Mapping[str, float],
        rng: np.random.Generator,
    ) -> float:
        """Return a value for the parameter `name` of a trial whose values `fixed` are given.

        `space` has `name` and the fixed parameters that the model knows.
        """
        relevant = [observation for observation in observations if name in observation.values]
        if self._is_random(space, relevant, rng):
            return _from_prior({name: space[name]}, rng)[name]
        return next(self._from_densities(space, relevant, fixed, rng))[name]

    def _is_random(
        self,
        space: Mapping[str, Parameter],
        observations: Sequence[Observation],
        rng: np.random.Generator,
    ) -> bool:
        wanted = self.min_observations or len(space) + 2
        n_evaluated = sum(1 for observation in observations if observation.losses)
        return rng.random() < self.random_fraction or n_evaluated < wanted

    def _from_densities(
        self,
        space: Mapping[str, Parameter],
        observations: Sequence[Observation],
        fixed: Mapping[str, float],
        rng: np.random.Generator,
    ) -> Iterator[dict[str, float]]:
        """Return all candidates, the one with the largest ratio of the densities first."""
        names = list(space)
        parameters = list(space.values())
        observations = [o for o in observations if any(name in o.values for name in names)]
        points = _matrix(names, observations)
        good, bad = split(
            observations,
            self.reduction_factor,
            good_share=self.good_share,
            max_good=self.max_good,
        )
        spans = _spans(parameters, points)
        good_density = Mixture(parameters, points[good], rank_weights(len(good)), spans)
        bad_density = Mixture(parameters, points[bad], np.ones(len(bad)), spans)

        columns = {names.index(name): value for name, value in fixed.items() if name in space}
        good_weights = good_density.condition(columns)
        candidates = good_density.draw(self.n_candidates, rng, good_weights)
        for column in columns:
            candidates[:, column] = np.nan  # it is given: only the others are compared
        ratio = good_density.log_density(candidates, good_weights)
        ratio -= bad_density.log_density(candidates, bad_density.condition(columns))
        order = np.argsort(-ratio, kind="stable")
        return (_named(names, candidates[index]) for index in order)


def _named(names: Sequence[str], row: FloatArray) -> dict[str, float]:
    """Return the values of a row that are not missing, by name."""
    return {
        name: float(value) for name, value in zip(names, row, strict=True) if not np.isnan(value)
    }


def _matrix(names: Sequence[str], observations: Sequence[Observation]) -> FloatArray:
    rows = [[o.values.get(name, np.nan) for name in names] for o in observations]
    return np.array(rows, dtype=float).reshape(len(observations), len(names))


def _spans(parameters: Sequence[Parameter], points: FloatArray) -> FloatArray:
    """Return the range of each column over what is asked for and what was seen, shape (d,)."""
    spans = np.ones(len(parameters))
    for column, parameter in enumerate(parameters):
        if isinstance(parameter, Numeric):
            low, high = parameter.edges
            seen = points[:, column]
            seen = seen[~np.isnan(seen)]
            if parameter.log:
                seen = np.log(seen[seen > 0])
            spans[column] = np.max(seen, initial=high) - np.min(seen, initial=low)
    return spans


def _was_tried(
    values: Mapping[str, float], space: Mapping[str, Parameter], observations: Sequence[Observation]
) -> bool:
    """Return whether the configuration `values` was tried before.

    It was if some trial had the same value for everything that it asked for. Where a parameter is
    continuous, no two configurations are the same.
    """
    if any(space[name].n_values == np.inf for name in values):
        return False
    for observation in observations:
        asked = [name for name in space if name in observation.values]
        if asked and all(
            name in values and math.isclose(values[name], observation.values[name], abs_tol=1e-12)
            for name in asked
        ):
            return True
    return False


def _untried_from_prior(
    space: Mapping[str, Parameter], observations: Sequence[Observation], rng: np.random.Generator
) -> dict[str, float]:
    """Return a configuration from the prior that was not tried, as long as there is one."""
    values = _from_prior(space, rng)
    if not _was_tried(values, space, observations):
        return values
    if math.prod(parameter.n_values for parameter in space.values()) <= _LARGEST_GRID:
        grid = itertools.product(*(all_values(parameter) for parameter in space.values()))
        everything = (dict(zip(space, row, strict=True)) for row in grid)
        left = [c for c in everything if not _was_tried(c, space, observations)]
        return left[rng.integers(len(left))] if left else values
    for _ in range(100):  # hardly anything of so large a space can have been tried
        values = _from_prior(space, rng)
        if not _was_tried(values, space, observations):
            break
    return values


def _from_prior(space: Mapping[str, Parameter], rng: np.random.Generator) -> dict[str, float]:
    return {name: _draw_uniform(parameter, rng) for name, parameter in space.items()}


def _draw_uniform(parameter: Parameter, rng: np.random.Generator) -> float:
    if isinstance(parameter, Categorical):
        return float(rng.integers(parameter.n_choices))
    low, high = parameter.edges
    return float(parameter.values(np.array([low + (high - low) * rng.random()]))[0])

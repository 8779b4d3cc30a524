"""The proposer: the interface of all models, which propose what is tried next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias, get_args

import numpy as np

from bohb.model.observations import Observations
from bohb.model.space import Space

Source: TypeAlias = Literal["prior", "densities", "Gaussian process", "forest", "evolution"]
MODELS: tuple[Source, ...] = get_args(Source)[1:]  # that propose what is not drawn from the prior


@dataclass(frozen=True, slots=True)
class Proposal:
    """A configuration, and what it comes from.

    Attributes
    ----------
    config
        The values of its parameters, as the model counts them.
    source
        Whether it was drawn from the prior, or which model has chosen it.
    level
        The level of the ladder at which it was to be good; None where all levels counted alike.
    """

    config: dict[str, float]
    source: Source
    level: int | None = None


class Proposer(Protocol):
    """A model that proposes configurations. It holds settings only, and nothing it has seen."""

    def propose(
        self,
        space: Space,
        observations: Observations,
        fixed: Mapping[str, float],
        rng: np.random.Generator,
    ) -> Proposal:
        """Return values for the parameters of `space` that should be tried together.

        `fixed` are values that are given. Where the space is not declared, the proposal may lack
        parameters: those that the configuration it was derived from did not have.
        """

    def propose_one(
        self,
        name: str,
        space: Space,
        observations: Observations,
        fixed: Mapping[str, float],
        rng: np.random.Generator,
    ) -> float:
        """Return a value for the parameter `name` of a trial that has the values `fixed`.

        `space` has `name` and the fixed parameters that the model knows.
        """

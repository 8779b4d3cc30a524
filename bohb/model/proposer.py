"""The proposer: the interface of all models, which propose what is tried next."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import numpy as np

from bohb.model.observations import Observations
from bohb.model.space import Space


class Proposer(Protocol):
    """A model that proposes configurations. It holds settings only, and nothing it has seen."""

    def propose(
        self,
        space: Space,
        observations: Observations,
        fixed: Mapping[str, float],
        rng: np.random.Generator,
    ) -> dict[str, float]:
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

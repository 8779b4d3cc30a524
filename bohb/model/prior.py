"""Random search: what is proposed comes from the prior, whatever was observed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from bohb.model.allowed import allowed_from_prior
from bohb.model.observations import Observations
from bohb.model.space import Space
from bohb.model.tried import untried_from_prior


@dataclass(frozen=True, slots=True)
class PriorProposer:
    """Proposes what the densities propose if all of their proposals are random.

    They first draw whether a proposal is random. So does this, for the sake of what follows.
    """

    def propose(
        self,
        space: Space,
        observations: Observations,
        fixed: Mapping[str, float],
        rng: np.random.Generator,
    ) -> dict[str, float]:
        """Return values that were not tried together, as long as there are any."""
        rng.random()
        given = space.encode_named(fixed)
        return space.named(untried_from_prior(space, observations, given, rng))

    def propose_one(
        self,
        name: str,
        space: Space,
        observations: Observations,
        fixed: Mapping[str, float],
        rng: np.random.Generator,
    ) -> float:
        """Return a value for the parameter `name` of a trial that has the values `fixed`."""
        rng.random()
        return space.named(allowed_from_prior(space, space.encode_named(fixed), rng))[name]

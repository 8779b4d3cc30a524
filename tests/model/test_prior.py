"""Random search."""

from __future__ import annotations

import numpy as np
import pytest

from bohb.model import Categorical, Numeric, Observations, Space
from bohb.model.density import DensityProposer
from bohb.model.prior import PriorProposer

SPACE = Space({"x": Numeric(0, 1), "n": Numeric(1, 64, log=True, step=1), "c": Categorical(3)})
RANDOM = DensityProposer(random_fraction=1.0)


def observed(space, count):
    rng = np.random.default_rng(0)
    rows = [
        space.named(row) for row in space.draw_prior(count, rng, np.full(len(space.names), np.nan))
    ]
    return Observations.of([(values, {0: float(i)}) for i, values in enumerate(rows)])


@pytest.mark.parametrize("count", [0, 1, 50])
@pytest.mark.parametrize("fixed", [{}, {"c": 1.0}])
def test_it_proposes_what_the_densities_propose_at_random(count, fixed):
    known = observed(SPACE, count)
    for seed in range(20):
        first, second = (np.random.default_rng(seed) for _ in range(2))
        proposed = PriorProposer().propose(SPACE, known, fixed, first)
        assert proposed == RANDOM.propose(SPACE, known, fixed, second)
        one = PriorProposer().propose_one("x", SPACE, known, fixed, first)
        assert one == RANDOM.propose_one("x", SPACE, known, fixed, second)


def test_what_was_tried_is_not_proposed_again_as_long_as_anything_is_left():
    space = Space({"n": Numeric(1, 8, step=1)})
    known = Observations.of([({"n": float(n)}, {0: 0.0}) for n in range(1, 8)])
    rng = np.random.default_rng(0)
    assert all(PriorProposer().propose(space, known, {}, rng) == {"n": 8.0} for _ in range(20))

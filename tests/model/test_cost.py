"""What configurations are expected to cost."""

from __future__ import annotations

import numpy as np
import pytest

from bohb.model import Numeric, Observations, Space
from bohb.model.cost import Cost

SPACE = Space({"width": Numeric(1, 100, log=True), "x": Numeric(0, 1)})


def costs(n_trials, rng):
    rows = []
    for _ in range(n_trials):
        width, x = float(np.exp(rng.uniform(0, np.log(100)))), float(rng.random())
        by_level = (
            {0: np.log(width), 1: np.log(3 * width)} if len(rows) % 3 == 0 else {0: np.log(width)}
        )
        rows.append(({"width": width, "x": x}, by_level))
    return Observations.of(rows)


def test_nothing_is_expected_as_long_as_few_costs_are_known():
    assert Cost.fitted(SPACE, costs(4, np.random.default_rng(0)), 2, 1) is None


@pytest.mark.parametrize("seed", range(3))
def test_costs_at_the_top_follow_from_those_below(seed):
    fitted = Cost.fitted(SPACE, costs(24, np.random.default_rng(seed)), 2, 1)
    widths = np.array([2.0, 10.0, 50.0])
    units = SPACE.encode(np.column_stack([widths, np.full(3, 0.5)]))
    expected = np.log(3 * widths)
    assert fitted.log_cost(units) == pytest.approx(expected, abs=0.4)

"""Perturbation: values near those of a configuration that does well, as in a population."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bohb.model.arrays import FloatArray
from bohb.model.space import Categorical, Numeric, Space

_ATTEMPTS = 20  # at a configuration that no forbidden clause holds for


def perturbed(
    space: Space,
    row: FloatArray,
    rng: np.random.Generator,
    *,
    factors: Sequence[float] = (0.8, 1.2),
    resample_probability: float = 0.25,
) -> FloatArray:
    """Return a configuration near the one of `row`, both in units, shape (d,).

    Each number is multiplied with one of the `factors`, or drawn anew, and stays in its range; one
    with a step moves by one step at least. A choice stays as it is, or is drawn anew. What becomes
    active by that is drawn from the prior. See Jaderberg et al. (2017), appendix A.

    Parameters
    ----------
    space
        The space of the configurations.
    row
        The configuration, NaN for what is not active.
    rng
        The random numbers.
    factors
        What numbers are multiplied with.
    resample_probability
        The probability of each value of being drawn from its prior.

    Examples
    --------
    >>> space = Space({"rate": Numeric(0.001, 1.0, log=True)})
    >>> row = space.encode_named({"rate": 0.1})
    >>> near = perturbed(space, row, np.random.default_rng(0), resample_probability=0.0)
    >>> round(space.named(near)["rate"], 6)
    0.12
    """
    for _ in range(_ATTEMPTS):
        found = row.copy()
        for column, parameter in enumerate(space.parameters.values()):
            if np.isnan(row[column]):
                continue
            if rng.random() < resample_probability:
                found[column] = parameter.draw_prior(1, rng)[0]
            elif isinstance(parameter, Numeric):
                found[column] = _multiplied(parameter, row[column], float(rng.choice(factors)))
        rows = found[None, :]
        space.complete(rows, rng)
        if space.is_allowed(rows)[0]:
            return np.asarray(rows[0])
    return row


def _multiplied(parameter: Numeric, unit: float, factor: float) -> float:
    value = float(parameter.decode(np.array([unit]))[0])
    moved = value * factor
    if parameter.step and abs(moved - value) < parameter.step:
        moved = value + parameter.step * (1 if factor > 1 else -1)
    near = np.clip(moved, parameter.low, parameter.high)
    return float(parameter.snap(parameter.encode(np.array([near])))[0])


def numeric_columns(space: Space, row: FloatArray) -> list[int]:
    """Return the columns of the numbers that are active in `row`."""
    return [
        column
        for column, parameter in enumerate(space.parameters.values())
        if not isinstance(parameter, Categorical) and not np.isnan(row[column])
    ]

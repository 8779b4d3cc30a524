"""Functional ANOVA: the share that each parameter has in the variance of a function of all.

Hutter, Hoos & Leyton-Brown 2014, *An Efficient Approach for Assessing Hyperparameter Importance*,
section 3. The marginals are means over configurations that are drawn from the prior, in place of
those over the leaves of a forest.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from bohb.model.arrays import FloatArray
from bohb.model.space import Categorical, Space

Function: TypeAlias = Callable[[FloatArray], FloatArray]

_N_FOR_VARIANCE = 4096
_N_VALUES = 16  # at which the marginal of a number is looked at


@dataclass(frozen=True, slots=True)
class Marginal:
    """The mean of a function over all parameters but one or two.

    Attributes
    ----------
    grids
        The units at which it is looked at, by parameter.
    values
        Shape (n,) for one parameter, (n, m) for two; NaN where the parameter is never active.
    """

    grids: tuple[FloatArray, ...]
    values: FloatArray


def marginal(
    function: Function, space: Space, names: Sequence[str], rows: FloatArray, n_values: int
) -> Marginal:
    """Return the mean of `function` over `rows`, for values of one or two parameters.

    Parameters
    ----------
    function
        Of configurations in units, shape (n, d), as shape (n,).
    names
        The parameters whose values are set.
    rows
        Configurations from the prior, shape (n, d). Those in which one of the parameters is not
        active are left out.
    n_values
        How many values of a number are looked at; of a categorical parameter all are.
    """
    columns = [space.names.index(name) for name in names]
    grids = tuple(_grid(space, name, n_values) for name in names)
    rows = rows[~np.isnan(rows[:, columns]).any(axis=1)]
    shape = tuple(len(grid) for grid in grids)
    if not len(rows):
        return Marginal(grids, np.full(shape, np.nan))
    places = np.stack(np.meshgrid(*grids, indexing="ij"), axis=-1).reshape(-1, len(names))
    values = np.empty(len(places))
    for order, place in enumerate(places):
        moved = rows.copy()
        moved[:, columns] = place
        values[order] = function(moved).mean()
    return Marginal(grids, values.reshape(shape))


def variance_shares(
    function: Function, space: Space, rng: np.random.Generator, n_rows: int = 256
) -> dict[str, float]:
    """Return the share that each parameter alone has in the variance of `function`, by name.

    What is missing to 1 is due to parameters that act together. The shares are 0 if the function
    does not vary.

    Examples
    --------
    >>> from bohb.model.space import Numeric
    >>> space = Space({"x": Numeric(0, 1), "y": Numeric(0, 1)})
    >>> shares = variance_shares(lambda u: 2 * u[:, 0] + u[:, 1], space, np.random.default_rng(0))
    >>> {name: round(share, 1) for name, share in shares.items()}
    {'x': 0.8, 'y': 0.2}
    """
    rows = space.draw_prior(n_rows, rng)
    total = float(np.var(function(space.draw_prior(_N_FOR_VARIANCE, rng))))
    shares = {}
    for name in space.names:
        found = marginal(function, space, [name], rows, _N_VALUES).values
        active = 1 - np.isnan(rows[:, space.names.index(name)]).mean()
        own = float(np.var(found)) * active if not np.isnan(found).any() else 0.0
        shares[name] = float(min(own / total, 1.0)) if total > 0 else 0.0
    return shares


def _grid(space: Space, name: str, n_values: int) -> FloatArray:
    parameter = space.parameters[name]
    if isinstance(parameter, Categorical):
        return np.arange(parameter.n_choices, dtype=float)
    return np.unique(parameter.snap((np.arange(n_values) + 0.5) / n_values))

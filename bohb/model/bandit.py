"""The population based bandit: which values will gain most in the next interval.

Parker-Holder, Nguyen & Roberts 2020, *Provably Efficient Online Hyperparameter Optimization with
Population-Based Bandits*, section 3: a Gaussian process of what an interval has gained, given the
values, the time and what was reached before; of many values those are taken whose gain may be best.
"""

from __future__ import annotations

import math

import numpy as np

from bohb.model.arrays import FloatArray
from bohb.model.intervals import Intervals
from bohb.model.perturbation import numeric_columns
from bohb.model.regression import Belief, GaussianProcess, Hyperparameters, fit
from bohb.model.space import Space

_MOST_INTERVALS = 200  # the newest ones
_N_CANDIDATES = 500
_NEAR = 0.1  # in units: the distance of half of the candidates from the parent's values


def promising(
    space: Space,
    row: FloatArray,
    intervals: Intervals,
    level: float,
    loss: float,
    rng: np.random.Generator,
) -> FloatArray:
    """Return `row` with the numbers whose gain in the next interval may be the best, shape (d,).

    Parameters
    ----------
    space
        The space of the configurations.
    row
        The parent's values in units, shape (d,); choices stay as they are.
    intervals
        What is known, oldest first: at least `bohb.model.intervals.FEWEST_INTERVALS`.
    level, loss
        How far along the next interval is, and the loss before it.
    rng
        The random numbers.
    """
    columns = numeric_columns(space, row)
    if not columns:
        return row
    known = intervals.newest(_MOST_INTERVALS)
    centre, spread = float(known.before.mean()), float(known.before.std()) or 1.0
    inputs = _inputs(known.units[:, columns], known.level, (known.before - centre) / spread)
    gains = known.after - known.before
    targets = (gains - gains.mean()) / (gains.std() or 1.0)
    groups = np.zeros(len(known), dtype=np.intp)
    squared = (inputs[:, None, :] - inputs[None, :, :]).transpose(2, 0, 1) ** 2
    hyperparameters = fit(squared, targets, groups, _belief(inputs.shape[1]))
    weights = hyperparameters.weights
    process = GaussianProcess(
        hyperparameters, np.tensordot(weights, squared, axes=1), targets, groups
    )
    candidates = _candidates(space, row, columns, rng)
    places = _inputs(
        candidates[:, columns],
        np.full(len(candidates), level),
        np.full(len(candidates), (loss - centre) / spread),
    )
    distances = ((places[:, None, :] - inputs[None, :, :]) ** 2) @ weights
    mean, deviation = process.predict(distances)
    # Their section 3.3: the weight of what is not known grows slowly.
    width = math.sqrt(max(0.2 + math.log(0.4 * len(known)), 0.2))
    return np.asarray(candidates[np.argmin(mean - width * deviation)])


def _candidates(
    space: Space, row: FloatArray, columns: list[int], rng: np.random.Generator
) -> FloatArray:
    drawn = space.draw_independent(_N_CANDIDATES, rng)
    candidates = np.tile(row, (_N_CANDIDATES, 1))
    candidates[:, columns] = drawn[:, columns]
    near = slice(0, _N_CANDIDATES // 2)
    parameters = list(space.parameters.values())
    for column in columns:
        moved = row[column] + _NEAR * rng.standard_normal(_N_CANDIDATES // 2)
        candidates[near, column] = parameters[column].snap(np.clip(moved, 0, 1))  # type: ignore[union-attr]  # numbers only
    allowed = space.is_allowed(candidates)
    return candidates[allowed] if allowed.any() else row[None, :]


def _inputs(units: FloatArray, level: FloatArray, before: FloatArray) -> FloatArray:
    """Return the inputs of the process; a value that was not active counts as in the middle."""
    return np.column_stack([np.where(np.isnan(units), 0.5, units), level, before])


def _belief(n_inputs: int) -> Belief:
    ones = np.ones(n_inputs)
    mean = Hyperparameters(np.log(0.5) * ones, np.array([0.0]), np.log([0.1]))
    return Belief(mean, Hyperparameters(ones, np.array([1.0]), np.array([1.5])))

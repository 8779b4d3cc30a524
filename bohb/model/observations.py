"""The observations of a study, and the choice of the good ones among them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from bohb.model.arrays import BoolArray, FloatArray, IndexArray

Array = TypeVar("Array", bound=NDArray[Any])


@dataclass(frozen=True)
class Observations:
    """Configurations and how they did, one row each.

    Attributes
    ----------
    names
        The names of the parameters, d of them.
    values
        Shape (n, d): numbers as they are, choices by their index; NaN where a configuration has
        no such parameter.
    losses
        Shape (n, k), by level of the ladder; NaN where there is none.
    highest
        Shape (n,): the highest level that there is a loss for; -1 if there is none.
    failed
        Shape (n,): whether the configuration has failed. One that has neither failed nor any loss
        is pending: it is being evaluated.
    """

    names: Sequence[str]
    values: FloatArray
    losses: FloatArray
    highest: IndexArray
    failed: BoolArray

    @classmethod
    def of(
        cls, rows: Sequence[tuple[Mapping[str, float], Mapping[int, float] | None]]
    ) -> Observations:
        """Return observations from values by name and losses by level, for each row.

        None stands for the losses of a configuration that has failed.

        Examples
        --------
        >>> observations = Observations.of([({"x": 0.5}, {0: 1.0}), ({"y": 2.0}, {})])
        >>> observations.names, observations.is_evaluated.tolist()
        (['x', 'y'], [True, False])
        """
        table = Table()
        for row, (values, losses) in enumerate(rows):
            table.put(row, values, losses or {}, failed=losses is None)
        return table.view()

    def __len__(self) -> int:
        return len(self.values)

    @property
    def is_evaluated(self) -> BoolArray:
        """Whether there is any loss, shape (n,)."""
        return self.highest >= 0

    @property
    def tells_nothing(self) -> bool:
        """Whether all evaluations of each level have come to the same loss."""
        known = ~np.isnan(self.losses)
        lowest = np.where(known, self.losses, np.inf).min(axis=0, initial=np.inf)
        return bool(np.all(~known | (self.losses == lowest)))

    @property
    def is_pending(self) -> BoolArray:
        """Whether there is no loss, and no failure either, shape (n,)."""
        return ~self.is_evaluated & ~self.failed

    def column(self, name: str) -> FloatArray:
        """Return the values of one parameter, shape (n,)."""
        if name not in self.names:
            return np.full(len(self), np.nan)
        return np.asarray(self.values[:, self.names.index(name)])

    def columns(self, names: Sequence[str]) -> FloatArray:
        """Return the values of these parameters, shape (n, len(names))."""
        result = np.empty((len(self), len(names)))
        for place, name in enumerate(names):
            result[:, place] = self.column(name)
        return result

    def rows(self, chosen: IndexArray) -> Observations:
        """Return some of the rows."""
        return Observations(
            self.names,
            self.values[chosen],
            self.losses[chosen],
            self.highest[chosen],
            self.failed[chosen],
        )

    def with_any_of(self, names: Sequence[str]) -> Observations:
        """Return the rows that have a value for any of these parameters."""
        lacks = np.ones(len(self), dtype=bool)
        for name in names:
            lacks &= np.isnan(self.column(name))
            if not lacks.any():
                return self
        return self.rows(np.flatnonzero(~lacks))


class Table:
    """A table of observations that grows: rows are written in any order, and may be overwritten.

    A row that was never written counts as a configuration that failed before it had any parameter.
    """

    def __init__(self) -> None:
        self._names: dict[str, int] = {}
        self._values: FloatArray = np.full((16, 0), np.nan)
        self._losses: FloatArray = np.full((16, 1), np.nan)
        self._highest: IndexArray = np.full(16, -1, dtype=np.intp)
        self._failed: BoolArray = np.ones(16, dtype=bool)
        self._size = 0

    def put(
        self,
        row: int,
        values: Mapping[str, float],
        losses: Mapping[int, float],
        *,
        failed: bool = False,
    ) -> None:
        """Write what is known of the configuration of `row` in place of what was there."""
        self._make_room(row, values, losses)
        self._values[row] = np.nan
        for name, value in values.items():
            self._values[row, self._names[name]] = value
        self._losses[row] = np.nan
        for level, loss in losses.items():
            self._losses[row, level] = loss
        self._highest[row] = max(losses, default=-1)
        self._failed[row] = failed

    def view(self, *, without: int | None = None) -> Observations:
        """Return all rows but `without`, in their order.

        The result may change when a row is written: it shares the table's memory, and is a copy
        only where `without` lies between other rows.
        """
        size = self._size - (without == self._size - 1)
        everything = Observations(
            list(self._names),
            _read_only(self._values[:size]),
            _read_only(self._losses[:size]),
            _read_only(self._highest[:size]),
            _read_only(self._failed[:size]),
        )
        if without is None or not 0 <= without < size:
            return everything
        return everything.rows(np.delete(np.arange(size), without))

    def _make_room(
        self, row: int, values: Mapping[str, float], losses: Mapping[int, float]
    ) -> None:
        for name in values:
            self._names.setdefault(name, len(self._names))
        n_levels = max(losses, default=0) + 1
        self._size = max(self._size, row + 1)
        n_rows = len(self._highest)
        while n_rows < self._size:
            n_rows *= 2
        self._values = _grown(self._values, n_rows, len(self._names))
        self._losses = _grown(self._losses, n_rows, n_levels)
        n_more = n_rows - len(self._highest)
        if n_more:
            self._highest = np.append(self._highest, np.full(n_more, -1, dtype=np.intp))
            self._failed = np.append(self._failed, np.ones(n_more, dtype=bool))


def _read_only(view: Array) -> Array:
    view.flags.writeable = False
    return view


def _grown(array: FloatArray, n_rows: int, n_columns: int) -> FloatArray:
    """Return `array` with at least `n_rows` rows and `n_columns` columns; what is new is NaN."""
    if array.shape[0] >= n_rows and array.shape[1] >= n_columns:
        return array
    # Stored column by column, for the model reads whole columns.
    grown = np.full((n_rows, max(n_columns, array.shape[1])), np.nan, order="F")
    grown[: array.shape[0], : array.shape[1]] = array
    return grown


def best(
    observations: Observations, reduction_factor: float, count: int
) -> tuple[IndexArray, FloatArray]:
    """Return the rows of the best `count` observations, best first, and their scores.

    A trial is judged at the highest level it was evaluated at. Its score is its mid-rank quantile
    among all trials evaluated there, times ``reduction_factor**-level``, as each promotion selects
    one trial in `reduction_factor`. The lower the score, the better; ties go to the older trial.
    """
    rows: list[IndexArray] = [np.empty(0, dtype=np.intp)]
    scores: list[FloatArray] = [np.empty(0)]
    for level in range(observations.losses.shape[1]):
        judged = np.flatnonzero(observations.highest == level)
        everyone = observations.losses[:, level]
        own = everyone[judged]
        if len(judged) > count:  # only the best `count` of a level can be among the best of all
            front = own <= np.partition(own, count - 1)[count - 1]
            judged, own = judged[front], own[front]
        ordered = np.sort(everyone[~np.isnan(everyone)])
        below = np.searchsorted(ordered, own, side="left")
        not_above = np.searchsorted(ordered, own, side="right")
        quantiles = (below + not_above) / 2 / max(len(ordered), 1)
        rows.append(judged)
        scores.append(quantiles * reduction_factor**-level)
    found, score = np.concatenate(rows), np.concatenate(scores)
    order = np.lexsort((found, score))[:count]
    return found[order], score[order]


def split(
    observations: Observations,
    reduction_factor: float,
    *,
    good_share: float = 0.1,
    max_good: int = 25,
) -> tuple[IndexArray, IndexArray]:
    """Return the rows of the good observations, best first, and of all others, in their order.

    The best ``min(ceil(good_share * n), max_good)`` of the n evaluated ones are good.
    """
    n_evaluated = int(observations.is_evaluated.sum())
    n_good = min(math.ceil(good_share * n_evaluated), max_good)
    good, _ = best(observations, reduction_factor, n_good)
    is_good = np.zeros(len(observations), dtype=bool)
    is_good[good] = True
    return good, np.flatnonzero(~is_good)


def rank_weights(count: int) -> FloatArray:
    """Return the weights of `count` good observations, best first, with mean 1.

    ``ln(count + 1/2) - ln(rank)``, as in the recombination weights of CMA-ES (Hansen 2016).
    """
    weights = math.log(count + 0.5) - np.log(np.arange(1, count + 1))
    return np.asarray(weights / weights.mean()) if count else weights

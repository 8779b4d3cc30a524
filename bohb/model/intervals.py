"""The intervals of a population: what it was trained with in each, and what that has gained."""

from __future__ import annotations

from dataclasses import dataclass

from bohb.model.arrays import FloatArray

FEWEST_INTERVALS = 4  # that a model is made of


@dataclass(frozen=True, slots=True)
class Intervals:
    """What the intervals of a population have come to.

    Attributes
    ----------
    units
        The values that were trained with, in units, shape (n, d).
    level
        How far along the interval was, from 0 to 1, shape (n,).
    before, after
        The losses before and after it, shape (n,) each.
    """

    units: FloatArray
    level: FloatArray
    before: FloatArray
    after: FloatArray

    def newest(self, count: int) -> Intervals:
        """Return the last `count` of them."""
        return Intervals(
            self.units[-count:], self.level[-count:], self.before[-count:], self.after[-count:]
        )

    def __len__(self) -> int:
        return len(self.after)

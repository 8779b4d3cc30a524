"""The forecast: how long the legs that are left will take, at the pace of those that have ended."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from bohb.hyperband.bracket import Bracket


@dataclass(frozen=True, slots=True)
class LegsLeft:
    """Legs of one kind that have still to be run.

    Attributes
    ----------
    bracket, index
        The bracket they belong to, and its number.
    rung
        The rung to which they bring their trials.
    count
        How many there are. A leg that is half done counts as half a leg.
    """

    bracket: Bracket
    index: int
    rung: int
    count: float


class Pace:
    """The seconds that a leg takes, by the rung to which it brings its trial.

    Over all rungs the seconds are taken to be a constant and a multiple of the resource, fitted by
    least squares of the relative errors. Each rung corrects this by what its own legs have taken,
    the more the more there were: the fit counts as much as three legs of the rung. The first legs
    of trials and the legs of promoted ones are told apart, because only the latter may go on from
    a checkpoint. Workers are not told apart: those that are slow end fewer legs, so that the mean
    over all legs gives the speed of all workers together.

    Parameters
    ----------
    continued
        Whether the resource of a promoted trial is counted from where it stood.

    Examples
    --------
    >>> pace = Pace(continued=False)
    >>> bracket = Bracket(sizes=(9, 3, 1), resources=(1, 3, 9), first_level=0)
    >>> pace.note(bracket, 0, seconds=3.0)
    >>> pace.note(bracket, 1, seconds=5.0)
    >>> round(pace.leg_seconds(bracket, 2), 6)
    11.0
    """

    def __init__(self, *, continued: bool) -> None:
        self.continued = continued
        # By level and whether the trial was promoted to it: seconds and number of its legs.
        self._measured: dict[tuple[int, bool], tuple[float, int]] = {}
        # The sums of the normal equations, each leg weighted with its resource to the power of -2.
        self._normal = [0.0] * 5
        self._line = 0.0, 0.0

    def note(self, bracket: Bracket, rung: int, seconds: float) -> None:
        """Take in how long one leg to `rung` of `bracket` has taken."""
        key = bracket.first_level + rung, rung > 0
        total, count = self._measured.get(key, (0.0, 0))
        self._measured[key] = total + seconds, count + 1
        units = bracket.leg_cost(rung, continued=self.continued)
        new = 1 / units**2, 1 / units, 1.0, seconds / units**2, seconds / units
        self._normal = [old + more for old, more in zip(self._normal, new, strict=True)]
        self._line = _line(*self._normal)

    def leg_seconds(self, bracket: Bracket, rung: int) -> float | None:
        """Return how long a leg to `rung` of `bracket` takes; None before the first measurement."""
        if not self._measured:
            return None
        constant, slope = self._line
        fitted = constant + slope * bracket.leg_cost(rung, continued=self.continued)
        total, count = self._measured.get((bracket.first_level + rung, rung > 0), (0.0, 0))
        return (total + _LEGS_OF_FIT * fitted) / (count + _LEGS_OF_FIT)


_LEGS_OF_FIT = 3


def _line(w: float, wx: float, wxx: float, wy: float, wxy: float) -> tuple[float, float]:
    """Return constant and slope, neither of them negative, from the sums of weighted products."""
    determinant = w * wxx - wx**2
    if determinant > 1e-9 * w * wxx:  # else all legs had the same resource
        constant = (wxx * wy - wx * wxy) / determinant
        slope = (w * wxy - wx * wy) / determinant
        if constant >= 0 and slope >= 0:
            return constant, slope
        if slope < 0:
            return wy / w, 0.0
    return 0.0, wxy / wxx


def busy_seconds(legs: Iterable[LegsLeft], pace: Pace) -> float | None:
    """Return how long all of these legs take one after another; None if no pace is known."""
    total = 0.0
    for each in legs:
        seconds = pace.leg_seconds(each.bracket, each.rung)
        if seconds is None:
            return None
        total += each.count * seconds
    return total


def chain_seconds(legs: Iterable[LegsLeft], pace: Pace, n_workers: float) -> float:
    """Return what the slowest bracket takes, whose rungs follow one another, with all workers.

    This is a bound: free workers turn to other brackets, but no rung begins before the last leg of
    the one below has ended.
    """
    counts: dict[tuple[int, int], float] = {}
    lengths: dict[tuple[int, int], float] = {}
    for each in legs:
        key = each.index, each.rung
        counts[key] = counts.get(key, 0.0) + each.count
        lengths[key] = pace.leg_seconds(each.bracket, each.rung) or 0.0
    chains: dict[int, float] = {}
    for (index, rung), count in counts.items():
        waves = max(count / n_workers, min(count, 1.0))
        chains[index] = chains.get(index, 0.0) + waves * lengths[index, rung]
    return max(chains.values(), default=0.0)


def wall_seconds(legs: Iterable[LegsLeft], pace: Pace, n_workers: float) -> float | None:
    """Return how long these legs take with so many workers; None if no pace is known.

    Examples
    --------
    >>> pace = Pace(continued=True)
    >>> bracket = Bracket(sizes=(9, 3, 1), resources=(1, 3, 9), first_level=0)
    >>> pace.note(bracket, 0, seconds=1.0)
    >>> left = [LegsLeft(bracket, 0, rung, size) for rung, size in enumerate(bracket.sizes)]
    >>> wall_seconds(left, pace, n_workers=1), wall_seconds(left, pace, n_workers=9)
    (21.0, 9.0)
    """
    left = list(legs)
    busy = busy_seconds(left, pace)
    if busy is None:
        return None
    longest = max((pace.leg_seconds(each.bracket, each.rung) or 0.0 for each in left), default=0.0)
    # At the end workers run out of legs one by one, on average for half of the longest leg.
    last = longest / 2 * (1 - 1 / n_workers)
    return max(busy / n_workers + last, chain_seconds(left, pace, n_workers))

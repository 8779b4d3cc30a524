"""The bracket: one run of successive halving, its rungs and what they cost."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from bohb.hyperband.ladder import Resource, as_fraction


@dataclass(frozen=True, slots=True)
class Bracket:
    """One run of successive halving.

    Attributes
    ----------
    sizes
        The number of trials in each rung, lowest rung first.
    resources
        The total resource that a trial of each rung is trained for, lowest rung first.
    first_level
        The level of the ladder on which the lowest rung lies.
    is_population
        Whether it is a population: no rung is smaller than the one below, as children of the best
        take the places of the worst. They and all others go on from where they or their parents
        stood.

    Examples
    --------
    >>> bracket = Bracket(sizes=(9, 3, 1), resources=(1, 3, 9), first_level=0)
    >>> bracket.n_evaluations, bracket.resource(continued=True), bracket.resource(continued=False)
    (13, 21, 27)
    """

    sizes: tuple[int, ...]
    resources: tuple[Resource, ...]
    first_level: int
    is_population: bool = field(default=False, repr=False)

    @classmethod
    def halving(
        cls,
        n_trials: int,
        resources: Sequence[Resource],
        first_level: int,
        reduction_factor: float,
    ) -> Bracket:
        """Return the bracket in which `n_trials` start, with a rung for each of the `resources`.

        Every rung keeps one trial in `reduction_factor` of the rung below, and at least one.

        Examples
        --------
        >>> Bracket.halving(10, (1, 3, 9), 0, 3).sizes
        (10, 3, 1)
        """
        eta = as_fraction(reduction_factor)
        sizes = tuple(max(1, math.floor(n_trials / eta**rung)) for rung in range(len(resources)))
        return cls(sizes, tuple(resources), first_level)

    @property
    def n_trials(self) -> int:
        """The number of trials that start in this bracket, on its lowest rung."""
        return self.sizes[0]

    @property
    def n_evaluations(self) -> int:
        """The number of trials in all rungs together: a promoted trial counts again."""
        return sum(self.sizes)

    def leg_cost(self, rung: int, *, continued: bool) -> Resource:
        """Return what it takes to bring one trial to `rung` from the rung below.

        If the trial is `continued` from where it stood, that is the difference of the two
        resources, else the whole resource of `rung`.
        """
        restarts = not continued and not self.is_population
        if restarts or rung == 0:
            return self.resources[rung]
        return self.resources[rung] - self.resources[rung - 1]

    def resource(self, *, continued: bool) -> Resource:
        """Return the resource that the whole bracket uses."""
        return sum(
            size * self.leg_cost(rung, continued=continued) for rung, size in enumerate(self.sizes)
        )

    def at_top(self) -> Bracket:
        """Return the bracket that starts at the top in place of this one, and costs no more.

        It has as many trials as this one's resource allows if promoted trials go on from where
        they stood, and at least one.

        Examples
        --------
        >>> Bracket(sizes=(27, 9, 3, 1), resources=(3, 9, 27, 81), first_level=1).at_top()
        Bracket(sizes=(3,), resources=(81,), first_level=4)
        """
        top = self.resources[-1]
        # Sums of resources that are not integers have rounding errors.
        n_trials = max(1, math.floor(self.resource(continued=True) / top * (1 + 1e-9)))
        return Bracket((n_trials,), (top,), self.first_level + len(self.sizes) - 1)

    def with_trials(self, n_trials: int, reduction_factor: float) -> Bracket:
        """Return the bracket as it is when only `n_trials` start in it.

        A bracket with few trials still brings its best one to the top.
        """
        if n_trials >= self.n_trials:
            return self
        if self.is_population:
            sizes = (n_trials,) * len(self.sizes)
            return Bracket(sizes, self.resources, self.first_level, is_population=True)
        return Bracket.halving(n_trials, self.resources, self.first_level, reduction_factor)

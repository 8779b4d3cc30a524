"""The plans of Hyperband, of successive halving, and of population based training."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Literal, TypeAlias, get_args

from bohb import arguments
from bohb.hyperband.bracket import Bracket
from bohb.hyperband.ladder import Resource, as_fraction
from bohb.hyperband.plan import Plan

BracketSizes: TypeAlias = Literal["hpbandster", "li2018"]


def make_plan(
    levels: Sequence[Resource],
    reduction_factor: float,
    *,
    bracket_sizes: BracketSizes = "hpbandster",
    n_rounds: int = 1,
    asynchronous: bool = False,
    adaptive: bool = False,
) -> Plan:
    """Return the plan of Hyperband over the ladder `levels`.

    There is one bracket for each level, s = s_max, ..., 0, where s + 1 is the number of its
    rungs. With `bracket_sizes` ``"hpbandster"`` bracket s starts with
    ``floor((s_max + 1) / (s + 1)) * eta**s`` trials and rung i holds ``n // eta**i`` of them, at
    least one, as in the authors' implementation (Falkner, Klein & Hutter 2018) and the table of
    Li et al. (2018), section 3.3. With ``"li2018"`` it is
    ``ceil((s_max + 1) / (s + 1) * eta**s)``, the formula of their Algorithm 1, which gives more
    trials.

    Parameters
    ----------
    levels
        The resources, lowest first, as `ladder` returns them.
    reduction_factor
        Of this many trials in a rung one is promoted (eta).
    bracket_sizes
        Which of the two formulas.
    n_rounds
        Passes through all brackets.
    asynchronous
        Whether trials are promoted without waiting for their rung.
    adaptive
        Whether the bracket at the top of each round starts early, and others after the first round
        start at the top where that pays.

    Raises
    ------
    ArgumentError
        If `bracket_sizes` is not one of the two.

    Examples
    --------
    >>> from bohb.hyperband import ladder
    >>> sizes = lambda plan: [bracket.n_trials for bracket in plan.brackets]
    >>> sizes(make_plan(ladder(1, 81, 3), 3, bracket_sizes="li2018"))
    [81, 34, 15, 8, 5]
    """
    arguments.one_of("bracket_sizes", bracket_sizes, get_args(BracketSizes))
    eta = as_fraction(reduction_factor)
    n_levels = len(levels)  # s_max + 1
    brackets = []
    for first_level in range(n_levels):
        s = n_levels - 1 - first_level
        if bracket_sizes == "hpbandster":
            n = math.floor(n_levels // (s + 1) * eta**s)
        else:
            n = math.ceil(Fraction(n_levels, s + 1) * eta**s)
        brackets.append(Bracket.halving(n, levels[first_level:], first_level, reduction_factor))
    return Plan(tuple(brackets) * n_rounds, reduction_factor, n_rounds, asynchronous, adaptive)


def make_successive_halving_plan(
    levels: Sequence[Resource],
    reduction_factor: float,
    *,
    n_trials: int | None = None,
    n_rounds: int = 1,
    asynchronous: bool = False,
) -> Plan:
    """Return the plan of successive halving: one bracket a round, from the lowest level up.

    Parameters
    ----------
    levels, reduction_factor, asynchronous
        As for `make_plan`.
    n_trials
        How many trials start in it; None for as many as leave one at the top.
    n_rounds
        How many such brackets.

    Examples
    --------
    >>> from bohb.hyperband import ladder
    >>> make_successive_halving_plan(ladder(1, 81, 3), 3).brackets[0].sizes
    (81, 27, 9, 3, 1)
    """
    if n_trials is None:
        n_trials = math.floor(as_fraction(reduction_factor) ** (len(levels) - 1))
    bracket = Bracket.halving(n_trials, levels, 0, reduction_factor)
    return Plan((bracket,) * n_rounds, reduction_factor, n_rounds, asynchronous)


def make_population_plan(
    levels: Sequence[Resource],
    population: int,
    reduction_factor: float,
    *,
    n_rounds: int = 1,
    asynchronous: bool = False,
) -> Plan:
    """Return the plan of population based training: one population a round.

    Parameters
    ----------
    levels
        The resources after each interval, lowest first.
    population
        How many trials are trained side by side.
    reduction_factor
        Of this many trials one is replaced after each interval.
    n_rounds
        How many populations, one after the other.
    asynchronous
        Whether a trial is judged as soon as it has come to the end of an interval.

    Examples
    --------
    >>> plan = make_population_plan((5, 10, 15, 20), 16, 5)
    >>> plan.n_trials, plan.n_evaluations, plan.resource_continued
    (25, 64, 320)
    >>> print(plan)
    Population based training, 1 round of 16 trials at a time
    <BLANKLINE>
    intervals      4, to resource 5, 10, 15, 20
    replaced       3 trials after each interval by children of the best
    trials        25
    evaluations   64
    resource     320
    <BLANKLINE>
    children go on from the checkpoints of their parents
    longest chain of legs, which no number of workers can shorten: 20
    """
    sizes = (population,) * len(levels)
    bracket = Bracket(sizes, tuple(levels), 0, is_population=True)
    return Plan((bracket,) * n_rounds, reduction_factor, n_rounds, asynchronous)

"""The levels of resource that every bracket climbs."""

from __future__ import annotations

import math
from fractions import Fraction
from numbers import Integral
from typing import TypeAlias

from bohb import arguments
from bohb.errors import ArgumentError

Resource: TypeAlias = int | float

_MOST_RUNGS = 1000

# Bounds that are floats may carry the rounding error of whoever computed them (0.1 * 3**7).
_FLOAT_TOLERANCE = Fraction(1, 10**12)


def ladder(
    min_resource: Resource, max_resource: Resource, reduction_factor: float
) -> tuple[Resource, ...]:
    """Return the resource levels from the lowest to `max_resource`.

    Level ``k`` from the top is ``max_resource * reduction_factor**-k``, as long as that is at
    least `min_resource`: the top is exact, the lowest level may lie above `min_resource`.
    Everything is computed with rational numbers, so that ``(1, 243, 3)`` has the six levels it
    should have; with floating-point logarithms, as in Li et al. (2018), Algorithm 1, taken
    literally, it has five.

    Parameters
    ----------
    min_resource, max_resource
        The bounds. If both are integers, the levels are integers: rounded, at least 1, and
        strictly increasing.
    reduction_factor
        The ratio of two neighbouring levels, greater than 1.

    Raises
    ------
    ArgumentError
        If a bound is not positive and finite, `min_resource` is above `max_resource`, or
        `reduction_factor` is not greater than 1, or so near to it that there are over 1,000 levels.

    Examples
    --------
    >>> ladder(1, 243, 3)
    (1, 3, 9, 27, 81, 243)
    >>> ladder(1, 299, 4)
    (1, 5, 19, 75, 299)
    >>> ladder(0.1, 0.9, 3)
    (0.1, 0.3, 0.9)
    """
    lowest = as_fraction(arguments.positive("min_resource", min_resource))
    top = as_fraction(arguments.positive("max_resource", max_resource))
    eta = as_fraction(arguments.positive("reduction_factor", reduction_factor))
    if eta <= 1:
        raise ArgumentError(f"reduction_factor must be greater than 1, got {reduction_factor!r}")
    if lowest > top:
        raise ArgumentError(
            f"min_resource must be at most max_resource, got min_resource={min_resource!r} "
            f"and max_resource={max_resource!r}"
        )
    whole = isinstance(min_resource, Integral) and isinstance(max_resource, Integral)
    if not whole:
        lowest *= 1 - _FLOAT_TOLERANCE

    # The floating-point logarithm may be one off, which is good enough to guard the loop.
    n_levels = 1 + math.log(top / lowest) / math.log(eta)
    if n_levels > _MOST_RUNGS:
        raise ArgumentError(
            f"reduction_factor must leave at most {_MOST_RUNGS} rungs between "
            f"min_resource={min_resource!r} and max_resource={max_resource!r}, got "
            f"{reduction_factor!r}, which makes {n_levels:.0f}"
        )
    levels: list[Resource] = []
    level = top
    while level >= lowest:
        value: Resource = _round_half_up(level) if whole else float(level)
        if not levels or value < levels[-1]:
            levels.append(value)
        level /= eta
    return tuple(reversed(levels))


def intervals(interval: Resource, max_resource: Resource) -> tuple[Resource, ...]:
    """Return the resources after each interval, up to `max_resource`; the last may be shorter.

    Parameters
    ----------
    interval
        The resource of one interval, at most `max_resource`.
    max_resource
        The highest resource. If both are integers, so are all.

    Raises
    ------
    ArgumentError
        If there is no interval, or more than 1,000.

    Examples
    --------
    >>> intervals(5, 20), intervals(0.1, 0.25)
    ((5, 10, 15, 20), (0.1, 0.2, 0.25))
    """
    step, top = as_fraction(interval), as_fraction(max_resource)
    n_levels = math.ceil(top / step)
    if step > top or n_levels > _MOST_RUNGS:
        raise ArgumentError(
            f"interval must be at most max_resource={max_resource!r}, and there can be at most "
            f"{_MOST_RUNGS} of them, got {interval!r}"
        )
    whole = isinstance(interval, Integral) and isinstance(max_resource, Integral)
    levels = [min(step * count, top) for count in range(1, n_levels + 1)]
    return tuple(int(level) if whole else float(level) for level in levels)


# As in the examples of Li et al. (2018); levels further down say little about the highest one.
_USUAL_RUNGS = 5


def lowest_of(max_resource: Resource, reduction_factor: float) -> Resource:
    """Return the lowest level of a ladder of five rungs: the default where none is given.

    Parameters
    ----------
    max_resource
        The highest level. If it is an integer, so is the lowest.
    reduction_factor
        The ratio of two neighbouring levels.

    Examples
    --------
    >>> lowest_of(300, 3), lowest_of(1.0, 2), lowest_of(10, 3)
    (3, 0.0625, 1)
    """
    top = as_fraction(arguments.positive("max_resource", max_resource))
    eta = as_fraction(arguments.positive("reduction_factor", reduction_factor))
    lowest = top / eta ** (_USUAL_RUNGS - 1)
    return max(1, math.floor(lowest)) if isinstance(max_resource, Integral) else float(lowest)


def as_fraction(value: float) -> Fraction:
    """Return the number that was meant: 0.1 is one tenth, not the nearest binary fraction."""
    return Fraction(int(value)) if isinstance(value, Integral) else Fraction(repr(float(value)))


def _round_half_up(value: Fraction) -> int:
    return max(1, math.floor(value + Fraction(1, 2)))

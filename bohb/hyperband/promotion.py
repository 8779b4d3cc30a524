"""The rules by which trials go on: evaluations in, decisions out."""

from __future__ import annotations

import math

from bohb.hyperband.ladder import as_fraction


def promotable(n_ranked: int, reduction_factor: float, *, final: bool = False) -> int:
    """Return how many trials of a rung may go on right now, if `n_ranked` of them have a loss.

    One in `reduction_factor` may, by the rule of asynchronous successive halving (Li et al.
    2020, Algorithm 2).

    Parameters
    ----------
    n_ranked
        How many trials of the rung have a loss so far.
    reduction_factor
        Of this many trials one goes on.
    final
        Whether no more results can come to the rung. If so, at least the best trial may go on.

    Examples
    --------
    >>> promotable(8, 3), promotable(2, 3), promotable(2, 3, final=True)
    (2, 0, 1)
    """
    count = math.floor(n_ranked / as_fraction(reduction_factor))
    return max(count, min(1, n_ranked)) if final else count


def n_replaced(n_trials: int, reduction_factor: float) -> int:
    """Return how many of a rung's trials give way to children of the best, at least one.

    Truncation selection (Jaderberg et al. 2017, *Population Based Training of Neural Networks*,
    section 3) with 1 / `reduction_factor` as the share, and nothing to choose among fewer than two.

    Parameters
    ----------
    n_trials
        How many trials the rung has.
    reduction_factor
        Of this many trials one is replaced.

    Examples
    --------
    >>> n_replaced(16, 5), n_replaced(4, 5), n_replaced(1, 5)
    (3, 1, 0)
    """
    return min(max(1, math.floor(n_trials / as_fraction(reduction_factor))), n_trials - 1)

"""Trust in the model: how many configurations are drawn from the prior while it has seen little."""

from __future__ import annotations

import numpy as np

from bohb.model.arrays import FloatArray
from bohb.model.observations import Observations

_FIRST_SHARE, _UNEARNED_SHARE = 0.2, 0.5


def knows_lowest_only(observations: Observations) -> bool:
    """Return whether nothing was evaluated above the lowest rung.

    Examples
    --------
    >>> knows_lowest_only(Observations.of([({"x": 0.1}, {0: 0.3})]))
    True
    """
    return bool(observations.highest.max(initial=-1) < 1)


def first_round_share(
    observations: Observations, *, turn: bool | None, at_top: bool = False
) -> float | None:
    """Return the share of the configurations of the first round that are drawn from the prior.

    It is None where it is no other than in later rounds.

    As long as nothing was evaluated above the lowest rung, nobody knows whether what is good there
    is good at all. So the model has to wait for its turn at the end of the first bracket. What was
    begun before gets its share of the places on the next rung (`bohb.hyperband.n_reserved`).

    From then on the share is a fifth, and a half while training further makes trials no better. A
    model that has seen little may take for good what is best on the lowest rung, such as trainings
    that never begin to learn and start a little lower than others. Such trials are promoted, stand
    still on all rungs, and are all that the model proposes for every rung. Configurations that it
    has not chosen show what else there is on each rung, and where they are better it follows them.
    In a bracket that starts at the top each configuration shows at once what it is worth there, and
    costs a full training. So only the half is drawn there too, and not the fifth.

    Parameters
    ----------
    observations
        What was observed so far.
    turn
        Whether it is the model's turn in the first bracket; None in a later one.
    at_top
        Whether the bracket starts at the top.

    Examples
    --------
    >>> nothing = Observations.of([])
    >>> [first_round_share(nothing, turn=turn) for turn in (False, True, None)]
    [1.0, 0.0, 0.2]
    >>> stands_still = Observations.of([({"x": 0.1}, {0: 0.3, 1: 0.3}), ({"x": 0.2}, {0: 0.4})])
    >>> first_round_share(stands_still, turn=False)
    0.5
    >>> gains = Observations.of([({"x": 0.1}, {0: 0.3, 1: 0.2})])
    >>> first_round_share(gains, turn=False)
    0.2
    """
    if turn is not None and knows_lowest_only(observations):
        return float(not turn)
    gains = _gains(observations)
    if len(gains) and np.median(gains) <= 0:
        return _UNEARNED_SHARE
    return None if at_top else _FIRST_SHARE


def _gains(observations: Observations) -> FloatArray:
    """Return what trials have gained from their lowest level to their highest, if they have two."""
    rows = np.flatnonzero(np.count_nonzero(~np.isnan(observations.losses), axis=1) > 1)
    losses, everyone = observations.losses[rows], np.arange(len(rows))
    lowest = np.argmax(~np.isnan(losses), axis=1)
    return np.asarray(losses[everyone, lowest] - losses[everyone, observations.highest[rows]])

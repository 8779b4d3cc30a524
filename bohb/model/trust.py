"""Trust in the model: how many configurations are drawn from the prior while it has seen little."""

from __future__ import annotations

import numpy as np

from bohb.model.observations import Observations

_FIRST_SHARE, _UNEARNED_SHARE = 0.2, 0.5


def first_round_share(observations: Observations) -> float:
    """Return the share of the configurations of the first round that are drawn from the prior.

    It is a fifth, and a half while training further makes trials no better. A model that has seen
    little may take for good what is best on the lowest rung, such as trainings that never begin to
    learn and start a little lower than others. Such trials are promoted, stand still on all rungs,
    and are all that the model proposes for every rung. Configurations that it has not chosen show
    what else there is on each rung, and where they are better it follows them.

    Examples
    --------
    >>> stands_still = [({"x": 0.1}, {0: 0.3, 1: 0.3}), ({"x": 0.2}, {0: 0.4})]
    >>> first_round_share(Observations.of(stands_still))
    0.5
    >>> first_round_share(Observations.of([({"x": 0.1}, {0: 0.3, 1: 0.2})]))
    0.2
    """
    rows = np.flatnonzero(np.count_nonzero(~np.isnan(observations.losses), axis=1) > 1)
    if not len(rows):
        return _FIRST_SHARE
    lost = observations.losses[rows]
    lowest = np.argmax(~np.isnan(lost), axis=1)
    everyone = np.arange(len(rows))
    gains = lost[everyone, lowest] - lost[everyone, observations.highest[rows]]
    return _FIRST_SHARE if np.median(gains) > 0 else _UNEARNED_SHARE

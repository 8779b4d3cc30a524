"""The choice of the level that a bracket starts on, from what the rounds before have told."""

from __future__ import annotations

from collections.abc import Sequence

from bohb.hyperband.bracket import Bracket
from bohb.hyperband.fronts import Loss, sort_losses

N_COMPARED = 5  # the newest of each kind are compared: the model learns, and forgets nothing


def pays_to_start_at_top(
    planned: Bracket, started: Sequence[Loss | None], promoted: Sequence[Loss | None]
) -> bool:
    """Return whether a bracket is better begun at the top than on the level that was planned.

    Low rungs are there to screen configurations. A model that has learned which ones are good does
    that before anything is trained, and then the resource is better spent at the top: as soon as
    the best of the trials that `planned` pays for at the top is more likely than not to be better
    than a trial that it promotes to the top. Where the model is no better than chance, or the low
    rungs rank well, the brackets stay as they are planned. (Li et al. 2022, *Hyper-Tune*, section
    4.2, choose among the levels by how well each ranks.)

    Parameters
    ----------
    planned
        The bracket as it is planned.
    started, promoted
        The losses at the top of the trials that have started there, and of those that were
        promoted to it, in the order in which the trials were begun. None stands for a failure.

    Examples
    --------
    >>> planned = Bracket(sizes=(9, 3, 1), resources=(1, 3, 9), first_level=0)
    >>> pays_to_start_at_top(planned, started=[0.4, 0.5, 0.2], promoted=[0.3, 0.4])
    True
    >>> pays_to_start_at_top(planned, started=[0.8, 0.5, 0.9], promoted=[0.3, 0.4])
    False
    """
    if len(planned.sizes) == 1 or not started or not promoted:
        return False
    newest, others = started[-N_COMPARED:], promoted[-N_COMPARED:]
    places = _places([*newest, *others])
    pairs = [(one, other) for one in places[: len(newest)] for other in places[len(newest) :]]
    wins = sum((one < other) + 0.5 * (one == other) for one, other in pairs)
    share_lost = 1 - wins / len(pairs)
    n_at_top = planned.at_top().n_trials / planned.sizes[-1]  # for each one that is promoted
    return float(share_lost**n_at_top) <= 0.5


def _places(losses: Sequence[Loss | None]) -> list[int]:
    """Return the place of each loss among all; equal ones share a place, failures the last one."""
    ranked = sort_losses([(loss, row) for row, loss in enumerate(losses) if loss is not None])
    places: list[int] = [len(losses)] * len(losses)
    for place, (loss, row) in enumerate(ranked):
        is_tie = place > 0 and loss == ranked[place - 1][0]
        places[row] = places[ranked[place - 1][1]] if is_tie else place
    return places

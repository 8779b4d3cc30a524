"""The rules by which trials go on: evaluations in, decisions out."""

from __future__ import annotations

import itertools
import math
from collections.abc import Collection, Sequence

from bohb.hyperband.fronts import Loss
from bohb.hyperband.ladder import as_fraction
from bohb.hyperband.records import Decision


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


def n_reserved(ranking: Sequence[int], models: Collection[int], n_kept: int) -> int:
    """Return how many places are kept for trials from before the model's turn.

    They are as many of the `n_kept` places as these trials are of the rung, rounded down; none
    where no trial of the rung was begun in the model's turn.

    Parameters
    ----------
    ranking
        The trials of the rung that have a loss, best first.
    models
        The trials that were begun in the model's turn.
    n_kept
        How many trials go on.

    Examples
    --------
    >>> n_reserved([5, 4, 3, 0, 2, 1], models={3, 4, 5}, n_kept=4)
    2
    """
    n_others = sum(trial not in models for trial in ranking)
    return 0 if n_others == len(ranking) else n_kept * n_others // len(ranking)


def going_on(ranking: Sequence[int], models: Collection[int], n_kept: int) -> list[int]:
    """Return the trials that go on from a rung, best first.

    They are the best, and in any case the best from before the model's turn, `n_reserved` of them.
    A model that takes for good what is good on the lowest rung only would fill all places of the
    next one, and nobody would see what is better there.

    The arguments are those of `n_reserved`.

    Examples
    --------
    >>> going_on([5, 4, 3, 0, 2, 1], models={3, 4, 5}, n_kept=4)
    [5, 4, 0, 2]
    >>> going_on([5, 4, 3, 0, 2, 1], models=(), n_kept=4)
    [5, 4, 3, 0]
    """
    others = [trial for trial in ranking if trial not in models]
    kept = set(others[: n_reserved(ranking, models, n_kept)])
    best = (trial for trial in ranking if trial not in kept)
    kept.update(itertools.islice(best, max(n_kept - len(kept), 0)))
    return [trial for trial in ranking if trial in kept]


def decision(
    ranking: Sequence[tuple[Loss, int]], models: Collection[int], n_kept: int, trial: int
) -> Decision:
    """Return what a rung is decided by, for one trial of it.

    Parameters
    ----------
    ranking
        Loss and trial of those that have a loss, best first.
    models, n_kept
        As for `n_reserved`.
    trial
        The trial.

    Examples
    --------
    >>> decision([(0.1, 3), (0.2, 2), (0.3, 0), (0.4, 1)], models={2, 3}, n_kept=2, trial=3)
    Decision(rank=1, n_ranked=4, n_kept=2, cut=0.3, n_reserved=1)
    """
    rank = next(rank for rank, (_, each) in enumerate(ranking, 1) if each == trial)
    if not models:  # nearly always, and then the rung, which may be large, is not looked at whole
        last = min(max(n_kept, 1), len(ranking))  # where trials have failed, fewer are ranked
        return Decision(rank, len(ranking), n_kept, ranking[last - 1][0])
    losses = {each: loss for loss, each in ranking}
    trials = [*losses]
    kept = going_on(trials, models, n_kept) or trials[:1]
    reserved = n_reserved(trials, models, n_kept)
    return Decision(rank, len(trials), n_kept, losses[kept[-1]], reserved)


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

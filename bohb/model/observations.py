"""What has been observed, and which of it is good."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bohb.model.space import FloatArray


@dataclass(frozen=True, slots=True)
class Observation:
    """One configuration and how it did.

    Attributes
    ----------
    values
        The value of each active parameter by name; a choice by its index.
    losses
        The losses by level of the ladder. Empty for a configuration that has no result yet, and
        for one that failed: both count as bad, so that the model does not propose their
        neighbourhood at once (Ginsbourger et al. 2010 call it the constant liar).
    """

    values: Mapping[str, float]
    losses: Mapping[int, float]


def scores(losses: Sequence[Mapping[int, float]], reduction_factor: float) -> FloatArray:
    """Return how good each trial is among all, shape (n,), lower is better.

    A trial is judged at the highest level it was evaluated at: its mid-rank quantile among
    all trials evaluated there, times ``reduction_factor**-level``. A trial that got one level
    higher has beaten that many others.
    """
    highest = [max(by_level) for by_level in losses]
    result = np.empty(len(losses))
    for level in sorted(set(highest)):
        members = [index for index, by_level in enumerate(losses) if level in by_level]
        ranks = _mid_ranks([losses[index][level] for index in members])
        quantiles = (ranks - 0.5) / len(members)
        for index, quantile in zip(members, quantiles, strict=True):
            if highest[index] == level:
                result[index] = quantile * reduction_factor**-level
    return result


def _mid_ranks(values: Sequence[float]) -> FloatArray:
    """Return the ranks from 1 on; equal values share the mean of theirs."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(counts) - (counts - 1) / 2)[inverse])


def split(
    observations: Sequence[Observation],
    reduction_factor: float,
    *,
    good_share: float = 0.1,
    max_good: int = 25,
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the indices of the good observations, best first, and of all others.

    The best ``min(ceil(good_share * n), max_good)`` of the n evaluated ones are good.
    """
    evaluated = np.array([i for i, o in enumerate(observations) if o.losses], dtype=np.intp)
    others = np.array([i for i, o in enumerate(observations) if not o.losses], dtype=np.intp)
    if not len(evaluated):
        return evaluated, others
    ranking = scores([observations[i].losses for i in evaluated], reduction_factor)
    order = evaluated[np.argsort(ranking, kind="stable")]
    n_good = min(math.ceil(good_share * len(order)), max_good)
    return order[:n_good], np.concatenate([order[n_good:], others])


def rank_weights(count: int) -> FloatArray:
    """Return the weights of `count` good observations, best first, with mean 1.

    ``ln(count + 1/2) - ln(rank)``, as in the recombination weights of CMA-ES (Hansen 2016).
    """
    weights = math.log(count + 0.5) - np.log(np.arange(1, count + 1))
    return np.asarray(weights / weights.mean()) if count else weights

"""One loss in place of several: a random weighting of the objectives for each proposal."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from bohb.model.arrays import FloatArray
from bohb.model.observations import Observations

_AUGMENTATION = 0.05  # rho in Knowles 2006, eq. 2
_ENOUGH = 4  # so many trials on a level tell its range


def scalarised(objectives: Sequence[Observations], rng: np.random.Generator) -> Observations:
    """Return the observations with one loss in place of those of several objectives.

    The loss is the augmented Tchebycheff norm under weights that are drawn anew for each proposal,
    so that proposals aim at all parts of the front in turn (Knowles 2006, *ParEGO*, eq. 2). Each
    objective is scaled by its range from the best observation to the median one, on the highest
    level that has four: unlike the worst, the median does not move when a training diverges.

    Parameters
    ----------
    objectives
        The observations of each objective, which differ in their losses alone.
    rng
        Random numbers for the weights.

    Examples
    --------
    >>> error = Observations.of([({"x": 0.1}, {0: 0.5}), ({"x": 0.9}, {0: 0.1})])
    >>> seconds = Observations.of([({"x": 0.1}, {0: 2.0}), ({"x": 0.9}, {0: 9.0})])
    >>> scalarised([error, seconds], np.random.default_rng(0)).losses.shape
    (2, 1)
    """
    if len(objectives) == 1:
        return objectives[0]
    weights = rng.dirichlet(np.ones(len(objectives)))
    terms = np.array(
        [weight * _scaled(each.losses) for weight, each in zip(weights, objectives, strict=True)]
    )
    losses = terms.max(axis=0, initial=-np.inf) + _AUGMENTATION * terms.sum(axis=0)
    return dataclasses.replace(objectives[0], losses=losses)


def _scaled(losses: FloatArray) -> FloatArray:
    """Return losses of which the best is 0 and the median 1, on the highest level that tells.

    Where training lowers the losses, those of all levels together would make light of what tells
    the best trials apart.
    """
    counts = np.count_nonzero(~np.isnan(losses), axis=0)
    if not counts.any():
        return losses
    level = max(np.flatnonzero(counts >= min(_ENOUGH, counts.max())).tolist())
    known = losses[~np.isnan(losses[:, level]), level]
    low = known.min()
    width = np.median(known) - low or known.max() - low or 1.0
    return np.asarray((losses - low) / width)

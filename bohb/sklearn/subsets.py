"""The order in which a fold's samples are taken, so that each subset holds the smaller ones."""

from __future__ import annotations

from typing import Any

import numpy as np

from bohb.model.arrays import FloatArray, IndexArray


def nested_order(
    rows: IndexArray, classes: IndexArray | None, groups: Any, rng: np.random.Generator
) -> IndexArray:
    """Return `rows` in a random order whose every beginning is a fair part of them.

    With `classes`, the beginnings have the classes in the proportions of the whole, and the first
    rows are one of each class. With `groups`, the rows of a group stay together; a group counts
    as of the class that most of its rows have.

    Parameters
    ----------
    rows
        Row numbers, shape (n,).
    classes
        The class of every row of the data as a number from 0; None for targets without classes.
    groups
        The group of every row of the data, or None.

    Examples
    --------
    >>> import numpy as np
    >>> classes = np.array([0, 0, 0, 0, 1, 1])
    >>> order = nested_order(np.arange(6), classes, None, np.random.default_rng(0))
    >>> np.bincount(classes[order[:3]]).tolist()
    [2, 1]
    """
    own = np.zeros(len(rows), dtype=int) if classes is None else classes[rows]
    if groups is None:
        return rows[np.argsort(_places(own, np.ones(len(rows)), rng), kind="stable")]
    _, members, sizes = np.unique(np.asarray(groups)[rows], return_inverse=True, return_counts=True)
    counts = np.zeros((len(sizes), int(np.max(own, initial=0)) + 1))
    np.add.at(counts, (members, own), 1)
    places = _places(counts.argmax(axis=1), sizes.astype(float), rng)
    shuffled = rng.permutation(len(rows))
    return rows[shuffled[np.argsort(places[members[shuffled]], kind="stable")]]


def _places(strata: IndexArray, sizes: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Return where in the order each item stands, from 0 to 1, so that the strata are even in it.

    The items of each stratum are shuffled and lie one after the other, by their sizes; the first
    one stands at the very fingerprint.
    """
    places = np.empty(len(strata))
    for stratum in np.unique(strata):
        items = rng.permutation(np.flatnonzero(strata == stratum))
        length = sizes[items]
        before = np.cumsum(length) - length
        middle = (before + rng.random() * length) / length.sum()
        middle[0] = -rng.random()
        places[items] = middle
    return places

"""Samples that stay on a Dask cluster: rows come together only where an estimator needs them."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import scipy.sparse

from bohb import arguments
from bohb.executors import Executor
from bohb.model.arrays import IndexArray

# Seconds to wait for a block, one attempt after the other. One that takes longer than the first may
# wait for this very thread.
_WAITS = (5.0, 2.0, 5.0, 10.0, 20.0, 60.0, 120.0, 300.0)


class ClusterSamples:
    """The samples of a Dask array or data frame, block by block on the workers of a cluster.

    It goes to workers without its data: they bring a block to themselves when they need rows of it,
    and keep no more than the rows they score on.

    Attributes
    ----------
    shape
        The number of samples, and that of features.
    token
        Tells the data from others, as Dask does.
    """

    def __init__(
        self, futures: Sequence[Any], sizes: Sequence[int], n_features: int, token: str
    ) -> None:
        self._futures: Sequence[Any] | None = futures  # they keep the blocks on the cluster
        self._keys = [future.key for future in futures]
        self._ends = np.cumsum(sizes)
        self.shape = (int(self._ends[-1]), n_features)
        self.token = token
        self._scored_on: dict[bytes, Any] = {}

    @classmethod
    def of(cls, collection: Any, client: Any) -> ClusterSamples:
        """Return the samples of a Dask collection, which is computed on the cluster of `client`."""
        from dask.base import tokenize

        if hasattr(collection, "chunks"):
            collection = collection.rechunk({1: -1})  # a block has whole rows
            blocks = collection.to_delayed().ravel().tolist()
        else:
            blocks = collection.to_delayed()
        futures = client.compute(blocks)
        sizes = client.gather(client.map(_n_rows, futures))
        filled = [(future, size) for future, size in zip(futures, sizes, strict=True) if size]
        kept, counts = zip(*filled, strict=True)
        return cls(kept, counts, int(collection.shape[1]), tokenize(collection))

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_futures": None, "_scored_on": {}}

    def __len__(self) -> int:
        return self.shape[0]

    def rows(self, rows: IndexArray, *, keep: bool = False) -> Any:
        """Return the samples of these rows, in their order.

        Parameters
        ----------
        rows
            Row numbers, shape (n,).
        keep
            Whether they are kept in this process, as they will be asked for again.
        """
        key = rows.tobytes() if keep else b""
        if key in self._scored_on:
            return self._scored_on[key]
        order = np.argsort(rows, kind="stable")
        begins = np.concatenate([[0], self._ends])
        parts = [self._part(b, own - begins[b]) for b, own in self._by_block(rows[order])]
        found = _taken(_stacked(parts), np.argsort(order, kind="stable"))
        if keep:
            self._scored_on[key] = found
        return found

    def grouped(self, rows: IndexArray) -> list[IndexArray]:
        """Return `rows` by the block that they lie in, in their order within each."""
        return [own for _, own in self._by_block(rows)]

    def _by_block(self, rows: IndexArray) -> list[tuple[int, IndexArray]]:
        blocks = np.searchsorted(self._ends, rows, side="right")
        return [(int(block), rows[blocks == block]) for block in np.unique(blocks)]

    def _part(self, block: int, rows: IndexArray) -> Any:
        if self._futures is not None:
            return _taken(self._futures[block].result(), rows)
        import distributed  # not everybody has it

        # A worker's own client brings the block from wherever it lies. That it is there need not be
        # asked: the process of the search holds it.
        with contextlib.suppress(distributed.TimeoutError):
            return _taken(self._brought(block, distributed.get_client(), _WAITS[0]), rows)
        # It may have been lost with its worker, and is made again, for which this thread may be
        # needed. A client is not told when that is done, so it is asked for again.
        with distributed.worker_client() as client:
            for seconds in _WAITS[1:-1]:
                with contextlib.suppress(distributed.TimeoutError):
                    return _taken(self._brought(block, client, seconds), rows)
            return _taken(self._brought(block, client, _WAITS[-1]), rows)

    def _brought(self, block: int, client: Any, seconds: float) -> Any:
        from distributed import Future

        return Future(self._keys[block], client, state="memory").result(timeout=seconds)


def cluster_client(executor: Any) -> Any:
    """Return the client of Dask by which an executor runs legs; None if it is no such executor."""
    if arguments.comes_from("distributed", executor):
        from bohb.executors.dask import client_of  # it needs Dask, which is optional

        return client_of(executor)
    return getattr(executor, "client", None) if isinstance(executor, Executor) else None


def _n_rows(block: Any) -> int:
    return int(block.shape[0])


def _taken(samples: Any, rows: IndexArray) -> Any:
    return samples.iloc[rows] if hasattr(samples, "iloc") else samples[rows]


def _stacked(parts: Sequence[Any]) -> Any:
    if hasattr(parts[0], "iloc"):
        import pandas as pd

        return pd.concat(parts)
    return scipy.sparse.vstack(parts) if scipy.sparse.issparse(parts[0]) else np.concatenate(parts)

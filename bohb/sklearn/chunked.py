"""Chunked collections of Dask, which are brought into memory."""

from __future__ import annotations

import math
from typing import Any


def in_memory(collection: Any) -> Any:
    """Return what a collection of Dask holds; anything else as it is."""
    return collection.compute() if _is_dask(collection) else collection


def chunk_size_of(collection: Any) -> int | None:
    """Return the number of rows of the first chunk of a Dask array; None for anything else."""
    chunks = getattr(collection, "chunks", None) if _is_dask(collection) else None
    first = chunks[0][0] if chunks else math.nan  # it need not be known
    return None if math.isnan(first) else int(first)


def _is_dask(collection: Any) -> bool:
    package = type(collection).__module__.partition(".")[0]
    return package in ("dask", "dask_expr") and hasattr(collection, "compute")

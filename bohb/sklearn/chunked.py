"""Chunked collections of Dask, which are brought into memory."""

from __future__ import annotations

import math
from typing import Any

from bohb import arguments


def in_memory(collection: Any) -> Any:
    """Return what a collection of Dask holds; anything else as it is."""
    return collection.compute() if _is_dask(collection) else collection


def chunk_size_of(collection: Any) -> int | None:
    """Return the number of rows of the first chunk of a Dask array; None for anything else."""
    chunks = getattr(collection, "chunks", None) if _is_dask(collection) else None
    first = chunks[0][0] if chunks else math.nan  # it need not be known
    return None if math.isnan(first) else int(first)


def _is_dask(collection: Any) -> bool:
    is_from = arguments.comes_from("dask", collection) or arguments.comes_from(
        "dask_expr", collection
    )
    return is_from and hasattr(collection, "compute")

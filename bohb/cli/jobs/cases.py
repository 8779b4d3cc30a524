"""Spaces with finitely many configurations: the cases of a mapping, and the size of a grid."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from bohb.cli.jobs.document import NAME
from bohb.cli.jobs.fields import FieldError
from bohb.cli.jobs.kinds import stored_values
from bohb.dimensions import Dimension

_LARGEST_GRID = 1_000_000


def grid_size(dimensions: Iterable[Dimension]) -> int:
    """Return the number of configurations of a grid.

    Raises
    ------
    FieldError
        If a parameter has infinitely many values, or there are too many configurations.
    """
    size = 1
    for dimension in dimensions:
        values = stored_values(dimension)
        if values is None:
            raise FieldError(
                f"{NAME} has no finite number of values, which grid needs: use choice, int, float "
                "with a step, quniform, range, linspace, logspace or geomspace",
                "params",
                dimension.name,
            )
        size *= len(values)
        if size > _LARGEST_GRID:
            raise FieldError(
                f"{NAME} makes a grid of {size} configurations, and at most {_LARGEST_GRID} are "
                "allowed: use method random",
                "params",
                dimension.name,
            )
    return size


def checked_cases(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the configurations of a mapping, which must all have the same keys."""
    if not rows or not rows[0]:
        raise FieldError(f"{NAME} must have at least one value, got {rows!r}")
    for index, row in enumerate(rows):
        if row.keys() != rows[0].keys():
            raise FieldError(
                f"{NAME} must have the same keys as the first, {', '.join(rows[0])}, got "
                f"{', '.join(row)}",
                index,
            )
    return rows


def parameters_of(
    rows: list[dict[str, Any]],
) -> tuple[dict[str, Dimension], tuple[dict[str, Any], ...]]:
    """Return the parameters that cases consist of, and the cases as the study stores them.

    Both have the names that the parameters have in the study as their keys.
    """
    dimensions: dict[str, Dimension] = {}
    stored = [dict[str, Any]() for _ in rows]
    for column in rows[0]:
        values = [row[column] for row in rows]
        distinct = [v for i, v in enumerate(values) if _place(values, v) == i]
        made = Dimension.of_values(column, distinct)
        kept = stored_values(made) or ()
        for row, value in zip(stored, values, strict=True):
            row[made.key] = kept[_place(distinct, value)]
        dimensions[made.key] = replace(made, description=f"one of {len(rows)} cases")
    return dimensions, tuple(stored)


def _place(values: list[Any], value: Any) -> int:
    """Return the index of `value` among `values`; unlike for `list.index`, True is not 1."""
    return next(
        i for i, v in enumerate(values) if v is value or (v == value and type(v) is type(value))
    )

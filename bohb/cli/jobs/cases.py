"""Spaces with finitely many configurations: the cases of a mapping, and the size of a grid."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from bohb.cli.jobs.document import NAME, no_keys
from bohb.cli.jobs.fields import FieldError, parameter_name
from bohb.cli.jobs.kinds import stored_values
from bohb.dimensions import Dimension
from bohb.errors import ArgumentError, ArgumentTypeError

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
        place = ("params", dimension.name)
        values = stored_values(dimension)
        if values is None:
            raise FieldError(
                place,
                f"{NAME} has no finite number of values, which grid needs: use choice, int, float "
                "with a step, quniform, range, linspace, logspace or geomspace",
            )
        size *= len(values)
        if size > _LARGEST_GRID:
            raise FieldError(
                place,
                f"{NAME} makes a grid of {size} configurations, and at most {_LARGEST_GRID} are "
                "allowed: use method random",
            )
    return size


def checked_cases(name: str, value: Any) -> list[dict[str, Any]]:
    """Return the configurations of a mapping, which is a list of them."""
    if not isinstance(value, list):
        raise ArgumentTypeError(f"{name} must be a list, got {value!r}")
    for index, row in enumerate(value):
        if not isinstance(row, dict):
            raise FieldError((index,), no_keys(row))
    if not value or not value[0]:
        raise ArgumentError(f"{name} must have at least one value, got {value!r}")
    for index, row in enumerate(value):
        if row.keys() != value[0].keys():
            raise FieldError(
                (index,),
                f"{NAME} must have the same keys as the first, {', '.join(value[0])}, got "
                f"{', '.join(row)}",
            )
    for key in value[0]:
        try:
            parameter_name(NAME, key)
        except ArgumentError as error:
            raise FieldError((0, key), str(error)) from error
    return value


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

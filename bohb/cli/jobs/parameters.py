"""The parameters of a job, and how many configurations a finite space has."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from bohb.cli.jobs.command import GENERAL
from bohb.cli.jobs.document import Entry
from bohb.cli.jobs.kinds import stored_values
from bohb.dimensions import Dimension

_LARGEST_GRID = 1_000_000
_NAME = re.compile(r"[A-Za-z_][\w-]*")


def parameter_name(entry: Entry, name: str | None = None) -> str:
    """Return the name that a command may use for a value: the last of the entry's keys."""
    name = entry.key if name is None else name
    if not _NAME.fullmatch(name):
        raise entry.error(
            f"{entry.name} must have a name that begins with a letter or _ and has only letters, "
            f"digits, _ and -, got {name!r}"
        )
    if name in GENERAL:
        raise entry.error(
            f"{entry.name} needs another name: {{{{ {name} }}}} stands for something else"
        )
    return name


def grid_size(dimensions: Iterable[tuple[Dimension, Entry]]) -> int:
    """Return how many configurations a grid has; its parameters must have finitely many values."""
    size = 1
    for dimension, entry in dimensions:
        values = stored_values(dimension)
        if values is None:
            raise entry.error(
                f"{entry.name} has no finite number of values, which grid needs: use choice, "
                "int, float with a step, quniform, range, linspace, logspace or geomspace"
            )
        size *= len(values)
        if size > _LARGEST_GRID:
            raise entry.error(
                f"{entry.name} makes a grid of {size} configurations, and at most {_LARGEST_GRID} "
                "are allowed: use method random"
            )
    return size


def cases(entry: Entry) -> tuple[dict[str, Dimension], tuple[dict[str, Any], ...]]:
    """Return the parameters and the configurations of a mapping, which is a list of them."""
    rows = [row.entries() for row in entry.parts()]
    if not rows or not rows[0]:
        raise entry.error(f"{entry.name} must have at least one value, got {entry.value!r}")
    for row, part in zip(rows, entry.parts(), strict=True):
        if row.keys() != rows[0].keys():
            raise part.error(
                f"{part.name} must have the same keys as the first, {', '.join(rows[0])}, got "
                f"{', '.join(row)}"
            )
    dimensions, stored = {}, [dict[str, Any]() for _ in rows]
    for column in rows[0]:
        name = parameter_name(rows[0][column])
        values = [row[column].value for row in rows]
        distinct = [v for i, v in enumerate(values) if _place(values, v) == i]
        made = Dimension.of_values(name, distinct)
        kept = stored_values(made) or ()
        for row, value in zip(stored, values, strict=True):
            row[made.key] = kept[_place(distinct, value)]
        dimensions[made.key] = replace(made, description=f"one of {len(rows)} cases")
    return dimensions, tuple(stored)


def _place(values: list[Any], value: Any) -> int:
    """Return where `value` is among `values`, where true is not 1."""
    return next(
        i for i, v in enumerate(values) if v is value or (v == value and type(v) is type(value))
    )

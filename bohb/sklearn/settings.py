"""What the two searches call by different names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bohb.hyperband import BracketSizes


@dataclass(frozen=True)
class Settings:
    """What the two searches have other names for.

    Attributes
    ----------
    distributions
        What candidates are drawn from, as it was given.
    min_resource, max_resource, reduction_factor, bracket_sizes
        Of the schedule; a bound may be ``"auto"``.
    patience
        The resource within which a score must rise; None for any.
    asynchronous
        Whether rungs are promoted from before they are complete.
    label
        Begins the lines that are printed.
    """

    distributions: Any
    min_resource: Any
    max_resource: Any
    reduction_factor: float
    bracket_sizes: BracketSizes
    patience: int | None
    asynchronous: bool = False
    label: str = ""

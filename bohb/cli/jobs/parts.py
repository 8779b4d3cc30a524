"""The parts of a job file that have keys of their own: metric, resource and limits."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import BeforeValidator

from bohb.cli.jobs.document import NAME
from bohb.cli.jobs.fields import (
    Budget,
    Direction,
    FieldError,
    ParameterName,
    Part,
    Pattern,
    Positive,
    TemplateText,
    Text,
)
from bohb.hyperband import Resource

_COUNTS = ("n_trials", "n_rounds", "n_brackets", "total_resource")


class Metric(Part):
    """The value by which a trial is judged, read from JSON on stdout or by a pattern or a file."""

    name: Text
    """The key in the lines of JSON."""
    direction: Direction = "minimize"
    step: Annotated[
        Text | None, BeforeValidator(lambda value: None if value is False else value)
    ] = "step"
    """The key of the resource used so far; false for none."""
    pattern: Pattern | None = None
    """A regular expression that finds the metric in both outputs. The group named value is the
    metric, or else the first group that is not named step; the group named step is the step."""
    file: TemplateText | None = None
    """A file of JSON, or of lines of JSON, that the command writes."""

    def faults(self) -> Iterator[FieldError]:
        """Yield the faults of the keys that say where the metric is found."""
        if self.pattern is not None and self.file is not None:
            yield FieldError("only one of pattern and file can be given for a metric", "file")
        if self.pattern is not None and not self.value_group:
            yield FieldError(
                f"{NAME} must have a group for the value, as in 'loss=(?P<value>\\S+)', got "
                f"{self.pattern.pattern!r}",
                "pattern",
            )

    @property
    def maximize(self) -> bool:
        """Whether larger values are better."""
        return self.direction == "maximize"

    @property
    def value_group(self) -> int:
        """The number of the group of `pattern` that is the metric; 0 if there is none."""
        if self.pattern is None:
            return 0
        named, count = self.pattern.groupindex, self.pattern.groups
        others = [group for group in range(1, count + 1) if group != named.get("step")]
        return int(named.get("value", others[0] if others else 0))


class JobResource(Part):
    """The resource of which a trial gets more when it is promoted."""

    name: ParameterName
    """The name of the resource in the command."""
    min: Positive = 1
    """The lowest resource at which trials are compared."""
    max: Positive
    """The highest resource that a trial gets."""
    type: Literal["int", "float"] | None = None
    """Whether the resource is an integer or a float; if left out, an integer if both bounds are."""

    def faults(self) -> Iterator[FieldError]:
        """Yield the bounds that are not integers although the type says so."""
        for field, value in (("min", self.min), ("max", self.max)):
            if self.type == "int" and value != int(value):
                yield FieldError(f"{NAME} must be an integer, got {value!r}", field)

    @property
    def bounds(self) -> tuple[Resource, Resource]:
        """The least and the most, both integers or both floats."""
        bounds = self.min, self.max
        kind = float if self.type == "float" or any(b != int(b) for b in bounds) else int
        return kind(self.min), kind(self.max)


class JobLimits(Part):
    """The limits of a job: at most one of the counts, and a timeout as well."""

    n_trials: Budget | None = None
    """Configurations to start."""
    n_rounds: Budget | None = None
    """Passes through all brackets."""
    n_brackets: Budget | None = None
    """Brackets to start."""
    total_resource: Positive | None = None
    """Resource to use, counting each command from the start."""
    timeout: Positive | None = None
    """Seconds that each run of the job may take."""

    @property
    def counted(self) -> list[str]:
        """The counts that are given."""
        return [name for name in _COUNTS if getattr(self, name) is not None]

    def faults(self) -> Iterator[FieldError]:
        """Yield a fault if more than one count is given."""
        if len(self.counted) > 1:
            given = " and ".join(self.counted)
            message = f"only one of {', '.join(_COUNTS)} can be given, got {given}"
            yield FieldError(message, self.counted[1])

"""The translation of Polyaxon's job files into ours. No other code knows of Polyaxon."""

from bohb.cli.jobs.polyaxon.operation import is_operation, translated

__all__ = ["is_operation", "translated"]

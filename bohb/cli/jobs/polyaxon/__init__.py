"""Polyaxon's job files, translated into ours. No other code knows of Polyaxon."""

from bohb.cli.jobs.polyaxon.translation import is_operation, translated

__all__ = ["is_operation", "translated"]

"""Polyaxon's job files, translated into ours: nothing elsewhere knows of Polyaxon."""

from bohb.cli.jobs.polyaxon.operation import is_operation, translated

__all__ = ["is_operation", "translated"]

"""Rules of early stopping, made in one line."""

from __future__ import annotations

from pydantic import TypeAdapter

from bohb.cli.jobs.stopping import AnyRule


def rule(kind, metric="loss", *, maximize=False, **given):
    """Return a rule of this kind."""
    direction = "maximize" if maximize else "minimize"
    return TypeAdapter(AnyRule).validate_python(
        {"kind": kind, "metric": metric, "direction": direction, **given}
    )

"""Rules of early stopping, made in one line."""

from __future__ import annotations

from bohb.cli.jobs import RULES


def rule(kind, metric="loss", *, maximize=False, **given):
    """Return a rule of this kind."""
    direction = "maximize" if maximize else "minimize"
    return RULES[kind](kind=kind, metric=metric, direction=direction, **given)

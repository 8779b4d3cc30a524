"""The records that go into a schedule and come out of it."""

from __future__ import annotations

from dataclasses import dataclass

from bohb.hyperband.ladder import Resource


@dataclass(frozen=True, slots=True)
class Leg:
    """One stretch of work on one trial: from where it stood to the resource it is given.

    `trial` is None while the trial has still to be made.
    """

    trial: int | None
    bracket: int
    rung: int
    resource: Resource
    previous_resource: Resource


@dataclass(frozen=True, slots=True)
class Evaluation:
    """How one trial did at one rung. `loss` is None if it has none: it failed or gave up."""

    trial: int
    rung: int
    loss: float | None


@dataclass(frozen=True, slots=True)
class Standing:
    """One trial as a recorded history holds it.

    Attributes
    ----------
    losses
        Its losses at rung 0, 1, ... of its bracket; None stands for a failure and comes last.
    pending
        Whether it was given the next rung and has no result there yet.
    """

    trial: int
    bracket: int
    losses: tuple[float | None, ...]
    pending: bool

"""The records that go into a schedule and come out of it."""

from __future__ import annotations

from dataclasses import dataclass, field

from bohb.hyperband.fronts import Loss
from bohb.hyperband.ladder import Resource


@dataclass(frozen=True, slots=True)
class Leg:
    """One stretch of work on one trial: from where it stood to the resource it is given.

    Attributes
    ----------
    trial
        The trial's number; None while the trial has still to be made.
    bracket
        The number of its bracket, counted through all rounds.
    rung
        The rung that it is given, 0 for the lowest of the bracket.
    resource, previous_resource
        The total resource that the trial is to be trained for, and the total before this leg.
    at_top
        Whether its bracket starts at the top, in place of the level that was planned.
    parent
        The trial from whose checkpoint a trial of a population goes on that has still to be made;
        None for any other leg.
    in_models_turn
        Whether its trial was begun in the model's turn, after `Plan.n_before_model` others.
    """

    trial: int | None
    bracket: int
    rung: int
    resource: Resource
    previous_resource: Resource
    at_top: bool = field(default=False, repr=False)
    parent: int | None = field(default=None, repr=False)
    in_models_turn: bool = field(default=False, repr=False)


@dataclass(frozen=True, slots=True)
class Evaluation:
    """How one trial did at one rung.

    Attributes
    ----------
    trial
        The trial's number.
    rung
        The rung of its bracket, 0 for the lowest.
    loss
        Lower is better; one for each objective, if there are several. None if it has none: the
        trial failed or was pruned by its objective.
    """

    trial: int
    rung: int
    loss: Loss | None


@dataclass(frozen=True, slots=True)
class Decision:
    """What a rung was decided by: how one of its trials ranks, and how far down trials go on.

    Attributes
    ----------
    rank
        The place of the trial among those of its rung that have a loss, from 1 for the best.
    n_ranked
        How many trials of the rung have a loss.
    n_kept
        How many of these go on.
    cut
        The loss of the last one that goes on.
    n_reserved
        How many of the places were kept for trials from before the model's turn.

    Examples
    --------
    >>> from bohb.hyperband import SynchronousSchedule, ladder, make_plan
    >>> schedule = SynchronousSchedule(make_plan(ladder(1, 3, 3), 3))
    >>> for trial, loss in enumerate([0.3, 0.1, 0.2]):
    ...     schedule.begin(schedule.next_leg(), trial)
    ...     pruned = schedule.record(Evaluation(trial, 0, loss))
    >>> schedule.decision(schedule.next_leg())
    Decision(rank=1, n_ranked=3, n_kept=1, cut=0.1, n_reserved=0)
    """

    rank: int
    n_ranked: int
    n_kept: int
    cut: Loss
    n_reserved: int = 0


@dataclass(frozen=True, slots=True)
class Standing:
    """One trial as a recorded history holds it.

    Attributes
    ----------
    trial
        The trial's number.
    bracket
        The number of its bracket, counted through all rounds.
    losses
        Its losses at its first rung and those above; None stands for a failure and comes last.
    pending
        Whether it was given the rung after these and has no result there yet.
    at_top
        Whether its bracket starts at the top, in place of the level that was planned.
    first_rung, parent
        The rung on which it began, and the trial from whose checkpoint it went on there, if it is a
        child in a population; else 0 and None.
    is_over
        Whether it was dropped, or is finished in any other way.
    in_models_turn
        Whether it was begun in the model's turn.
    """

    trial: int
    bracket: int
    losses: tuple[Loss | None, ...]
    pending: bool
    at_top: bool = False
    first_rung: int = 0
    parent: int | None = None
    is_over: bool = False
    in_models_turn: bool = False

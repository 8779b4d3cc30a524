"""The base class of the schedules: all that synchronous and asynchronous ones have in common."""

from __future__ import annotations

import abc
import bisect
import itertools
import operator
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from bohb.errors import ArgumentError
from bohb.hyperband.adaptive import N_COMPARED, pays_to_start_at_top
from bohb.hyperband.bracket import Bracket
from bohb.hyperband.forecast import LegsLeft
from bohb.hyperband.fronts import Loss, sort_losses
from bohb.hyperband.ladder import Resource
from bohb.hyperband.plan import N_SEEN_AT_TOP, Plan
from bohb.hyperband.promotion import decision
from bohb.hyperband.records import Decision, Evaluation, Leg, Standing

if TYPE_CHECKING:
    from typing_extensions import Self


class RungRecord:
    """The trials that were given one rung of one bracket, and how they did.

    Attributes
    ----------
    pending
        The trials that have no result here yet.
    evaluations
        The results, by trial.
    """

    __slots__ = ("_is_sorted", "_ranking", "evaluations", "pending")

    def __init__(self) -> None:
        self.pending: set[int] = set()
        self.evaluations: dict[int, Evaluation] = {}
        self._ranking: list[tuple[Loss, int]] = []
        self._is_sorted = True

    def record(self, evaluation: Evaluation) -> None:
        """Take the result of a trial that was pending."""
        self.pending.remove(evaluation.trial)
        self.evaluations[evaluation.trial] = evaluation
        if isinstance(evaluation.loss, tuple):
            # How trials with several losses rank may change with each one that comes.
            self._ranking.append((evaluation.loss, evaluation.trial))
            self._is_sorted = False
        elif evaluation.loss is not None:
            bisect.insort(self._ranking, (evaluation.loss, evaluation.trial))

    @property
    def ranking(self) -> list[tuple[Loss, int]]:
        """Loss and trial of those that have a loss, best first."""
        if not self._is_sorted:
            self._ranking = sort_losses(self._ranking)
            self._is_sorted = True
        return self._ranking

    def __contains__(self, trial: int) -> bool:
        return trial in self.pending or trial in self.evaluations

    def __len__(self) -> int:
        return len(self.pending) + len(self.evaluations)


class BracketRun:
    """A bracket under way: what happened on each rung, and how many trials are expected there.

    The `capacity` of each rung is the number of the plan at first. It shrinks when it turns out
    that fewer trials will come.
    """

    def __init__(self, index: int, bracket: Bracket, *, at_top: bool = False) -> None:
        self.index = index
        self.at_top = at_top  # in place of the level that was planned
        self.resize(bracket)
        self.rungs = [RungRecord() for _ in bracket.sizes]
        self.models: set[int] = set()  # the trials that were begun in the model's turn

    def resize(self, bracket: Bracket) -> None:
        self.bracket = bracket
        self.capacity = list(bracket.sizes)

    def limit(self, rung: int, n_trials: int) -> None:
        """Note that no more than `n_trials` will ever get to `rung`, nor to any above it."""
        for higher in range(rung, len(self.capacity)):
            self.capacity[higher] = min(self.capacity[higher], n_trials)

    @property
    def finished(self) -> bool:
        """Whether nothing is left to be done in it."""
        return all(
            not held.pending and len(held) >= capacity
            for held, capacity in zip(self.rungs, self.capacity, strict=True)
        )

    @property
    def full(self) -> bool:
        """Whether all trials that shall start in it have started."""
        return len(self.rungs[0]) >= self.bracket.n_trials

    def leg(self, trial: int | None, rung: int) -> Leg:
        resources = self.bracket.resources
        previous = resources[rung - 1] if rung else 0
        of_model = trial in self.models
        return Leg(
            trial, self.index, rung, resources[rung], previous, self.at_top, in_models_turn=of_model
        )


class Schedule(abc.ABC):
    """Decides which trial is trained next, and how far, from what is known.

    The caller asks `next_leg` what to do next, tells `begin` that this is being done, and tells
    `record` what came of it. Any number of legs may be under way. The schedule knows trials by
    their numbers alone. It repeats the brackets of its plan round after round.

    Its state is a function of the recorded history: `replay` makes a new schedule that stands
    where the schedule of that history stood.

    Parameters
    ----------
    plan
        The plan of one round.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.runs: list[BracketRun] = []  # in the order in which they were begun
        self.by_number: dict[int, BracketRun] = {}
        self._n_in_order = 0  # so many brackets of the lowest numbers were all begun
        self.n_evaluations = 0
        self._n_finished = 0  # so many brackets at the front need not be looked at again
        self._places: dict[int, BracketRun] = {}
        # Trial and loss of those that have started at the top, and of those promoted to it.
        self._at_the_top: tuple[list[tuple[int, Loss | None]], ...] = ([], [])
        self._spent_continued: Resource = 0
        self._spent_restarted: Resource = 0

    @classmethod
    def replay(
        cls, plan: Plan, standings: Iterable[Standing], closed: Mapping[int, int]
    ) -> tuple[Self, list[int]]:
        """Return a schedule that stands where the recorded one stood, and all it has pruned.

        `closed` maps each bracket that was closed before it was full to its number of trials.
        """
        schedule = cls(plan)
        by_age = sorted(standings, key=lambda standing: standing.trial)
        # All trials take their places before any result is recorded: a decision must not pass
        # over a promotion that was already made.
        evaluations = []
        for standing in by_age:
            run = schedule._opened(standing.bracket, at_top=standing.at_top)
            first = standing.first_rung
            if standing.in_models_turn:
                run.models.add(standing.trial)
            for rung in range(first, first + len(standing.losses) + standing.pending):
                schedule._enter(run, rung, standing.trial)
            for rung, loss in enumerate(standing.losses, first):
                evaluations.append(Evaluation(standing.trial, rung, loss))
            schedule._take_standing(standing)
        for number, n_trials in closed.items():
            if (closed_run := schedule.by_number.get(number)) is not None:
                closed_run.resize(closed_run.bracket.with_trials(n_trials, plan.reduction_factor))
        # A trial that was enqueued may be older than those that were begun before it.
        schedule.runs.sort(key=lambda run: not run.full)
        # Lower rungs first: they settle how many trials a higher rung has to wait for.
        evaluations.sort(key=lambda evaluation: evaluation.rung)
        pruned = [trial for evaluation in evaluations for trial in schedule.record(evaluation)]
        return schedule, pruned

    @property
    def n_started(self) -> int:
        """The number of trials that were ever begun."""
        return len(self._places)

    @property
    def next_bracket(self) -> int:
        """The number of the bracket that the next new trial would join."""
        return next(self.coming())

    @property
    def n_full(self) -> int:
        """How many brackets no more trials will start in."""
        is_open = bool(self.runs) and not self.runs[-1].full
        return len(self.runs) - is_open

    def coming(self) -> Iterator[int]:
        """Yield the numbers of the brackets that new trials will join, one after another.

        That is the order of their numbers. Only in an adaptive plan the bracket at the top of each
        round comes as soon as two trials were evaluated at the top, which in all rounds but the
        first means before the others. A promoted trial has come through rungs that may rank trials
        otherwise than the top does, and full trainings that no rung has screened show it. They also
        show what the model can do by now, which decides where the others start. Where nothing is
        known of the top yet, as with many workers, these trials would be drawn blindly, and low
        rungs screen better. An asynchronous schedule has full trainings early in any case, as it
        promotes on little evidence.
        """
        if self.n_full < len(self.runs):
            yield self.runs[-1].index
        per_round = self.plan.brackets_per_round
        may_be_early = self.plan.adaptive and not self.plan.asynchronous
        is_early = may_be_early and self._has_seen_top
        for first in itertools.count(self._n_in_order // per_round * per_round, per_round):
            numbers = range(first, first + per_round)
            in_order = [*numbers[-1:], *numbers[:-1]] if is_early else numbers
            yield from (number for number in in_order if number not in self.by_number)

    def bracket(self, index: int) -> Bracket:
        """Return the bracket of this number; if it was not opened, as it would be by now."""
        return self._run_at(index).bracket

    def n_started_in(self, index: int) -> int:
        """Return how many trials were begun in the bracket of this number."""
        return len(self.by_number[index].rungs[0]) if index in self.by_number else 0

    @property
    def pending(self) -> list[Leg]:
        """The legs that were begun and have no result, in the order of their trials."""
        legs = [
            run.leg(trial, rung)
            for run in self.runs[self._first_open() :]
            for rung, held in enumerate(run.rungs)
            for trial in held.pending
        ]
        return sorted(legs, key=lambda leg: leg.trial or 0)

    def may_open(self, max_open: int | None) -> bool:
        """Return whether a new trial may start without more than `max_open` brackets being open.

        A bracket is open from its first trial until nothing is left to be done in it. None stands
        for no bound.
        """
        if max_open is None or self.n_full < len(self.runs):
            return True
        return sum(not run.finished for run in self.runs[self._first_open() :]) < max_open

    def _first_open(self) -> int:
        """Return how many of the first brackets are finished."""
        while self._n_finished < len(self.runs) and self.runs[self._n_finished].finished:
            self._n_finished += 1
        return self._n_finished

    def next_leg(self, *, may_start: bool = True) -> Leg | None:
        """Return what should be done next, or None if there is nothing to do before a result comes.

        Promotions come before new trials. Without `may_start` no new trial is proposed.
        """
        leg = self._next_promotion()
        if leg is None and may_start:
            return self._run_at(self.next_bracket).leg(None, 0)
        return leg

    def begin(self, leg: Leg, trial: int) -> None:
        """Note that `trial` has been given `leg`."""
        run = self._opened(leg.bracket, at_top=leg.at_top)
        self._enter(run, leg.rung, trial)
        if leg.in_models_turn:
            run.models.add(trial)

    def record(self, evaluation: Evaluation) -> list[int]:
        """Note how a trial did and return the trials that are pruned by what is known now."""
        run = self._places.get(evaluation.trial)
        if run is None or evaluation.trial not in run.rungs[evaluation.rung].pending:
            raise ArgumentError(
                f"trial must have a leg under way to rung {evaluation.rung}, "
                f"got trial {evaluation.trial}"
            )
        run.rungs[evaluation.rung].record(evaluation)
        self.n_evaluations += 1
        if evaluation.rung == len(run.rungs) - 1:
            self._note_top(run, evaluation)
        return self._settle(run, evaluation)

    def close(self) -> tuple[dict[int, int], list[int]]:
        """Let no more trials start in the open bracket: it is finished with what it holds.

        Returns
        -------
        closed
            The bracket that was closed with its number of trials; empty if none was open.
        pruned
            The trials that are pruned by it.
        """
        if not self.runs or self.runs[-1].full:
            return {}, []
        run = self.runs[-1]
        n_trials = len(run.rungs[0])
        run.resize(run.bracket.with_trials(n_trials, self.plan.reduction_factor))
        return {run.index: n_trials}, self._settle(run, None)

    def spent(self, *, continued: bool) -> Resource:
        """Return the resource of all legs that were begun."""
        return self._spent_continued if continued else self._spent_restarted

    def under_way(self, *, continued: bool) -> Resource:
        """Return the resource of the legs that were begun and have no result."""
        total: Resource = 0
        for leg in self.pending:
            total += self.by_number[leg.bracket].bracket.leg_cost(leg.rung, continued=continued)
        return total

    def still_needed(self, *, continued: bool, new_trials: int = 0) -> Resource:
        """Return the resource to finish the open brackets once `new_trials` more have started.

        Legs that have begun are not counted. For an asynchronous schedule this is what its plan
        says; promotions made on little evidence come on top.
        """
        total: Resource = 0
        for left in self.legs_left(new_trials):
            total += left.count * left.bracket.leg_cost(left.rung, continued=continued)
        return total

    def legs_left(self, new_trials: int = 0) -> Iterator[LegsLeft]:
        """Yield the legs that finish the brackets once `new_trials` more have started.

        Legs that have begun are not among them.
        """
        for run in self.runs[self._first_open() : self.n_full]:
            yield from _legs_left(run, run.capacity)
        for index in self.coming():
            run = self._run_at(index)
            more = min(new_trials, run.bracket.n_trials - len(run.rungs[0]))
            n_trials = len(run.rungs[0]) + more
            if n_trials:  # a bracket without trials needs nothing
                bracket = run.bracket.with_trials(n_trials, self.plan.reduction_factor)
                yield from _legs_left(run, bracket.sizes)
            new_trials -= more
            if new_trials <= 0:
                return

    def decision(self, leg: Leg) -> Decision:
        """Return what the promotion to `leg`, from the rung below, is decided by."""
        run, below = self.by_number[leg.bracket], leg.rung - 1
        assert leg.trial is not None  # noqa: S101 - for the type checker; it has been on a rung
        ranking, n_kept = run.rungs[below].ranking, self._n_kept(run, below)
        return decision(ranking, self._models(run, below), n_kept, leg.trial)

    def _models(self, run: BracketRun, rung: int) -> Collection[int]:
        """Return the trials that leave a share of the places on the next rung to the others."""
        return run.models if rung == 0 else ()

    @abc.abstractmethod
    def _n_kept(self, run: BracketRun, rung: int) -> int:
        """Return how many trials of a rung go on, by what is known now."""

    @abc.abstractmethod
    def _next_promotion(self) -> Leg | None:
        """Return the promotion to be made next, if there is one."""

    @abc.abstractmethod
    def _settle(self, run: BracketRun, evaluation: Evaluation | None) -> list[int]:
        """Decide what can be decided after a result or a closure; return the trials pruned."""

    def _take_standing(self, standing: Standing) -> None:  # noqa: B027 - not all look at it
        """Take in what else a recorded history says of a trial, before any result is recorded."""

    def _opened(self, index: int, *, at_top: bool) -> BracketRun:
        """Return the bracket of this number, which is begun if it was not."""
        if index not in self.by_number:
            run = BracketRun(index, self.plan.bracket(index, at_top=at_top), at_top=at_top)
            self.by_number[index] = run
            self.runs.append(run)
            while self._n_in_order in self.by_number:
                self._n_in_order += 1
        return self.by_number[index]

    def _run_at(self, index: int) -> BracketRun:
        """Return the bracket of this number; if it was not opened, a new one that is not kept."""
        if index in self.by_number:
            return self.by_number[index]
        at_top = self._starts_at_top(index)
        return BracketRun(index, self.plan.bracket(index, at_top=at_top), at_top=at_top)

    def _starts_at_top(self, index: int) -> bool:
        """Return whether a bracket that is to be opened starts at the top instead."""
        if not self.plan.adaptive or index < len(self.plan.brackets):
            return False
        planned = self.plan.bracket(index)
        started, promoted = ([loss for _, loss in kind[-N_COMPARED:]] for kind in self._at_the_top)
        return pays_to_start_at_top(planned, started, promoted)

    @property
    def _has_seen_top(self) -> bool:
        """Whether enough trials have a loss at the top for the bracket there to start."""
        n_seen = sum(loss is not None for kind in self._at_the_top for _, loss in kind)
        return n_seen >= N_SEEN_AT_TOP

    def _note_top(self, run: BracketRun, evaluation: Evaluation) -> None:
        """Note a result at the top, in the order of the trials: results may come in any other."""
        kind = self._at_the_top[len(run.rungs) > 1]
        bisect.insort(kind, (evaluation.trial, evaluation.loss), key=operator.itemgetter(0))

    def _enter(self, run: BracketRun, rung: int, trial: int) -> None:
        """Note that `trial` was given `rung`, and what that costs."""
        if trial in run.rungs[rung] or self._places.get(trial, run) is not run:
            raise ArgumentError(f"trial {trial} has had rung {rung} of bracket {run.index} before")
        run.rungs[rung].pending.add(trial)
        self._places[trial] = run
        self._spent_continued += run.bracket.leg_cost(rung, continued=True)
        self._spent_restarted += run.bracket.leg_cost(rung, continued=False)


def _legs_left(run: BracketRun, capacity: Sequence[int]) -> Iterator[LegsLeft]:
    """Yield the legs of a bracket that have not begun, if its rungs come to hold `capacity`."""
    for rung, held in enumerate(run.rungs):
        missing = capacity[rung] - len(held)
        if missing > 0:
            yield LegsLeft(run.bracket, run.index, rung, missing)

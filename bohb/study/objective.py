"""Running one leg of an objective, in whichever of the three styles it is written."""

from __future__ import annotations

import enum
import inspect
import itertools
import logging
import uuid
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any

import optuna
from optuna.trial import TrialState

from bohb.errors import ArgumentError, LegTimeoutError, ObjectiveError, StorageError
from bohb.study.course import as_value, course_of
from bohb.study.generator import PausedGenerator, is_generator_function
from bohb.study.oddities import oddity_of
from bohb.study.trial import Trial

_logger = logging.getLogger(__name__)


class Outcome(enum.Enum):
    """How a leg ended."""

    REACHED = "the trial has a value at the resource it was given"
    LOST = "the leg did not come back from its worker"
    NOT_BEGUN = "the worker cannot load the objective"
    GAVE_UP = "the objective raised TrialPruned before its resource was used up"
    FAILED = "the objective raised an exception or gave what is no finite number"
    INTERRUPTED = "the study is stopping; the leg can be run again"


def text_of(error: BaseException) -> str:
    """Return what an exception says; its author's `__str__` may fail."""
    try:
        return str(error)
    except Exception:  # whatever that raises
        return "<exception str() failed>"  # in the words of Python's tracebacks


@dataclass(frozen=True, slots=True)
class LegResult:
    """How a leg ended, and the exception that ended it, if one did."""

    outcome: Outcome
    error: Exception | None = None


class Objective:
    """A user's objective with the generators it has waiting.

    Parameters
    ----------
    function
        A function of a trial. It returns its value, having trained for `trial.resource` (resource
        style); or reports and asks `should_prune` as it trains (loop style); or yields the value
        after each unit of resource (generator style). A generator may also report by itself, at
        the resources it likes, and yield nothing.
    """

    def __init__(self, function: Callable[[Any], Any]) -> None:
        self.function = function
        self._paused: dict[int, PausedGenerator] = {}
        self._has_warned = False
        # Of legs in other processes: what names this objective there, and where generators wait.
        self.session = uuid.uuid4().hex
        self.sequence = itertools.count(1)
        self.places: dict[int, Hashable] = {}

    @property
    def continues(self) -> bool:
        """Whether a promoted trial goes on from where it stood: the generator style does."""
        return is_generator_function(self.function)

    def run_leg(self, trial: Trial) -> LegResult:
        """Train `trial` to the resource it was given, and say how that ended."""
        course = course_of(trial)
        course.watch.begin()
        try:
            return self._train(trial)
        except optuna.TrialPruned:
            self._warn_once(oddity_of(trial, is_generator=self.has_paused(trial.number)))
            self.forget(trial.number)
            if course.value_at_rung is not None:
                return LegResult(Outcome.REACHED)
            if course.was_interrupted:
                return _interrupted(trial)
            return LegResult(Outcome.GAVE_UP)
        except StorageError as error:  # not the objective's fault: its leg can be run again
            self.forget(trial.number)
            return LegResult(Outcome.INTERRUPTED, error)
        except Exception as error:
            self.forget(trial.number)
            return LegResult(Outcome.FAILED, error)
        except BaseException:
            self.forget(trial.number)
            raise

    def forget(self, number: int) -> None:
        """Close the generator of a trial that does not go on, if it has one waiting."""
        paused = self._paused.pop(number, None)
        if paused is None:
            return
        try:
            paused.close()
        except Exception:
            _logger.warning("Closing the generator of trial %d failed.", number, exc_info=True)

    def keep_only(self, keep: frozenset[int]) -> None:
        """Close all generators that wait but those of the trials to `keep`."""
        for number in self._paused.keys() - keep:
            self.forget(number)

    def has_paused(self, number: int) -> bool:
        """Return whether the generator of a trial waits here."""
        return number in self._paused

    @property
    def n_paused(self) -> int:
        """How many generators wait here."""
        return len(self._paused)

    @property
    def n_waiting(self) -> int:
        """How many generators wait here or in workers."""
        return self.n_paused + len(self.places)

    def _train(self, trial: Trial) -> LegResult:
        paused = self._paused.get(trial.number)
        if paused is None:
            result = self.function(trial)
            if not inspect.isgenerator(result):
                ended = _after_return(trial, result)
                self._warn_once(oddity_of(trial, returned=result))
                return ended
            paused = self._paused[trial.number] = PausedGenerator(result)
        try:
            return self._advance(paused, trial)
        finally:
            if self._paused.get(trial.number) is not paused:
                paused.close()  # it was forgotten as it ran, in a thread that was left behind

    def _advance(self, paused: PausedGenerator, trial: Trial) -> LegResult:
        while paused.position < trial.resource and not paused.ended:
            try:
                value = paused.train()
            except StopIteration as stop:
                self._note_end(paused, trial, stop.value)
                break
            if value is None:
                _take_reported(paused, trial)
            else:
                _require_whole(trial)
                paused.position += 1
                paused.last_value = as_value(value, "yielded")
                course_of(trial).report_used(paused.last_value, paused.position)
            if paused.position < trial.resource and course_of(trial).is_to_stop():
                if not course_of(trial).watch.is_stopping():
                    raise late(trial)
                return LegResult(Outcome.INTERRUPTED)
        if paused.ended and paused.last_value is not None:
            course_of(trial).set_returned(paused.last_value)
        return LegResult(Outcome.REACHED)

    def _note_end(self, paused: PausedGenerator, trial: Trial, value: Any) -> None:
        """Let what a generator said last stand for all that it was still given."""
        paused.ended = True
        if value is not None:  # it ended on purpose
            paused.last_value = as_value(value, "returned by the generator")
            return
        if paused.last_value is None:
            raise ObjectiveError(
                "the generator must yield a value after each unit, got none at all"
            )
        self._warn_once(
            f"the generator of trial {trial.number} ended after {paused.position} units, before "
            f"the {trial.resource} it was given; its last value counts from here on. To end on "
            "purpose, and without this warning, return the last value"
        )

    def _warn_once(self, oddity: str | None) -> None:
        if oddity is not None and not self._has_warned:
            self._has_warned = True
            _logger.warning("%s", oddity)  # a warning that is an error would fail the trial


def _interrupted(trial: Trial) -> LegResult:
    """Return how a leg ended that was told to end before its resource was used up."""
    if course_of(trial).watch.is_stopping():
        return LegResult(Outcome.INTERRUPTED)
    return LegResult(Outcome.FAILED, late(trial))


def late(trial: Trial) -> LegTimeoutError:
    """Return the error of a leg that took longer than it may."""
    return LegTimeoutError(
        f"the leg of trial {trial.number} to resource {trial.resource} took longer than "
        f"leg_timeout={course_of(trial).watch.timeout:g} seconds"
    )


def _after_return(trial: Trial, value: Any) -> LegResult:
    course = course_of(trial)
    if course.was_interrupted and course.value_at_rung is None:
        # It was told to stop before its resource was used up, and came back with what it had.
        return _interrupted(trial)
    if value is not None or course.value_at_rung is None:
        course.set_returned(_returned(value))
    return LegResult(Outcome.REACHED)


def _returned(value: Any) -> float:
    if inspect.iscoroutine(value) or inspect.isasyncgen(value):
        if inspect.iscoroutine(value):
            value.close()
        raise ObjectiveError(
            "the objective must be a plain function or a generator, got a coroutine function "
            "(async def)"
        )
    return as_value(value, "returned")


def _take_reported(paused: PausedGenerator, trial: Trial) -> None:
    """Note how far a generator has trained that has yielded nothing: as far as it has reported."""
    reported = course_of(trial).last_report
    if reported is None or reported[0] <= paused.position:
        raise ObjectiveError(
            "a generator must yield its value after each unit, or report it and yield nothing, got "
            f"nothing yielded and nothing reported since {paused.position} units"
        )
    paused.position, paused.last_value = reported


def _require_whole(trial: Trial) -> None:
    if not isinstance(trial.resource, int):
        raise ObjectiveError(
            "a generator that yields its value does so after each unit of resource, so resources "
            f"must be integers, got {trial.resource!r}: give the pruner integer bounds, or let the "
            "generator report its value at trial.resource, and yield nothing"
        )


def told(trial: Trial, values: Any, state: TrialState | None) -> LegResult:
    """Return the result that is meant when a user tells `values` and `state` for `trial`."""
    if state in (TrialState.RUNNING, TrialState.WAITING):
        raise ArgumentError(f"state must be COMPLETE, PRUNED, FAIL or None, got {state!r}")
    if state in (TrialState.PRUNED, TrialState.FAIL) and values is not None:
        raise ArgumentError(f"values must be None when state is {state.name}, got {values!r}")
    if state is TrialState.FAIL:
        return LegResult(Outcome.FAILED)
    if state is TrialState.PRUNED:
        reached = course_of(trial).value_at_rung is not None
        return LegResult(Outcome.REACHED if reached else Outcome.GAVE_UP)
    if isinstance(values, (list, tuple)) and len(values) == 1:
        values = values[0]
    course_of(trial).set_returned(as_value(values, "told"))
    return LegResult(Outcome.REACHED)

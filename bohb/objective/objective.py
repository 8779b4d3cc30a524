"""The objective: one leg of a user's function, in whichever of the three styles it is written."""

from __future__ import annotations

import enum
import inspect
import itertools
import logging
import os
import socket
import time
import uuid
from collections.abc import Callable, Hashable
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import Any

import optuna
from optuna.exceptions import UpdateFinishedTrialError
from optuna.trial import TrialState

from bohb.errors import ArgumentError, LegTimeoutError, ObjectiveError, SamplerError, StorageError
from bohb.history import Value, is_finite
from bohb.objective.diagnostics import diagnosis
from bohb.objective.generator import PausedGenerator, is_generator_function
from bohb.objective.leg_state import LegState, leg_state_of
from bohb.objective.trial import Trial
from bohb.store.ledger import TrialOverError
from bohb.store.legs import Span

_logger = logging.getLogger(__name__)

# The name of the study whose leg runs in this context.
_running: ContextVar[str | None] = ContextVar("running", default=None)

_HOST = socket.gethostname()


class Outcome(enum.Enum):
    """How a leg ended."""

    REACHED = "the trial has a value at the resource it was given"
    LOST = "the leg did not come back from its worker"
    NOT_BEGUN = "the worker cannot load the objective"
    GAVE_UP = "the objective raised TrialPruned before its resource was used up"
    FAILED = "the objective raised an exception or gave what is no finite number"
    INTERRUPTED = "the study is stopping; the leg can be run again"
    OVER = "somebody else has ended the trial meanwhile, such as in the dashboard"


@dataclass(frozen=True, slots=True)
class LegResult:
    """The result of one leg, in whichever process it ran.

    Attributes
    ----------
    outcome
        How the leg ended.
    value
        The value at the resource that the leg was given, as the objective gave it; None if the leg
        did not get that far.
    error
        The exception that ended the leg, if one did. One that is no `Exception`, such as
        `KeyboardInterrupt`, is meant to end the whole process.
    span
        When the leg ran, and where; None if that is not known.
    """

    outcome: Outcome
    value: Value | None = None
    error: BaseException | None = None
    span: Span | None = None


def is_leg_of(study_name: str) -> bool:
    """Return whether this is called from a leg of the study of this name."""
    return _running.get() == study_name


def text_of(error: BaseException) -> str:
    """Return what an exception says, even if its own `__str__` fails."""
    try:
        return str(error)
    except Exception:  # whatever somebody's `__str__` raises
        return "<exception str() failed>"  # tracebacks of Python say the same


class Objective:
    """A user's objective with the generators it has waiting.

    Parameters
    ----------
    function
        A function of a trial. It returns its value, having trained for `trial.resource` (resource
        style); or reports and asks `should_prune` as it trains (loop style); or yields the value
        after each unit of resource (generator style). A generator may also report by itself, at
        resources of its choice, and yield nothing.
    """

    def __init__(self, function: Callable[[Any], Any]) -> None:
        self.function = function
        self._paused: dict[int, PausedGenerator] = {}
        self._has_warned = False
        # Workers in other processes know this objective by its token, and the order of its legs by
        # their sequence. The places say in which worker the generator of a trial waits.
        self.token = uuid.uuid4().hex
        self.sequence = itertools.count(1)
        self.places: dict[int, Hashable] = {}

    @property
    def continues(self) -> bool:
        """Whether a promoted trial goes on from where it stood: the generator style does."""
        return is_generator_function(self.function)

    def run_leg(self, trial: Trial) -> LegResult:
        """Train `trial` to the resource it was given, and return the result.

        No exception leaves this method: each is part of the result.
        """
        began = time.time()
        state = leg_state_of(trial)
        state.watch.begin()
        outer = _running.set(trial.study.study_name)
        try:
            result = self._run(trial, state)
        finally:
            _running.reset(outer)
        span = Span(began, time.time() - began, f"{_HOST}:{os.getpid()}")
        return LegResult(result.outcome, result.value, result.error, span)

    def _run(self, trial: Trial, state: LegState) -> LegResult:
        try:
            return self._train(trial)
        except optuna.TrialPruned:
            is_generator = self.has_paused(trial.number)
            if is_generator or not state.went_as_planned:
                self._warn_once(diagnosis(trial, is_generator=is_generator))
            self.forget(trial.number)
            value = state.value_at_rung
            if value is not None:
                return LegResult(Outcome.REACHED, value)
            return _interrupted(trial) if state.was_interrupted else LegResult(Outcome.GAVE_UP)
        except (TrialOverError, UpdateFinishedTrialError):
            self.forget(trial.number)
            return LegResult(Outcome.OVER)
        except (StorageError, SamplerError) as error:
            # The objective is not to blame, and its leg can be run again.
            self.forget(trial.number)
            return LegResult(Outcome.INTERRUPTED, error=error)
        except Exception as error:
            self.forget(trial.number)
            return LegResult(Outcome.FAILED, error=error)
        except BaseException as error:  # Ctrl-C or sys.exit(): the trial has not failed by it
            self.forget(trial.number)
            return LegResult(Outcome.INTERRUPTED, error=error)

    def forget(self, number: int) -> None:
        """Close the generator of a trial that does not go on, if it has one waiting."""
        self.places.pop(number, None)
        paused = self._paused.pop(number, None)
        if paused is None:
            return
        try:
            paused.close()
        except Exception:
            _logger.warning("Closing the generator of trial %d failed.", number, exc_info=True)

    def keep_only(self, keep: frozenset[int]) -> None:
        """Close all waiting generators except those of the trials to `keep`."""
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
            returned = self.function(trial)
            if not inspect.isgenerator(returned):
                result = _after_return(trial, returned)
                if returned is None or not leg_state_of(trial).went_as_planned:
                    self._warn_once(diagnosis(trial, returned))
                return result
            paused = self._paused[trial.number] = PausedGenerator(returned)
        try:
            return self._advance(paused, trial)
        finally:
            # A thread that was left behind may still run a generator that was forgotten meanwhile.
            # Nobody but this thread can close it.
            if self._paused.get(trial.number) is not paused:
                paused.close()

    def _advance(self, paused: PausedGenerator, trial: Trial) -> LegResult:
        """Let a generator train until it has used up its resource, ends, or is told to stop."""
        state = leg_state_of(trial)
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
                paused.last_value = state.as_value(value, "yielded")
                state.report_used(paused.last_value, paused.position)
            if paused.position < trial.resource and state.is_to_stop():
                if not state.watch.is_stopping():
                    raise late(trial)
                return LegResult(Outcome.INTERRUPTED)
        if paused.ended and paused.last_value is not None:
            return LegResult(Outcome.REACHED, state.take_returned(paused.last_value))
        return LegResult(Outcome.REACHED, state.value_at_rung)

    def _note_end(self, paused: PausedGenerator, trial: Trial, value: Any) -> None:
        """Let the last value of a generator that has ended count for all resource after it."""
        paused.ended = True
        if value is not None:  # a generator that returns a value ends on purpose
            paused.last_value = leg_state_of(trial).as_value(value, "returned by the generator")
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

    def _warn_once(self, text: str | None) -> None:
        """Log the first of an objective's diagnoses; the others mostly say the same.

        It is not a Python warning, which would fail the trial where warnings raise errors.
        """
        if text is not None and not self._has_warned:
            self._has_warned = True
            _logger.warning("%s", text)


def _interrupted(trial: Trial) -> LegResult:
    """Return the result of a leg that was told to end before its resource was used up."""
    if leg_state_of(trial).watch.is_stopping():
        return LegResult(Outcome.INTERRUPTED)
    return LegResult(Outcome.FAILED, error=late(trial))


def late(trial: Trial) -> LegTimeoutError:
    """Return the error of a leg that took longer than it may."""
    return LegTimeoutError(
        f"the leg of trial {trial.number} to resource {trial.resource} took longer than "
        f"leg_timeout={leg_state_of(trial).watch.timeout:g} seconds"
    )


def _after_return(trial: Trial, returned: Any) -> LegResult:
    """Return the result of a leg whose objective has returned something."""
    state = leg_state_of(trial)
    if returned is None or state.was_interrupted:
        reported = state.value_at_rung
        if reported is None and state.was_interrupted:
            return _interrupted(trial)  # it came back with what it had, short of its resource
        if reported is not None and returned is None:
            return LegResult(Outcome.REACHED, reported)
    return LegResult(Outcome.REACHED, state.take_returned(state.as_value(returned, "returned")))


def _take_reported(paused: PausedGenerator, trial: Trial) -> None:
    """Note that a generator that yields nothing has trained as far as its last report says."""
    reported = leg_state_of(trial).last_report
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
    began = leg_state_of(trial).began
    span = Span(began, time.time() - began, f"{_HOST}:{os.getpid()}")
    return replace(_told(trial, values, state), span=span)


def _told(trial: Trial, values: Any, state: TrialState | None) -> LegResult:
    if state in (TrialState.RUNNING, TrialState.WAITING):
        raise ArgumentError(f"state must be COMPLETE, PRUNED, FAIL or None, got {state!r}")
    if state in (TrialState.PRUNED, TrialState.FAIL) and values is not None:
        raise ArgumentError(f"values must be None when state is {state.name}, got {values!r}")
    if state is TrialState.FAIL:
        return LegResult(Outcome.FAILED)
    if state is TrialState.PRUNED:
        value = leg_state_of(trial).value_at_rung
        return LegResult(Outcome.GAVE_UP if value is None else Outcome.REACHED, value)
    if isinstance(values, (list, tuple)) and len(values) == 1:
        values = values[0]
    value = leg_state_of(trial).as_value(values, "told")
    if state is TrialState.COMPLETE and not is_finite(value):
        raise ArgumentError(f"values must be finite when state is COMPLETE, got {values!r}")
    return LegResult(Outcome.REACHED, leg_state_of(trial).take_returned(value))

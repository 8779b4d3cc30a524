"""Joining: a process works for the call of `optimize` of another one, until that call has ended."""

from __future__ import annotations

import contextlib
import logging
import socket
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from bohb.errors import CallEndedError, StorageError, StudyOwnedError
from bohb.history import scale_of
from bohb.machine import machine_name
from bohb.objective.leg_state import leg_state_of
from bohb.objective.objective import LegResult, Objective, Outcome
from bohb.objective.stop import LegWatch, StopSignal
from bohb.objective.trial import Trial
from bohb.remote.crew import Order, notes_in, orders_in
from bohb.remote.dispatch import Dispatch, dispatch_of
from bohb.remote.member import JoinedStudy, Member
from bohb.store.checkpoints import Checkpoints
from bohb.store.ledger import CALL_LIMITS, LEASE, OPEN_CALL
from bohb.store.stored_study import StoredStudy, ledger_of
from bohb.study.options import Options
from bohb.study.progress import count_of_legs

_logger = logging.getLogger("bohb.study")

_LOOK_SECONDS = 0.5  # between two looks whether the call goes on


class Joining:
    """The work of one process for a call that another one leads.

    Parameters
    ----------
    study
        The study.
    function
        The objective.
    options
        Those of this process; the limits are those of the call that it joins.
    call
        That call.
    """

    def __init__(
        self, study: StoredStudy, function: Callable[[Any], Any], options: Options, call: str
    ) -> None:
        self._study = study
        self._options = options
        self._executor = options.executor
        self._objective = Objective(function)
        room = max(1, self._executor.n_workers)
        self._member = Member(ledger_of(study), call, room=room, lease=options.lease)
        self._joined = JoinedStudy(study, self._member)
        self._scale = scale_of(study)
        self._stop = StopSignal(None, self._executor.now)
        self._in_flight: dict[Future[Any], tuple[Order, Trial]] = {}
        self._waiting: dict[int, Trial] = {}  # by number: trials whose generators wait here
        self._count = count_of_legs(options)

    def run(self) -> bool:
        """Work until the call has ended, or nobody leads it any more; return whether it has ended.

        Raises
        ------
        CallEndedError
            If the call ended with an exception in another process.
        """
        member = self._member
        with contextlib.ExitStack() as stack:
            self._executor.open()
            stack.callback(self._executor.close)
            member.enter()
            stack.callback(member.leave)
            dispatch = dispatch_of(
                self._joined, self._objective, self._executor, self._stop, self._options.leg_timeout
            )
            stack.callback(dispatch.close, frozenset())
            stack.enter_context(self._count)
            try:
                while member.standing == "joined" or self._in_flight:
                    # If nobody leads just now, what runs here is finished first.
                    if member.standing == "joined":
                        self._begin(dispatch)
                    self._show_finished()
                    self._collect(dispatch)
                self._show_finished()
            finally:
                self._stop.tell(now=True)
                dispatch.stop()
                self._hand_back(dispatch)
        if member.failure is not None:
            raise CallEndedError(
                f"study {self._study.study_name!r}: the call of optimize was ended by an exception "
                f"in another process: {member.failure.text}"
            ) from member.failure.restored(())
        return member.standing == "ended"

    def stop(self, *, now: bool) -> None:
        """Let the call come to an end, in all processes."""
        self._member.wish("now" if now else "soon")

    def _begin(self, dispatch: Dispatch) -> None:
        for order in self._member.orders():
            known = self._waiting.pop(order.leg.trial or 0, None)
            watch = LegWatch(self._is_stopping, self._options.leg_timeout)
            trial = self._joined.trial_of(order, known, self._scale, watch)
            self._in_flight[dispatch.submit(trial, frozenset)] = order, trial

    def _is_stopping(self) -> bool:
        return self._member.is_stopping.is_set() or self._stop.is_now()

    def _collect(self, dispatch: Dispatch) -> None:
        if not self._in_flight:
            self._member.news.wait(_LOOK_SECONDS)
            self._member.news.clear()
            return
        for future in self._executor.wait(_LOOK_SECONDS):
            if future in self._in_flight:
                self._take(dispatch, future)

    def _take(self, dispatch: Dispatch, future: Future[Any]) -> None:
        order, trial = self._in_flight.pop(future)
        result = dispatch.result(future, trial)
        self._count.update()
        number = trial.number
        is_waiting = self._objective.has_paused(number) or number in self._objective.places
        if is_waiting:
            self._waiting[number] = trial
        else:
            self._waiting.pop(number, None)
        error = result.error
        if isinstance(error, StudyOwnedError) and self._member.has_lost(order.token):
            return
        leg_state_of(trial).is_under_way = False
        waiting = sorted(self._waiting)
        self._member.post(order.token, result, waiting=waiting, is_waiting=is_waiting)
        if error is not None and (
            result.outcome is Outcome.INTERRUPTED
            or not isinstance(error, (*self._options.caught, *self._options.retry_on))
        ):
            raise error

    def _show_finished(self) -> None:
        """Show the callbacks the trials that have finished after a leg here."""
        for count, number in self._member.finished():
            self._waiting.pop(number, None)
            self._objective.forget(number)
            found = [t for t in ledger_of(self._study).trials() if t.number == number]
            for callback in self._options.callbacks:
                callback(self._study, found[0])
            self._member.has_shown(count)

    def _hand_back(self, dispatch: Dispatch) -> None:
        """End the legs under way, and say that they can be run again."""
        for future in list(self._in_flight):
            future.cancel()
        grace = self._executor.now() + self._executor.grace_seconds
        while self._in_flight and (self._executor.is_local or self._executor.now() < grace):
            for future in [f for f in self._in_flight if f.done()]:
                order, trial = self._in_flight.pop(future)
                result = (
                    LegResult(Outcome.INTERRUPTED)
                    if future.cancelled()
                    else dispatch.result(future, trial)
                )
                with contextlib.suppress(Exception):  # the call may have ended, or the storage
                    self._member.post(order.token, result, waiting=[], is_waiting=False)
            if self._in_flight:
                self._executor.wait(0.1)
        self._executor.kill(self._in_flight)
        self._objective.keep_only(frozenset())


@dataclass(frozen=True, slots=True)
class JoinedProcess:
    """A process that works for the call of another one.

    Attributes
    ----------
    host, pid
        Where it runs.
    since
        When it joined, in seconds since 1970.
    trials
        The trials whose legs it runs.
    """

    host: str
    pid: int
    since: float
    trials: list[int]


def workers_of(study: StoredStudy) -> list[JoinedProcess]:
    """Return the processes that have joined a study and are known to live."""
    attributes = ledger_of(study).attributes()
    found = []
    for place, note in sorted(notes_in(attributes).items()):
        orders = orders_in(attributes, place)
        mine = orders.orders if orders is not None and orders.worker == note.token else []
        if note.is_alive:
            trials = [order.leg.trial for order in mine if order.leg.trial is not None]
            found.append(JoinedProcess(note.host, note.pid, note.since, trials))
    return found


def refuse_blind(study: StoredStudy, checkpoints: Checkpoints) -> None:
    """Raise StorageError if the checkpoints lie where only the process that leads sees them."""
    lease = ledger_of(study).read(LEASE) or {}
    # On the same machine the directory is gone because nothing was in it.
    if lease.get("machine") != machine_name() and not checkpoints.is_seen():
        raise StorageError(
            f"checkpoint_root must be a directory that all processes see, got "
            f"{str(checkpoints.placed)!r}, which is not on {socket.gethostname()}: give all of "
            "them a directory that they share"
        )


def call_of(study: StoredStudy) -> str | None:
    """Return the call of `optimize` that is under way in a study; None if there is none to join."""
    found = ledger_of(study).read(OPEN_CALL) or {}
    return found.get("call") if found.get("is_open") else None


def tell_other_limits(study: StoredStudy, given: dict[str, Any]) -> None:
    """Warn if this call was given other limits than those of the call that it has joined."""
    found = (ledger_of(study).read(OPEN_CALL) or {}).get(CALL_LIMITS)
    if found is not None and found != given:
        held = {name: value for name, value in found.items() if value is not None}
        shown = ", ".join(f"{name}={value}" for name, value in held.items()) or "one round"
        _logger.warning(
            "The limits that hold are those of the call that is led by another process (%s), and "
            "not the ones given here.",
            shown,
        )

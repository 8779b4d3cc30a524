"""The side of the crew that has joined: it takes orders, and says what came of them."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, NoReturn, TypeAlias

import optuna
from optuna.distributions import BaseDistribution
from optuna.trial import FrozenTrial

from bohb.errors import StorageError, StudyOwnedError
from bohb.history import Scale
from bohb.objective.leg_state import leg_state_of
from bohb.objective.objective import LegResult
from bohb.objective.stop import LegWatch
from bohb.objective.trial import Trial
from bohb.remote.crew import (
    CALL,
    Done,
    Ending,
    Note,
    Order,
    WrittenError,
    longest_pause,
    note_key,
    notes_in,
    orders_in,
)
from bohb.remote.worker import Proposed
from bohb.store.lease import is_held
from bohb.store.ledger import LEASE, OPEN_CALL, Ledger
from bohb.store.stored_study import StoredStudy, ledger_of

Standing: TypeAlias = Literal["joined", "ended", "orphaned"]

_logger = logging.getLogger("bohb.study")

_SETTLING_SECONDS = 0.05  # at least; then each of two that took one place can see the other
_SOONEST = 0.05  # seconds between two looks at first; while nothing comes they become more
_GROWTH = 1.3
_BEATS = 6  # so often within the lease it is written that the process lives


class Member:
    """A process, or a thread of one, that has joined the call of `optimize` of another.

    A thread of its own looks into the storage for orders, and writes that the process lives.

    Attributes
    ----------
    standing
        ``"joined"``; ``"ended"`` once the call has ended, and ``"orphaned"`` once the process that
        leads is gone and the call has not ended.
    failure
        The exception with which the call has ended, if it did with one.
    news
        Set whenever there is something new to be seen.
    is_stopping
        Set when the legs are to end at their next report.
    """

    def __init__(self, ledger: Ledger, call: str, *, room: int, lease: float) -> None:
        self._ledger = ledger
        self._room = room
        self._note = Note(call, 0, lease)
        self.standing: Standing = "joined"
        self.failure: WrittenError | None = None
        self.news = threading.Event()
        self.is_stopping = threading.Event()
        self._place = -1
        self._has_place = True
        self._new: deque[Order] = deque()
        self._finished: deque[tuple[int, int]] = deque()
        self._last_shown = 0
        self._running: set[str] = set()
        self._revoked: set[str] = set()
        self._interval = _SOONEST
        self._latest = longest_pause(ledger)
        self._beaten = 0.0
        self._is_over = threading.Event()
        self._hurry = threading.Event()
        self._lock = threading.RLock()
        self.alive_until = 0.0
        self._thread = threading.Thread(target=self._attend, name="bohb-member", daemon=True)

    def enter(self) -> None:
        """Take a place, and begin to look for orders.

        Of two that take the same place at the same moment the one that has written last gets it.
        Until that is known this process says that it has no room, so that no orders are sent to a
        place that it has to leave.
        """
        while True:
            begun = time.monotonic()
            notes = notes_in(self._ledger.attributes())
            # What a worker that is gone has written of its legs was perhaps not read yet.
            call = self._note.call
            taken = {
                place
                for place, note in notes.items()
                if note.is_alive or (note.done and note.call == call)
            }
            self._place = min(set(range(len(taken) + 1)) - taken)
            self._write()
            # Others may take as long, from looking whether the place is free to taking it.
            time.sleep(max(_SETTLING_SECONDS, 3 * (time.monotonic() - begun)))
            now = notes_in(self._ledger.attributes()).get(self._place)
            if now is not None and now.token == self._note.token:
                break
        self._note.room = self._room
        self._write()
        self._thread.start()

    def orders(self) -> list[Order]:
        """Return the orders that have come since the last call."""
        with self._lock:
            orders = list(self._new)
            self._new.clear()
            self._running |= {order.token for order in orders}
        return orders

    def finished(self) -> list[tuple[int, int]]:
        """Return the trials that have finished, to be shown to the callbacks, with their counts."""
        with self._lock:
            finished = list(self._finished)
            self._finished.clear()
        return finished

    def post(self, token: str, result: LegResult, *, waiting: list[int], is_waiting: bool) -> None:
        """Write what came of an order, unless it does not stand any more."""
        with self._lock:
            self._running.discard(token)
            self._note.waiting = waiting
            if token in self._revoked:
                _logger.warning(
                    "A leg was given to somebody else, as this process was not heard of: what came "
                    "of it here does not count."
                )
                return
            self._note.done.append(Done.of(token, result, is_waiting=is_waiting))
            self._write()
        self._look_soon()

    def has_lost(self, token: str) -> bool:
        """Return whether the order of this token does not stand any more; it is forgotten then."""
        with self._lock:
            if token not in self._revoked:
                return False
            self._running.discard(token)
            return True

    def has_shown(self, count: int) -> None:
        """Note that the callbacks have seen the finished trial of this count."""
        with self._lock:
            self._note.shown = count
            self._write()

    def wish(self, ending: Ending) -> None:
        """Let the process that leads bring the study to an end."""
        with self._lock:
            self._note.wants_stop = ending
            self._write()

    def leave(self) -> None:
        """Say that this process has left; what it was to run is given to others."""
        self._is_over.set()
        self._hurry.set()
        with contextlib.suppress(StorageError), self._lock:
            self._note.has_left = True
            if self._has_place:
                self._ledger.carry_out("leave", self._put_note, waits=False)
        if self._thread.is_alive():
            self._thread.join(timeout=5)

    def guard(self) -> None:
        """Raise StudyOwnedError if what runs here was given to somebody else meanwhile."""
        with self._lock:
            self._look()
            if self._running & self._revoked:
                raise StudyOwnedError(
                    f"study {self._ledger.study_name!r}: this process was not heard of for some "
                    "time, and its legs were given to others"
                )

    def _attend(self) -> None:
        while not self._is_over.is_set():
            try:
                with self._lock:
                    self._look()
                    if time.monotonic() - self._beaten > self._note.lease / _BEATS:
                        self._write()
            except StorageError:
                pass  # it may be back at the next look
            except Exception:  # a thread that dies would let the process wait for ever
                _logger.exception("The look for orders failed.")
            if self._hurry.wait(self._interval):
                self._hurry.clear()
            self._interval = min(self._interval * _GROWTH, self._latest)

    def _look_soon(self) -> None:
        self._interval = _SOONEST
        self._hurry.set()

    def _look(self) -> None:
        """Read what there is to do, and whether the call goes on."""
        attributes = self._ledger.attributes("the orders")
        standing = self._judge(attributes)
        if standing == "orphaned":
            # Whether somebody leads is seen as of now, and not as of when this was read: the call
            # may have ended meanwhile, and what was written last is in the storage by now.
            attributes = self._ledger.attributes("the orders")
            standing = self._judge(attributes)
        mine = attributes.get(note_key(self._place))
        if mine is None or mine["token"] != self._note.token:
            self._revoked |= self._running  # another one has the place, as this one was silent
            self._has_place = False
            self._note.done.clear()
            self.standing = "orphaned"
            self.news.set()
            return
        self.alive_until = time.monotonic() + self._note.lease / 2
        found = orders_in(attributes, self._place)
        if found is not None and found.worker == self._note.token:
            tokens = {order.token for order in found.orders}
            known = self._running | self._revoked | {done.token for done in self._note.done}
            known |= {order.token for order in self._new}
            new = [order for order in found.orders if order.token not in known]
            self._new.extend(new)
            self._revoked |= self._running - tokens
            self._note.done = [done for done in self._note.done if done.token in tokens]
            shown = [pair for pair in found.finished if pair[0] > self._last_shown]
            if shown:
                self._last_shown = shown[-1][0]
                self._finished.extend(shown)
            if found.stop:
                self.is_stopping.set()
            if new or shown or found.stop:
                self._interval = _SOONEST
                self.news.set()
        self.standing = standing  # perhaps joined again, with somebody else who leads
        if standing != "joined":
            self.news.set()

    def _judge(self, attributes: Mapping[str, Any]) -> Standing:
        """Return whether the call goes on, and somebody leads it."""
        ended, open_call = attributes.get(CALL), attributes.get(OPEN_CALL)
        if ended is not None and ended["call"] == self._note.call:
            failure = ended.get("failure")
            self.failure = None if failure is None else WrittenError(**failure)
            return "ended"
        if open_call is None:
            return "ended"
        # Of two processes that began at the same moment one may have called it by another name.
        is_led = open_call["call"] == self._note.call and is_held(attributes.get(LEASE))
        return "joined" if is_led else "orphaned"

    def _write(self) -> None:
        self._beaten = time.monotonic()
        if not self._has_place:
            return
        self._ledger.carry_out("say that this process lives", self._put_note)

    def _put_note(self) -> None:
        self._note.beat = time.time()
        storage, study_id = self._ledger.storage, self._ledger.study_id
        storage.set_study_system_attr(study_id, note_key(self._place), self._note.written())


class JoinedStudy(StoredStudy):
    """The study of a trial whose leg runs in a process that has joined.

    It writes into the storage of the study, as long as the orders of the process stand.
    """

    def __init__(self, study: StoredStudy, member: Member) -> None:
        self._proposals = _Proposals()
        super().__init__(
            study.study_name, study._storage, self._proposals, study.pruner, study.space
        )
        self._study = study
        self._sent: dict[int, tuple[Mapping[str, Any], int]] = {}
        self._member = member
        self._ledger.patience = ledger_of(study).patience
        self._ledger.fence, self._ledger.fenced_from = self._guard, member.alive_until

    def trial_of(self, order: Order, known: Trial | None, scale: Scale, watch: LegWatch) -> Trial:
        """Return the trial of an order with its leg begun; `known` is the one that waits here."""
        self._sent[order.leg.trial or 0] = order.proposed, order.seed
        self._proposals.by_trial[order.leg.trial] = Proposed(order.proposed, order.seed)
        self._ledger.know(order.trial_id)
        trial = known or Trial(self, order.trial_id)
        state = leg_state_of(trial)
        state.begin(order.leg, scale, watch, order.marks)
        state.fill()
        return trial

    @property
    def checkpoint_root(self) -> Path:
        """The directory that holds the checkpoint directories of the study's trials."""
        return self._study.checkpoint_root

    def stop(self, *, now: bool = False) -> None:
        """Let the study come to an end, in all processes."""
        self._member.wish("now" if now else "soon")

    def optimize(self, *_: Any, **__: Any) -> None:
        """Raise StudyOwnedError."""
        raise self._owned()

    def ask(self, *_: Any, **__: Any) -> NoReturn:
        """Raise StudyOwnedError."""
        raise self._owned()

    def tell(self, *_: Any, **__: Any) -> NoReturn:
        """Raise StudyOwnedError."""
        raise self._owned()

    def __getattr__(self, name: str) -> Any:
        """Return what only the study itself has, such as `incumbent` and `plan`."""
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._study, name)

    def _sent_along(self, number: int) -> tuple[Mapping[str, Any], int] | None:
        return self._sent.get(number)

    def _guard(self) -> None:
        self._member.guard()
        self._ledger.fenced_from = self._member.alive_until

    def _owned(self) -> StudyOwnedError:
        return StudyOwnedError(
            f"study {self.study_name!r} is being optimised, and this process works for it"
        )


class _Proposals(Proposed):
    """Gives each trial the values that were proposed for it."""

    def __init__(self) -> None:
        super().__init__()
        self.by_trial: dict[int | None, Proposed] = {}

    def sample_independent(
        self,
        study: optuna.Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        own = self.by_trial[trial.number]
        return own.sample_independent(study, trial, param_name, param_distribution)

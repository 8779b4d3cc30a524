"""The side of the crew that leads: its orders to the workers, and their results."""

from __future__ import annotations

import functools
import itertools
import logging
import math
import threading
import uuid
import weakref
from collections.abc import Callable, Hashable, Iterable, Sequence
from concurrent.futures import Future
from typing import Any, ParamSpec, TypeVar

from bohb.errors import WorkerLostError
from bohb.executors import Executor
from bohb.history import live_trial
from bohb.objective.leg_state import leg_state_of
from bohb.objective.objective import LegResult, Objective, Outcome
from bohb.objective.trial import Trial
from bohb.remote.crew import (
    Done,
    Note,
    Order,
    Orders,
    longest_pause,
    note_key,
    notes_in,
    orders_in,
    orders_key,
)
from bohb.remote.dispatch import Dispatch, proposed_for, seed_of
from bohb.store.ledger import Ledger
from bohb.store.stored_study import StoredStudy, ledger_of

P = ParamSpec("P")
T = TypeVar("T")

_logger = logging.getLogger("bohb.study")

_SHARE = 0.02  # of the length of a leg may pass before its result is seen
_SOONEST = 0.05  # seconds between two looks for results


def _locked(method: Callable[P, T]) -> Callable[P, T]:
    """Return a method of `CrewExecutor` that keeps other threads out."""

    @functools.wraps(method)
    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        with args[0]._lock:  # type: ignore[attr-defined]
            return method(*args, **kwargs)

    return call


class _Mate:
    """A worker that has joined, as the leading process sees it."""

    def __init__(self, place: int, note: Note, orders: Orders | None) -> None:
        self.place = place
        self.note = note
        is_known = orders is not None and orders.worker == note.token
        self.orders = orders if orders is not None and is_known else Orders(note.token)
        self.futures: dict[str, Future[Done]] = {}
        self.is_changed = False  # whether trials have finished that it was not told of

    def __str__(self) -> str:
        return f"process {self.note.pid} on {self.note.host}"

    @property
    def room(self) -> int:
        return self.note.room - len(self.orders.orders)


class CrewExecutor(Executor):
    """Runs legs in the processes that have joined.

    Parameters
    ----------
    ledger
        The ledger of the study.
    call
        The call of `optimize` that they have joined.
    on_ending
        Called with ``"soon"`` or ``"now"`` if one of them wants the study to end.
    """

    is_sticky = True

    def __init__(self, ledger: Ledger, call: str, on_ending: Callable[[str], None]) -> None:
        super().__init__()
        self._ledger = ledger
        self._call = call
        self._longest = longest_pause(ledger)
        self._on_ending = on_ending
        self._mates: dict[str, _Mate] = {}  # by token
        self._worker_of: weakref.WeakKeyDictionary[Future[Done], str] = weakref.WeakKeyDictionary()
        self._lock = threading.RLock()  # the main thread writes, too
        self._alarm = threading.Event()
        self._seconds = 5.0  # how long a leg takes, smoothed
        self._count = itertools.count(1)

    @property
    def n_workers(self) -> int:
        """How many legs those who have joined run at the same time."""
        return sum(mate.note.room for mate in self._mates.values())

    @property
    def interval(self) -> float:
        """The seconds until it is worth to look for results again."""
        if not any(mate.futures for mate in self._mates.values()):
            return self._longest
        return min(max(_SHARE * self._seconds, _SOONEST), self._longest)

    @_locked
    def start(self, task: Any, shared: Any, worker: Hashable) -> Future[Any]:
        order: Order = task
        mate = self._mates.get(str(worker))
        if mate is None or mate.room <= 0:
            mate = max(self._mates.values(), key=lambda each: each.room)
        future: Future[Done] = Future()
        mate.orders.orders.append(order)
        try:
            self._write(mate)
        except BaseException:
            mate.orders.orders.remove(order)
            raise
        mate.futures[order.token] = future
        self._worker_of[future] = mate.note.token
        return future

    @_locked
    def adopted(self) -> list[tuple[Order, Future[Done]]]:
        """Look who is there, and return the legs that an earlier leading process has given them.

        Of a worker that is gone they are those of which it has written what came of them.
        """
        attributes, found = self._ledger.attributes(), []
        last_shown = 0
        for place, note in notes_in(attributes).items():
            if note.call != self._call or not note.room:
                continue
            mate = _Mate(place, note, orders_in(attributes, place))
            counts = [note.shown, *(count for count, _ in mate.orders.finished)]
            last_shown = max(last_shown, *counts)
            done = {each.token for each in note.done}
            for order in mate.orders.orders:
                if note.is_alive or order.token in done:
                    future: Future[Done] = Future()
                    future.add_done_callback(self._finished.put)
                    mate.futures[order.token] = future
                    self._worker_of[future] = note.token
                    found.append((order, future))
            self._take(mate)
            if note.is_alive:
                self._mates[note.token] = mate
            else:
                self._forget_place(place)
        self._count = itertools.count(last_shown + 1)  # they have seen all that came before
        return found

    def waiting(self) -> dict[int, str]:
        """Return in which worker the generator of each trial waits."""
        return {
            number: mate.note.token for mate in self._mates.values() for number in mate.note.waiting
        }

    @_locked
    def look(self) -> None:
        """Read what the workers say, and take their results."""
        attributes = self._ledger.attributes()
        notes = notes_in(attributes)
        present = {}
        for place, note in notes.items():
            if not note.is_alive or not note.room:
                continue
            present[note.token] = place
            if note.token not in self._mates and note.call == self._call:
                mate = _Mate(place, note, orders_in(attributes, place))
                self._mates[note.token] = mate
                _logger.info("%s has joined, with room for %d legs.", mate, note.room)
        for token, mate in list(self._mates.items()):
            if token in present:
                mate.note = notes[present[token]]
                self._take(mate)
            else:
                self._lose(mate, notes.get(mate.place))
        if any(mate.note.wants_stop for mate in self._mates.values()):
            wishes = {mate.note.wants_stop for mate in self._mates.values()}
            self._on_ending("now" if "now" in wishes else "soon")

    def wait(self, timeout: float | None = None) -> list[Future[Any]]:
        """Look for results, and return the futures that are done; wait for them once if none is."""
        self.look()
        done = self._rest()
        if not done and self._alarm.wait(
            min(self.interval, math.inf if timeout is None else timeout)
        ):
            self._alarm.clear()
        return done

    def knows(self, worker: Hashable) -> bool:
        """Return whether `worker` is one of those who have joined."""
        return worker in self._mates

    def wake(self) -> None:
        """Let `wait` return at once."""
        self._alarm.set()

    def has_room(self, worker: Hashable) -> bool:
        """Return whether a leg for `worker` can be sent now; it can if the worker is gone."""
        mate = self._mates.get(str(worker))
        return mate is None or mate.room > 0

    def worker_of(self, future: Future[Any]) -> Hashable:
        """Return the token of the worker that has the leg of `future`."""
        return self._worker_of.get(future)

    @_locked
    def kill(self, futures: Iterable[Future[Any]]) -> set[Future[Any]]:
        """Take the orders back: a worker whose order does not stand writes nothing more."""
        gone = set(futures)
        for mate in self._mates.values():
            tokens = {token for token, future in mate.futures.items() if future in gone}
            if tokens:
                self._drop(mate, tokens)
                self._write(mate)
        for future in gone:
            future.cancel()
        return set()

    @_locked
    def stop(self) -> None:
        """Let the legs end at their next report."""
        for mate in self._mates.values():
            if mate.orders.orders:
                mate.orders.stop = True
                self._write(mate)

    @_locked
    def show_finished(self, worker: Hashable, number: int) -> bool:
        """Let the callbacks of `worker` see a finished trial; return whether it is still there."""
        mate = self._mates.get(str(worker))
        if mate is None:
            return False
        mate.orders.finished.append((next(self._count), number))
        mate.is_changed = True
        return True

    @_locked
    def flush(self) -> None:
        """Write the orders of those that have a trial to be shown."""
        for mate in self._mates.values():
            if mate.is_changed:
                self._write(mate)

    def _take(self, mate: _Mate) -> None:
        """Take the results in the note of a worker."""
        mate.orders.finished = [
            (count, number) for count, number in mate.orders.finished if count > mate.note.shown
        ]
        for done in mate.note.done:
            future = mate.futures.get(done.token)
            if future is not None:
                if done.span is not None:
                    self._seconds += 0.2 * (done.span.seconds - self._seconds)
                self._drop(mate, {done.token})
                future.set_result(done)

    def _drop(self, mate: _Mate, tokens: set[str]) -> None:
        mate.orders.orders = [each for each in mate.orders.orders if each.token not in tokens]
        for token in tokens:
            del mate.futures[token]

    def _lose(self, mate: _Mate, note: Note | None) -> None:
        """Give up a worker that has fallen silent or left, with the legs that it had."""
        if note is not None and note.token == mate.note.token:
            mate.note = note
            self._take(mate)  # it may have finished some before
        del self._mates[mate.note.token]
        has_left = note is not None and note.has_left
        _logger.info("%s has %s.", mate, "left" if has_left else "fallen silent, or is dead")
        lost = list(mate.futures.values())
        self._drop(mate, set(mate.futures))
        if note is None or note.token == mate.note.token:  # else another worker has its place
            self._write(mate)  # if it only slept, it finds that its orders do not stand
            self._forget_place(mate.place)
        for future in lost:
            if has_left:
                future.set_result(Done("", Outcome.INTERRUPTED.name))
            else:
                error = WorkerLostError(f"{mate} has not been heard of for {mate.note.lease:g} s")
                future.set_exception(error)

    def _forget_place(self, place: int) -> None:
        """Let others have the place of a worker that is gone, once its results were taken."""
        self._ledger.write(note_key(place), None)

    def _write(self, mate: _Mate) -> None:
        mate.is_changed = False
        self._ledger.write(orders_key(mate.place), mate.orders.written())


class CrewDispatch(Dispatch):
    """Legs in the processes that have joined, which write into the study themselves."""

    def __init__(
        self,
        study: StoredStudy,
        objective: Objective,
        executor: CrewExecutor,
        known: Sequence[type[Exception]],
    ) -> None:
        super().__init__(objective, executor)
        self._crew = executor
        self._ledger = ledger_of(study)
        self._known = known
        self._seed = seed_of(study)

    @property
    def continues(self) -> bool:
        """Whether the objective is a generator, which waits where it ran."""
        return self.objective.continues

    def worker_for(self, trial: Trial) -> Hashable:
        """Return the worker in which the generator of `trial` waits, if one does."""
        return self.objective.places.get(trial.number)

    def submit(self, trial: Trial, keep: Callable[[], frozenset[int]]) -> Future[Any]:
        """Write the order by which a worker runs the leg of `trial`."""
        state = leg_state_of(trial)
        leg = state.needed_leg("leg")
        order = Order(
            uuid.uuid4().hex[:12],
            trial._trial_id,
            leg,
            state.marks,
            proposed_for(trial) if leg.rung == 0 else {},
            self._seed,
        )
        worker = self.objective.places.pop(trial.number, None)
        return self.executor.submit(order, None, worker)  # type: ignore[arg-type]  # it is JSON

    def result(self, future: Future[Any], trial: Trial) -> LegResult:
        """Return the result of a leg, after what it has written was read from the storage."""
        worker = self.executor.worker_of(future)
        if future.cancelled() or future.exception() is not None:
            error = None if future.cancelled() else future.exception()
            return LegResult(Outcome.LOST, error=error)
        done: Done = future.result()
        read_again(trial, self._ledger)
        if done.is_waiting and worker is not None:
            self.objective.places[trial.number] = worker
        return done.result(self._known)

    def salvage(self, future: Future[Any], trial: Trial) -> None:
        """Read what a leg has written that will not come back."""
        read_again(trial, self._ledger)

    def keep_only(self, keep: Callable[[], frozenset[int]]) -> None:
        """Do nothing: each process keeps to the `max_paused` of its own call."""

    def stop(self) -> None:
        """Let the legs under way end at their next report."""
        self._crew.stop()


def read_again(trial: Trial, ledger: Ledger) -> None:
    """Take over what another process has written about `trial`."""
    stored, known = ledger.trial(trial._trial_id), live_trial(trial)
    known.distributions.update(stored.distributions)
    known.params.update(stored.params)
    known.intermediate_values.update(stored.intermediate_values)
    known.system_attrs = {**known.system_attrs, **stored.system_attrs}
    known.user_attrs.update(stored.user_attrs)

"""The loop: it gives legs to an executor and takes their results, until a limit is reached."""

from __future__ import annotations

import concurrent.futures
import gc
import logging
import math
import threading
import traceback
from collections import defaultdict, deque
from collections.abc import Hashable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Protocol

from bohb.errors import ExecutorError
from bohb.objective.leg_state import leg_state_of
from bohb.objective.objective import LegResult, Outcome, late
from bohb.objective.stop import StopSignal
from bohb.objective.trial import Trial
from bohb.remote.dispatch import Dispatch
from bohb.store.lease import Lease
from bohb.study.advice import Adviser
from bohb.study.faults import Retries, refuse_failures
from bohb.study.interrupts import uninterrupted
from bohb.study.keeping import Keeping
from bohb.study.limits import Allowance
from bohb.study.options import Options
from bohb.study.progress import Progress
from bohb.study.state import StudyState

_logger = logging.getLogger(__name__)

_LOOK_SECONDS = 0.5  # between two looks whether legs that wait for a worker have begun to run


@dataclass(slots=True)
class Flight:
    """A leg that was given to an executor, and whose result has not been taken."""

    trial: Trial
    begun: float | None = None  # when it was first seen to run; only noted for `leg_timeout`


class Others(Protocol):
    """Those who run legs of the same study besides this loop."""

    @property
    def is_busy(self) -> bool:
        """Whether legs are under way with them."""
        ...

    def takes(self, trial: Trial) -> bool:
        """Take the leg of `trial` if its generator waits with them; return whether it does."""
        ...

    def shows(self, number: int) -> bool:
        """Return whether they show their callbacks the finished trial of this number."""
        ...


class Loop:
    """One call of `optimize`.

    Unless its process is killed, it always passes through the end of `run`. There the legs that
    have a result are recorded, and the others are noted as legs that can be run again.
    """

    def __init__(
        self,
        state: StudyState,
        dispatch: Dispatch,
        allowance: Allowance,
        stop: StopSignal,
        lease: Lease,
        options: Options,
        progress: Progress | None,
        keeping: Keeping | None,
        adviser: Adviser,
    ) -> None:
        self._state = state
        self._dispatch = dispatch
        self._executor = dispatch.executor
        self._allowance = allowance
        self._stop = stop
        self._lease = lease
        self._options = options
        self._retries = Retries(options.max_retries)
        self._n_evaluations_before = state.schedule.n_evaluations
        self._progress = progress
        self._keeping = keeping
        self._adviser = adviser
        self._others: Others | None = None
        # Legs that others have begun, and that must run here.
        self._received: deque[Trial] = deque()
        self._woken = threading.Event()
        self._in_flight: dict[Future[Any], Flight] = {}
        # By worker: legs that wait until it is free, because their generators are in its memory.
        self._held: defaultdict[Hashable, deque[Trial]] = defaultdict(deque)
        # Legs that could not be ended. Each still holds a worker.
        self._abandoned: set[Future[Any]] = set()

    def work_with(self, others: Others) -> None:
        """Let `run` wait for the legs of other processes too."""
        self._others = others

    def run(self) -> None:
        """Run legs until nothing more is to be done."""
        try:
            while not self._stop.is_now():
                n_before = self._state.schedule.n_evaluations
                idle = self._fill()
                if self._in_flight or not (idle or self._stop.is_soon()):
                    self._collect()
                    self._tell_how_it_stands()
                elif not self._awaits_others(n_before):
                    break
                self._report_finished()
        finally:
            self._stop.tell(now=True)
            self._drain()
        self._report_finished()

    def _tell_how_it_stands(self) -> None:
        """Show how the trials stand in Optuna's tools, and give advice if it is time to."""
        if self._state.shown.is_due:
            with self._state.deciding():
                self._state.shown.write()
        self._adviser.look(self._state.schedule.n_evaluations, self._state.schedule.plan)

    def wake(self) -> None:
        """Let the loop look again for legs to give, as others have brought a result."""
        self._woken.set()
        self._executor.nudge()

    def _awaits_others(self, n_before: int) -> bool:
        """Wait for the legs of other processes; return False if there are none.

        `n_before` is how many evaluations there were before this loop found no leg to give.
        """
        if self._others is None:
            return False
        with self._state.lock:
            has_more = self._state.schedule.n_evaluations != n_before
            if not (has_more or self._received or self._others.is_busy):
                return False
        if not (has_more or self._received):
            self._woken.wait(_LOOK_SECONDS)
            self._woken.clear()
        return True

    # Giving legs

    def _fill(self) -> bool:
        """Give a leg to every free worker, and return whether there was no leg left to give."""
        while self._has_room() and not self._stop.is_soon():
            with uninterrupted():
                if self._submit_held():
                    continue
                if self._received:
                    self._give_here(self._received.popleft())
                    continue
                with self._state.deciding():
                    trial = self._next_trial()
                if trial is not None:
                    self._give(trial)
            self._report_finished()
            if trial is None:
                return True
        return False

    def _has_room(self) -> bool:
        self._abandoned = {future for future in self._abandoned if not future.done()}
        n_workers = self._executor.n_workers
        if self._abandoned and len(self._abandoned) >= n_workers:
            raise ExecutorError(
                f"all {n_workers} workers of the executor are busy with legs that have taken "
                "longer than leg_timeout and cannot be ended. Everything that has finished is "
                "kept; bohb.executors.ProcessExecutor can end such legs."
            )
        return len(self._in_flight) + len(self._abandoned) < n_workers

    def _next_trial(self) -> Trial | None:
        may_start = self._allowance.may_start(self._state.schedule)
        may_start = may_start and self._state.may_start()
        if not may_start:
            self._state.close()
        may_start = may_start and self._state.schedule.may_open(self._options.max_open_brackets)
        return self._state.next_trial(may_start=may_start)

    def receive(self, trial: Trial) -> None:
        """Take a leg that others have begun."""
        self._received.append(trial)
        self.wake()

    def _give(self, trial: Trial) -> None:
        """Submit the leg of `trial`, or pass it on to those with whom its generator waits."""
        if self._others is None or not self._others.takes(trial):
            self._give_here(trial)

    def _give_here(self, trial: Trial) -> None:
        """Submit the leg of `trial`, or hold it until the worker it must go to is free."""
        worker = self._dispatch.worker_for(trial)
        if worker is None or self._executor.has_room(worker):
            self._submit(trial)
        else:
            self._held[worker].append(trial)

    def _submit_held(self) -> bool:
        """Submit a leg that was held, if its worker is free or gone by now."""
        for worker, held in self._held.items():
            if self._executor.has_room(worker):
                trial = held.popleft()
                if not held:
                    del self._held[worker]
                self._submit(trial)
                return True
        return False

    def _submit(self, trial: Trial) -> None:
        try:
            future = self._dispatch.submit(trial, self._keep)
        except Exception:
            with self._state.deciding():
                self._state.settle(trial, LegResult(Outcome.INTERRUPTED))
            raise
        except BaseException:
            self._state.is_consistent = False  # it is not known whether the leg has begun
            raise
        self._in_flight[future] = Flight(trial)

    def _keep(self) -> frozenset[int]:
        """Return the trials whose generators are kept: those under way, and the best paused."""
        under_way = {flight.trial.number for flight in self._in_flight.values()}
        under_way |= {trial.number for held in self._held.values() for trial in held}
        return self._state.paused(self._options.max_paused) | under_way

    # Taking results

    def _collect(self) -> None:
        self._note_begun()
        for future in self._executor.wait(self._patience()):
            if future in self._in_flight:
                self._take(future)
        self._end_late()

    def _patience(self) -> float | None:
        """Return the seconds until something must be done even if no leg ends."""
        moments = [math.inf]
        if self._stop.has_deadline and (left := self._stop.seconds_left()) is not None:
            moments.append(left)
        if self._options.leg_timeout is not None:
            now = self._executor.now()
            for flight in self._in_flight.values():
                deadline = self._deadline(flight)
                moments.append(_LOOK_SECONDS if deadline is None else deadline - now)
        soonest = max(0.0, min(moments))
        return None if soonest == math.inf else soonest

    def _note_begun(self) -> None:
        """Note when legs begin to run, if they have a timeout: a cluster may let them wait."""
        if self._options.leg_timeout is None:
            return
        for future, flight in self._in_flight.items():
            if flight.begun is None and self._executor.has_begun(future):
                flight.begun = self._executor.now()

    def _deadline(self, flight: Flight) -> float | None:
        """Return when a leg that runs is to be ended, if it has not ended by itself."""
        if flight.begun is None or self._options.leg_timeout is None:
            return None
        return flight.begun + self._options.leg_timeout + self._executor.grace_seconds

    def _take(self, future: Future[Any]) -> None:
        """Take the result of a leg that is done."""
        if self._lease.is_lost:
            self._lease.check()  # raises an error that names the new holder
        with self._state.deciding():
            flight = self._in_flight.pop(future)
            result = self._dispatch.result(future, flight.trial)
            if result.outcome is Outcome.LOST:
                result = self._after_loss(future, flight.trial, result)
            elif isinstance(result.error, self._options.retry_on):
                result = self._after_chance(flight.trial, result)
            self._state.settle(flight.trial, result)
        if self._progress is not None:
            self._progress.update()
        if self._options.gc_after_trial:
            gc.collect()
        error = result.error
        if error is not None:
            if result.outcome is not Outcome.FAILED or not isinstance(error, self._options.caught):
                raise error
            # The frames of the objective keep its variables alive, perhaps all of a GPU's memory.
            traceback.clear_frames(error.__traceback__)
        if self._options.max_failures is not None:
            self._refuse_failures(self._options.max_failures)

    def _after_loss(self, future: Future[Any], trial: Trial, result: LegResult) -> LegResult:
        """Return what becomes of a leg that was lost: it is given out again, or has failed."""
        leg = leg_state_of(trial).needed_leg("leg")
        if self._retries.may_retry(leg, self._executor.n_attempts(future)):
            return LegResult(Outcome.INTERRUPTED)
        return LegResult(Outcome.FAILED, error=result.error)

    def _after_chance(self, trial: Trial, result: LegResult) -> LegResult:
        """Return what becomes of a leg that failed by chance: it is given out again, or fails."""
        leg = leg_state_of(trial).needed_leg("leg")
        if result.outcome is not Outcome.FAILED or not self._retries.may_retry(leg, 1):
            return result
        _logger.warning(
            "Trial %d is tried again at resource %s, after %s: %s",
            trial.number,
            leg.resource,
            type(result.error).__name__,
            result.error,
        )
        return LegResult(Outcome.INTERRUPTED)

    def _refuse_failures(self, max_failures: float) -> None:
        """Raise TooManyFailuresError if too large a share of this call's evaluations failed."""
        n_evaluations = self._state.schedule.n_evaluations - self._n_evaluations_before
        refuse_failures(self._state.context.failures, n_evaluations, max_failures)

    def _end_late(self) -> None:
        """End the legs that have taken too long and do not end by themselves."""
        if self._options.leg_timeout is None:
            return
        now = self._executor.now()
        overdue = []
        for future, flight in self._in_flight.items():
            deadline = self._deadline(flight)
            if deadline is not None and deadline <= now:
                overdue.append(future)
        if overdue:
            with self._state.deciding():
                for flight in self._end(overdue):
                    result = LegResult(Outcome.FAILED, error=late(flight.trial))
                    self._state.settle(flight.trial, result)
            if self._options.max_failures is not None:
                self._refuse_failures(self._options.max_failures)

    def _end(self, futures: list[Future[Any]]) -> list[Flight]:
        """End legs where they stand, or abandon them; what they have written is kept."""
        self._abandoned |= self._executor.kill(futures)
        flights = [self._in_flight.pop(future) for future in futures]
        for future, flight in zip(futures, flights, strict=True):
            self._dispatch.salvage(future, flight.trial)
        return flights

    def _report_finished(self) -> None:
        """Close generators that need not wait any more, and show callbacks the finished trials."""
        if self._options.max_paused is not None:
            self._dispatch.keep_only(self._keep)
        while self._state.finished:
            frozen = self._state.finished.popleft()
            self._dispatch.objective.forget(frozen.number)
            if self._keeping is not None:
                self._keeping.take(frozen)
            if self._others is not None and self._others.shows(frozen.number):
                continue
            for callback in self._options.callbacks:
                callback(self._state.study, frozen)

    # The end

    def _drain(self) -> None:
        """Take the results that running legs still give, and keep the other legs for later."""
        self._dispatch.stop()
        if self._lease.is_lost or not self._state.is_consistent:
            self._give_up()
            return
        with self._state.doubting():
            with self._state.deciding():
                waiting = [trial for held in self._held.values() for trial in held]
                for trial in [*waiting, *self._received]:
                    self._state.settle(trial, LegResult(Outcome.INTERRUPTED))
            self._held.clear()
            self._received.clear()
            # A leg that can be cancelled has not begun, and need not be waited for.
            self._interrupt([future for future in self._in_flight if future.cancel()])
            self._await_running()

    def _give_up(self) -> None:
        """End the legs and drop their results, as memory and storage may disagree by now."""
        running = self._executor.kill(self._in_flight)
        if self._executor.is_local:  # threads write into the storage until they end
            concurrent.futures.wait(running)

    def _await_running(self) -> None:
        """Take the results of the legs that end by themselves, and end the others."""
        deadline = self._executor.now() + self._executor.grace_seconds
        while self._in_flight:
            patience = None
            if not self._executor.is_local:  # threads cannot be ended, and must be waited for
                patience = max(0.0, deadline - self._executor.now())
            done = [f for f in self._in_flight if f.done()] or self._executor.wait(patience)
            for future in done:
                if future in self._in_flight:
                    flight = self._in_flight.pop(future)
                    with self._state.deciding():
                        result = self._dispatch.result(future, flight.trial)
                        if result.outcome is Outcome.LOST:
                            result = LegResult(Outcome.INTERRUPTED)
                        self._state.settle(flight.trial, result)
            if not done and patience == 0.0:
                self._interrupt(list(self._in_flight))

    def _interrupt(self, futures: list[Future[Any]]) -> None:
        with self._state.deciding():
            for flight in self._end(futures):
                self._state.settle(flight.trial, LegResult(Outcome.INTERRUPTED))

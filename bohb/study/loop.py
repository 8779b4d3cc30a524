"""The loop: it gives legs to an executor and takes their results, until a limit is reached."""

from __future__ import annotations

import concurrent.futures
import math
import traceback
from collections import defaultdict, deque
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from optuna.trial import FrozenTrial

from bohb.errors import ExecutorError, LegTimeoutError, WorkerLostError
from bohb.study.bookkeeper import Bookkeeper
from bohb.study.faults import FaultPolicy, Faults
from bohb.study.legs import Legs
from bohb.study.limits import Allowance
from bohb.study.objective import LegResult, Outcome, late
from bohb.study.owner import Ownership
from bohb.study.progress import Progress
from bohb.study.stop import StopSignal, uninterrupted
from bohb.study.trial import Trial

if TYPE_CHECKING:
    from bohb.study.study import Study

Callback = Callable[["Study", FrozenTrial], None]

_LOOK_SECONDS = 0.5  # so often is looked whether a leg has begun to run


@dataclass(slots=True)
class _Flight:
    """One leg that an executor has."""

    trial: Trial
    begun: float | None = None  # when it was first seen to run, if that matters


class Loop:
    """One call of `optimize`.

    Every ending but a SIGKILL leaves through `run`: what has a result is recorded, what has not
    can be run again.
    """

    def __init__(
        self,
        bookkeeper: Bookkeeper,
        legs: Legs,
        allowance: Allowance,
        stop: StopSignal,
        ownership: Ownership,
        policy: FaultPolicy,
        *,
        max_paused: int | None,
        max_open_brackets: int | None,
        catch: tuple[type[Exception], ...],
        callbacks: Sequence[Callback],
        progress: Progress,
    ) -> None:
        self._bookkeeper = bookkeeper
        self._legs = legs
        self._executor = legs.executor
        self._allowance = allowance
        self._stop = stop
        self._ownership = ownership
        self._policy = policy
        self._faults = Faults(policy, bookkeeper)
        self._max_paused = max_paused
        self._max_open_brackets = max_open_brackets
        # What is not the objective's fault fails its trial only.
        self._catch = (*catch, LegTimeoutError, WorkerLostError)
        self._callbacks = callbacks
        self._progress = progress
        self._in_flight: dict[Future[Any], _Flight] = {}
        # Legs whose generators wait in a worker that is busy, by that worker.
        self._held: defaultdict[Hashable, deque[Trial]] = defaultdict(deque)
        self._abandoned: set[Future[Any]] = set()  # they could not be ended, and hold a worker

    def run(self) -> None:
        """Run legs until nothing more is to be done."""
        try:
            while not self._stop.is_now():
                idle = self._fill()
                if not self._in_flight and (idle or self._stop.is_soon()):
                    break
                self._collect()
                self._report_finished()
        finally:
            self._stop.tell(now=True)
            self._drain()
        self._report_finished()

    # Giving legs

    def _fill(self) -> bool:
        """Give a leg to every free worker, and return whether there was none to give."""
        while self._has_room() and not self._stop.is_soon():
            with uninterrupted():
                if self._submit_held():
                    continue
                with self._bookkeeper.deciding():
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
        may_start = self._allowance.may_start(self._bookkeeper.schedule)
        may_start = may_start and self._bookkeeper.may_start()
        if not may_start:
            self._bookkeeper.close()
        may_start = may_start and self._bookkeeper.schedule.may_open(self._max_open_brackets)
        return self._bookkeeper.next_trial(may_start=may_start)

    def _give(self, trial: Trial) -> None:
        """Submit the leg of `trial`, or hold it until the worker it must go to is free."""
        worker = self._legs.worker_for(trial)
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
            future = self._legs.submit(trial, self._keep)
        except Exception:
            with self._bookkeeper.deciding():
                self._bookkeeper.settle(trial, LegResult(Outcome.INTERRUPTED))
            raise
        except BaseException:
            self._bookkeeper.is_consistent = False  # whether the leg has begun is not known
            raise
        self._in_flight[future] = _Flight(trial)

    def _keep(self) -> frozenset[int]:
        """Return the trials whose generators may wait on: under way, or among the best paused."""
        under_way = {flight.trial.number for flight in self._in_flight.values()}
        under_way |= {trial.number for held in self._held.values() for trial in held}
        return self._bookkeeper.paused(self._max_paused) | under_way

    # Taking results

    def _collect(self) -> None:
        self._note_begun()
        for future in self._executor.wait(self._patience()):
            if future in self._in_flight:
                self._take(future)
        self._end_late()

    def _patience(self) -> float | None:
        """Return the seconds until something must be done even if no leg ends."""
        moments, now = [math.inf], self._executor.now()
        if (left := self._stop.seconds_left()) is not None:
            moments.append(left)
        if self._policy.leg_timeout is not None:
            for flight in self._in_flight.values():
                deadline = self._deadline(flight)
                moments.append(_LOOK_SECONDS if deadline is None else deadline - now)
        soonest = max(0.0, min(moments))
        return None if soonest == math.inf else soonest

    def _note_begun(self) -> None:
        """Note when legs begin to run, if that must be known: a cluster may let them wait."""
        if self._policy.leg_timeout is None:
            return
        for future, flight in self._in_flight.items():
            if flight.begun is None and self._executor.has_begun(future):
                flight.begun = self._executor.now()

    def _deadline(self, flight: _Flight) -> float | None:
        """Return when a leg that runs is to be ended, if it has not ended by itself."""
        if flight.begun is None or self._policy.leg_timeout is None:
            return None
        return flight.begun + self._policy.leg_timeout + self._executor.grace_seconds

    def _take(self, future: Future[Any]) -> None:
        """Take the result of a leg that is done."""
        self._ownership.raise_if_lost()
        self._legs.check(future)
        with uninterrupted(), self._bookkeeper.deciding():
            flight = self._in_flight.pop(future)
            result = self._legs.result(future, flight.trial)
            if result.outcome is Outcome.LOST:
                result = self._after_loss(future, flight.trial, result)
            self._settle(flight, result)
        self._progress.update(self._bookkeeper)
        if result.error is not None:
            if result.outcome is not Outcome.FAILED or not isinstance(result.error, self._catch):
                raise result.error
            # What the objective held when it failed may be all of a GPU's memory.
            traceback.clear_frames(result.error.__traceback__)
        self._faults.check()

    def _after_loss(self, future: Future[Any], trial: Trial, result: LegResult) -> LegResult:
        """Return what becomes of a leg that was lost: it is given out again, or has failed."""
        if self._faults.may_retry(trial.number, self._executor.n_attempts(future)):
            return LegResult(Outcome.INTERRUPTED)
        return LegResult(Outcome.FAILED, result.error)

    def _settle(self, flight: _Flight, result: LegResult) -> None:
        self._bookkeeper.settle(flight.trial, result)
        if result.outcome is not Outcome.INTERRUPTED:
            self._faults.forget(flight.trial.number)
        if self._max_paused is not None:
            self._legs.keep_only(self._keep)

    def _end_late(self) -> None:
        """End the legs that have taken too long and do not end by themselves."""
        if self._policy.leg_timeout is None:
            return
        now = self._executor.now()
        overdue = []
        for future, flight in self._in_flight.items():
            deadline = self._deadline(flight)
            if deadline is not None and deadline <= now:
                overdue.append(future)
        if overdue:
            with uninterrupted(), self._bookkeeper.deciding():
                for flight in self._end(overdue):
                    self._settle(flight, LegResult(Outcome.FAILED, late(flight.trial)))
            self._faults.check()

    def _end(self, futures: list[Future[Any]]) -> list[_Flight]:
        """End legs where they stand, or leave them alone where that cannot be done."""
        self._abandoned |= self._executor.kill(futures)
        flights = [self._in_flight.pop(future) for future in futures]
        for future, flight in zip(futures, flights, strict=True):
            self._legs.salvage(future, flight.trial)
        return flights

    def _report_finished(self) -> None:
        """Let go of what finished trials held, and tell the callbacks of them."""
        while self._bookkeeper.finished:
            frozen = self._bookkeeper.finished.popleft()
            self._legs.objective.forget(frozen.number)
            for callback in self._callbacks:
                callback(self._bookkeeper.study, frozen)

    # The end

    def _drain(self) -> None:
        """Take what the running legs still give, and keep the others for the next time."""
        self._legs.stop()
        if self._ownership.is_lost or not self._bookkeeper.is_consistent:
            self._give_up()
            return
        with self._bookkeeper.doubting():
            with self._bookkeeper.deciding():
                for trial in [trial for held in self._held.values() for trial in held]:
                    self._bookkeeper.settle(trial, LegResult(Outcome.INTERRUPTED))
            self._held.clear()
            self._interrupt([future for future in self._in_flight if future.cancel()])
            self._await_running()

    def _give_up(self) -> None:
        """End the legs without their results: what is in memory is not to be trusted any more."""
        running = self._executor.kill(self._in_flight)
        if self._executor.is_local:  # they would go on to write
            concurrent.futures.wait(running)

    def _await_running(self) -> None:
        """Take the results of the legs that end by themselves, and end the others."""
        deadline = self._executor.now() + self._executor.grace_seconds
        while self._in_flight:
            patience = None
            if not self._executor.is_local:  # a thread cannot be left behind
                patience = max(0.0, deadline - self._executor.now())
            done = [f for f in self._in_flight if f.done()] or self._executor.wait(patience)
            for future in done:
                if future in self._in_flight:
                    flight = self._in_flight.pop(future)
                    with self._bookkeeper.deciding():
                        result = self._legs.result(future, flight.trial)
                        if result.outcome is Outcome.LOST:
                            result = LegResult(Outcome.INTERRUPTED)
                        self._settle(flight, result)
            if not done and patience == 0.0:
                self._interrupt(list(self._in_flight))

    def _interrupt(self, futures: list[Future[Any]]) -> None:
        with self._bookkeeper.deciding():
            for flight in self._end(futures):
                self._settle(flight, LegResult(Outcome.INTERRUPTED))

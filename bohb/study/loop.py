"""The loop: it gives legs to an executor and takes their results, until a limit is reached."""

from __future__ import annotations

import functools
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING

from optuna.trial import FrozenTrial

from bohb.executors import Executor
from bohb.study.bookkeeper import Bookkeeper
from bohb.study.limits import Allowance
from bohb.study.objective import LegResult, Objective, Outcome
from bohb.study.owner import Ownership
from bohb.study.progress import Progress
from bohb.study.trial import Trial

if TYPE_CHECKING:
    from bohb.study.study import Study

Callback = Callable[["Study", FrozenTrial], None]


class StopSignal:
    """Whether the study is to come to an end, and how soon."""

    def __init__(self, timeout: float | None) -> None:
        self._deadline = None if timeout is None else time.monotonic() + timeout
        self._soon = threading.Event()
        self._now = threading.Event()

    def tell(self, *, now: bool = False) -> None:
        """Let the study come to an end: after the legs under way, or in the midst of them."""
        self._soon.set()
        if now:
            self._now.set()

    def is_soon(self) -> bool:
        """Return whether no new leg shall begin."""
        return self._soon.is_set() or self.is_now()

    def is_now(self) -> bool:
        """Return whether the legs under way shall end where they stand."""
        late = self._deadline is not None and time.monotonic() >= self._deadline
        return late or self._now.is_set()


class Loop:
    """One call of `optimize`.

    Every ending but a SIGKILL leaves through `run`: what has a result is recorded, what has not
    can be run again.
    """

    def __init__(
        self,
        bookkeeper: Bookkeeper,
        objective: Objective,
        executor: Executor,
        allowance: Allowance,
        stop: StopSignal,
        ownership: Ownership,
        *,
        catch: tuple[type[Exception], ...],
        callbacks: Sequence[Callback],
        progress: Progress,
    ) -> None:
        self._bookkeeper = bookkeeper
        self._objective = objective
        self._executor = executor
        self._allowance = allowance
        self._stop = stop
        self._ownership = ownership
        self._catch = catch
        self._callbacks = callbacks
        self._progress = progress
        self._in_flight: dict[Future[LegResult], Trial] = {}

    def run(self) -> None:
        """Run legs until nothing more is to be done."""
        try:
            while self._submit_all() or self._in_flight:
                self._collect()
                self._report_finished()
        finally:
            self._stop.tell(now=True)
            self._drain()

    def _submit_all(self) -> bool:
        """Give a leg to every free worker, and return whether any was given."""
        given = False
        while len(self._in_flight) < self._executor.n_workers and not self._stop.is_soon():
            with self._bookkeeper.deciding():
                submitted = self._submit_next()
            self._report_finished()
            if not submitted:
                break
            given = True
        return given

    def _submit_next(self) -> bool:
        may_start = self._allowance.may_start(self._bookkeeper.schedule)
        if not may_start:
            self._bookkeeper.close()
        trial = self._bookkeeper.next_trial(may_start=may_start)
        if trial is not None:
            work = functools.partial(self._objective.run_leg, trial)
            self._in_flight[self._executor.submit(work)] = trial
        return trial is not None

    def _collect(self) -> None:
        for future in self._executor.wait(set(self._in_flight)):
            result = future.result()
            self._ownership.raise_if_lost()
            self._settle(future, result)
            self._progress.update(self._bookkeeper)
            failed = result.outcome is Outcome.FAILED
            if result.error is not None and not (failed and isinstance(result.error, self._catch)):
                raise result.error

    def _settle(self, future: Future[LegResult], result: LegResult) -> None:
        with self._bookkeeper.deciding():
            self._bookkeeper.settle(self._in_flight.pop(future), result)

    def _report_finished(self) -> None:
        """Let go of what finished trials held, and tell the callbacks of them."""
        while self._bookkeeper.finished:
            frozen = self._bookkeeper.finished.popleft()
            self._objective.forget(frozen.number)
            for callback in self._callbacks:
                callback(self._bookkeeper.study, frozen)

    def _drain(self) -> None:
        """Take what the running legs still give, and keep the others for the next time."""
        if self._ownership.is_lost or not self._bookkeeper.is_consistent:
            return  # what is in memory is not to be trusted; the storage is
        with self._bookkeeper.deciding():
            for future in [future for future in self._in_flight if future.cancel()]:
                self._settle(future, LegResult(Outcome.INTERRUPTED))
            while self._in_flight:
                done = {future for future in self._in_flight if future.done()}
                for future in done or self._executor.wait(set(self._in_flight)):
                    self._settle(future, _result_of(future))


def _result_of(future: Future[LegResult]) -> LegResult:
    """Return the result of a leg; one that was ended from outside can be run again."""
    if future.exception() is not None:
        return LegResult(Outcome.INTERRUPTED)
    return future.result()

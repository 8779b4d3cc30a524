"""What one process holds while it moves a study forward."""

from __future__ import annotations

import contextlib
import dataclasses
import inspect
import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from optuna.trial import TrialState

from bohb.errors import StudyError
from bohb.executors import Executor
from bohb.history import History
from bohb.study.bookkeeper import Bookkeeper, Call
from bohb.study.faults import FaultPolicy
from bohb.study.ledger import OPEN_CALL, ledger_of
from bohb.study.legs import end_of, legs_of
from bohb.study.limits import Allowance, Baseline, Limits
from bohb.study.loop import Callback, Loop
from bohb.study.objective import Objective, told
from bohb.study.owner import Ownership
from bohb.study.progress import Progress
from bohb.study.requirements import begin
from bohb.study.stop import LegWatch, StopSignal
from bohb.study.trial import Trial

if TYPE_CHECKING:
    from bohb.study.study import Study

_logger = logging.getLogger(__name__)


class Conductor:
    """Moves one study, by `optimize` or by hand, as long as this process owns it.

    It keeps what is worth keeping between two calls: the bookkeeper, unless somebody else has
    moved the study since, and the objective with the generators that wait in it.
    """

    def __init__(self, study: Study) -> None:
        self._study = study
        self._ledger = ledger_of(study)
        self._ownership = Ownership(self._ledger)
        self._bookkeeper: Bookkeeper | None = None
        self._objective: Objective | None = None
        self._asked: set[int] = set()  # trials whose legs were given out by `ask`
        self._stop: StopSignal | None = None
        self._working = threading.Lock()  # held inside of `optimize`
        self._leading = threading.RLock()  # `ask` and `tell` may come from several threads

    @property
    def history(self) -> History | None:
        """The history that is kept in memory, if there is one."""
        return None if self._bookkeeper is None else self._bookkeeper.history

    def optimize(
        self,
        function: Callable[[Any], Any],
        limits: Limits,
        timeout: float | None,
        *,
        in_total: bool,
        executor: Executor,
        policy: FaultPolicy,
        max_paused: int | None,
        max_open_brackets: int | None,
        catch: tuple[type[Exception], ...],
        callbacks: Sequence[Callback],
        show_progress_bar: bool,
    ) -> None:
        """Run legs of `function` until the limits are reached."""
        with contextlib.ExitStack() as stack:
            executor.open()
            stack.callback(executor.close)
            stop = stack.enter_context(self._at_work(StopSignal(timeout, executor.now)))
            bookkeeper = self._require_bookkeeper()
            bookkeeper.call = Call(lambda: LegWatch(stop.is_now, policy.leg_timeout), catch)
            stack.callback(self._let_go, bookkeeper)
            objective = self._require_objective(function, executor)
            legs = legs_of(self._study, objective, executor, stop, policy.leg_timeout)
            stack.callback(lambda: legs.close(bookkeeper.paused(max_paused)))
            baseline = self._begin_call(bookkeeper, in_total=in_total)
            allowance = Allowance(limits, baseline, continued=legs.continues)
            progress = Progress(bookkeeper, allowance, timeout, shown=show_progress_bar)
            stack.callback(progress.close)
            loop = Loop(
                bookkeeper,
                legs,
                allowance,
                stop,
                self._ownership,
                policy,
                max_paused=max_paused,
                max_open_brackets=max_open_brackets,
                catch=catch,
                callbacks=callbacks,
                progress=progress,
            )
            try:
                loop.run()
            except KeyboardInterrupt:
                _logger.warning(
                    "Cut off by Ctrl-C. What has finished is kept; the next call goes on from here."
                )
            else:
                self._ledger.write(OPEN_CALL, None)

    def stop(self, *, now: bool) -> bool:
        """Let `optimize` end, after the legs under way or `now`; return whether it was running."""
        if self._bookkeeper is not None and self._bookkeeper.take_stop():
            return True
        if self._stop is None:
            return False
        self._stop.tell(now=now)
        return True

    def forget_objective(self) -> None:
        """Let go of the objective that was optimised last, with the generators that wait in it."""
        if self._objective is not None:
            self._objective.keep_only(frozenset())
            self._objective = None

    def ask(self) -> Trial:
        """Return a trial that has been given a leg."""
        with self._leading, self._by_hand() as bookkeeper, bookkeeper.deciding():
            trial = bookkeeper.next_trial(may_start=True)
        assert trial is not None  # noqa: S101 - for the type checker; a new one can always start
        self._asked.add(trial.number)
        return trial

    def tell(self, number: int, values: Any, state: TrialState | None) -> Trial | None:
        """Take the result of a trial, and return the trial; None if it has no leg under way."""
        with self._leading, self._by_hand() as bookkeeper:
            trial = bookkeeper.under_way(number) if number in self._asked else None
            if trial is not None:
                result = told(trial, values, state)
                with bookkeeper.deciding():
                    bookkeeper.settle(trial, result)
                self._asked.discard(number)
            return trial

    def notice_added(self) -> None:
        """Take in trials that were added to the study from outside."""
        if self._bookkeeper is not None:
            self._bookkeeper.notice_added()

    @contextlib.contextmanager
    def _at_work(self, stop: StopSignal) -> Iterator[StopSignal]:
        if not self._working.acquire(blocking=False):
            raise StudyError(
                f"study {self._study.study_name!r} is being optimised by this process already: "
                "wait for that call, or end it with study.stop()"
            )
        try:
            with self._leading:
                self._claim(for_work=True)
                self._stop = stop
            yield stop
        finally:
            self._stop = None
            self._ownership.leave_work()
            if self._ownership.held:
                self._ownership.release()
            self._working.release()

    def _claim(self, *, for_work: bool = False) -> None:
        if not self._ownership.claim(for_work=for_work):
            self._bookkeeper = None  # somebody else moved the study since
            self.forget_objective()

    @contextlib.contextmanager
    def _by_hand(self) -> Iterator[Bookkeeper]:
        """Give the bookkeeper to `ask` and `tell`, owned until the study is let go."""
        is_alone = self._stop is None
        if is_alone and self._ownership.held:
            self._ownership.check()
        elif is_alone:
            self._claim()
        bookkeeper = self._require_bookkeeper()
        yield bookkeeper
        if is_alone:
            bookkeeper.finished.clear()  # there are no callbacks to tell

    def _require_bookkeeper(self) -> Bookkeeper:
        with self._leading:
            kept = self._bookkeeper
            if kept is None or not kept.is_consistent or kept.pruner is not self._study.pruner:
                begin(self._study)  # the pruner may have been set since
                self._bookkeeper = kept = Bookkeeper(self._study)
            return kept

    def _require_objective(self, function: Callable[[Any], Any], executor: Executor) -> Objective:
        if self._objective is not None and not _is_same(self._objective.function, function):
            if self._objective.n_waiting:
                _logger.warning(
                    "The objective is another one than in the last call: %d trials whose "
                    "generators waited train from the start when they are promoted.",
                    self._objective.n_waiting,
                )
            executor.tell_all(end_of(self._objective))
            self.forget_objective()
        if self._objective is None:
            self._objective = Objective(function)
        return self._objective

    def _let_go(self, bookkeeper: Bookkeeper) -> None:
        bookkeeper.call = Call()
        if not bookkeeper.is_consistent:
            self._bookkeeper = None
            self.forget_objective()

    def _begin_call(self, bookkeeper: Bookkeeper, *, in_total: bool) -> Baseline:
        """Return where this call counts from: where a call began that was cut off, if one was."""
        bookkeeper.may_have_waiting = True
        bookkeeper.is_used_up = False
        cut_off = self._ledger.read(OPEN_CALL)
        if cut_off is not None and not in_total:
            return Baseline(**cut_off)
        baseline = Baseline() if in_total else Baseline.of(bookkeeper.schedule)
        self._ledger.write(OPEN_CALL, dataclasses.asdict(baseline))
        return baseline


def _is_same(one: Callable[[Any], Any], other: Callable[[Any], Any]) -> bool:
    """Return whether two objectives are one; a bound method is made anew each time it is named."""
    return one is other or (inspect.ismethod(one) and one == other)


def forget_objective(study: Study) -> None:
    """Let go of the objective that a study optimised last, and of what waits in it."""
    study._conductor.forget_objective()

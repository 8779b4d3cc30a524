"""The session: what one process holds while it moves a study forward."""

from __future__ import annotations

import contextlib
import dataclasses
import inspect
import logging
import threading
from collections.abc import Callable, Iterator
from typing import Any

from optuna.trial import TrialState

from bohb.errors import StudyOwnedError
from bohb.executors import Executor
from bohb.history import History
from bohb.objective.objective import Objective, told
from bohb.objective.stop import LegWatch, StopSignal
from bohb.objective.trial import Trial
from bohb.remote.dispatch import dispatch_of, end_of
from bohb.store.lease import Lease
from bohb.store.ledger import OPEN_CALL
from bohb.store.stored_study import StoredStudy, ledger_of
from bohb.study.compatibility import begin, refuse_asking_sampler, warn_of_replays
from bohb.study.limits import Allowance, Baseline
from bohb.study.loop import Loop
from bohb.study.options import Options
from bohb.study.progress import progress_of
from bohb.study.state import CallContext, StudyState

_logger = logging.getLogger(__name__)


class Session:
    """Moves one study, by `optimize` or by hand, as long as this process holds its lease.

    Between two calls it keeps the state, and the objective with the generators that wait in it.
    Both are dropped if somebody else has moved the study since.

    Attributes
    ----------
    logs_failures
        Whether trials that fail in `optimize` are logged.
    """

    def __init__(self, study: StoredStudy) -> None:
        self.logs_failures = True
        self._study = study
        self._ledger = ledger_of(study)
        self._lease = Lease(self._ledger)
        self._ledger.fence = self._lease.guard
        self._state: StudyState | None = None
        self._objective: Objective | None = None
        self._asked: set[int] = set()  # trials whose legs were given out by `ask`
        self._stop: StopSignal | None = None
        self._working = threading.Lock()  # held inside of `optimize`
        self._leading = threading.RLock()  # `ask` and `tell` may be called in several threads

    @property
    def history(self) -> History | None:
        """The history that is kept in memory, if there is one."""
        return None if self._state is None else self._state.history

    def optimize(self, function: Callable[[Any], Any], options: Options) -> None:
        """Run legs of `function` until the limits are reached."""
        executor = options.executor
        # The stack is left in reverse order: the workers are told that the call is over while the
        # lease is still held, then the lease is released, and the executor is closed last.
        with contextlib.ExitStack() as stack:
            executor.open()
            stack.callback(executor.close)
            stop = stack.enter_context(self._at_work(StopSignal(options.timeout, executor.now)))
            state = self._require_state()
            state.context = CallContext(
                lambda: LegWatch(stop.is_now, options.leg_timeout),
                options.catch,
                logs_failures=self.logs_failures,
            )
            stack.callback(self._let_go, state)
            objective = self._require_objective(function, executor)
            refuse_asking_sampler(self._study, executor)
            dispatch = dispatch_of(self._study, objective, executor, stop, options.leg_timeout)
            stack.callback(lambda: dispatch.close(state.paused(options.max_paused)))
            if objective.continues and not dispatch.continues:
                warn_of_replays(state.schedule.plan, executor)
            baseline = self._begin_call(state, in_total=options.in_total)
            allowance = Allowance(options.limits, baseline, continued=dispatch.continues)
            progress = progress_of(state, allowance, options)
            if progress is not None:
                state.context.on_value = progress.take_value
                stack.callback(progress.close)
            loop = Loop(state, dispatch, allowance, stop, self._lease, options, progress)
            try:
                loop.run()
            except KeyboardInterrupt:
                _logger.warning(
                    "Cut off by Ctrl-C. What has finished is kept; the next call goes on from here."
                )
                raise
            else:  # a call that was cut off stays noted, and is taken up by the next one
                self._ledger.write(OPEN_CALL, None)

    def stop(self, *, now: bool) -> bool:
        """Let `optimize` end, after the legs under way or `now`; return whether it was running."""
        if self._state is not None and self._state.take_stop():
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
        # An interrupt that was held back is raised once the trial has its leg. The caller never
        # gets this trial then, so the state is made anew, and the leg is given out once more.
        with self._leading, self._by_hand() as state, state.doubting(), state.deciding():
            trial = state.next_trial(may_start=True)
        assert trial is not None  # noqa: S101 - for the type checker; a new one can always start
        self._asked.add(trial.number)
        return trial

    def tell(self, number: int, values: Any, state: TrialState | None) -> Trial | None:
        """Take the result of a trial, and return the trial; None if it has no leg under way."""
        with self._leading, self._by_hand() as study_state:
            trial = study_state.under_way(number) if number in self._asked else None
            if trial is not None:
                result = told(trial, values, state)
                with study_state.deciding():
                    study_state.settle(trial, result)
                self._asked.discard(number)
            return trial

    def notice_added(self) -> None:
        """Take in trials that were added to the study from outside."""
        if self._state is not None:
            self._state.notice_added()

    @contextlib.contextmanager
    def _at_work(self, stop: StopSignal) -> Iterator[StopSignal]:
        """Hold the lease, and let `stop` end the call."""
        if not self._working.acquire(blocking=False):
            raise StudyOwnedError(
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
            self._lease.leave_work()
            try:
                if self._lease.held:
                    self._lease.release()
            finally:
                self._working.release()

    def _claim(self, *, for_work: bool = False) -> None:
        if not self._lease.claim(for_work=for_work):
            self._state = None  # somebody else has moved the study since
            self.forget_objective()

    @contextlib.contextmanager
    def _by_hand(self) -> Iterator[StudyState]:
        """Give the state to `ask` and `tell`.

        Outside of `optimize` they claim the lease, and keep it as long as the study object lives.
        """
        is_alone = self._stop is None
        if is_alone and self._lease.held:
            self._lease.check()
        elif is_alone:
            self._claim()
        state = self._require_state()
        yield state
        if is_alone:
            state.finished.clear()  # without `optimize` there are no callbacks

    def _require_state(self) -> StudyState:
        with self._leading:
            kept = self._state
            if kept is None or not kept.is_consistent or kept.pruner is not self._study.pruner:
                begin(self._study)  # another pruner may have been set since
                self._state = kept = StudyState(self._study)
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

    def _let_go(self, state: StudyState) -> None:
        state.context = CallContext()
        if not state.is_consistent:
            self._state = None
            self.forget_objective()

    def _begin_call(self, state: StudyState, *, in_total: bool) -> Baseline:
        """Return where this call counts from, which is where a call that was cut off began.

        If none was cut off, it counts from here; with `in_total` from the study's beginning.
        """
        state.may_have_waiting = True
        state.is_used_up = False
        cut_off = self._ledger.read(OPEN_CALL)
        if cut_off is not None and not in_total:
            return Baseline(**cut_off)
        baseline = Baseline() if in_total else Baseline.of(state.schedule)
        self._ledger.write(OPEN_CALL, dataclasses.asdict(baseline))
        return baseline


def _is_same(one: Callable[[Any], Any], other: Callable[[Any], Any]) -> bool:
    """Return whether two objectives are the same one.

    A bound method is a new object each time it is looked up, but equal to the earlier ones.
    """
    return one is other or (inspect.ismethod(one) and one == other)

"""The session: what one process holds while it moves a study forward."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import inspect
import logging
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from optuna.trial import TrialState

from bohb.errors import StorageError, StudyOwnedError
from bohb.executors import Executor
from bohb.history import History
from bohb.objective.objective import Objective, is_leg_of, told
from bohb.objective.stop import LegWatch, StopSignal
from bohb.objective.trial import Trial
from bohb.remote.crew import CALL, WrittenError
from bohb.remote.dispatch import dispatch_of, end_of
from bohb.remote.leading import CrewDispatch, CrewExecutor
from bohb.store.checkpoints import Checkpoints
from bohb.store.lease import Lease, lease_holder
from bohb.store.ledger import CALL_LIMITS, OPEN_CALL
from bohb.store.opening import is_of_one_thread
from bohb.store.stored_study import StoredStudy, ledger_of
from bohb.study.advice import Adviser
from bohb.study.compatibility import (
    begin,
    must_be_asked,
    refuse_asking_sampler,
    refuse_generator,
    warn_of_replays,
)
from bohb.study.costs import Costs, costs_so_far
from bohb.study.crew import HANDED_OVER, Crew, run_with
from bohb.study.joining import Joining, call_of, refuse_blind, tell_other_limits
from bohb.study.keeping import Keeping
from bohb.study.limits import Allowance, Baseline, Limits
from bohb.study.loop import Loop
from bohb.study.options import Options
from bohb.study.progress import progress_of
from bohb.study.state import CallContext, StudyState

_logger = logging.getLogger(__name__)

_JOINING_SECONDS = 5.0  # within which somebody who has taken the lease begins a call
_PAUSE_SECONDS = 0.1


@dataclass(slots=True)
class _Attempt:
    """What has become of one `optimize` so far: the call that it has joined, or leads."""

    joined: str | None = None
    led: str | None = None


class Session:
    """Moves one study, by `optimize` or by hand, as long as this process holds its lease.

    Between two calls it keeps the state, and the objective with the generators that wait in it.
    Both are dropped if somebody else has moved the study since.

    Attributes
    ----------
    logs_failures
        Whether trials that fail in `optimize` are logged.
    """

    def __init__(self, study: StoredStudy, checkpoints: Checkpoints) -> None:
        self.logs_failures = True
        self._checkpoints = checkpoints
        self._study = study
        self._ledger = ledger_of(study)
        self._lease = Lease(self._ledger)
        self._ledger.fence = self._lease.guard
        self._state: StudyState | None = None
        self._objective: Objective | None = None
        self._asked: set[int] = set()  # trials whose legs were given out by `ask`
        self._stop: StopSignal | None = None
        self._joining: Joining | None = None
        self._adviser: Adviser | None = None
        self._working = threading.Lock()  # held inside of `optimize`
        self._leading = threading.RLock()  # `ask` and `tell` may be called in several threads

    @property
    def history(self) -> History | None:
        """The history that is kept in memory, if there is one."""
        return None if self._state is None else self._state.history

    def optimize(self, function: Callable[[Any], Any], options: Options) -> None:
        """Run legs of `function` until the limits are reached, or those of whoever leads."""
        if is_leg_of(self._study.study_name):
            raise StudyOwnedError(
                f"study {self._study.study_name!r} is being optimised by the call of optimize that "
                "has called this objective"
            )
        self._ledger.patience.has_given_up = False  # the storage may be back since the last call
        attempt = _Attempt()
        patience = time.monotonic() + _JOINING_SECONDS
        while True:
            try:
                self._lead(function, options, attempt)
                return
            except StudyOwnedError:
                # The objective may have raised it, too.
                has_lost = attempt.led is None or self._lease.is_lost
                if not options.join or not has_lost:
                    raise
                if attempt.led is not None:  # somebody else has taken it over
                    attempt.joined, attempt.led = attempt.led, None
                    self._lease.resign()
                call = call_of(self._study)
                # Somebody who has just taken the lease has not begun a call yet.
                if call is None and attempt.joined is None and time.monotonic() > patience:
                    raise
            if call is None:
                if attempt.joined is not None:
                    return  # somebody else has led it to its end
                time.sleep(_PAUSE_SECONDS)
                continue
            _logger.info("Joined %s.", lease_holder(self._study))
            if attempt.joined is None:
                tell_other_limits(self._study, dataclasses.asdict(options.limits))
            self._checkpoints.look_again()
            refuse_blind(self._study, self._checkpoints)
            self._joining = Joining(self._study, function, options, call)
            try:
                if self._joining.run():
                    return
            finally:
                self._joining = None
            attempt.joined = call
            patience = time.monotonic() + _JOINING_SECONDS

    def _lead(self, function: Callable[[Any], Any], options: Options, attempt: _Attempt) -> None:
        """Lead a call: a new one, one that was cut off, or the one that was joined before."""
        executor = options.executor
        self._lease.seconds = options.lease
        # The stack is left in reverse order: the workers are told that the call is over while the
        # lease is still held, then the lease is released, and the executor is closed last.
        with contextlib.ExitStack() as stack:
            executor.open()
            stack.callback(executor.close)
            stop = stack.enter_context(self._at_work(StopSignal(options.timeout, executor.now)))
            self._checkpoints.look_again()
            state = self._require_state()
            if attempt.joined is not None:
                if call_of(self._study) is None:
                    return  # somebody else has led it to its end
                options, stop = self._taken_over(options, stop)
                _logger.info("This process leads from now on.")
            state.context = CallContext(
                lambda: LegWatch(stop.is_now, options.leg_timeout),
                options.catch,
                logs_failures=self.logs_failures,
                costs=self._costs(state) if options.limits.total_cost is not None else None,
            )
            stack.callback(self._let_go, state)
            objective = self._require_objective(function, executor)
            refuse_asking_sampler(self._study, executor)
            if objective.continues:
                refuse_generator(self._study)
            dispatch = dispatch_of(self._study, objective, executor, stop, options.leg_timeout)
            stack.callback(lambda: dispatch.close(state.paused(options.max_paused)))
            if objective.continues and not dispatch.continues:
                warn_of_replays(state.schedule.plan, executor)
            is_open = options.join and not executor.is_simulated and not must_be_asked(self._study)
            is_open = is_open and not is_of_one_thread(self._ledger.storage)
            call, baseline = self._begin_call(state, options, is_open=is_open)
            attempt.led = call
            costs, continued = state.context.costs, dispatch.continues
            allowance = Allowance(options.limits, baseline, costs, continued=continued)
            progress = progress_of(state, allowance, options)
            if progress is not None:
                state.context.on_value = progress.take_value
                stack.callback(progress.close)
            keeping = self._keeping(state, options.keep)
            schedule, adviser = state.schedule, self._adviser_of(state)
            if self.logs_failures:
                adviser.begin(options.limits, schedule.plan, schedule.n_started)
            loop = Loop(
                state, dispatch, allowance, stop, self._lease, options, progress, keeping, adviser
            )
            if is_open:
                crew = self._crew_of(state, objective, allowance, stop, options, call, loop)
                run: Callable[[], None] = functools.partial(run_with, crew, loop)
            else:
                run = loop.run
            with self._ending(call):
                run()
                adviser.look(schedule.n_evaluations, schedule.plan, is_end=True)

    def _adviser_of(self, state: StudyState) -> Adviser:
        if self._adviser is None:
            self._adviser = Adviser(self._ledger, state.scale)
        return self._adviser

    def _keeping(self, state: StudyState, most: int | None) -> Keeping | None:
        """Return what removes checkpoints during a call, which knows of all that has finished."""
        if most is None:
            return None
        keeping = Keeping(most, self._checkpoints, state.scale, state.schedule.plan)
        for trial in self._ledger.trials():
            keeping.take(trial)
        return keeping

    def _taken_over(self, options: Options, stop: StopSignal) -> tuple[Options, StopSignal]:
        """Return the options of the call that was joined, which this process leads from now on."""
        found = self._ledger.read(OPEN_CALL)
        until = found.get("until")
        timeout = None if until is None else max(0.001, until - time.time())
        options = dataclasses.replace(
            options, limits=Limits(**found[CALL_LIMITS]), timeout=timeout, in_total=False
        )
        self._stop = StopSignal(timeout, options.executor.now)
        return options, self._stop

    def _crew_of(
        self,
        state: StudyState,
        objective: Objective,
        allowance: Allowance,
        stop: StopSignal,
        options: Options,
        call: str,
        loop: Loop,
    ) -> Crew:
        def end(how: str) -> None:
            stop.tell(now=how == "now")

        executor = CrewExecutor(self._ledger, call, end)
        known = (*options.catch, *options.retry_on)
        dispatch = CrewDispatch(self._study, objective, executor, known)
        crew = Crew(state, dispatch, executor, allowance, stop, self._lease, options, loop)
        loop.work_with(crew)
        return crew

    @contextlib.contextmanager
    def _ending(self, call: str) -> Iterator[None]:
        """Write how a call has ended; one that was cut off stays noted for the next one."""
        try:
            yield
        except KeyboardInterrupt:
            _logger.warning(
                "Cut off by Ctrl-C. What has finished is kept; the next call goes on from here."
            )
            raise
        except Exception as error:
            if not isinstance(error, HANDED_OVER):
                self._end_call(call, error)
            raise
        self._end_call(call, None)
        self._ledger.write(OPEN_CALL, None)

    def _end_call(self, call: str, error: Exception | None) -> None:
        """Let those who have joined know that the call has ended, and with which `error`."""
        failure = None if error is None else dataclasses.asdict(WrittenError.of(error))
        with contextlib.suppress(StorageError) if error is not None else contextlib.nullcontext():
            self._ledger.write(CALL, {"call": call, "failure": failure})

    def stop(self, *, now: bool) -> bool:
        """Let `optimize` end, after the legs under way or `now`; return whether it was running."""
        if self._state is not None and self._state.take_stop():
            return True
        if self._stop is None and self._joining is not None:
            self._joining.stop(now=now)
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
        self._lease.begin_work()
        return trial

    def tell(self, number: int, values: Any, state: TrialState | None) -> Trial | None:
        """Take the result of a trial, and return the trial; None if it has no leg under way."""
        with self._leading, self._by_hand() as study_state:
            trial = study_state.under_way(number) if number in self._asked else None
            if trial is not None:
                result = told(trial, values, state)
                with study_state.deciding():
                    study_state.settle(trial, result)
                    if study_state.shown.is_due:
                        study_state.shown.write()
                self._asked.discard(number)
                if not self._asked and self._stop is None:
                    self._lease.leave_work()
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

    def _costs(self, state: StudyState) -> Costs:
        return costs_so_far(self._ledger.trials(), state.scale, state.schedule.plan)

    def _let_go(self, state: StudyState) -> None:
        state.context = CallContext()
        if state.is_consistent and not self._lease.is_lost:
            with contextlib.suppress(StorageError, StudyOwnedError):
                state.shown.write()
        if not state.is_consistent:
            self._state = None
            self.forget_objective()

    def _begin_call(
        self, state: StudyState, options: Options, *, is_open: bool
    ) -> tuple[str, Baseline]:
        """Return the name of this call, and where it counts from.

        That is where a call that was cut off began, which it takes up. If none was cut off, it
        counts from here; with `in_total` from the study's beginning.
        """
        state.may_have_waiting = True
        state.is_used_up = False
        cut_off = self._ledger.read(OPEN_CALL)
        known = cut_off or {}
        if options.in_total:
            baseline = Baseline()
        elif cut_off is None:
            baseline = Baseline.of(state.schedule, state.context.costs)
        else:
            baseline = Baseline.read(cut_off)
        call = known.get("call") or uuid.uuid4().hex
        timeout = options.timeout
        self._ledger.write(
            OPEN_CALL,
            {
                **dataclasses.asdict(baseline),
                "call": call,
                "is_open": is_open,
                CALL_LIMITS: dataclasses.asdict(options.limits),
                "until": None if timeout is None else time.time() + timeout,
            },
        )
        return call, baseline


def _is_same(one: Callable[[Any], Any], other: Callable[[Any], Any]) -> bool:
    """Return whether two objectives are the same one.

    A bound method is a new object each time it is looked up, but equal to the earlier ones.
    """
    return one is other or (inspect.ismethod(one) and one == other)

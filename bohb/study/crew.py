"""The crew of a call of `optimize`: the thread that works with the processes that have joined."""

from __future__ import annotations

import logging
import threading
from concurrent.futures import Future
from typing import Any

from bohb.errors import StorageError, StudyOwnedError
from bohb.objective.stop import StopSignal
from bohb.objective.trial import Trial
from bohb.remote.leading import CrewDispatch, CrewExecutor
from bohb.store.lease import Lease
from bohb.study.limits import Allowance
from bohb.study.loop import Flight, Loop
from bohb.study.options import Options
from bohb.study.state import StudyState

_logger = logging.getLogger("bohb.study")


class Crew(Loop):
    """A second loop over the same study, in a thread of its own, for legs in other processes.

    The legs of this process may run in the main thread for hours, and the others must not wait for
    that. The two loops take turns: each decides while it holds the state's lock. This one shows no
    progress and calls no callbacks; the main loop does.

    Attributes
    ----------
    error
        The exception that ended this loop, and is to end the call.
    """

    def __init__(
        self,
        state: StudyState,
        dispatch: CrewDispatch,
        executor: CrewExecutor,
        allowance: Allowance,
        stop: StopSignal,
        lease: Lease,
        options: Options,
        main: Loop,
    ) -> None:
        super().__init__(
            state, dispatch, allowance, stop, lease, options, None, main._keeping, main._adviser
        )
        self.error: BaseException | None = None
        self._crew = executor
        self._main = main
        self._begun: set[int] = set()  # the trials whose legs are with this loop
        self._worker_by_trial: dict[int, object] = {}  # where the last leg of a trial ran
        self._is_over = threading.Event()
        self._hands_over = False
        self._thread = threading.Thread(target=self._attend, name="bohb-crew", daemon=True)

    def begin(self) -> None:
        """Take over legs that an earlier leading process gave out, and begin to work."""
        self._adopt()
        self._thread.start()

    @property
    def is_busy(self) -> bool:
        """Whether legs are under way in other processes, or on their way there."""
        return bool(self._begun)

    def receive(self, trial: Trial) -> None:
        """Take a leg that the main loop has begun."""
        self._begun.add(trial.number)
        super().receive(trial)

    def takes(self, trial: Trial) -> bool:
        """Take the leg of `trial` if its generator waits in another process."""
        worker = self._dispatch.worker_for(trial)
        if worker is None or not self._crew.knows(worker):
            return False
        self.receive(trial)
        return True

    def wake(self) -> None:
        """Let this loop look for something to do."""
        self._crew.wake()

    def shows(self, number: int) -> bool:
        """Let another process show a finished trial to its callbacks, if its last leg ran there."""
        worker = self._worker_by_trial.pop(number, None)
        return worker is not None and self._crew.show_finished(worker, number)

    def end(self, *, hands_over: bool) -> None:
        """End this loop.

        Parameters
        ----------
        hands_over
            Whether the legs of the others go on: this process leaves, and another one will lead.
        """
        self._hands_over = hands_over
        self._is_over.set()
        self._crew.wake()
        self._thread.join()
        if not hands_over:
            self._crew.flush()

    def _attend(self) -> None:
        try:
            while not self._is_over.is_set() and not self._stop.is_now():
                n_before = self._state.schedule.n_evaluations
                self._fill()
                self._collect()
                self._crew.flush()
                if self._state.schedule.n_evaluations != n_before:
                    self._main.wake()
        except BaseException as error:
            self.error = error
            self._stop.tell(now=True)
        finally:
            self._main.wake()
            self._is_over.wait()  # only then is it known whether the legs of the others go on
            self._finish()

    def _finish(self) -> None:
        if self._hands_over:
            return
        try:
            self._drain()
        except BaseException as error:
            self.error = self.error or error

    def _give_up(self) -> None:
        """Leave the legs to whoever leads from now on."""

    def _report_finished(self) -> None:
        """Leave this to the main loop."""

    def _fill(self) -> bool:
        if self._executor.n_workers == 0:  # those with whom these legs were to run are gone
            waiting = [trial for held in self._held.values() for trial in held]
            for trial in [*waiting, *self._received]:
                self._pass_on(trial)
            self._held.clear()
            self._received.clear()
        return super()._fill()

    def _give(self, trial: Trial) -> None:
        objective, number = self._dispatch.objective, trial.number
        place = objective.places.get(number)
        if objective.has_paused(number) or (place is not None and not self._crew.knows(place)):
            self._pass_on(trial)
        else:
            self._give_here(trial)

    def _pass_on(self, trial: Trial) -> None:
        self._main.receive(trial)
        self._begun.discard(trial.number)

    def _next_trial(self) -> Trial | None:
        trial = super()._next_trial()
        if trial is not None:
            self._begun.add(trial.number)
        return trial

    def _take(self, future: Future[Any]) -> None:
        number = self._in_flight[future].trial.number
        try:
            super()._take(future)
        finally:
            self._begun.discard(number)

    def _submit(self, trial: Trial) -> None:
        super()._submit(trial)
        future = next(reversed(self._in_flight))
        self._worker_by_trial[trial.number] = self._crew.worker_of(future)

    def _end(self, futures: list[Future[Any]]) -> list[Flight]:
        flights = super()._end(futures)
        self._begun.difference_update(flight.trial.number for flight in flights)
        return flights

    def _adopt(self) -> None:
        """Go on with the legs that other processes run, and note where generators wait."""
        for order, future in self._crew.adopted():
            number = order.leg.trial
            trial = None if number is None else self._state.adopt(number, order.marks)
            if trial is None:
                self._crew.kill([future])
            else:
                _logger.info("The leg of trial %d goes on in another process.", trial.number)
                self._in_flight[future] = Flight(trial)
                self._begun.add(trial.number)
                self._worker_by_trial[trial.number] = self._crew.worker_of(future)
        if self._dispatch.objective.continues:
            self._dispatch.objective.places.update(self._crew.waiting())


# After these the legs of the others go on: this process leaves, and another one will lead.
HANDED_OVER = (KeyboardInterrupt, SystemExit, StorageError, StudyOwnedError)


def run_with(crew: Crew, loop: Loop) -> None:
    """Run the main loop of a call, and the loop of its crew beside it."""
    crew.begin()
    try:
        loop.run()
    except BaseException as error:
        crew.end(hands_over=isinstance(error, HANDED_OVER))
        raise
    crew.end(hands_over=isinstance(crew.error, HANDED_OVER))
    if crew.error is not None:
        raise crew.error

"""The state of a study while it runs: schedule, history and ledger, moved forward together."""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import math
import threading
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from optuna.trial import FrozenTrial, TrialState

from bohb.errors import ArgumentError, LegError, ObjectiveError
from bohb.history import (
    DROPPED,
    FAILED,
    FINISHED,
    FIXED_PARAMS,
    PAUSED,
    PRUNED,
    History,
    Origin,
    Scale,
    Value,
    as_tuple,
    first_of,
    forget_cached_trials,
    live_trial,
    n_configurations,
    scale_of,
    standing,
)
from bohb.hyperband import Evaluation, Leg, Loss, PopulationSchedule, Resource, Schedule
from bohb.model.trust import knows_lowest_only
from bohb.objective.leg_state import leg_state_of
from bohb.objective.objective import LegResult, Outcome
from bohb.objective.stop import LegWatch
from bohb.objective.trial import Trial
from bohb.pruners import SchedulePruner
from bohb.samplers import BOHBSampler
from bohb.store.ledger import TrialOverError
from bohb.store.legs import NO_LEG, LegMarks, LegRecord
from bohb.store.shown import Shown
from bohb.store.stored_study import StoredStudy, ledger_of
from bohb.study.compatibility import schedule_pruner_of
from bohb.study.costs import Costs
from bohb.study.faults import Failure
from bohb.study.forecast import TimedLeg, timed_legs
from bohb.study.interrupts import uninterrupted
from bohb.study.lineage import lineage_of

# It has the name of the package, so that users can silence the messages about each trial.
_logger = logging.getLogger("bohb.study")


@dataclass(slots=True)
class CallContext:
    """What holds during one call of `optimize`, and for `ask` and `tell` between two calls.

    Attributes
    ----------
    make_watch
        Makes the watch that tells a leg whether it is to end.
    caught
        Exceptions of the objective that fail their trial only.
    failures
        The evaluations that have failed so far.
    on_value
        Called with a trial, a resource and each finite value at a rung; None for no call.
    logs_failures
        Whether trials that fail are logged.
    costs
        Takes what evaluations cost; None where nobody asks for it.
    """

    make_watch: Callable[[], LegWatch] = LegWatch
    caught: tuple[type[Exception], ...] = ()
    failures: list[Failure] = field(default_factory=list)
    on_value: Callable[[Trial, Resource, float], None] | None = None
    logs_failures: bool = True
    costs: Costs | None = None


class StudyState:
    """Hands out legs and takes their results, with schedule, history and ledger in step.

    Everything is decided by the schedule, which is replayed from the storage when this object is
    made; from then on the storage is only written to.

    Attributes
    ----------
    context
        What holds during the present call of `optimize`.
    lock
        Held while anything here changes.
    finished
        Trials that have finished and were not shown to the callbacks yet.
    is_consistent
        Whether memory and storage agree. Once that is in doubt, this object must not be used any
        more, and a new one is made from the storage.
    shown
        What Optuna's tools show of the trials.
    timed
        The legs that have ended, with their seconds.
    is_used_up
        Whether the sampler has said that it has nothing left to propose.
    may_have_waiting
        Whether trials may wait in the queue of `enqueue_trial`.
    """

    def __init__(self, study: StoredStudy) -> None:
        self.study = study
        self.ledger = ledger_of(study)
        self.scale: Scale = scale_of(study)
        self.history = History(self.scale)
        self.context = CallContext()
        self.shown = Shown(self.ledger)
        self.finished: deque[FrozenTrial] = deque()
        self.is_consistent = True
        self.lock = threading.RLock()  # `ask` and `tell` may be called in other threads
        self._trials: dict[int, Trial] = {}
        self._ids: dict[int, int] = {}
        # What is written of the legs of trials that have not finished.
        self._records: dict[int, LegRecord] = {}
        self.timed: list[TimedLeg] = []
        # The trials that wait between two legs: how far they are, and their loss there.
        self._paused: dict[int, tuple[Resource, Loss]] = {}
        self._telling: int | None = None  # the thread in which the sampler is told of a trial
        self.is_used_up = False
        self._n_looked_at = 0  # how many of the storage's trials are known here
        self.pruner = schedule_pruner_of(study)
        self.lineage = lineage_of(study, self.pruner, self.scale)
        self.schedule = self._restore(self.pruner)
        self._unfinished = deque(self.schedule.pending)
        self.may_have_waiting = True

    @contextlib.contextmanager
    def deciding(self) -> Iterator[None]:
        """Keep out other threads and Ctrl-C; an exception makes the state inconsistent."""
        with uninterrupted(), self.lock:
            try:
                yield
            except BaseException:
                self.is_consistent = False
                raise

    @contextlib.contextmanager
    def doubting(self) -> Iterator[None]:
        """Note that memory and storage may disagree if this is left by an exception."""
        try:
            yield
        except BaseException:
            self.is_consistent = False
            raise

    def next_trial(self, *, may_start: bool) -> Trial | None:
        """Return a trial that has been given its next leg, or None if there is nothing to do now.

        Legs that were cut off come first, then promotions, then configurations that were
        enqueued, then new ones. A promotion to a rung at which the trial has a report already is
        settled with that report, and not run. A leg that was cut off is run even then, because the
        objective may return another value than it has reported.
        """
        if self._unfinished:
            return self._give(self._unfinished.popleft())
        while (trial := self._begin_next(may_start=may_start)) is not None:
            value = leg_state_of(trial).value_at_rung
            if value is None:
                return trial
            self.settle(trial, LegResult(Outcome.REACHED, value))
        return None

    def take_stop(self) -> bool:
        """Return whether it is the sampler that stops the study, as it has nothing left to propose.

        Optuna's samplers with finitely many configurations call `study.stop()` while they are told
        of a trial. The open brackets are still to be finished then.
        """
        is_the_samplers = self._telling == threading.get_ident()
        self.is_used_up = self.is_used_up or is_the_samplers
        return is_the_samplers

    def may_start(self) -> bool:
        """Return whether the sampler has anything left to propose."""
        if self.is_used_up:
            return False
        most = n_configurations(self.study.sampler)
        return most is None or self.schedule.n_started < most

    def settle(self, trial: Trial, result: LegResult) -> None:
        """Take the result of the leg of `trial`, and carry out what the schedule then decides."""
        before = self._records[trial.number]
        leg = before.leg
        if result.outcome is Outcome.INTERRUPTED:
            leg_state_of(trial).end()
            self._unfinished.append(leg)
            # The leg is sure to be run again, so its trial ranks best among those at its resource.
            self._paused[trial.number] = leg.resource, -math.inf
            return
        try:
            loss = self._write_result(trial, before, result)
        except TrialOverError:
            loss = None
            self._tell_end(trial.number)
            self._forget(trial.number)
        # All of this is written before the schedule knows of it. After a kill in between, the
        # schedule that is replayed from the storage takes the same decision.
        dropped = self.schedule.record(Evaluation(trial.number, leg.rung, loss))
        if dropped:
            self._log_cut(leg, dropped)
        self._prune(dropped)
        if self.lineage is not None:
            self._keep_for_children(self.schedule, trial.number, leg.bracket)

    def _write_result(self, trial: Trial, before: LegRecord, result: LegResult) -> Loss | None:
        """Write what a leg has come to, and return the loss of its trial; None if it has none.

        Raises
        ------
        TrialOverError
            If somebody else has ended the trial meanwhile.
        """
        leg, value = leg_state_of(trial).end(), result.value
        # The sampler may have been asked only when the objective suggested something.
        origin = self.history.origin(trial.number) or before.origin
        # Rungs below that of a child's birth have no legs, and those of an earlier version no span.
        unknown = (None,) * (leg.rung - len(before.spans))
        spans = (*before.spans, *unknown, result.span)
        record = dataclasses.replace(before, spans=spans, origin=origin)
        self._records[trial.number] = record
        if result.span is not None:
            bracket = self.schedule.by_number[leg.bracket].bracket
            self.timed.append((bracket, leg.rung, result.span.seconds))
        if result.outcome is Outcome.OVER:
            raise TrialOverError
        if result.outcome is Outcome.GAVE_UP:
            self._finish(trial, TrialState.PRUNED, PRUNED, self._last_value(trial))
            return None
        loss = None if value is None else self.scale.finite_loss(value)
        failed = result.outcome is not Outcome.REACHED or loss is None
        if self.context.costs is not None:
            self.context.costs.note(live_trial(trial), leg, self.scale, failed=failed)
        if failed or value is None or loss is None:
            self._fail(trial, leg, result)
            return None
        if self.scale.is_top(leg.resource):
            self._finish(trial, TrialState.COMPLETE, FINISHED, value)
        else:
            self.ledger.pause(trial._trial_id, record)
            self.shown.unwritten[trial._trial_id] = leg, PAUSED
            self._paused[trial.number] = leg.resource, loss
            self.history.observe(live_trial(trial))
        if self.context.on_value is not None:
            self.context.on_value(trial, leg.resource, first_of(value))
        _logger.info(
            "Trial %d has value %s at resource %s with parameters %s.",
            trial.number,
            value,
            leg.resource,
            live_trial(trial).params,
        )
        return loss

    def paused(self, most: int | None = None) -> frozenset[int]:
        """Return the trials that wait between two legs, or the `most` best of them.

        They are ranked as the incumbent is: by how far they are, then by how well they do.
        """
        with self.lock:
            if most is None or len(self._paused) <= most:
                return frozenset(self._paused)
            return frozenset(sorted(self._paused, key=self._rank)[:most])

    def _rank(self, number: int) -> tuple[Resource, float, int]:
        resource, loss = self._paused[number]
        return -resource, first_of(loss), number

    def adopt(self, number: int, marks: LegMarks) -> Trial | None:
        """Return a trial whose leg another process runs; None if that is not its leg any more."""
        with self.lock:
            record = self._records.get(number)
            leg = next((each for each in self._unfinished if each.trial == number), None)
            if leg is None or record is None or record.marks != marks:
                return None
            self._unfinished.remove(leg)
            return self._give(leg)

    def close(self) -> None:
        """Let the open bracket get no more trials: it is finished with what it holds."""
        closed, pruned = self.schedule.close()
        if closed:
            self.ledger.close(closed)
            self._prune(pruned)

    def notice_added(self) -> None:
        """Take in trials that were added from outside."""
        self.may_have_waiting = True
        trials = self.ledger.trials()
        for trial in trials[self._n_looked_at :]:
            if trial.state.is_finished():
                self.history.observe(trial)
        self._n_looked_at = len(trials)

    def under_way(self, number: int) -> Trial | None:
        """Return the trial of this number if it is under way."""
        trial = self._trials.get(number)
        return trial if trial is not None and leg_state_of(trial).is_under_way else None

    # Beginning a leg

    def _begin_next(self, *, may_start: bool) -> Trial | None:
        leg = self.schedule.next_leg(may_start=may_start)
        if leg is None:
            return None
        if leg.trial is None:
            if leg.at_top and not self.schedule.n_started_in(leg.bracket):
                _logger.info(
                    "Bracket %d starts at resource %s with %d trials: those that start there are "
                    "good enough without the screening of low rungs.",
                    leg.bracket,
                    leg.resource,
                    self.schedule.bracket(leg.bracket).n_trials,
                )
            number = self._start(leg)
            given = self._records[number].leg
            self._begin(dataclasses.replace(leg, in_models_turn=given.in_models_turn), number)
            return self._give(given)
        try:
            self._promote(leg)
        except TrialOverError:
            self._take_end(leg)
            return self._begin_next(may_start=may_start)
        self._begin(leg, self._number(leg))
        return self._give(leg)

    def _begin(self, leg: Leg, number: int) -> None:
        try:
            self.schedule.begin(leg, number)
        except ArgumentError as error:  # a storage that lost trials uses their numbers again
            raise self.ledger.failure("begin a trial", error) from error

    def _promote(self, leg: Leg) -> None:
        """Write that a trial goes on to its next rung.

        Raises
        ------
        TrialOverError
            If somebody else has ended the trial meanwhile.
        """
        number = self._number(leg)
        before = self._records.get(number)
        if before is None:  # it was over before this process began
            raise TrialOverError
        record = before.followed_by(leg, self.schedule.decision(leg))
        self.ledger.begin_leg(self._ids[number], record)
        became = f"promoted to {leg.resource:g}"
        self.shown.unwritten[self._ids[number]] = before.leg, became
        _logger.info(
            "Trial %d is promoted from resource %s to %s.",
            number,
            leg.previous_resource,
            leg.resource,
        )
        self._records[number] = record

    def _take_end(self, leg: Leg) -> None:
        """Let a trial fail that was to be promoted, and that somebody else has ended meanwhile."""
        number = self._number(leg)
        self.schedule.begin(leg, number)
        if number in self._records:
            self._tell_end(number)
            self._forget(number)
        self._prune(self.schedule.record(Evaluation(number, leg.rung, None)))

    def _tell_end(self, number: int) -> None:
        _logger.warning("Trial %d was ended by somebody else: it goes no further.", number)

    def _start(self, leg: Leg) -> int:
        """Make a trial for `leg`, or take one from the queue, and return its number."""
        if leg.parent is not None:
            return self._start_child(leg, leg.parent)
        record = LegRecord(leg, NO_LEG.next())
        waiting = self.ledger.begin_waiting_trial(record) if self.may_have_waiting else None
        self.may_have_waiting = waiting is not None
        if waiting is None:
            leg = dataclasses.replace(leg, in_models_turn=self._is_models_turn(leg))
            trial_id = self.ledger.create_trial(dataclasses.replace(record, leg=leg))
            self.shown.new.add(trial_id)
        else:
            trial_id = waiting
        trial = self._made(trial_id)
        origin = self._usual_origin(trial, is_queued=waiting is not None)
        given = dataclasses.replace(leg, trial=trial.number)
        self._records[trial.number] = LegRecord(given, record.marks, origin=origin)
        return trial.number

    def _is_models_turn(self, leg: Leg) -> bool:
        """Return whether a new trial is the model's, which has seen the lowest rung only."""
        plan, sampler = self.schedule.plan, self.study.sampler
        takes_turns = isinstance(sampler, BOHBSampler) and sampler.takes_turns
        if leg.bracket > 0 or not takes_turns or not plan.shares_places:
            return False
        if self.schedule.n_started_in(0) < plan.n_before_model:
            return False
        with self.history.observations(without=-1) as observations:
            return knows_lowest_only(observations)

    def _start_child(self, leg: Leg, parent: int) -> int:
        """Make a trial that goes on from the checkpoint of `parent`, and return its number."""
        assert self.lineage is not None  # noqa: S101 - for the type checker; populations have one
        trials = self.ledger.trials()
        values, origin = self.lineage.values(leg, trials[parent], trials)
        birth = parent, leg.rung
        record = LegRecord(leg, NO_LEG.next(), origin=origin, birth=birth)
        trial = self._made(self.ledger.create_trial(record, values))
        self.shown.new.add(trial._trial_id)
        given = dataclasses.replace(leg, trial=trial.number, parent=None)
        self._records[trial.number] = dataclasses.replace(record, leg=given)
        _logger.info(
            "Trial %d goes on from the checkpoint of trial %d at resource %s.",
            trial.number,
            parent,
            leg.previous_resource,
        )
        return trial.number

    def _made(self, trial_id: int) -> Trial:
        """Return the object of a trial that was just made in the storage."""
        forget_cached_trials(self.study)  # the sampler must see the trials that have come since
        trial = Trial(self.study, trial_id)
        self._trials[trial.number] = trial
        self._ids[trial.number] = trial_id
        return trial

    def _usual_origin(self, trial: Trial, *, is_queued: bool) -> Origin:
        """Return where the configuration of a new trial comes from, if no model proposes it."""
        given = live_trial(trial).system_attrs.get(FIXED_PARAMS) if is_queued else None
        if given is not None:  # a trial may wait without any value, too
            default = None if self.study.space is None else self.study.space.default
            return Origin("default" if given == default else "queue")
        if isinstance(self.study.sampler, BOHBSampler):
            return Origin("prior", n_evaluated=0)  # nothing is known of any parameter
        return Origin(type(self.study.sampler).__name__)

    def _give(self, leg: Leg) -> Trial:
        trial = self._known(self._number(leg))
        record = self._records[trial.number]
        if self.lineage is not None and record.birth is not None and record.birth[1] == leg.rung:
            parent = record.birth[0]
            of = LegMarks.of(self.ledger.trial(self._ids[parent]))
            self.lineage.hand_on(trial.number, record.marks, parent, leg.rung, of)
        self.history.watch(live_trial(trial))
        self._paused.pop(trial.number, None)
        state = leg_state_of(trial)
        state.begin(leg, self.scale, self.context.make_watch(), record.marks)
        state.fill()
        return trial

    def _known(self, number: int) -> Trial:
        """Return the trial of this number; after a restart its object is made anew."""
        if number not in self._trials:
            self._trials[number] = Trial(self.study, self._ids[number])
        return self._trials[number]

    @staticmethod
    def _number(leg: Leg) -> int:
        assert leg.trial is not None  # noqa: S101 - for the type checker; only new legs have none
        return leg.trial

    # Finishing a trial

    def _fail(self, trial: Trial, leg: Leg, result: LegResult) -> None:
        error = result.error
        if isinstance(error, Exception):
            failure = Failure.of(error)
        elif result.value is None:
            failure = Failure.of_text("no value: it was told to fail")
        else:
            failure = Failure.of_text(_not_finite(result.value))
        if self.context.logs_failures:
            self._log_failure(trial, leg, failure, error)
        self.context.failures.append(failure)
        self.ledger.note_error(trial._trial_id, failure.text)
        self._finish(trial, TrialState.FAIL, FAILED, None)

    def _log_cut(self, leg: Leg, dropped: list[int]) -> None:
        """Log which trials are dropped, and the best of their values."""
        losses = [self._paused[number][1] for number in dropped if number in self._paused]
        single = [loss for loss in losses if not isinstance(loss, tuple)]
        cut = f", the best of them with value {self.scale.loss(min(single))}" if single else ""
        _logger.info(
            "Resource %s: %s dropped%s.",
            leg.resource,
            ", ".join(f"trial {number}" for number in dropped),
            cut,
        )

    def _log_failure(
        self, trial: Trial, leg: Leg, failure: Failure, error: BaseException | None
    ) -> None:
        # A traceback is shown only if the objective raised the exception and `catch` caught it.
        # Other exceptions end the call and are raised with theirs. Where the study itself found
        # the error, the message says enough.
        is_the_objectives = not isinstance(error, (LegError, ObjectiveError))
        shows_traceback = isinstance(error, self.context.caught) and is_the_objectives
        _logger.warning(
            "Trial %d failed at resource %s (parameters %s): %s",
            trial.number,
            leg.resource,
            trial.params,
            failure.text,
            exc_info=error if shows_traceback else None,
        )

    def _prune(self, numbers: list[int]) -> None:
        for number in numbers:
            if number not in self._records:  # it was over before this process began
                continue
            trial = self._known(number)
            self._finish(trial, TrialState.PRUNED, DROPPED, self._last_value(trial))

    def _finish(self, trial: Trial, state: TrialState, end: str, value: Value | None) -> None:
        try:
            self._write_end(trial, state, end, value)
        except TrialOverError:
            self._tell_end(trial.number)
        self._forget(trial.number)

    def _write_end(self, trial: Trial, state: TrialState, end: str, value: Value | None) -> None:
        frozen, record = live_trial(trial), self._records[trial.number]
        # A trial that is dropped was paused before, and its state says the rest.
        if end != DROPPED or self.shown.has_time:
            self.ledger.end_leg(trial._trial_id, record, end)
        self.shown.write_last(trial._trial_id, record.leg, end)
        values = value if value is None or isinstance(value, tuple) else (value,)
        self._telling = threading.get_ident()
        try:
            self.study.sampler.after_trial(self.study, frozen, state, values)
        finally:
            # The state is written even if the sampler fails, as Optuna does it. It comes last,
            # because a finished trial takes no attributes any more, and samplers write some.
            self._telling = None
            self.ledger.set_state(trial._trial_id, state, values)

    def _forget(self, number: int) -> None:
        """Take a trial that has finished as the storage has it, and keep nothing else of it."""
        finished = self.ledger.trial(self._ids[number])
        self.history.observe(finished)
        self.finished.append(finished)
        self._paused.pop(number, None)
        self._trials.pop(number, None)
        del self._records[number]

    def _last_value(self, trial: Trial) -> Value | None:
        """Return the last value a trial reported, which Optuna keeps as that of a pruned one."""
        steps = self.scale.values(live_trial(trial))
        last = steps[max(steps)] if steps else math.nan
        is_known = not any(map(math.isnan, as_tuple(last)))
        return last if is_known else None  # Optuna's databases cannot read a NaN back

    # Resuming

    def _keep_for_children(self, schedule: Schedule, number: int, bracket: int) -> None:
        """Keep what children may go on from, and remove what none will any more."""
        if not isinstance(schedule, PopulationSchedule) or self.lineage is None:
            return
        record = self._records.get(number)
        if record is not None and schedule.may_have_children(number, record.leg.rung):
            self.lineage.keep_copy(number, record.marks, record.leg.rung)
        self.lineage.remove_copies(schedule.take_settled(bracket))

    def _restore(self, pruner: SchedulePruner) -> Schedule:
        """Bring a new schedule to where the storage stands, and carry out what was decided there.

        A process that was killed may have written the last result of a rung, but not have pruned
        all trials that this result decided on. The replayed schedule names all pruned trials once
        more, and those that are not finished yet are pruned here.
        """
        plan = pruner.plan()
        trials = self.ledger.trials()
        self._n_looked_at = len(trials)
        standings = []
        for frozen in trials:
            self._ids[frozen.number] = frozen._trial_id
            place = standing(frozen, self.scale, plan)
            if place is not None and not frozen.state.is_finished():
                self._records[frozen.number] = LegRecord.of(frozen, plan)
            if place is not None:
                standings.append(place)
                self.timed += timed_legs(frozen, plan)
            if frozen.state.is_finished() or (place is not None and not place.pending):
                self.history.observe(frozen)
            elif place is not None:
                self.history.watch(frozen)
        schedule, pruned = pruner.schedule_class.replay(plan, standings, self.ledger.closed())
        self._prune(pruned)
        for number, record in self._records.items():
            self._keep_for_children(schedule, number, record.leg.bracket)
        return schedule


def _not_finite(value: Value) -> str:
    if not isinstance(value, tuple):
        return f"the value {value} is not finite"
    worst = next(place for place, each in enumerate(value) if not math.isfinite(each))
    return f"the value {value[worst]} of objective {worst} is not finite"

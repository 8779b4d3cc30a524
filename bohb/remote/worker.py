"""The worker: one leg of one trial in another process, run from what was sent there.

The objective gets a trial of the same kind as everywhere, in a study of its own that holds nothing
but this trial. All that is written there travels back.
"""

from __future__ import annotations

import collections
import math
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NoReturn, cast

import cloudpickle
import optuna
from optuna.distributions import BaseDistribution
from optuna.pruners import NopPruner
from optuna.samplers import BaseSampler
from optuna.storages import InMemoryStorage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState, create_trial

from bohb.errors import StudyError
from bohb.history import Scale, contains, end_before, live_trial
from bohb.hyperband import Leg
from bohb.objective.leg_state import leg_state_of
from bohb.objective.objective import LegResult, Objective, Outcome
from bohb.objective.stop import LegWatch
from bohb.objective.trial import Trial
from bohb.remote.mailbox import MailboxEnd
from bohb.remote.result import PortableError, RemoteResult
from bohb.samplers import BOHBSampler
from bohb.spaces import SearchSpace
from bohb.store.legs import LegMarks
from bohb.store.opening import unannounced
from bohb.store.stored_study import StoredStudy
from bohb.store.values import check_attribute

_MOST_OBJECTIVES = 4  # a worker may serve several studies in turn, and objectives hold their data


@dataclass(frozen=True)
class Assignment:
    """What travels to a worker: one leg, and what is needed of its trial to run it there.

    Attributes
    ----------
    study_name
        The name of the study.
    objective
        The token of the objective, which a worker keeps from leg to leg.
    sequence
        Counts the legs of this objective.
    keep
        The trials whose generators go on waiting, of those that waited before this leg.
    marks
        What tells this leg and the one before it from all others.
    frozen
        The trial as the study knows it.
    proposed
        What the sampler proposes for parameters that other trials have had.
    seed
        The seed of the random streams from which all other parameters are drawn.
    mailbox
        The directory by which the study and the leg can hear of each other.
    seconds_left
        The seconds until the study ends; None if that is not known.
    leg_timeout
        The seconds that the leg may take; None for no limit.
    keeps_generator
        Whether a later leg may come to the same worker.
    """

    study_name: str
    objective: str
    sequence: int
    keep: frozenset[int]
    leg: Leg
    scale: Scale
    marks: LegMarks
    frozen: FrozenTrial
    proposed: Mapping[str, Any]
    seed: int
    checkpoint_root: Path
    mailbox: Path
    seconds_left: float | None
    leg_timeout: float | None
    keeps_generator: bool

    @property
    def number(self) -> int:
        """The trial's number."""
        return self.frozen.number

    @property
    def resource(self) -> float:
        """How far the trial is to be trained."""
        return self.leg.resource

    @property
    def previous_resource(self) -> float:
        """How far it was trained before."""
        return self.leg.previous_resource

    @property
    def name(self) -> str:
        """The name of the leg, and of its file in the mailbox."""
        return f"trial-{self.number:05d}-{self.sequence}"

    def __call__(self, shared: Callable[[], bytes]) -> RemoteResult:
        """Run the leg."""
        try:
            kept = _kept_objective(self.objective, shared)
        except Exception as error:  # whatever loading somebody's objects and modules raises
            return RemoteResult(Outcome.NOT_BEGUN, error=PortableError.of(error))
        return kept.run(self)


@dataclass(frozen=True)
class EndOfCall:
    """Tells a worker that a call of `optimize` is over."""

    objective: str
    keep: frozenset[int]
    sequence: int

    def __call__(self) -> None:
        """Let go of the objective, unless some of its trials wait on."""
        with _registering:
            found = _objectives.get(self.objective)
            if found is not None:
                found.keep_only(self.keep, before=self.sequence)
                if not self.keep:
                    del _objectives[self.objective]


class _KeptObjective:
    """An objective in a worker, with the trials that wait there."""

    def __init__(self, function: Callable[[Any], Any], space: SearchSpace | None) -> None:
        self._objective = Objective(function)
        self._space = space
        # By the trial's number: the sequence of its last leg, and the trial itself.
        self._waiting: dict[int, tuple[int, Trial]] = {}
        self._lock = threading.Lock()

    def run(self, assignment: Assignment) -> RemoteResult:
        """Run one leg, on the trial that waits here or on a new one made from what was sent."""
        end = MailboxEnd(assignment.mailbox, assignment.name, assignment.seconds_left)
        # The trial of this leg is taken out first: `keep` names only other trials.
        with self._lock:
            _, trial = self._waiting.pop(assignment.number, (0, None))
        self.keep_only(assignment.keep, before=assignment.sequence)
        if trial is None:
            trial = _WorkerStudy(assignment, self._space).trial
        study = cast(_WorkerStudy, trial.study)
        study.begin_leg(assignment, trial, end)
        result = self._objective.run_leg(trial)
        if isinstance(result.error, KeyboardInterrupt):
            # The user wants the study to end, so it is not enough that this leg is run again.
            result = LegResult(Outcome.INTERRUPTED)
            study.wants_stop = "interrupt"
        elif result.error is not None and not isinstance(result.error, Exception):
            raise result.error  # sys.exit() is meant for this process
        leg_state_of(trial).is_under_way = False
        is_paused = self._objective.has_paused(assignment.number)
        is_complete = assignment.scale.is_top(assignment.resource)
        if is_paused and (is_complete or not assignment.keeps_generator):
            self._objective.forget(assignment.number)
            is_paused = False
        if is_paused:
            with self._lock:
                self._waiting[assignment.number] = assignment.sequence, trial
        return RemoteResult(
            result.outcome,
            result.value,
            None if result.error is None else PortableError.of(result.error),
            tuple(end.writes),
            is_paused=is_paused,
            wants_stop=study.wants_stop,
            span=result.span,
        )

    def keep_only(self, keep: frozenset[int], *, before: float) -> None:
        """Close the generators of trials that are not in `keep` and had their last leg `before`.

        Messages may overtake each other on their way to a worker: `keep` does not know of legs
        that were sent after it, and the generators of their trials must stay.
        """
        with self._lock:
            gone = [
                number
                for number, (sequence, _) in self._waiting.items()
                if sequence < before and number not in keep
            ]
            for number in gone:
                del self._waiting[number]
        for number in gone:
            self._objective.forget(number)


_objectives: collections.OrderedDict[str, _KeptObjective] = collections.OrderedDict()
_registering = threading.Lock()


def _kept_objective(token: str, shared: Callable[[], bytes]) -> _KeptObjective:
    """Return the objective of this token, loaded if it is new here; the oldest ones are let go."""
    with _registering:
        if token not in _objectives:
            _objectives[token] = _KeptObjective(*cloudpickle.loads(shared()))
        _objectives.move_to_end(token)
        n_gone = len(_objectives) - _MOST_OBJECTIVES
        gone = [_objectives.popitem(last=False)[1] for _ in range(n_gone)]
        found = _objectives[token]
    for kept in gone:
        kept.keep_only(frozenset(), before=math.inf)
    return found


class _RecordingStorage(InMemoryStorage):
    """A storage in memory that also passes each write about its trial to the leg's mailbox."""

    def __init__(self) -> None:
        super().__init__()
        self.end: MailboxEnd | None = None  # None while the trial is being made

    def _note(self, *write: Any) -> None:
        if self.end is not None:
            self.end.write(write)

    def set_trial_param(
        self,
        trial_id: int,
        param_name: str,
        param_value_internal: float,
        distribution: BaseDistribution,
    ) -> None:
        super().set_trial_param(trial_id, param_name, param_value_internal, distribution)
        self._note("param", param_name, param_value_internal, distribution)

    def set_trial_intermediate_value(
        self, trial_id: int, step: int, intermediate_value: float
    ) -> None:
        super().set_trial_intermediate_value(trial_id, step, intermediate_value)
        self._note("value", step, intermediate_value)

    def set_trial_user_attr(self, trial_id: int, key: str, value: Any) -> None:
        check_attribute(key, value)  # here the error names the objective's own line
        super().set_trial_user_attr(trial_id, key, value)
        self._note("user_attr", key, value)

    def set_trial_system_attr(self, trial_id: int, key: str, value: Any) -> None:
        super().set_trial_system_attr(trial_id, key, value)
        self._note("system_attr", key, value)


_NAME = unannounced("a trial")


class _WorkerStudy(StoredStudy):
    """The study of a trial in a worker. It knows no other trials."""

    def __init__(self, assignment: Assignment, space: SearchSpace | None) -> None:
        self.storage = _RecordingStorage()
        directions = [
            StudyDirection.MAXIMIZE if maximize else StudyDirection.MINIMIZE
            for maximize in (assignment.scale.maximize, *assignment.scale.further)
        ]
        study_id = self.storage.create_new_study(directions, _NAME)
        super().__init__(_NAME, self.storage, Proposed(), NopPruner(), space)
        # Optuna does not log the creation of a study that is unannounced. From now on it has the
        # name that the objective and the error messages should show.
        self.study_name = self._ledger.study_name = assignment.study_name
        self._checkpoint_root = assignment.checkpoint_root
        frozen = assignment.frozen
        template = create_trial(
            state=TrialState.RUNNING,
            params=frozen.params,
            distributions=frozen.distributions,
            intermediate_values=frozen.intermediate_values,
            user_attrs=frozen.user_attrs,
            system_attrs=frozen.system_attrs,
        )
        template.datetime_start = frozen.datetime_start
        self.trial = Trial(self, self.storage.create_new_trial(study_id, template))
        # This storage counts from 0, but the trial must have the number it has in the study.
        live_trial(self.trial).number = frozen.number
        self.wants_stop: Literal["soon", "now", "interrupt"] | None = None

    def begin_leg(self, assignment: Assignment, trial: Trial, end: MailboxEnd) -> None:
        """Let the trial begin its leg."""
        self.sampler = Proposed(assignment.proposed, assignment.seed)
        self.storage.end = end
        watch = LegWatch(end.is_stopping, assignment.leg_timeout)
        leg_state_of(trial).begin(assignment.leg, assignment.scale, watch, assignment.marks)

    @property
    def checkpoint_root(self) -> Path:
        """The directory that holds the checkpoint directories of the study's trials."""
        return self._checkpoint_root

    def stop(self, *, now: bool = False) -> None:
        """Let the study that has sent the trial come to an end."""
        self.wants_stop = "now" if now else "soon"

    def optimize(self, *_: Any, **__: Any) -> None:
        """Raise StudyError."""
        raise _out_of_reach("optimised")

    def ask(self, *_: Any, **__: Any) -> NoReturn:
        """Raise StudyError."""
        raise _out_of_reach("asked")

    def tell(self, *_: Any, **__: Any) -> NoReturn:
        """Raise StudyError."""
        raise _out_of_reach("told")

    def add_trial(self, trial: FrozenTrial) -> None:
        """Raise StudyError; so do `add_trials` and `enqueue_trial`."""
        raise _out_of_reach("given a trial")

    def set_user_attr(self, key: str, value: Any) -> None:
        """Raise StudyError."""
        raise _out_of_reach("written to")

    def set_metric_names(self, metric_names: list[str]) -> None:
        """Raise StudyError."""
        raise _out_of_reach("written to")


def _out_of_reach(done: str) -> StudyError:
    return StudyError(
        f"trial.study cannot be {done} in a worker, where it holds only its own trial: set the "
        "attributes of the trial, which come back with it"
    )


class Proposed(BaseSampler):
    """Gives the values that were proposed, and draws all others from the trial's random stream."""

    def __init__(self, proposed: Mapping[str, Any] | None = None, seed: int = 0) -> None:
        self._proposed = proposed or {}
        self._prior = BOHBSampler(seed, random_fraction=1.0)

    def infer_relative_search_space(
        self, study: optuna.Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        return {}

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        return {}

    def sample_independent(
        self,
        study: optuna.Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        if param_name in self._proposed:
            value = self._proposed[param_name]
            if contains(param_distribution, value):
                return value
            if isinstance(value, (int, float)):
                end = end_before(param_distribution, value)
                if end is not None:
                    return end
        return self._prior.sample_independent(study, trial, param_name, param_distribution)

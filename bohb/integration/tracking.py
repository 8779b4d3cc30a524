"""The part that all trackers share: each trial that finishes becomes a run of a tracking tool."""

from __future__ import annotations

import abc
import math
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any

import optuna
from optuna.trial import FrozenTrial, TrialState

from bohb.history import Scale, final_value, first_of, scale_of
from bohb.hyperband import Resource
from bohb.study import failure_of

if TYPE_CHECKING:
    from typing_extensions import Self


@dataclass(frozen=True, slots=True)
class TrackedTrial:
    """What a tracking tool is told of one trial.

    Attributes
    ----------
    number
        The trial's number.
    params
        Its configuration.
    curve
        The resource and the value of each of its reports, in order; the last one is what it
        returned at the highest resource.
    state
        Its state in Optuna: complete, pruned or fail.
    notes
        What else is known of it: where it stood in its bracket, its error, its user attributes.
    frozen
        The trial itself.
    """

    number: int
    params: dict[str, Any]
    curve: tuple[tuple[Resource, float], ...]
    state: str
    notes: dict[str, str]
    frozen: FrozenTrial

    @property
    def name(self) -> str:
        """The name of its run."""
        return f"trial-{self.number:05d}"

    @property
    def has_failed(self) -> bool:
        """Whether it has failed."""
        return self.frozen.state == TrialState.FAIL

    @classmethod
    def of(cls, trial: FrozenTrial, scale: Scale) -> TrackedTrial:
        """Return what is told of a trial whose study has this scale."""
        steps = trial.intermediate_values
        curve = [(scale.used(step, steps), steps[step]) for step in sorted(steps)]
        final = final_value(trial)
        if trial.state == TrialState.COMPLETE and final is not None:
            top = scale.levels[-1] if scale.levels else (curve[-1][0] if curve else 1)
            curve = [each for each in curve if each[0] < top] + [(top, first_of(final))]
        notes = {key: str(value) for key, value in trial.user_attrs.items()}
        error = failure_of(trial)
        if error is not None:
            notes["error"] = error
        state = trial.state.name.lower()
        return cls(trial.number, dict(trial.params), tuple(curve), state, notes, trial)


class Tracker(abc.ABC):
    """A callback of `optimize` that makes one run of the study, and one of each finished trial.

    Trials that have finished before, as in a call that was killed, are caught up with at the first
    one that comes. A tracker takes one study.
    """

    def __init__(self) -> None:
        self._tracked: set[int] | None = None  # None until the first trial has come
        self._used = 0.0  # the resource that the tracked trials stand for
        self._best: tuple[float, float] | None = None  # minus a resource, and the loss there
        self._scale = Scale(())

    def __call__(self, study: optuna.Study, trial: FrozenTrial) -> None:
        """Write a trial that has finished; `optimize` calls it after each."""
        if self._tracked is not None:
            self._take(trial)
            return
        self._scale = scale_of(study)
        known = self._begin(study)
        self._tracked = set(known)
        done = [each for each in study.get_trials(deepcopy=False) if each.state.is_finished()]
        for each in sorted(done, key=lambda each: (str(each.datetime_complete), each.number)):
            self._take(each)

    def __enter__(self) -> Self:
        """Return the tracker; leaving the block closes it."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        frames: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the run of the study; a trial that comes later opens it again."""
        if self._tracked is not None:
            self._tracked = None
            self._used, self._best = 0.0, None
            self._end()

    def _take(self, trial: FrozenTrial) -> None:
        """Write a trial if that was not done before, and the best value so far if it is new."""
        tracked = TrackedTrial.of(trial, self._scale)
        is_new = self._tracked is not None and trial.number not in self._tracked
        if is_new and self._tracked is not None:
            self._write(tracked)
            self._tracked.add(trial.number)
        finite = [(r, value) for r, value in tracked.curve if math.isfinite(value)]
        if not finite:
            return
        resource, value = finite[-1]
        self._used += resource
        rank = -resource, self._scale.loss(value)
        if not tracked.has_failed and (self._best is None or rank < self._best):
            self._best = rank
            if is_new:
                self._write_best(value, resource, self._used)

    @abc.abstractmethod
    def _begin(self, study: optuna.Study) -> set[int]:
        """Open the run of the study, and return the trials that have one of their own already."""

    @abc.abstractmethod
    def _write(self, trial: TrackedTrial) -> None:
        """Write the run of a trial."""

    @abc.abstractmethod
    def _write_best(self, value: float, resource: Resource, used: float) -> None:
        """Write the best value so far, its resource, and what all trials have used by then."""

    @abc.abstractmethod
    def _end(self) -> None:
        """Close the run of the study."""

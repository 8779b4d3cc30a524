"""The state of a trial in its legs: what it was given, and what it has reported."""

from __future__ import annotations

import contextlib
import inspect
import math
import time
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import optuna

from bohb import arguments
from bohb.errors import ArgumentError, ObjectiveError, ReportError, TrialStateError
from bohb.history import (
    COST_ATTRIBUTE,
    VALUES_ATTRIBUTE,
    Scale,
    Value,
    birth_of,
    first_of,
    live_trial,
)
from bohb.hyperband import Leg, Resource
from bohb.objective.stop import LegWatch
from bohb.store.checkpoints import trial_directory
from bohb.store.legs import LegMarks
from bohb.store.stored_study import StoredStudy, ledger_of


class LegState:
    """Where one trial stands in its legs.

    Attributes
    ----------
    leg
        The leg that was given last; None before the first, and in a study without brackets.
    scale
        How resources and losses are written into the trial.
    watch
        Says when the leg is to end before its resource is used up.
    marks
        What tells this leg and the one before it from all others.
    began
        When the leg was given, in seconds since 1970.
    is_under_way
        Whether a leg was given and is not over.
    asked_should_prune
        Whether the objective has asked in this leg if it should stop.
    asked_resource
        Whether the objective has asked in this leg how far it is to train.
    was_interrupted
        Whether the leg was told to end before its resource was used up.
    """

    def __init__(self, trial: optuna.Trial, study: StoredStudy) -> None:
        self._trial = trial
        self._study = study
        self._ledger = ledger_of(study)
        self.leg: Leg | None = None
        self.scale = Scale(())
        self.watch = LegWatch()
        self.marks = LegMarks.of(live_trial(trial))
        self.began = 0.0
        self._directory: Path | None = None
        self.is_under_way = False
        self.asked_should_prune = False
        self.asked_resource = False
        self.was_interrupted = False
        self._returned_otherwise = False
        self._last_step: int | None = None
        self._judged_step = -1  # decisions rest on the reports up to this step
        self._is_filled = False

    def __getstate__(self) -> dict[str, Any]:
        # A copy in another process does not hear of what happens to the study.
        return {**self.__dict__, "watch": LegWatch(timeout=self.watch.timeout)}

    def begin(self, leg: Leg, scale: Scale, watch: LegWatch, marks: LegMarks) -> None:
        """Let the trial begin `leg`."""
        self.leg, self.scale, self.watch, self.marks = leg, scale, watch, marks
        self.began = time.time()
        self._directory = None
        self._last_step = None
        judged = scale.judged_step(leg.previous_resource, self._steps) if leg.rung else None
        self._judged_step = -1 if judged is None else judged
        self.is_under_way = True
        self.asked_should_prune = False
        self.asked_resource = False
        self.was_interrupted = False
        self._returned_otherwise = False

    def end(self) -> Leg:
        """Let the trial's leg end, and return it: nothing can be reported until the next one."""
        self.is_under_way = False
        return self.needed_leg("leg")

    def fill(self) -> None:
        """Let the trial have a value for each active parameter of the study's space."""
        space = self._study.space
        if space is None:
            return
        # While values are being suggested here, `refuse_inactive` must let new names through.
        self._is_filled = False
        params = dict(live_trial(self._trial).params)
        for name, distribution in space.distributions.items():
            if name not in params and space.is_active(name, params):
                params[name] = self._trial._suggest(name, distribution)
        self._is_filled = True

    def refuse_inactive(self, name: str) -> None:
        """Raise ArgumentError if the trial has all its parameters, and `name` is none of them."""
        params = live_trial(self._trial).params
        if self._is_filled and name not in params:
            raise ArgumentError(
                f"{name!r} is not active together with {params}: suggest it only where the space "
                "says so, or take it from trial.config"
            )

    def needed_leg(self, name: str) -> Leg:
        """Return the leg that was given last.

        Raises
        ------
        TrialStateError
            If the study has no brackets; `name` is what was asked for.
        """
        if self.leg is None:
            raise no_resources(name, self._study)
        return self.leg

    def asked_leg(self, name: str) -> Leg:
        """Return the leg that was given last, and note that the objective has asked for it."""
        self.asked_resource = True
        return self.needed_leg(name)

    @property
    def checkpoint_dir(self) -> Path:
        """The directory for the checkpoints of the trial, which is looked up once for each leg."""
        if self._directory is None:
            root = self._study.checkpoint_root
            self._directory = trial_directory(root, self._trial.number, self.marks)
        self._directory.mkdir(parents=True, exist_ok=True)  # an objective may have removed it
        return self._directory

    # Reports

    def report(self, value: Any, step: float, cost: float | None) -> None:
        """Take a report of the objective, as `Trial.report` says."""
        if cost is not None:
            cost = arguments.positive("cost", cost)
        self._take(value, step, cost, warns=True)

    def report_used(self, value: Value, resource: Resource) -> None:
        """Take a value after `resource`, as a report at its step.

        A generator that yields a value may have reported it as well.
        """
        self._take(value, self.scale.step(resource, self._steps), None, warns=False)

    def _take(self, value: Any, step: float, cost: float | None, *, warns: bool) -> None:
        leg, number = self.needed_leg("report"), self._trial.number
        if not self.is_under_way:
            raise TrialStateError(
                f"trial {number} is not running, so nothing can be reported to it: its leg to "
                f"resource {leg.resource} is over"
            )
        reported = self.as_value(value, "reported")
        position = self.scale.step_of_report(step)
        if self._last_step is not None and position < self._last_step:
            raise ReportError(
                f"step must not go backwards, got {step!r} after {self._last_step} in "
                f"trial {number}"
            )
        if position == self._last_step and warns:
            warnings.warn(
                f"step {step!r} was reported before in this leg of trial {number}: the first value "
                "counts",
                stacklevel=4,  # where the objective called `trial.report`
            )
        if self._is_below_birth(position):
            raise ReportError(
                f"step must be above {leg.previous_resource}, the resource from which trial "
                f"{number} goes on, got {step!r}: in a population the first unit is step 1"
            )
        self._last_step = position
        # An objective that trains from the start again passes steps of its earlier legs once more.
        # The rungs below were decided by the first reports at these steps, and a study that is
        # replayed from the storage must find the same ones.
        steps = self._steps
        if position not in steps and position > self._judged_step:
            if cost is not None:
                self._write_attribute(f"{COST_ATTRIBUTE}{position}", cost)
            self._write(position, reported, steps)

    def as_value(self, value: Any, verb: str) -> Value:
        """Return what an objective gave: one number, or one for each objective of the study."""
        return as_value(value, verb, 1 + len(self.scale.further))

    def _write(self, step: int, value: Value, steps: dict[int, float]) -> None:
        # The storage comes first: what it refuses must not be in memory either. And all objectives
        # come before the first alone, which says that there is a report at this step.
        if isinstance(value, tuple):
            self._write_attribute(f"{VALUES_ATTRIBUTE}{step}", list(value))
        first = value[0] if isinstance(value, tuple) else value
        self._ledger.set_value(self._trial._trial_id, step, first)
        steps[step] = first

    def _write_attribute(self, key: str, value: Any) -> None:
        self._ledger.set_system_attr(self._trial._trial_id, key, value)
        frozen = live_trial(self._trial)
        frozen.system_attrs = {**frozen.system_attrs, key: value}

    def _is_below_birth(self, step: int) -> bool:
        """Return whether a child in a population reports what its parent was trained for."""
        leg = self.needed_leg("leg")
        if not leg.rung or self._steps or birth_of(live_trial(self._trial)) is None:
            return False
        return self.scale.used(step, self._steps) <= leg.previous_resource

    def is_to_pause(self) -> bool:
        """Return whether the objective should stop here, as `Trial.should_prune` says."""
        self.asked_should_prune = True
        used, given = self.used, self.needed_leg("resource").resource
        is_beyond = used is not None and used > given
        if is_beyond or (used == given and not self.scale.is_top(used)):
            return True
        return self.is_to_stop()

    def is_to_stop(self) -> bool:
        """Return whether the leg is to end now, because the study ends or the leg is late."""
        if self.watch.is_stopping() or self.watch.is_late():
            self.was_interrupted = True
        return self.was_interrupted

    @property
    def used(self) -> Resource | None:
        """The resource used in this leg, by its last report; None if there was none."""
        if self._last_step is None:
            return None
        return self.scale.used(self._last_step, self._steps)

    @property
    def last_report(self) -> tuple[Resource, Value] | None:
        """The resource used by the last report of this leg, and its value; None before one."""
        used = self.used
        return None if used is None else (used, self._values[self._last_step or 0])

    @property
    def reported_steps(self) -> frozenset[int]:
        """All steps that were ever reported for this trial."""
        return frozenset(self._steps)

    @property
    def steps_of_rungs(self) -> list[Resource]:
        """The steps of this trial at which a rung may be decided."""
        if not self.scale.whole:
            return list(self.scale.levels)
        return [self.scale.step(level, self._steps) for level in self.scale.levels]

    @property
    def went_as_planned(self) -> bool:
        """Whether the last report of the objective was at its resource, and is what it returned.

        An objective that has reported nothing must have asked for its resource.
        """
        used = self.used
        if used is None:
            return self.asked_resource
        return used == self.needed_leg("leg").resource and not self._returned_otherwise

    # The value of the leg

    @property
    def value_at_rung(self) -> Value | None:
        """The value that the trial is judged by at its present resource, or None."""
        return self.scale.value_at(self.needed_leg("value").resource, self._values)

    def take_returned(self, value: Value) -> Value:
        """Take what the objective returned, and return the value at the present resource.

        What was reported stays as it is. A trial is judged by its report at the resource, if there
        is one and the objective has trained beyond it, or is below the highest resource: rungs are
        decided by reports. At the highest resource the value of a trial is what was returned, or
        the best so far where that is what counts.
        """
        resource, own = self.needed_leg("value").resource, self._steps
        steps = own if not self.scale.further else self.scale.values(live_trial(self._trial))
        step = self.scale.step(resource, own)
        judged = self.scale.value_at(resource, steps)
        used = self.used
        if used is not None and used > resource:
            return value if judged is None else judged
        self._returned_otherwise = used == resource and value not in (steps.get(step), judged)
        if step not in steps:
            self._write(step, value, own)
        elif steps[step] != value and not self.scale.is_top(resource):
            return self.scale.judged(steps)[step]
        if self.scale.is_best:
            return self.scale.better(first_of(value), self.scale.judged(own)[step])
        return value

    @property
    def _steps(self) -> dict[int, float]:
        return live_trial(self._trial).intermediate_values

    @property
    def _values(self) -> Mapping[int, Value]:
        if not self.scale.further:
            return self._steps
        return self.scale.values(live_trial(self._trial))


def no_resources(name: str, study: StoredStudy) -> TrialStateError:
    """Return the error of a trial that was asked for `name`, in a study without resources."""
    return TrialStateError(
        f"trial.{name} needs a study whose pruner is a bohb.HyperbandPruner or a "
        f"bohb.SuccessiveHalvingPruner, got {type(study.pruner).__name__}"
    )


class HasLegs(Protocol):
    """A trial that is trained in legs."""

    _leg_state: LegState


def leg_state_of(trial: HasLegs) -> LegState:
    """Return the state of a trial in its legs, which is not part of the interface for users."""
    return trial._leg_state


def as_value(value: Any, verb: str, n_objectives: int = 1) -> Value:
    """Return `value` as a number, or as one for each of several objectives.

    In an error `verb` says where it came from.
    """
    if n_objectives == 1:
        return as_number(value, verb)
    is_several = isinstance(value, (tuple, list)) or getattr(value, "ndim", 0) == 1
    if not is_several or len(value) != n_objectives:
        shown = f"{value!r} of type {type(value).__name__}"
        raise ObjectiveError(
            f"the value that is {verb} must have one number for each of the {n_objectives} "
            f"directions of the study, got {shown}"
        )
    return tuple(as_number(each, verb, f"value {place}") for place, each in enumerate(value))


def as_number(value: Any, verb: str, name: str = "the value") -> float:
    """Return `value` as a float; `verb` says in an error where it came from."""
    if inspect.iscoroutine(value) or inspect.isasyncgen(value):
        if inspect.iscoroutine(value):
            value.close()
        raise ObjectiveError(
            "the objective must be a plain function or a generator, got a coroutine function "
            "(async def)"
        )
    if isinstance(value, str):  # Optuna takes a number that was read as text
        with contextlib.suppress(ValueError):
            return float(value)
    is_number = hasattr(value, "__float__") and getattr(value, "ndim", 0) == 0
    if not is_number or isinstance(value, (str, bytes)):
        shown = "None" if value is None else f"{value!r} of type {type(value).__name__}"
        hint = " (is a return statement missing?)" if value is None and verb == "returned" else ""
        if hasattr(value, "item") and math.prod(getattr(value, "shape", ())) == 1:
            hint = ": use .item()"
        raise ObjectiveError(f"{name} that is {verb} must be one number, got {shown}{hint}")
    # float() of a tensor with a gradient makes PyTorch warn, at a line that is not the user's.
    try:
        return float(value.detach() if hasattr(value, "detach") else value)
    except OverflowError as error:
        raise ObjectiveError(f"{name} that is {verb} must fit into a float: {error}") from error

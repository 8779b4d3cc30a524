"""How far a trial has come: its legs, and what it has reported."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from bohb.errors import ArgumentError, ObjectiveError, ReportError, TrialStateError
from bohb.history import Scale, live_trial
from bohb.hyperband import Leg, Resource
from bohb.study.exchange import Write
from bohb.study.ledger import ledger_of
from bohb.study.stop import LegWatch

if TYPE_CHECKING:
    from bohb.study.trial import Trial


class Course:
    """The legs of one trial: what it was given, and how it does.

    Attributes
    ----------
    leg
        The leg that was given last; None before the first, and without brackets.
    scale
        How resources and losses are written.
    watch
        What says when the leg is to end before its time.
    is_under_way
        Whether a leg was given and is not over.
    has_asked
        Whether the objective has asked in this leg if it should stop.
    was_interrupted
        Whether it was told to before its resource was used up.
    has_looked
        Whether the objective has asked in this leg how far it is to train.
    """

    def __init__(self, trial: Trial) -> None:
        self._trial = trial
        self.leg: Leg | None = None
        self.scale = Scale(())
        self.watch = LegWatch()
        self.is_under_way = False
        self.has_asked = False
        self.was_interrupted = False
        self.has_looked = False
        self._last_step: int | None = None
        self._judged_step = -1  # decisions rest on what was reported up to here
        self._is_filled = False

    def give(self, leg: Leg, scale: Scale, watch: LegWatch) -> None:
        """Let the trial begin `leg`."""
        self.leg, self.scale, self.watch = leg, scale, watch
        self._last_step = None
        judged = scale.judged_step(leg.previous_resource, self._steps) if leg.rung else None
        self._judged_step = -1 if judged is None else judged
        self.is_under_way = True
        self.has_asked = False
        self.was_interrupted = False
        self.has_looked = False

    def take_back(self) -> None:
        """Let the trial's leg end: nothing can be reported until the next one."""
        self.is_under_way = False

    def fill(self) -> None:
        """Let the trial have a value for each active parameter of the study's space."""
        space = self._trial.study.space
        if space is None:
            return
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
            raise TrialStateError(
                f"trial.{name} needs a study whose pruner is a bohb.HyperbandPruner or a "
                f"bohb.SuccessiveHalvingPruner, got {type(self._trial.study.pruner).__name__}"
            )
        return self.leg

    def asked_leg(self, name: str) -> Leg:
        """Return the leg that was given last to an objective that asks how far it is to train."""
        self.has_looked = True
        return self.needed_leg(name)

    # What it has reported

    def report(self, value: float, step: float) -> None:
        """Take a report of the objective, as `Trial.report` says."""
        leg, number = self.needed_leg("report"), self._trial.number
        if not self.is_under_way:
            raise TrialStateError(
                f"trial {number} is not running, so nothing can be reported to it: its leg to "
                f"resource {leg.resource} is over"
            )
        reported = as_value(value, "reported")
        position = self.scale.step_of_report(step)
        if self._last_step is not None and position < self._last_step:
            raise ReportError(
                f"step must not go backwards, got {step!r} after {self._last_step} in "
                f"trial {number}"
            )
        self._last_step = position
        # A trial that is trained again from the start passes steps that it has reported before, or
        # has passed over. What it was judged by must stay the first report at its rung.
        if position not in self._steps and position > self._judged_step:
            self._write(position, reported)

    def report_used(self, value: float, resource: Resource) -> None:
        """Take a value after `resource`, as a report at its step: of all that came before."""
        self.report(value, self.scale.step(resource, self._steps))

    def is_to_pause(self) -> bool:
        """Return whether the objective should stop here, as `Trial.should_prune` says."""
        self.has_asked = True
        used, given = self.used, self.needed_leg("resource").resource
        is_over = used is not None and used > given
        if is_over or (used == given and not self.scale.is_top(used)):
            return True
        return self.is_to_stop()

    def is_to_stop(self) -> bool:
        """Return whether the leg is to end where it stands: the study does, or it took too long."""
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
    def last_report(self) -> tuple[Resource, float] | None:
        """The resource used by the last report of this leg, and its value; None before one."""
        used = self.used
        return None if used is None else (used, self._steps[self._last_step or 0])

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
    def value_at_rung(self) -> float | None:
        """The value that the trial is judged by at its present resource, or None."""
        return self.scale.value_at(self.needed_leg("value").resource, self._steps)

    @property
    def loss_at_rung(self) -> float | None:
        """The loss at the present resource; None if there is none or it is not finite."""
        return self.scale.loss_at(self.needed_leg("loss").resource, self._steps)

    def set_returned(self, value: float) -> None:
        """Take what the objective returned as the value at the present resource.

        A loop that has run beyond its resource is judged by its report there instead.
        """
        resource = self.needed_leg("value").resource
        if self.used is not None and self.used > resource:
            return
        step = self.scale.step(resource, self._steps)
        if self._steps.get(step) != value:
            self._write(step, value)

    def absorb(self, writes: Iterable[Write]) -> None:
        """Write into the study what a leg in a worker has written there."""
        trial_id, frozen = self._trial._trial_id, live_trial(self._trial)
        ledger = ledger_of(self._trial.study)
        for kind, key, value, *more in writes:
            if kind == "param":
                if key not in frozen.params:
                    ledger.set_param(trial_id, key, value, more[0])
                    frozen.distributions[key] = more[0]
                    frozen.params[key] = more[0].to_external_repr(value)
            elif kind == "value":
                if frozen.intermediate_values.get(key) != value:
                    self._write(key, value)
            elif kind == "user_attr":
                ledger.set_user_attr(trial_id, key, value)
                frozen.user_attrs[key] = value
            else:
                ledger.set_system_attr(trial_id, key, value)

    @property
    def _steps(self) -> dict[int, float]:
        return live_trial(self._trial).intermediate_values

    def _write(self, step: int, value: float) -> None:
        ledger_of(self._trial.study).set_value(self._trial._trial_id, step, value)
        self._steps[step] = value


def course_of(trial: Trial) -> Course:
    """Return how far a trial has come; users see the trial only."""
    return trial._course


def as_value(value: Any, verb: str) -> float:
    """Return `value` as a float; `verb` says in an error where it came from."""
    is_number = hasattr(value, "__float__") and getattr(value, "ndim", 0) == 0
    if not is_number or isinstance(value, (str, bytes)):
        shown = "None" if value is None else f"{value!r} of type {type(value).__name__}"
        hint = " (is a return statement missing?)" if value is None and verb == "returned" else ""
        if hasattr(value, "item") and math.prod(getattr(value, "shape", ())) == 1:
            hint = ": use .item()"
        raise ObjectiveError(f"the value that is {verb} must be one number, got {shown}{hint}")
    # Of a tensor with a gradient PyTorch would warn, in a place that is not the user's.
    return float(value.detach() if hasattr(value, "detach") else value)

"""The trial that an objective gets."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import optuna
from optuna.distributions import BaseDistribution

from bohb.errors import ObjectiveError, ReportError, TrialStateError
from bohb.history import Scale, live_trial
from bohb.hyperband import Leg, Resource
from bohb.study.exchange import Write
from bohb.study.stop import LegWatch

if TYPE_CHECKING:
    from bohb.study.study import Study


class Trial(optuna.Trial):
    """One configuration with all that happens to it, under one number.

    It does what an `optuna.Trial` does. In a study with a pruner of `bohb` it is trained in legs:
    `resource` says how far, and `should_prune` becomes True once that is used up. The same trial,
    with the same values, comes back when it is promoted.
    """

    study: Study

    def __init__(self, study: Study, trial_id: int) -> None:
        super().__init__(study, trial_id)
        self._leg: Leg | None = None
        self._scale = Scale(())
        self._watch = LegWatch()
        self._last_step: int | None = None
        self._under_way = False
        self.was_interrupted = False
        self.has_asked = False

    @property
    def resource(self) -> Any:  # an int or a float, as the bounds of the pruner are
        """How far the trial is to be trained now, in all: epochs, rows, seconds.

        Raises
        ------
        TrialStateError
            If the study's pruner has no resources.
        """
        return self._needed_leg("resource").resource

    @property
    def previous_resource(self) -> Any:
        """How far the trial had been trained before; 0 at first."""
        return self._needed_leg("previous_resource").previous_resource

    @property
    def checkpoint_dir(self) -> Path:
        """A directory of this trial's own, which survives its pauses and the process.

        A leg that is cut off may leave a checkpoint beyond `previous_resource`: write into it
        how far it goes. In a study without a storage the directories vanish with the study.
        """
        directory = self.study.checkpoint_root / f"trial-{self.number:05d}"
        directory.mkdir(parents=True, exist_ok=True)
        return directory

    @property
    def config(self) -> dict[str, Any]:
        """The configuration: the values of the active parameters of the study's space, by name.

        Raises
        ------
        TrialStateError
            If the study was made without a `space`; `params` has what was suggested so far.
        """
        if self.study.space is None:
            raise TrialStateError(
                "trial.config needs a study that was made with space=..., got one without: "
                "trial.params has what was suggested so far"
            )
        return self.study.space.configuration(self.params)

    def report(self, value: float, step: int) -> None:
        """Report `value` after `step`.

        Parameters
        ----------
        value
            What the objective would return if it ended here.
        step
            The resource used so far, or one less in a loop that counts from 0. In a study whose
            resources are not integers: one of them.

        Raises
        ------
        ObjectiveError
            If `value` is not a number.
        ReportError
            If `step` is not an integer of at least 0, or lies before the last one of this leg.
        TrialStateError
            If the trial is paused or finished.
        """
        if self._leg is None:
            super().report(value, step)
            return
        if not self._under_way:
            raise TrialStateError(
                f"trial {self.number} is not running, so nothing can be reported to it: its leg "
                f"to resource {self._leg.resource} is over"
            )
        number = as_value(value, "reported")
        position = self._scale.step_of_report(step)
        if self._last_step is not None and position < self._last_step:
            raise ReportError(
                f"step must not go backwards, got {step!r} after {self._last_step} in "
                f"trial {self.number}"
            )
        self._last_step = position
        # A trial that is trained again from the start passes steps it has reported before. The
        # first value stays: decisions rest on it.
        if position not in self._steps:
            self._write(position, number)

    def should_prune(self) -> bool:
        """Return whether the objective should stop here and raise `TrialPruned`.

        That is so once the trial has used the resource it was given. It may be continued later.
        At the highest resource the objective may run to its end and return its value.
        """
        if self._leg is None:
            return super().should_prune()
        self.has_asked = True
        used = self.used
        is_over = used is not None and used > self._leg.resource
        if is_over or (used == self._leg.resource and not self._scale.is_top(used)):
            return True
        return self.is_to_stop()

    def set_constraint(self, key: str, value: float) -> None:
        """Set a constraint, as in Optuna: the trial is feasible if all are zero or less.

        `Study.best_trial` looks at them, and so do the samplers of Optuna that can. In a study with
        brackets they change no promotion, and a warning says so. A trial that is continued keeps
        its first value.

        Raises
        ------
        TypeError
            If `value` is not a number.
        ValueError
            If it is NaN.
        """
        if self._leg is None:
            super().set_constraint(key, value)
            return
        warn_of_constraints()
        if key not in self.constraints:
            super().set_constraint(key, value)

    def _suggest(self, name: str, distribution: BaseDistribution) -> Any:
        if self.study.space is not None:
            self.study.space.check_suggested(name, distribution)
        try:
            return super()._suggest(name, distribution)
        except (optuna.exceptions.StorageInternalError, OSError) as error:
            raise self.study.ledger.failure(f"write parameter {name!r}", error) from error

    # What follows is for the rest of the study, and what runs its legs.

    def is_to_stop(self) -> bool:
        """Return whether the leg is to end where it stands: the study does, or it took too long."""
        if self._watch.is_stopping() or self._watch.is_late():
            self.was_interrupted = True
        return self.was_interrupted

    @property
    def reported_steps(self) -> frozenset[int]:
        """All steps that were ever reported for this trial."""
        return frozenset(self._steps)

    def fill(self) -> None:
        """Let the trial have a value for each active parameter of the study's space."""
        space = self.study.space
        if space is None:
            return
        params = dict(live_trial(self).params)
        for name, distribution in space.distributions.items():
            if name not in params and space.is_active(name, params):
                params[name] = self._suggest(name, distribution)

    def give(self, leg: Leg, scale: Scale, watch: LegWatch) -> None:
        """Let the trial begin `leg`."""
        self._leg, self._scale, self._watch = leg, scale, watch
        self._last_step = None
        self._under_way = True
        self.has_asked = False
        self.was_interrupted = False

    def take_back(self) -> None:
        """Let the trial's leg end: nothing can be reported until the next one."""
        self._under_way = False

    @property
    def leg(self) -> Leg | None:
        """The leg that was given last."""
        return self._leg

    @property
    def required_leg(self) -> Leg:
        """The leg that was given last, of a trial that has one."""
        return self._needed_leg("leg")

    @property
    def scale(self) -> Scale:
        """How resources and losses are written."""
        return self._scale

    @property
    def watch(self) -> LegWatch:
        """What says when the leg is to end before its time."""
        return self._watch

    @property
    def is_under_way(self) -> bool:
        """Whether a leg was given and is not over."""
        return self._under_way

    @property
    def used(self) -> Resource | None:
        """The resource used in this leg, by its last report; None if there was none."""
        if self._last_step is None:
            return None
        return self._scale.used(self._last_step, self._steps)

    @property
    def last_report(self) -> tuple[Resource, float] | None:
        """The resource used by the last report of this leg, and its value; None before one."""
        used = self.used
        return None if used is None else (used, self._steps[self._last_step or 0])

    @property
    def value_at_rung(self) -> float | None:
        """The value that the trial is judged by at its present resource, or None."""
        leg = self._needed_leg("value")
        return self._scale.value_at(leg.resource, self._steps)

    @property
    def loss_at_rung(self) -> float | None:
        """The loss at the present resource; None if there is none or it is not finite."""
        return self._scale.loss_at(self._needed_leg("loss").resource, self._steps)

    def set_returned(self, value: float) -> None:
        """Take what the objective returned as the value at the present resource.

        A loop that has run beyond its resource is judged by its report there instead.
        """
        leg = self._needed_leg("value")
        if self.used is not None and self.used > leg.resource:
            return
        step = self._scale.step(leg.resource, self._steps)
        if self._steps.get(step) != value:
            self._write(step, value)

    def absorb(self, writes: Iterable[Write]) -> None:
        """Write into the study what a leg in a worker has written there."""
        frozen, ledger = live_trial(self), self.study.ledger
        for kind, key, value, *more in writes:
            if kind == "param":
                if key not in frozen.params:
                    ledger.set_param(self._trial_id, key, value, more[0])
                    frozen.distributions[key] = more[0]
                    frozen.params[key] = more[0].to_external_repr(value)
            elif kind == "value":
                if frozen.intermediate_values.get(key) != value:
                    self._write(key, value)
            elif kind == "user_attr":
                ledger.set_user_attr(self._trial_id, key, value)
                frozen.user_attrs[key] = value
            else:
                ledger.set_system_attr(self._trial_id, key, value)

    @property
    def _steps(self) -> dict[int, float]:
        return live_trial(self).intermediate_values

    def _write(self, step: int, value: float) -> None:
        self.study.ledger.set_value(self._trial_id, step, value)
        self._steps[step] = value

    def _needed_leg(self, name: str) -> Leg:
        if self._leg is None:
            raise TrialStateError(
                f"trial.{name} needs a study whose pruner is a bohb.HyperbandPruner or a "
                f"bohb.SuccessiveHalvingPruner, got {type(self.study.pruner).__name__}"
            )
        return self._leg


def warn_of_constraints() -> None:
    """Warn that constraints do not change how a study with brackets goes on."""
    warnings.warn(
        "brackets, incumbent() and BOHBSampler do not look at constraints: a trial that is not "
        "feasible competes with the others. Raise bohb.TrialPruned in it to drop it; "
        "study.best_trial looks at constraints.",
        stacklevel=3,
    )


def as_value(value: Any, verb: str) -> float:
    """Return `value` as a float; `verb` says in an error where it came from."""
    is_number = hasattr(value, "__float__") and getattr(value, "ndim", 0) == 0
    if not is_number or isinstance(value, (str, bytes)):
        shown = "None" if value is None else f"{value!r} of type {type(value).__name__}"
        hint = " (is a return statement missing?)" if value is None and verb == "returned" else ""
        raise ObjectiveError(f"the value that is {verb} must be one number, got {shown}{hint}")
    return float(value)

"""The trial: the argument of an objective, which suggests values and takes reports."""

from __future__ import annotations

import traceback
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import optuna
from optuna.distributions import BaseDistribution, check_distribution_compatibility
from optuna.samplers import BaseSampler
from optuna.storages import InMemoryStorage

from bohb.errors import ArgumentError, ArgumentTypeError, BohbError, SamplerError
from bohb.history import as_declared, birth_of, contains, live_trial
from bohb.objective.leg_state import LegState
from bohb.store.stored_study import StoredStudy, configuration_of, ledger_of
from bohb.store.values import check_attribute, check_distinct, check_storable

if TYPE_CHECKING:
    from typing_extensions import Self

T = TypeVar("T")


class Trial(optuna.Trial):
    """One configuration with all that happens to it, under one number.

    It does what an `optuna.Trial` does. In a study with a pruner of `bohb` it is trained in legs:
    `resource` says how far, and `should_prune` becomes True once that is used up. The same trial,
    with the same values, comes back when it is promoted.

    Examples
    --------
    >>> import bohb
    >>> def objective(trial):
    ...     rate = trial.suggest_float("rate", 0.1, 0.9)
    ...     file = trial.checkpoint_dir / "loss.txt"
    ...     loss = float(file.read_text()) if file.exists() else 1.0
    ...     for epoch in range(trial.previous_resource, trial.resource):
    ...         loss *= rate  # an epoch of training
    ...     file.write_text(str(loss))
    ...     return loss
    >>> study = bohb.create_study(
    ...     sampler=bohb.BOHBSampler(seed=0), pruner=bohb.HyperbandPruner(1, 9)
    ... )
    >>> study.optimize(objective)
    >>> abs(study.best_value - study.best_params["rate"] ** 9) < 1e-12
    True
    """

    study: StoredStudy

    def __init__(self, study: StoredStudy, trial_id: int) -> None:
        super().__init__(study, trial_id)
        self._leg_state = LegState(self, study)

    @classmethod
    def _of(cls, trial: optuna.Trial, study: StoredStudy) -> Self:
        """Return a trial that Optuna has made. Making it anew would ask the sampler twice."""
        made = cls.__new__(cls)
        made.__dict__.update(trial.__dict__)
        made._leg_state = LegState(made, study)
        return made

    @property
    def resource(self) -> Any:  # int or float, whichever the bounds of the pruner are
        """How far the trial is to be trained now, in all: epochs, rows, seconds.

        Raises
        ------
        TrialStateError
            If the study's pruner has no resources.
        """
        return self._leg_state.asked_leg("resource").resource

    @property
    def previous_resource(self) -> Any:
        """How far the trial had been trained before; 0 at first, but for a child in a population.

        Raises
        ------
        TrialStateError
            If the study's pruner has no resources.
        """
        return self._leg_state.asked_leg("previous_resource").previous_resource

    @property
    def parent(self) -> int | None:
        """The trial from whose checkpoint this one went on, in a population; None of any other."""
        birth = birth_of(live_trial(self))
        return None if birth is None else birth[0]

    @property
    def checkpoint_dir(self) -> Path:
        """A directory of this trial's own, which survives its pauses and the process.

        A leg that is cut off may leave a checkpoint beyond `previous_resource`, so a checkpoint
        should say how far it goes. In a study without a storage the directories vanish with the
        study. No other trial gets the directory, also not in a copy of the study: there a trial
        that was paused finds none of its checkpoints, and trains from the start.

        Raises
        ------
        StorageError
            If the directory cannot be made; the leg can be run again.
        """
        return self._leg_state.checkpoint_dir

    @property
    def config(self) -> dict[str, Any]:
        """The configuration: the values of the active parameters of the study's space, by name.

        Raises
        ------
        TrialStateError
            If the study was made without a `space`; `params` has what was suggested so far.
        """
        return configuration_of(self.study, self.params)

    def report(
        self, value: float | Sequence[float], step: float, *, cost: float | None = None
    ) -> None:
        """Report `value` after `step`.

        Parameters
        ----------
        value
            What the objective would return if it ended here: a number, or one for each objective
            in a study of several directions.
        step
            The resource used so far, or one less in a loop that counts from 0. In a study whose
            resources are not integers, exactly one of its levels, such as `trial.resource`.
        cost
            What training the trial as far as this takes in all, in any unit, such as seconds or
            money. ``optimize(total_cost=...)`` and ``BOHBSampler(per_cost=True)`` count it. It
            needs a study with brackets. None if nothing is counted.

        Raises
        ------
        ArgumentError
            If `cost` is not positive and finite, or the study has no brackets to count it.
        ObjectiveError
            If `value` is not a number, or not one for each direction of the study.
        ReportError
            If `step` is not an integer of at least 0, or lies before the last one of this leg.
        TrialStateError
            If the trial is paused or finished.
        """
        if self._leg_state.leg is not None:
            self._leg_state.report(value, step, cost)
            return
        if cost is not None:
            raise ArgumentError(
                f"cost needs a study with a bohb.HyperbandPruner or another pruner of bohb, got "
                f"cost={cost!r} with {type(self.study.pruner).__name__}"
            )
        super().report(cast(float, value), cast(int, step))  # Optuna checks both itself

    def should_prune(self) -> bool:
        """Return whether the objective should stop here and raise `TrialPruned`.

        That is so once the trial has used the resource it was given. It may be continued later.
        At the highest resource the objective may run to its end and return its value.
        """
        if self._leg_state.leg is None:
            return super().should_prune()
        return self._leg_state.is_to_pause()

    def set_user_attr(self, key: str, value: Any) -> None:
        """Set a user attribute, as in Optuna.

        Parameters
        ----------
        key
            Its name.
        value
            Numbers, strings, None, and lists and dicts of them. In a study in memory it may be any
            object, if the trial runs in the study's own process.

        Raises
        ------
        ArgumentTypeError
            If the study has a storage, or the trial is in another process, and JSON cannot hold
            `value`.
        """
        if not isinstance(self.storage, InMemoryStorage):
            check_attribute(key, value)
        put = super().set_user_attr
        self._stored(f"write user attribute {key!r}", lambda: put(key, value))

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
        if self._leg_state.leg is None:
            super().set_constraint(key, value)
            return
        warn_of_constraints()
        if key not in self.constraints:
            super().set_constraint(key, value)

    def _is_fixed_param(self, name: str, distribution: BaseDistribution) -> bool:
        is_fixed = super()._is_fixed_param(name, distribution)
        if is_fixed and contains(distribution, self._fixed_params[name]):
            fixed = as_declared(distribution, self._fixed_params[name])
            self._fixed_params = {**self._fixed_params, name: fixed}
        return is_fixed

    def _suggest(self, name: str, distribution: BaseDistribution) -> Any:
        if not isinstance(name, str):
            raise ArgumentTypeError(f"name must be a string, got {name!r}")
        if self.study.space is not None:
            self.study.space.check_suggested(name, distribution)
            self._leg_state.refuse_inactive(name)
        check_storable(name, distribution, self.study._storage)
        if name not in live_trial(self).params and self._leg_state.leg is not None:
            check_distinct(name, distribution)
        suggest = super()._suggest
        try:
            return self._stored(f"write parameter {name!r}", lambda: suggest(name, distribution))
        except BohbError:
            raise
        except Exception as error:
            if _is_raised_by(self.study.sampler, error):
                raise SamplerError(
                    f"{type(self.study.sampler).__name__} failed as it was asked for {name!r}: "
                    f"{type(error).__name__}: {error}"
                ) from error
            if isinstance(error, ValueError):
                hint = self._known_otherwise(name, distribution)
                raise ArgumentError(f"{name!r} cannot be {distribution}: {error}{hint}") from error
            raise

    def _known_otherwise(self, name: str, distribution: BaseDistribution) -> str:
        """Return in words which other trial has a parameter in a way that this one cannot have."""
        for trial in self.study.get_trials(deepcopy=False):
            known = trial.distributions.get(name)
            try:
                check_distribution_compatibility(known or distribution, distribution)
            except ValueError:
                return (
                    f" Trial {trial.number} of this study has it as {known}. Suggest it alike in "
                    "all trials; earlier results that differ need a study with space=..., which "
                    "leaves out what does not fit"
                )
        return ""

    def _stored(self, action: str, call: Callable[[], T]) -> T:
        """Return what `call` returns, which Optuna lets the storage take without the ledger."""
        ledger = ledger_of(self.study)
        ledger.check_lease()
        return ledger.ride_out(action, call)


def _is_raised_by(sampler: BaseSampler, error: Exception) -> bool:
    """Return whether an exception comes from within a method of `sampler`."""
    frames = (frame for frame, _ in traceback.walk_tb(error.__traceback__))
    # Whatever the method calls its first argument: one of its variables is the sampler.
    return any(value is sampler for frame in frames for value in frame.f_locals.values())


def warn_of_constraints() -> None:
    """Warn that constraints do not change how a study with brackets goes on."""
    warnings.warn(
        "brackets, incumbent() and BOHBSampler do not look at constraints: a trial that is not "
        "feasible competes with the others. Raise bohb.TrialPruned in it to prune it; "
        "study.best_trial looks at constraints.",
        stacklevel=3,
    )

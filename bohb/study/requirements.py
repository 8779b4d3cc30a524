"""What a study needs of its pruner and its sampler, and the words for what does not fit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from optuna.pruners import BasePruner

from bohb.errors import ArgumentError
from bohb.pruners import SchedulePruner
from bohb.samplers import BOHBSampler
from bohb.study.ledger import ledger_of
from bohb.study.settings import keep_settings, name_of

if TYPE_CHECKING:
    from bohb.study.study import Study


def begin(study: Study) -> None:
    """Keep the settings of a study's schedule.

    Raises
    ------
    ArgumentError
        If the pruner or the sampler does not fit the study.
    SettingsError
        If the study was begun with other settings.
    """
    refuse_blind_sampler(study)
    if len(study.directions) > 1 and isinstance(study.sampler, BOHBSampler):
        raise ArgumentError(
            "sampler must be one for several objectives, such as optuna.samplers.NSGAIISampler(), "
            f"got {study.sampler!r} in a study with {len(study.directions)} directions"
        )
    keep_settings(ledger_of(study), study.pruner, len(study.directions))


def schedule_pruner_of(study: Study, purpose: str = "brackets") -> SchedulePruner:
    """Return the pruner of a study that needs one with a plan, for a `purpose`.

    Raises
    ------
    ArgumentError
        If it is one of Optuna's.
    """
    if not isinstance(study.pruner, SchedulePruner):
        raise ArgumentError(
            f"{purpose} needs a bohb.HyperbandPruner or a bohb.SuccessiveHalvingPruner as the "
            f"study's pruner, got {name_of(study.pruner)}"
        )
    return study.pruner


def refuse_without_plan(pruner: BasePruner, **given: Any) -> None:
    """Raise ArgumentError for the first argument that was given and means nothing to `pruner`."""
    for name, value in given.items():
        if value is not None:
            raise ArgumentError(
                f"{name} needs a bohb.HyperbandPruner or a bohb.SuccessiveHalvingPruner, got "
                f"{name}={value!r} with {name_of(pruner)}"
            )


def refuse_blind_sampler(study: Study) -> None:
    """Raise ArgumentError if the study's sampler, as it is now, proposes what is forbidden."""
    if study.space is None or not study.space.model.forbidden:
        return
    if len(study.directions) > 1:
        raise ArgumentError(
            "space must have no forbidden clauses in a study of several objectives, whose "
            f"samplers are Optuna's and do not keep to them, got {len(study.directions)} "
            "directions"
        )
    if not isinstance(study.sampler, BOHBSampler):
        raise ArgumentError(
            "sampler must be a bohb.BOHBSampler for a space with forbidden clauses, which no "
            f"sampler of Optuna keeps to, got {type(study.sampler).__name__}: "
            "BOHBSampler(random_fraction=1.0) draws at random"
        )

"""Checks that the pruner, the sampler and the executor of a study fit it and each other.

The settings of a study's schedule are kept in its storage, as they cannot change once it has begun.
"""

from __future__ import annotations

import warnings
from typing import Any

from optuna.pruners import BasePruner
from optuna.samplers import (
    BaseSampler,
    BruteForceSampler,
    CmaEsSampler,
    GridSampler,
    PartialFixedSampler,
    TPESampler,
)

from bohb.errors import ArgumentError, SettingsError
from bohb.executors import Executor
from bohb.hyperband import Plan
from bohb.pruners import PopulationPruner, SchedulePruner, from_settings
from bohb.samplers import BOHBSampler
from bohb.store.ledger import SETTINGS, Ledger
from bohb.store.stored_study import StoredStudy, ledger_of


def begin(study: StoredStudy) -> None:
    """Keep the settings of a new study's schedule, or compare them with those of an old one.

    Raises
    ------
    ArgumentError
        If the pruner or the sampler does not fit the study.
    SettingsError
        If the study was begun with other settings.
    """
    refuse_blind_sampler(study)
    _keep_settings(ledger_of(study), study)


def _keep_settings(ledger: Ledger, study: StoredStudy) -> None:
    pruner, sampler, n_directions = study.pruner, study.sampler, len(study.directions)
    stored = ledger.read(SETTINGS)
    if not isinstance(pruner, SchedulePruner):
        if stored is not None:
            raise SettingsError(
                f"study {ledger.study_name!r} was begun with {from_settings(stored)}, got "
                f"{_name_of(pruner)}: its paused trials would wait for ever. Leave the pruner "
                "out to use the one it was begun with, or begin another study."
            )
        return
    if n_directions > 1:
        _refuse_for_several(pruner, sampler, n_directions)
    settings = pruner.settings()
    if stored is None:
        ledger.write(SETTINGS, settings)
        return
    stored = {"value": "last", **stored}  # as all were before version 0.2.0
    names = [name for name in settings if stored.get(name) != settings[name]]
    # Each trial has with it whether its bracket starts at the top: that may be chosen anew.
    names = [name for name in names if name != "adaptive"]
    if names:
        raise SettingsError(
            f"study {ledger.study_name!r} was begun with "
            + ", ".join(f"{name}={stored.get(name)!r}" for name in names)
            + ", got "
            + ", ".join(f"{name}={settings[name]!r}" for name in names)
            + ": its brackets cannot change. Take it up with what it was begun with, or begin "
            "another study under another name."
        )


def _refuse_for_several(pruner: SchedulePruner, sampler: BaseSampler, n_directions: int) -> None:
    """Raise ArgumentError for what cannot go with brackets of several objectives."""
    if isinstance(sampler, (TPESampler, CmaEsSampler)):
        raise ArgumentError(
            f"sampler must not be a {type(sampler).__name__} in brackets of several directions, "
            f"where it fails, got {n_directions} directions: bohb.BOHBSampler can, NSGAIISampler, "
            "and bohb.AcrossLevels(TPESampler())"
        )
    if isinstance(pruner, PopulationPruner):
        raise ArgumentError(
            f"pruner must be a bohb.HyperbandPruner or a bohb.SuccessiveHalvingPruner in a study "
            f"of {n_directions} directions, got {_name_of(pruner)}"
        )
    if pruner.value == "best":
        raise ArgumentError(
            f"value must be 'last' in a study of {n_directions} directions, got value='best': of "
            "several objectives none of a trial's values need be the best"
        )


def schedule_pruner_of(study: StoredStudy, purpose: str = "brackets") -> SchedulePruner:
    """Return the pruner of a study, which must have a plan; an error names the `purpose`.

    Raises
    ------
    ArgumentError
        If the pruner is one of Optuna's, and has no plan.
    """
    if not isinstance(study.pruner, SchedulePruner):
        raise ArgumentError(
            f"{purpose} needs a bohb.HyperbandPruner or a bohb.SuccessiveHalvingPruner as the "
            f"study's pruner, got {_name_of(study.pruner)}"
        )
    return study.pruner


def refuse_without_plan(pruner: BasePruner, **given: Any) -> None:
    """Raise ArgumentError for the first argument that was given and means nothing to `pruner`."""
    for name, value in given.items():
        if value is not None:
            raise ArgumentError(
                f"{name} needs a bohb.HyperbandPruner or a bohb.SuccessiveHalvingPruner, got "
                f"{name}={value!r} with {_name_of(pruner)}"
            )


def refuse_blind_sampler(study: StoredStudy) -> None:
    """Raise ArgumentError if the space has forbidden clauses that the present sampler ignores."""
    if study.space is None or not study.space.model.forbidden:
        return
    if not isinstance(study.sampler, BOHBSampler):
        raise ArgumentError(
            "sampler must be a bohb.BOHBSampler for a space with forbidden clauses, which no "
            f"sampler of Optuna keeps to, got {type(study.sampler).__name__}: "
            "BOHBSampler(random_fraction=1.0) draws at random"
        )


def must_be_asked(study: StoredStudy) -> bool:
    """Return whether the sampler must be asked for each value when it is suggested."""
    asking = (BruteForceSampler, GridSampler, PartialFixedSampler)
    return study.space is None and isinstance(study.sampler, asking)


def refuse_asking_sampler(study: StoredStudy, executor: Executor) -> None:
    """Raise ArgumentError if workers in other processes would have to ask the sampler."""
    if not executor.is_local and must_be_asked(study):
        raise ArgumentError(
            f"{type(study.sampler).__name__} needs create_study(space=...) with "
            f"{type(executor).__name__}: a parameter that no trial has had before is drawn by the "
            "worker, which cannot ask the sampler"
        )


def refuse_generator(study: StoredStudy) -> None:
    """Raise ArgumentError if the generators of a population would have to be copied."""
    if isinstance(study.pruner, PopulationPruner):
        raise ArgumentError(
            "func must be no generator with PopulationPruner: the state of a generator cannot be "
            "copied for a child. Report in a loop, save into trial.checkpoint_dir before each "
            "report, and go on from there at trial.previous_resource"
        )


def warn_of_replays(plan: Plan, executor: Executor) -> None:
    """Warn that this executor trains promoted generators from the start, and what that costs."""
    warnings.warn(
        f"{type(executor).__name__} cannot send a leg to the process in which its generator "
        "waits, so each promotion trains its trial from the start again: a round takes "
        f"{plan.resource_restarted} units of resource instead of {plan.resource_continued}. "
        "Use bohb.executors.ProcessExecutor, Dask or Ray to avoid that",
        stacklevel=5,
    )


def _name_of(pruner: BasePruner) -> str:
    """Return the name of a pruner's class with its package, as Optuna and we share some names."""
    kind = type(pruner)
    return f"{kind.__module__.partition('.')[0]}.{kind.__name__}"

"""The settings of a study's schedule, which cannot change once it has begun."""

from __future__ import annotations

from optuna.pruners import BasePruner

from bohb.errors import ArgumentError, SettingsError
from bohb.pruners import SchedulePruner, from_settings
from bohb.study.ledger import SETTINGS, Ledger


def keep_settings(ledger: Ledger, pruner: BasePruner, n_directions: int) -> None:
    """Write the settings of `pruner` into a new study, or compare them with an old one's.

    Raises
    ------
    ArgumentError
        If the pruner has brackets and the study several directions.
    SettingsError
        If the study was begun with other settings.
    """
    stored = ledger.read(SETTINGS)
    if not isinstance(pruner, SchedulePruner):
        if stored is not None:
            raise SettingsError(
                f"study {ledger.study_name!r} was begun with {from_settings(stored)}, got "
                f"{name_of(pruner)}: its paused trials would wait for ever. Leave the pruner "
                "out to use the one it was begun with, or begin another study."
            )
        return
    if n_directions > 1:
        raise ArgumentError(
            f"brackets need one objective to rank trials by, got {n_directions} directions; use a "
            "pruner of Optuna for several"
        )
    settings = pruner.settings()
    if stored is None:
        ledger.write(SETTINGS, settings)
    elif stored != settings:
        names = [name for name in settings if stored.get(name) != settings[name]]
        raise SettingsError(
            f"study {ledger.study_name!r} was begun with "
            + ", ".join(f"{name}={stored.get(name)!r}" for name in names)
            + ", got "
            + ", ".join(f"{name}={settings[name]!r}" for name in names)
            + ": its brackets cannot change. Take it up with what it was begun with, or begin "
            "another study under another name."
        )


def name_of(pruner: BasePruner) -> str:
    """Return the name of a pruner's class with its package: some names are Optuna's and ours."""
    kind = type(pruner)
    return f"{kind.__module__.partition('.')[0]}.{kind.__name__}"

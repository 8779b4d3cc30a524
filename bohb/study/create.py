"""Making a study, and finding one again."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, TypeAlias

import optuna
from optuna.pruners import BasePruner
from optuna.samplers import BaseSampler
from optuna.storages import BaseStorage, JournalStorage
from optuna.storages.journal import JournalFileBackend, JournalFileSymlinkLock
from optuna.study import StudyDirection

from bohb.errors import ArgumentError, ArgumentTypeError, StorageError, StudyError
from bohb.pruners import from_settings
from bohb.study.ledger import CHECKPOINT_ROOT, SETTINGS
from bohb.study.study import Study

Direction: TypeAlias = Literal["minimize", "maximize"] | StudyDirection

# After a kill in the midst of a write the lock of a journal stays. A living writer holds it for
# milliseconds.
_LOCK_GRACE_SECONDS = 3


class DuplicateStudyError(StudyError, optuna.exceptions.DuplicatedStudyError):
    """The storage has a study of this name already."""


def create_study(
    *,
    storage: str | Path | BaseStorage | None = None,
    sampler: BaseSampler | None = None,
    pruner: BasePruner | None = None,
    study_name: str | None = None,
    direction: Direction | None = None,
    load_if_exists: bool = False,
    directions: Sequence[Direction] | None = None,
    checkpoint_root: str | Path | None = None,
) -> Study:
    """Return a new study.

    Parameters
    ----------
    storage
        Where everything is kept: None for this process's memory, a database URL such as
        ``"sqlite:///study.db"``, a `pathlib.Path` for Optuna's journal in that file, or a storage
        of Optuna. The journal is the fastest that survives.
    sampler
        What proposes values; any sampler of Optuna. None for `BOHBSampler()`.
    pruner
        What decides how far trials run. `HyperbandPruner` and `SuccessiveHalvingPruner` pause and
        promote. Any pruner of Optuna does what it does there; None for Optuna's own default.
    study_name
        The study's name in the storage. None makes one up.
    direction, directions
        ``"minimize"`` (the default) or ``"maximize"``; several need a pruner of Optuna.
    load_if_exists
        Go on with the study of this name if the storage has it.
    checkpoint_root
        The directory for the trials' checkpoint directories. None for one under
        ``bohb-checkpoints`` in the working directory, or a temporary one without a storage.

    Raises
    ------
    DuplicateStudyError
        If the name is taken and `load_if_exists` is not set.
    SettingsError
        If the study exists and was begun with another schedule.
    StorageError
        If the storage cannot be read.

    Examples
    --------
    >>> import bohb
    >>> study = bohb.create_study(direction="maximize", pruner=bohb.HyperbandPruner(1, 27))
    >>> study.plan().n_trials
    46
    """
    _check_directions(direction, directions)
    _check_kinds(sampler, pruner)
    opened = _open(storage)
    try:
        made = optuna.create_study(
            storage=opened,
            sampler=sampler,
            pruner=pruner,
            study_name=study_name,
            direction=direction,
            load_if_exists=load_if_exists,
            directions=directions,
        )
    except optuna.exceptions.DuplicatedStudyError as error:
        raise DuplicateStudyError(
            f"study_name must not be taken, got {study_name!r}, which the storage has already: "
            "set load_if_exists=True to go on with it"
        ) from error
    study = Study(made.study_name, made._storage, sampler, pruner)
    study.begin()
    if checkpoint_root is not None:
        study.ledger.write(CHECKPOINT_ROOT, str(Path(checkpoint_root).absolute()))
    return study


def load_study(
    *,
    study_name: str | None = None,
    storage: str | Path | BaseStorage,
    sampler: BaseSampler | None = None,
    pruner: BasePruner | None = None,
) -> Study:
    """Return the study of this name from the storage.

    Parameters
    ----------
    study_name
        None takes the only study there is.
    storage, sampler
        As for `create_study`.
    pruner
        None takes the one that the study was begun with.

    Raises
    ------
    StudyError
        If there is no such study, or no name is given and there are several.
    SettingsError
        If the study was begun with another schedule than the one of `pruner`.
    StorageError
        If the storage cannot be read.
    """
    _check_kinds(sampler, pruner)
    opened = _open(storage)
    try:
        found = optuna.load_study(study_name=study_name, storage=opened)
    except (KeyError, ValueError) as error:
        names = optuna.get_all_study_names(opened)
        raise StudyError(
            f"study_name must be one of {names}, which the storage has, got {study_name!r}"
        ) from error
    study = Study(found.study_name, found._storage, sampler, pruner)
    if pruner is None:
        settings = study.ledger.read(SETTINGS)
        study.pruner = study.pruner if settings is None else from_settings(settings)
    study.begin()
    return study


def _open(storage: str | Path | BaseStorage | None) -> BaseStorage:
    if storage is not None and not isinstance(storage, (str, Path, BaseStorage)):
        raise ArgumentTypeError(
            "storage must be None, a database URL, a pathlib.Path or a storage of Optuna, got "
            f"{storage!r}"
        )
    try:
        if isinstance(storage, Path):
            return _journal(storage)
        return optuna.storages.get_storage(storage)
    except StorageError:
        raise
    except Exception as error:  # what a database driver raises is not known here
        raise StorageError(
            f"could not open storage={str(storage)!r}: {type(error).__name__}: {error}"
        ) from error


def _journal(path: Path) -> JournalStorage:
    lock = JournalFileSymlinkLock(str(path), grace_period=_LOCK_GRACE_SECONDS)
    try:
        return JournalStorage(JournalFileBackend(str(path), lock))
    except ValueError as error:  # json.JSONDecodeError is one
        raise StorageError(
            f"the journal {str(path)!r} cannot be read: line {_broken_line(path)} is not a JSON "
            "object of its own. Take it out with an editor; what stands in the other lines is kept."
        ) from error


def _broken_line(path: Path) -> int | str:
    """Return the number of the first line of a journal that cannot be read."""
    for number, line in enumerate(path.read_bytes().splitlines(keepends=True), start=1):
        try:
            json.loads(line)
        except ValueError:
            return number
    return "?"


def _check_directions(direction: Direction | None, directions: Sequence[Direction] | None) -> None:
    if direction is not None and directions is not None:
        raise ArgumentError(
            "only one of direction and directions can be given, got "
            f"direction={direction!r} and directions={directions!r}"
        )
    known = ("minimize", "maximize", StudyDirection.MINIMIZE, StudyDirection.MAXIMIZE)
    for given in [direction or "minimize"] if directions is None else directions:
        if given not in known:
            raise ArgumentError(f"direction must be 'minimize' or 'maximize', got {given!r}")


def _check_kinds(sampler: Any, pruner: Any) -> None:
    for name, value, kind in (("sampler", sampler, BaseSampler), ("pruner", pruner, BasePruner)):
        if value is not None and not isinstance(value, kind):
            shown = f"the class {value.__name__}" if isinstance(value, type) else repr(value)
            raise ArgumentTypeError(f"{name} must be a {name} object, got {shown}")

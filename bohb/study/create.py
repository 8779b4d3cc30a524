"""The creation of studies, and the loading of stored ones."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, cast

import optuna
from optuna.distributions import BaseDistribution
from optuna.pruners import BasePruner
from optuna.samplers import BaseSampler
from optuna.storages import BaseStorage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial

from bohb import arguments
from bohb.errors import (
    AmbiguousStudyError,
    ArgumentError,
    ArgumentTypeError,
    SettingsError,
    StorageError,
    StudyError,
    UnknownStudyError,
)
from bohb.history import is_paused
from bohb.pruners import SchedulePruner, from_settings
from bohb.samplers import BOHBSampler
from bohb.spaces import SearchSpace
from bohb.store.ledger import SETTINGS
from bohb.store.opening import exists, open_storage
from bohb.store.stored_study import ledger_of
from bohb.store.values import check_distinct, check_storable
from bohb.study.compatibility import begin
from bohb.study.study import Study, checkpoints_of

if TYPE_CHECKING:
    from ConfigSpace import ConfigurationSpace

# Under Optuna's verbosity, beside its own message that a study was created.
_logger = optuna.logging.get_logger("optuna.bohb")

Direction: TypeAlias = Literal["minimize", "maximize"] | StudyDirection


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
    space: ConfigurationSpace | Mapping[str, BaseDistribution] | SearchSpace | None = None,
) -> Study:
    """Return a new study.

    Parameters
    ----------
    storage
        Where everything is kept: None for this process's memory, a database URL such as
        ``"sqlite:///study.db"``, a `pathlib.Path` for Optuna's journal in that file, or a storage
        of Optuna. Of those that outlive the process the journal is the fastest.
    sampler
        What proposes values; any sampler of Optuna. None for `BOHBSampler()`, or with several
        directions and a pruner of Optuna for Optuna's default.
    pruner
        What decides how far trials run. `HyperbandPruner` and `SuccessiveHalvingPruner` pause and
        promote. Any pruner of Optuna works as it does in Optuna. None takes the one that an
        existing study was begun with; a new study gets Optuna's `MedianPruner`, and has no
        brackets.
    study_name
        The study's name in the storage. None makes one up.
    direction, directions
        ``"minimize"`` (the default) or ``"maximize"``. With several, an objective gives a tuple
        with a value for each, and `study.best_trials` has the trials at the highest resource that
        no other one beats in all of them. Rungs promote by non-dominated fronts.
    load_if_exists
        Go on with the study of the name `study_name` if the storage has it.
    checkpoint_root
        The directory under which the study makes its own directory for the checkpoints of its
        trials (`study.checkpoint_root`). None for ``bohb-checkpoints`` in the working directory;
        without a storage the checkpoints are then in a temporary directory.
    space
        All parameters, declared beforehand: a ``ConfigurationSpace`` of ConfigSpace, with its
        conditions, forbidden clauses and priors, or distributions of Optuna by name. Then
        `trial.params` is complete before the objective runs, and `trial.config` has the
        configuration. A default configuration that was set in a ``ConfigurationSpace`` is the
        first trial. None lets the objective suggest what it needs.

    Raises
    ------
    ArgumentError
        If an argument is out of its range, `space` forbids so much that no configuration is found,
        or it has forbidden clauses and `sampler` does not know of them.
    DuplicateStudyError
        If the name is taken and `load_if_exists` is not set.
    SettingsError
        If the study exists and was begun with another schedule or direction, or its trials have
        parameters that do not go with `space`.
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
    arguments.flag("load_if_exists", load_if_exists)
    if study_name is not None:
        arguments.text("study_name", study_name)
    if checkpoint_root is not None and not isinstance(checkpoint_root, (str, Path)):
        raise ArgumentTypeError(f"checkpoint_root must be a path, got {checkpoint_root!r}")
    declared = _declared(space)
    opened = open_storage(storage)
    for name, distribution in (declared.distributions if declared else {}).items():
        check_storable(name, distribution, opened)
        check_distinct(name, distribution)
    if load_if_exists and study_name is None and storage is not None:
        warnings.warn(
            "load_if_exists needs a study_name to find a study again, got none: a new study is "
            "begun",
            stacklevel=2,
        )
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
            f"study_name={study_name!r} exists in the storage: set load_if_exists=True to go on "
            "with that study, or choose another name"
        ) from error
    _check_same_directions(made, direction, directions)
    study = _begun(
        Study(made.study_name, made._storage, sampler, pruner, declared), sampler, pruner
    )
    if not isinstance(study.pruner, SchedulePruner) and len(study.directions) == 1:
        _logger.info(
            "Study %r has no brackets: they come with bohb.HyperbandPruner(min_resource, "
            "max_resource), or with bohb.SuccessiveHalvingPruner.",
            study.study_name,
        )
    if checkpoint_root is not None:
        checkpoints_of(study).place_under(checkpoint_root)
    if declared is not None and declared.default is not None and not ledger_of(study).trials():
        study.enqueue_trial(dict(declared.default))
    return study


def load_study(
    *,
    study_name: str | None = None,
    storage: str | Path | BaseStorage,
    sampler: BaseSampler | None = None,
    pruner: BasePruner | None = None,
    space: ConfigurationSpace | Mapping[str, BaseDistribution] | SearchSpace | None = None,
) -> Study:
    """Return the study of this name from the storage.

    Parameters
    ----------
    study_name
        None takes the only study there is.
    storage, sampler, space
        As for `create_study`.
    pruner
        None takes the one that the study was begun with.

    Raises
    ------
    UnknownStudyError
        If there is no such study; it is also a KeyError.
    AmbiguousStudyError
        If no name is given and there are several studies, or none; it is also a ValueError.
    ArgumentError
        If an argument is of the wrong kind, or `space` cannot be used, as in `create_study`.
    SettingsError
        If the study was begun with another schedule than the one of `pruner`, or its trials have
        parameters that do not go with `space`.
    StorageError
        If the storage cannot be read.

    Examples
    --------
    >>> import bohb, optuna
    >>> storage = optuna.storages.InMemoryStorage()
    >>> study = bohb.create_study(
    ...     study_name="mine", storage=storage, pruner=bohb.HyperbandPruner(1, 9)
    ... )
    >>> bohb.load_study(study_name="mine", storage=storage).pruner.max_resource
    9
    """
    _check_kinds(sampler, pruner)
    declared = _declared(space)
    if not exists(storage):
        raise StorageError(
            f"storage must be one that exists, got {str(storage)!r}: there is no such file"
        )
    opened = open_storage(storage)
    try:
        found = optuna.load_study(study_name=study_name, storage=opened)
    except (KeyError, ValueError) as error:
        names = optuna.get_all_study_names(opened)
        has = f"has {names}" if names else "has no study"
        has += ", as it is a new one in memory" if storage is None else ""
        kind = AmbiguousStudyError if study_name is None else UnknownStudyError
        raise kind(
            f"study_name must be that of a study in the storage, which {has}, got {study_name!r}"
        ) from error
    study = Study(found.study_name, found._storage, sampler, pruner, declared)
    return _begun(study, sampler, pruner)


def find_study(study_name: str, storage: str | Path | BaseStorage) -> Study | None:
    """Return the study of this name as it was begun; None if there is none, or no such storage."""
    if not exists(storage):
        return None
    try:
        return load_study(study_name=study_name, storage=storage)
    except UnknownStudyError:
        return None


def _declared(
    space: ConfigurationSpace | Mapping[str, BaseDistribution] | SearchSpace | None,
) -> SearchSpace | None:
    if space is None:
        return None
    if isinstance(space, SearchSpace):
        declared = space
    elif arguments.comes_from("ConfigSpace", space):
        from bohb.configspace import search_space  # ConfigSpace takes long to import

        declared = search_space(cast("ConfigurationSpace", space))
    elif isinstance(space, Mapping):
        declared = SearchSpace.of_distributions(cast("Mapping[str, BaseDistribution]", space))
    else:
        raise ArgumentTypeError(
            "space must be a ConfigurationSpace or a dict of distributions of Optuna, got "
            f"{type(space).__name__}"
        )
    declared.check_possible()
    return declared


def _begun(study: Study, sampler: BaseSampler | None, pruner: BasePruner | None) -> Study:
    """Return `study` once it is checked, with the pruner it was begun with if none is given."""
    settings = ledger_of(study).read(SETTINGS) if pruner is None else None
    if settings is not None:
        study.pruner = from_settings(settings)
    if sampler is None and isinstance(study.pruner, SchedulePruner):
        study.sampler = BOHBSampler()  # it learns from all rungs, also where directions are several
    begin(study)
    if study.space is not None:
        _check_same_space(study, study.space)
    return study


def _check_same_space(study: Study, space: SearchSpace) -> None:
    """Raise an error if trials have parameters that do not go with what `space` declares."""
    seen: dict[str, BaseDistribution] = {}
    for trial in ledger_of(study).trials():
        seen.update(trial.distributions)
        if is_paused(trial):
            _check_paused(study, trial, space)
    for name in seen.keys() & space.distributions.keys():
        distribution = seen[name]
        try:
            space.check_suggested(name, distribution)
        except ArgumentError as error:
            raise SettingsError(
                f"study {study.study_name!r} has trials whose {name!r} is {distribution}, got a "
                f"space with {space.distributions[name]}: begin another study"
            ) from error


def _check_paused(study: Study, trial: FrozenTrial, space: SearchSpace) -> None:
    """Raise an error if a paused trial has other parameters than `space` would give it."""
    params = trial.params
    active = {name for name in space.distributions if space.is_active(name, params)}
    if active != params.keys():
        raise SettingsError(
            f"study {study.study_name!r} has paused trials with the parameters "
            f"{sorted(params)}, got a space in which they would have {sorted(active)}: begin "
            "another study"
        )


def _check_directions(direction: Direction | None, directions: Sequence[Direction] | None) -> None:
    if direction is not None and directions is not None:
        raise ArgumentError(
            "only one of direction and directions can be given, got "
            f"direction={direction!r} and directions={directions!r}"
        )
    known = ("minimize", "maximize", StudyDirection.MINIMIZE, StudyDirection.MAXIMIZE)
    if isinstance(directions, str):
        raise ArgumentError(
            f"directions must be a list with one for each objective, got {directions!r}: for a "
            "single objective give direction"
        )
    if directions is not None and not directions:
        raise ArgumentError(f"directions must have at least one, got {directions!r}")
    for given in [direction or "minimize"] if directions is None else directions:
        if given not in known:
            raise ArgumentError(f"direction must be 'minimize' or 'maximize', got {given!r}")


def _check_same_directions(
    study: optuna.Study, direction: Direction | None, directions: Sequence[Direction] | None
) -> None:
    """Raise an error if a study that existed is loaded with other directions than it has."""
    given = directions if direction is None else [direction]
    if given is None:
        return
    wanted = [d if isinstance(d, StudyDirection) else StudyDirection[d.upper()] for d in given]
    if wanted != study.directions:
        was, now = (", ".join(d.name.lower() for d in each) for each in (study.directions, wanted))
        raise SettingsError(
            f"study {study.study_name!r} was begun with direction {was}, got {now}: begin another "
            "study"
        )


def _check_kinds(sampler: Any, pruner: Any) -> None:
    for name, value, kind in (("sampler", sampler, BaseSampler), ("pruner", pruner, BasePruner)):
        if value is not None and not isinstance(value, kind):
            shown = f"the class {value.__name__}" if isinstance(value, type) else repr(value)
            raise ArgumentTypeError(f"{name} must be a {name} object, got {shown}")

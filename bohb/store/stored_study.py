"""The base class of every study: what trials, workers and the storage may expect of one."""

from __future__ import annotations

import abc
import copy
import functools
from collections.abc import Container, Mapping
from pathlib import Path
from typing import Any

import optuna
from optuna.pruners import BasePruner
from optuna.samplers import BaseSampler
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial, TrialState

from bohb.errors import TrialStateError
from bohb.history import History
from bohb.spaces import SearchSpace
from bohb.store.ledger import Ledger


class StoredStudy(optuna.Study, abc.ABC):
    """A study in a storage, with the ledger that writes all that happens to it.

    There are two kinds. `bohb.Study` decides what its trials do. The study that a trial finds in a
    worker holds this one trial, and what is written there travels back.
    """

    space: SearchSpace | None

    def __init__(
        self,
        study_name: str,
        storage: str | BaseStorage,
        sampler: BaseSampler | None,
        pruner: BasePruner | None,
        space: SearchSpace | None,
    ) -> None:
        super().__init__(study_name, storage, sampler, pruner)
        self.space = space
        self._ledger = Ledger(self._storage, self._study_id, study_name)

    # What Optuna's study reads and writes by itself waits for a storage that is away, too.

    def _get_trials(
        self,
        deepcopy: bool = True,
        states: Container[TrialState] | None = None,
        use_cache: bool = False,
    ) -> list[FrozenTrial]:
        read = functools.partial(super()._get_trials, deepcopy, states, use_cache)
        return self._ledger.ride_out("read the trials", read)

    def _get_best_trial(self, deepcopy: bool) -> FrozenTrial:
        read = functools.partial(super()._get_best_trial, deepcopy)
        return self._ledger.ride_out("read the best trial", read)

    @property
    def user_attrs(self) -> dict[str, Any]:
        """A copy of the user attributes of the study.

        Raises
        ------
        StorageError
            If the storage cannot be read, also not within `bohb.Study.storage_patience`.

        Examples
        --------
        >>> import bohb
        >>> study = bohb.create_study()
        >>> study.set_user_attr("dataset", "digits")
        >>> study.user_attrs
        {'dataset': 'digits'}
        """
        read = functools.partial(self._storage.get_study_user_attrs, self._study_id)
        return copy.deepcopy(self._ledger.ride_out("read the user attributes", read))

    def set_user_attr(self, key: str, value: Any) -> None:
        """Write a user attribute of the study, in place of any that has this key.

        Parameters
        ----------
        key
            The name of the attribute.
        value
            Its value, which JSON must be able to hold where the storage is not in memory.

        Raises
        ------
        StorageError
            If the storage cannot be written to, also not within `bohb.Study.storage_patience`.

        Examples
        --------
        >>> import bohb
        >>> study = bohb.create_study()
        >>> study.set_user_attr("dataset", "digits")
        >>> study.user_attrs["dataset"]
        'digits'
        """
        write = functools.partial(super().set_user_attr, key, value)
        self._ledger.ride_out(f"write user attribute {key!r}", write)

    @property
    @abc.abstractmethod
    def checkpoint_root(self) -> Path:
        """The directory that holds the checkpoint directories of the trials."""

    def _sent_along(self, number: int) -> tuple[Mapping[str, Any], int] | None:
        """Return what another process has proposed for a trial, and the seed of further draws.

        None where this study asks its own sampler.
        """
        return None

    @property
    def _history(self) -> History | None:
        """The history that `BOHBSampler` reads; None where it has to read the storage itself."""
        return None

    @abc.abstractmethod
    def stop(self, *, now: bool = False) -> None:
        """Let `optimize` end after the legs under way, or `now` at their next report."""


def sent_along(study: StoredStudy, number: int) -> tuple[Mapping[str, Any], int] | None:
    """Return what another process has proposed for a trial of `study`, and a seed; else None."""
    return study._sent_along(number)


def ledger_of(study: StoredStudy) -> Ledger:
    """Return the ledger of a study; it is no part of what users see of one."""
    return study._ledger


def configuration_of(study: StoredStudy, params: dict[str, Any]) -> dict[str, Any]:
    """Return the active parameters of a study's space, for the parameters of a trial.

    Raises
    ------
    TrialStateError
        If the study was made without a space.
    """
    if study.space is None:
        raise TrialStateError(
            "trial.config needs a study that was made with space=..., got one without: "
            "trial.params has what was suggested so far"
        )
    return study.space.configuration(params)

"""The fingerprint of a study: what it was begun with, and must be taken up with again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from optuna.trial import TrialState

from bohb.errors import SettingsError
from bohb.store.stored_study import StoredStudy


class Fingerprint:
    """What a study was begun with, kept in one of its user attributes.

    `minimize`, a search and a job each begin studies of their own kind, and must not go on with
    those of another kind, or with other data.

    Parameters
    ----------
    study
        The study, new or begun before.
    key
        The user attribute that holds the fingerprint.
    by
        The name of what begins such studies, for error messages.
    """

    def __init__(self, study: StoredStudy, key: str, by: str) -> None:
        self._study = study
        self._key = key
        self._by = by

    @property
    def kept(self) -> dict[str, Any] | None:
        """What the study was begun with; None if nobody has kept it yet."""
        kept: dict[str, Any] | None = self._study.user_attrs.get(self._key)
        return kept

    def keep(self, facts: Mapping[str, Any]) -> dict[str, Any]:
        """Return what the study was begun with; a new one keeps `facts`, which JSON must hold.

        Raises
        ------
        SettingsError
            If the study has trials and was begun by somebody else.
        """
        kept = self.kept
        if kept is not None:
            return kept
        self.refuse_strange()
        self._study.set_user_attr(self._key, dict(facts))
        return dict(facts)

    def refuse_strange(self) -> None:
        """Raise SettingsError if the study has trials and was begun by somebody else."""
        if self.kept is not None:
            return
        trials = self._study.get_trials(deepcopy=False)
        if any(trial.state != TrialState.WAITING for trial in trials):
            raise SettingsError(
                f"study {self._study.study_name!r} was not begun by {self._by}: give another name, "
                "or another storage"
            )

    def take_up(
        self, facts: Mapping[str, Any], *, seed_key: str, seed: int, is_given: bool
    ) -> tuple[int, list[str]]:
        """Return the seed that the study was begun with, and the names of what differs now.

        Parameters
        ----------
        facts
            What the study must have been begun with, or is begun with if it is new.
        seed_key
            What the seed is kept as.
        seed, is_given
            The seed of a new study. If it `is_given`, an old study must have the same seed.

        Raises
        ------
        SettingsError
            If the study has trials and was begun by somebody else.
        """
        kept_seed = int(self.keep({**facts, seed_key: seed})[seed_key])
        return kept_seed, self.changes({**facts, seed_key: seed if is_given else kept_seed})

    def changes(self, facts: Mapping[str, Any]) -> list[str]:
        """Return the names of what differs between `facts` and what the study was begun with."""
        kept = self.kept or {}
        return [name for name in {**kept, **facts} if kept.get(name) != facts.get(name)]

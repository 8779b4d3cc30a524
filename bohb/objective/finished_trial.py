"""The finished trial: what an objective can be called with again, once the study is over."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from optuna.trial import FrozenTrial

from bohb.history import scale_of
from bohb.objective.leg_state import no_resources
from bohb.store.checkpoints import trial_directory
from bohb.store.legs import LegMarks
from bohb.store.stored_study import StoredStudy, configuration_of

if TYPE_CHECKING:
    from typing_extensions import Self


class FinishedTrial(FrozenTrial):
    """A trial of Optuna that is over, with what a `Trial` has beside it.

    An objective that is called with it gets the same values for all parameters, trains as far as
    the study goes, and is never told to stop. What it reports is not kept. `Study.best_trial` has
    an example.
    """

    # Not in the dict, by which Optuna compares trials.
    __slots__ = ("_study",)
    _study: StoredStudy

    @classmethod
    def of(cls, trial: FrozenTrial, study: StoredStudy) -> Self:
        """Return a trial of `study`."""
        made = cls.__new__(cls)
        made.__dict__.update(trial.__dict__)
        made._study = study
        return made

    def __reduce__(self) -> tuple[Any, ...]:
        return _restored, (self.__dict__,)  # a copy, or what is pickled, is Optuna's own

    @property
    def resource(self) -> Any:  # int or float, whichever the bounds of the pruner are
        """The highest resource of the study.

        Raises
        ------
        TrialStateError
            If the study's pruner has no resources.
        """
        levels = scale_of(self._study).levels
        if not levels:
            raise no_resources("resource", self._study)
        return levels[-1]

    @property
    def previous_resource(self) -> int:
        """Always 0, as an objective that is called again trains from the start."""
        return 0

    @property
    def config(self) -> dict[str, Any]:
        """The configuration, as `Trial.config`.

        Raises
        ------
        TrialStateError
            If the study was made without a `space`.
        """
        return configuration_of(self._study, self.params)

    @property
    def checkpoint_dir(self) -> Path:
        """The directory of the trial, with the checkpoints that it has left."""
        return trial_directory(self._study.checkpoint_root, self.number, LegMarks.of(self))


def _restored(state: dict[str, Any]) -> FrozenTrial:
    made = FrozenTrial.__new__(FrozenTrial)
    made.__dict__.update(state)
    return made

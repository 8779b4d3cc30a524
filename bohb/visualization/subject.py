"""The subject of a picture: a study and its evaluations, checked before anything is drawn."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from bohb import arguments
from bohb.errors import ArgumentError
from bohb.history import Scale, scale_of
from bohb.pruners import SchedulePruner
from bohb.study import EvaluationRecord, Study

_MOST_LABELS = 8


@dataclass(frozen=True, slots=True)
class Subject:
    """A study with its evaluations, of which at least one has a finite value."""

    study: Study
    scale: Scale
    evaluations: Sequence[EvaluationRecord]

    @classmethod
    def of(cls, study: Study, name: str) -> Subject:
        """Return what can be drawn of `study` by the plot called `name`.

        Raises
        ------
        ArgumentError
            If the study has no rungs.
        NoResultError
            If no trial has a value yet.
        """
        require_rungs(study, name)
        study.incumbent()  # raises NoResultError, which says what has failed
        return cls(study, scale_of(study), study.evaluations())

    @property
    def finite(self) -> list[EvaluationRecord]:
        """The evaluations that have a value."""
        return [each for each in self.evaluations if math.isfinite(each.value)]

    def level(self, evaluation: EvaluationRecord) -> int:
        """Return the level of an evaluation on the ladder."""
        return self.scale.levels.index(evaluation.resource)

    def height(self, level: int) -> float:
        """Return how high a level lies, from 0 to 1, which is what its colour stands for."""
        return level / max(len(self.scale.levels) - 1, 1)

    def label(self, level: int) -> str | None:
        """Return what a legend calls the trials that got to a level; of many only some are named.

        Those are the lowest, the highest, and one in the middle.
        """
        levels = self.scale.levels
        if len(levels) > _MOST_LABELS and level not in (0, len(levels) // 2, len(levels) - 1):
            return None
        return f"to {levels[level]:g}"

    def last(self) -> list[EvaluationRecord]:
        """Return the last evaluation of each trial that has a value."""
        return list({each.number: each for each in self.finite}.values())


def require_rungs(study: object, purpose: str) -> None:
    """Raise ArgumentError, which names the `purpose`, if `study` is none that has rungs."""
    if not (isinstance(study, Study) and isinstance(study.pruner, SchedulePruner)):
        raise ArgumentError(
            f"{purpose} needs a bohb.Study whose pruner is a bohb.HyperbandPruner or a "
            f"bohb.SuccessiveHalvingPruner, got {arguments.shown(study)}"
        )

"""The checkpoints that are kept: directories of finished trials that are not among the best go."""

from __future__ import annotations

import heapq
import math
from numbers import Integral
from typing import Literal, TypeAlias

from optuna.trial import FrozenTrial, TrialState

from bohb import arguments
from bohb.errors import ArgumentError, ArgumentTypeError
from bohb.history import Scale
from bohb.hyperband import Plan
from bohb.store.checkpoints import Checkpoints
from bohb.store.legs import LegMarks
from bohb.study.evaluation_records import evaluations

Keep: TypeAlias = Literal["all", "best"] | int


def checked_keep(keep: Keep) -> int | None:
    """Return of how many finished trials the checkpoints are kept; None for all.

    Raises
    ------
    ArgumentError, ArgumentTypeError
        If `keep` is neither "all" nor "best" nor a number of trials.
    """
    if isinstance(keep, str) and keep in ("all", "best"):
        return None if keep == "all" else 1
    if isinstance(keep, bool) or not isinstance(keep, Integral):
        kind = ArgumentError if isinstance(keep, str) else ArgumentTypeError
        raise kind(f"keep must be 'all', 'best' or a number of trials, got {keep!r}")
    return arguments.count("keep", keep)


class Keeping:
    """Removes the checkpoint directories of finished trials, but for those of the best.

    A trial that is paused or under way keeps its directory, for it may go on, and so does one that
    has failed, for somebody may want to look into it.

    Parameters
    ----------
    most
        Of how many finished trials the checkpoints are kept.
    """

    def __init__(self, most: int, checkpoints: Checkpoints, scale: Scale, plan: Plan) -> None:
        self._most = most
        self._checkpoints = checkpoints
        self._scale = scale
        self._plan = plan
        # The worst on top: how far a trial got, how well it did there, its number and its marks.
        self._kept: list[tuple[float, float, int, LegMarks]] = []

    def take(self, trial: FrozenTrial) -> None:
        """Take a trial; if it has finished, it or a worse one may lose its directory."""
        if trial.state not in (TrialState.COMPLETE, TrialState.PRUNED):
            return
        found = evaluations(trial, self._scale, self._plan)
        if not found or found[0][0] is None:  # of another study, whose directories are not ours
            return
        *_, resource, value = found[-1]
        loss = math.inf if math.isnan(value) else self._scale.loss(value)
        entry = float(resource), -loss, -trial.number, LegMarks.of(trial)
        heapq.heappush(self._kept, entry)
        if len(self._kept) > self._most:
            *_, number, marks = heapq.heappop(self._kept)
            self._checkpoints.remove(-number, marks)

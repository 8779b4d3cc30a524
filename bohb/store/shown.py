"""The standing of trials as Optuna's tools show it: a user attribute, kept up to date cheaply.

The dashboard and Optuna's data frames have a column for each user attribute, and know nothing of
rungs. The attribute repeats what ``bohb:leg`` says, and nothing reads it back.
"""

from __future__ import annotations

import contextlib
import time

from bohb.hyperband import Leg
from bohb.store.ledger import SHOWN_STANDING, Ledger, TrialOverError, shown_place

_SHARE = 0.005  # of all time, at most, that is spent on what may be left out


class Shown:
    """Writes how trials stand: what would be wrong at once, and the rest as long as it is cheap.

    A new trial is created with the place that it is given. That stays right if it ends on its first
    rung. What became of it is left out there if legs are so short that the write would count.

    Parameters
    ----------
    ledger
        What writes it.

    Attributes
    ----------
    unwritten
        By the trial's id: the leg that it was given last, and what became of it.
    new
        The ids of trials of which only the place is shown that they were created with.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self.unwritten: dict[int, tuple[Leg, str]] = {}
        self.new: set[int] = set()
        self._not_before = 0.0  # on the clock of time.monotonic

    def write_last(self, trial_id: int, leg: Leg, became: str) -> None:
        """Write how a trial ends; a finished trial takes no attributes any more."""
        self.unwritten.pop(trial_id, None)
        if leg.rung or trial_id not in self.new or self.has_time:
            began = time.monotonic()
            self._write(trial_id, leg, became)
            self._spend(began)
        self.new.discard(trial_id)

    @property
    def is_due(self) -> bool:
        """Whether something is to be written, and that was not done so recently as to cost much."""
        return bool(self.unwritten) and self.has_time

    def write(self) -> None:
        """Write what is unwritten."""
        began = time.monotonic()
        while self.unwritten:
            trial_id = next(iter(self.unwritten))
            with contextlib.suppress(TrialOverError):
                self._write(trial_id, *self.unwritten.pop(trial_id))
        self._spend(began)

    @property
    def has_time(self) -> bool:
        """Whether the last write of what may be left out lies long enough ago."""
        return time.monotonic() >= self._not_before

    def _spend(self, began: float) -> None:
        ended = time.monotonic()
        self._not_before = ended + (ended - began) / _SHARE

    def _write(self, trial_id: int, leg: Leg, became: str) -> None:
        self.new.discard(trial_id)
        text = f"{shown_place(leg)}: {became}"
        self._ledger.set_user_attr(trial_id, SHOWN_STANDING, text)

"""The standing of trials as Optuna's tools show it: a user attribute, kept up to date cheaply.

The dashboard and Optuna's data frames have a column for each user attribute, and know nothing of
rungs. The attribute repeats what ``bohb:leg`` says, and nothing reads it back.
"""

from __future__ import annotations

import contextlib
import time

from bohb.hyperband import Leg
from bohb.store.ledger import SHOWN_STANDING, Ledger, TrialOverError

_SHARE = 0.01  # of all time, at most, that is spent on trials that go on


class Shown:
    """Writes how trials stand, at once when they finish, and now and then while they go on.

    Parameters
    ----------
    ledger
        What writes it.

    Attributes
    ----------
    unwritten
        By the trial's id: the leg that it was given last, and what became of it.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self.unwritten: dict[int, tuple[Leg, str]] = {}
        self._not_before = 0.0  # on the clock of time.monotonic

    def write_last(self, trial_id: int, leg: Leg, became: str) -> None:
        """Write how a trial ends; a finished trial takes no attributes any more."""
        self.unwritten.pop(trial_id, None)
        self._write(trial_id, leg, became)

    @property
    def is_due(self) -> bool:
        """Whether something is to be written, and that was not done so recently as to cost much."""
        return bool(self.unwritten) and time.monotonic() >= self._not_before

    def write(self) -> None:
        """Write what is unwritten."""
        began = time.monotonic()
        while self.unwritten:
            trial_id = next(iter(self.unwritten))
            with contextlib.suppress(TrialOverError):
                self._write(trial_id, *self.unwritten.pop(trial_id))
        ended = time.monotonic()
        self._not_before = ended + (ended - began) / _SHARE

    def _write(self, trial_id: int, leg: Leg, became: str) -> None:
        standing = f"bracket {leg.bracket}, rung {leg.rung}, resource {leg.resource:g}: {became}"
        self._ledger.set_user_attr(trial_id, SHOWN_STANDING, standing)

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


def standing_of(leg: Leg, became: str) -> str:
    """Return what is shown of a trial that has been given `leg`, and what became of it."""
    return f"bracket {leg.bracket}, rung {leg.rung}, resource {leg.resource:g}: {became}"


class Shown:
    """Writes how trials stand, at once when they finish, and now and then while they go on.

    Parameters
    ----------
    ledger
        What writes it.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._unwritten: dict[int, str] = {}  # by the trial's id
        self._not_before = 0.0  # on the clock of time.monotonic

    def note(self, trial_id: int, standing: str) -> None:
        """Take how a trial stands that goes on."""
        self._unwritten[trial_id] = standing

    def write_last(self, trial_id: int, standing: str) -> None:
        """Write how a trial ends; a finished trial takes no attributes any more."""
        self._unwritten.pop(trial_id, None)
        self._ledger.set_user_attr(trial_id, SHOWN_STANDING, standing)

    def write(self, *, in_any_case: bool = False) -> None:
        """Write what was noted, unless that has been done so recently that it would cost much."""
        began = time.monotonic()
        if not self._unwritten or (began < self._not_before and not in_any_case):
            return
        while self._unwritten:
            with contextlib.suppress(TrialOverError):
                self._ledger.set_user_attr(*_first(self._unwritten))
        ended = time.monotonic()
        self._not_before = ended + (ended - began) / _SHARE


def _first(unwritten: dict[int, str]) -> tuple[int, str, str]:
    trial_id = next(iter(unwritten))
    return trial_id, SHOWN_STANDING, unwritten.pop(trial_id)

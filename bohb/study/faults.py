"""What legs that fail or do not come back lead to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bohb import arguments
from bohb.errors import TooManyFailuresError

if TYPE_CHECKING:
    from bohb.study.bookkeeper import Bookkeeper

_LEAST_EVALUATIONS = 10  # fewer say nothing about a share


@dataclass(frozen=True, slots=True)
class FaultPolicy:
    """How much may go wrong in one call of `optimize`.

    Attributes
    ----------
    leg_timeout
        The seconds that a leg may take; None for any number.
    max_retries
        How often a leg is given out again after its worker was lost.
    max_failures
        The share of evaluations that may fail; None for any.
    """

    leg_timeout: float | None = None
    max_retries: int = 1
    max_failures: float | None = None

    def __post_init__(self) -> None:
        if self.leg_timeout is not None:
            arguments.positive("leg_timeout", self.leg_timeout)
        arguments.count("max_retries", self.max_retries, least=0)
        if self.max_failures is not None:
            arguments.share("max_failures", self.max_failures)


class Faults:
    """What has gone wrong so far, in one call of `optimize`."""

    def __init__(self, policy: FaultPolicy, bookkeeper: Bookkeeper) -> None:
        self._policy = policy
        self._bookkeeper = bookkeeper
        self._attempts: Counter[int] = Counter()  # by trial: those that its present leg used up
        self._n_evaluations = bookkeeper.schedule.n_evaluations

    def may_retry(self, number: int, n_attempts: int) -> bool:
        """Note lost attempts at the leg of a trial, and return whether it is given out again."""
        self._attempts[number] += n_attempts
        return self._attempts[number] <= self._policy.max_retries

    def forget(self, number: int) -> None:
        """Note that the leg of a trial has come to its end."""
        self._attempts.pop(number, None)

    def check(self) -> None:
        """Raise TooManyFailuresError if a larger share has failed than may."""
        allowed = self._policy.max_failures
        n_evaluations = self._bookkeeper.schedule.n_evaluations - self._n_evaluations
        if allowed is None or n_evaluations < _LEAST_EVALUATIONS:
            return
        failures = self._bookkeeper.call.failures
        if len(failures) <= allowed * n_evaluations:
            return
        raise TooManyFailuresError(
            f"{len(failures)} of {n_evaluations} evaluations failed, more than "
            f"max_failures={allowed:g} allows. All that was evaluated is kept, and the next call "
            f"goes on from here. {in_words(failures)}"
        )


def in_words(failures: Sequence[str]) -> str:
    """Return how most of some evaluations failed, which is at least one."""
    kind, count = Counter(map(_kind, failures)).most_common(1)[0]
    example = next(failure for failure in reversed(failures) if _kind(failure) == kind)
    return f"{count} failed like this: {example.removeprefix('CommandError: ')}"


def _kind(failure: str) -> str:
    """Return what is common to failures of one kind: the name of the exception."""
    return failure.partition(":")[0]

"""Faults: the consequences of legs that fail, and of legs that are lost with their worker."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from bohb.errors import BohbError, TooManyFailuresError
from bohb.hyperband import Leg
from bohb.objective.objective import text_of

_LEAST_EVALUATIONS = 10  # with fewer of them, the share that failed says nothing


@dataclass(frozen=True, slots=True)
class Failure:
    """A failed evaluation: the name of the exception's class, and the text that users see."""

    kind: str
    text: str

    @classmethod
    def of(cls, error: Exception) -> Failure:
        """Return the failure that an exception stands for."""
        kind, text = type(error).__name__, text_of(error)
        is_named = not isinstance(error, BohbError) or error._is_named
        return cls(kind, f"{kind}: {text}" if is_named else text)

    @classmethod
    def of_text(cls, text: str) -> Failure:
        """Return the failure that was noted as `text`."""
        return cls(text.partition(":")[0], text)


class Retries:
    """A count, in one call of `optimize`, of the attempts at each leg that were lost."""

    def __init__(self, max_retries: int) -> None:
        self._max_retries = max_retries
        self._attempts: Counter[Leg] = Counter()

    def may_retry(self, leg: Leg, n_attempts: int) -> bool:
        """Note lost attempts at a leg, and return whether it is given out again."""
        self._attempts[leg] += n_attempts
        return self._attempts[leg] <= self._max_retries


def refuse_failures(failures: Sequence[Failure], n_evaluations: int, max_failures: float) -> None:
    """Raise TooManyFailuresError if more than the share `max_failures` of evaluations failed."""
    if n_evaluations < _LEAST_EVALUATIONS or len(failures) <= max_failures * n_evaluations:
        return
    raise TooManyFailuresError(
        f"{len(failures)} of {n_evaluations} evaluations failed, more than "
        f"max_failures={max_failures:g} allows. All that was evaluated is kept, and the next call "
        f"goes on from here. {most_frequent(failures)}"
    )


def most_frequent(failures: Sequence[Failure]) -> str:
    """Return in words which kind of failure is the most frequent; there is at least one."""
    kind, count = Counter(failure.kind for failure in failures).most_common(1)[0]
    example = next(failure for failure in reversed(failures) if failure.kind == kind)
    return f"{count} failed like this: {example.text}"

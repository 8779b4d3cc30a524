"""Rules of early stopping: a policy prunes a trial that does badly, a target ends the job."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import Literal, TypeAlias

Rule: TypeAlias = Literal["median", "truncation", "diff"]


@dataclass(frozen=True, slots=True)
class Target:
    """A value of a metric that ends the job as soon as a trial reaches it."""

    metric: str
    maximize: bool
    value: float

    def is_met(self, value: float) -> bool:
        """Return whether `value` is at least as good as the target."""
        return value >= self.value if self.maximize else value <= self.value


@dataclass(frozen=True, slots=True)
class Policy:
    """A rule by which a trial that does badly is pruned in the midst of a leg.

    The best value of the trial so far is compared with the best values of the other trials up to
    the same step.

    Attributes
    ----------
    rule
        ``"median"`` prunes a trial that is worse than the median of the others, ``"truncation"``
        one that is among the worst `percent` of all, and ``"diff"`` one that is more than `percent`
        worse than the best of the others.
    percent
        From 0 to 100; of no use to ``"median"``.
    interval
        The rule is applied at every step that is a multiple of it.
    min_step
        The first step that it is applied at.
    min_samples
        The number of other trials that must have come as far.
    spared_from
        A trial that has reached this value is not pruned; None for no such value.
    among_running
        Whether a trial is compared only with trials that are running.
    """

    rule: Rule
    metric: str
    maximize: bool
    percent: float = 0.0
    interval: int = 1
    min_step: int = 0
    min_samples: int = 1
    spared_from: float | None = None
    among_running: bool = False

    def applies_at(self, step: int) -> bool:
        """Return whether the rule is applied at `step`."""
        return step >= self.min_step and step % self.interval == 0

    def condemns(self, own: float, others: list[float]) -> bool:
        """Return whether a trial whose best value is `own` is to be pruned.

        Examples
        --------
        >>> policy = Policy("median", "loss", maximize=False)
        >>> policy.condemns(0.5, [0.1, 0.4, 0.9]), policy.condemns(0.3, [0.1, 0.4, 0.9])
        (True, False)
        """
        if len(others) < max(1, self.min_samples):
            return False
        sign = -1 if self.maximize else 1
        loss, losses = sign * own, [sign * other for other in others]
        if self.spared_from is not None and loss <= sign * self.spared_from:
            return False
        if self.rule == "median":
            return loss > statistics.median(losses)
        if self.rule == "diff":
            best = min(losses)
            return loss > best + abs(best) * self.percent / 100
        n_pruned = int((len(others) + 1) * self.percent / 100)
        return sum(other >= loss for other in losses) < n_pruned

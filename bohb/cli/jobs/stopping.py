"""Rules of early stopping: a policy prunes a trial that does badly, a target ends the job."""

from __future__ import annotations

import abc
import statistics
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field
from typing_extensions import Self

from bohb.cli.jobs.fields import (
    Count,
    CountFromZero,
    Direction,
    Number,
    Part,
    Percent,
    Text,
    needs_kind,
)


class Rule(Part):
    """A rule that prunes trials or ends the job, by the job's metric or by another one."""

    kind: str
    metric: Text = ""
    """Another metric than the job's, in the same lines of JSON."""
    direction: Direction | None = None
    """The direction of that metric."""

    @property
    def maximize(self) -> bool:
        """Whether larger values of the metric are better."""
        return self.direction == "maximize"

    def by_default(self, metric: str, direction: str) -> Self:
        """Return the rule with this metric and direction in place of those that it lacks."""
        lacking = {"metric": self.metric or metric, "direction": self.direction or direction}
        return self.model_copy(update=lacking)


class Target(Rule):
    """The job ends as soon as a command reports a value at least as good."""

    kind: Literal["target"]
    value: Number

    def is_met(self, value: float) -> bool:
        """Return whether `value` is at least as good as the target."""
        return value >= self.value if self.maximize else value <= self.value


class Policy(Rule):
    """A rule by which a trial that does badly is pruned in the midst of a leg.

    The best value of the trial so far is compared with the best values of the other trials up to
    the same step.
    """

    interval: Count = 1
    """The rule is applied at every step that is a multiple of it."""
    min_step: CountFromZero = 0
    """The first step that it is applied at."""
    min_samples: Count = 5
    """The number of other trials that must have come as far."""
    spared_from: Number | None = None
    """A trial that has reached this value is not pruned."""

    def condemns(self, own: float, others: list[float]) -> bool:
        """Return whether a trial whose best value is `own` is to be pruned.

        Examples
        --------
        >>> policy = Median(kind="median", metric="loss", min_samples=3)
        >>> policy.condemns(0.5, [0.1, 0.4, 0.9]), policy.condemns(0.3, [0.1, 0.4, 0.9])
        (True, False)
        """
        sign = -1 if self.maximize else 1
        is_spared = self.spared_from is not None and sign * own <= sign * self.spared_from
        if is_spared or len(others) < self.min_samples:
            return False
        return self._is_too_bad(sign * own, [sign * other for other in others])

    @abc.abstractmethod
    def _is_too_bad(self, loss: float, losses: list[float]) -> bool:
        """Return whether a trial with this loss is to be pruned, given the losses of the others."""


class Median(Policy):
    """A trial is pruned if it is worse than the median of the others."""

    kind: Literal["median"]

    def _is_too_bad(self, loss: float, losses: list[float]) -> bool:
        return loss > statistics.median(losses)


class Diff(Policy):
    """A trial is pruned if it is more than a percentage worse than the best."""

    kind: Literal["diff"]
    percent: Percent

    def _is_too_bad(self, loss: float, losses: list[float]) -> bool:
        best = min(losses)
        return loss > best + abs(best) * self.percent / 100


class Truncation(Policy):
    """The worst percentage of all trials is pruned."""

    kind: Literal["truncation"]
    percent: Percent
    among_running: bool = False
    """Whether a trial is compared only with trials that are running."""

    def _is_too_bad(self, loss: float, losses: list[float]) -> bool:
        n_pruned = int((len(losses) + 1) * self.percent / 100)
        return sum(other >= loss for other in losses) < n_pruned


AnyRule = Annotated[
    Target | Median | Truncation | Diff,
    Field(discriminator="kind"),
    BeforeValidator(needs_kind(["target", "median", "truncation", "diff"])),
]

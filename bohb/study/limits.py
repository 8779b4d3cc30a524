"""The limits of one call of `optimize`: what may still start."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from bohb import arguments
from bohb.errors import ArgumentError
from bohb.hyperband import Plan, Resource, Schedule
from bohb.study.costs import Costs


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one call of `optimize` may start. At most one of the four is not None.

    Attributes
    ----------
    n_trials
        Configurations to start.
    n_brackets
        Brackets to start; a limit in rounds is converted into this one.
    total_resource
        Resource to use, counted as continued if promoted trials go on from where they stood, and
        as restarted if they do not.
    total_cost
        Cost to spend, in the unit that the objective reports.
    """

    n_trials: int | None = None
    n_brackets: int | None = None
    total_resource: Resource | None = None
    total_cost: float | None = None

    @property
    def is_timeout(self) -> bool:
        """Whether nothing but a timeout limits the call."""
        given = (self.n_trials, self.n_brackets, self.total_resource, self.total_cost)
        return all(limit is None for limit in given)

    @classmethod
    def from_arguments(
        cls,
        plan: Plan,
        *,
        continued: bool,
        n_trials: int | None,
        n_rounds: int | None,
        n_brackets: int | None,
        total_resource: Resource | None,
        total_cost: float | None,
        timeout: float | None,
        in_total: bool = False,
    ) -> Limits:
        """Return the limits that a user gave, or one round if none was given."""
        given = {
            "n_trials": n_trials,
            "n_rounds": n_rounds,
            "n_brackets": n_brackets,
            "total_resource": total_resource,
            "total_cost": total_cost,
        }
        names = [name for name, value in given.items() if value is not None]
        if len(names) > 1:
            shown = " and ".join(f"{name}={given[name]!r}" for name in names)
            raise ArgumentError(
                "only one of n_trials, n_rounds, n_brackets, total_resource and total_cost can be "
                f"given, got {shown}"
            )
        if in_total and timeout is not None and not names:
            raise ArgumentError(
                "in_total needs n_trials, n_rounds, n_brackets, total_resource or total_cost "
                "beside timeout, got none of them: a timeout counts for each call alone"
            )
        for name in ("n_trials", "n_rounds", "n_brackets"):
            if given[name] is not None:  # with n_trials=0 only what is open is finished
                arguments.count(name, given[name], least=0 if name == "n_trials" else 1)
        if timeout is not None:
            arguments.positive("timeout", timeout)
        if total_cost is not None:
            total_cost = arguments.positive("total_cost", total_cost)
        if total_resource is not None:
            arguments.positive("total_resource", total_resource)
            chain = plan.longest_chain_continued if continued else plan.longest_chain_restarted
            if total_resource < chain:
                raise ArgumentError(
                    f"total_resource must be at least {chain}, which it takes to bring one trial "
                    f"to the highest rung, got {total_resource!r}"
                )
        if n_rounds is not None:
            n_brackets = n_rounds * len(plan.brackets)
        elif not names and timeout is None:
            n_brackets = len(plan.brackets)
        return cls(n_trials, n_brackets, total_resource, total_cost)


@dataclass(frozen=True, slots=True)
class Baseline:
    """Where a call of `optimize` began: stored, so that the next call can count from there."""

    n_started: int = 0
    n_brackets: int = 0
    n_evaluations: int = 0
    spent_continued: Resource = 0
    spent_restarted: Resource = 0
    cost_continued: float = 0.0
    cost_restarted: float = 0.0

    @classmethod
    def read(cls, written: Mapping[str, Any]) -> Baseline:
        """Return the baseline that is stored with a call."""
        known = {each.name for each in fields(cls)} & written.keys()  # more than before 0.2.0
        return cls(**{name: written[name] for name in known})

    @classmethod
    def of(cls, schedule: Schedule, costs: Costs | None) -> Baseline:
        """Return where `schedule` stands now, and what its evaluations have cost if that counts."""
        costs = costs or Costs()
        return cls(
            schedule.n_started,
            len(schedule.runs),
            schedule.n_evaluations,
            schedule.spent(continued=True),
            schedule.spent(continued=False),
            costs.spent(continued=True),
            costs.spent(continued=False),
        )


class Allowance:
    """What may still start under `limits`, counted from `baseline`.

    Once nothing may start any more, that is final: the open bracket is finished with what it holds.
    """

    def __init__(
        self, limits: Limits, baseline: Baseline, costs: Costs | None, *, continued: bool
    ) -> None:
        self.limits = limits
        self.baseline = baseline
        self.costs = costs or Costs()
        self.continued = continued
        self._used_up = False

    def may_start(self, schedule: Schedule) -> bool:
        """Return whether one more trial may start."""
        self._used_up = self._used_up or not self._has_room(schedule)
        return not self._used_up

    def trials_left(self, schedule: Schedule) -> int:
        """Return about how many trials may still start; exact but for `total_resource`."""
        limits, brackets = self.limits, schedule.plan.brackets
        if self._used_up:
            return 0
        if limits.n_trials is not None:
            return max(0, limits.n_trials - schedule.n_started + self.baseline.n_started)
        if limits.n_brackets is not None:
            to_come = range(schedule.n_full, self.baseline.n_brackets + limits.n_brackets)
            # Those of one round, as they would be by now, stand for all that come later.
            numbers = itertools.islice(schedule.coming(), min(len(to_come), len(brackets)))
            expected = sum(
                schedule.bracket(number).n_trials * len(to_come[place :: len(brackets)])
                for place, number in enumerate(numbers)
            )
            return expected - schedule.n_started_in(schedule.next_bracket) if to_come else 0
        if limits.total_resource is not None:
            open_ones = schedule.still_needed(continued=self.continued)
            left = limits.total_resource - self.spent(schedule) - open_ones
            of_round = sum(bracket.resource(continued=self.continued) for bracket in brackets)
            return max(0, round(left / of_round * schedule.plan.n_starting))
        if limits.total_cost is not None:
            left_over = limits.total_cost - self._cost_with(schedule, new_trials=0)
            of_round = sum(bracket.resource(continued=self.continued) for bracket in brackets)
            cost = self.costs.expected(of_round, continued=self.continued)
            return max(0, round(left_over / cost * schedule.plan.n_starting)) if cost else 0
        return 0

    def _has_room(self, schedule: Schedule) -> bool:
        limits = self.limits
        if limits.n_trials is not None:
            return schedule.n_started - self.baseline.n_started < limits.n_trials
        if limits.n_brackets is not None:
            return schedule.n_full < self.baseline.n_brackets + limits.n_brackets
        if limits.total_resource is not None:
            # Sums of resources that are not integers have rounding errors.
            return self._needed_with_one_more(schedule) <= limits.total_resource * (1 + 1e-9)
        if limits.total_cost is not None:
            self.costs.require_known()
            return self._cost_with(schedule, new_trials=1) <= limits.total_cost
        return True

    def _cost_with(self, schedule: Schedule, *, new_trials: int) -> float:
        """Return the cost expected in the end if so many more trials start."""
        needed = schedule.still_needed(continued=self.continued, new_trials=new_trials)
        needed += schedule.under_way(continued=self.continued)
        return self.cost() + self.costs.expected(needed, continued=self.continued)

    def cost(self) -> float:
        """Return what the evaluations since the baseline have cost."""
        baseline = self.baseline
        before = baseline.cost_continued if self.continued else baseline.cost_restarted
        return self.costs.spent(continued=self.continued) - before

    def _needed_with_one_more(self, schedule: Schedule) -> Resource:
        """Return the resource used in the end if one more trial starts and nothing after it."""
        return self.spent(schedule) + schedule.still_needed(continued=self.continued, new_trials=1)

    def spent(self, schedule: Schedule) -> Resource:
        """Return the resource of all legs begun since the baseline."""
        baseline = self.baseline
        before = baseline.spent_continued if self.continued else baseline.spent_restarted
        return schedule.spent(continued=self.continued) - before

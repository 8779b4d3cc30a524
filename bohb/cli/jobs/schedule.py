"""The schedule of a job: the trials that it starts, and how far each of them is trained."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from bohb.hyperband import Plan, Resource
from bohb.pruners import HyperbandPruner, SchedulePruner, SuccessiveHalvingPruner

Method: TypeAlias = Literal["bohb", "hyperband", "asha", "random", "grid", "mapping"]
# With these methods every configuration is trained up to the highest resource at once.
SINGLE_RUNG = ("random", "grid", "mapping")


@dataclass(frozen=True, slots=True)
class JobSchedule:
    """The trials that a job starts, and how far each of them is trained.

    Attributes
    ----------
    resource
        The name by which the command asks for its resource; None if it has none.
    n_trials, n_rounds, n_brackets, total_resource, timeout
        As for `Study.optimize`. `timeout` limits each run of the job, and the others limit all
        runs of the job together.
    """

    method: Method
    resource: str | None
    min_resource: Resource = 1
    max_resource: Resource = 1
    reduction_factor: float = 3
    n_trials: int | None = None
    n_rounds: int | None = None
    n_brackets: int | None = None
    total_resource: Resource | None = None
    timeout: float | None = None

    @property
    def pruner(self) -> SchedulePruner:
        """The pruner of a study with this schedule."""
        if self.method in SINGLE_RUNG:
            return HyperbandPruner(self.max_resource, self.max_resource)
        if self.method == "asha":
            return SuccessiveHalvingPruner(
                self.min_resource,
                self.max_resource,
                self.reduction_factor,
                n_trials=self.n_trials,
                asynchronous=True,
            )
        return HyperbandPruner(self.min_resource, self.max_resource, self.reduction_factor)

    @property
    def rounds(self) -> int | None:
        """The number of rounds to run: one if no other limit is given."""
        counted = (self.n_trials, self.n_brackets, self.total_resource)
        if self.n_rounds is not None or any(count is not None for count in counted):
            return self.n_rounds
        # Random search without a count goes on until its timeout, which it must have.
        return None if self.method == "random" else 1

    @property
    def plan(self) -> Plan | None:
        """The plan of the whole job; None if only the total resource or the time is limited."""
        a_round = self.pruner.plan()
        if self.rounds is not None:
            return self.pruner.plan(self.rounds)
        if self.n_trials is not None:
            n_trials = self.n_trials
        elif self.n_brackets is not None:
            brackets = a_round.brackets
            counted = range(self.n_brackets)
            n_trials = sum(brackets[index % len(brackets)].n_trials for index in counted)
        else:
            return None
        if n_trials == a_round.n_trials:
            return a_round
        return self.pruner.plan(-(-n_trials // a_round.n_trials)).limited_to(n_trials)

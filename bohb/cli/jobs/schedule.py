"""The schedule of a job: the trials that it starts, and how far each of them is trained."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Literal, TypeAlias

from bohb.cli.jobs.parts import JobLimits
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
    limits
        As for `Study.optimize`. The timeout limits each run of the job, and the others limit all
        runs of the job together.
    """

    method: Method
    resource: str | None
    min_resource: Resource
    max_resource: Resource
    reduction_factor: float
    limits: JobLimits

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
                n_trials=self.limits.n_trials,
                asynchronous=True,
            )
        # A job does what its plan says.
        return HyperbandPruner(
            self.min_resource, self.max_resource, self.reduction_factor, adaptive=False
        )

    @property
    def rounds(self) -> int | None:
        """The number of rounds to run: one if no other limit is given."""
        # Random search without a count goes on until its timeout, which it must have.
        if self.limits.counted or self.method == "random":
            return self.limits.n_rounds
        return 1

    @property
    def plan(self) -> Plan | None:
        """The plan of the whole job; None if only the total resource or the time is limited."""
        a_round = self.pruner.plan()
        if self.rounds is not None:
            return self.pruner.plan(self.rounds)
        n_trials = self.limits.n_trials
        if self.limits.n_brackets is not None:
            brackets = itertools.cycle(a_round.brackets)
            counted = itertools.islice(brackets, self.limits.n_brackets)
            n_trials = sum(bracket.n_trials for bracket in counted)
        if n_trials is None:
            return None
        if n_trials == a_round.n_trials:
            return a_round
        return self.pruner.plan(-(-n_trials // a_round.n_trials)).limited_to(n_trials)

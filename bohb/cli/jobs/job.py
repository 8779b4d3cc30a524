"""What a job file says, whichever way it is written."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias

from optuna.samplers import BaseSampler, GridSampler

from bohb.cli.jobs.command import Command
from bohb.cli.jobs.kinds import stored_values
from bohb.cli.jobs.stopping import Policy, Target
from bohb.cli.jobs.template import Template
from bohb.dimensions import Dimension
from bohb.hyperband import Plan, Resource
from bohb.model import Space
from bohb.pruners import HyperbandPruner, SchedulePruner, SuccessiveHalvingPruner
from bohb.samplers import BOHBSampler
from bohb.spaces import SearchSpace

Method: TypeAlias = Literal["bohb", "hyperband", "asha", "random", "grid", "mapping"]
# These train every configuration as far as it goes.
SINGLE_RUNG = ("random", "grid", "mapping")


@dataclass(frozen=True, slots=True)
class Metric:
    """What a command is judged by, and where that is found.

    Without a `pattern` and a `file` it is in lines of JSON on the standard output.

    Attributes
    ----------
    pattern
        What finds it in the lines of both outputs: the group ``value``, or the first one, and
        the group ``step`` if there is one.
    file
        A file of JSON, or of lines of JSON.
    step
        The key of the resource used so far.
    """

    name: str
    maximize: bool = False
    pattern: re.Pattern[str] | None = None
    file: Template | None = None
    step: str | None = "step"

    @property
    def direction(self) -> str:
        """As Optuna calls it."""
        return "maximize" if self.maximize else "minimize"


@dataclass(frozen=True, slots=True)
class Schedule:
    """How far which trials are trained.

    Attributes
    ----------
    resource
        The name by which the command asks for its resource; None if it has none.
    n_trials, n_rounds, n_brackets, total_resource, timeout
        As for `Study.optimize`, of all runs of the job together but for `timeout`.
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
        """The pruner of a study that keeps to it."""
        if self.method in SINGLE_RUNG:
            return HyperbandPruner(self.max_resource, self.max_resource)
        if self.method == "asha":
            return SuccessiveHalvingPruner(
                self.min_resource, self.max_resource, self.reduction_factor, asynchronous=True
            )
        return HyperbandPruner(self.min_resource, self.max_resource, self.reduction_factor)

    @property
    def plan(self) -> Plan | None:
        """What will be done; None if only resource or time is limited."""
        limits = (self.n_trials, self.n_brackets, self.total_resource, self.timeout)
        if self.n_rounds is not None or limits == (None, None, None, None):
            return self.pruner.plan(self.n_rounds or 1)
        if self.n_trials is not None:
            per_round = self.pruner.plan().n_trials
            return self.pruner.plan(-(-self.n_trials // per_round)).limited_to(self.n_trials)
        if self.n_brackets is not None:
            brackets = self.pruner.plan().brackets
            counted = [brackets[i % len(brackets)].n_trials for i in range(self.n_brackets)]
            return self.pruner.plan(-(-self.n_brackets // len(brackets))).limited_to(sum(counted))
        return None


@dataclass(frozen=True)
class Job:
    """A command to be tuned, and how.

    Attributes
    ----------
    path
        The job file; what it names is found from the folder that it lies in.
    dimensions
        The parameters, by their names in the study.
    cases
        The configurations of a mapping, as the study stores them.
    inputs
        What the command may name besides, with its value.
    resume
        Whether a promoted trial finds the checkpoints of its earlier legs.
    jobs
        How many commands run at the same time.
    leg_timeout
        The seconds that a command may take.
    max_failures
        The share of evaluations that may fail.
    remarks
        What its author should know.
    """

    path: Path
    name: str
    command: Command
    metric: Metric
    schedule: Schedule
    dimensions: Mapping[str, Dimension]
    cases: tuple[Mapping[str, Any], ...] = ()
    inputs: Mapping[str, Any] = field(default_factory=dict)
    environment: Mapping[str, Template] = field(default_factory=dict)
    workdir: Template = field(default_factory=lambda: Template.parse("."))
    stopping: tuple[Target | Policy, ...] = ()
    resume: bool = True
    seed: int | None = None
    jobs: int = 1
    leg_timeout: float | None = None
    max_failures: float = 0.9
    remarks: tuple[str, ...] = ()

    @property
    def folder(self) -> Path:
        """The folder that the job file lies in."""
        return self.path.absolute().parent

    @property
    def parameter_names(self) -> set[str]:
        """The parameters by the names that its author gave them."""
        return {dimension.name for dimension in self.dimensions.values()}

    @property
    def names_resource(self) -> bool:
        """Whether the command is told its resource, beside by BOHB_RESOURCE."""
        named = self.command.names | {n for text in self.environment.values() for n in text.names}
        return bool(named & {"resource", self.schedule.resource})

    @property
    def space(self) -> SearchSpace:
        """The parameters as a study knows them."""
        return SearchSpace(
            {key: dimension.distribution for key, dimension in self.dimensions.items()},
            Space({key: d.parameter for key, d in self.dimensions.items()}, is_declared=True),
        )

    def sampler(self, seed: int) -> BaseSampler:
        """Return what proposes configurations."""
        method = self.schedule.method
        if method == "grid":
            values = {key: stored_values(d) or [] for key, d in self.dimensions.items()}
            return GridSampler(values, seed=seed)
        if method == "bohb":
            return BOHBSampler(seed)
        # Optuna's RandomSampler would draw the same values again when a study is taken up.
        return BOHBSampler(seed, random_fraction=1.0)

    def values(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """Return the values of the parameters for what the study has stored of a trial."""
        return {
            self.dimensions[key].name: self.dimensions[key].value_of(stored)
            for key, stored in params.items()
            if key in self.dimensions
        }

    @property
    def identity(self) -> dict[str, Any]:
        """What must stay as it is while the job's study goes on."""
        return {
            **{f"params.{d.name}": d.description for d in self.dimensions.values()},
            "metric.name": self.metric.name,
            "method": self.schedule.method,
            **({"cases": [self.values(case) for case in self.cases]} if self.cases else {}),
            "resume": self.resume,
        }

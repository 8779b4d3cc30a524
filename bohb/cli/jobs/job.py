"""What a job file says, whichever way it is written."""

from __future__ import annotations

import re
import sys
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
        What finds it in the lines of both outputs: the group ``value``, or the first that is not
        ``step``, which is the group of the step.
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
    def value_group(self) -> int:
        """The group of `pattern` that is the value; 0 if there is none."""
        if self.pattern is None:
            return 0
        named, count = self.pattern.groupindex, self.pattern.groups
        others = [group for group in range(1, count + 1) if group != named.get("step")]
        return named.get("value", others[0] if others else 0)

    @property
    def direction(self) -> Literal["minimize", "maximize"]:
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
                self.min_resource,
                self.max_resource,
                self.reduction_factor,
                n_trials=self.n_trials,
                asynchronous=True,
            )
        return HyperbandPruner(self.min_resource, self.max_resource, self.reduction_factor)

    @property
    def rounds(self) -> int | None:
        """The rounds to run: one if nothing else says how much is to be done."""
        counted = (self.n_trials, self.n_brackets, self.total_resource)
        if self.n_rounds is not None or any(count is not None for count in counted):
            return self.n_rounds
        return None if self.method == "random" else 1

    @property
    def plan(self) -> Plan | None:
        """What will be done; None if only resource or time is limited."""
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


@dataclass(frozen=True)
class Job:
    """A command to be tuned, and how.

    Attributes
    ----------
    path
        The job file; what it names is found from the directory that it lies in.
    dimensions
        The parameters, by their names in the study.
    cases
        The configurations of a mapping, as the study stores them.
    inputs
        What the command may name besides, with its value.
    keep_checkpoints
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
    keep_checkpoints: bool = True
    seed: int | None = None
    jobs: int = 1
    leg_timeout: float | None = None
    max_failures: float = 0.9
    remarks: tuple[str, ...] = ()

    @property
    def directory(self) -> Path:
        """The directory that the job file lies in."""
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
            values = {key: list(stored_values(d) or ()) for key, d in self.dimensions.items()}
            return GridSampler(values, seed=seed)
        if method == "bohb":
            return BOHBSampler(seed)
        # Optuna's RandomSampler would draw the same values again when a study is taken up.
        return BOHBSampler(seed, random_fraction=1.0)

    def told(
        self,
        values: Mapping[str, Any],
        *,
        trial: int,
        resource: Resource,
        previous_resource: Resource,
        checkpoint_dir: str,
        params_file: str,
    ) -> dict[str, Any]:
        """Return all that a template may name, with its value in one leg.

        Parameters
        ----------
        values
            Those of the parameters.
        """
        named = {} if self.schedule.resource is None else {self.schedule.resource: resource}
        return {
            "trial": trial,
            "resource": resource,
            "previous_resource": previous_resource,
            "checkpoint_dir": checkpoint_dir,
            "params_file": params_file,
            "python": sys.executable,
            **self.inputs,
            **values,
            **named,
        }

    def values(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """Return the values of the parameters for what the study has stored of a trial."""
        return {
            self.dimensions[key].name: self.dimensions[key].value_of(stored)
            for key, stored in params.items()
            if key in self.dimensions
        }

    @property
    def identity(self) -> dict[str, Any]:
        """What must stay as it is while the job's study goes on, by the keys of a job file."""
        schedule = self.schedule
        return {
            **{f"params.{d.name}": d.description for d in self.dimensions.values()},
            **({"cases": [self.values(case) for case in self.cases]} if self.cases else {}),
            "metric.name": self.metric.name,
            "metric.direction": self.metric.direction,
            "method": schedule.method,
            "keep_checkpoints": self.keep_checkpoints,
            "resource.max": schedule.max_resource,
            **(
                {}
                if schedule.method in SINGLE_RUNG
                else {
                    "resource.min": schedule.min_resource,
                    "reduction_factor": schedule.reduction_factor,
                }
            ),
            **({"limits.n_trials": schedule.n_trials} if schedule.method == "asha" else {}),
        }

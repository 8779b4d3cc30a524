"""The job: the keys of a job file, the values that they may have, and their meaning together."""

from __future__ import annotations

import functools
import itertools
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

from optuna.samplers import BaseSampler, GridSampler
from pydantic import AfterValidator, BeforeValidator, Field, PlainValidator, PrivateAttr

from bohb.cli.jobs.cases import checked_cases, grid_size, parameters_of
from bohb.cli.jobs.command import GENERAL, SHELLS, Command, Template, as_text
from bohb.cli.jobs.document import NAME
from bohb.cli.jobs.fields import (
    CountFromZero,
    Factor,
    FieldError,
    JobName,
    Jobs,
    ParameterName,
    Part,
    Positive,
    Share,
    TemplateText,
)
from bohb.cli.jobs.kinds import ParameterField, stored_values
from bohb.cli.jobs.parts import JobLimits, JobResource, Metric
from bohb.cli.jobs.stopping import AnyRule, Policy, Rule
from bohb.dimensions import Dimension
from bohb.errors import ArgumentError
from bohb.hyperband import Plan, Resource
from bohb.model import Space
from bohb.pruners import HyperbandPruner, SchedulePruner, SuccessiveHalvingPruner
from bohb.samplers import BOHBSampler
from bohb.spaces import SearchSpace
from bohb.study import Limits


def _arguments(value: Any) -> str | list[str]:
    """Return a command that is written as one string or as a list of arguments."""
    if isinstance(value, str) and value:
        return value
    if not isinstance(value, list):
        raise ArgumentError(f"{NAME} must be a string or a list, got {value!r}")
    for index, part in enumerate(value):
        if isinstance(part, (dict, list)) or part is None:
            raise FieldError(f"{NAME} must be a string, got {part!r}", index)
    if not value:
        raise ArgumentError(f"{NAME} must have at least one argument, got none")
    return [as_text(part) for part in value]


def _as_metric(value: Any) -> Any:
    return {"name": value} if isinstance(value, str) else value


_Arguments = Annotated[
    str | list[str], PlainValidator(_arguments, json_schema_input_type=str | list[str])
]
_Metric = Annotated[Metric, BeforeValidator(_as_metric, json_schema_input_type=str | Metric)]
_Cases = Annotated[list[dict[ParameterName, Any]], AfterValidator(checked_cases)]


Method: TypeAlias = Literal["bohb", "hyperband", "asha", "random", "grid", "mapping"]


class Job(Part):
    """A command to be tuned, and how."""

    name: JobName
    """The name of the study; the name of the file if it is left out."""
    arguments: _Arguments = Field(alias="command")
    """What to run: a list of arguments, or one string that is split as a shell would."""
    shell: Literal[SHELLS] | None = None  # type: ignore[valid-type]  # a constant of ours
    """The shell that runs the command, which must be one string then."""
    workdir: TemplateText = Template.parse(".")
    """The directory that the command runs in, relative to that of the job file."""
    environment: dict[str, TemplateText] = Field(default_factory=dict, alias="env")
    """Environment variables."""
    inputs: dict[ParameterName, Any] = Field(default_factory=dict)
    """Values that templates may name beside the parameters."""
    metric: _Metric
    """What the command is judged by."""
    given_method: Method | None = Field(None, alias="method")
    """What proposes configurations, and how far they are trained."""
    resource: JobResource | None = None
    """The resource of which a trial gets more when it is promoted."""
    reduction_factor: Factor = 3
    """Of this many trials in a rung one is promoted."""
    params: dict[ParameterName, ParameterField] | None = None
    """The parameters that are tuned."""
    given_cases: _Cases | None = Field(None, alias="cases")
    """The configurations of a mapping: a list, each with the same keys."""
    given_limits: JobLimits = Field(JobLimits(), alias="limits")
    """Limits of the whole job; one round if there are none."""
    early_stopping: list[AnyRule] = Field(default_factory=list)
    """Rules that prune trials, and a target that ends the job."""
    max_failures: Share = 0.9
    """The share of evaluations that may fail; it is checked once there are ten."""
    leg_timeout: Positive | None = None
    """The seconds that one command may take."""
    keep_checkpoints: bool = True
    """Whether a promoted trial finds its earlier checkpoints."""
    seed: CountFromZero | None = None
    """A number that makes the proposals repeatable."""
    jobs: Jobs = 1
    """Commands to run at the same time; -1 for one per processor."""

    _path: Path = PrivateAttr(Path("job.yml"))
    _remarks: tuple[str, ...] = PrivateAttr(())

    def at(self, path: Path, remarks: tuple[str, ...]) -> Job:
        """Return a copy of the job that knows its file, and has these remarks for its author."""
        made = self.model_copy()
        made._path, made._remarks = path, remarks
        return made

    @property
    def path(self) -> Path:
        """The job file; paths in it are relative to the directory that it lies in."""
        return self._path

    @property
    def directory(self) -> Path:
        """The directory that the job file lies in."""
        return self.path.absolute().parent

    @property
    def remarks(self) -> tuple[str, ...]:
        """Remarks that its author should know."""
        return self._remarks

    # The meaning of the keys

    @property
    def method(self) -> Method:
        """What proposes configurations, and how far they are trained."""
        return self.given_method or ("bohb" if self.given_cases is None else "mapping")

    @functools.cached_property
    def command(self) -> Command:
        """The command, with places for values."""
        if isinstance(self.arguments, list):
            if self.shell is not None:
                message = f"{NAME} needs a command that is one string, got {self.arguments!r}"
                raise FieldError(message, "shell")
            return Command.of_arguments(self.arguments)
        if self.shell is not None:
            return Command.of_shell(self.shell, self.arguments)
        return Command.of_text(NAME, self.arguments)

    @property
    def dimensions(self) -> Mapping[str, Dimension]:
        """The parameters, by their names in the study."""
        return self._parameters[0]

    @property
    def cases(self) -> tuple[Mapping[str, Any], ...]:
        """The configurations of a mapping, as the study stores them."""
        return self._parameters[1]

    @functools.cached_property
    def _parameters(self) -> tuple[dict[str, Dimension], tuple[dict[str, Any], ...]]:
        if self.given_cases is not None:
            return parameters_of(self.given_cases)
        made = [kind.dimension(name) for name, kind in (self.params or {}).items()]
        return {dimension.key: dimension for dimension in made}, ()

    @functools.cached_property
    def stopping(self) -> tuple[Rule, ...]:
        """The rules that prune trials or end the job, each with its metric."""
        own = self.metric
        return tuple(rule.by_default(own.name, own.direction) for rule in self.early_stopping)

    @functools.cached_property
    def policies(self) -> tuple[Policy, ...]:
        """Those of the rules that prune trials."""
        return tuple(rule for rule in self.stopping if isinstance(rule, Policy))

    @property
    def has_rungs(self) -> bool:
        """Whether trials are promoted, or else each is trained up to the highest resource."""
        return self.method not in ("random", "grid", "mapping")

    @property
    def resource_name(self) -> str | None:
        """The name by which the command asks for its resource; None if it has none."""
        return None if self.resource is None else self.resource.name

    @property
    def bounds(self) -> tuple[Resource, Resource]:
        """The least and the most resource of a trial."""
        return (1, 1) if self.resource is None else self.resource.bounds

    @functools.cached_property
    def limits(self) -> JobLimits:
        """The limits of all runs of the job together; the timeout is one of each run."""
        # A grid and a mapping have a number of trials of their own, which a limit can only lower.
        n_all, given = len(self.cases), self.given_limits
        if self.method == "grid":
            n_all = grid_size(self.dimensions.values())
        if not n_all:
            return given
        return given.model_copy(update={"n_trials": min(n_all, given.n_trials or n_all)})

    @property
    def pruner(self) -> SchedulePruner:
        """The pruner of the job's study."""
        least, most = self.bounds
        if not self.has_rungs:
            return HyperbandPruner(most, most)
        if self.method == "asha":
            return SuccessiveHalvingPruner(
                least,
                most,
                self.reduction_factor,
                n_trials=self.limits.n_trials,
                asynchronous=True,
            )
        # A job does what its plan says.
        return HyperbandPruner(least, most, self.reduction_factor, adaptive=False)

    @property
    def rounds(self) -> int | None:
        """The number of rounds to run: one if no other limit is given."""
        # Random search without a count goes on until its timeout, which it must have.
        return self.limits.n_rounds if self.limits.counted or self.method == "random" else 1

    @property
    def counts(self) -> dict[str, Any]:
        """The limits of the job but for its timeout, as `Study.optimize` takes them."""
        return {**self.limits.model_dump(exclude={"timeout"}), "n_rounds": self.rounds}

    @property
    def starts(self) -> Limits:
        """How much may start in all runs of the job together."""
        timeout = self.limits.timeout
        plan = self.pruner.plan()
        return Limits.from_arguments(
            plan, continued=False, **self.counts, total_cost=None, timeout=timeout
        )

    @property
    def plan(self) -> Plan | None:
        """The plan of the whole job; None if only the total resource or the time is limited."""
        if self.rounds is not None:
            return self.pruner.plan(self.rounds)
        a_round = self.pruner.plan()
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

    @property
    def parameter_names(self) -> set[str]:
        """The names that the author gave to the parameters."""
        return {dimension.name for dimension in self.dimensions.values()}

    @functools.cached_property
    def named(self) -> set[str]:
        """The names in the templates of the command and of its environment."""
        texts = self.environment.values()
        return self.command.names.union(*(text.names for text in texts))

    @property
    def names_resource(self) -> bool:
        """Whether a template of the command or its environment names the resource."""
        return bool(self.named & {"resource", self.resource_name})

    @property
    def space(self) -> SearchSpace:
        """The parameters as a study knows them."""
        return SearchSpace(
            {key: dimension.distribution for key, dimension in self.dimensions.items()},
            Space({key: d.parameter for key, d in self.dimensions.items()}, is_declared=True),
        )

    def sampler(self, seed: int) -> BaseSampler:
        """Return the sampler that proposes configurations."""
        if self.method == "grid":
            values = {key: list(stored_values(d) or ()) for key, d in self.dimensions.items()}
            return GridSampler(values, seed=seed)
        if self.method == "bohb":
            return BOHBSampler(seed)
        # Optuna's RandomSampler starts from its seed again when a study is resumed, and would draw
        # the same configurations once more.
        return BOHBSampler(seed, random_fraction=1.0)

    def told(
        self,
        values: Mapping[str, Any],
        *,
        trial: int,
        resource: Resource,
        previous_resource: Resource = 0,
        checkpoint_dir: str = "CHECKPOINT_DIR",
        params_file: str = "PARAMS_FILE",
    ) -> dict[str, Any]:
        """Return the values in one leg of all names that a template may have.

        Parameters
        ----------
        values
            The values of the parameters.
        """
        general = (trial, resource, previous_resource, checkpoint_dir, params_file, sys.executable)
        found = {**dict(zip(GENERAL, general, strict=True)), **self.inputs, **values}
        return found if self.resource is None else {**found, self.resource.name: resource}

    def values(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """Return the values of the parameters, for the `params` that a trial has in the study."""
        return {
            self.dimensions[key].name: self.dimensions[key].value_of(stored)
            for key, stored in params.items()
            if key in self.dimensions
        }

    @property
    def identity(self) -> dict[str, Any]:
        """The parts that must not change once the study has begun, by the keys of a job file."""
        least, most = self.bounds
        rungs = {"resource.min": least, "reduction_factor": self.reduction_factor}
        return {
            **{f"params.{d.name}": d.description for d in self.dimensions.values()},
            **({"cases": [self.values(case) for case in self.cases]} if self.cases else {}),
            "metric.name": self.metric.name,
            "metric.direction": self.metric.direction,
            "method": self.method,
            "keep_checkpoints": self.keep_checkpoints,
            "resource.max": most,
            **(rungs if self.has_rungs else {}),
            **({"limits.n_trials": self.limits.n_trials} if self.method == "asha" else {}),
        }


def json_schema() -> dict[str, Any]:
    """Return the JSON schema of a job file, by which editors complete and check it."""
    schema = Job.model_json_schema(mode="validation")
    schema["required"].remove("name")  # the name of the file takes its place
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}

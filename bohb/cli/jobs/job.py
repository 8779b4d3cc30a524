"""The job: the keys of a job file, the values that they may have, and their meaning together."""

from __future__ import annotations

import functools
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from optuna.samplers import BaseSampler, GridSampler
from pydantic import Field, PrivateAttr

from bohb.cli.jobs.cases import checked_cases, grid_size, parameters_of
from bohb.cli.jobs.command import GENERAL, SHELLS, Command, Template, as_text
from bohb.cli.jobs.document import NAME
from bohb.cli.jobs.fields import (
    CountFromZero,
    Factor,
    FieldError,
    Flag,
    JobName,
    Jobs,
    Part,
    Positive,
    Share,
    TemplateText,
    checked_by,
    of_kind,
    one_of,
    parameter_name,
)
from bohb.cli.jobs.kinds import ParameterField, stored_values
from bohb.cli.jobs.parts import JobLimits, JobResource, Metric, metric
from bohb.cli.jobs.schedule import SINGLE_RUNG, JobSchedule, Method
from bohb.cli.jobs.stopping import RULES, AnyRule, Policy, Rule
from bohb.dimensions import Dimension
from bohb.errors import ArgumentError, ArgumentTypeError
from bohb.hyperband import Resource
from bohb.model import Space
from bohb.samplers import BOHBSampler
from bohb.spaces import SearchSpace


def _arguments(name: str, value: Any) -> str | list[str]:
    """Return a command that is written as one string or as a list of arguments."""
    if isinstance(value, str) and value:
        return value
    if not isinstance(value, list):
        raise ArgumentTypeError(f"{name} must be a string or a list, got {value!r}")
    for index, part in enumerate(value):
        if isinstance(part, (dict, list)) or part is None:
            raise FieldError((index,), f"{NAME} must be a string, got {part!r}")
    if not value:
        raise ArgumentError(f"{name} must have at least one argument, got none")
    return [as_text(part) for part in value]


_Arguments = Annotated[str | list[str], checked_by(_arguments, str | list[str])]
_Shell = Annotated[str, checked_by(one_of, Literal[SHELLS], choices=SHELLS)]
_Name = Annotated[str, checked_by(parameter_name, str)]
_Metric = Annotated[Metric, checked_by(metric, str | Metric)]
_Method = Annotated[Method, checked_by(one_of, Method, choices=get_args(Method))]
_Cases = Annotated[list[dict[str, Any]], checked_by(checked_cases, list[dict[str, Any]])]
_Rule = Annotated[Rule, checked_by(of_kind, AnyRule, models=RULES)]


class Job(Part):
    """A command to be tuned, and how."""

    name: JobName
    """The name of the study; the name of the file if it is left out."""
    arguments: _Arguments = Field(alias="command")
    """What to run: a list of arguments, or one string that is split as a shell would."""
    shell: _Shell | None = None
    """The shell that runs the command, which must be one string then."""
    workdir: TemplateText = Template.parse(".")
    """The directory that the command runs in, relative to that of the job file."""
    environment: dict[str, TemplateText] = Field(default_factory=dict, alias="env")
    """Environment variables."""
    inputs: dict[_Name, Any] = Field(default_factory=dict)
    """Values that templates may name beside the parameters."""
    metric: _Metric
    """What the command is judged by."""
    given_method: _Method | None = Field(None, alias="method")
    """What proposes configurations, and how far they are trained."""
    resource: JobResource | None = None
    """The resource of which a trial gets more when it is promoted."""
    reduction_factor: Factor = 3
    """Of this many trials in a rung one is promoted."""
    params: dict[_Name, ParameterField] | None = None
    """The parameters that are tuned."""
    given_cases: _Cases | None = Field(None, alias="cases")
    """The configurations of a mapping: a list, each with the same keys."""
    limits: JobLimits = JobLimits()
    """Limits of the whole job; one round if there are none."""
    early_stopping: list[_Rule] = Field(default_factory=list)
    """Rules that prune trials, and a target that ends the job."""
    max_failures: Share = 0.9
    """The share of evaluations that may fail; it is checked once there are ten."""
    leg_timeout: Positive | None = None
    """The seconds that one command may take."""
    keep_checkpoints: Flag = True
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

    @functools.cached_property
    def schedule(self) -> JobSchedule:
        """The trials to start, and how far each of them is trained."""
        # A grid and a mapping have a number of trials of their own, which a limit can only lower.
        n_all, limits = len(self.cases), self.limits
        if self.method == "grid":
            n_all = grid_size(self.dimensions.values())
        if n_all:
            limits = limits.model_copy(update={"n_trials": min(n_all, limits.n_trials or n_all)})
        return JobSchedule(
            self.method,
            None if self.resource is None else self.resource.name,
            *((1, 1) if self.resource is None else self.resource.bounds),
            self.reduction_factor,
            limits,
        )

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
        return bool(self.named & {"resource", self.schedule.resource})

    @property
    def space(self) -> SearchSpace:
        """The parameters as a study knows them."""
        return SearchSpace(
            {key: dimension.distribution for key, dimension in self.dimensions.items()},
            Space({key: d.parameter for key, d in self.dimensions.items()}, is_declared=True),
        )

    def sampler(self, seed: int) -> BaseSampler:
        """Return the sampler that proposes configurations."""
        method = self.schedule.method
        if method == "grid":
            values = {key: list(stored_values(d) or ()) for key, d in self.dimensions.items()}
            return GridSampler(values, seed=seed)
        if method == "bohb":
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
            **({"limits.n_trials": schedule.limits.n_trials} if schedule.method == "asha" else {}),
        }

    # The faults of several keys together

    def faults(self) -> Iterator[FieldError]:
        """Yield the faults of keys that do not fit together."""
        yield from self._faults_of_command()
        method = self.method
        needed, other = ("cases", "params") if method == "mapping" else ("params", "cases")
        given = {"cases": self.given_cases, "params": self.params}
        if given[needed] is None:
            yield FieldError((), f"{needed} is missing, which method {method} needs")
            return
        if given[other] is not None:
            message = f"{NAME} is of no use to method {method}, which takes {needed}"
            yield FieldError(other, message)
        if not given[needed]:
            yield FieldError("params", f"{NAME} must have at least one parameter, got none")
        yield from self._faults_of_schedule()
        for index, rule in enumerate(self.early_stopping):
            if rule.metric not in ("", self.metric.name) and rule.direction is None:
                yield FieldError(
                    ("early_stopping", index, "metric"),
                    f"{NAME} is another metric than the job's, and needs a direction",
                )

    def _faults_of_command(self) -> Iterator[FieldError]:
        if isinstance(self.arguments, list) and self.shell is not None:
            message = f"{NAME} needs a command that is one string, got {self.arguments!r}"
            yield FieldError("shell", message)
            return
        try:  # the property is cached, and raises an error for a command that is wrong
            _ = self.command
        except ArgumentError as error:
            yield FieldError("command", str(error))

    def _faults_of_schedule(self) -> Iterator[FieldError]:
        method, limits, resource = self.method, self.limits, self.resource
        if method not in SINGLE_RUNG and resource is None:
            yield FieldError(
                (),
                f"resource is missing, which method {method} needs: what a trial is given more of "
                "as it is promoted, as in resource: {name: epochs, max: 81}",
            )
            return
        if method not in SINGLE_RUNG and resource is not None:
            least, most = resource.bounds
            if least > most:
                field = "min" if "min" in resource.model_fields_set else "max"
                message = f"resource.min must not be above max, got min={least}, max={most}"
                yield FieldError(("resource", field), message)
                return
        if method in ("grid", "mapping") and limits.counted not in ([], ["n_trials"]):
            message = f"{NAME} is of no use to method {method}: use n_trials"
            yield FieldError(("limits", limits.counted[0]), message)
        if method == "random" and not limits.counted and limits.timeout is None:
            message = f"limits is missing, which method {method} needs: limits: {{n_trials: 20}}"
            yield FieldError((), message)
        try:
            _ = self.schedule.pruner
        except FieldError as error:
            yield error
        except ArgumentError as error:
            yield FieldError("resource", str(error))


def json_schema() -> dict[str, Any]:
    """Return the JSON schema of a job file, by which editors complete and check it."""
    schema = Job.model_json_schema(mode="validation")
    schema["required"].remove("name")  # the name of the file takes its place
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}

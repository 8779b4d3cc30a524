"""The candidates of a search: a space for what a user gives, and the parameters of each trial."""

from __future__ import annotations

import abc
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from optuna.distributions import CategoricalDistribution

from bohb import arguments
from bohb.dimensions import Dimension
from bohb.errors import ArgumentError, ArgumentTypeError
from bohb.hyperband import Plan
from bohb.model import Categorical, Space
from bohb.model.predicates import OneOf, Predicate
from bohb.sklearn.dimensions import dimension
from bohb.spaces import SearchSpace

if TYPE_CHECKING:
    from ConfigSpace import ConfigurationSpace

_CHOSEN = "distributions"  # the name, in the study, of the choice between several dicts


class Candidates(abc.ABC):
    """All that can be tried: a space, and what a configuration of it means to the estimator."""

    space: SearchSpace | None
    """The space that the study is given; None if it only shows in what each trial suggests."""

    @abc.abstractmethod
    def params_of(self, trial: Any) -> dict[str, Any]:
        """Return the estimator's parameters for a trial of the study, live or frozen."""

    @property
    @abc.abstractmethod
    def names(self) -> frozenset[str] | None:
        """The estimator's parameters that are tuned; None if they are not known beforehand."""

    @property
    @abc.abstractmethod
    def description(self) -> str:
        """What distinguishes these candidates from others, for a study that is taken up again."""

    n_candidates: float
    """The largest number of different candidates; it may be infinite."""

    def limit(self, plan: Plan) -> Plan:
        """Return the part of `plan` that there are candidates for."""
        if self.n_candidates >= plan.n_trials:
            return plan
        return plan.limited_to(int(self.n_candidates))


def candidates_of(given: Any) -> Candidates:
    """Return the candidates for what was given as `param_distributions`.

    Raises
    ------
    ArgumentError
        If there is nothing to tune, or nothing to choose from.
    ArgumentTypeError
        If `given` or a part of it is not what candidates can be drawn from.
    """
    if arguments.comes_from("ConfigSpace", given):
        return _FromConfigSpace(given)
    if isinstance(given, Mapping):
        return _from_dicts([given])
    is_list = isinstance(given, Sequence) and not isinstance(given, str)
    if is_list and given and all(isinstance(part, Mapping) for part in given):
        return _from_dicts(list(given))
    if callable(given):
        return _FromFunction(given)
    raise ArgumentTypeError(
        "param_distributions must be a dict of distributions, a list of such dicts, a "
        f"ConfigurationSpace or a function of a trial that returns parameters, got {given!r}"
    )


@dataclass(frozen=True)
class _FromDimensions(Candidates):
    """Candidates whose parameters are drawn one by one."""

    space: SearchSpace
    dimensions: Mapping[str, Dimension]  # by the name in the study
    n_candidates: float

    def params_of(self, trial: Any) -> dict[str, Any]:
        stored = self.space.configuration(trial.params)
        return {
            self.dimensions[key].name: self.dimensions[key].value_of(value)
            for key, value in stored.items()
            if key in self.dimensions
        }

    @property
    def names(self) -> frozenset[str]:
        return frozenset(dimension.name for dimension in self.dimensions.values())

    @property
    def description(self) -> str:
        parts = [f"{key}: {part.description}" for key, part in self.dimensions.items()]
        return "; ".join([*parts, *(repr(c) for c in self.space.model.conditions.values())])


def _from_dicts(dicts: Sequence[Mapping[str, Any]]) -> _FromDimensions:
    """Return the candidates for one dict, or for several: each candidate is drawn from one."""
    dimensions: dict[str, Dimension] = {}
    users: dict[str, list[int]] = {}  # the dicts that have it, by the name in the study
    for index, given in enumerate(dicts):
        for name, distribution in given.items():
            made = dimension(name, distribution)
            known = dimensions.get(made.key)
            # The same name with another distribution is another parameter of the study.
            if known is not None and known.description != made.description:
                made = replace(made, key=f"{made.key} of {index}")
            dimensions[made.key] = made
            users.setdefault(made.key, []).append(index)
    if not dimensions:
        raise ArgumentError("param_distributions must have at least one parameter, got none")
    distributions = {key: part.distribution for key, part in dimensions.items()}
    parameters = {key: part.parameter for key, part in dimensions.items()}
    conditions: dict[str, Predicate] = {}
    if len(dicts) > 1:
        chosen = _CHOSEN
        while chosen in dimensions:  # a parameter has this name
            chosen += "_"
        distributions = {chosen: CategoricalDistribution(range(len(dicts))), **distributions}
        parameters = {chosen: Categorical(len(dicts)), **parameters}
        # A parameter that some dicts lack is active only if one that has it is chosen.
        conditions = {
            key: OneOf(chosen, tuple(map(float, indices)))
            for key, indices in users.items()
            if len(indices) < len(dicts)
        }
    space = SearchSpace(distributions, Space(parameters, conditions, is_declared=True))
    counts = [
        math.prod(dimensions[key].parameter.n_values for key, own in users.items() if index in own)
        for index in range(len(dicts))
    ]
    return _FromDimensions(space, dimensions, sum(counts))


class _FromConfigSpace(Candidates):
    """Candidates that are the configurations of a space of ConfigSpace."""

    space: SearchSpace

    def __init__(self, given: ConfigurationSpace) -> None:
        from bohb.configspace import search_space  # ConfigSpace takes long to import

        self.space = search_space(given)
        self.n_candidates = self.space.model.n_configurations
        self._description = str(given)

    def params_of(self, trial: Any) -> dict[str, Any]:
        return self.space.configuration(trial.params)

    @property
    def names(self) -> frozenset[str]:
        return frozenset(self.space.distributions)

    @property
    def description(self) -> str:
        return self._description


class _FromFunction(Candidates):
    """Candidates that a function of the user makes, with what it suggests."""

    space = None
    names = None
    n_candidates = math.inf

    def __init__(self, function: Callable[[Any], Mapping[str, Any]]) -> None:
        self._function = function

    def params_of(self, trial: Any) -> dict[str, Any]:
        params = self._function(trial)
        if not isinstance(params, Mapping):
            raise ArgumentTypeError(
                "param_distributions must return a dict of parameters, if it is a function, got "
                f"{params!r}"
            )
        return dict(params)

    @property
    def description(self) -> str:
        # Functions cannot be compared. The parameters that they return for a trial are instead.
        return "a function"

"""A space that was declared beforehand: what Optuna stores of it, and what the model knows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    check_distribution_compatibility,
)

from bohb.errors import ArgumentError, ArgumentTypeError
from bohb.history import as_declared, contains, to_model, to_parameter
from bohb.model import Space
from bohb.model.allowed import allowed_from_prior
from bohb.model.arrays import FloatArray


@dataclass(frozen=True)
class SearchSpace:
    """All parameters of a study, and when they are active.

    Attributes
    ----------
    distributions
        How Optuna stores each parameter, by name; each after those that its condition asks for.
    model
        The same parameters as the model knows them, with conditions, priors and forbidden clauses.
    default
        The configuration that its author prefers, if there is one.
    source
        The ``ConfigurationSpace`` that it was made of, if it was.
    """

    distributions: Mapping[str, BaseDistribution]
    model: Space
    default: Mapping[str, Any] | None = None
    source: Any = field(default=None, compare=False, repr=False)

    @classmethod
    def of_distributions(cls, distributions: Mapping[str, BaseDistribution]) -> SearchSpace:
        """Return the space of these parameters, all of them always active.

        Raises
        ------
        ArgumentError
            If there are none.
        ArgumentTypeError
            If a name is not a string, or a value not a distribution of Optuna.
        """
        if not distributions:
            raise ArgumentError("space must have at least one parameter, got none")
        for name, distribution in distributions.items():
            if not isinstance(name, str):
                raise ArgumentTypeError(f"space must have strings as names, got {name!r}")
            if not isinstance(distribution, BaseDistribution):
                raise ArgumentTypeError(
                    f"space[{name!r}] must be a distribution of optuna.distributions, got "
                    f"{distribution!r}"
                )
        parameters = {name: to_parameter(d, repr(name)) for name, d in distributions.items()}
        return cls(dict(distributions), Space(parameters, is_declared=True))

    def is_active(self, name: str, params: Mapping[str, Any]) -> bool:
        """Return whether a parameter is active, given the values of those before it."""
        condition = self.model.conditions.get(name)
        return condition is None or bool(condition.holds(self._columns(condition.names, params))[0])

    def configuration(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """Return the active ones among `params`, in the order of the space."""
        return {
            name: params[name]
            for name in self.distributions
            if name in params and self.is_active(name, params)
        }

    def typed(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """Return `params` with the types that are declared: an integer for 2.0 where one is asked.

        Raises
        ------
        ArgumentError, ArgumentTypeError
            As `check`.
        """
        self.check(params)
        return {name: as_declared(self.distributions[name], v) for name, v in params.items()}

    def check(self, params: Mapping[str, Any]) -> None:
        """Raise an error if `params`, values for some or all parameters, fit no configuration.

        Raises
        ------
        ArgumentError
            If there is no such parameter, a value is out of its range, or no configuration has
            these values: they are forbidden together, or one is not active with the others.
        ArgumentTypeError
            If `params` is not a dict.
        """
        if not isinstance(params, Mapping):
            raise ArgumentTypeError(f"params must be a dict of values by name, got {params!r}")
        for name, value in params.items():
            if name not in self.distributions:
                known = ", ".join(self.distributions)
                raise ArgumentError(
                    f"params must name parameters of the space ({known}), got {name!r}"
                )
            is_text = isinstance(value, str)  # which Optuna takes for a number
            is_choice = isinstance(self.distributions[name], CategoricalDistribution)
            if (is_text and not is_choice) or not contains(self.distributions[name], value):
                raise ArgumentError(
                    f"params[{name!r}] must be a value of {self.distributions[name]}, got {value!r}"
                )
        for name in params:
            condition = self.model.conditions.get(name)
            parents = condition.names if condition else ()
            if set(parents) <= set(params) and not self.is_active(name, params):
                beside = {parent: params[parent] for parent in parents}
                raise ArgumentError(
                    f"params must have active parameters only, got {name!r}, which is not active "
                    f"together with {beside}"
                )
        for clause in self.model.forbidden:
            if clause.holds(self._columns(clause.names, params))[0]:
                raise ArgumentError(
                    f"params must not be forbidden by the space, got {dict(params)}"
                )
        given = {name: to_model(self.distributions[name], value) for name, value in params.items()}
        # The draws have a fixed seed, so that the same `params` are always judged alike.
        try:
            allowed_from_prior(self.model, self.model.encode_named(given), np.random.default_rng(0))
        except ArgumentError as error:
            raise ArgumentError(
                "params must be part of a configuration that the space does not forbid, got "
                f"{dict(params)}"
            ) from error

    def check_possible(self) -> None:
        """Raise ArgumentError if everything is forbidden, or so much that nothing is found."""
        nothing = self.model.encode_named({})
        allowed_from_prior(self.model, nothing, np.random.default_rng(0))

    def check_suggested(self, name: str, distribution: BaseDistribution) -> None:
        """Raise ArgumentError if `name` is not declared, or not compatibly with `distribution`."""
        declared = self.distributions.get(name)
        if declared is distribution:
            return
        if declared is None:
            raise ArgumentError(
                f"{name!r} is not in the study's space, which has {', '.join(self.distributions)}: "
                "suggest these, or declare it"
            )
        try:
            check_distribution_compatibility(declared, distribution)
        except ValueError as error:
            raise ArgumentError(
                f"{name!r} must be suggested as the space declares it, {declared}, got "
                f"{distribution}"
            ) from error

    def _columns(self, names: Sequence[str], params: Mapping[str, Any]) -> dict[str, FloatArray]:
        """Return some of `params` as the model counts them, by name; NaN where one is missing."""
        return {
            name: np.array(
                [to_model(self.distributions[name], params[name]) if name in params else np.nan]
            )
            for name in names
        }


def native(value: Any) -> Any:
    """Return a scalar of NumPy as one of Python."""
    return value.item() if isinstance(value, np.generic) else value

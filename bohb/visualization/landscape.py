"""The landscape of a study: the values that a model expects over the space."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
from optuna.distributions import BaseDistribution, CategoricalDistribution

from bohb import arguments
from bohb.errors import ArgumentError, NoResultError
from bohb.history import History, Scale, from_model
from bohb.hyperband import Resource
from bohb.model import Numeric, Observations, Space
from bohb.model.anova import Function, Marginal, marginal, variance_shares
from bohb.model.arrays import FloatArray
from bohb.samplers import joint_space, one_blas_thread
from bohb.visualization.picture import Axis
from bohb.visualization.subject import Subject

ModelKind: TypeAlias = Literal["gp", "density"]

FEWEST_TRIALS = 4  # that a model is fitted to
_MOST_PARAMETERS = 64  # of the Gaussian process, unless it is asked for
_N_ROWS = 256  # configurations over which the other parameters are averaged
_N_TICKS = 5
_NOBODY = -1  # the number of no trial
_N_VALUES = {1: 60, 2: 32}  # of a number, by how many parameters are looked at


@dataclass(frozen=True, slots=True)
class Parameters:
    """The parameters of a study that vary, and where their values lie on an axis.

    Attributes
    ----------
    space, distributions
        The parameters, as the model and as Optuna knows them.
    """

    space: Space
    distributions: Mapping[str, BaseDistribution]

    @classmethod
    def of(cls, subject: Subject, history: History) -> Parameters:
        """Return the parameters of a study.

        Raises
        ------
        NoResultError
            If there are none.
        """
        known = history.distributions(without=_NOBODY)
        distributions = {name: each for name, each in known.items() if not each.single()}
        if not distributions:
            raise NoResultError(
                f"study {subject.study.study_name!r} has no parameter with more than one value"
            )
        return cls(joint_space(distributions, subject.study.space), distributions)

    def check(self, names: Sequence[str] | None) -> None:
        """Raise an error unless these are names of parameters, or None."""
        for name in () if names is None else arguments.names("params", names):
            if name not in self.space.names:
                raise ArgumentError(
                    f"params must be among {sorted(self.space.names)}, got {name!r}"
                )

    def is_choice(self, name: str) -> bool:
        """Return whether a parameter is categorical."""
        return isinstance(self.distributions[name], CategoricalDistribution)

    def places(self, name: str, configurations: Sequence[Mapping[str, Any]]) -> FloatArray:
        """Return where their values of a parameter lie on its axis; NaN for one that lacks it."""
        distribution, parameter = self.distributions[name], self.space.parameters[name]
        known = [
            distribution.to_internal_repr(params[name]) if name in params else math.nan
            for params in configurations
        ]
        return np.asarray(parameter.encode(np.array(known, dtype=float)))

    def axis(self, name: str, label: str) -> Axis:
        """Return the axis of a parameter, in units, with some of its values as ticks."""
        distribution, parameter = self.distributions[name], self.space.parameters[name]
        if isinstance(distribution, CategoricalDistribution):
            texts = [_short(choice) for choice in distribution.choices]
            places = [float(index) for index in range(len(texts))]
            return Axis(label, ticks=(places, texts), span=(-0.5, len(texts) - 0.5))
        units = np.linspace(0, 1, _N_TICKS)
        if isinstance(parameter, Numeric):
            units = np.unique(parameter.snap(units))
        values = [from_model(distribution, value) for value in parameter.decode(units)]
        ticks = dict(zip(map(_short, values), units.tolist(), strict=True))
        return Axis(label, ticks=([*ticks.values()], [*ticks]), span=(-0.03, 1.03))


@dataclass(frozen=True, slots=True)
class Landscape:
    """What a model makes of a study at its highest level.

    Attributes
    ----------
    kind
        Which model it is.
    parameters
        The parameters that it is about.
    resource
        The level whose values are expected; None for the densities, which look at all.
    label
        What the model says of a configuration.
    n_evaluated
        From how many evaluated trials.
    function
        What the model says of configurations in units, shape (n, d), as shape (n,).
    shares
        The share of each parameter in the variance of what it says, by name.
    """

    kind: ModelKind
    parameters: Parameters
    resource: Resource | None
    label: str
    n_evaluated: int
    function: Function
    shares: Mapping[str, float]

    @classmethod
    def of(cls, subject: Subject, kind: ModelKind | None) -> Landscape:
        """Return the landscape of a study.

        Raises
        ------
        NoResultError
            If too little was evaluated.
        """
        if kind is not None:
            arguments.one_of("model", kind, get_args(ModelKind))
        history = history_of(subject)
        parameters = Parameters.of(subject, history)
        space = parameters.space
        with history.observations(without=_NOBODY) as found, one_blas_thread():
            observations = found.with_any_of(space.names)
            n_evaluated = int(observations.is_evaluated.sum())
            if n_evaluated < FEWEST_TRIALS:
                raise NoResultError(
                    f"a model needs {FEWEST_TRIALS} evaluated trials, got {n_evaluated} in study "
                    f"{subject.study.study_name!r}"
                )
            kind = kind or ("gp" if len(space.names) <= _MOST_PARAMETERS else "density")
            if kind == "density":
                resource, label = None, "log of: how likely among the good / the others"
                function = _log_ratio(space, observations)
            else:
                target = int(observations.highest.max())
                resource = subject.scale.levels[target]
                label = f"expected value at resource {resource:g}"
                function = _expected(space, observations, subject.scale, target)
            shares = variance_shares(function, space, np.random.default_rng(0), _N_ROWS)
        return cls(kind, parameters, resource, label, n_evaluated, function, shares)

    def marginal(self, names: Sequence[str]) -> Marginal:
        """Return what the model says over one or two parameters, averaged over the others."""
        space = self.parameters.space
        rows = space.draw_prior(_N_ROWS, np.random.default_rng(0))
        with one_blas_thread():
            return marginal(self.function, space, names, rows, _N_VALUES[len(names)])

    def by_share(self) -> list[str]:
        """Return the names of the parameters, the one with the largest share first."""
        return sorted(self.shares, key=lambda name: (-self.shares[name], name))

    def axis(self, name: str) -> Axis:
        """Return the axis of a parameter, whose label has its share."""
        return self.parameters.axis(name, f"{name} ({self.shares[name]:.0%} of the variance)")


def history_of(subject: Subject) -> History:
    """Return a history of the study as it is now."""
    history = History(subject.scale)
    history.refresh(subject.study.get_trials(deepcopy=False))
    return history


def _log_ratio(space: Space, observations: Observations) -> Function:
    from bohb.model.density import DensityProposer

    densities = DensityProposer().densities(space, observations)
    nothing_fixed = np.full(len(space.names), math.nan)
    return lambda units: densities.log_ratio(units, nothing_fixed)


def _expected(space: Space, observations: Observations, scale: Scale, target: int) -> Function:
    from bohb.model.surface import Surface

    surface = Surface.fitted(space, observations, scale.n_levels, target)

    def expected(units: FloatArray) -> FloatArray:
        losses = surface.squeeze.invert(surface.predict(units)[0])
        return -losses if scale.maximize else losses

    return expected


def _short(value: Any) -> str:
    text = f"{value:.3g}" if isinstance(value, float) else str(value)
    return text if len(text) <= 14 else text[:12] + "…"

"""The one translator from a ConfigSpace to the `SearchSpace` of a study."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from ConfigSpace import ConfigurationSpace, conditions, forbidden
from ConfigSpace.hyperparameters import (
    BetaFloatHyperparameter,
    BetaIntegerHyperparameter,
    CategoricalHyperparameter,
    Constant,
    Hyperparameter,
    NormalFloatHyperparameter,
    NormalIntegerHyperparameter,
    OrdinalHyperparameter,
    UniformFloatHyperparameter,
    UniformIntegerHyperparameter,
)
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from bohb.errors import ArgumentError, ArgumentTypeError
from bohb.history import to_parameter
from bohb.model import Numeric, Parameter, Space
from bohb.model.arrays import FloatArray
from bohb.model.predicates import All, Comparison, OneOf, Predicate, Relation, Some
from bohb.model.space import Prior
from bohb.spaces import SearchSpace, native

_MOST_STEPS = 10_000  # of an integer: with more of them no step can be seen
_LEAST_DEVIATION = 1e-3  # of a normal prior, in units: that of a ConfigSpace may come out as zero

_SYMBOLS: dict[type, str] = {
    conditions.EqualsCondition: "==",
    conditions.NotEqualsCondition: "!=",
    conditions.LessThanCondition: "<",
    conditions.GreaterThanCondition: ">",
    forbidden.ForbiddenEqualsClause: "==",
    forbidden.ForbiddenLessThanClause: "<",
    forbidden.ForbiddenLessThanEqualsClause: "<=",
    forbidden.ForbiddenGreaterThanClause: ">",
    forbidden.ForbiddenGreaterThanEqualsClause: ">=",
    forbidden.ForbiddenEqualsRelation: "==",
    forbidden.ForbiddenLessThanRelation: "<",
    forbidden.ForbiddenLessThanEqualsRelation: "<=",
    forbidden.ForbiddenGreaterThanRelation: ">",
    forbidden.ForbiddenGreaterThanEqualsRelation: ">=",
}


def search_space(space: ConfigurationSpace) -> SearchSpace:
    """Return what `space` says: parameters, priors, conditions, forbidden clauses, the default.

    Raises
    ------
    ArgumentError
        If the space is empty, or a relation compares what has no order.
    ArgumentTypeError
        If a part of it is of a kind that is not known.

    Examples
    --------
    >>> from ConfigSpace import ConfigurationSpace
    >>> space = search_space(ConfigurationSpace({"rate": (0.1, 1.0), "kind": ["a", "b"]}))
    >>> sorted(space.distributions)
    ['kind', 'rate']
    """
    if not len(space):
        raise ArgumentError("space must have at least one parameter, got none")
    ordered = [space[name] for name in space.at]  # parents come first
    active: dict[str, Predicate] = {}
    for condition in space.conditions:
        name = condition.child.name
        translated = _predicate(condition)
        active[name] = All((active[name], translated)) if name in active else translated
    model = Space(
        {hp.name: _parameter(hp) for hp in ordered},
        active,
        [_predicate(clause) for clause in space.forbidden_clauses],
        is_declared=True,
    )
    distributions = {hp.name: _distribution(hp) for hp in ordered}
    return SearchSpace(distributions, model, _default_of_author(space), space)


def configuration_space(distributions: Mapping[str, BaseDistribution]) -> ConfigurationSpace:
    """Return the space of ConfigSpace that has these distributions of Optuna, all always active.

    A step is left out: a number has the whole range between its ends.

    Examples
    --------
    >>> space = configuration_space({"rate": FloatDistribution(0.1, 1.0, log=True)})
    >>> space["rate"].log, space["rate"].lower, space["rate"].upper
    (True, 0.1, 1.0)
    """
    space = ConfigurationSpace()
    for name, distribution in distributions.items():
        space.add(_hyperparameter(name, distribution))
    return space


def _hyperparameter(name: str, distribution: BaseDistribution) -> Hyperparameter[Any, Any]:
    if isinstance(distribution, CategoricalDistribution):
        return CategoricalHyperparameter(name, list(distribution.choices))
    if not isinstance(distribution, (FloatDistribution, IntDistribution)):
        raise ArgumentTypeError(
            f"{name!r} must have a distribution of Optuna, got {distribution!r}"
        )
    low, high, log = distribution.low, distribution.high, distribution.log
    if low == high:
        return Constant(name, low)
    if isinstance(distribution, IntDistribution):
        return UniformIntegerHyperparameter(name, int(low), int(high), log=log)
    return UniformFloatHyperparameter(name, low, high, log=log)


def _distribution(hp: Hyperparameter[Any, Any]) -> BaseDistribution:
    """Return how Optuna stores a hyperparameter; an ordinal one is stored as a choice."""
    choices = _choices(hp)
    if choices is not None:
        return CategoricalDistribution(choices)
    if isinstance(hp, _FLOATS):
        return FloatDistribution(float(hp.lower), float(hp.upper), log=hp.log)
    if isinstance(hp, _INTEGERS):
        return IntDistribution(int(hp.lower), int(hp.upper), log=hp.log)
    raise ArgumentTypeError(
        f"space[{hp.name!r}] must be a hyperparameter of a known kind, got {type(hp).__name__}"
    )


_FLOATS = (UniformFloatHyperparameter, NormalFloatHyperparameter, BetaFloatHyperparameter)
_INTEGERS = (UniformIntegerHyperparameter, NormalIntegerHyperparameter, BetaIntegerHyperparameter)


def _parameter(hp: Any) -> Parameter:
    """Return a hyperparameter for the model: with its order and its prior, which Optuna lacks."""
    if isinstance(hp, OrdinalHyperparameter) and len(hp.sequence) > 1:
        return Numeric(0, len(hp.sequence) - 1, step=1)
    parameter = to_parameter(_distribution(hp))
    if isinstance(parameter, Numeric):
        return replace(parameter, prior=_prior(hp, parameter))
    if isinstance(hp, CategoricalHyperparameter) and hp.weights is not None:
        return replace(parameter, weights=tuple(map(float, hp.probabilities)))
    return parameter


def _prior(hp: Any, parameter: Numeric) -> Prior | None:
    """Return the distribution of the units of `parameter`, None if it is uniform."""
    if isinstance(hp, (UniformFloatHyperparameter, UniformIntegerHyperparameter)):
        return None
    from scipy import stats  # takes long to import, and few spaces need it

    # ConfigSpace defines a prior between the lowest and the highest value, which are the ends of
    # the units of a float. An integer owns a bin, and the lowest begins half a bin later.
    first, last = parameter.encode(np.array([hp.lower, hp.upper], dtype=float))
    if isinstance(hp, (BetaFloatHyperparameter, BetaIntegerHyperparameter)):
        between: Prior = stats.beta(hp.alpha, hp.beta)
        wide: Prior = stats.beta(hp.alpha, hp.beta, loc=first, scale=last - first)
    else:
        # On the logarithmic scale this is how ConfigSpace understands sigma.
        size = abs(np.log(hp.lower + hp.sigma)) if hp.log else hp.sigma
        width = np.log(hp.upper / hp.lower) if hp.log else hp.upper - hp.lower
        mean = float((parameter.encode(np.array([hp.mu]))[0] - first) / (last - first))
        deviation = max(float(size / width), _LEAST_DEVIATION)
        ends = -mean / deviation, (1 - mean) / deviation
        between = stats.truncnorm(*ends, loc=mean, scale=deviation)
        wide = stats.truncnorm(
            *ends, loc=first + mean * (last - first), scale=deviation * (last - first)
        )
    if isinstance(hp, _INTEGERS) and hp.upper - hp.lower < _MOST_STEPS:
        return _Stepped.of(between, hp, parameter)
    return wide


@dataclass(frozen=True)
class _Stepped:
    """The prior of an integer, whose values have the probabilities that ConfigSpace gives them.

    Attributes
    ----------
    edges
        The ends of the bins of all values, in units, shape (n + 1,).
    below
        The probability of all values below each of these ends, shape (n + 1,).
    """

    edges: FloatArray
    below: FloatArray

    @classmethod
    def of(cls, between: Prior, hp: Any, parameter: Numeric) -> _Stepped:
        """Return the prior that has the distribution `between` the lowest and the highest value.

        ConfigSpace cuts that distribution into as many steps of the same length as there are
        values. On the logarithmic scale several steps may belong to one value, and some to none.
        """
        n = int(hp.upper - hp.lower) + 1
        shares = np.diff(between.cdf(np.linspace(0.0, 1.0, n + 1)))
        places = np.linspace(0.0, 1.0, n)
        values = (
            hp.lower * (hp.upper / hp.lower) ** places if hp.log else hp.lower + places * (n - 1)
        )
        masses = np.bincount(np.rint(values).astype(int) - int(hp.lower), shares, minlength=n)
        lower, upper = parameter.bins(parameter.all_units())
        below = np.concatenate([[0.0], np.cumsum(masses / masses.sum())])
        return cls(np.append(lower, upper[-1]), below)

    def logpdf(self, units: FloatArray) -> FloatArray:
        """Return the log of the density."""
        density = np.diff(self.below) / np.diff(self.edges)
        place = np.searchsorted(self.edges, units, side="right") - 1
        with np.errstate(divide="ignore"):  # a value that has no step has the density 0
            return np.asarray(np.log(density[np.clip(place, 0, len(density) - 1)]))

    def cdf(self, units: FloatArray) -> FloatArray:
        """Return the mass below."""
        return np.interp(units, self.edges, self.below)

    def ppf(self, shares: FloatArray) -> FloatArray:
        """Return the points below which these shares of the mass lie."""
        return np.interp(shares, self.below, self.edges)


def _choices(hp: Hyperparameter[Any, Any]) -> tuple[Any, ...] | None:
    """Return the values of a hyperparameter as Python's own; None if it is a number in a range."""
    if isinstance(hp, Constant):
        return (native(hp.value),)
    if isinstance(hp, OrdinalHyperparameter):
        return tuple(map(native, hp.sequence))
    if isinstance(hp, CategoricalHyperparameter):
        return tuple(map(native, hp.choices))
    return None


def _code(hp: Hyperparameter[Any, Any], value: Any) -> float:
    """Return a value as the model counts it: a choice by its index."""
    choices = _choices(hp)
    return float(value) if choices is None else float(choices.index(native(value)))


def _predicate(statement: Any) -> Predicate:
    """Return what a condition or a forbidden clause says."""
    kind = type(statement)
    if isinstance(statement, (conditions.AndConjunction, forbidden.ForbiddenAndConjunction)):
        return All(tuple(map(_predicate, statement.components)))
    if isinstance(statement, (conditions.OrConjunction, forbidden.ForbiddenOrConjunction)):
        return Some(tuple(map(_predicate, statement.components)))
    if isinstance(statement, conditions.InCondition):
        return _one_of(statement.parent, statement.values)
    if isinstance(statement, forbidden.ForbiddenInClause):
        return _one_of(statement.hyperparameter, statement.values)
    if isinstance(statement, forbidden.ForbiddenRelation) and kind in _SYMBOLS:
        return _relation(statement, _SYMBOLS[kind])
    if kind in _SYMBOLS:
        is_condition = isinstance(statement, conditions.Condition)
        hp = statement.parent if is_condition else statement.hyperparameter
        return Comparison(hp.name, _SYMBOLS[kind], _code(hp, statement.value))
    raise ArgumentTypeError(
        f"space must have conditions and forbidden clauses of known kinds, got {statement!r}"
    )


def _one_of(hp: Hyperparameter[Any, Any], values: Sequence[Any]) -> OneOf:
    return OneOf(hp.name, tuple(sorted(_code(hp, value) for value in values)))


def _relation(statement: forbidden.ForbiddenRelation, symbol: str) -> Relation:
    """Return a relation of two hyperparameters, which are compared by their values."""
    left, right = statement.left, statement.right
    own, other = _choices(left), _choices(right)
    if own is None and other is None:
        return Relation(left.name, symbol, right.name)
    # Both parameters share one table of ranks: numbers rank as themselves, strings alphabetically.
    values = [*(own or ()), *(other or ())]
    if all(isinstance(value, (bool, int, float)) for value in values):
        ranks = {value: float(value) for value in values}
    elif own is not None and other is not None and all(isinstance(v, str) for v in values):
        ranks = {value: float(rank) for rank, value in enumerate(sorted(set(values)))}
    else:
        raise ArgumentError(
            f"space must relate parameters whose values can be compared, got {statement!r}"
        )
    own_ranks = None if own is None else tuple(ranks[value] for value in own)
    other_ranks = None if other is None else tuple(ranks[value] for value in other)
    return Relation(left.name, symbol, right.name, own_ranks, other_ranks)


# The arguments that make a hyperparameter of each kind again, but for its default.
_SHAPES = {
    UniformFloatHyperparameter: ("lower", "upper", "log"),
    UniformIntegerHyperparameter: ("lower", "upper", "log"),
    NormalFloatHyperparameter: ("mu", "sigma", "lower", "upper", "log"),
    NormalIntegerHyperparameter: ("mu", "sigma", "lower", "upper", "log"),
    BetaFloatHyperparameter: ("alpha", "beta", "lower", "upper", "log"),
    BetaIntegerHyperparameter: ("alpha", "beta", "lower", "upper", "log"),
    CategoricalHyperparameter: ("choices", "weights"),
    OrdinalHyperparameter: ("sequence",),
}


def _default_of_author(space: ConfigurationSpace) -> dict[str, Any] | None:
    """Return the default configuration if the space's author chose any of its values, else None."""
    if not any(_has_own_default(hp) for hp in space.values()):
        return None
    values = dict(space.get_default_configuration())
    default = {}
    for name in values:
        hp = space[name]
        choices = _choices(hp)
        if choices is not None:
            default[name] = choices[int(_code(hp, values[name]))]
        else:
            default[name] = native(values[name])
    return default


def _has_own_default(hp: Hyperparameter[Any, Any]) -> bool:
    """Return whether the default differs from the one that ConfigSpace would choose by itself."""
    shape = {name: getattr(hp, name) for name in _SHAPES.get(type(hp), ())}
    return bool(shape) and type(hp)(hp.name, **shape).default_value != hp.default_value

"""The forest model: a random forest over all rungs ranks the candidates, as in SMAC.

Hutter, Hoos & Leyton-Brown 2011, *Sequential Model-Based Optimization for General Algorithm
Configuration*, sections 4.1 and 4.3. The trees are scikit-learn's, which split by whether a value
is missing: a parameter that is not active needs no value in its place.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from bohb.errors import MissingDependencyError
from bohb.model.arrays import FloatArray, IndexArray
from bohb.model.gaussian_process import GaussianProcessProposer
from bohb.model.observations import Observations
from bohb.model.proposer import Source
from bohb.model.space import Categorical, Space
from bohb.model.surface import Squeeze, aligned, evaluations_of, log_expected_improvement

try:
    from sklearn.tree import DecisionTreeRegressor
except ImportError as error:
    raise MissingDependencyError(
        'model="forest" needs scikit-learn: pip install "bohb[sklearn]"'
    ) from error

_N_TREES = 30
_SHARE_OF_INPUTS = 5 / 6  # that a split chooses among, as in SMAC
_SMALLEST_LEAF = 2  # evaluations
_LEAST_DEVIATION = 1e-3  # of what the losses differ by
_MAX_POINTS = 2000
_PRIOR_WEIGHT = 1.0  # evaluations of the mean that a choice is coded with beside its own


@dataclass(frozen=True, slots=True)
class ForestProposer(GaussianProcessProposer):
    """Proposes as `GaussianProcessProposer` does, with a random forest in the process's place.

    A forest takes thousands of evaluations, hundreds of choices and conditional parameters as they
    are.
    """

    _source: ClassVar[Source] = "forest"

    def _surface(self, space: Space, observations: Observations, target: int) -> ForestSurface:
        return ForestSurface.fitted(space, observations, target)


@dataclass(frozen=True, slots=True)
class _Coding:
    """What one tree is given for configurations: choices by a mean loss that they may have.

    For a single split the order of the choices by their mean loss is the best one (Breiman et al.
    1984, section 4.2). Each tree has means of its own, drawn from what is believed of them, so that
    trees disagree about a choice that was seldom tried.
    """

    codes: tuple[FloatArray | None, ...]  # by column; None for a number

    @classmethod
    def drawn(
        cls, space: Space, units: FloatArray, targets: FloatArray, rng: np.random.Generator
    ) -> _Coding:
        codes: list[FloatArray | None] = []
        spread = float(targets.std()) or 1.0
        for column, parameter in enumerate(space.parameters.values()):
            if not isinstance(parameter, Categorical):
                codes.append(None)
                continue
            n_choices = parameter.n_choices
            choices = units[:, column]
            known = choices < n_choices  # not missing, nor observed in a longer list
            places = choices[known].astype(np.intp)
            count = np.bincount(places, minlength=n_choices) + _PRIOR_WEIGHT
            total = np.bincount(places, targets[known], minlength=n_choices)
            mean = (total + _PRIOR_WEIGHT * targets.mean()) / count
            codes.append(mean + spread / np.sqrt(count) * rng.standard_normal(n_choices))
        return cls(tuple(codes))

    def inputs(self, units: FloatArray, levels: IndexArray) -> FloatArray:
        """Return the inputs of the tree, shape (n, d + 1): the level comes last."""
        found = np.column_stack([units, levels])
        for column, code in enumerate(self.codes):
            if code is not None:
                own = units[:, column]
                places = np.clip(np.nan_to_num(own), 0, len(code) - 1).astype(np.intp)
                found[:, column] = np.where(np.isnan(own), np.nan, code[places])
        return found.astype(np.float32)


@dataclass(frozen=True, slots=True)
class ForestSurface:
    """The loss at one level, as far as a forest over the evaluations of all levels tells.

    Attributes
    ----------
    trees
        The trees, each with what it is given for configurations.
    target
        The level whose loss is predicted.
    lowest
        The lowest expected loss at that level of all configurations that were tried or are pending.
    tried
        These configurations, the one of the lowest expected loss first.
    """

    trees: tuple[tuple[_Coding, Any], ...]
    target: int
    lowest: float
    tried: FloatArray

    @classmethod
    def fitted(cls, space: Space, observations: Observations, target: int) -> ForestSurface:
        """Return the surface that fits the observations, of which at least one has a loss.

        A pending configuration counts at the target as one standard deviation worse than is
        expected of it, so that its neighbourhood promises less.
        """
        units = space.encode(observations.columns(space.names))
        rows, levels = evaluations_of(observations, _MAX_POINTS)
        losses = aligned(observations.losses)[rows, levels]
        targets = Squeeze.of(losses).apply(losses)
        seed = len(rows)  # the same history gives the same trees
        surface = cls._grown(space, units[rows], levels, targets, target, seed)
        tried = units[np.unique(rows)]
        pending = units[observations.is_pending]
        if len(pending):
            mean, deviation = surface.predict(pending)
            surface = cls._grown(
                space,
                np.concatenate([units[rows], pending]),
                np.append(levels, np.full(len(pending), target)),
                np.append(targets, mean + deviation),
                target,
                seed,
            )
            tried = np.concatenate([tried, pending])
        mean, _ = surface.predict(tried)
        order = np.argsort(mean, kind="stable")
        return cls(surface.trees, target, float(mean[order[0]]), tried[order])

    @classmethod
    def _grown(
        cls,
        space: Space,
        units: FloatArray,
        levels: IndexArray,
        targets: FloatArray,
        target: int,
        seed: int,
    ) -> ForestSurface:
        rng = np.random.default_rng(seed)
        trees = []
        for _ in range(_N_TREES):
            coding = _Coding.drawn(space, units, targets, rng)
            rows = rng.integers(len(units), size=len(units))  # a bootstrap sample
            tree = DecisionTreeRegressor(
                max_features=_SHARE_OF_INPUTS,
                min_samples_leaf=_SMALLEST_LEAF,
                random_state=int(rng.integers(2**31)),
            ).fit(coding.inputs(units[rows], levels[rows]), targets[rows])
            trees.append((coding, tree.tree_))
        return cls(tuple(trees), target, np.nan, units)

    def predict(self, units: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the mean and the standard deviation at the target, shape (n,) each.

        The variance is that of the trees' predictions and what losses differ by within their leaves
        (Hutter et al. 2014, section 4.3.2, the law of total variance).
        """
        levels = np.full(len(units), self.target)
        means = np.empty((len(self.trees), len(units)))
        within = np.empty_like(means)
        for place, (coding, tree) in enumerate(self.trees):
            leaves = tree.apply(coding.inputs(units, levels))
            means[place] = tree.value[leaves, 0, 0]
            within[place] = tree.impurity[leaves]
        variance = means.var(axis=0) + within.mean(axis=0)
        return means.mean(axis=0), np.sqrt(np.maximum(variance, _LEAST_DEVIATION**2))

    @property
    def noise_share(self) -> float:
        """No share: what a forest cannot explain is a part of its deviation."""
        return 0.0

    def log_improvement(self, units: FloatArray) -> FloatArray:
        """Return the log of the expected improvement on `lowest`, shape (n,)."""
        mean, deviation = self.predict(units)
        return log_expected_improvement(self.lowest, mean, deviation)

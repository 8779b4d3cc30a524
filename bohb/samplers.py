"""The sampler: Optuna's interface over the density model."""

from __future__ import annotations

import secrets
import weakref
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import optuna
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial

from bohb import arguments
from bohb.history import (
    History,
    from_model,
    scale_of,
    to_model,
    to_parameter,
    trials_of,
    unwrapped,
)
from bohb.model import Proposer, Space


class BOHBSampler(BaseSampler):
    """Proposes configurations that are likely among the good ones and unlikely among the others.

    It works in `bohb.create_study` and in a plain `optuna.create_study`. All rungs count: a
    trial is judged at the highest resource it was evaluated at, against the others there. The
    proposal of a trial is a function of the study's history, the seed and the trial's number, so
    that a resumed study goes on as the uninterrupted one would have.

    Parameters
    ----------
    seed
        Makes proposals repeatable. None draws a seed from the operating system.
    random_fraction
        The share of configurations drawn uniformly, whatever was observed. It keeps the
        guarantee of Hyperband (Falkner, Klein & Hutter 2018, section 4) at little cost: shares
        from 0.05 to 0.33 did about equally well. 1 gives plain Hyperband.
    n_candidates
        How many draws from the density of the good configurations compete for each proposal.
    min_observations
        From so many evaluated trials on the densities are used. None means d + 2 for d parameters.

    Raises
    ------
    ArgumentError
        If `random_fraction` is not between 0 and 1, or a count is not positive.

    Examples
    --------
    >>> import optuna, bohb
    >>> optuna.logging.set_verbosity(optuna.logging.WARNING)
    >>> study = optuna.create_study(sampler=bohb.BOHBSampler(seed=0))
    >>> study.optimize(lambda trial: (trial.suggest_float("x", -5, 5) - 2) ** 2, n_trials=60)
    >>> abs(study.best_params["x"] - 2) < 0.1
    True
    """

    def __init__(
        self,
        seed: int | None = None,
        *,
        random_fraction: float = 0.1,
        n_candidates: int = 256,
        min_observations: int | None = None,
    ) -> None:
        if seed is None:
            seed = secrets.randbits(64)
        self._seed = arguments.count("seed", seed, least=0)
        self._options: dict[str, Any] = {
            "random_fraction": arguments.share("random_fraction", random_fraction),
            "n_candidates": arguments.count("n_candidates", n_candidates),
            "min_observations": None
            if min_observations is None
            else arguments.count("min_observations", min_observations),
        }
        self._histories: weakref.WeakKeyDictionary[optuna.Study, History] = (
            weakref.WeakKeyDictionary()
        )

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_histories": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _histories=weakref.WeakKeyDictionary())

    def infer_relative_search_space(
        self, study: optuna.Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """Return the joint space known so far, without the parameters that have one value only."""
        self._raise_error_if_multi_objective(study)
        distributions = self._history(study).distributions(without=trial.number)
        return {name: d for name, d in distributions.items() if not d.single()}

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Return values that should be tried together."""
        self._raise_error_if_multi_objective(study)
        if not search_space:
            return {}
        history = self._history(study)
        space = _space(search_space)
        given = _model_values(trial.system_attrs.get("fixed_params", {}), search_space)
        values = self._proposer(study).propose(
            space, history.observations(without=trial.number), given, self._rng(trial.number)
        )
        history.expect(trial.number, values)
        return {name: from_model(search_space[name], value) for name, value in values.items()}

    def sample_independent(
        self,
        study: optuna.Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        """Return a value for a parameter that was not proposed, given those the trial has."""
        self._raise_error_if_multi_objective(study)
        given = {name: d for name, d in trial.distributions.items() if not d.single()}
        value = self._proposer(study).propose_one(
            param_name,
            _space({**given, param_name: param_distribution}),
            self._history(study).observations(without=trial.number),
            _model_values(trial.params, given),
            self._rng(trial.number, param_name),
        )
        return from_model(param_distribution, value)

    def _proposer(self, study: optuna.Study) -> Proposer:
        from bohb.model.density import DensityProposer  # keeps `import bohb` short

        reduction_factor = getattr(unwrapped(study).pruner, "reduction_factor", 3.0)
        return DensityProposer(**self._options, reduction_factor=float(reduction_factor))

    def _history(self, study: optuna.Study) -> History:
        study = unwrapped(study)
        own = getattr(study, "history", None)
        if isinstance(own, History):
            return own  # the study keeps its own up to date, without reading the storage
        if study not in self._histories:
            self._histories[study] = History(scale_of(study))
        history = self._histories[study]
        history.refresh(trials_of(study))
        return history

    def _rng(self, number: int, name: str | None = None) -> np.random.Generator:
        """Return the trial's own stream; a parameter sampled alone has one of its own."""
        key = [self._seed, number]
        if name is not None:
            key.append(1 + zlib.crc32(name.encode()))
        return np.random.default_rng(np.random.SeedSequence(key))


def _space(distributions: Mapping[str, BaseDistribution]) -> Space:
    return Space({name: to_parameter(distributions[name]) for name in sorted(distributions)})


def _model_values(
    values: Mapping[str, Any], distributions: Mapping[str, BaseDistribution]
) -> dict[str, float]:
    """Return the values of the parameters that the model knows, as it counts them."""
    return {
        name: to_model(distribution, values[name])
        for name, distribution in distributions.items()
        if name in values
    }

"""Optuna's evolutionary samplers inside brackets: they learn from the trials of all levels."""

from __future__ import annotations

import copy
from collections.abc import Container
from typing import Any

import optuna
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from bohb.errors import ArgumentTypeError
from bohb.history import Histories, trials_of, unwrapped
from bohb.model.observations import best


class AcrossLevels(BaseSampler):
    """Lets a sampler of Optuna learn from all rungs, in place of complete trials alone.

    Samplers such as `optuna.samplers.CmaEsSampler` and `NSGAIISampler` learn from populations of
    complete trials. In brackets few trials come to the highest resource, so that they draw at
    random for most of a run. With this around it, a sampler sees each evaluated trial as a complete
    one. Its value is its score: its rank among all trials that were evaluated at the highest level
    it came to, as a share, times ``reduction_factor**-level``, since each promotion selects one
    trial in `reduction_factor`. Lower levels so count for less, and all can be compared.

    It is meant for samplers that go by ranks, as those two do, in `bohb.create_study`.
    `BOHBSampler` learns from all levels by itself.

    Parameters
    ----------
    sampler
        The sampler of Optuna.

    Raises
    ------
    ArgumentTypeError
        If `sampler` is no sampler.

    Examples
    --------
    >>> import bohb, optuna
    >>> sampler = bohb.AcrossLevels(optuna.samplers.NSGAIISampler(population_size=10, seed=0))
    >>> study = bohb.create_study(sampler=sampler, pruner=bohb.HyperbandPruner(1, 9))
    >>> study.optimize(lambda trial: abs(trial.suggest_float("x", 0, 1) - 0.3) + 1 / trial.resource)
    >>> len(study.trials)
    15
    """

    def __init__(self, sampler: BaseSampler) -> None:
        if not isinstance(sampler, BaseSampler):
            raise ArgumentTypeError(f"sampler must be a sampler of Optuna, got {sampler!r}")
        self.sampler = sampler
        self._histories = Histories()

    def __repr__(self) -> str:
        return f"AcrossLevels({self.sampler!r})"

    def reseed_rng(self) -> None:
        """Let the sampler draw other random numbers from here on."""
        self.sampler.reseed_rng()

    def infer_relative_search_space(
        self, study: optuna.Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """Return the parameters that the sampler proposes together.

        Parameters
        ----------
        study, trial
            As for a sampler of Optuna.
        """
        return self.sampler.infer_relative_search_space(self._seen(study), trial)

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Return values that should be tried together.

        Parameters
        ----------
        study, trial, search_space
            As for a sampler of Optuna.
        """
        return self.sampler.sample_relative(self._seen(study), trial, search_space)

    def sample_independent(
        self,
        study: optuna.Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        """Return a value for a parameter that was not proposed with others.

        Parameters
        ----------
        study, trial, param_name, param_distribution
            As for a sampler of Optuna.
        """
        seen = self._seen(study)
        return self.sampler.sample_independent(seen, trial, param_name, param_distribution)

    def before_trial(self, study: optuna.Study, trial: FrozenTrial) -> None:
        """Tell the sampler of a trial that begins.

        Parameters
        ----------
        study, trial
            As for a sampler of Optuna.
        """
        self.sampler.before_trial(self._seen(study), trial)

    def after_trial(
        self, study: optuna.Study, trial: FrozenTrial, state: TrialState, values: Any
    ) -> None:
        """Tell the sampler of a trial that is over.

        Parameters
        ----------
        study, trial, state, values
            As for a sampler of Optuna.
        """
        self.sampler.after_trial(self._seen(study), trial, state, values)

    def _seen(self, study: optuna.Study) -> optuna.Study:
        """Return the study with all evaluated trials as complete ones, valued by their scores."""
        study = unwrapped(study)
        with self._histories.of(study).objectives(without=-1) as objectives:
            factor = float(getattr(study.pruner, "reduction_factor", 3.0))
            scores = []
            for observations in objectives:
                rows, found = best(observations, factor, len(observations))
                scores.append(dict(zip(rows.tolist(), found.tolist(), strict=True)))
        signs = [-1.0 if d == StudyDirection.MAXIMIZE else 1.0 for d in study.directions]
        trials = []
        for trial in trials_of(study):
            if trial.number in scores[0]:
                own = [each[trial.number] for each in scores]
                trial = copy.copy(trial)
                trial.state = TrialState.COMPLETE
                trial.values = [sign * score for sign, score in zip(signs, own, strict=True)]
            trials.append(trial)
        return _SeenStudy(study, trials)


class _SeenStudy(optuna.Study):
    """A study as a sampler sees it: with other trials, and all else from the study itself."""

    def __init__(self, study: optuna.Study, trials: list[FrozenTrial]) -> None:
        self.__dict__.update(study.__dict__)
        self._study = study  # what other samplers unwrap
        self._seen = trials

    def get_trials(
        self, deepcopy: bool = True, states: Container[TrialState] | None = None
    ) -> list[FrozenTrial]:
        """Return the trials as they are seen."""
        return self._get_trials(deepcopy, states)

    def _get_trials(
        self,
        deepcopy: bool = True,
        states: Container[TrialState] | None = None,
        use_cache: bool = False,
    ) -> list[FrozenTrial]:
        chosen = [trial for trial in self._seen if states is None or trial.state in states]
        return copy.deepcopy(chosen) if deepcopy else chosen

    def stop(self) -> None:
        """Stop the study itself."""
        self._study.stop()

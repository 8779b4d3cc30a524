"""The searcher for Ray Tune. Needs ``ray[tune]``."""

from __future__ import annotations

import math
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import optuna
from optuna.distributions import BaseDistribution
from optuna.trial import TrialState

from bohb import arguments
from bohb.errors import ArgumentError, MissingDependencyError
from bohb.hyperband import Resource
from bohb.pruners import HyperbandPruner
from bohb.samplers import BOHBSampler

try:
    from ray.tune.result import TRAINING_ITERATION
    from ray.tune.search import Searcher
    from ray.tune.search.optuna import OptunaSearch
except ImportError as error:
    raise MissingDependencyError(
        "bohb.integration.ray_tune needs Ray Tune: pip install 'ray[tune]'"
    ) from error


class BOHBSearch(Searcher):  # type: ignore[misc]  # without types where it is not installed
    """Lets Ray Tune try the configurations that `BOHBSampler` proposes.

    It goes with any scheduler of Tune: ``ASHAScheduler``, ``HyperBandScheduler``,
    ``HyperBandForBOHB``. The scheduler decides how far trials run. What they report on the way
    teaches the model at the levels of the ladder, whoever stops them.

    Parameters
    ----------
    max_resource
        The most iterations of a trial, as the ``max_t`` of the scheduler. One iteration is one
        report.
    space
        Distributions of Optuna by name. None takes the ``param_space`` of the ``Tuner``.
    metric, mode
        What is optimised, and whether it is to be ``"min"`` or ``"max"``. None takes those of the
        ``TuneConfig``.
    min_resource, reduction_factor
        As the ``grace_period`` and the ``reduction_factor`` of the scheduler.
    sampler
        Another sampler; None for `BOHBSampler` with `seed`.
    seed
        Makes proposals repeatable; None draws one.

    Raises
    ------
    ArgumentError
        If `mode` is neither of the two, both `sampler` and `seed` are given, or the resources make
        no ladder.

    Examples
    --------
    A ``Tuner`` takes it with a scheduler whose bounds are the same::

        tuner = tune.Tuner(
            train,
            param_space={"rate": tune.loguniform(1e-4, 1)},
            tune_config=tune.TuneConfig(
                metric="loss",
                mode="min",
                search_alg=BOHBSearch(max_resource=81, seed=0),
                scheduler=ASHAScheduler(max_t=81, grace_period=1, reduction_factor=3),
                num_samples=100,
            ),
        )
    """

    def __init__(
        self,
        max_resource: Resource,
        space: Mapping[str, BaseDistribution] | None = None,
        *,
        metric: str | None = None,
        mode: Literal["min", "max"] | None = None,
        min_resource: Resource = 1,
        reduction_factor: float = 3,
        sampler: optuna.samplers.BaseSampler | None = None,
        seed: int | None = None,
    ) -> None:
        if mode is not None:
            arguments.one_of("mode", mode, ("min", "max"))
        if sampler is not None and seed is not None:
            raise ArgumentError(
                f"seed is that of the default sampler, got seed={seed!r} and sampler={sampler!r}: "
                "give it to the sampler"
            )
        super().__init__(metric=metric, mode=mode)
        self._metric: str | None = metric
        self._mode: str | None = mode
        self._pruner = HyperbandPruner(min_resource, max_resource, reduction_factor)
        self._sampler = BOHBSampler(seed) if sampler is None else sampler
        self._space = None if space is None else dict(space)
        self._study: optuna.Study | None = None
        self._trials: dict[str, optuna.Trial] = {}
        self._last_step: dict[str, int] = {}  # of each trial

    def set_search_properties(
        self, metric: str | None, mode: str | None, config: dict[str, Any], **spec: Any
    ) -> bool:
        """Take what the ``Tuner`` was given, where the searcher was not given it."""
        if self._study is not None:
            return False
        if self._space is None:
            self._space = OptunaSearch.convert_search_space(config)
        elif config:
            return False
        self._metric, self._mode = self._metric or metric, self._mode or mode
        return True

    def suggest(self, trial_id: str) -> dict[str, Any] | None:
        """Return the configuration of a new trial."""
        if trial_id not in self._trials:
            self._trials[trial_id] = self._begun().ask(fixed_distributions=self._space)
        config: dict[str, Any] = {}
        for name, value in self._trials[trial_id].params.items():
            *path, last = name.split("/")  # as Tune names what is nested
            inner = config
            for part in path:
                inner = inner.setdefault(part, {})
            inner[last] = value
        return config

    def on_trial_result(self, trial_id: str, result: Mapping[str, Any]) -> None:
        """Take what a trial has reported after an iteration."""
        value, step = result.get(str(self._metric)), int(result[TRAINING_ITERATION])
        # Tune gives the last result of a trial twice.
        if (
            value is None
            or trial_id not in self._trials
            or step <= self._last_step.get(trial_id, 0)
        ):
            return
        self._last_step[trial_id] = step
        self._trials[trial_id].report(float(value), step)

    def on_trial_complete(
        self, trial_id: str, result: Mapping[str, Any] | None = None, error: bool = False
    ) -> None:
        """Take how a trial has ended: by itself, by the scheduler or by an error."""
        if result is not None:
            self.on_trial_result(trial_id, result)
        trial = self._trials.pop(trial_id, None)
        if trial is None:
            return
        value = (result or {}).get(str(self._metric))
        if error or result is None or value is None or not math.isfinite(value):
            self._begun().tell(trial, state=TrialState.FAIL)
        elif result[TRAINING_ITERATION] >= self._pruner.max_resource:
            self._begun().tell(trial, float(value))
        else:
            self._begun().tell(trial, state=TrialState.PRUNED)

    def on_pause(self, trial_id: str) -> None:
        """Do nothing: a trial that is paused is known by what it has reported."""

    def on_unpause(self, trial_id: str) -> None:
        """Do nothing."""

    def save(self, checkpoint_path: str) -> None:
        """Write all that is known into a file, for a ``Tuner`` that is restored."""
        Path(checkpoint_path).write_bytes(pickle.dumps(self.__dict__))

    def restore(self, checkpoint_path: str) -> None:
        """Read what `save` has written."""
        written = Path(checkpoint_path).read_bytes()
        self.__dict__.update(pickle.loads(written))  # noqa: S301 - it is in Tune's own directory

    def _begun(self) -> optuna.Study:
        if self._study is None:
            if not self._space:
                raise ArgumentError(
                    "space must have a distribution for each parameter, got none: give it here or "
                    "as the param_space of the Tuner"
                )
            self._study = optuna.create_study(
                sampler=self._sampler,
                pruner=self._pruner,
                direction="maximize" if self._mode == "max" else "minimize",
            )
        return self._study

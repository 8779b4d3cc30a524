"""`minimize`: one call, for those who do not want a study."""

from __future__ import annotations

import concurrent.futures
import inspect
import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.storages import BaseStorage

from bohb.errors import ArgumentError, ArgumentTypeError, SettingsError
from bohb.executors import Executor
from bohb.hyperband import Resource, lowest_of
from bohb.objective.trial import Trial
from bohb.pruners import HyperbandPruner
from bohb.samplers import BOHBSampler
from bohb.store.fingerprint import Fingerprint
from bohb.store.opening import unannounced
from bohb.study.create import create_study
from bohb.study.study import Study

if TYPE_CHECKING:
    from ConfigSpace import ConfigurationSpace
    from distributed import Client


@dataclass(frozen=True, slots=True)
class Minimum:
    """The result of `bohb.minimize`.

    Attributes
    ----------
    config
        The best configuration at the highest resource reached.
    loss
        The loss of `config` at `resource`.
    resource
        The highest resource reached: `max_resource`, unless a timeout ended the call before.
    study
        The study, with all that was evaluated.
    """

    config: dict[str, Any]
    loss: float
    resource: Resource
    study: Study


def minimize(
    function: Callable[[dict[str, Any], Any], float],
    space: ConfigurationSpace | Mapping[str, BaseDistribution],
    *,
    max_resource: Resource,
    min_resource: Resource | None = None,
    reduction_factor: float = 3,
    n_rounds: int | None = None,
    n_trials: int | None = None,
    total_resource: Resource | None = None,
    timeout: float | None = None,
    seed: int | None = None,
    sampler: BaseSampler | None = None,
    asynchronous: bool = False,
    n_jobs: int = 1,
    executor: Executor | concurrent.futures.Executor | Client | None = None,
    leg_timeout: float | None = None,
    max_failures: float | None = None,
    catch: Iterable[type[Exception]] | type[Exception] = (),
    storage: str | Path | BaseStorage | None = None,
    study_name: str | None = None,
    show_progress_bar: bool = False,
) -> Minimum:
    """Return the configuration of `space` for which `function` gives the lowest loss.

    After Ctrl-C KeyboardInterrupt goes on; with `storage` the next call takes up what was done.

    Parameters
    ----------
    function
        Called with a configuration, a dict of the active parameters by name, and the resource it
        may use: epochs, rows, seconds. Returns the loss.
    space
        A ``ConfigurationSpace`` of ConfigSpace, or distributions of Optuna by name.
    max_resource
        The most resource that one configuration is given.
    min_resource
        The least resource at which a configuration is judged; None makes five rungs, or as many as
        integers allow.
        Resources are integers if both bounds are.
    reduction_factor
        Of this many configurations on a rung one is promoted; 3 by default.
    n_rounds, n_trials, total_resource, timeout
        How much is done, as in `Study.optimize`; without any of them one round. With a `storage`
        `n_rounds`, `n_trials` and `total_resource` count for all calls together, `timeout` for
        each call.
    seed
        Makes the call repeatable. None draws one; a `storage` keeps it for the next call.
    sampler
        What proposes configurations: any sampler of Optuna, which has a seed of its own. None for
        `BOHBSampler`.
    asynchronous
        Promote without waiting for a rung to be complete.
    n_jobs, executor, leg_timeout, max_failures, catch
        As in `Study.optimize`: what runs the function, and what happens when it fails.
    storage, study_name
        As in `create_study`: where everything is kept, and under which name; None for the name of
        the function. A call with a storage that has the study goes on with it: a function that
        has changed needs another name.
    show_progress_bar
        Whether to show a bar with the best loss.

    Raises
    ------
    ArgumentError
        If an argument is out of its range, `function` does not take two arguments, or has no name
        to take as `study_name` where there is a `storage`.
    NoResultError
        If no evaluation has given a finite loss.
    ExecutorError, StorageError, StudyOwnedError
        As in `Study.optimize`.
    SettingsError
        If the study exists and was begun with other bounds, another space or another seed.
    TooManyFailuresError
        If a larger share of evaluations fails than `max_failures` allows.

    Examples
    --------
    >>> from ConfigSpace import ConfigurationSpace
    >>> space = ConfigurationSpace({"x": (-5.0, 5.0), "kind": ["good", "bad"]})
    >>> def loss(config, resource):
    ...     return (config["x"] - 2) ** 2 + (config["kind"] == "bad") + 1 / resource
    >>> found = minimize(loss, space, max_resource=27, seed=0)
    >>> found.config["kind"], abs(found.config["x"] - 2) < 0.1, found.resource
    ('good', True, 27)
    """
    _check_function(function)
    if space is None:
        raise ArgumentTypeError(
            "space must be a ConfigurationSpace or a dict of distributions of Optuna, got None"
        )
    if sampler is not None and seed is not None:
        raise ArgumentError(
            f"seed is that of BOHBSampler and cannot be given together with sampler, got "
            f"{seed!r}: give the sampler its seed"
        )
    if min_resource is None:
        min_resource = lowest_of(max_resource, reduction_factor)
    name = getattr(function, "__name__", type(function).__name__)
    if storage is not None and study_name is None and not name.isidentifier():
        raise ArgumentError(
            f"study_name must be given with storage for a function that has no name, got {name}"
        )
    study = create_study(
        storage=storage,
        sampler=BOHBSampler(seed) if sampler is None else sampler,
        pruner=HyperbandPruner(
            min_resource, max_resource, reduction_factor, asynchronous=asynchronous
        ),
        study_name=study_name or (unannounced(name) if storage is None else name),
        load_if_exists=storage is not None,
        space=space,
    )
    if storage is not None:
        kept_seed = _take_up(study, seed)
        if sampler is None:
            study.sampler = BOHBSampler(kept_seed)
    # A timeout without another limit counts for each call alone, so it cannot go with `in_total`.
    is_endless = n_rounds is None and n_trials is None and total_resource is None
    study.optimize(
        _OfConfiguration(function),
        n_rounds=n_rounds,
        n_trials=n_trials,
        total_resource=total_resource,
        timeout=timeout,
        in_total=storage is not None and not (timeout is not None and is_endless),
        n_jobs=n_jobs,
        executor=executor,
        leg_timeout=leg_timeout,
        max_failures=max_failures,
        catch=catch,
        show_progress_bar=show_progress_bar,
    )
    best = study.incumbent()
    trial = study.get_trials(deepcopy=False)[best.number]
    config = study.space.configuration(trial.params) if study.space else best.params
    return Minimum(config, best.value, best.resource, study)


@dataclass(frozen=True)
class _OfConfiguration:
    """The objective made from a function of a configuration and a resource."""

    function: Callable[[dict[str, Any], Any], float]

    def __call__(self, trial: Trial) -> float:
        return self.function(trial.config, trial.resource)


def _take_up(study: Study, seed: int | None) -> int:
    """Return the seed that a stored study was begun with; a new study keeps `seed` or draws one.

    Raises
    ------
    SettingsError
        If the study was begun with another seed or another space, or not by `minimize`.
    """
    distributions = study.space.distributions if study.space else {}
    facts: dict[str, Any] = {f"parameter {name!r}": repr(d) for name, d in distributions.items()}
    fingerprint = Fingerprint(study, "bohb:minimize", "bohb.minimize")
    drawn = secrets.randbits(32) if seed is None else seed
    kept_seed, changed = fingerprint.take_up(
        facts, seed_key="seed", seed=drawn, is_given=seed is not None
    )
    if changed:
        raise SettingsError(
            f"study {study.study_name!r} was begun with other arguments, which differ in "
            f"{', '.join(changed)}: give another study_name"
        )
    return kept_seed


def _check_function(function: Any) -> None:
    if not callable(function):
        raise ArgumentTypeError(f"function must be callable, got {function!r}")
    if inspect.isgeneratorfunction(function):
        raise ArgumentTypeError(
            f"function must return its loss, got the generator {function!r}: study.optimize takes "
            "generators"
        )
    try:
        inspect.signature(function).bind({}, 1)
    except TypeError as error:
        raise ArgumentError(
            "function must take two arguments, a configuration and a resource, got "
            f"{function!r}: {error}"
        ) from error
    except ValueError:  # a function that is written in C may not tell its arguments
        return

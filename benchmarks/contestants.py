"""The contestants: each runs a task to the end of its budget, in the environment it needs.

Whoever is not named otherwise is run with its defaults and reduction factor 3, one evaluation after
another. Every function takes a recorder and a seed. What it needs is imported where it is used: no
environment has all of it.
"""

from __future__ import annotations

import functools
import itertools
import math
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from protocol import Parameter, Recorder, config_of, parameters_of, rungs_of

Run = Callable[[Recorder, int], None]


@dataclass(frozen=True)
class Contestant:
    """Whoever takes part.

    Attributes
    ----------
    label
        How it is called in tables.
    environment
        The environment that it runs in, a key of `PACKAGES`.
    run
        Runs a task.
    """

    label: str
    environment: str
    run: Run


# What is installed into each environment, and which of it is named as its version.
PACKAGES: dict[str, tuple[str, list[str]]] = {
    "bohb": ("bohb", []),
    "optuna": ("optuna", ["optuna==5.0.0", "scipy", "torch"]),
    "hpbandster": (
        "hpbandster",
        [
            "hpbandster==0.7.4",
            "ConfigSpace==0.6.1",
            "numpy<2",
            "scipy<1.13",
            "statsmodels<0.15",
            "pandas<2.3",
            "setuptools",
        ],
    ),
    "dehb": ("dehb", ["dehb==0.1.2", "pandas"]),
    "smac": ("smac", ["smac==2.4.1", "pandas"]),
    "neps": ("neural-pipeline-search", ["torch", "neural-pipeline-search==0.17.0", "pandas"]),
}


def random_search(recorder: Recorder, seed: int) -> None:
    rng, parameters = np.random.default_rng(seed), parameters_of(recorder.task)
    while not recorder.is_over:
        values = {name: parameter.draw(rng) for name, parameter in parameters.items()}
        recorder.evaluate(config_of(recorder.task, values), recorder.task.resources[1])


def in_brackets(
    recorder: Recorder,
    seed: int,
    *,
    n_jobs: int = 1,
    asynchronous: bool = False,
    single: bool = False,
    reduction_factor: float = 3,
    sampler: str = "BOHBSampler",
    across_levels: bool = False,
    **options: Any,
) -> None:
    """Run a study of bohb, with so many workers on a simulated clock.

    `single` stands for the highest resource alone, `sampler` is ours or one of Optuna's, and
    `options` are those of the sampler.
    """
    import optuna

    import bohb
    from bohb.executors import SimulatedExecutor

    task = recorder.task
    low, top = task.resources
    pruner = bohb.HyperbandPruner(
        top if single else low, top, reduction_factor, asynchronous=asynchronous
    )

    def objective(trial: bohb.Trial) -> float:
        loss = recorder.evaluate(task.suggest(trial), trial.resource)
        if recorder.is_over:
            trial.study.stop()
        return loss

    room = bohb if hasattr(bohb, sampler) else optuna.samplers
    made = getattr(room, sampler)(seed=seed, **options)
    study = bohb.create_study(
        sampler=bohb.AcrossLevels(made) if across_levels else made, pruner=pruner
    )
    executor = None if n_jobs == 1 else SimulatedExecutor(n_jobs, _duration)
    study.optimize(objective, n_rounds=1000, executor=executor)


def _duration(leg: Any) -> float:
    return float(leg.resource - leg.previous_resource)


def optuna_at_the_top(recorder: Recorder, seed: int, *, sampler: str) -> None:
    """Run a sampler of Optuna at the highest resource alone."""
    import optuna

    task = recorder.task
    made = getattr(optuna.samplers, sampler)(seed=seed)
    study = optuna.create_study(sampler=made)
    while not recorder.is_over:
        trial = study.ask()
        study.tell(trial, recorder.evaluate(task.suggest(trial), task.resources[1]))


def optuna_hyperband(recorder: Recorder, seed: int) -> None:
    """Run Optuna's TPE with its own HyperbandPruner."""
    import optuna

    task, levels = recorder.task, rungs_of(recorder.task)

    def objective(trial: optuna.Trial) -> float:
        config = task.suggest(trial)
        for level, resource in enumerate(levels):
            loss = recorder.evaluate(config, resource)
            if recorder.is_over:
                trial.study.stop()
            trial.report(loss, 3**level)
            if trial.should_prune():
                raise optuna.TrialPruned
        return loss

    pruner = optuna.pruners.HyperbandPruner(1, 3 ** (len(levels) - 1), 3)
    # The bracket of a trial is a hash of the study's name and its number.
    study = optuna.create_study(
        study_name="s", sampler=optuna.samplers.TPESampler(seed=seed), pruner=pruner
    )
    study.optimize(objective)


def hpbandster(recorder: Recorder, seed: int) -> None:
    """Run HpBandSter's own iterations and models, without its servers."""
    from hpbandster.core.dispatcher import Job
    from hpbandster.optimizers.config_generators.bohb import BOHB
    from hpbandster.optimizers.iterations import SuccessiveHalving

    task, levels = recorder.task, rungs_of(recorder.task)
    np.random.seed(seed)  # noqa: NPY002 - it draws from there
    generator = BOHB(configspace=_configuration_space(task, seed))
    n_levels = len(levels)
    for index in itertools.count():
        s = n_levels - 1 - index % n_levels
        first = math.floor(n_levels / (s + 1)) * 3**s
        sizes = [max(first // 3**rung, 1) for rung in range(s + 1)]
        iteration = SuccessiveHalving(
            HPB_iter=index,
            num_configs=sizes,
            budgets=levels[-s - 1 :],
            config_sampler=generator.get_config,
        )
        while (run := iteration.get_next_run()) is not None:
            identity, config, budget = run
            job = Job(identity, config=config, budget=budget)
            job.timestamps = {"submitted": 0.0, "started": 0.0, "finished": 0.0}
            loss = recorder.evaluate(config_of(task, config), budget)
            job.result, job.exception = {"loss": loss, "info": {}}, None
            iteration.register_result(job)
            generator.new_result(job)
            if recorder.is_over:
                return


def dehb(recorder: Recorder, seed: int) -> None:
    """Run DEHB through its ask and tell."""
    from dehb import DEHB
    from loguru import logger

    logger.remove()
    logger.add = lambda *_, **__: 0  # else every run opens a log file
    task, levels = recorder.task, rungs_of(recorder.task)
    with tempfile.TemporaryDirectory() as directory:
        optimiser = DEHB(
            cs=_configuration_space(task, seed),
            min_fidelity=levels[0],
            max_fidelity=levels[-1],
            eta=3,
            seed=seed,
            n_workers=1,
            output_path=directory,
        )
        while not recorder.is_over:
            asked = optimiser.ask()
            resource = min(levels, key=lambda level: abs(level - asked["fidelity"]))
            loss = recorder.evaluate(config_of(task, dict(asked["config"])), resource)
            optimiser.tell(asked, {"fitness": loss, "cost": resource, "info": {}})


def smac(recorder: Recorder, seed: int) -> None:
    """Run SMAC's multi-fidelity facade through its ask and tell."""
    from smac import MultiFidelityFacade, Scenario
    from smac.runhistory.dataclasses import TrialValue

    task, levels = recorder.task, rungs_of(recorder.task)
    with tempfile.TemporaryDirectory() as directory:
        scenario = Scenario(
            _configuration_space(task, seed),
            deterministic=True,
            min_budget=levels[0],
            max_budget=levels[-1],
            n_trials=100_000,
            seed=seed,
            output_directory=directory,
        )
        facade = MultiFidelityFacade(
            scenario,
            lambda config, seed, budget: 0.0,
            intensifier=MultiFidelityFacade.get_intensifier(scenario, eta=3),
            initial_design=MultiFidelityFacade.get_initial_design(
                scenario, n_configs=10 * len(parameters_of(task)), max_ratio=0.25
            ),
            logging_level=False,
            overwrite=True,
        )
        while not recorder.is_over:
            asked = facade.ask()
            resource = min(levels, key=lambda level: abs(level - asked.budget))
            loss = recorder.evaluate(config_of(task, dict(asked.config)), resource)
            facade.tell(asked, TrialValue(cost=loss, time=0.0))


def neps(recorder: Recorder, seed: int) -> None:
    """Run PriorBand of NePS without a prior of the user, in Hyperband's brackets."""
    import random

    import torch
    from neps import AskAndTell, algorithms
    from neps.space import HPOCategorical, HPOFloat, HPOInteger, SearchSpace

    torch.manual_seed(seed)
    np.random.seed(seed)  # noqa: NPY002 - it draws from there
    random.seed(seed)
    task, levels = recorder.task, rungs_of(recorder.task)

    def made(parameter: Parameter) -> Any:
        if parameter.choices:
            return HPOCategorical(list(range(len(parameter.choices))))
        kind = HPOInteger if parameter.is_integer else HPOFloat
        ends = (int, float)[not parameter.is_integer]
        return kind(ends(parameter.low), ends(parameter.high), log=parameter.log)

    parameters = parameters_of(task)
    space = {name: made(parameter) for name, parameter in parameters.items()}
    kind = int if isinstance(levels[0], int) else float
    fidelity = (HPOInteger if kind is int else HPOFloat)(
        kind(levels[0]), kind(levels[-1]), is_fidelity=True
    )
    optimiser = AskAndTell(
        algorithms.priorband(SearchSpace({**space, "resource": fidelity}), eta=3, base="hyperband")
    )
    while not recorder.is_over:
        asked = optimiser.ask()
        values = dict(asked.config)
        given = values.pop("resource")
        resource = min(levels, key=lambda level: abs(level - given))
        for name, parameter in parameters.items():
            if parameter.choices:
                values[name] = parameter.choices[values[name]]
        optimiser.tell(asked, recorder.evaluate(config_of(task, values), resource))


def _configuration_space(task: Any, seed: int) -> Any:
    """Return the parameters of a task as ConfigSpace has them, old or new."""
    import ConfigSpace

    space = ConfigSpace.ConfigurationSpace(seed=seed)
    for name, parameter in parameters_of(task).items():
        if parameter.choices:
            made = ConfigSpace.CategoricalHyperparameter(name, list(parameter.choices))
        elif parameter.is_integer:
            made = ConfigSpace.UniformIntegerHyperparameter(
                name, int(parameter.low), int(parameter.high), log=parameter.log
            )
        else:
            made = ConfigSpace.UniformFloatHyperparameter(
                name, parameter.low, parameter.high, log=parameter.log
            )
        add = getattr(space, "add_hyperparameter", None) or space.add
        add(made)
    return space


CONTESTANTS: dict[str, Contestant] = {
    "random": Contestant("random search", "bohb", random_search),
    "hyperband": Contestant(
        "bohb: Hyperband", "bohb", functools.partial(in_brackets, random_fraction=1.0)
    ),
    "default": Contestant("bohb: default", "bohb", in_brackets),
    "asynchronous": Contestant(
        "bohb: asynchronous", "bohb", functools.partial(in_brackets, asynchronous=True)
    ),
    "workers": Contestant("bohb: 16 workers", "bohb", functools.partial(in_brackets, n_jobs=16)),
    "single": Contestant(
        "bohb: highest resource alone", "bohb", functools.partial(in_brackets, single=True)
    ),
    **{
        f"{name}-by-{factor}": Contestant(
            f"bohb: {label}, reduction factor {factor}",
            "bohb",
            functools.partial(in_brackets, reduction_factor=factor, **options),
        )
        for name, label, options in (
            ("default", "default", {}),
            ("hyperband", "Hyperband", {"random_fraction": 1.0}),
        )
        for factor in (2, 4)
    },
    "forest": Contestant(
        'bohb: model="forest"', "bohb", functools.partial(in_brackets, model="forest")
    ),
    "evolution": Contestant(
        'bohb: model="evolution"', "bohb", functools.partial(in_brackets, model="evolution")
    ),
    "density": Contestant(
        'bohb: model="density"', "bohb", functools.partial(in_brackets, model="density")
    ),
    "falkner2018": Contestant(
        'bohb: model="falkner2018"', "bohb", functools.partial(in_brackets, model="falkner2018")
    ),
    **{
        name + suffix: Contestant(
            f"bohb: brackets with Optuna's {kind}{shown}",
            "bohb",
            functools.partial(in_brackets, sampler=sampler, across_levels=bool(suffix)),
        )
        for name, kind, sampler in (
            ("cmaes", "CMA-ES", "CmaEsSampler"),
            ("nsga2", "NSGA-II", "NSGAIISampler"),
        )
        for suffix, shown in (("", ""), ("-levels", " across levels"))
    },
    "optuna-tpe": Contestant(
        "Optuna: TPE, highest resource alone",
        "optuna",
        functools.partial(optuna_at_the_top, sampler="TPESampler"),
    ),
    "optuna-gp": Contestant(
        "Optuna: GPSampler, highest resource alone",
        "optuna",
        functools.partial(optuna_at_the_top, sampler="GPSampler"),
    ),
    "optuna-hyperband": Contestant(
        "Optuna: TPE and its HyperbandPruner", "optuna", optuna_hyperband
    ),
    "hpbandster": Contestant("HpBandSter: BOHB", "hpbandster", hpbandster),
    "dehb": Contestant("DEHB", "dehb", dehb),
    "smac": Contestant("SMAC: multi-fidelity", "smac", smac),
    "neps": Contestant("NePS: PriorBand", "neps", neps),
}

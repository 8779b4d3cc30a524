"""Studies with a space that was declared beforehand."""

from __future__ import annotations

import ConfigSpace as cs  # noqa: N813 - as its users write it
import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution

import bohb
from bohb.errors import ArgumentError, ArgumentTypeError, TrialStateError

PRUNER = bohb.HyperbandPruner(1, 9)
DISTRIBUTIONS = {"x": FloatDistribution(0, 1), "kind": CategoricalDistribution(["a", "b"])}


def conditional():
    """A space in which momentum belongs to sgd, the width of a layer to its existence."""
    space = cs.ConfigurationSpace(seed=0)
    solver = cs.CategoricalHyperparameter("solver", ["sgd", "adam"])
    momentum = cs.UniformFloatHyperparameter("momentum", 0.0, 0.99, default_value=0.9)
    layers = cs.UniformIntegerHyperparameter("layers", 1, 3)
    widths = [cs.UniformIntegerHyperparameter(f"width{i}", 4, 64, log=True) for i in (1, 2, 3)]
    space.add([solver, momentum, layers, *widths, cs.Constant("version", 2)])
    space.add(
        cs.EqualsCondition(momentum, solver, "sgd"),
        cs.GreaterThanCondition(widths[1], layers, 1),
        cs.GreaterThanCondition(widths[2], layers, 2),
    )
    space.add(
        cs.ForbiddenAndConjunction(
            cs.ForbiddenEqualsClause(solver, "adam"), cs.ForbiddenEqualsClause(layers, 1)
        )
    )
    return space


def loss(config):
    return (
        abs(config.get("momentum", 0.5) - 0.8)
        + sum(abs(value - 16) / 64 for name, value in config.items() if "width" in name)
        + config["layers"] / 10
    )


@pytest.mark.parametrize("model", ["auto", "gp", "density", "falkner2018"])
def test_the_configuration_is_complete_and_legal_before_the_objective_runs(model):
    space = conditional()

    def objective(trial):
        config = trial.config
        assert config == trial.params
        cs.Configuration(space, values=config).check_valid_configuration()
        assert config["version"] == 2
        return loss(config) + 1 / trial.resource

    study = bohb.create_study(
        space=space,
        sampler=bohb.BOHBSampler(seed=0, model=model, min_observations=4),
        pruner=PRUNER,
    )
    study.optimize(objective, n_rounds=2)
    assert len(study.trials) == 30
    assert study.best_value < 1


def test_the_default_configuration_is_the_first_trial_once(storage):
    if storage is None:
        storage = optuna.storages.InMemoryStorage()
    arguments = {"study_name": "s", "storage": storage, "pruner": PRUNER, "space": conditional()}
    for _ in range(3):
        study = bohb.create_study(**arguments, load_if_exists=True)
        study.optimize(lambda trial: loss(trial.config), n_trials=3)
    study = bohb.load_study(**arguments)
    assert len(study.trials) == 9
    middle = {
        "solver": "sgd",
        "momentum": 0.9,
        "layers": 2,
        "width1": 16,
        "width2": 16,
        "version": 2,
    }
    assert study.trials[0].params == middle
    assert sum(trial.params == middle for trial in study.trials) == 1


def test_ask_gives_a_complete_trial():
    study = bohb.create_study(space=DISTRIBUTIONS, pruner=PRUNER)
    trial = study.ask()
    assert list(trial.config) == ["x", "kind"]
    assert trial.suggest_float("x", 0, 1) == trial.config["x"]
    assert trial.suggest_float("more", 0, 1) == trial.params["more"]
    assert "more" not in trial.config


@pytest.mark.parametrize("sampler", [optuna.samplers.TPESampler(seed=0), bohb.BOHBSampler(seed=0)])
def test_any_sampler_fills_a_space_with_conditions(sampler):
    space = cs.ConfigurationSpace()
    outer = cs.CategoricalHyperparameter("outer", [0, 1])
    inner = cs.UniformFloatHyperparameter("inner", 0, 1)
    space.add([outer, inner])
    space.add(cs.EqualsCondition(inner, outer, 1))
    study = bohb.create_study(space=space, sampler=sampler, pruner=PRUNER)
    study.optimize(lambda trial: trial.config["outer"] + trial.config.get("inner", 0.0))
    assert all(("inner" in trial.params) == trial.params["outer"] for trial in study.trials)


def test_a_space_works_with_a_pruner_of_optuna():
    study = bohb.create_study(
        space=DISTRIBUTIONS,
        sampler=bohb.BOHBSampler(seed=0),
        pruner=optuna.pruners.MedianPruner(),
    )
    study.optimize(lambda trial: trial.config["x"], n_trials=15, n_jobs=2)
    assert all(set(trial.params) == {"x", "kind"} for trial in study.trials)


def test_threads_get_different_configurations():
    space = {"kind": CategoricalDistribution(list(range(40)))}
    study = bohb.create_study(
        space=space, sampler=bohb.BOHBSampler(seed=0), pruner=bohb.SuccessiveHalvingPruner(1, 27)
    )
    study.optimize(lambda trial: trial.config["kind"], n_jobs=8, n_brackets=1)
    assert len({trial.params["kind"] for trial in study.trials}) == 27


def test_a_resumed_study_with_a_space_goes_on_as_if_nothing_had_happened():
    def decisions(study):
        return [(trial.number, trial.params, trial.state) for trial in study.trials]

    def made(storage):
        return bohb.create_study(
            study_name="s",
            storage=storage,
            load_if_exists=True,
            space=conditional(),
            sampler=bohb.BOHBSampler(seed=0),
            pruner=PRUNER,
        )

    def objective(trial):
        return loss(trial.config) + 1 / trial.resource

    whole = made(optuna.storages.InMemoryStorage())
    whole.optimize(objective, n_rounds=2)
    storage = optuna.storages.InMemoryStorage()
    for _ in range(40):
        legs = iter(range(3))

        def interrupted(trial, legs=legs):
            if next(legs, None) is None:
                raise KeyboardInterrupt
            return objective(trial)

        made(storage).optimize(interrupted, n_rounds=2)
        if (
            all(trial.state.is_finished() for trial in made(storage).trials[:30])
            and len(made(storage).trials) >= 30
        ):
            break
    assert decisions(made(storage)) == decisions(whole)


def test_values_may_be_enqueued_and_the_rest_is_proposed():
    study = bohb.create_study(space=conditional(), sampler=bohb.BOHBSampler(seed=0), pruner=PRUNER)
    study.enqueue_trial({"solver": "adam"})
    study.enqueue_trial({"layers": 1, "width1": 5})
    study.optimize(lambda trial: loss(trial.config), n_trials=5)
    _, second, third, *_ = study.trials
    assert second.params["solver"] == "adam"
    assert second.params["layers"] > 1  # the other would be forbidden
    assert third.params["layers"] == 1
    assert third.params["width1"] == 5
    assert third.params["solver"] == "sgd"


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"width9": 5}, "params must name parameters of the space"),
        ({"layers": 0}, r"params\['layers'\] must be a value of IntDistribution.*, got 0"),
        ({"solver": "adam", "layers": 1}, "params must not be forbidden by the space"),
    ],
)
def test_what_cannot_be_is_not_enqueued(params, message):
    study = bohb.create_study(space=conditional(), pruner=PRUNER)
    with pytest.raises(ArgumentError, match=message):
        study.enqueue_trial(params)
    assert len(study.trials) == 1  # the default configuration, which waits


def test_a_sampler_that_does_not_know_what_is_forbidden_is_refused():
    with pytest.raises(ArgumentError, match=r"BOHBSampler for a space with forbidden clauses.*TPE"):
        bohb.create_study(space=conditional(), sampler=optuna.samplers.TPESampler())


@pytest.mark.parametrize("space", [[("x", 0, 1)], "x", 3])
def test_what_is_no_space_is_refused(space):
    with pytest.raises(ArgumentTypeError, match="space must be a ConfigurationSpace or a dict"):
        bohb.create_study(space=space)


def test_without_a_space_there_is_no_config():
    study = bohb.create_study(pruner=PRUNER)
    with pytest.raises(TrialStateError, match=r"made with space=.*trial.params"):
        study.ask().config  # noqa: B018 - it raises

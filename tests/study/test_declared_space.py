"""Studies with a space that was declared beforehand."""

from __future__ import annotations

import contextlib

import ConfigSpace as cs  # noqa: N813 - as its users write it
import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution

import bohb
from bohb.errors import ArgumentError, ArgumentTypeError, SettingsError, TrialStateError

PRUNER = bohb.HyperbandPruner(1, 9, adaptive=False)
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
    with pytest.raises(ArgumentError, match="'more' is not in the study's space, which has x, ki"):
        trial.suggest_float("more", 0, 1)


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

        with contextlib.suppress(KeyboardInterrupt):
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
        ({"solver": "adam", "momentum": 0.5}, r"got 'momentum', which is not active together"),
        ({"layers": 1, "momentum": 0.5, "width3": 4}, "'width3', which is not active together"),
        ({"solver": "adam", "layers": 2, "width3": 4}, "'width3', which is not active together"),
        (None, "params must be a dict of values by name, got None"),
    ],
)
def test_what_cannot_be_is_not_enqueued(params, message):
    study = bohb.create_study(space=conditional(), pruner=PRUNER)
    with pytest.raises(ArgumentError, match=message):
        study.enqueue_trial(params)
    assert len(study.trials) == 1  # the default configuration, which waits


def test_nothing_is_enqueued_that_no_configuration_has():
    space = cs.ConfigurationSpace({"a": ["p", "q"], "b": ["r", "s"]})
    for value in ("r", "s"):
        space.add(
            cs.ForbiddenAndConjunction(
                cs.ForbiddenEqualsClause(space["a"], "q"),
                cs.ForbiddenEqualsClause(space["b"], value),
            )
        )
    study = bohb.create_study(space=space, pruner=PRUNER)
    with pytest.raises(ArgumentError, match="params must be part of a configuration that the"):
        study.enqueue_trial({"a": "q"})


@pytest.mark.parametrize("model", ["gp", "density", "falkner2018"])
@pytest.mark.parametrize("seed", range(4))
def test_what_is_enqueued_is_kept_and_what_it_needs_is_proposed(model, seed):
    sampler = bohb.BOHBSampler(seed=seed, model=model, min_observations=2)
    study = bohb.create_study(space=conditional(), sampler=sampler, pruner=PRUNER)
    for _ in range(3):
        study.enqueue_trial({"momentum": 0.5, "width3": 8})
        study.optimize(lambda trial: loss(trial.config), n_trials=5)
    kept = [trial.params for trial in study.trials if trial.params["layers"] == 3]
    kept = [p for p in kept if p["width3"] == 8 and p.get("momentum") == 0.5]
    assert len(kept) == 3


def test_a_space_that_forbids_nearly_everything_is_refused():
    space = cs.ConfigurationSpace({"m": (1, 10**6), "n": (1, 10**6)})
    space.add(cs.ForbiddenLessThanRelation(space["m"], space["n"]))
    space.add(cs.ForbiddenGreaterThanRelation(space["m"], space["n"]))
    with pytest.raises(ArgumentError, match="space must leave configurations that are not forbid"):
        bohb.create_study(space=space, pruner=PRUNER)


@pytest.mark.parametrize("model", ["gp", "density", "falkner2018"])
def test_where_hardly_anything_is_allowed_only_that_is_proposed(model):
    space = cs.ConfigurationSpace({f"x{i}": (0.0, 1.0) for i in range(8)})
    for i in range(7):
        space.add(cs.ForbiddenGreaterThanRelation(space[f"x{i}"], space[f"x{i + 1}"]))

    def objective(trial):
        values = list(trial.config.values())
        assert values == sorted(values)
        return sum(abs(value - 0.5) for value in values)

    sampler = bohb.BOHBSampler(seed=0, model=model)
    study = bohb.create_study(space=space, sampler=sampler, pruner=PRUNER)
    study.optimize(objective, n_trials=20)
    assert len(study.trials) >= 20


def test_a_number_with_one_value_changes_nothing():
    def best(**constant):
        study = bohb.create_study(
            space={"x": FloatDistribution(0, 1), "y": FloatDistribution(0, 1), **constant},
            sampler=bohb.BOHBSampler(seed=0),
        )
        study.optimize(
            lambda t: (t.config["x"] - 0.3) ** 2 + (t.config["y"] - 0.6) ** 2, n_trials=40
        )
        return study.best_value

    assert best(c=FloatDistribution(5.0, 5.0)) < 1e-4
    assert best(c=FloatDistribution(1e300, 1e300)) < 1e-4
    assert best() < 1e-4


def test_what_is_not_active_cannot_be_suggested():
    study = bohb.create_study(space=conditional(), pruner=PRUNER)
    study.enqueue_trial({"solver": "adam"})
    study.ask()
    trial = study.ask()
    with pytest.raises(ArgumentError, match=r"'momentum' is not active together with \{'layers':"):
        trial.suggest_float("momentum", 0.0, 0.99)
    assert "momentum" not in trial.config


def test_a_parameter_is_suggested_as_it_was_declared():
    study = bohb.create_study(space=DISTRIBUTIONS, pruner=PRUNER)
    with pytest.raises(ArgumentError, match=r"'x' must be suggested as the space declares it, Flo"):
        study.ask().suggest_int("x", 0, 1)


def test_a_study_is_not_continued_with_parameters_of_another_kind(tmp_path):
    storage = tmp_path / "study.journal"
    study = bohb.create_study(space=DISTRIBUTIONS, storage=storage, study_name="s", pruner=PRUNER)
    study.optimize(lambda trial: trial.config["x"], n_trials=2)
    wider = DISTRIBUTIONS | {"x": FloatDistribution(0, 2)}
    assert bohb.load_study(study_name="s", storage=storage, space=wider).space is not None
    other = DISTRIBUTIONS | {"kind": CategoricalDistribution(["a", "c"])}
    with pytest.raises(SettingsError, match="study 's' has trials whose 'kind' is Categorical"):
        bohb.load_study(study_name="s", storage=storage, space=other)


def test_a_sampler_that_is_set_later_is_refused_too():
    study = bohb.create_study(space=conditional(), pruner=PRUNER)
    study.sampler = optuna.samplers.RandomSampler()
    with pytest.raises(ArgumentError, match="sampler must be a"):
        study.ask()
    with pytest.raises(ArgumentError, match="sampler must be a"):
        study.optimize(lambda trial: 0.0)


def test_forbidden_clauses_hold_with_several_objectives():
    study = bohb.create_study(
        space=conditional(),
        directions=["minimize", "minimize"],
        sampler=bohb.BOHBSampler(seed=0),
        pruner=bohb.HyperbandPruner(1, 9),
    )
    study.optimize(lambda trial: (loss(trial.config) / trial.resource, trial.config["layers"]))
    assert study.best_trials
    for trial in study.trials:
        assert (trial.params["solver"], trial.params["layers"]) != ("adam", 1)
        assert ("momentum" in trial.params) == (trial.params["solver"] == "sgd")


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

"""One call for those who do not want a study."""

from __future__ import annotations

import functools

import optuna
import pytest
from ConfigSpace import Categorical, ConfigurationSpace, EqualsCondition, Float
from studies import decisions

import bohb
from bohb.errors import ArgumentError, ArgumentTypeError, NoResultError, SettingsError
from bohb.executors import ProcessExecutor

SPACE = {
    "x": optuna.distributions.FloatDistribution(0, 1),
    "n": optuna.distributions.IntDistribution(1, 9),
}


def loss(config, resource):
    return (config["x"] - 0.3) ** 2 + abs(config["n"] - 7) / 50 + 1 / resource


def conditional():
    space = ConfigurationSpace()
    kind, rate = Categorical("kind", ["a", "b"]), Float("rate", (0.1, 1.0), log=True)
    space.add(kind, rate, EqualsCondition(rate, kind, "a"))
    return space


def test_the_best_configuration_is_returned():
    found = bohb.minimize(loss, SPACE, max_resource=81, seed=0)
    assert found.resource == 81
    assert found.loss == loss(found.config, 81) == found.study.best_value
    assert found.config["n"] == 7
    assert abs(found.config["x"] - 0.3) < 0.05
    assert found.study.plan().n_trials == len(found.study.trials) == 128


def test_only_active_parameters_are_passed():
    def check(config, resource):
        assert set(config) == ({"kind", "rate"} if config["kind"] == "a" else {"kind"})
        return float(config["kind"] == "a") / resource

    found = bohb.minimize(check, conditional(), max_resource=9, seed=0)
    assert found.config == {"kind": "b"}


def test_the_same_seed_gives_the_same_minimum():
    runs = [bohb.minimize(loss, SPACE, max_resource=9, seed=seed).config for seed in (1, 1, 2)]
    assert runs[0] == runs[1] != runs[2]


@pytest.mark.parametrize(
    ("bounds", "levels"),
    [
        ({"max_resource": 300}, (4, 11, 33, 100, 300)),
        ({"max_resource": 2}, (1, 2)),
        ({"max_resource": 1.0, "reduction_factor": 2}, (0.0625, 0.125, 0.25, 0.5, 1.0)),
        ({"max_resource": 9, "min_resource": 3}, (3, 9)),
    ],
)
def test_there_are_five_rungs_if_nothing_else_is_said(bounds, levels):
    if levels == (1, 2):
        with pytest.warns(UserWarning, match="single rung"):
            found = bohb.minimize(loss, SPACE, n_trials=1, seed=0, **bounds)
        levels = (2,)
    else:
        found = bohb.minimize(loss, SPACE, n_trials=1, seed=0, **bounds)
    assert found.study.pruner.levels == levels


@pytest.mark.slow
def test_limits_samplers_and_executors_are_those_of_optimize():
    found = bohb.minimize(
        loss,
        SPACE,
        max_resource=9,
        n_rounds=2,
        sampler=optuna.samplers.RandomSampler(seed=0),
        executor=ProcessExecutor(2),
    )
    evaluations = found.study.evaluations()
    assert {each.bracket for each in evaluations} == set(range(6))
    # Brackets after the first round may start at the top, with fewer trials.
    assert len({each.number for each in evaluations if each.bracket < 3}) == 15
    found = bohb.minimize(loss, SPACE, max_resource=9, n_trials=4, n_jobs=2, asynchronous=True)
    assert len(found.study.trials) == 4


def test_with_a_storage_the_call_goes_on_and_is_done_once(tmp_path):
    calls = []

    def counted(config, resource):
        calls.append(resource)
        if len(calls) == 10:
            raise ConnectionError("the network is gone")
        return loss(config, resource)

    call = functools.partial(
        bohb.minimize, counted, SPACE, max_resource=9, seed=0, storage=tmp_path / "s.journal"
    )
    with pytest.raises(ConnectionError):
        call()
    found = call()
    n_calls = len(calls)
    assert call().config == found.config
    assert len(calls) == n_calls
    assert found.study.study_name == "counted"
    assert len(found.study.trials) == 15
    with pytest.raises(SettingsError, match="max_resource=9, got max_resource=27"):
        call(max_resource=27)
    wider = {**SPACE, "x": optuna.distributions.FloatDistribution(0, 5)}
    for space, name in ((wider, "x"), ({**SPACE, "y": wider["x"]}, "y")):
        with pytest.raises(SettingsError, match=f"arguments, which differ in parameter '{name}'"):
            bohb.minimize(counted, space, max_resource=9, seed=0, storage=tmp_path / "s.journal")


def test_a_call_that_is_cut_off_goes_on_with_the_seed_that_was_drawn(tmp_path):
    def broken_at(number):
        calls = []

        def function(config, resource):
            calls.append(resource)
            if len(calls) == number:
                raise KeyboardInterrupt
            return loss(config, resource)

        return function

    call = functools.partial(
        bohb.minimize, space=SPACE, max_resource=9, storage=tmp_path / "s.journal", study_name="s"
    )
    with pytest.raises(KeyboardInterrupt):
        call(broken_at(12))
    cut_off = call(broken_at(0)).study
    seed = cut_off.user_attrs["bohb:minimize"]["seed"]
    whole = bohb.minimize(loss, SPACE, max_resource=9, seed=seed).study
    assert decisions(cut_off).equals(decisions(whole))
    with pytest.raises(SettingsError, match="which differ in seed"):
        call(loss, seed=seed + 1)


def test_a_study_that_was_begun_by_hand_is_left_alone(tmp_path):
    study = bohb.create_study(
        study_name="s", storage=tmp_path / "s.journal", pruner=bohb.HyperbandPruner(1, 3)
    )
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=1)
    with pytest.raises(SettingsError, match=r"'s' was not begun by bohb\.minimize"):
        bohb.minimize(
            loss,
            SPACE,
            max_resource=3,
            min_resource=1,
            storage=tmp_path / "s.journal",
            study_name="s",
        )


def test_functions_without_a_name_and_partial_ones_are_taken():
    found = bohb.minimize(lambda config, resource: config["x"], SPACE, max_resource=3, seed=0)
    assert found.loss >= 0
    partial = functools.partial(lambda scale, config, resource: scale * config["x"], 2.0)
    assert bohb.minimize(partial, SPACE, max_resource=3, seed=0).loss >= 0


def test_a_function_without_a_name_needs_one_in_a_storage(tmp_path):
    call = functools.partial(
        bohb.minimize, lambda c, r: c["x"], SPACE, max_resource=3, storage=tmp_path / "s.journal"
    )
    with pytest.raises(ArgumentError, match="study_name must be given with storage"):
        call()
    assert call(study_name="mine").study.study_name == "mine"


def generator(config, resource):
    yield 1.0


BAD = [
    (None, {}, ArgumentTypeError, "function must be callable, got None"),
    (lambda config: 0.0, {}, ArgumentError, "function must take two arguments"),
    (generator, {}, ArgumentTypeError, "function must return its loss, got the generator"),
    (loss, {"max_resource": 0}, ArgumentError, "max_resource must be positive"),
    (loss, {"reduction_factor": 0.5}, ArgumentError, "reduction_factor must be greater than 1"),
    (
        loss,
        {"seed": 1, "sampler": optuna.samplers.RandomSampler()},
        ArgumentError,
        "seed is that of BOHBSampler",
    ),
    (loss, {"n_trials": 2, "n_rounds": 2}, ArgumentError, "only one of n_trials, n_rounds"),
]


@pytest.mark.parametrize(("function", "arguments", "kind", "message"), BAD)
def test_bad_arguments_are_refused_before_anything_runs(function, arguments, kind, message):
    with pytest.raises(kind, match=message):
        bohb.minimize(function, SPACE, **{"max_resource": 9, **arguments})


def test_without_a_finite_loss_there_is_no_minimum():
    with pytest.raises(NoResultError, match="has no incumbent"):
        bohb.minimize(lambda config, resource: float("nan"), SPACE, max_resource=3, seed=0)


def test_optuna_announces_no_study_of_a_minimization(capfd):
    optuna.logging.set_verbosity(optuna.logging.INFO)
    bohb.minimize(loss, SPACE, max_resource=3, seed=0)
    assert capfd.readouterr() == ("", "")


def test_without_a_space_nothing_runs():
    with pytest.raises(ArgumentTypeError, match=r"space must be a ConfigurationSpace .* got None"):
        bohb.minimize(loss, None, max_resource=9)


def test_if_every_call_fails_the_error_says_how():
    def failing(config, resource):
        raise RuntimeError("no memory")

    with pytest.raises(NoResultError, match="15 failed like this: RuntimeError: no memory"):
        bohb.minimize(failing, SPACE, max_resource=9, catch=RuntimeError, min_resource=1)

"""Earlier results for the model, and the files of HpBandSter."""

import json

import numpy as np
import optuna
import pandas as pd
import pytest
from ConfigSpace import Categorical, ConfigurationSpace, EqualsCondition, Float
from optuna.distributions import FloatDistribution
from studies import study_of

import bohb
from bohb.errors import ArgumentError, ArgumentTypeError


def loss(trial):
    return (trial.suggest_float("x", 0, 1) - 0.4) ** 2 + 1 / trial.resource


def observed(study):
    """Return what the model sees: values of x, with their losses by level."""
    from bohb.history import History, scale_of

    history = History(scale_of(study))
    history.refresh(study.get_trials(deepcopy=False))
    with history.observations(without=-1) as seen:
        return seen.column("x").tolist(), seen.losses.copy()


def after(source, **arguments):
    study = study_of(bohb.HyperbandPruner(1, 27), **arguments)
    return study, study.add_trials_from(source)


def test_the_model_learns_from_a_study_at_the_resources_of_its_values():
    before = study_of()
    before.optimize(loss)
    study, count = after(before)
    assert count == 15
    xs, losses = observed(study)
    assert xs == [trial.params["x"] for trial in before.trials]
    for x, row in zip(xs, losses, strict=True):
        own = [level for level, value in enumerate(row) if not np.isnan(value)]
        assert row[own].tolist() == [(x - 0.4) ** 2 + 1 / 3**level for level in own]
    assert np.count_nonzero(~np.isnan(losses[:, 2])) == 5
    assert np.isnan(losses[:, 3:]).all()


def test_brackets_do_not_count_what_was_added_and_the_model_begins_well():
    before = study_of()
    before.optimize(loss, n_rounds=2)
    study, _ = after(before)
    study.optimize(loss, n_rounds=1)
    assert study.plan().n_trials == len(study.trials) - 30
    first = [e for e in study.evaluations() if e.bracket == 0 and e.rung == 0]
    assert {e.proposed_by for e in first} == {"prior", "densities"}
    model = [abs(e.params["x"] - 0.4) for e in first if e.proposed_by == "densities"]
    assert np.median(model) < 0.1


def test_a_study_goes_on_after_a_restart_with_what_was_added(tmp_path):
    before = study_of()
    before.optimize(loss)

    def study():
        return study_of(storage=tmp_path / "s.journal", study_name="mine", load_if_exists=True)

    study().add_trials_from(before)
    study().optimize(loss)
    assert len(study().trials) == 30
    assert len([e for e in study().evaluations() if e.bracket is not None]) == 20


def test_a_data_frame_counts_at_its_resources_or_at_the_highest():
    before = study_of()
    before.optimize(loss)
    frame = before.evaluations_dataframe()
    study, count = after(frame)
    assert count == 15
    assert np.array_equal(observed(study)[1], observed(after(before)[0])[1], equal_nan=True)
    plain = pd.DataFrame({"value": [0.5, 0.25], "params_x": [0.1, 0.2]})
    study, count = after(plain)
    assert count == 2
    assert observed(study)[1][:, 3].tolist() == [0.5, 0.25]


def test_a_study_of_optuna_counts_at_the_highest_resource():
    before = optuna.create_study()
    before.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=5)
    study, count = after(before)
    assert count == 5
    assert observed(study)[1][:, 3].tolist() == [t.value for t in before.trials]
    assert study.best_value == before.best_value


@pytest.mark.parametrize("direction", ["minimize", "maximize"])
def test_a_run_of_hpbandster_is_read_as_it_was_written(tmp_path, direction):
    sign = 1 if direction == "minimize" else -1
    before = study_of(direction=direction)
    before.optimize(lambda trial: sign * loss(trial))
    before.export_hpbandster(tmp_path)
    study, count = after(tmp_path)
    assert count == 15
    assert np.array_equal(
        observed(study)[1], observed(after(before, direction=direction)[0])[1], equal_nan=True
    )


@pytest.mark.parametrize("direction", ["minimize", "maximize"])
def test_our_own_files_say_how_parameters_were_suggested(tmp_path, direction):
    def objective(trial):
        rate = trial.suggest_float("rate", 1e-3, 1, log=True)
        width = trial.suggest_int("width", 1, 64, log=True)
        kind = trial.suggest_categorical("kind", ["b", "a", "c"])
        return rate + width / 64 + (kind == "a") + 1 / trial.resource

    before = study_of(direction=direction)
    before.optimize(objective)
    before.export_hpbandster(tmp_path)
    study, count = after(tmp_path, direction=direction)
    assert count == 15
    assert [trial.params for trial in study.trials] == [trial.params for trial in before.trials]
    study.optimize(objective)  # with parameters that were suggested otherwise it would fail
    assert len(study.trials) == count + study.plan().n_trials


def test_files_of_others_minimize(tmp_path):
    before = study_of()
    before.optimize(loss)
    before.export_hpbandster(tmp_path)
    results = tmp_path / "results.json"
    results.write_text(results.read_text().replace('"info": {', '"infos": {'))
    with pytest.raises(ArgumentError, match="got one of HpBandSter, which minimizes"):
        after(tmp_path, direction="maximize")


def test_a_study_does_not_learn_from_itself():
    study = study_of()
    with pytest.raises(ArgumentError, match="source must be another study, got this one"):
        study.add_trials_from(study)


def test_a_parameter_that_earlier_results_have_otherwise_is_explained():
    before = study_of()
    before.optimize(lambda trial: trial.suggest_float("x", 0.1, 1, log=True))
    study, _ = after(before)
    with pytest.raises(ArgumentError, match=r"Trial 0 of this study has it as .*log=True.*space="):
        study.optimize(loss)


def test_the_files_are_those_of_hpbandster(tmp_path):
    def fails(trial):
        if trial.number == 2:
            raise ValueError
        return loss(trial)

    study = study_of()
    study.optimize(fails, catch=ValueError)
    study.export_hpbandster(tmp_path)
    configs = [json.loads(line) for line in (tmp_path / "configs.json").read_text().splitlines()]
    results = [json.loads(line) for line in (tmp_path / "results.json").read_text().splitlines()]
    assert len(configs) == 15
    assert configs[3] == [[0, 0, 3], study.trials[3].params, {"model_based_pick": False}]
    key, budget, times, result, error = results[0]
    assert (key, budget, error) == ([0, 0, 0], 1.0, None)
    assert result["loss"] == study.trials[0].intermediate_values[1]
    assert times["submitted"] <= times["started"] <= times["finished"]
    failed = [line for line in results if line[3] is None]
    assert [(line[0][2], line[4]) for line in failed] == [(2, "the evaluation failed")]
    space = ConfigurationSpace.from_json(tmp_path / "configspace.json")
    assert (space["x"].lower, space["x"].upper) == (0, 1)


def test_a_declared_space_is_exported_with_its_conditions(tmp_path):
    space = ConfigurationSpace(seed=0)
    kind, rate = Categorical("kind", ["a", "b"]), Float("rate", (0, 1))
    space.add(kind, rate, EqualsCondition(rate, kind, "a"))
    study = study_of(space=space)
    study.optimize(lambda trial: trial.config.get("rate", 0.5))
    study.export_hpbandster(tmp_path)
    assert ConfigurationSpace.from_json(tmp_path / "configspace.json") == space


def test_of_another_space_what_is_shared_counts():
    before = study_of()
    before.optimize(lambda t: loss(t) + t.suggest_float("old", 0, 1))
    space = {"x": FloatDistribution(0, 0.5), "new": FloatDistribution(0, 1)}
    study, count = after(before, space=space)
    inside = [t.params["x"] for t in before.trials if t.params["x"] <= 0.5]
    assert count == len(inside)
    assert [trial.params for trial in study.trials] == [{"x": x} for x in inside]
    study.optimize(lambda trial: (trial.config["x"] - 0.4) ** 2 + trial.config["new"])
    later = [trial for trial in study.trials if trial.number >= count]
    assert all(set(trial.params) == {"x", "new"} for trial in later)


def test_of_a_space_with_conditions_active_parameters_count():
    space = ConfigurationSpace(seed=0)
    kind, x = Categorical("kind", ["a", "b"]), Float("x", (0, 1))
    space.add(kind, x, EqualsCondition(x, kind, "a"))
    frame = pd.DataFrame(
        {"value": [1.0, 2.0, 3.0], "params_x": [0.1, 0.2, 0.3], "params_kind": ["a", "b", None]}
    )
    study, count = after(frame, space=space)
    assert [t.params for t in study.trials] == [{"kind": "a", "x": 0.1}, {"kind": "b"}]
    assert count == 2
    study.optimize(lambda trial: trial.config.get("x", 0.5))


@pytest.mark.parametrize("model", ["gp", "density", "falkner2018"])
def test_every_model_copes_with_trials_that_lack_parameters(model):
    before = study_of()
    before.optimize(loss, n_rounds=2)
    space = {"x": FloatDistribution(0, 1), "new": FloatDistribution(0, 1)}
    study, _ = after(before, space=space, sampler=bohb.BOHBSampler(seed=0, model=model))
    study.optimize(lambda t: (t.config["x"] - 0.4) ** 2 + t.config["new"], n_rounds=1)
    assert study.best_value < 0.5


@pytest.mark.parametrize(
    ("source", "kind", "words"),
    [
        (3, ArgumentTypeError, "source must be a study, a data frame, or the directory"),
        (pd.DataFrame({"value": [1]}), ArgumentError, r"a column value and columns params_\*"),
        ("nowhere", ArgumentError, r"configs\.json .*FileNotFoundError"),
        (optuna.create_study(direction="maximize"), ArgumentError, "must have direction minimize"),
        (
            optuna.create_study(directions=["minimize", "minimize"]),
            ArgumentError,
            "must be a study of one direction, got one with minimize and minimize",
        ),
        (
            pd.DataFrame({"params_x": [1], "value": [1], "values_0": [1]}),
            ArgumentError,
            r"must have one value for each row, got several columns values_\*",
        ),
        (
            pd.DataFrame({"params_x": [1], "value": ["low"]}),
            ArgumentTypeError,
            "value must be a number, got 'low'",
        ),
        (
            pd.DataFrame({"params_x": [1], "value": [1], "resource": ["low"]}),
            ArgumentTypeError,
            "resource must be a number, got 'low'",
        ),
    ],
)
def test_a_source_that_cannot_be_read_is_refused(source, kind, words):
    study = study_of()
    with pytest.raises(kind, match=words):
        study.add_trials_from(source)
    assert study.trials == []


def test_of_a_data_frame_of_trials_only_those_that_are_complete_count():
    before = study_of()
    before.optimize(lambda trial: (trial.suggest_float("x", 0, 1) + 1) * trial.resource)
    frame = before.trials_dataframe()
    study, count = after(frame)
    assert count == (frame.state == "COMPLETE").sum() < len(frame)
    assert study.best_value == before.best_value


def test_an_empty_cell_is_none_where_the_space_has_none_as_a_choice():
    space = {
        "kind": optuna.distributions.CategoricalDistribution([None, "one"]),
        "x": FloatDistribution(0, 1),
    }
    before = study_of(space=space)
    before.optimize(lambda t: t.config["x"] + (t.config["kind"] is None) + 1 / t.resource)
    kinds = [trial.params["kind"] for trial in before.trials]
    assert {None, "one"} == set(kinds)
    for source in (before, before.evaluations_dataframe()):
        study, _ = after(source, space=space)
        assert [trial.params["kind"] for trial in study.trials] == kinds
    study, _ = after(before.evaluations_dataframe())  # nobody knows what an empty cell means
    assert [trial.params.get("kind") for trial in study.trials] == kinds
    assert ["kind" in trial.params for trial in study.trials] == [k is not None for k in kinds]

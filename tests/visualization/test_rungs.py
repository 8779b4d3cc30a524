from __future__ import annotations

import sys

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import optuna
import pytest

import bohb
from bohb.errors import ArgumentError, MissingDependencyError, NoResultError
from bohb.visualization import (
    plot_incumbent,
    plot_model,
    plot_parallel_coordinate,
    plot_rungs,
)

mpl.use("agg")


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


def objective(trial, n_steps=9):
    x = trial.suggest_float("x", 0, 1)
    for step in range(n_steps):
        trial.report(x + 1 / (step + 1), step)
        if trial.should_prune():
            raise bohb.TrialPruned
    return x + 1 / n_steps


@pytest.fixture(scope="module")
def study():
    study = bohb.create_study(sampler=bohb.BOHBSampler(seed=0), pruner=bohb.HyperbandPruner(1, 9))
    study.optimize(objective)
    return study


def test_every_trial_is_drawn_to_the_resource_it_reached(study):
    ax = plot_rungs(study)
    curves = [line for line in ax.lines if len(set(line.get_xdata())) == len(line.get_xdata())]
    reached = sorted(max(line.get_xdata()) for line in curves)
    expected = sorted(len(trial.intermediate_values) for trial in study.trials)
    assert reached == expected


def test_the_incumbent_and_the_rungs_are_named(study):
    labels = [text.get_text() for text in plot_rungs(study).get_legend().get_texts()]
    assert labels == ["to 1", "to 3", "to 9", "cuts", "incumbent"]


def test_it_draws_into_a_given_axes(study):
    _, ax = plt.subplots()
    assert plot_rungs(study, ax) is ax


def test_there_must_be_something_to_draw():
    empty = bohb.create_study(pruner=bohb.HyperbandPruner(1, 9))
    with pytest.raises(NoResultError, match="no incumbent"):
        plot_rungs(empty)


def test_without_matplotlib_the_extra_is_named(study, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'bohb\[plot\]'"):
        plot_rungs(study)


def test_the_plots_of_optuna_work_on_our_study(study):
    for plot in (
        optuna.visualization.matplotlib.plot_intermediate_values,
        optuna.visualization.matplotlib.plot_optimization_history,
    ):
        with pytest.warns(optuna.exceptions.ExperimentalWarning):
            plot(study)


@pytest.mark.parametrize(
    "other",
    [3, optuna.create_study(), bohb.create_study(pruner=optuna.pruners.NopPruner())],
    ids=["number", "plain", "without brackets"],
)
def test_another_study_than_one_with_brackets_is_refused(other):
    with pytest.raises(ArgumentError, match=r"plot_rungs needs a bohb\.Study whose pruner"):
        plot_rungs(other)


def test_what_was_reported_below_the_lowest_rung_is_in_sight():
    study = bohb.create_study(pruner=bohb.HyperbandPruner(9, 27))
    study.optimize(lambda trial: objective(trial, 27))
    ax = plot_rungs(study)
    assert ax.get_xlim()[0] < 1
    assert ax.get_xticks().tolist() == [1, 9, 27]


@pytest.mark.parametrize(
    ("plot", "named"),
    [
        (lambda study: plot_rungs(study, ax=5), "ax must be axes of matplotlib, got 5"),
        (lambda study: plot_parallel_coordinate(study, params=5), "params must be a list of names"),
        (lambda study: plot_model(study, params="x"), "params must be a list of names, got 'x'"),
        (lambda _: plot_incumbent([]), "study must hold studies, got an empty list"),
        (lambda _: plot_incumbent({"a": []}), "an empty list for 'a'"),
    ],
)
def test_arguments_of_another_kind_are_named(study, plot, named):
    with pytest.raises(ArgumentError, match=named):
        plot(study)


def test_a_choice_of_none_is_drawn_where_it_lies():
    def loss(trial):
        kind = trial.suggest_categorical("kind", [None, "one"])
        return trial.suggest_float("x", 0, 1) + (kind is not None) + 1 / trial.resource

    study = bohb.create_study(sampler=bohb.BOHBSampler(seed=0), pruner=bohb.HyperbandPruner(1, 9))
    study.optimize(loss)
    lines = plot_parallel_coordinate(study).lines
    assert all(np.isfinite(np.asarray(line.get_ydata(), dtype=float)).all() for line in lines)

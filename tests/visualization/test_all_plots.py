"""All plots, by both libraries, of small and large studies, and what each of them shows."""

from __future__ import annotations

import contextlib
import math
import sys

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import optuna
import pytest

import bohb
from bohb import visualization
from bohb.errors import ArgumentError, MissingDependencyError, NoResultError
from bohb.visualization import plotly
from bohb.visualization.landscape import Landscape
from bohb.visualization.scales import value_axis
from bohb.visualization.subject import Subject

mpl.use("agg")
PLOTS = plotly.__all__
OF_A_MODEL = ("plot_model", "plot_importances")


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


def objective(trial):
    x, n = trial.suggest_float("x", 0, 1), trial.suggest_int("n", 1, 4)
    kind = trial.suggest_categorical("kind", ["good", "bad"])
    for step in range(9):
        trial.report(x**2 + n / 100 + (kind == "bad") / 10 + 1 / (step + 1), step + 1)
        if trial.should_prune():
            raise bohb.TrialPruned
    return x**2 + n / 100 + (kind == "bad") / 10 + 1 / 9


def study_of(n_rounds=2, seed=0, direction="minimize", function=objective, **arguments):
    study = bohb.create_study(
        sampler=bohb.BOHBSampler(seed=seed),
        pruner=bohb.HyperbandPruner(1, 9, adaptive=False),
        direction=direction,
    )
    study.optimize(function, **(arguments or {"n_rounds": n_rounds}))
    return study


@pytest.fixture(scope="module")
def study():
    return study_of()


@pytest.fixture(scope="module", params=[1, 3, 9])
def flat_study(request):
    def objective(trial):
        x = trial.suggest_float("x", 0, 1)
        return x * (trial.resource != request.param) + 1 / trial.resource

    return study_of(1, function=objective)


@pytest.mark.parametrize("kinds", [visualization, plotly])
@pytest.mark.parametrize("name", PLOTS)
def test_each_plot_copes_with_a_rung_whose_values_are_all_alike(flat_study, name, kinds):
    with contextlib.suppress(NoResultError):
        getattr(kinds, name)(flat_study)


def test_without_any_differences_there_is_no_rank_correlation():
    study = study_of(1, function=lambda trial: trial.suggest_float("x", 0, 1) * 0)
    with pytest.raises(NoResultError, match="whose values are not all alike"):
        visualization.plot_rank_correlation(study)


@pytest.mark.parametrize("name", PLOTS)
def test_each_plot_draws_into_axes_that_are_given(study, name):
    _, ax = plt.subplots()
    assert getattr(visualization, name)(study, ax=ax) is ax
    assert ax.get_title()
    ax.figure.canvas.draw()


@pytest.mark.parametrize("name", PLOTS)
def test_each_plot_is_a_figure_of_plotly_too(study, name):
    figure = getattr(plotly, name)(study)
    assert figure.layout.title.text == getattr(visualization, name)(study).get_title()
    assert len(figure.to_json()) > 1000


@pytest.mark.parametrize("name", [*PLOTS, "plot_learning_curves"])
def test_what_has_no_rungs_is_refused_by_name(name):
    plot = getattr(visualization, name)
    shown = "plot_rungs" if name == "plot_learning_curves" else name
    for other in (3, optuna.create_study()):
        with pytest.raises(ArgumentError, match=f"{shown} needs a bohb.Study whose pruner"):
            plot(other)


@pytest.mark.parametrize("name", PLOTS)
def test_there_must_be_something_to_draw(name):
    empty = bohb.create_study(pruner=bohb.HyperbandPruner(1, 9))
    with pytest.raises(NoResultError, match="no incumbent"):
        getattr(visualization, name)(empty)


@pytest.mark.parametrize("name", PLOTS)
def test_a_library_that_is_not_installed_is_named(study, name, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    monkeypatch.setitem(sys.modules, "plotly.graph_objects", None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'bohb\[plot\]'"):
        getattr(visualization, name)(study)
    with pytest.raises(MissingDependencyError, match=r"pip install 'bohb\[plotly\]'"):
        getattr(plotly, name)(study)


@pytest.mark.parametrize("name", [name for name in PLOTS if name not in OF_A_MODEL])
def test_three_trials_are_drawn(name):
    few = study_of(n_trials=3)
    if name == "plot_rank_correlation":  # one trial was promoted
        with pytest.raises(NoResultError, match="no two levels at which 3 trials"):
            visualization.plot_rank_correlation(few)
        return
    getattr(visualization, name)(few).figure.canvas.draw()


@pytest.mark.parametrize("name", OF_A_MODEL)
def test_a_model_of_three_trials_is_refused(name):
    with pytest.raises(NoResultError, match="a model needs 4 evaluated trials, got 3"):
        getattr(visualization, name)(study_of(n_trials=3))


@pytest.mark.parametrize("name", PLOTS)
def test_failures_values_that_are_maximised_and_added_trials_are_drawn(name):
    def fails_at_times(trial):
        if trial.number % 5 == 4:
            raise ValueError
        return -objective(trial)

    study = study_of(direction="maximize", function=fails_at_times, n_rounds=2, catch=ValueError)
    study.add_trial(study.best_trial)
    getattr(visualization, name)(study).figure.canvas.draw()


# What each of them shows


def test_the_cuts_are_marked_where_they_lie(study):
    ax = visualization.plot_rungs(study)
    (dots,) = ax.collections
    expected = {(e.resource, e.cut) for e in study.evaluations() if e.cut is not None}
    assert {tuple(place) for place in dots.get_offsets().tolist()} == expected


def test_the_boxes_of_the_brackets_hold_the_numbers_of_evaluations(study):
    texts = [text.get_text() for text in visualization.plot_brackets(study).texts]
    assert texts == ["6", "6", "2", "2", "18", "6", "6", "2", "2"]


def test_the_timeline_has_a_lane_for_each_leg_that_runs_at_the_same_time():
    import threading

    meeting = threading.Barrier(3)

    def waits(trial):
        meeting.wait(timeout=30)
        return objective(trial)

    study = bohb.create_study(pruner=bohb.HyperbandPruner(9, 9))
    study.optimize(waits, n_trials=6, n_jobs=3)
    ax = visualization.plot_timeline(study)
    assert len(ax.get_yticks()) == 3
    one_by_one = bohb.create_study(pruner=bohb.HyperbandPruner(1, 9))
    one_by_one.optimize(objective)
    assert len(visualization.plot_timeline(one_by_one).get_yticks()) == 1


def test_a_trial_that_is_paused_takes_no_place_in_the_timeline(study):
    drawn = sum(len(each.get_paths()) for each in visualization.plot_timeline(study).collections)
    assert drawn == len(study.evaluations())


def test_the_incumbent_is_drawn_over_resource_trainings_and_time(study):
    def last(over):
        line = visualization.plot_incumbent(study, over).lines[0]
        return line.get_xdata()[-1], line.get_ydata()[-1]

    plan = study.plan(2)
    assert last("resource") == (plan.resource_continued, study.best_value)
    assert last("trainings") == (plan.resource_continued / 9, study.best_value)
    seconds, value = last("time")
    assert value == study.best_value
    assert 0 < seconds < 600
    with pytest.raises(ArgumentError, match="over must be"):
        visualization.plot_incumbent(study, "epochs")


def test_several_studies_are_drawn_as_mean_and_quartiles():
    studies = [study_of(1, seed) for seed in range(3)]
    ax = visualization.plot_incumbent({"ours": studies, "one": studies[0]})
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert labels == ["ours: mean and quartiles of 3", "one"]
    mean = next(line for line in ax.lines if line.get_label().startswith("ours"))
    assert mean.get_ydata()[-1] == pytest.approx(np.mean([s.best_value for s in studies]))
    with pytest.raises(ArgumentError, match="got an empty dict"):
        visualization.plot_incumbent({})


def test_the_rank_correlation_has_the_number_of_trials_it_is_of(study):
    texts = [text.get_text() for text in visualization.plot_rank_correlation(study).texts]
    assert texts == ["1.00\nn = 6", "n = 2", "1.00\nn = 4"]


def test_the_model_finds_the_parameter_that_decides():
    # At random: of a model's trials half lie at the optimum, and all that is far above is alike.
    sampler = bohb.BOHBSampler(seed=0, random_fraction=1.0)
    study = bohb.create_study(sampler=sampler, pruner=bohb.HyperbandPruner(1, 9))
    study.optimize(objective, n_rounds=2)
    landscape = Landscape.of(Subject.of(study, "plot_model"), None)
    assert landscape.by_share()[0] == "x"
    assert landscape.shares["x"] > 0.8
    assert sum(landscape.shares.values()) <= 1.02
    found = landscape.marginal(["x"])
    assert np.argmin(found.values) < len(found.values) / 4
    # Values are those of the objective, at its highest resource.
    assert found.values.min() == pytest.approx(1 / 9 + 0.05, abs=0.1)


@pytest.mark.parametrize("model", ["gp", "density"])
@pytest.mark.parametrize("params", [["x"], ["kind"], ["x", "kind"], ["n", "x"]])
def test_the_model_is_drawn_over_one_or_two_parameters(study, params, model):
    ax = visualization.plot_model(study, params, model=model)
    assert ax.get_xlabel().startswith(params[0])
    assert "% of the variance" in ax.get_xlabel()
    assert ax.get_title().startswith("The Gaussian" if model == "gp" else "The densities")


def test_parameters_that_the_study_does_not_have_are_refused(study):
    with pytest.raises(ArgumentError, match=r"params must be among \['kind', 'n', 'x'\], got 'y'"):
        visualization.plot_model(study, ["y"])
    with pytest.raises(ArgumentError, match="one or two parameters"):
        visualization.plot_model(study, ["x", "n", "kind"])
    with pytest.raises(ArgumentError, match="got 'y'"):
        visualization.plot_parallel_coordinate(study, ["x", "y"])
    with pytest.raises(ArgumentError, match="model must be"):
        visualization.plot_model(study, model="forest")


def test_a_declared_space_with_conditions_is_drawn():
    from ConfigSpace import Categorical, ConfigurationSpace, EqualsCondition, Float

    space = ConfigurationSpace(seed=0)
    kind, rate = Categorical("kind", ["a", "b"]), Float("rate", (1e-3, 1), log=True)
    space.add(kind, rate, EqualsCondition(rate, kind, "a"))
    study = bohb.create_study(
        sampler=bohb.BOHBSampler(seed=0), pruner=bohb.HyperbandPruner(1, 9), space=space
    )
    study.optimize(lambda trial: trial.config.get("rate", 0.5) + 1 / trial.resource)
    for name in PLOTS:
        getattr(visualization, name)(study).figure.canvas.draw()
    visualization.plot_model(study, ["rate"]).figure.canvas.draw()


def test_a_study_whose_parameters_do_not_vary_has_no_model():
    study = study_of(function=lambda trial: trial.suggest_float("x", 1, 1), n_rounds=1)
    with pytest.raises(NoResultError, match="no parameter with more than one value"):
        visualization.plot_importances(study)


# Axes


def test_accuracies_near_one_are_told_apart():
    laid = value_axis([0.9, 0.99, 0.999], maximize=True)
    one, two, three = laid.place([0.9, 0.99, 0.999])
    assert two - one == pytest.approx(three - two)
    assert laid.axis.ticks[1] == ["0.9", "0.95", "0.98", "0.99", "0.995", "0.998", "0.999"]


def test_losses_over_decades_are_drawn_by_their_logarithm():
    assert value_axis([1e-4, 1.0]).axis.log
    assert not value_axis([0.5, 1.0]).axis.log
    assert not value_axis([-1.0, 100.0]).axis.log
    assert not value_axis([math.nan]).axis.log

import itertools
import warnings

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import optuna
import pytest
from optuna.visualization import matplotlib as plots

from bohb.cli.show.plots import _make_readable


@pytest.fixture(scope="module")
def study():
    def objective(trial):
        narrow = trial.suggest_float("narrow", 0.004, 0.015, log=True)
        wide = trial.suggest_int("wide", 16, 512, log=True)
        tiny = trial.suggest_float("tiny", 1e-9, 1, log=True)
        kind = trial.suggest_categorical("kind", ["relu", "tanh"])
        share = trial.suggest_float("share", 0, 0.05)
        return narrow + 1 / wide + tiny + share + (kind == "tanh")

    made = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    made.optimize(objective, n_trials=30)
    return made


@pytest.fixture(params=["slice", "parallel_coordinate", "optimization_history"])
def figure(study, request):
    mpl.use("agg")
    with plt.rc_context({"figure.constrained_layout.use": True}), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        drawn = getattr(plots, f"plot_{request.param}")(study)
        made = np.ravel(drawn)[0].figure
        _make_readable(made)
        made.canvas.draw()
    yield made
    plt.close(made)


def test_no_label_of_an_axis_covers_the_next(figure):
    for axes, way in itertools.product(figure.axes, "xy"):
        axis = getattr(axes, f"{way}axis")
        labels = [*axis.get_ticklabels(), *axis.get_ticklabels(minor=True)]
        if any(label.get_rotation() for label in labels):
            continue  # the bounding boxes of slanting labels may overlap
        low, high = sorted(axis.get_view_interval())
        places = sorted(
            (getattr(box, f"{way}0"), getattr(box, f"{way}1"))
            for label in labels
            if label.get_text()
            and low <= label.get_position()[way == "y"] <= high
            and (box := label.get_window_extent())
        )
        assert all(end <= begin for (_, end), (begin, _) in itertools.pairwise(places))


def test_nothing_is_drawn_white_on_white(figure):
    for axes in figure.axes:
        for drawn in axes.collections:
            if drawn.get_array() is not None:
                colours = drawn.get_cmap()(np.linspace(0, 1, 11))[:, :3]
                assert (colours @ [0.2126, 0.7152, 0.0722]).max() < 0.85  # relative luminance

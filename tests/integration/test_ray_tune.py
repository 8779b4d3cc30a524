"""Our sampler as a searcher of Ray Tune, with its own schedulers."""

from __future__ import annotations

import json
import pathlib
import sys
import tempfile

import numpy as np
import pytest
from optuna.distributions import FloatDistribution
from optuna.trial import TrialState

import bohb
from bohb.errors import ArgumentError

pytest.importorskip("tensorboardX")  # of ray[tune], which is more than Ray itself
tune = pytest.importorskip("ray.tune", exc_type=ImportError)
import ray  # noqa: E402 - it comes with Tune
from ray import cloudpickle  # noqa: E402
from ray.tune.schedulers import ASHAScheduler, HyperBandForBOHB  # noqa: E402

from bohb.integration.ray_tune import BOHBSearch  # noqa: E402

cloudpickle.register_pickle_by_value(sys.modules[__name__])  # workers cannot import the tests


@pytest.fixture(scope="module", autouse=True)
def _cluster():
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    yield
    ray.shutdown()


def train(config):
    """Report a loss after each iteration, and go on from a checkpoint."""
    done, before = 0, tune.get_checkpoint()
    if before is not None:
        with before.as_directory() as directory:
            done = json.loads(pathlib.Path(directory, "done").read_text())
    for iteration in range(done + 1, 10):
        loss = (config["x"] - 0.3) ** 2 + config["inner"]["y"] + 1 / iteration
        with tempfile.TemporaryDirectory() as directory:
            pathlib.Path(directory, "done").write_text(json.dumps(iteration))
            checkpoint = tune.Checkpoint.from_directory(directory)
            tune.report({"loss": loss, "gain": -loss}, checkpoint=checkpoint)


SPACE = {"x": tune.uniform(0, 1), "inner": {"y": tune.uniform(0, 1)}}


def tuner_of(search, directory, n_samples=20, scheduler=None, **config):
    return tune.Tuner(
        train,
        param_space=SPACE,
        tune_config=tune.TuneConfig(
            **{"metric": "loss", "mode": "min", **config},
            search_alg=search,
            scheduler=scheduler or ASHAScheduler(max_t=9, grace_period=1, reduction_factor=3),
            num_samples=n_samples,
            max_concurrent_trials=None if scheduler else 2,
        ),
        run_config=tune.RunConfig(storage_path=str(directory), name="here", verbose=0),
    )


def test_the_model_learns_from_what_a_scheduler_lets_trials_report(tmp_path):
    search = BOHBSearch(9, seed=0)
    tuner_of(search, tmp_path, 30).fit()
    trials = search._study.trials
    assert len(trials) == 30
    states = {trial.state for trial in trials}
    assert states == {TrialState.COMPLETE, TrialState.PRUNED}
    for trial in trials:
        reached = max(trial.intermediate_values)
        assert (trial.state is TrialState.COMPLETE) == (reached == 9)
        assert sorted(trial.intermediate_values) == list(range(1, reached + 1))
    # Both parameters are found by the model.
    assert np.median([trial.params["inner/y"] for trial in trials[20:]]) < 0.35


def test_it_maximises_as_well(tmp_path):
    search = BOHBSearch(9, seed=0)
    tuner_of(search, tmp_path, 6, metric="gain", mode="max").fit()
    best = search._study.best_value if search._study.best_trials else None
    assert best is None or best < 0
    assert search._study.direction.name == "MAXIMIZE"


def test_paused_trials_go_on_under_the_scheduler_for_bohb(tmp_path):
    search = BOHBSearch(9, seed=0)
    scheduler = HyperBandForBOHB(time_attr="training_iteration", max_t=9, reduction_factor=3)
    results = tuner_of(search, tmp_path, 12, scheduler).fit()
    assert not results.errors
    assert len(search._study.trials) == 12
    assert any(max(t.intermediate_values) == 9 for t in search._study.trials)


def test_a_restored_searcher_goes_on_with_what_it_knew(tmp_path):
    search = BOHBSearch(9, seed=0)
    tuner_of(search, tmp_path, 6).fit()
    search.save(str(tmp_path / "searcher"))
    again = BOHBSearch(9, seed=0)
    again.restore(str(tmp_path / "searcher"))
    assert again.suggest("new") == search.suggest("new")
    assert len(again._study.trials) == 7


def test_a_trial_with_an_error_fails():
    search = BOHBSearch(9, {"x": FloatDistribution(0, 1)}, metric="loss", mode="min", seed=0)
    search.suggest("a")
    search.on_trial_complete("a", error=True)
    search.suggest("b")
    search.on_trial_complete("b", {"loss": float("nan"), "training_iteration": 1})
    assert [trial.state for trial in search._study.trials] == [TrialState.FAIL] * 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"mode": "minimize"}, "mode must be one of"),
        ({"seed": 1, "sampler": bohb.BOHBSampler(seed=0)}, "seed is that of the default sampler"),
        ({"min_resource": 10}, "min_resource must be at most max_resource"),
    ],
)
def test_a_wrong_argument_is_named(arguments, message):
    with pytest.raises(ArgumentError, match=message):
        BOHBSearch(9, **arguments)

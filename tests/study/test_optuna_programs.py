"""Programs of the kind that Optuna's users have, with `bohb.create_study` in place of Optuna's.

Each is run with brackets. It works as it is, or an error or a warning says why it cannot. Programs
of XGBoost, LightGBM and PyTorch run where these are installed.
"""

from __future__ import annotations

import collections
import pickle
import warnings

import numpy as np
import optuna
import pytest
from optuna.distributions import FloatDistribution
from optuna.study import MaxTrialsCallback
from optuna.trial import TrialState
from sklearn import datasets, ensemble, model_selection, svm
from sklearn.linear_model import SGDClassifier
from sklearn.neural_network import MLPClassifier
from studies import user_attributes

import bohb

PRUNER = bohb.HyperbandPruner(min_resource=1, max_resource=9, adaptive=False)


@pytest.fixture
def study():
    return bohb.create_study(direction="maximize", sampler=bohb.BOHBSampler(seed=0), pruner=PRUNER)


@pytest.fixture(scope="module")
def iris():
    data, target = datasets.load_iris(return_X_y=True)
    return model_selection.train_test_split(data, target, test_size=0.3, random_state=0)


def quadratic(trial):
    x = trial.suggest_float("x", -10, 10)
    for step in range(9):
        trial.report(-((x - 2) ** 2) - 1 / (step + 1), step)
        if trial.should_prune():
            raise optuna.TrialPruned
    return -((x - 2) ** 2)


# Libraries


def test_a_classifier_is_chosen_with_a_conditional_space(study, iris):
    """An objective that neither reports nor knows a resource: each leg trains it in full."""
    train, valid, train_target, valid_target = iris

    def objective(trial):
        name = trial.suggest_categorical("classifier", ["SVC", "RandomForest"])
        if name == "SVC":
            model = svm.SVC(C=trial.suggest_float("svc_c", 1e-5, 1e5, log=True), gamma="auto")
        else:
            depth = trial.suggest_int("rf_max_depth", 2, 16, log=True)
            model = ensemble.RandomForestClassifier(max_depth=depth, n_estimators=5, random_state=0)
        return model.fit(train, train_target).score(valid, valid_target)

    study.optimize(objective, n_trials=20)
    assert len(study.trials) == 20
    assert study.best_value > 0.9
    assert set(study.best_params) in ({"classifier", "svc_c"}, {"classifier", "rf_max_depth"})


def test_an_estimator_is_trained_in_passes_and_pruned(study, iris):
    train, valid, train_target, valid_target = iris

    def objective(trial):
        alpha = trial.suggest_float("alpha", 1e-5, 1e-1, log=True)
        model = SGDClassifier(alpha=alpha, random_state=0)
        for step in range(9):
            model.partial_fit(train, train_target, classes=[0, 1, 2])
            trial.report(model.score(valid, valid_target), step)
            if trial.should_prune():
                raise optuna.TrialPruned
        return model.score(valid, valid_target)

    study.optimize(objective, n_trials=15)
    states = {trial.state for trial in study.trials}
    assert states == {TrialState.COMPLETE, TrialState.PRUNED}


def test_xgboost_reports_from_a_callback(study, iris):
    xgboost = pytest.importorskip("xgboost")
    train, valid, train_target, valid_target = iris
    dtrain = xgboost.DMatrix(train, label=train_target)
    dvalid = xgboost.DMatrix(valid, label=valid_target)

    def objective(trial):
        class Pruning(xgboost.callback.TrainingCallback):
            def after_iteration(self, model, epoch, evals_log):
                trial.report(-evals_log["valid"]["mlogloss"][-1], epoch)
                if trial.should_prune():
                    raise optuna.TrialPruned
                return False

        param = {
            "objective": "multi:softprob",
            "num_class": 3,
            "verbosity": 0,
            "nthread": 1,
            "eta": trial.suggest_float("eta", 1e-3, 1, log=True),
            "max_depth": trial.suggest_int("max_depth", 1, 9),
        }
        booster = xgboost.train(
            param, dtrain, 9, evals=[(dvalid, "valid")], callbacks=[Pruning()], verbose_eval=False
        )
        return -float(booster.eval(dvalid).rpartition(":")[2])

    study.optimize(objective, n_trials=15)
    assert study.best_value > -0.5
    assert study.incumbent().resource == 9


def test_lightgbm_reports_from_a_callback(study, iris):
    lightgbm = pytest.importorskip("lightgbm")
    train, valid, train_target, valid_target = iris

    def objective(trial):
        def prune(env):
            (_, _, value, _) = env.evaluation_result_list[0][:4]
            trial.report(-value, env.iteration)
            if trial.should_prune():
                raise optuna.TrialPruned

        param = {
            "objective": "multiclass",
            "num_class": 3,
            "verbosity": -1,
            "num_threads": 1,
            "num_leaves": trial.suggest_int("num_leaves", 2, 64, log=True),
            "learning_rate": trial.suggest_float("learning_rate", 1e-3, 1, log=True),
        }
        booster = lightgbm.train(
            param,
            lightgbm.Dataset(train, label=train_target),
            num_boost_round=9,
            valid_sets=[lightgbm.Dataset(valid, label=valid_target)],
            callbacks=[prune],
        )
        predicted = np.argmax(booster.predict(valid), axis=1)
        return float(np.mean(predicted == valid_target))

    study.optimize(objective, n_trials=15)
    assert len(study.trials) == 15
    assert study.best_value > 0.5


def test_a_callback_of_optuna_integration_reports_and_prunes(iris):
    lightgbm = pytest.importorskip("lightgbm")
    integration = pytest.importorskip("optuna_integration")
    train, valid, train_target, valid_target = iris

    def objective(trial):
        param = {
            "objective": "multiclass",
            "num_class": 3,
            "verbosity": -1,
            "num_threads": 1,
            "learning_rate": trial.suggest_float("learning_rate", 1e-3, 1, log=True),
        }
        booster = lightgbm.train(
            param,
            lightgbm.Dataset(train, label=train_target),
            num_boost_round=9,
            valid_sets=[lightgbm.Dataset(valid, label=valid_target)],
            callbacks=[integration.LightGBMPruningCallback(trial, "multi_logloss")],
        )
        return booster.best_score["valid_0"]["multi_logloss"]

    study = bohb.create_study(sampler=bohb.BOHBSampler(seed=0), pruner=PRUNER)
    study.optimize(objective)
    held = study.evaluations_dataframe().groupby("resource").size().to_dict()
    assert held == {1: 9, 3: 6, 9: 5}


def test_pytorch_is_trained_in_a_loop(study, iris):
    torch = pytest.importorskip("torch")
    train, valid, train_target, valid_target = (torch.as_tensor(part) for part in iris)

    def define_model(trial):
        layers, width = [], 4
        for i in range(trial.suggest_int("n_layers", 1, 3)):
            units = trial.suggest_int(f"n_units_l{i}", 4, 64)
            layers += [torch.nn.Linear(width, units), torch.nn.ReLU()]
            layers.append(torch.nn.Dropout(trial.suggest_float(f"dropout_l{i}", 0.0, 0.5)))
            width = units
        return torch.nn.Sequential(*layers, torch.nn.Linear(width, 3))

    def objective(trial):
        torch.manual_seed(0)
        model = define_model(trial)
        name = trial.suggest_categorical("optimizer", ["Adam", "RMSprop", "SGD"])
        lr = trial.suggest_float("lr", 1e-4, 1e-1, log=True)
        optimizer = getattr(torch.optim, name)(model.parameters(), lr=lr)
        for epoch in range(9):
            model.train()
            for _ in range(5):
                optimizer.zero_grad()
                loss = torch.nn.functional.cross_entropy(model(train.float()), train_target)
                loss.backward()
                optimizer.step()
            model.eval()
            accuracy = (model(valid.float()).argmax(dim=1) == valid_target).float().mean().item()
            trial.report(accuracy, epoch)
            if trial.should_prune():
                raise optuna.exceptions.TrialPruned
        return accuracy

    study.optimize(objective, n_trials=15)
    assert study.best_value > 0.5


def test_a_model_that_fits_by_itself_reports_from_a_callback(study, iris):
    """In the manner of Keras: `fit` is a loop of its own, and calls back after each epoch."""
    train, valid, train_target, valid_target = iris

    class Model:
        def __init__(self, width):
            self.net = MLPClassifier([width], random_state=0)
            self.stop_training = False

        def fit(self, epochs, callbacks):
            for epoch in range(epochs):
                self.net.partial_fit(train, train_target, classes=[0, 1, 2])
                logs = {"val_accuracy": self.net.score(valid, valid_target)}
                for callback in callbacks:
                    callback.on_epoch_end(epoch, logs)
            return logs

    class PruningCallback:
        def __init__(self, trial, monitor):
            self.trial, self.monitor = trial, monitor

        def on_epoch_end(self, epoch, logs):
            self.trial.report(logs[self.monitor], step=epoch)
            if self.trial.should_prune():
                raise optuna.TrialPruned(f"Trial was pruned at epoch {epoch}.")

    def objective(trial):
        model = Model(trial.suggest_int("width", 2, 64, log=True))
        return model.fit(9, [PruningCallback(trial, "val_accuracy")])["val_accuracy"]

    study.optimize(objective, n_trials=15)
    assert study.incumbent().resource == 9


# What Optuna's studies can do


def test_constraints_are_kept_and_a_warning_says_that_brackets_do_not_know_them(study):
    def objective(trial):
        x = trial.suggest_float("x", -10, 10)
        trial.set_constraint("at most 1", x - 1)
        return -((x - 2) ** 2)

    study.enqueue_trial({"x": 5.0})
    with pytest.warns(UserWarning, match="brackets, incumbent.. and BOHBSampler do not look at"):
        study.optimize(objective, n_trials=1)
    with pytest.raises(bohb.BohbError, match="has no best trial: of those evaluated"):
        _ = study.best_trial
    study.enqueue_trial({"x": 1.0})
    with pytest.warns(UserWarning, match="do not look at constraints"):
        study.optimize(objective, n_trials=14)
    assert all(trial.constraints == {"at most 1": trial.params["x"] - 1} for trial in study.trials)


def test_a_sampler_with_constraints_is_warned_of_too():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # of Optuna's: it is deprecated
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        sampler = optuna.samplers.TPESampler(
            seed=0, constraints_func=lambda trial: [trial.params["x"] - 1]
        )
    study = bohb.create_study(sampler=sampler, pruner=PRUNER)
    with pytest.warns(UserWarning, match="do not look at constraints"):
        study.optimize(lambda trial: trial.suggest_float("x", -10, 10) ** 2, n_trials=9)
    assert len(study.trials) == 9


def test_trials_are_enqueued_and_have_attributes(study):
    def objective(trial):
        trial.set_user_attr("twice", 2 * trial.suggest_float("x", -10, 10))
        return quadratic(trial)

    study.set_user_attr("owner", "me")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        study.set_metric_names(["score"])
    study.enqueue_trial({"x": 2.0}, user_attrs={"memo": "known to be good"})
    study.enqueue_trial({"x": -9.0})
    study.optimize(objective, n_trials=12)
    assert [trial.params["x"] for trial in study.trials[:2]] == [2.0, -9.0]
    assert user_attributes(study.trials[0]) == {"memo": "known to be good", "twice": 4.0}
    assert study.user_attrs["owner"] == "me"
    assert study.metric_names == ["score"]


def test_callbacks_see_finished_trials_and_stop_the_study(study):
    seen = []

    def stop_when_good(study, trial):
        seen.append(trial.state)
        if trial.state == TrialState.COMPLETE:
            study.stop()

    study.optimize(quadratic, n_trials=100, callbacks=[stop_when_good])
    assert seen[-1] == TrialState.COMPLETE
    assert all(state.is_finished() for state in seen)


def test_max_trials_callback_counts_finished_trials(study):
    study.optimize(quadratic, callbacks=[MaxTrialsCallback(3, states=(TrialState.COMPLETE,))])
    complete = [trial for trial in study.trials if trial.state == TrialState.COMPLETE]
    assert len(complete) == 3


def test_all_plots_of_optuna_draw_it(study):
    pytest.importorskip("matplotlib").use("agg")
    from optuna.visualization import matplotlib as plots

    def objective(trial):
        trial.suggest_float("y", -1, 1)
        return quadratic(trial)

    study.optimize(objective)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        for plot in (
            plots.plot_optimization_history,
            plots.plot_intermediate_values,
            plots.plot_parallel_coordinate,
            plots.plot_contour,
            plots.plot_slice,
            plots.plot_param_importances,
            plots.plot_edf,
            plots.plot_rank,
            plots.plot_timeline,
        ):
            assert plot(study) is not None
    import matplotlib.pyplot as plt

    plt.close("all")
    assert set(optuna.importance.get_param_importances(study)) == {"x", "y"}


def test_dataframes_and_copies_are_made_of_it(study, tmp_path):
    study.optimize(quadratic)
    frame = study.trials_dataframe(attrs=("number", "value", "params", "state"))
    assert list(frame.columns) == ["number", "value", "params_x", "state"]
    assert len(frame) == len(study.trials)
    storage = f"sqlite:///{tmp_path}/copy.db"
    optuna.copy_study(
        from_study_name=study.study_name, from_storage=study._storage, to_storage=storage
    )
    copied = bohb.load_study(study_name=study.study_name, storage=storage)
    assert [t.values for t in copied.trials] == [t.values for t in study.trials]
    assert copied.incumbent() == study.incumbent()
    copied.optimize(quadratic)  # and goes on by itself
    assert len(copied.trials) == 2 * len(study.trials)


def test_artifacts_are_uploaded_for_trials(study, tmp_path):
    (tmp_path / "artifacts").mkdir()
    store = optuna.artifacts.FileSystemArtifactStore(str(tmp_path / "artifacts"))

    def objective(trial):
        path = tmp_path / f"model-{trial.number}.txt"
        path.write_text(str(trial.suggest_float("x", -10, 10)))
        artifact = optuna.artifacts.upload_artifact(
            artifact_store=store, file_path=str(path), study_or_trial=trial
        )
        trial.set_user_attr("artifact", artifact)
        return quadratic(trial)

    study.optimize(objective, n_trials=9)
    artifact = study.best_trial.user_attrs["artifact"]
    optuna.artifacts.download_artifact(
        artifact_store=store, file_path=str(tmp_path / "back.txt"), artifact_id=artifact
    )
    assert float((tmp_path / "back.txt").read_text()) == study.best_params["x"]


def test_a_study_in_a_database_is_taken_up_again(tmp_path):
    arguments = {
        "study_name": "example",
        "storage": f"sqlite:///{tmp_path}/example.db",
        "direction": "maximize",
        "load_if_exists": True,
        "pruner": PRUNER,
    }
    bohb.create_study(**arguments).optimize(quadratic, n_trials=9)
    study = bohb.create_study(**arguments)
    study.optimize(quadratic, n_trials=9)
    assert len(study.trials) == 18


def test_trials_are_asked_for_and_told(study):
    for _ in range(10):
        trial = study.ask({"x": optuna.distributions.FloatDistribution(-10, 10)})
        study.tell(trial, -((trial.params["x"] - 2) ** 2))
    assert len(study.trials) == 9  # the best of nine came back with more resource
    assert trial.resource == 3


def test_several_objectives_are_optimised_with_the_samplers_of_optuna():
    def objective(trial):
        x = trial.suggest_float("x", 0, 5)
        return x**2, (x - 2) ** 2

    study = bohb.create_study(
        directions=["minimize", "minimize"], sampler=optuna.samplers.NSGAIISampler(seed=0)
    )
    study.optimize(objective, n_trials=20)
    assert len(study.best_trials) > 1


def test_a_study_without_brackets_is_as_optunas():
    def run(create_study):
        study = create_study(
            direction="maximize",
            sampler=optuna.samplers.TPESampler(seed=0),
            pruner=optuna.pruners.MedianPruner(n_startup_trials=2),
        )
        study.optimize(quadratic, n_trials=20)
        return [(trial.state, trial.params, trial.values) for trial in study.trials]

    assert run(bohb.create_study) == run(optuna.create_study)


class Counting(optuna.samplers.QMCSampler):
    """A sampler that counts how often each of its methods is called, by trial."""

    def __init__(self):
        super().__init__(seed=0, warn_asynchronous_seeding=False)
        self.calls = collections.Counter()

    def before_trial(self, study, trial):
        self.calls["before", trial.number] += 1
        super().before_trial(study, trial)

    def sample_relative(self, study, trial, search_space):
        self.calls["sample", trial.number] += 1
        return super().sample_relative(study, trial, search_space)

    def after_trial(self, study, trial, state, values):
        self.calls["after", trial.number] += 1
        super().after_trial(study, trial, state, values)


@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
@pytest.mark.parametrize("how", ["optimize", "ask"])
@pytest.mark.parametrize("n_objectives", [1, 2])
@pytest.mark.parametrize(
    "pruner",
    [
        optuna.pruners.NopPruner(),
        optuna.pruners.MedianPruner(),
        optuna.pruners.HyperbandPruner(1, 9),
        bohb.HyperbandPruner(1, 9),
    ],
    ids=lambda pruner: type(pruner).__module__,
)
def test_a_sampler_is_asked_once_for_each_trial(pruner, n_objectives, how):
    if n_objectives == 2 and isinstance(pruner, bohb.HyperbandPruner):
        pytest.skip("brackets have one objective")

    def objective(trial):
        values = trial.suggest_float("x", 0, 1), trial.suggest_float("y", 0, 1)
        return values if n_objectives == 2 else sum(values)

    points = []
    for create in (optuna.create_study, bohb.create_study):
        sampler = Counting()
        study = create(sampler=sampler, pruner=pruner, directions=["minimize"] * n_objectives)
        if how == "optimize":
            study.optimize(objective, n_trials=8)
        else:
            for _ in range(8):
                trial = study.ask()
                study.tell(trial, objective(trial))
        numbers = {trial.number for trial in study.trials}
        finished = {trial.number for trial in study.trials if trial.state.is_finished()}
        assert sampler.calls == {
            **{("before", number): 1 for number in numbers},
            **{("sample", number): 1 for number in numbers},
            **{("after", number): 1 for number in finished},
        }
        points.append([tuple(trial.params.values()) for trial in study.trials])
    if not isinstance(pruner, bohb.HyperbandPruner):
        assert points[0] == points[1]


@pytest.mark.parametrize("pruner", [optuna.pruners.NopPruner(), bohb.HyperbandPruner(1, 9)])
def test_a_trial_can_be_pickled_and_goes_on(pruner, tmp_path):
    study = bohb.create_study(storage=f"sqlite:///{tmp_path}/s.db", study_name="s", pruner=pruner)
    trial = study.ask({"x": FloatDistribution(0, 1)})
    again = pickle.loads(pickle.dumps(trial))
    assert (again.number, again.params) == (trial.number, trial.params)
    again.report(0.5, 1)
    again.set_user_attr("seen", True)
    again.suggest_int("n", 1, 3)
    (stored,) = study.trials
    assert stored.intermediate_values == {1: 0.5}
    assert user_attributes(stored) == {"seen": True}
    assert set(stored.params) == {"x", "n"}


@pytest.mark.parametrize("create", [optuna.create_study, bohb.create_study])
def test_steps_beyond_the_highest_resource_are_named_once(create, caplog):
    def objective(trial):
        x = trial.suggest_float("x", 0, 1)
        for epoch in range(1, 11):
            trial.report(x + 1 / epoch, 50 * epoch)
            if trial.should_prune():
                raise optuna.TrialPruned
        return x

    study = create(sampler=bohb.BOHBSampler(seed=0), pruner=bohb.HyperbandPruner(1, 27))
    study.optimize(objective, n_trials=20)
    said = [r.getMessage() for r in caplog.records if "max_resource=27" in r.getMessage()]
    assert len(said) == 1
    assert "reported step 50, which is beyond max_resource=27" in said[0]

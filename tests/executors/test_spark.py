"""Legs on real Spark, through its backend for joblib. Skipped where pyspark is not installed."""

import os
import sys
import warnings

import joblib
import pytest
from studies import counts, planned_counts, study_of

import bohb
from bohb.executors import JoblibExecutor

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]


@pytest.fixture(scope="module", autouse=True)
def _spark():
    sql = pytest.importorskip("pyspark.sql")
    joblibspark = pytest.importorskip("joblibspark")
    os.environ["PYSPARK_PYTHON"] = sys.executable
    path = [os.path.dirname(__file__), os.path.dirname(sys.modules["studies"].__file__)]
    session = (
        sql.SparkSession.builder.master("local[2]")
        .config("spark.ui.enabled", "false")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.executorEnv.PYTHONPATH", os.pathsep.join([*path, *sys.path]))
        .getOrCreate()
    )
    session.sparkContext.setLogLevel("OFF")
    joblibspark.register_spark()
    yield
    session.stop()


def make_objective():
    def objective(trial):
        x = trial.suggest_float("x", 0, 1)
        file = trial.checkpoint_dir / "trained"
        trained = int(file.read_text()) if file.exists() else 0
        assert trained == trial.previous_resource
        file.write_text(str(trial.resource))
        trial.set_user_attr("process", os.getpid())
        return x / trial.resource

    return objective


def test_a_round_runs_in_the_workers_of_spark(tmp_path):
    study = study_of(storage=tmp_path / "s.journal", checkpoint_root=tmp_path)
    with joblib.parallel_config("spark", n_jobs=2):
        study.optimize(make_objective(), executor=JoblibExecutor())
    assert counts(study) == planned_counts(study)
    processes = {trial.user_attrs["process"] for trial in study.trials}
    assert os.getpid() not in processes


def test_what_an_objective_raises_fails_its_trial():
    def objective(trial):
        if trial.number == 3:
            raise ValueError("not this one")
        return trial.suggest_float("x", 0, 1)

    study = study_of()
    with joblib.parallel_config("spark", n_jobs=2):
        study.optimize(objective, n_trials=9, executor=JoblibExecutor(), catch=ValueError)
    assert [t.number for t in study.trials if t.state.name == "FAIL"] == [3]


def test_a_call_that_was_cut_off_goes_on_with_spark(tmp_path):
    study = study_of(storage=tmp_path / "s.journal", study_name="mine", checkpoint_root=tmp_path)
    study.optimize(make_objective(), n_trials=4)
    again = bohb.load_study(storage=tmp_path / "s.journal", study_name="mine")
    with joblib.parallel_config("spark", n_jobs=2):
        again.optimize(make_objective(), n_brackets=1, executor=JoblibExecutor())
    assert again.incumbent().resource == 9


def test_a_search_uses_the_backend_that_is_active():
    from scipy.stats import loguniform
    from sklearn.datasets import load_iris
    from sklearn.linear_model import SGDClassifier

    from bohb.sklearn import HyperbandSearchCV

    x, y = load_iris(return_X_y=True)
    search = HyperbandSearchCV(
        SGDClassifier(random_state=0), {"alpha": loguniform(1e-6, 1e-1)}, 9, random_state=0
    )
    with warnings.catch_warnings(), joblib.parallel_config("spark", n_jobs=2):
        warnings.simplefilter("ignore")
        search.fit(x, y)
    alone = HyperbandSearchCV(
        SGDClassifier(random_state=0), {"alpha": loguniform(1e-6, 1e-1)}, 9, random_state=0
    ).fit(x, y)
    assert search.best_params_ == alone.best_params_
    assert search.best_score_ == alone.best_score_

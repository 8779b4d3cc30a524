"""Trackers: each finished trial is a run of its own, also after a call that was cut off.

The tools are large, and are not among the requirements of the tests: where one is not installed
its tests are skipped.
"""

import json
import math
import struct

import pytest
from studies import study_of

import bohb

pytestmark = pytest.mark.filterwarnings("ignore")


class Tool:
    """A tracking tool, of which the values by resource and a parameter of each trial are read."""

    def __init__(self, tmp_path):
        self.tmp_path = tmp_path


class MLflow(Tool):
    def tracker(self):
        from bohb.integration.mlflow import MLflowTracker

        return MLflowTracker("tuning", self.uri)

    @property
    def uri(self):
        return f"sqlite:///{self.tmp_path}/mlflow.db"

    def runs(self):
        mlflow = pytest.importorskip("mlflow")
        client = mlflow.MlflowClient(self.uri)
        experiment = client.get_experiment_by_name("tuning")
        return client, client.search_runs([experiment.experiment_id])

    def curves(self):
        client, runs = self.runs()
        found = {}
        for run in runs:
            if "bohb.trial" in run.data.tags:
                history = client.get_metric_history(run.info.run_id, "value")
                curve = {metric.step: metric.value for metric in history}
                number = int(run.data.tags["bohb.trial"])
                assert number not in found
                found[number] = curve, float(run.data.params["x"])
        return found

    def bests(self):
        client, runs = self.runs()
        (study,) = (run for run in runs if "bohb.trial" not in run.data.tags)
        assert study.info.status == "FINISHED"
        history = client.get_metric_history(study.info.run_id, "best_value")
        return [metric.value for metric in sorted(history, key=lambda metric: metric.step)]


class TensorBoard(Tool):
    def tracker(self):
        from bohb.integration.tensorboard import TensorBoardTracker

        return TensorBoardTracker(self.tmp_path / "runs")

    def read(self, directory):
        accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
        from tensorboard.plugins.hparams import metadata

        read = accumulator.EventAccumulator(str(directory)).Reload()
        scalars = {
            name: {event.step: event.value for event in read.Scalars(name)}
            for name in read.Tags()["scalars"]
        }
        if directory.name == "study":
            return scalars, None
        begun = read.PluginTagToContent("hparams")[metadata.SESSION_START_INFO_TAG]
        return scalars, metadata.parse_session_start_info_plugin_data(begun).hparams

    def curves(self):
        found = {}
        for directory in (self.tmp_path / "runs").glob("trial-*"):
            scalars, hparams = self.read(directory)
            number = int(directory.name.partition("-")[2])
            found[number] = scalars.get("value", {}), hparams["x"].number_value
        return found

    def bests(self):
        return list(self.read(self.tmp_path / "runs" / "study")[0]["best_value"].values())


class Wandb(Tool):
    def tracker(self):
        from bohb.integration.wandb import WandbTracker

        return WandbTracker("tuning", self.tmp_path, mode="offline")

    def records(self, path):
        """Return what is in a file of W&B: a log in LevelDB's format, of blocks of 32 KiB."""
        from wandb.proto.wandb_internal_pb2 import Record

        data, place, part = path.read_bytes(), 7, b""
        while place + 7 <= len(data):
            left = 32768 - place % 32768
            if left < 7:
                place += left
                continue
            _, size, kind = struct.unpack_from("<IHB", data, place)
            part += data[place + 7 : place + 7 + size]
            place += 7 + size
            if kind in (1, 4):  # whole, or the last part
                yield Record.FromString(part)
                part = b""

    def written(self, name):
        pattern = f"wandb/offline-run-*-{name}/*.wandb"
        for path in sorted(self.tmp_path.glob(pattern)):
            rows, config, group = [], {}, None
            for record in self.records(path):
                if record.WhichOneof("record_type") == "run":
                    config |= {u.key: json.loads(u.value_json) for u in record.run.config.update}
                    group = record.run.run_group
                if record.WhichOneof("record_type") == "history":
                    rows.append({i.nested_key[0]: i.value_json for i in record.history.item})
            yield path.parent.name.rpartition("-")[2], rows, config, group

    def curves(self):
        pytest.importorskip("wandb")
        found = {}
        for number, rows, config, group in self.written("*-[0-9]*"):
            assert group == "mine"
            assert int(number) not in found
            curve = {int(row["resource"]): json.loads(row["value"]) for row in rows}
            found[int(number)] = curve, config["x"]
        return found

    def bests(self):
        runs = list(self.written("*-study"))
        return [float(row["best_value"]) for _, rows, *_ in runs for row in rows]


@pytest.fixture(params=[MLflow, Wandb, TensorBoard])
def tool(request, tmp_path):
    needed = {MLflow: "mlflow", Wandb: "wandb", TensorBoard: "tensorboardX"}[request.param]
    pytest.importorskip(needed)
    return request.param(tmp_path)


def objective(trial):
    x = trial.suggest_float("x", 0, 1)
    trial.suggest_categorical("kind", ["a", None, 3])
    if trial.number == 5:
        raise ValueError("no such luck")
    for epoch in range(1, 10):
        trial.report(x + 1 / epoch, epoch)
        if trial.should_prune():
            raise bohb.TrialPruned
    return x


def expected(study):
    found = {}
    for trial in study.trials:
        curve = dict(trial.intermediate_values)
        if trial.value is not None and math.isfinite(trial.value) and 9 in curve:
            curve[9] = trial.value
        found[trial.number] = curve, trial.params["x"]
    return found


def test_each_trial_is_a_run_with_its_values_by_resource(tool):
    study = study_of(study_name="mine")
    with tool.tracker() as tracker:
        study.optimize(objective, n_trials=12, callbacks=[tracker], catch=ValueError)
    found = tool.curves()
    assert found.keys() == set(range(12))
    for number, (curve, x) in expected(study).items():
        assert found[number][0] == pytest.approx(curve, rel=1e-6)
        assert found[number][1] == pytest.approx(x, rel=1e-6)
    bests = tool.bests()
    assert bests[-1] == pytest.approx(study.incumbent().value, rel=1e-6)


def test_a_study_that_is_resumed_goes_on_in_its_run(tool):
    study = study_of(study_name="mine")
    study.optimize(objective, n_trials=9, catch=ValueError)  # nobody has tracked these
    for _ in range(2):
        with tool.tracker() as tracker:
            study.optimize(objective, n_trials=2, callbacks=[tracker], catch=ValueError)
    assert tool.curves().keys() == set(range(len(study.trials)))
    assert tool.bests()[-1] == pytest.approx(study.incumbent().value, rel=1e-6)


def test_a_run_that_was_cut_off_is_written_again(tmp_path):
    pytest.importorskip("mlflow")
    tool = MLflow(tmp_path)
    study = study_of(study_name="mine")
    with tool.tracker() as tracker:
        study.optimize(objective, n_trials=2, callbacks=[tracker], catch=ValueError)
    client, runs = tool.runs()
    client.update_run(runs[0].info.run_id, "RUNNING")  # as a process that was killed leaves it
    with tool.tracker() as tracker:
        study.optimize(objective, n_trials=2, callbacks=[tracker], catch=ValueError)
    assert tool.curves().keys() == set(range(len(study.trials)))

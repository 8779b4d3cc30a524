"""Callbacks for frameworks: each epoch is trained once, whichever rung its trial gets to.

The frameworks are large, and are not among the requirements of the tests: where one is not
installed its tests are skipped.
"""

from __future__ import annotations

import os

import pytest
from studies import study_of

import bohb
from bohb.errors import ArgumentTypeError

os.environ.setdefault("KERAS_BACKEND", "torch")
pytestmark = pytest.mark.filterwarnings("ignore")
N_EPOCHS = 9


def check(study, objective, trained):
    """Check that a study trains as many epochs as its plan says, if trials go on."""
    study.optimize(objective)
    assert sorted(trained) == sorted(set(trained))  # trial and epoch: none comes twice
    assert len(trained) == study.plan().resource_continued
    for trial in study.trials:
        epochs = [epoch for number, epoch in trained if number == trial.number]
        assert epochs == list(range(1, len(epochs) + 1))
        assert list(trial.intermediate_values) == epochs
    assert study.best_trial.resource == N_EPOCHS


def test_lightning_goes_on_with_the_next_epoch(tmp_path):
    torch = pytest.importorskip("torch")
    lightning = pytest.importorskip("lightning")
    from bohb.integration.lightning import LightningPausing

    trained = []

    class Net(lightning.LightningModule):
        def __init__(self, number, rate):
            super().__init__()
            self.layer, self.number, self.rate = torch.nn.Linear(4, 1), number, rate

        def training_step(self, batch, index):
            return torch.nn.functional.mse_loss(self.layer(batch[0]), batch[1])

        def validation_step(self, batch, index):
            self.log("val_loss", torch.nn.functional.mse_loss(self.layer(batch[0]), batch[1]))

        def on_train_epoch_start(self):
            trained.append((self.number, self.current_epoch + 1))

        def configure_optimizers(self):
            return torch.optim.Adam(self.parameters(), lr=self.rate)

    torch.manual_seed(0)
    x = torch.randn(32, 4)
    data = torch.utils.data.TensorDataset(x, x.sum(dim=1, keepdim=True))
    loader = torch.utils.data.DataLoader(data, batch_size=8)

    def objective(trial):
        pausing = LightningPausing(trial, monitor="val_loss")
        trainer = lightning.Trainer(
            max_epochs=N_EPOCHS,
            callbacks=[pausing],
            accelerator="cpu",
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            default_root_dir=tmp_path,
        )
        net = Net(trial.number, trial.suggest_float("rate", 1e-3, 1, log=True))
        trainer.fit(net, loader, loader, ckpt_path=pausing.checkpoint)
        return trainer.callback_metrics["val_loss"].item()

    check(study_of(checkpoint_root=tmp_path), objective, trained)


def test_keras_goes_on_with_the_next_epoch(tmp_path):
    pytest.importorskip("torch")
    keras = pytest.importorskip("keras")
    import numpy as np

    from bohb.integration.keras import KerasPausing

    trained = []
    x = np.random.default_rng(0).normal(size=(32, 4))
    y = x.sum(axis=1)

    class Counting(keras.callbacks.Callback):
        def __init__(self, number):
            super().__init__()
            self.number = number

        def on_epoch_begin(self, epoch, logs=None):
            trained.append((self.number, epoch + 1))

    def objective(trial):
        rate = trial.suggest_float("rate", 1e-3, 1, log=True)

        def build():
            model = keras.Sequential([keras.layers.Input((4,)), keras.layers.Dense(1)])
            model.compile(keras.optimizers.Adam(rate), "mse")
            return model

        pausing = KerasPausing(trial, monitor="val_loss")
        model = pausing.restore(build)
        n_steps = int(model.optimizer.iterations)
        assert n_steps == 4 * pausing.initial_epoch  # the optimizer goes on as well
        history = model.fit(
            x,
            y,
            batch_size=8,
            validation_data=(x, y),
            epochs=N_EPOCHS,
            initial_epoch=pausing.initial_epoch,
            callbacks=[Counting(trial.number), pausing],
            verbose=0,
        )
        return history.history["val_loss"][-1]

    check(study_of(checkpoint_root=tmp_path), objective, trained)


def test_transformers_go_on_with_the_next_epoch(tmp_path):
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    pytest.importorskip("accelerate")
    from bohb.integration.transformers import TransformersPausing

    trained = []

    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = torch.nn.Linear(4, 1)

        def forward(self, x, labels):
            predicted = self.layer(x).squeeze(-1)
            return {"loss": torch.nn.functional.mse_loss(predicted, labels), "logits": predicted}

    class Counting(transformers.TrainerCallback):
        def __init__(self, number):
            self.number = number

        def on_epoch_begin(self, args, state, control, **more):
            trained.append((self.number, round(state.epoch) + 1))

    torch.manual_seed(0)
    rows = [{"x": x, "labels": x.sum()} for x in torch.randn(32, 4)]

    def objective(trial):
        pausing = TransformersPausing(trial)
        arguments = transformers.TrainingArguments(
            str(trial.checkpoint_dir),
            num_train_epochs=N_EPOCHS,
            per_device_train_batch_size=8,
            eval_strategy="epoch",
            save_strategy="epoch",
            save_total_limit=1,
            learning_rate=trial.suggest_float("rate", 1e-3, 1, log=True),
            report_to="none",
            use_cpu=True,
            disable_tqdm=True,
        )
        trainer = transformers.Trainer(
            Net(),
            arguments,
            train_dataset=rows,
            eval_dataset=rows,
            callbacks=[Counting(trial.number), pausing],
        )
        trainer.train(resume_from_checkpoint=pausing.checkpoint)
        return trainer.evaluate()["eval_loss"]

    check(study_of(checkpoint_root=tmp_path), objective, trained)


def test_a_trial_of_another_study_is_refused():
    import optuna

    from bohb.integration.pausing import checked_trial

    with pytest.raises(ArgumentTypeError, match=r"the objective of a bohb\.Study got"):
        checked_trial(optuna.create_study().ask())
    trial = study_of().ask()
    assert checked_trial(trial) is trial


def test_a_metric_that_is_not_there_is_named():
    from bohb.errors import ArgumentError
    from bohb.integration.pausing import value_of

    with pytest.raises(ArgumentError, match=r"got 'accuracy': there are \['loss', 'val_loss'\]"):
        value_of({"val_loss": 1.0, "loss": 2.0}, "accuracy")


@pytest.mark.parametrize("name", ["lightning", "keras", "transformers"])
def test_a_framework_that_is_not_installed_is_named(name, monkeypatch):
    import importlib
    import sys

    monkeypatch.setitem(sys.modules, {"lightning": "lightning.pytorch"}.get(name, name), None)
    monkeypatch.delitem(sys.modules, f"bohb.integration.{name}", raising=False)
    with pytest.raises(bohb.errors.MissingDependencyError, match="pip install"):
        importlib.import_module(f"bohb.integration.{name}")

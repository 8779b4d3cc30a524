"""The callback for Lightning. Needs ``lightning``."""

from __future__ import annotations

from typing import Any

from bohb.errors import MissingDependencyError
from bohb.integration.pausing import checked_trial, report_and_pause, value_of
from bohb.objective.trial import Trial

try:
    from lightning.pytorch import Callback
except ImportError as error:
    raise MissingDependencyError(
        "bohb.integration.lightning needs Lightning: pip install lightning"
    ) from error

_FILE = "last.ckpt"


class LightningPausing(Callback):  # type: ignore[misc]  # without types where it is not installed
    """Saves the training after each epoch, reports, and pauses the trial at its rung.

    A unit of resource is an epoch. When the trial is promoted, training goes on from `checkpoint`
    with the next epoch: no epoch is trained twice.

    Parameters
    ----------
    trial
        The trial of the objective.
    monitor
        The metric that is reported, as the module logs it in validation or training.

    Raises
    ------
    ArgumentTypeError
        If `trial` is not one of a study of `bohb`.

    Examples
    --------
    An objective creates it, hands it to the trainer, and lets `fit` begin at its checkpoint::

        def objective(trial):
            pausing = LightningPausing(trial, monitor="val_loss")
            trainer = lightning.Trainer(max_epochs=81, callbacks=[pausing], logger=False)
            trainer.fit(Net(trial), data, ckpt_path=pausing.checkpoint)
            return trainer.callback_metrics["val_loss"].item()
    """

    def __init__(self, trial: Trial, monitor: str) -> None:
        super().__init__()
        self._trial = checked_trial(trial)
        self._monitor = monitor

    @property
    def checkpoint(self) -> str | None:
        """The checkpoint to go on from; None if the trial begins."""
        path = self._trial.checkpoint_dir / _FILE
        return str(path) if path.exists() else None

    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        """Save, report and pause; Lightning calls it after each epoch."""
        value = value_of(trainer.callback_metrics, self._monitor)
        trainer.save_checkpoint(self._trial.checkpoint_dir / _FILE)
        report_and_pause(self._trial, value, trainer.current_epoch + 1)

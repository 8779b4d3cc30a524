"""The callback for Keras 3. Needs ``keras`` and one of its backends."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from bohb.errors import MissingDependencyError
from bohb.integration.pausing import checked_trial, report_and_pause, value_of
from bohb.objective.trial import Trial

try:
    import keras
except ImportError as error:
    raise MissingDependencyError(
        "bohb.integration.keras needs Keras 3: pip install keras, and a backend such as torch"
    ) from error

_FILE = "epoch-{:06d}.keras"


class KerasPausing(keras.callbacks.Callback):  # type: ignore[misc]  # without types as above
    """Saves the model after each epoch, reports, and pauses the trial at its rung.

    A unit of resource is an epoch. When the trial is promoted, training goes on with the next
    epoch, with the state of the optimizer as it was.

    Parameters
    ----------
    trial
        The trial of the objective.
    monitor
        The metric that is reported, a key of the logs of Keras.

    Raises
    ------
    ArgumentTypeError
        If `trial` is not one of a study of `bohb`.

    Examples
    --------
    An objective lets it restore the model, and tells `fit` where to begin::

        def objective(trial):
            pausing = KerasPausing(trial, monitor="val_loss")
            model = pausing.restore(lambda: compiled_model(trial))
            history = model.fit(
                x, y, validation_split=0.2, epochs=81, initial_epoch=pausing.initial_epoch,
                callbacks=[pausing],
            )
            return history.history["val_loss"][-1]
    """

    def __init__(self, trial: Trial, monitor: str = "val_loss") -> None:
        super().__init__()
        self._trial = checked_trial(trial)
        self._monitor = monitor

    @property
    def initial_epoch(self) -> int:
        """The epochs that the saved model has been trained for; 0 if the trial begins."""
        files = self._trial.checkpoint_dir.glob("epoch-*.keras")
        return max((int(path.stem.partition("-")[2]) for path in files), default=0)

    def restore(self, build: Callable[[], Any]) -> Any:
        """Return the model that was saved, or what `build` returns if the trial begins."""
        n_epochs = self.initial_epoch
        if not n_epochs:
            return build()
        return keras.models.load_model(self._trial.checkpoint_dir / _FILE.format(n_epochs))

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Save, report and pause; Keras calls it after each epoch."""
        value = value_of(logs or {}, self._monitor)
        directory = self._trial.checkpoint_dir
        # A model gets its name once it is whole, and the one before goes after that.
        new = directory / "new.keras"
        self.model.save(new)
        new.replace(directory / _FILE.format(epoch + 1))
        (directory / _FILE.format(epoch)).unlink(missing_ok=True)
        report_and_pause(self._trial, value, epoch + 1)

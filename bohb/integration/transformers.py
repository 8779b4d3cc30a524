"""The callback for the Trainer of Transformers. Needs ``transformers``."""

from __future__ import annotations

from typing import Any

from bohb.errors import MissingDependencyError
from bohb.integration.pausing import checked_trial, report_and_pause, value_of
from bohb.objective.trial import Trial

try:
    from transformers import TrainerCallback
    from transformers.trainer_utils import get_last_checkpoint
except ImportError as error:
    raise MissingDependencyError(
        "bohb.integration.transformers needs Transformers: pip install 'transformers[torch]'"
    ) from error


class TransformersPausing(TrainerCallback):  # type: ignore[misc]  # without types as above
    """Reports after each epoch that the trainer has saved, and pauses the trial at its rung.

    A unit of resource is an epoch. The trainer must evaluate and save after each, into the trial's
    directory. When the trial is promoted, training goes on from `checkpoint`.

    Parameters
    ----------
    trial
        The trial of the objective.
    monitor
        The metric that is reported, a key of what the trainer's evaluation returns.

    Raises
    ------
    ArgumentTypeError
        If `trial` is not one of a study of `bohb`.

    Examples
    --------
    An objective saves into the trial's directory, and resumes from its checkpoint::

        def objective(trial):
            pausing = TransformersPausing(trial, monitor="eval_loss")
            arguments = TrainingArguments(
                trial.checkpoint_dir, num_train_epochs=81, eval_strategy="epoch",
                save_strategy="epoch", save_total_limit=1,
                learning_rate=trial.suggest_float("rate", 1e-5, 1e-2, log=True),
            )
            trainer = Trainer(model, arguments, train_dataset=train, eval_dataset=test,
                              callbacks=[pausing])
            trainer.train(resume_from_checkpoint=pausing.checkpoint)
            return trainer.evaluate()["eval_loss"]
    """

    def __init__(self, trial: Trial, monitor: str = "eval_loss") -> None:
        self._trial = checked_trial(trial)
        self._monitor = monitor
        self._metrics: dict[str, float] = {}

    @property
    def checkpoint(self) -> str | None:
        """The checkpoint to go on from; None if the trial begins."""
        found: str | None = get_last_checkpoint(str(self._trial.checkpoint_dir))
        return found

    def on_evaluate(self, args: Any, state: Any, control: Any, **more: Any) -> None:
        """Take the metrics of an epoch; the trainer saves after this."""
        self._metrics = dict(more.get("metrics") or {})

    def on_save(self, args: Any, state: Any, control: Any, **more: Any) -> None:
        """Report and pause; the trainer calls it once its checkpoint is written."""
        value = value_of(self._metrics, self._monitor)
        report_and_pause(self._trial, value, round(state.epoch))

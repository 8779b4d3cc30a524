"""The tracker for TensorBoard. Needs ``tensorboardX``, which writes its files."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import optuna

from bohb.errors import MissingDependencyError
from bohb.hyperband import Resource
from bohb.integration.tracking import TrackedTrial, Tracker

try:
    from tensorboardX import SummaryWriter
    from tensorboardX.summary import hparams
except ImportError as error:
    raise MissingDependencyError(
        "bohb.integration.tensorboard needs tensorboardX: pip install tensorboardX"
    ) from error

_WHOLE = "written"  # a file in the directory of a trial, once all of it is there


class TensorBoardTracker(Tracker):
    """Writes the curve and the configuration of each trial that finishes for TensorBoard.

    A trial has a directory of its own below `directory`, with the scalar ``value`` by resource (by
    rung where resources are not integers), and a row in the tab of hyperparameters. The directory
    ``study`` has ``best_value`` by the resource that was used.

    Parameters
    ----------
    directory
        Where the files of one study go: ``tensorboard --logdir`` shows it.

    Examples
    --------
    It is a callback, and a context that closes the files::

        with TensorBoardTracker("runs/digits") as tracker:
            study.optimize(objective, callbacks=[tracker])
    """

    def __init__(self, directory: str | Path) -> None:
        super().__init__()
        self._directory = Path(directory)
        self._writer: SummaryWriter | None = None

    def _begin(self, study: optuna.Study) -> set[int]:
        # Without the suffix two calls in one second would write to one file.
        suffix = f".{uuid.uuid4().hex[:8]}"
        self._writer = SummaryWriter(str(self._directory / "study"), filename_suffix=suffix)
        done = self._directory.glob(f"trial-*/{_WHOLE}")
        return {int(file.parent.name.partition("-")[2]) for file in done}

    def _write(self, trial: TrackedTrial) -> None:
        directory = self._directory / trial.name
        with SummaryWriter(str(directory)) as writer:
            for index, (resource, value) in enumerate(trial.curve):
                writer.add_scalar("value", value, int(resource) if self._scale.whole else index)
            for key, text in {"state": trial.state, **trial.notes}.items():
                writer.add_text(key, text)
            simple = {key: _simple(value) for key, value in trial.params.items()}
            for summary in hparams(simple, {"value": None}):
                writer.file_writer.add_summary(summary)
        (directory / _WHOLE).touch()

    def _write_best(self, value: float, resource: Resource, used: float) -> None:
        if self._writer is not None:
            self._writer.add_scalar("best_value", value, round(used))
            self._writer.add_scalar("best_resource", float(resource), round(used))

    def _end(self) -> None:
        if self._writer is not None:
            self._writer.close()


def _simple(value: Any) -> bool | int | float | str:
    """Return a value of a parameter as TensorBoard shows it: other kinds by their text."""
    return value if isinstance(value, (bool, int, float, str)) else str(value)

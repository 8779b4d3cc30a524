"""One run of the command: its files, its values, and the error that it ended with."""

from __future__ import annotations

import itertools
import json
import os
from collections import deque
from collections.abc import Iterator, Mapping
from pathlib import Path

from bohb.cli.command.process import Line, Process, written_lines
from bohb.cli.command.watcher import Run
from bohb.cli.jobs import GENERAL, Job
from bohb.errors import CommandError
from bohb.study import Trial

RECORD = "running.json"  # a file in a trial's directory while its command runs

_LAST_LINES = 5
_LONGEST = 500  # characters of a line in the report of a failure


class PreparedRun:
    """A run of a job's command for one leg of a trial.

    The trial's directory holds all that belongs to the run: a directory for checkpoints, the file
    of its parameters, and its outputs.

    Attributes
    ----------
    is_repeated
        Whether this leg was run before, and cut off.

    Raises
    ------
    CommandError
        If the run cannot be prepared.
    """

    def __init__(self, job: Job, trial: Trial, run: Run) -> None:
        self._job = job
        self._run = run
        self._directory = trial.checkpoint_dir
        self._name = _free_name(self._directory, self._shown_resource)
        self.is_repeated = self._name != self._shown_resource
        self._last_lines: deque[str] = deque(maxlen=_LAST_LINES)
        checkpoints = "checkpoint" if job.keep_checkpoints else f"{self._name}.checkpoint"
        self._checkpoints = self._directory / checkpoints
        self._params = self._directory / "params.json"
        self._values = job.told(
            run.values,
            trial=run.number,
            resource=run.resource,
            previous_resource=run.previous_resource,
            checkpoint_dir=str(self._checkpoints),
            params_file=str(self._params),
        )
        self._workdir = job.directory / job.workdir.fill(self._values)

    def start(self, threads: Mapping[str, str]) -> Process:
        """Start the command, and return its process."""
        try:
            self._checkpoints.mkdir(exist_ok=True)
            values = json.dumps(dict(self._run.values), indent=1, ensure_ascii=False)
            self._params.write_text(values + "\n", encoding="utf-8")
            self._workdir.mkdir(parents=True, exist_ok=True)
            self._file_before = _stamp(self.metric_file)
        except (OSError, ValueError) as error:
            raise CommandError(f"the command cannot be prepared: {error}") from error
        call = self._job.command.call(self._values)
        return Process(
            call.arguments,
            workdir=self._workdir,
            environment=self._environment(threads) | call.environment,
            stdout=self._directory / f"{self._name}.stdout",
            stderr=self._directory / f"{self._name}.stderr",
            record=self._directory / RECORD,
        )

    def note(self, line: Line) -> None:
        """Keep a line of stderr, without what a terminal cannot print, for an error message."""
        if line.stream == "stderr":
            shown = "".join(c if c.isprintable() else " " for c in line.text[:_LONGEST])
            self._last_lines.append(shown)

    def check(self, code: int | None) -> None:
        """Raise CommandError if the command has failed, or has not written its metric.

        Parameters
        ----------
        code
            Its exit code.
        """
        if code:
            reason = f"exit code {code}" if code > 0 else f"ended by signal {-code}"
            tail = "".join(f"\n    {line}" for line in self._last_lines)
            raise CommandError(f"{reason}:{tail}" if tail else f"{reason}, and nothing on stderr")
        path = self.metric_file
        if path is not None and _stamp(path) == self._file_before:
            raise CommandError(f"the command did not write {path}, the file of the metric")

    def set_checkpoints_aside(self) -> None:
        """Move the checkpoints away, so that the next run of this leg begins without any."""
        self._checkpoints.rename(self._directory / f"{self._name}.checkpoint")

    @property
    def metric_file(self) -> Path | None:
        """The file that the command writes its metric into; None if it writes none."""
        template = self._job.metric.file
        return None if template is None else self._workdir / template.fill(self._values)

    def earlier_lines(self) -> Iterator[Line]:
        """Return the lines that earlier runs of this leg, which were cut off, have written."""
        return written_lines(self._directory, f"{self._shown_resource}.")

    @property
    def _shown_resource(self) -> str:
        return f"resource-{self._run.resource}"

    def _environment(self, threads: Mapping[str, str]) -> dict[str, str]:
        told = (name for name in GENERAL if name != "python")
        return {
            "PYTHONUNBUFFERED": "1",  # otherwise reports come late, when a buffer is full
            **threads,
            **os.environ,
            **{name: text.fill(self._values) for name, text in self._job.environment.items()},
            **{f"BOHB_{name.upper()}": str(self._values[name]) for name in told},
        }


def _free_name(directory: Path, name: str) -> str:
    """Return `name`, with a count after it if there was a run of this name already."""
    names = (name if n == 1 else f"{name}.{n}" for n in itertools.count(1))
    return next(free for free in names if not (directory / f"{free}.stdout").exists())


def _stamp(path: Path | None) -> tuple[int, int, int] | None:
    """Return a mark of a file that changes when it is written; None if there is no such file."""
    if path is None or not path.exists():
        return None
    status = path.stat()
    return status.st_ino, status.st_mtime_ns, status.st_size

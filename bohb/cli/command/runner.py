"""The objective of a job: a leg is a run of its command."""

from __future__ import annotations

import math
import threading
from collections.abc import Mapping

from bohb import TrialPruned
from bohb.cli.command.curves import Curves
from bohb.cli.command.process import end_orphan
from bohb.cli.command.recorder import TARGET, Recorder
from bohb.cli.command.reports import LineReader
from bohb.cli.command.run import RECORD, PreparedRun
from bohb.cli.command.watcher import Run, Watcher
from bohb.cli.jobs import Job
from bohb.errors import CommandError
from bohb.study import Trial, leg_state_of

_POLL_SECONDS = 0.1


class CommandObjective:
    """Runs the command of a job for one leg after the other.

    Parameters
    ----------
    job
        What to run.
    watcher
        The object that is told of each run.
    threads
        Environment variables that limit a command to its share of the processors.
    """

    def __init__(self, job: Job, watcher: Watcher, threads: Mapping[str, str]) -> None:
        self._job = job
        self._watcher = watcher
        self._threads = threads
        self._reader = LineReader(job.metric)
        self.curves = Curves()
        self._sweeping = threading.Lock()
        self._is_swept = False

    def __call__(self, trial: Trial) -> float:
        """Run the command to the resource of `trial`, and return the value of the metric."""
        values = self._job.values(trial.params)
        before = trial.previous_resource if self._job.keep_checkpoints else 0
        run = Run(trial.number, values, trial.resource, before)
        trial.set_user_attr("values", values)
        self.curves.begin(trial.number)
        self._watcher.began(run)
        value, fault = None, None
        try:
            value = self._run(trial, run)
            if not math.isfinite(value):
                fault = f"failed: the value {value} is not finite"
        except CommandError as error:
            fault = str(error)
            raise
        except TrialPruned:
            fault = self._why_pruned(trial)
            raise
        finally:
            self.curves.end(trial.number)
            self._watcher.ended(run, value, fault)
        return value

    def _why_pruned(self, trial: Trial) -> str | None:
        """Return why a leg was ended early; None if only the whole study is ended."""
        state = leg_state_of(trial)
        if not state.was_interrupted:
            return "pruned: worse than the others (early_stopping)"
        if state.watch.is_stopping():
            met = trial.study.user_attrs.get(TARGET)
            return "the target is met" if met and met["trial"] == trial.number else None
        return f"failed: the leg took longer than leg_timeout={state.watch.timeout:g} seconds"

    def _run(self, trial: Trial, run: Run) -> float:
        self._end_orphans(trial)
        leg = PreparedRun(self._job, trial, run)
        recorder = Recorder(self._job, trial, run, self.curves, self._watcher)
        try:
            if self._follow(leg, recorder, trial):
                return recorder.conclude(is_ended=True)
            if recorder.value is None and leg.is_repeated:
                self._recover(leg, recorder, trial, run)
            return recorder.conclude()
        finally:
            recorder.keep_curve()

    def _follow(self, leg: PreparedRun, recorder: Recorder, trial: Trial) -> bool:
        """Run the command, and return whether it was ended because it went beyond its resource."""
        with leg.start(self._threads) as process:
            is_over = False
            while not is_over:
                # Look for the end before reading, so that the last lines are read after it.
                is_over = process.is_over
                for line in process.lines(0 if is_over else _POLL_SECONDS):
                    leg.note(line)
                    report = self._reader.read(line)
                    if report is not None and recorder.take(report, is_running=not is_over):
                        return True
                if not is_over and leg_state_of(trial).is_to_stop():
                    raise TrialPruned
            leg.check(process.exit_code)
        if leg.metric_file is not None:
            for report in self._reader.read_file(leg.metric_file):
                recorder.take(report, is_running=False)
        return False

    def _recover(self, leg: PreparedRun, recorder: Recorder, trial: Trial, run: Run) -> None:
        """Find the value of a leg that was cut off after its training was already complete.

        The repeated command finds its last checkpoint, has nothing left to train, and so reports
        nothing. An earlier run may have reported the value. If none has, the command is run again
        without its checkpoints.
        """
        earlier = [self._reader.read(line) for line in leg.earlier_lines()]
        reports = [report for report in earlier if report is not None]
        if any(recorder.is_at_resource(report) for report in reports):
            for report in reports:
                recorder.take(report, is_running=False)
        else:
            leg.set_checkpoints_aside()
            self._watcher.remarked(
                f"trial {run.number} had nothing left to do and reported nothing: it is trained "
                "from the start again"
            )
            self._follow(PreparedRun(self._job, trial, run), recorder, trial)

    def _end_orphans(self, trial: Trial) -> None:
        """End commands that still run after this job's process was killed, before any new begins.

        The first leg does it, and the other threads wait for it.
        """
        with self._sweeping:
            if not self._is_swept:
                for record in trial.checkpoint_dir.parent.glob(f"*/{RECORD}"):
                    if end_orphan(record):
                        self._watcher.remarked(f"{record.parent.name} still ran, and was ended")
            self._is_swept = True

"""The objective of a job: a leg is a run of its command."""

from __future__ import annotations

from collections.abc import Mapping

from bohb import TrialPruned
from bohb.cli.curves import Curves
from bohb.cli.jobs import Job
from bohb.cli.leg import Leg
from bohb.cli.recorder import Recorder
from bohb.cli.reports import LineReader
from bohb.cli.watcher import Run, Watcher
from bohb.errors import CommandError
from bohb.study import Trial

VALUES = "values"

_POLL_SECONDS = 0.1


class CommandObjective:
    """Runs the command of a job for one leg after the other.

    Parameters
    ----------
    job
        What to run.
    watcher
        Who is told of it.
    threads
        Environment variables by which a command takes its share of the processors.
    """

    def __init__(self, job: Job, watcher: Watcher, threads: Mapping[str, str]) -> None:
        self._job = job
        self._watcher = watcher
        self._threads = threads
        self._reader = LineReader(job.metric)
        self.curves = Curves()

    def __call__(self, trial: Trial) -> float:
        """Run the command to the resource of `trial`, and return the value of the metric."""
        values = self._job.values(trial.params)
        before = trial.previous_resource if self._job.resume else 0
        run = Run(trial.number, values, trial.resource, before)
        trial.set_user_attr(VALUES, values)
        self.curves.begin(trial.number)
        self._watcher.began(run)
        value, fault = None, None
        try:
            value = self._run(trial, run)
        except CommandError as error:
            fault = str(error)
            raise
        except TrialPruned:
            fault = None if trial.was_interrupted else "it does worse than others: pruned"
            raise
        finally:
            self.curves.end(trial.number)
            self._watcher.ended(run, value, fault)
        return value

    def _run(self, trial: Trial, run: Run) -> float:
        leg = Leg(self._job, trial, run)
        recorder = Recorder(self._job, trial, run, self.curves, self._watcher)
        with leg.start(self._watcher, self._threads) as process:
            is_over = False
            while not is_over:
                is_over = process.is_over
                for line in process.lines(0 if is_over else _POLL_SECONDS):
                    leg.note(line)
                    report = self._reader.read(line)
                    if report is not None and recorder.take(report):
                        return recorder.conclude()
                if not is_over and trial.is_to_stop():
                    raise TrialPruned
        leg.check(process.exit_code)
        if leg.metric_file is not None:
            for report in self._reader.read_file(leg.metric_file):
                recorder.take(report)
        if recorder.value is None:
            self._take_earlier(leg, recorder)
        return recorder.conclude()

    def _take_earlier(self, leg: Leg, recorder: Recorder) -> None:
        """Take what an earlier run of a leg has reported at its resource.

        It was cut off when its checkpoint was written, so that nothing was left to be trained now.
        """
        for line in leg.earlier_lines():
            report = self._reader.read(line)
            if report is not None and recorder.is_at_resource(report):
                recorder.take(report)

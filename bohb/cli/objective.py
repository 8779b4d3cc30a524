"""The objective of a job: a leg is a run of its command."""

from __future__ import annotations

import json
import os
import sys
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from bohb import TrialPruned
from bohb.cli.curves import Curves
from bohb.cli.jobs import Job, Policy, Target
from bohb.cli.process import Line, Process, Stream, end_orphan
from bohb.cli.reports import LineReader, Report, last_value, whole_step
from bohb.errors import CommandError, ReportError
from bohb.study import Trial

TARGET = "bohb:target"
VALUES = "values"
REPORTS = "reports"

_POLL_SECONDS = 0.1
_LAST_LINES = 5


@dataclass(frozen=True, slots=True)
class Run:
    """One run of the command: a leg of a trial."""

    number: int
    values: Mapping[str, Any]
    resource: Any
    previous_resource: Any
    began: float = field(default_factory=time.monotonic)

    @property
    def seconds(self) -> float:
        """How long ago it began."""
        return time.monotonic() - self.began


class Watcher(Protocol):
    """Is told what happens to runs. Several threads may tell it."""

    def began(self, run: Run) -> None:
        """A run begins."""

    def reported(self, run: Run, step: float | None, value: float) -> None:
        """A run has reported the metric."""

    def ended(self, run: Run, value: float | None, fault: str | None) -> None:
        """A run is over: with a value, or because of a fault, or interrupted without either."""

    def remarked(self, text: str) -> None:
        """There is something that the user should know."""


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
        self._remarks: set[str] = set()

    def __call__(self, trial: Trial) -> float:
        """Run the command to the resource of `trial`, and return the value of the metric."""
        values = self._job.values(trial.params)
        run = Run(trial.number, values, trial.resource, self._previous_resource(trial))
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

    def _previous_resource(self, trial: Trial) -> Any:
        return trial.previous_resource if self._job.resume else 0

    def _run(self, trial: Trial, run: Run) -> float:
        leg = _Leg(self, self._job, trial, run)
        with leg.process() as process:
            while True:
                is_over = process.is_over
                for line in process.lines(0 if is_over else _POLL_SECONDS):
                    leg.note(line.stream, line.text)
                    report = self._reader.read(line)
                    if report is not None and leg.take(report):
                        return leg.conclude()
                if is_over:
                    break
                if trial.is_to_stop():
                    raise TrialPruned
            code = process.exit_code
        if code:
            raise CommandError(leg.failure(code))
        return leg.finish(self._reader)

    def remark(self, text: str) -> None:
        """Say something to the user, once."""
        if text not in self._remarks:
            self._remarks.add(text)
            self._watcher.remarked(text)

    def reported(self, run: Run, step: float | None, value: float) -> None:
        """Tell of a report."""
        self._watcher.reported(run, step, value)

    def environment(self, call: Mapping[str, str], given: Mapping[str, str]) -> dict[str, str]:
        """Return all environment variables of a command."""
        return {
            "PYTHONUNBUFFERED": "1",  # lines shall come as they are written
            **os.environ,
            **{name: text for name, text in self._threads.items() if name not in os.environ},
            **given,
            **call,
        }


class _Leg:
    """A leg on its way: where it is kept, and what it has reported."""

    def __init__(self, objective: CommandObjective, job: Job, trial: Trial, run: Run) -> None:
        self._objective = objective
        self._job = job
        self._trial = trial
        self._info = run
        self._folder = trial.checkpoint_dir
        self._name = _free_name(self._folder, f"resource-{run.resource:g}")
        self._reports: list[Report] = []
        self._last_step: float = -1
        self._step_at_resource: int | None = None  # of the report at the leg's resource
        self._last_lines: deque[str] = deque(maxlen=_LAST_LINES)
        self._counts_from_0 = 0 in trial.reported_steps

    def process(self) -> Process:
        """Return the command, which runs."""
        job, trial, folder = self._job, self._trial, self._folder
        checkpoints = folder / ("checkpoint" if job.resume else f"{self._name}.checkpoint")
        checkpoints.mkdir(exist_ok=True)
        params = folder / "params.json"
        params.write_text(json.dumps(dict(self._info.values), indent=1) + "\n")
        general = {
            "trial": trial.number,
            "resource": self._info.resource,
            "previous_resource": self._info.previous_resource,
            "checkpoint_dir": str(checkpoints),
            "params_file": str(params),
        }
        values = {**general, **job.inputs, **self._info.values, "python": sys.executable}
        if job.schedule.resource is not None:
            values[job.schedule.resource] = self._info.resource
        self._values = values
        self._workdir = job.folder / job.workdir.fill(values)
        self._workdir.mkdir(parents=True, exist_ok=True)
        self._file_before = _stamp(self._metric_file)
        record = folder / "running.json"
        if end_orphan(record):
            self._objective.remark(f"trial {trial.number} still ran from before, and was ended")
        call = job.command.call(values)
        given = {name: text.fill(values) for name, text in job.environment.items()}
        given |= {f"BOHB_{name.upper()}": str(value) for name, value in general.items()}
        return Process(
            call.arguments,
            workdir=self._workdir,
            environment=self._objective.environment(call.environment, given),
            stdout=folder / f"{self._name}.stdout",
            stderr=folder / f"{self._name}.stderr",
            record=record,
        )

    @property
    def _metric_file(self) -> Path | None:
        template = self._job.metric.file
        return None if template is None else self._workdir / template.fill(self._values)

    def note(self, stream: str, text: str) -> None:
        """Keep a line for the report of a failure."""
        if stream == "stderr":
            self._last_lines.append(text)

    def take(self, report: Report) -> bool:
        """Take a report, and return whether the leg is to end with it.

        Raises
        ------
        TrialPruned
            If a rule says that the trial is to be pruned.
        """
        is_beyond = self._record(report)
        if is_beyond and not self._job.names_resource and self._job.schedule.resource is not None:
            return True  # it does not know when to end
        self._reports.append(report)
        self._apply(report)
        return self._is_target_met(report)

    def finish(self, reader: LineReader) -> float:
        """Return the value of the leg, whose command has ended well."""
        path = self._metric_file
        if path is not None:
            if _stamp(path) == self._file_before:
                raise CommandError(f"the command did not write {path}, the file of the metric")
            for report in reader.read_file(path):
                self.take(report)
        if last_value(self._reports, self._job.metric.name) is None:
            self._take_earlier(reader)
        return self.conclude()

    def conclude(self) -> float:
        """Write down and return the value of the leg: the last that was reported."""
        value = last_value(self._reports, self._job.metric.name)
        if value is None:
            raise CommandError(self._nothing_found())
        if self._step_at_resource is not None:
            self._trial.report(value, self._step_at_resource)
        if self._job.schedule.resource is None:  # then reports are no evaluations of the study
            curve = [
                [report.step, report.values[self._job.metric.name]]
                for report in self._reports
                if report.step is not None and self._job.metric.name in report.values
            ]
            self._trial.set_user_attr(REPORTS, curve)
        return value

    def _take_earlier(self, reader: LineReader) -> None:
        """Take what an earlier run of this leg has reported at its resource.

        It was cut off when its checkpoint was written, so that nothing was left to be trained now.
        """
        streams: tuple[Stream, ...] = ("stdout", "stderr")
        for stream in streams:
            for path in sorted(self._folder.glob(f"resource-{self._info.resource:g}.*{stream}")):
                text = path.read_text(encoding="utf-8", errors="replace")
                for line in text.splitlines():
                    report = reader.read(Line(stream, line))
                    if report is not None and self._used(report.step) == self._info.resource:
                        self.take(report)

    def failure(self, code: int) -> str:
        """Return what there is to say of a command that has failed."""
        reason = f"exit code {code}" if code > 0 else f"ended by signal {-code}"
        lines = [line[:500] for line in self._last_lines]
        tail = "".join(f"\n    {line}" for line in lines) or " without a word on stderr"
        return f"{reason}:{tail}" if lines else reason + tail

    def _record(self, report: Report) -> bool:
        """Write a report into the study, and return whether it lies beyond the leg's resource.

        What the leg ends with is written when it has ended: until then it may fail.
        """
        value = report.values.get(self._job.metric.name)
        if value is None:
            return False
        self._objective.reported(self._info, report.step, value)
        if report.step is None or self._job.schedule.resource is None:
            return False
        if not self._trial.scale.whole:
            self._try_report(value, report.step)
            return bool(report.step > self._info.resource)
        step = whole_step(report.step)
        if step is None:
            self._objective.remark(f"step {report.step} is not an integer of at least 0: ignored")
            return False
        self._counts_from_0 = self._counts_from_0 or step == 0
        used = self._used(step)
        if used > self._info.resource:
            self._remark_beyond(step)
            return True
        if used == self._info.resource:
            self._step_at_resource = step
        elif step > self._last_step:
            self._trial.report(value, step)
            self._last_step = step
        return False

    def _used(self, step: float | None) -> float:
        """Return the resource that is used after a step; 0 if there is none."""
        if step is None:
            return 0
        return step + 1 if self._counts_from_0 and self._trial.scale.whole else step

    def _try_report(self, value: float, step: float) -> None:
        """Report at a resource that is not an integer, if it is one of a rung below."""
        if self._last_step < step < self._info.resource:
            try:
                self._trial.report(value, step)  # type: ignore[arg-type]
                self._last_step = step
            except ReportError:  # between two rungs: there is no place for it
                return

    def _remark_beyond(self, step: int) -> None:
        name = self._job.schedule.resource
        if self._job.names_resource:
            self._objective.remark(
                f"trial {self._info.number} reported step {step} and was given {name}="
                f"{self._info.resource}: steps beyond that are not kept. Are steps counted in "
                f"{name}? metric.step names another key, or is false for none."
            )

    def _apply(self, report: Report) -> None:
        step = whole_step(report.step)
        if step is None:
            return
        for rule in self._job.stopping:
            if isinstance(rule, Policy) and rule.metric in report.values:
                value = report.values[rule.metric]
                number = self._info.number
                self._objective.curves.add(number, step, rule.metric, value, maximize=rule.maximize)
                if self._objective.curves.condemned(rule, number, step):
                    raise TrialPruned

    def _is_target_met(self, report: Report) -> bool:
        for rule in self._job.stopping:
            if not isinstance(rule, Target) or rule.metric not in report.values:
                continue
            if rule.is_met(report.values[rule.metric]) and self._job.metric.name in report.values:
                study = self._trial.study
                study.set_user_attr(
                    TARGET,
                    {
                        "trial": self._info.number,
                        "metric": rule.metric,
                        "value": report.values[rule.metric],
                    },
                )
                study.stop(now=True)
                return True
        return False

    def _nothing_found(self) -> str:
        metric = self._job.metric
        if metric.pattern is not None:
            return f"no line matches metric.pattern {metric.pattern.pattern!r}"
        return (
            f"no line on stdout is JSON with {metric.name!r}, as in "
            f'{{"step": 3, "{metric.name}": 0.4}}; metric.pattern or metric.file find it elsewhere'
        )


def _free_name(folder: Path, name: str) -> str:
    """Return `name`, or with a count if there was such a run already."""
    free, count = name, 1
    while (folder / f"{free}.stdout").exists():
        count += 1
        free = f"{name}.{count}"
    return free


def _stamp(path: Path | None) -> tuple[int, int, int] | None:
    """Return what changes when a file is written; None if there is none."""
    if path is None or not path.exists():
        return None
    status = path.stat()
    return status.st_ino, status.st_mtime_ns, status.st_size

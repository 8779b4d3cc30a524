"""The recorder: what a leg is worth, by what its command has reported."""

from __future__ import annotations

from job_files import write

from bohb.cli import lifecycle
from bohb.cli.command.curves import Curves
from bohb.cli.command.recorder import Recorder
from bohb.cli.command.reports import Report
from bohb.cli.command.watcher import Run, Watcher
from bohb.cli.jobs import read_job


def recorder_of(directory):
    job = read_job(write(directory))
    trial = lifecycle.begin(job, lifecycle.Place.of(job, None)).ask()
    run = Run(trial.number, {}, trial.resource, trial.previous_resource)
    return Recorder(job, trial, run, Curves(), Watcher())


def test_the_last_report_counts(tmp_path):
    recorder = recorder_of(tmp_path)
    assert recorder.value is None
    for values in ({"loss": 1.0}, {"loss": 0.5}, {"accuracy": 0.1}):
        recorder.take(Report(values))
    assert recorder.value == 0.5

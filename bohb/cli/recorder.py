"""What becomes of the reports of one leg."""

from __future__ import annotations

from bohb import TrialPruned
from bohb.cli.curves import Curves
from bohb.cli.jobs import Job, Policy, Target
from bohb.cli.reports import Report, last_value, whole_step
from bohb.cli.watcher import Run, Watcher
from bohb.errors import CommandError, ReportError
from bohb.study import Trial

TARGET = "bohb:target"
REPORTS = "reports"


class Recorder:
    """Writes what a leg reports into its trial, and looks whether it is to be stopped.

    What it reports at its resource is written when it has ended: until then it may fail.
    """

    def __init__(self, job: Job, trial: Trial, run: Run, curves: Curves, watcher: Watcher) -> None:
        self._job = job
        self._trial = trial
        self._run = run
        self._curves = curves
        self._watcher = watcher
        self._has_resource = job.schedule.resource is not None
        self._counts_from_0 = 0 in trial.reported_steps
        self._reports: list[Report] = []
        self._last_step: float = -1
        self._step_at_resource: int | None = None  # of the report at the leg's resource

    @property
    def value(self) -> float | None:
        """The metric as it was reported last."""
        return last_value(self._reports, self._job.metric.name)

    def take(self, report: Report) -> bool:
        """Take a report, and return whether the leg is to end with it.

        Raises
        ------
        TrialPruned
            If a rule says that the trial is to be pruned.
        """
        if self._job.metric.name in report.values and self._is_beyond(report):
            return True
        self._reports.append(report)
        self._apply_policies(report)
        return self._is_target_met(report)

    def is_at_resource(self, report: Report) -> bool:
        """Return whether a report is the one that the leg was to come to."""
        return report.step is not None and self._used(report.step) == self._run.resource

    def conclude(self) -> float:
        """Write down and return the value of the leg: the last that was reported.

        Raises
        ------
        CommandError
            If there is none.
        """
        value = self.value
        if value is None:
            raise CommandError(self._nothing_found())
        if self._step_at_resource is not None:
            self._trial.report(value, self._step_at_resource)
        if not self._has_resource:  # then reports are no evaluations of the study
            name = self._job.metric.name
            curve = [
                [report.step, report.values[name]]
                for report in self._reports
                if report.step is not None and name in report.values
            ]
            self._trial.set_user_attr(REPORTS, curve)
        return value

    def _is_beyond(self, report: Report) -> bool:
        """Write a report of the metric; return whether the command is to be ended beyond it."""
        value = report.values[self._job.metric.name]
        self._watcher.reported(self._run, report.step, value)
        if report.step is None or not self._has_resource:
            return False
        if not self._trial.scale.whole:
            self._report_at_rung(value, report.step)
        else:
            step = whole_step(report.step)
            if step is None:
                text = f"step {report.step} is not an integer of at least 0, and is not kept"
                self._watcher.remarked(text)
                return False
            self._counts_from_0 = self._counts_from_0 or step == 0
            self._report(value, step)
        if self._used(report.step) <= self._run.resource:
            return False
        if self._job.names_resource:
            self._remark_beyond(report.step)
            return False
        return True  # it does not know when to end

    def _report(self, value: float, step: int) -> None:
        used = self._used(step)
        if used == self._run.resource:
            self._step_at_resource = step
        elif used < self._run.resource and step > self._last_step:
            self._trial.report(value, step)
            self._last_step = step

    def _report_at_rung(self, value: float, step: float) -> None:
        """Report at a resource that is not an integer, if it is one of a rung below."""
        if self._last_step < step < self._run.resource:
            try:
                self._trial.report(value, step)  # type: ignore[arg-type]
            except ReportError:  # between two rungs: there is no place for it
                return
            self._last_step = step

    def _used(self, step: float) -> float:
        """Return the resource that is used after a step."""
        return step + 1 if self._counts_from_0 and self._trial.scale.whole else step

    def _remark_beyond(self, step: float) -> None:
        name = self._job.schedule.resource
        self._watcher.remarked(
            f"step {step:g} was reported with {name}={self._run.resource}, and steps beyond that "
            f"are not kept. Are steps counted in {name}? metric.step names another key, or is "
            "false for none."
        )

    def _apply_policies(self, report: Report) -> None:
        step = whole_step(report.step)
        if step is None:
            return
        for rule in self._job.stopping:
            if isinstance(rule, Policy) and rule.metric in report.values:
                number, value = self._run.number, report.values[rule.metric]
                self._curves.add(number, step, rule.metric, value, maximize=rule.maximize)
                if self._curves.condemned(rule, number, step):
                    raise TrialPruned

    def _is_target_met(self, report: Report) -> bool:
        """Return whether a target is met, and let the study end if it is."""
        if self.value is None:
            return False
        for rule in self._job.stopping:
            if isinstance(rule, Target) and rule.metric in report.values:
                value = report.values[rule.metric]
                if rule.is_met(value):
                    met = {"trial": self._run.number, "metric": rule.metric, "value": value}
                    self._trial.study.set_user_attr(TARGET, met)
                    self._trial.study.stop(now=True)
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

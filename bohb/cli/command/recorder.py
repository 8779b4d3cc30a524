"""What becomes of the reports of one leg."""

from __future__ import annotations

import math
from typing import Any

from bohb import TrialPruned
from bohb.cli.command.curves import Curves
from bohb.cli.command.reports import Report, last_value, whole_step
from bohb.cli.command.watcher import Run, Watcher
from bohb.cli.jobs import Job, Policy, Target
from bohb.errors import CommandError, ReportError
from bohb.study import Trial, leg_state_of

TARGET = "bohb:target"
REPORTS = "reports"

_MOST_REPORTS = 1000


class Recorder:
    """Writes what a leg reports into its trial, and looks whether it is to be stopped.

    What it reports at its resource is written when it has ended: until then it may fail.
    """

    def __init__(self, job: Job, trial: Trial, run: Run, curves: Curves, watcher: Watcher) -> None:
        self._job = job
        self._trial = trial
        self._leg_state = leg_state_of(trial)
        self._run = run
        self._curves = curves
        self._watcher = watcher
        self._has_resource = job.schedule.resource is not None
        self._counts_from_0 = 0 in self._leg_state.reported_steps
        self._reports: list[Report] = []
        self._fault: str | None = None  # of a line with the metric that is no number
        self._last_step: float = -1
        self._at_resource: tuple[int, float] | None = None  # the report at the leg's resource
        self._met: dict[str, Any] | None = None  # a target, with the value that it was met by
        # So many reports of a leg are kept; of more, those at equal distances and at rungs.
        self._spacing = max(1, int(run.resource) // _MOST_REPORTS) if self._has_resource else 1

    @property
    def value(self) -> float | None:
        """The metric as it was reported last."""
        return last_value(self._reports, self._job.metric.name)

    def take(self, report: Report, *, is_running: bool = True) -> bool:
        """Take a report, and return whether it lies beyond what the command was to come to.

        Parameters
        ----------
        is_running
            Whether the command still runs, and can be stopped.

        Raises
        ------
        TrialPruned
            If a rule says that the trial is to be pruned, or a target is met before its resource.
        """
        self._fault = report.fault or self._fault
        if self._job.metric.name in report.values and self._is_beyond(report):
            return True
        self._reports.append(report)
        if is_running and not self.is_at_resource(report):
            self._apply_policies(report)
        self._look_at_targets(report, is_running=is_running)
        return False

    def is_at_resource(self, report: Report) -> bool:
        """Return whether a report is the one that the leg was to come to."""
        if report.step is None or not self._has_resource:
            return False
        return bool(self._used(report.step) >= self._run.resource)

    def conclude(self, *, is_ended: bool = False) -> float:
        """Write down and return the value of the leg: the last that was reported.

        Parameters
        ----------
        is_ended
            Whether the command was ended beyond its resource; then the value there counts.

        Raises
        ------
        CommandError
            If there is none.
        """
        value = self._at_resource[1] if is_ended and self._at_resource else self.value
        if value is None:
            raise CommandError(self._nothing_found())
        if self._at_resource is not None:
            self._trial.report(value, self._at_resource[0])
        if self._met is not None:
            self._end_study()
        self._remark_rules()
        return value

    def keep_curve(self) -> None:
        """Keep the reports of a job without a resource, which are no evaluations of the study."""
        if not self._has_resource:
            name = self._job.metric.name
            curve = [
                [report.step, report.values[name]]
                for report in self._reports
                if report.step is not None and name in report.values
            ]
            self._trial.set_user_attr(REPORTS, curve)

    def _is_beyond(self, report: Report) -> bool:
        """Write a report of the metric; return whether the command is to be ended beyond it."""
        value = report.values[self._job.metric.name]
        self._watcher.reported(self._run, report.step, value)
        if report.step is None or not self._has_resource:
            return False
        if not self._leg_state.scale.whole:
            self._report_at_rung(value, report.step)
        else:
            step = whole_step(report.step)
            if step is None:
                text = f"step {report.step} is not an integer of at least 0, and is not kept"
                self._watcher.remarked(text)
                return False
            self._counts_from_0 = self._counts_from_0 or step == 0
            self._report(value, step)
        # One that counts from 0 may have said how it does before it began.
        margin = 1 if self._counts_from_0 else 0
        if self._used(report.step) <= self._run.resource + margin:
            return False
        if self._job.names_resource:
            self._remark_beyond(report.step)
            return False
        return True  # it does not know when to end

    def _report(self, value: float, step: int) -> None:
        used = self._used(step)
        if used == self._run.resource:
            self._at_resource = step, value
        elif used < self._run.resource and step > self._last_step and self._is_kept(used):
            self._trial.report(value, step)
            self._last_step = step
        elif step < self._last_step:
            self._watcher.remarked(
                "steps go backwards: those that come after a later one are not kept, and the value "
                "of a trial is that of the last line"
            )

    def _is_kept(self, used: float) -> bool:
        return used % self._spacing == 0 or used in self._leg_state.scale.levels

    def _report_at_rung(self, value: float, step: float) -> None:
        """Report at a resource that is not an integer, if it is one of a rung below."""
        if self._last_step < step < self._run.resource:
            try:
                self._trial.report(value, step)
            except ReportError:  # between two rungs: there is no place for it
                return
            self._last_step = step

    def _used(self, step: float) -> float:
        """Return the resource that is used after a step."""
        return step + 1 if self._counts_from_0 and self._leg_state.scale.whole else step

    def _remark_beyond(self, step: float) -> None:
        name = self._job.schedule.resource
        self._watcher.remarked(
            f"step {step:g} was reported with {name}={self._run.resource}, and steps beyond that "
            f"are not kept. Are steps counted in {name}? metric.step names another key, or is "
            "false for none."
        )

    def _apply_policies(self, report: Report) -> None:
        policies = [rule for rule in self._job.stopping if isinstance(rule, Policy)]
        self._curves.take(self._run.number, report, policies)
        step = whole_step(report.step)
        for policy in policies if step is not None else ():
            is_new = policy.metric in report.values
            if is_new and self._curves.condemned(policy, self._run.number, step or 0):
                raise TrialPruned

    def _look_at_targets(self, report: Report, *, is_running: bool) -> None:
        """Let the study end if a target is met, at once or when this leg has ended well."""
        for rule in self._job.stopping:
            if isinstance(rule, Target) and rule.is_met(report.values.get(rule.metric, math.nan)):
                value = report.values[rule.metric]
                self._met = {"trial": self._run.number, "metric": rule.metric, "value": value}
        if self._met is None or self.value is None:  # the metric may come in a later line
            return
        self._met["at"] = {"value": self.value, "resource": self._resource_of(report)}
        if is_running and not self.is_at_resource(report):
            self._end_study()
            self._leg_state.is_to_stop()  # the leg knows by this that the study ends it
            raise TrialPruned

    def _end_study(self) -> None:
        self._trial.study.set_user_attr(TARGET, self._met)
        self._trial.study.stop(now=True)

    def _resource_of(self, report: Report) -> float:
        return self._run.resource if report.step is None else self._used(report.step)

    def _remark_rules(self) -> None:
        """Say so if a rule asks for a number that no report has."""
        reported = {name for report in self._reports for name in report.values}
        for rule in self._job.stopping:
            if rule.metric not in reported:
                self._watcher.remarked(
                    f"early_stopping asks for {rule.metric}, which the command does not report"
                )

    def _nothing_found(self) -> str:
        metric = self._job.metric
        if self._fault is not None:
            return self._fault
        if metric.pattern is not None:
            return f"no line matches metric.pattern '{metric.pattern.pattern}'"
        return (
            f"no line on stdout is JSON with {metric.name!r}, as in "
            f'{{"step": 3, "{metric.name}": 0.4}}; metric.pattern or metric.file find it elsewhere'
        )

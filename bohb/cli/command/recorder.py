"""The recorder: it writes the reports of one leg into its trial, and may stop the leg."""

from __future__ import annotations

import contextlib
import math
from typing import Any

from bohb import TrialPruned
from bohb.cli.command.curves import Curves
from bohb.cli.command.reports import Report, whole_step
from bohb.cli.command.watcher import Run, Watcher
from bohb.cli.jobs import Job, Target
from bohb.errors import CommandError, ReportError
from bohb.study import Trial, leg_state_of

TARGET = "bohb:target"
REPORTS = "reports"
PRUNED_BY = "pruned_by"

_MOST_REPORTS = 1000


class Recorder:
    """Writes the reports of a leg into its trial, and decides whether the leg is to be stopped.

    The report at the leg's resource is written only when the command has ended, as it may fail
    until then.
    """

    def __init__(self, job: Job, trial: Trial, run: Run, curves: Curves, watcher: Watcher) -> None:
        self._job = job
        self._trial = trial
        self._leg_state = leg_state_of(trial)
        self._run = run
        self._curves = curves
        self._watcher = watcher
        self._has_resource = job.resource_name is not None
        self._is_whole = self._leg_state.scale.whole
        self._counts_from_0 = self._is_whole and 0 in self._leg_state.reported_steps
        self.value: float | None = None  # the last value of the metric that was reported
        self._reports: list[Report] = []
        self._first_beyond: float | None = None  # the step of a first report beyond the resource
        self._fault: str | None = None  # of the last line whose metric is not a number
        self._last_step: float = -1
        self._at_resource: tuple[float, float] | None = None  # the report at the leg's resource
        self._met: dict[str, Any] | None = None  # a target, with the value that met it
        # A leg with very many steps keeps only some reports: those at rungs, and at multiples of
        # this distance between them.
        self._spacing = max(1, int(run.resource) // _MOST_REPORTS) if self._is_whole else 0

    def take(self, report: Report, *, is_running: bool = True) -> bool:
        """Take a report, and return whether the command is to be ended, being beyond its resource.

        Parameters
        ----------
        is_running
            Whether the command still runs, and can be stopped.

        Raises
        ------
        TrialPruned
            If a policy prunes the trial, or a target is met below the resource of the leg.
        """
        self._fault = report.fault or self._fault
        if self._job.metric.name in report.values and self._is_beyond(report):
            if self.value is None:
                self._first_beyond = report.step
            return True
        self._reports.append(report)
        self.value = report.values.get(self._job.metric.name, self.value)
        if is_running and not self.is_at_resource(report):
            self._apply_policies(report)
        self._look_at_targets(report, is_running=is_running)
        return False

    def is_at_resource(self, report: Report) -> bool:
        """Return whether a report was given at the resource of the leg, or beyond it."""
        if report.step is None or not self._has_resource:
            return False
        return bool(self._used(report.step) >= self._run.resource)

    def conclude(self, *, is_ended: bool = False) -> float:
        """Return the value of the leg, which is the last that was reported, and write it down.

        Parameters
        ----------
        is_ended
            Whether the command was ended because it went beyond its resource; then the value that
            it reported at the resource counts.

        Raises
        ------
        CommandError
            If no value was reported.
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
        """Store the reports of a job without a resource in an attribute of the trial.

        Their steps are not resources, so they cannot be reported to the study.
        """
        if not self._has_resource:
            name = self._job.metric.name
            curve = [
                [report.step, report.values[name]]
                for report in self._reports
                if report.step is not None and name in report.values
            ]
            self._trial.set_user_attr(REPORTS, curve)

    def _is_beyond(self, report: Report) -> bool:
        """Write a report of the metric, and return whether the command is to be ended after it."""
        value = report.values[self._job.metric.name]
        self._watcher.reported(self._run, report.step, value)
        if report.step is None or not self._has_resource:
            return False
        step = whole_step(report.step) if self._is_whole else report.step
        if step is None:
            text = f"step {report.step} is not an integer of at least 0, and is not kept"
            self._watcher.remarked(text)
            return False
        self._counts_from_0 = self._counts_from_0 or (self._is_whole and step == 0)
        self._report(value, step)
        # A command that reports a step 0 may mean the state before its training, and then its steps
        # go up to the resource itself.
        margin = 1 if self._counts_from_0 else 0
        if self._used(report.step) <= self._run.resource + margin:
            return False
        if self._job.names_resource:
            self._remark_beyond(report.step)
            return False
        return True  # the command does not name its resource, so it cannot know when to end

    def _report(self, value: float, step: float) -> None:
        used = self._used(step)
        if used == self._run.resource:
            self._at_resource = step, value
        elif used < self._run.resource and step > self._last_step:
            # Of very many steps only those at rungs are kept, and some between them.
            if (
                not self._spacing
                or used % self._spacing == 0
                or used in self._leg_state.scale.levels
            ):
                # A study whose resources are not integers takes no reports between two rungs.
                refused = () if self._is_whole else (ReportError,)
                with contextlib.suppress(*refused):
                    self._trial.report(value, step)
                    self._last_step = step
        elif step < self._last_step:
            self._watcher.remarked(
                "steps go backwards: those that come after a later one are not kept, and the value "
                "of a trial is that of the last line"
            )

    def _used(self, step: float) -> float:
        """Return the resource that is used after a step."""
        return step + 1 if self._counts_from_0 else step

    def _remark_beyond(self, step: float) -> None:
        name = self._job.resource_name
        self._watcher.remarked(
            f"step {step:g} was reported with {name}={self._run.resource}, and steps beyond that "
            f"are not kept. Are steps counted in {name}? metric.step names another key, or is "
            "false for none."
        )

    def _apply_policies(self, report: Report) -> None:
        policies = self._job.policies
        self._curves.take(self._run.number, report, policies)
        step = whole_step(report.step)
        for policy in policies if step is not None else ():
            is_new = policy.metric in report.values
            if is_new and self._curves.condemned(policy, self._run.number, step or 0):
                self._trial.set_user_attr(PRUNED_BY, f"{policy.kind}, at step {step}")
                raise TrialPruned

    def _look_at_targets(self, report: Report, *, is_running: bool) -> None:
        """End the study if a target is met: at once, or with the leg if its resource is reached."""
        for rule in self._job.stopping:
            if isinstance(rule, Target) and rule.is_met(report.values.get(rule.metric, math.nan)):
                value = report.values[rule.metric]
                self._met = {"trial": self._run.number, "metric": rule.metric, "value": value}
        # The target may be one of another metric, and the job's own comes in a later line then.
        if self._met is None or self.value is None:
            return
        used = self._run.resource if report.step is None else self._used(report.step)
        self._met["at"] = {"value": self.value, "resource": used}
        if is_running and not self.is_at_resource(report):
            self._end_study()
            # Asking has an effect: it marks the leg as interrupted by the study, not as pruned.
            self._leg_state.is_to_stop()
            raise TrialPruned

    def _end_study(self) -> None:
        self._trial.study.set_user_attr(TARGET, self._met)
        self._trial.study.stop(now=True)

    def _remark_rules(self) -> None:
        """Tell the watcher of rules whose metric is in none of the reports."""
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
        if self._first_beyond is not None:
            name, resource = self._job.resource_name, self._run.resource
            return (
                f"the first step that was reported, {self._first_beyond:g}, lies beyond "
                f"{name}={resource:g}, up to which this run may train: report more often, or raise "
                "resource.min"
            )
        if metric.pattern is not None:
            return f"no line matches metric.pattern '{metric.pattern.pattern}'"
        return (
            f"no line on stdout is JSON with {metric.name!r}, as in "
            f'{{"step": 3, "{metric.name}": 0.4}}; metric.pattern or metric.file find it elsewhere'
        )

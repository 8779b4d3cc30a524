"""The reports of a command: numbers by name, and the step that they belong to."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bohb.cli.command.process import Line
from bohb.cli.jobs import Metric
from bohb.errors import CommandError

_LARGEST = 2**63  # larger integers are not taken as numbers, since a storage holds floats


@dataclass(frozen=True, slots=True)
class Report:
    """The numbers of one line, by name, and the step that they belong to.

    If the line has the metric but its value is not a number, `fault` is the error message.
    """

    values: Mapping[str, float] = field(default_factory=dict)
    step: float | None = None
    fault: str | None = None


class LineReader:
    """Reads reports from the lines that a command writes.

    Examples
    --------
    >>> reader = LineReader(Metric(name="loss"))
    >>> reader.read(Line("stdout", '{"step": 3, "loss": 0.4, "note": "fine"}'))
    Report(values={'step': 3, 'loss': 0.4}, step=3, fault=None)
    >>> reader.read(Line("stdout", "epoch 3 done")) is None
    True
    """

    def __init__(self, metric: Metric) -> None:
        self._metric = metric

    def read(self, line: Line) -> Report | None:
        """Return the report in a line; None if there is none."""
        if self._metric.file is not None:
            return None
        if self._metric.pattern is not None:
            return self._matched(self._metric.pattern, line.text)
        return self._parsed(line.text) if line.stream == "stdout" else None

    def read_file(self, path: Path) -> list[Report]:
        """Return the reports in a file of JSON, or of lines of JSON.

        Raises
        ------
        CommandError
            If the file cannot be read, or has no report.
        """
        try:
            text = path.read_text(encoding="utf-8", errors="replace")
        except OSError as error:
            raise CommandError(f"the file of the metric cannot be read: {error}") from error
        whole = self._parsed(text)
        reports = [whole] if whole else [self._parsed(line) for line in text.splitlines()]
        found = [report for report in reports if report is not None]
        if not found:
            raise CommandError(f"the file {path} has no JSON with {self._metric.name!r}")
        return found

    def _parsed(self, text: str) -> Report | None:
        text = text.strip()
        if not text.startswith("{"):
            return None
        try:
            found = json.loads(text)
        except (ValueError, RecursionError):
            return None
        if not isinstance(found, dict):
            return None
        name = self._metric.name
        fault = None
        if name in found and not _is_number(found[name]):
            fault = f"{name} must be a number, got {found[name]!r} in the line {text[:200]}"
        values = {key: value for key, value in found.items() if _is_number(value)}
        step = None if self._metric.step is None else values.get(self._metric.step)
        return Report(values, step, fault) if values or fault else None

    def _matched(self, pattern: re.Pattern[str], text: str) -> Report | None:
        match = pattern.search(text)
        if match is None:
            return None
        written, step = match.group(self._metric.value_group), match.groupdict().get("step")
        try:
            value = float(written)
            return Report({self._metric.name: value}, None if step is None else float(step))
        except (TypeError, ValueError):
            return Report(
                fault=f"metric.pattern must find numbers, got value {written!r} and step {step!r} "
                f"in the line {text[:200]}"
            )


def _is_number(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    return isinstance(value, float) or abs(value) < _LARGEST


def whole_step(step: float | None) -> int | None:
    """Return a step as an integer of at least 0, as Optuna needs it; None if it is not one."""
    if step is None or not math.isfinite(step) or step != int(step) or step < 0:
        return None
    return int(step)

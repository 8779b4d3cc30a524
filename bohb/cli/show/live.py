"""The view of a job that runs: progress bars on a terminal, and lines."""

from __future__ import annotations

import contextlib
import logging
import math
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Column

from bohb.cli.command.watcher import Run, Watcher
from bohb.cli.jobs import Job
from bohb.cli.jobs.command import as_text
from bohb.cli.status import Best, Status
from bohb.hyperband import Resource
from bohb.hyperband.duration import duration_as_text

_TOLD_IN_FULL = 3
_FORECAST_SECONDS = 1.0  # between two forecasts
_NUMBER = re.compile(r"[0-9.]+")


class View(Watcher):
    """Writes a line for each run that is over, and for each remark.

    On a terminal it has bars for the job and for the runs under way, and writes only the faults and
    each new best value.

    Parameters
    ----------
    before
        The status of the job before this run.
    seconds_left
        Returns about how long the job still takes; None if that is not known.
    """

    def __init__(
        self,
        job: Job,
        console: Console,
        before: Status,
        seconds_left: Callable[[], float | None],
    ) -> None:
        self._job = job
        self._seconds_left = seconds_left
        self._left: float | None = None
        self._next_forecast = 0.0
        self._console = console
        self._n_done = before.n_evaluations
        self._n_planned = before.n_planned
        self._best = before.best
        self._faults: Counter[str] = Counter()
        self._remarked: set[str] = set()
        self._lock = threading.RLock()
        self.progress = Progress(
            TextColumn("[bold]{task.description}"),
            BarColumn(bar_width=20),
            TextColumn("{task.fields[result]}"),
            TimeElapsedColumn(),
            TextColumn("{task.fields[more]}", table_column=Column(no_wrap=True, ratio=1)),
            console=console,
            disable=not console.is_terminal,
            expand=True,
        )
        rungs = [rung for bracket in before.rungs for rung in bracket]
        planned: Resource = sum(rung.resource * rung.n_planned for rung in rungs)
        self._task = self.progress.add_task(
            escape(job.name),
            total=None if self._n_planned is None else planned,
            completed=sum(r.resource * r.n_evaluations for r in rungs),  # type: ignore[misc]
            result="",
            more="",
        )
        self._tasks: dict[int, TaskID] = {}
        self._show()

    def live(self) -> contextlib.AbstractContextManager[Any]:
        """Return the context in which the bars are drawn, if there are any."""
        return contextlib.nullcontext() if self.progress.disable else self.progress

    def began(self, run: Run) -> None:
        """Show a run that begins."""
        self._tasks[run.number] = self.progress.add_task(
            escape(f"  trial {run.number}{at(self._job, run.resource)}"),
            total=run.resource,
            result="",
            more=escape("  ".join(f"{k}={short(v)}" for k, v in run.values.items())),
        )

    def reported(self, run: Run, step: float | None, value: float) -> None:
        """Show the last report of a run."""
        result = escape(f"{self._job.metric.name} {value:.6g}")
        self.progress.update(self._tasks[run.number], completed=step, result=result)

    def ended(self, run: Run, value: float | None, fault: str | None) -> None:
        """Show, and write, how a run ended."""
        with self._lock:
            before = self._best
            text = self._ending(run, value, fault)
            self.progress.remove_task(self._tasks.pop(run.number))
            if value is not None or fault is not None:
                self.progress.advance(self._task, run.resource)
            self._show()
            is_worth_a_line = fault is not None or self._best is not before
        if is_worth_a_line or self.progress.disable:
            self._write(text)

    def remarked(self, text: str) -> None:
        """Write a remark, unless one that differs only in its numbers was written before."""
        kind = _NUMBER.sub("", text)
        with self._lock:
            is_new = kind not in self._remarked
            self._remarked.add(kind)
        if is_new:
            self._write(f"note: {text}")

    def _ending(self, run: Run, value: float | None, fault: str | None) -> str:
        """Count a run that is over, and return how it ended."""
        self._n_done += value is not None or fault is not None
        place = f"{self._count()}  trial {run.number}{at(self._job, run.resource)}"
        if fault is not None:
            return f"{place}: {self._shortened(fault)}"
        if value is None:
            return f"{place}: cut off"
        result = f"{self._job.metric.name} {value:.6g} ({run.seconds:.1f} s)"
        is_best = self._is_best(run, value)
        best = f", the best{at(self._job, run.resource)} so far" if is_best else ""
        left = self._time_left()
        return f"{place}: {result}{best}" + ("" if left is None else f"; about {left} left")

    def _count(self) -> str:
        """Return how many evaluations are done, and of how many."""
        planned = "" if self._n_planned is None else f"/{self._n_planned}"
        return f"{self._n_done}{planned}"

    def _time_left(self) -> str | None:
        """Return about how long the job still takes, as people say it."""
        now = time.monotonic()
        if now > self._next_forecast:  # it reads all trials
            self._left, self._next_forecast = self._seconds_left(), now + _FORECAST_SECONDS
        seconds = self._left
        return None if seconds is None else duration_as_text(seconds)

    def _shortened(self, fault: str) -> str:
        """Return a fault in full the first few times, and later its first line only.

        Faults that differ only in their numbers count as the same.
        """
        kind = _NUMBER.sub("", fault)
        self._faults[kind] += 1
        if self._faults[kind] <= _TOLD_IN_FULL:
            return fault
        return fault.splitlines()[0].rstrip(":") + ", as before"

    def _is_best(self, run: Run, value: float) -> bool:
        """Return whether a value is the best so far, and take note of it if it is."""
        sign = -1 if self._job.metric.maximize else 1
        if not math.isfinite(value):
            return False
        best = self._best
        # A trial at a higher resource is better than any at a lower one.
        if best and (best.resource, -sign * best.value) >= (run.resource, -sign * value):
            return False
        self._best = Best(run.number, value, run.resource, dict(run.values), None, False)
        return True

    def _write(self, text: str) -> None:
        plainly(self._console, text)

    def _show(self) -> None:
        left, best = self._time_left(), self._best
        shown = [] if left is None else [f"about {left} left"]
        if best is not None:
            place = at(self._job, best.resource)
            shown.append(f"best {best.value:.6g}{place} (trial {best.trial})")
        result = f"{self._count()} evaluations"
        self.progress.update(self._task, result=result, more=escape("  ".join(shown)))


def plainly(console: Console, text: str) -> None:
    """Print a text as it is: without markup, colours, or line breaks of the console's own."""
    console.print(text, markup=False, highlight=False, soft_wrap=True)


def short(value: Any) -> str:
    """Return a value as text, a float with few digits."""
    if not isinstance(value, float):
        return as_text(value)
    text = f"{value:.4g}"
    return f"{text}.0" if text.lstrip("-").isdigit() else text  # 2.0 is not the integer 2


def at(job: Job, resource: Resource) -> str:
    """Return the resource as in " at epochs 27"; an empty text in a job without a resource."""
    return "" if job.resource_name is None else f" at {job.resource_name} {resource:g}"


@contextlib.contextmanager
def watched_by(view: Watcher) -> Iterator[None]:
    """Let `view` show the library's warnings, in place of the handlers that usually do."""
    handler = logging.Handler(logging.WARNING)
    # "bohb.study" logs failures and Ctrl-C, which the user sees in other ways.
    handler.addFilter(lambda record: not record.name.startswith("bohb.study"))
    handler.emit = lambda record: view.remarked(record.getMessage())  # type: ignore[method-assign]
    logger = logging.getLogger("bohb")
    before = logger.propagate
    logger.addHandler(handler)
    logger.propagate = False
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.propagate = before

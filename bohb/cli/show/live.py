"""The views of a job that runs: a live table on a terminal, and plain lines elsewhere."""

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

from rich.console import Console, Group
from rich.live import Live
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from bohb.cli.command.watcher import Run, Watcher
from bohb.cli.jobs import Job
from bohb.cli.jobs.command import as_text
from bohb.cli.status import Best, Status
from bohb.hyperband import Resource
from bohb.hyperband.duration import duration_as_text

_MOST_ROWS = 16
_TOLD_IN_FULL = 3
_FORECAST_SECONDS = 1.0  # between two forecasts
_NUMBER = re.compile(r"[0-9.]+")


class PlainView(Watcher):
    """Writes a line for each run that is over, and for each remark.

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

    def ended(self, run: Run, value: float | None, fault: str | None) -> None:
        """Write how a run ended."""
        with self._lock:
            text = self._ending(run, value, fault)
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
        if best is not None and (-best.resource, sign * best.value) <= (
            -run.resource,
            sign * value,
        ):
            return False
        self._best = Best(run.number, value, run.resource, dict(run.values), None, False)
        return True

    def _write(self, text: str) -> None:
        plainly(self._console, text)


class LiveView(PlainView):
    """Shows the runs under way in a table, below the progress of the job and its best value.

    A fault, and each new best value, is also written as a line that stays on the terminal.
    """

    def __init__(
        self,
        job: Job,
        console: Console,
        before: Status,
        seconds_left: Callable[[], float | None],
    ) -> None:
        super().__init__(job, console, before, seconds_left)
        rungs = [rung for bracket in before.rungs for rung in bracket]
        self._resource_done = sum(rung.resource * rung.n_evaluations for rung in rungs)
        self._running: dict[int, tuple[Run, float | None, float | None]] = {}
        self._progress = Progress(
            TextColumn("[bold]{task.description}"),
            BarColumn(bar_width=20),
            TextColumn("{task.fields[count]}"),
            TimeElapsedColumn(),
            TextColumn("{task.fields[left]}"),
            TextColumn("{task.fields[best]}"),
        )
        total = sum(rung.resource * rung.n_planned for rung in rungs)
        self._task = self._progress.add_task(
            escape(job.name),
            total=None if before.n_planned is None else total,
            count="",
            left="",
            best="",
        )
        self._show()

    def began(self, run: Run) -> None:
        """Show a run that begins."""
        with self._lock:
            self._running[run.number] = run, None, None

    def reported(self, run: Run, step: float | None, value: float) -> None:
        """Show the last report of a run."""
        with self._lock:
            self._running[run.number] = run, step, value

    def ended(self, run: Run, value: float | None, fault: str | None) -> None:
        """Show that a run is over."""
        with self._lock:
            self._running.pop(run.number, None)
            self._resource_done += run.resource if value is not None or fault is not None else 0
            before = self._best
            text = self._ending(run, value, fault)
            is_worth_a_line = fault is not None or self._best is not before
            self._show()
        if is_worth_a_line:
            self._write(text)

    def _show(self) -> None:
        best = ""
        if self._best is not None:
            place = at(self._job, self._best.resource)
            best = f"best {self._best.value:.6g}{place} (trial {self._best.trial})"
        left = self._time_left()
        self._progress.update(
            self._task,
            completed=self._resource_done,
            count=f"{self._count()} evaluations",
            left="" if left is None else f"about {left} left",
            best=escape(best),
        )

    def __rich__(self) -> Group:
        """Return what Rich shows at this moment."""
        table = Table(box=None, pad_edge=False, header_style="dim", expand=True)
        heading = self._job.schedule.resource or "resource"
        for column in ("trial", heading, "step", self._job.metric.name, "seconds"):
            table.add_column(column, no_wrap=True, justify="right")
        table.add_column("parameters", no_wrap=True, overflow="ellipsis", ratio=1)
        with self._lock:
            running = list(self._running.values())
        for run, step, value in running[:_MOST_ROWS]:
            table.add_row(
                str(run.number),
                f"{run.resource:g}",
                "" if step is None else f"{step:g}",
                "" if value is None else f"{value:.6g}",
                f"{run.seconds:.0f}",
                escape("  ".join(f"{k}={short(v)}" for k, v in run.values.items())),
            )
        return Group(self._progress, table) if running else Group(self._progress)


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
    return "" if job.schedule.resource is None else f" at {job.schedule.resource} {resource:g}"


@contextlib.contextmanager
def watching(
    job: Job, console: Console, before: Status, seconds_left: Callable[[], float | None]
) -> Iterator[PlainView]:
    """Yield the kind of view that suits `console`; it also shows the library's warnings.

    Parameters
    ----------
    before, seconds_left
        As in `PlainView`.
    """
    kind = LiveView if console.is_terminal else PlainView
    view = kind(job, console, before, seconds_left)
    with contextlib.ExitStack() as stack:
        stack.enter_context(showing_warnings(view))
        if isinstance(view, LiveView):
            stack.enter_context(Live(view, console=console, refresh_per_second=4))
        yield view


@contextlib.contextmanager
def showing_warnings(view: Watcher) -> Iterator[None]:
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

"""What a run of a job shows: a live view on a terminal, and plain lines elsewhere."""

from __future__ import annotations

import contextlib
import logging
import re
import threading
from collections.abc import Iterator
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from bohb.cli.jobs import Job
from bohb.cli.watcher import Run
from bohb.hyperband import Resource

_MOST_ROWS = 16
_NUMBER = re.compile(r"[0-9.]+")


class PlainView:
    """A line for each run that is over, and for what else there is to know."""

    def __init__(self, job: Job, console: Console) -> None:
        self._job = job
        self._console = console
        self._remarked: set[str] = set()

    def began(self, run: Run) -> None:
        """Take note of a run that begins."""

    def reported(self, run: Run, step: float | None, value: float) -> None:
        """Take note of a report."""

    def ended(self, run: Run, value: float | None, fault: str | None) -> None:
        """Write how a run ended."""
        place = f"trial {run.number}{_at(self._job, run.resource)}"
        if fault is not None:
            self._write(f"{place}: {fault}")
        elif value is None:
            self._write(f"{place}: interrupted")
        else:
            self._write(f"{place}: {self._job.metric.name} {value:.6g} ({run.seconds:.1f} s)")

    def remarked(self, text: str) -> None:
        """Write what there is to know, once."""
        kind = _NUMBER.sub("", text)
        if kind not in self._remarked:
            self._remarked.add(kind)
            self._write(f"note: {text}")

    def _write(self, text: str) -> None:
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)


class LiveView(PlainView):
    """The runs under way, with how far the whole has come and the best so far above them."""

    def __init__(
        self, job: Job, console: Console, *, n_done: int, n_planned: int | None, best: str
    ) -> None:
        super().__init__(job, console)
        self._running: dict[int, tuple[Run, float | None, float | None]] = {}
        self._lock = threading.Lock()
        self._best: tuple[Resource, float] | None = None
        self._progress = Progress(
            TextColumn("[bold]{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("evaluations"),
            TimeElapsedColumn(),
            TextColumn("{task.fields[best]}"),
        )
        self._task = self._progress.add_task(
            escape(job.name), total=n_planned, completed=n_done, best=best
        )

    def began(self, run: Run) -> None:
        """Show a run that begins."""
        with self._lock:
            self._running[run.number] = run, None, None

    def reported(self, run: Run, step: float | None, value: float) -> None:
        """Show what a run has reported last."""
        with self._lock:
            self._running[run.number] = run, step, value

    def ended(self, run: Run, value: float | None, fault: str | None) -> None:
        """Show that a run is over; write a line only if it went wrong."""
        with self._lock:
            self._running.pop(run.number, None)
            self._note_best(run, value)
        if value is not None or fault is not None:
            self._progress.advance(self._task)
        if fault is not None:
            super().ended(run, value, fault)

    def _note_best(self, run: Run, value: float | None) -> None:
        if value is None:
            return
        sign = -1 if self._job.metric.maximize else 1
        if self._best is None or (-run.resource, sign * value) < (
            -self._best[0],
            sign * self._best[1],
        ):
            self._best = run.resource, value
            shown = f"best {value:.6g}{_at(self._job, run.resource)} (trial {run.number})"
            self._progress.update(self._task, best=escape(shown))

    def __rich__(self) -> Group:
        """Return what is to be seen now."""
        table = Table(box=None, pad_edge=False, header_style="dim")
        heading = self._job.schedule.resource or "resource"
        columns = ("trial", heading, "step", self._job.metric.name, "seconds", "parameters")
        for column in columns:
            table.add_column(
                column, no_wrap=True, justify="left" if column == "parameters" else "right"
            )
        with self._lock:
            running = list(self._running.values())
        for run, step, value in running[:_MOST_ROWS]:
            table.add_row(
                str(run.number),
                f"{run.resource:g}",
                "" if step is None else f"{step:g}",
                "" if value is None else f"{value:.6g}",
                f"{run.seconds:.0f}",
                escape(short_values(run.values)),
            )
        return Group(self._progress, table) if running else Group(self._progress)


def short_values(values: Any) -> str:
    """Return parameters in one line."""
    return "  ".join(f"{name}={short(value)}" for name, value in values.items())


def short(value: Any) -> str:
    """Return a value with as many digits as one reads."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _at(job: Job, resource: Resource) -> str:
    return "" if job.schedule.resource is None else f" at {job.schedule.resource} {resource:g}"


@contextlib.contextmanager
def watching(
    job: Job, console: Console, *, n_done: int, n_planned: int | None, best: str
) -> Iterator[PlainView]:
    """Give a view of the kind that suits `console`, with the library's warnings in it."""
    if console.is_terminal:
        live = LiveView(job, console, n_done=n_done, n_planned=n_planned, best=best)
        with showing_warnings(live), Live(live, console=console, refresh_per_second=4):
            yield live
    else:
        plain = PlainView(job, console)
        with showing_warnings(plain):
            yield plain


@contextlib.contextmanager
def showing_warnings(view: PlainView) -> Iterator[None]:
    """Let `view` show what the library warns of, but for trials that fail: it shows these."""
    handler = _ToView(view)
    logger = logging.getLogger("bohb")
    before = logger.propagate
    logger.addHandler(handler)
    logger.propagate = False
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.propagate = before


class _ToView(logging.Handler):
    def __init__(self, view: PlainView) -> None:
        super().__init__(logging.WARNING)
        self._view = view

    def emit(self, record: logging.LogRecord) -> None:
        if record.msg.startswith("Trial %d failed") or record.msg.startswith("Interrupted"):
            return
        self._view.remarked(record.getMessage())

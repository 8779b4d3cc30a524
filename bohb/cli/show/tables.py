"""The output of the commands: tables for people, and other formats for programs."""

from __future__ import annotations

import csv
import datetime
import json
import shlex
from collections.abc import Iterable
from dataclasses import asdict
from typing import IO, Any

import numpy as np
import yaml
from pydantic_core import to_json
from rich.console import Console, RenderableType
from rich.markup import escape
from rich.table import Table

from bohb.cli.jobs import Job, stored_values
from bohb.cli.jobs.command import as_text
from bohb.cli.lifecycle import Place
from bohb.cli.show.live import at, plainly, short
from bohb.cli.status import Best, Status
from bohb.history import from_model
from bohb.hyperband.duration import duration_as_text
from bohb.study import JoinedProcess, without_password

_MOST_FAILURES = 3


def print_plan(job: Job, console: Console) -> None:
    """Print the plan of a job: its parameters, its brackets, and its command with some values."""
    table = _table("parameter", "drawn from")
    for dimension in job.dimensions.values():
        table.add_row(escape(dimension.name), escape(dimension.description or "the cases"))
    goal = f"{job.method}, to {job.metric.direction} {job.metric.name}"
    console.print(f"[bold]{escape(job.name)}[/]: {escape(goal)}\n")
    console.print(table)
    n_trials, most = job.limits.n_trials, job.bounds[1]
    if not job.has_rungs and n_trials is not None:
        shown = f"{job.method}: {n_trials} configurations"
        if job.resource_name is not None:
            shown += f", each with {job.resource_name} {most:g} ({n_trials * most:g} in all)"
    elif job.plan is not None:
        shown = str(job.plan)
    else:
        shown = f"{job.pruner.plan()}\n\nrepeated until the limit: {_limit(job)}"
    plainly(console, f"\n{shown}\n\nat most {_count(job.jobs)} at a time, for example:\n")
    plainly(console, f"  {_example(job)}")


def _limit(job: Job) -> str:
    limits = job.limits
    if limits.total_resource is not None:
        return f"{limits.total_resource:g} {job.resource_name or 'units'} in all"
    return f"{limits.timeout:g} seconds for each run"


def _count(jobs: int) -> str:
    if jobs == -1:
        return "one command per processor"
    return "one command" if jobs == 1 else f"{jobs} commands"


def _example(job: Job) -> str:
    """Return the command with possible values, as one would type it into a shell."""
    values: dict[str, Any] = {}
    for key, dimension in job.dimensions.items():
        known = stored_values(dimension)
        if job.cases:
            stored = job.cases[0][key]
        elif known:
            stored = known[0]
        else:
            middle = dimension.parameter.decode(np.array([0.5]))[0]
            stored = from_model(dimension.distribution, float(middle))
        values[dimension.name] = dimension.value_of(stored)
    first = (job.plan or job.pruner.plan()).brackets[0].resources[0]
    call = job.command.call(job.told(values, trial=0, resource=first))
    variables = [f"{name}={shlex.quote(text)}" for name, text in call.environment.items()]
    return " ".join([*variables, shlex.join(call.arguments)])


def print_status(job: Job, place: Place, status: Status, console: Console) -> None:
    """Print the status of a job."""
    done = f"{status.n_evaluations}"
    if status.n_planned is not None and status.n_evaluations <= status.n_planned:
        done += f" of {status.n_planned}"
        if status.activity == "done" and status.n_evaluations < status.n_planned:
            done += " (failed and pruned trials, limits or a target left brackets short)"
    rows: list[tuple[str, RenderableType]] = [
        ("study", f"{escape(job.name)} in {escape(without_password(str(place.storage)))}"),
        ("state", _state(job, place, status)),
        *(("", escape(_working(worker))) for worker in status.workers),
        ("evaluations", done),
        ("trials", ", ".join(f"{count} {state}" for state, count in status.n_trials.items())),
    ]
    if status.seconds_left is not None:
        rows.insert(-1, ("left", f"about {duration_as_text(status.seconds_left)}"))
    if status.best is not None:
        rows.append(("best", _best_line(job, status.best)))
    grid = Table.grid(padding=(0, 2))
    grid.add_column()
    grid.add_column(overflow="fold")  # a path must stay whole, so that it can be copied
    for name, text in rows:
        grid.add_row(f"[bold]{name}[/]", text)
    console.print(grid, highlight=False)
    if len(status.rungs) > 1 or len(status.rungs[0]) > 1:
        console.print()
        console.print(_rungs(job, status), highlight=False)
    if status.failures:
        console.print(f"\n[bold]{len(status.failures)} failed[/], at last:", highlight=False)
        for failure in status.failures[-_MOST_FAILURES:]:
            plainly(console, f"trial {failure.trial}: {failure.error}")
    if status.advice:
        console.print()
        for text in status.advice:
            plainly(console, text)


def _state(job: Job, place: Place, status: Status) -> str:
    again = f"bohb run {escape(shlex.quote(str(job.path)) + place.option)}"
    has_met_target = status.best is not None and status.best.has_met_target
    return {
        "running": f"running: {escape(status.owner or '')}",
        "cut off": f"cut off; to go on: {again}",
        "stopped": f"stopped before it was done; to go on: {again}",
        "failed": f"ended, because too many evaluations failed; fix the cause, and go on: {again}",
        "done": "done: the target is met" if has_met_target else "done",
    }[status.activity]


def _working(worker: JoinedProcess) -> str:
    since = datetime.datetime.fromtimestamp(worker.since).astimezone().isoformat(timespec="seconds")
    trials = ", ".join(f"trial {number}" for number in worker.trials) or "nothing just now"
    return f"process {worker.pid} on {worker.host} since {since}: {trials}"


def _best_line(job: Job, best: Best) -> str:
    place = at(job, best.resource)
    return escape(f"{job.metric.name} {best.value:.6g}{place} (trial {best.trial})")


def _rungs(job: Job, status: Status) -> Table:
    """Return a table of the rungs, with the evaluations that are done and planned in each."""
    levels = sorted({rung.resource for row in status.rungs for rung in row})
    table = _table(job.resource_name or "resource", *(f"{level:g}" for level in levels))
    for column in table.columns[1:]:
        column.justify = "right"
    for index, row in enumerate(status.rungs):
        cells = {rung.resource: f"{rung.n_evaluations}/{rung.n_planned}" for rung in row}
        table.add_row(f"bracket {index}", *(cells.get(level, "") for level in levels))
    return table


def print_best(job: Job, best: Best, console: Console) -> None:
    """Print the best trial for people."""
    console.print(f"[bold]{_best_line(job, best)}[/]", highlight=False)
    table = Table.grid(padding=(0, 2))
    for name, value in best.params.items():
        table.add_row(f"  {escape(name)}", escape(short(value)))
    console.print(table, highlight=False)
    if best.checkpoint_dir is not None and any(best.checkpoint_dir.iterdir()):
        plainly(console, f"checkpoint: {best.checkpoint_dir}")


def best_text(job: Job, best: Best, form: str) -> str:
    """Return the best trial for a program, in the format "json" or "yaml"."""
    found = {**asdict(best), "metric": job.metric.name}
    found["checkpoint_dir"] = None if best.checkpoint_dir is None else str(best.checkpoint_dir)
    if form == "json":
        return json.dumps(found, indent=1, ensure_ascii=False)
    return yaml.safe_dump(found, sort_keys=False, allow_unicode=True).rstrip()


def best_arguments(job: Job, best: Best) -> tuple[str, list[str]]:
    """Return the best trial as options of the command, and the parameters without an option."""
    values = job.told(best.params, trial=best.trial, resource=best.resource)
    options = job.command.options(values, best.params)
    known = job.command.named_outside_of_shells
    return shlex.join(options), [name for name in best.params if name not in known]


def status_text(status: Status) -> str:
    """Return the status of a job as JSON."""
    return json.dumps(asdict(status), indent=1, default=str)


def write_rows(
    rows: Iterable[dict[str, Any]], file: IO[str], form: str, *, columns: Iterable[str]
) -> int:
    """Write rows as "csv" or "json", and return how many there were.

    CSV has a header of these `columns`, even if there are no rows.
    """
    found = [{name: _moment(value) for name, value in row.items()} for row in rows]
    if form == "json":
        # An infinity or NaN, which JSON cannot hold, becomes null.
        file.write(to_json(found, indent=1, inf_nan_mode="null").decode() + "\n")
    else:
        writer = csv.DictWriter(file, list(columns))
        writer.writeheader()
        writer.writerows({name: _cell(value) for name, value in row.items()} for row in found)
    return len(found)


def _moment(value: Any) -> Any:
    """Return a moment as a text, and anything else as it is."""
    is_moment = isinstance(value, datetime.datetime)
    return value.isoformat(timespec="milliseconds") if is_moment else value


def _cell(value: Any) -> Any:
    """Return a value for a cell of CSV; lists and truth values are written as commands get them."""
    return as_text(value) if isinstance(value, (bool, list, dict)) else value


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(escape(column), overflow="fold")
    return table

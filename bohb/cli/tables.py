"""What the commands print of a job: tables for people, other formats for programs."""

from __future__ import annotations

import csv
import json
import math
import shlex
from collections.abc import Iterable
from dataclasses import asdict
from typing import IO, Any

import numpy as np
import yaml
from rich.console import Console, RenderableType
from rich.markup import escape
from rich.table import Table

from bohb.cli.jobs import SINGLE_RUNG, Job, stored_values
from bohb.cli.jobs.template import as_text
from bohb.cli.standing import Best, Standing
from bohb.cli.views import short
from bohb.history import from_model

_MOST_FAILURES = 3


def print_plan(job: Job, console: Console) -> None:
    """Print what a job will do."""
    schedule = job.schedule
    table = _table("parameter", "drawn from")
    for dimension in job.dimensions.values():
        table.add_row(escape(dimension.name), escape(dimension.description or "the cases"))
    console.print(f"[bold]{escape(job.name)}[/]: {_goal(job)}\n")
    console.print(table)
    console.print()
    plan = schedule.plan
    if schedule.method in SINGLE_RUNG and schedule.n_trials is not None:
        each = "" if schedule.resource is None else _each(job, schedule.n_trials)
        console.print(
            f"{schedule.method}: {schedule.n_trials} configurations{each}", highlight=False
        )
    elif plan is not None:
        console.print(str(plan), markup=False, highlight=False, soft_wrap=True)
    else:
        round_ = str(schedule.pruner.plan())
        console.print(round_, markup=False, highlight=False, soft_wrap=True)
        console.print("\nas often as the limit allows:", _limit(job), highlight=False)
    console.print(f"\nat most {_count(job.jobs)} at a time, as in:\n", highlight=False)
    console.print("  " + shlex.join(_example(job)), markup=False, highlight=False, soft_wrap=True)


def _goal(job: Job) -> str:
    return f"{job.schedule.method}, to {job.metric.direction} {escape(job.metric.name)}"


def _each(job: Job, n_trials: int) -> str:
    largest = job.schedule.max_resource
    return f", each with {job.schedule.resource} {largest:g} ({n_trials * largest:g} in all)"


def _limit(job: Job) -> str:
    schedule = job.schedule
    if schedule.total_resource is not None:
        return f"{schedule.total_resource:g} {schedule.resource or 'units'} in all"
    return f"{schedule.timeout:g} seconds for each call"


def _count(jobs: int) -> str:
    if jobs == -1:
        return "one command per processor"
    return "one command" if jobs == 1 else f"{jobs} commands"


def _example(job: Job) -> list[str]:
    """Return the command with values as they might be."""
    values: dict[str, Any] = dict(job.inputs)
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
    lowest = job.schedule.plan or job.schedule.pruner.plan()
    resource = lowest.brackets[0].resources[0]
    values |= {"trial": 0, "resource": resource, "previous_resource": 0, "python": "python"}
    values |= {"checkpoint_dir": "CHECKPOINT_DIR", "params_file": "PARAMS_FILE"}
    if job.schedule.resource is not None:
        values[job.schedule.resource] = resource
    return job.command.call(values).arguments


def print_standing(job: Job, place: str, standing: Standing, console: Console) -> None:
    """Print where a job stands."""
    done = f"{standing.n_evaluations}"
    if standing.n_planned is not None:
        done += f" of {standing.n_planned}"
    rows: list[tuple[str, RenderableType]] = [
        ("study", f"{escape(job.name)} in {escape(place)}"),
        ("state", _state(job, standing)),
        ("evaluations", done),
        ("trials", ", ".join(f"{count} {state}" for state, count in standing.n_trials.items())),
    ]
    if standing.best is not None:
        rows.append(("best", _best_line(job, standing.best)))
    grid = Table.grid(padding=(0, 2))
    for name, text in rows:
        grid.add_row(f"[bold]{name}[/]", text)
    console.print(grid, highlight=False)
    if len(standing.rungs) > 1 or len(standing.rungs[0]) > 1:
        console.print()
        console.print(_rungs(job, standing), highlight=False)
    if standing.failures:
        console.print(f"\n[bold]the last failures of {len(standing.failures)}[/]")
        for number, message in standing.failures[-_MOST_FAILURES:]:
            console.print(f"trial {number}: {message}", markup=False, highlight=False)


def _state(job: Job, standing: Standing) -> str:
    if standing.activity == "running":
        return f"running: {escape(standing.owner or '')}"
    again = f"run it again to go on: bohb run {escape(str(job.path))}"
    if standing.activity == "interrupted":
        return f"interrupted; {again}"
    if standing.activity == "stopped":
        return f"stopped, with trials paused; {again}"
    if standing.best is not None and standing.best.has_met_target:
        return "done: the target is met"
    return "done"


def _best_line(job: Job, best: Best) -> str:
    return escape(f"{job.metric.name} {best.value:.6g}{_at(job, best)} (trial {best.trial})")


def _at(job: Job, best: Best) -> str:
    name = job.schedule.resource
    return "" if name is None else f" at {name} {best.resource:g}"


def _rungs(job: Job, standing: Standing) -> Table:
    """Return a table of the rungs: evaluations done of those planned."""
    levels = sorted({resource for row in standing.rungs for resource, _, _ in row})
    table = _table(job.schedule.resource or "resource", *(f"{level:g}" for level in levels))
    for column in table.columns[1:]:
        column.justify = "right"
    for index, row in enumerate(standing.rungs):
        cells = {resource: f"{done}/{planned}" for resource, done, planned in row}
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
        console.print(
            f"checkpoint: {best.checkpoint_dir}", markup=False, highlight=False, soft_wrap=True
        )


def best_text(job: Job, best: Best, form: str) -> str:
    """Return the best trial as a program reads it: "json", "yaml" or "args"."""
    if form == "args":
        values = {**job.inputs, **best.params}
        options = job.command.options(values, best.params)
        if not options:
            options = [f"--{name}={as_text(value)}" for name, value in best.params.items()]
        return shlex.join(options)
    found = {**asdict(best), "metric": job.metric.name}
    found["checkpoint_dir"] = None if best.checkpoint_dir is None else str(best.checkpoint_dir)
    if form == "json":
        return json.dumps(found, indent=1)
    return yaml.safe_dump(found, sort_keys=False).rstrip()


def standing_text(standing: Standing) -> str:
    """Return where a job stands, as JSON."""
    return json.dumps(asdict(standing), indent=1, default=str)


def write_rows(rows: Iterable[dict[str, Any]], file: IO[str], form: str) -> int:
    """Write rows as "csv" or "json", and return how many there were."""
    found = list(rows)
    if form == "json":
        json.dump([_finite(row) for row in found], file, indent=1)
        file.write("\n")
    elif found:
        columns = list(dict.fromkeys(name for row in found for name in row))
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(found)
    return len(found)


def _finite(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row without what JSON cannot hold."""
    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in row.items()
    }


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(escape(column), overflow="fold")
    return table

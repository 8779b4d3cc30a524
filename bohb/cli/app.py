"""The commands, each of which reads a job file and does one thing with its study."""

from __future__ import annotations

import contextlib
import functools
import io
import json
import os
import sys
import warnings
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Annotated, Literal, get_args

import optuna
import typer
from rich.console import Console

from bohb import __version__, arguments
from bohb.cli import lifecycle
from bohb.cli.command.process import kill_all
from bohb.cli.jobs import Job, json_schema, read_job
from bohb.cli.lifecycle import Place
from bohb.cli.show import plots, tables
from bohb.cli.show.live import plainly, watching
from bohb.cli.status import (
    REPORT_COLUMNS,
    best_of,
    evaluation_columns,
    evaluation_rows,
    report_rows,
    seconds_left,
    status_of,
)
from bohb.errors import (
    ArgumentError,
    BohbError,
    JobError,
    NoResultError,
    SettingsError,
    TooManyFailuresError,
)
from bohb.report import write_report
from bohb.study import Study, signals_interrupt

FAILED, WRONG, NOTHING_YET, TOO_MANY_FAILURES, STOPPED, INTERRUPTED = 1, 2, 3, 4, 5, 130

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Tune a command: Hyperband decides how far each configuration is trained, and a model "
    "decides which one is tried next.\n\nAll commands take the same job file, which says what to "
    "run and what to tune: a file of bohb or one of Polyaxon.",
    epilog="Exit codes: 0 all is well, 1 something failed, 2 the job file or the command line is "
    "wrong, 3 there is no result yet, 4 too many evaluations failed, 5 stopped by its timeout, 130 "
    "cut off by Ctrl-C or a signal.",
)

JobFile = Annotated[Path, typer.Argument(help="The job file.", show_default=False)]
Storage = Annotated[
    str | None,
    typer.Option(
        "--storage",
        "-s",
        metavar="PATH|URL",
        help="Where the study is kept: a journal file, or the URL of a database.",
        show_default="NAME.journal beside the job file",
    ),
]


Jobs = Annotated[
    int | None,
    typer.Option(
        "--jobs",
        "-j",
        metavar="N",
        help="Commands to run at the same time; -1 for one per processor.",
        show_default="what the job says, or 1",
    ),
]


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"bohb {__version__}")
        raise typer.Exit


@app.callback()
def _bohb(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_show_version, is_eager=True, help="Print the version, and exit."
        ),
    ] = False,
) -> None:
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    for stream in (sys.stdout, sys.stderr):  # a terminal may lack a character that we print
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


@app.command()
def plan(job_file: JobFile, storage: Storage = None, jobs: Jobs = None) -> None:
    """Show what a job will do and what it costs, and run nothing."""
    with _errors_told():
        job = read_job(job_file, n_jobs=jobs)
        tables.print_plan(job, _out())
        _tell_remarks(job)
        with contextlib.suppress(NoResultError):
            study = lifecycle.find(job, Place.of(job, storage))
            n_done = status_of(job, study).n_evaluations
            _note(f"{n_done} evaluations of it are done; bohb status {job_file} shows which")


@app.command()
def run(
    job_file: JobFile,
    storage: Storage = None,
    jobs: Jobs = None,
    timeout: Annotated[
        float | None,
        typer.Option(
            "--timeout",
            metavar="SECONDS",
            help="Stop after this many seconds; run the same command again to go on.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Run a job, or what is left of it: run it again to go on after a kill."""
    with _errors_told(), signals_interrupt():
        if timeout is not None:
            arguments.positive("--timeout", timeout)
        job = read_job(job_file, n_jobs=jobs)
        _tell_remarks(job)
        place = Place.of(job, storage)
        study = lifecycle.begin(job, place)
        for remark in lifecycle.remarks(job, study):
            _note(remark)
        try:
            before = status_of(job, study)
            with watching(job, _err(), before, partial(seconds_left, job, study)) as view:
                lifecycle.run(job, study, view, n_jobs=job.jobs, timeout=timeout)
        finally:
            kill_all()
            after = status_of(job, study)
            tables.print_status(job, place, after, _out())
        if after.activity == "stopped":
            raise typer.Exit(STOPPED)
        if after.best is None:
            _err().print("every evaluation failed" if after.failures else "nothing was evaluated")
            raise typer.Exit(TOO_MANY_FAILURES if after.failures else NOTHING_YET)


@app.command()
def status(
    job_file: JobFile,
    storage: Storage = None,
    form: Annotated[
        Literal["table", "json"], typer.Option("--format", "-f", help="The format.")
    ] = "table",
) -> None:
    """Show where a job stands, whether it runs now or not."""
    with _errors_told():
        job, place, study = _opened(job_file, storage)
        found = status_of(job, study)
        if form == "json":
            typer.echo(tables.status_text(found))
        else:
            tables.print_status(job, place, found, _out())


@app.command()
def best(
    job_file: JobFile,
    storage: Storage = None,
    form: Annotated[
        Literal["table", "json", "yaml", "args"],
        typer.Option("--format", "-f", help="The format; args: as options of the command."),
    ] = "table",
) -> None:
    """Print the best configuration so far."""
    with _errors_told():
        job, _, study = _opened(job_file, storage)
        found = best_of(job, study)
        if form == "table":
            tables.print_best(job, found, _out())
        elif form == "args":
            options, others = tables.best_arguments(job, found)
            typer.echo(options)
            if others:
                _note(f"not options of the command: {', '.join(others)}; --format json has all")
        else:
            typer.echo(tables.best_text(job, found, form))


@app.command()
def explain(
    job_file: JobFile,
    trial: Annotated[int, typer.Argument(help="The number of a trial.", show_default=False)],
    storage: Storage = None,
) -> None:
    """Say why a trial was tried, how it ranked, and what became of it."""
    with _errors_told():
        _, _, study = _opened(job_file, storage)
        typer.echo(str(study.explain(trial)))


@app.command()
def export(
    job_file: JobFile,
    storage: Storage = None,
    form: Annotated[
        Literal["csv", "json"] | None,
        typer.Option(
            "--format", "-f", help="The format.", show_default="by the file's name, or csv"
        ),
    ] = None,
    rows: Annotated[
        Literal["evaluations", "reports"],
        typer.Option(help="A row for each evaluation, or each report of the metric."),
    ] = "evaluations",
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="The file to write.", show_default="the standard output"
        ),
    ] = None,
) -> None:
    """Write all that was evaluated, as CSV or JSON."""
    with _errors_told():
        job, _, study = _opened(job_file, storage)
        made = evaluation_rows if rows == "evaluations" else report_rows
        columns = evaluation_columns(job) if rows == "evaluations" else REPORT_COLUMNS
        write = functools.partial(tables.write_rows, made(job, study), columns=columns)
        if form is None:
            form = _format_of(output)
        if output is None:
            write(sys.stdout, form)
            return
        with _writing(), output.open("w", newline="", encoding="utf-8") as file:
            n_rows = write(file, form)
        _err().print(f"{n_rows} rows in {output}", highlight=False, markup=False)


@app.command()
def plot(
    job_file: JobFile,
    storage: Storage = None,
    kind: Annotated[
        plots.PlotKind,
        typer.Option(metavar="KIND", help=f"What to draw: {', '.join(get_args(plots.PlotKind))}."),
    ] = "learning-curves",
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="The file to draw: PNG, PDF or SVG.",
            show_default="NAME-KIND.png in this directory",
        ),
    ] = None,
) -> None:
    """Draw a picture of what was evaluated."""
    with _errors_told():
        job, _, study = _opened(job_file, storage)
        output = output or Path(f"{job.name}-{kind}.png")
        if output.is_dir():
            raise ArgumentError(f"--output must be a file, got the directory {output}")
        if not output.suffix:
            output = output.with_name(f"{output.name}.png")
        with _writing():
            plots.draw(job, study, kind, output)
        typer.echo(str(output))


@app.command()
def report(
    job_file: JobFile,
    storage: Storage = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="The file to write.", show_default="NAME.html in this directory"
        ),
    ] = None,
) -> None:
    """Write a page with all that became of the job: facts, pictures, advice, failures."""
    with _errors_told():
        job, _, study = _opened(job_file, storage)
        typer.echo(str(write_report(study, output or Path(f"{job.name}.html"))))


@app.command()
def schema() -> None:
    """Print the JSON schema of a job file, by which editors complete and check it."""
    typer.echo(json.dumps(json_schema(), indent=1))


def _opened(job_file: Path, storage: str | None) -> tuple[Job, Place, Study]:
    """Return a job, its place and its study, which has begun; note what has changed since."""
    job = read_job(job_file, is_to_run=False)
    place = Place.of(job, storage)
    study = lifecycle.find(job, place)
    changed = lifecycle.changes(job, study)
    if changed:
        _note(f"the job has changed since its study was begun, in {', '.join(changed)}")
    return job, place, study


def _format_of(output: Path | None) -> Literal["csv", "json"]:
    """Return the format that the file's ending asks for; CSV if there is no file or no ending."""
    ending = "" if output is None else output.suffix
    if ending not in ("", ".csv", ".json"):
        raise ArgumentError(
            f"--output must end with .csv or .json if --format is left out, got {output}"
        )
    return "json" if ending == ".json" else "csv"


@contextlib.contextmanager
def _writing() -> Iterator[None]:
    """Raise ArgumentError if the file of --output cannot be written."""
    try:
        yield
    except OSError as error:
        raise ArgumentError(f"--output cannot be written: {error}") from error


def _tell_remarks(job: Job) -> None:
    for remark in job.remarks:
        _note(remark)


def _show_warning(message: Warning | str, *_: object, **__: object) -> None:
    _note(str(message))


def _note(text: str) -> None:
    _complain(f"note: {text}")


def _complain(text: str) -> None:
    with contextlib.suppress(OSError, ValueError):  # the other end may be closed
        plainly(_err(), text)


def _out() -> Console:
    return Console()


def _err() -> Console:
    return Console(stderr=True)


@contextlib.contextmanager
def _errors_told() -> Iterator[None]:
    """Turn an error into messages and an exit code, and a warning into a note."""
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _show_warning
            yield
    except BohbError as error:
        for fault in str(error).splitlines() if isinstance(error, JobError) else [error]:
            _complain(f"error: {fault}")
        raise typer.Exit(_exit_code(error)) from error
    except KeyboardInterrupt as error:
        raise typer.Exit(INTERRUPTED) from error
    except BrokenPipeError as error:
        # The reader has closed the pipe, as `head` does. Python would fail again when it flushes
        # the standard output at its end, so that goes nowhere from here on.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(FAILED) from error
    except (OSError, UnicodeError) as error:
        _complain(f"error: {type(error).__name__}: {error}")
        raise typer.Exit(FAILED) from error


def _exit_code(error: BohbError) -> int:
    if isinstance(error, TooManyFailuresError):
        return TOO_MANY_FAILURES
    if isinstance(error, NoResultError):
        return NOTHING_YET
    return WRONG if isinstance(error, (JobError, ArgumentError, SettingsError)) else FAILED

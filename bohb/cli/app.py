"""The commands, each of which reads a job file and does one thing with its study."""

from __future__ import annotations

import contextlib
import functools
import io
import json
import sys
import warnings
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import optuna
import typer
from rich.console import Console
from typer.core import TyperGroup

from bohb import __version__, arguments
from bohb.cli import lifecycle
from bohb.cli.command.process import kill_all
from bohb.cli.jobs import Job, json_schema, read_job
from bohb.cli.lifecycle import Place
from bohb.cli.show import plots, tables
from bohb.cli.show.live import View, plainly, watched_by
from bohb.cli.status import (
    REPORT_COLUMNS,
    best_of,
    evaluation_columns,
    evaluation_rows,
    explained,
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

FAILED, WRONG, NOTHING_YET, TOO_MANY_FAILURES, STOPPED = 1, 2, 3, 4, 5
_CODES: dict[type[Exception], int] = {  # the first class that an error is of counts
    TooManyFailuresError: TOO_MANY_FAILURES,
    NoResultError: NOTHING_YET,
    JobError: WRONG,
    ArgumentError: WRONG,
    SettingsError: WRONG,
    Exception: FAILED,
}


class _Group(TyperGroup):
    """The commands, whose errors become messages and exit codes, and whose warnings are notes."""

    def invoke(self, context: Any) -> Any:
        """Run a command."""
        try:
            with warnings.catch_warnings():
                warnings.showwarning = lambda message, *_, **__: _note(str(message))
                return super().invoke(context)
        except (BohbError, OSError, UnicodeError) as error:
            if isinstance(error, BrokenPipeError):  # typer ends in silence
                raise
            is_ours = isinstance(error, BohbError)
            text = str(error) if is_ours else f"{type(error).__name__}: {error}"
            for fault in text.splitlines() if isinstance(error, JobError) else [text]:
                _complain(f"error: {fault}")
            code = next(code for kind, code in _CODES.items() if isinstance(error, kind))
            raise typer.Exit(code) from error


app = typer.Typer(
    cls=_Group,
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


def _output(text: str, otherwise: str) -> Any:
    return typer.Option("--output", "-o", help=text, show_default=otherwise, dir_okay=False)


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
    job = read_job(job_file, n_jobs=jobs)
    tables.print_plan(job, Console())
    _note(*job.remarks)
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
    with signals_interrupt():
        if timeout is not None:
            arguments.positive("--timeout", timeout)
        job = read_job(job_file, n_jobs=jobs)
        place = Place.of(job, storage)
        study = lifecycle.begin(job, place)
        _note(*job.remarks, *lifecycle.remarks(job, study))
        try:
            before = status_of(job, study)
            view = View(job, Console(stderr=True), before, partial(seconds_left, job, study))
            with watched_by(view), view.live():
                lifecycle.run(job, study, view, n_jobs=job.jobs, timeout=timeout)
        finally:
            kill_all()
            after = status_of(job, study)
            tables.print_status(job, place, after, Console())
        if after.activity == "stopped":
            raise typer.Exit(STOPPED)
        if after.best is None:
            Console(stderr=True).print(
                "every evaluation failed" if after.failures else "nothing was evaluated"
            )
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
    job, place, study = _opened(job_file, storage)
    found = status_of(job, study)
    if form == "json":
        typer.echo(tables.status_text(found))
    else:
        tables.print_status(job, place, found, Console())


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
    job, _, study = _opened(job_file, storage)
    found = best_of(job, study)
    if form == "table":
        tables.print_best(job, found, Console())
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
    job, _, study = _opened(job_file, storage)
    typer.echo(explained(job, study, trial))


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
    output: Annotated[Path | None, _output("The file to write.", "the standard output")] = None,
) -> None:
    """Write all that was evaluated, as CSV or JSON."""
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
    Console(stderr=True).print(f"{n_rows} rows in {output}", highlight=False, markup=False)


@app.command()
def plot(
    job_file: JobFile,
    storage: Storage = None,
    kind: Annotated[
        plots.PlotKind,  # type: ignore[valid-type]
        typer.Option(metavar="KIND", help=f"What to draw: {', '.join(get_args(plots.PlotKind))}."),
    ] = "learning-curves",
    output: Annotated[
        Path | None,
        _output("The file to draw: PNG, PDF or SVG.", "NAME-KIND.png in this directory"),
    ] = None,
) -> None:
    """Draw a picture of what was evaluated."""
    job, _, study = _opened(job_file, storage)
    output = output or Path(f"{job.name}-{kind}.png")
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
        Path | None, _output("The file to write.", "NAME.html in this directory")
    ] = None,
) -> None:
    """Write a page with all that became of the job: facts, pictures, advice, failures."""
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
    others = [each for each in changed if each.startswith("metric.")]
    if others:
        raise SettingsError(f"the values of the study are those of another {', '.join(others)}")
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


def _note(*texts: str) -> None:
    for text in texts:
        _complain(f"note: {text}")


def _complain(text: str) -> None:
    with contextlib.suppress(OSError, ValueError):  # the other end may be closed
        plainly(Console(stderr=True), text)

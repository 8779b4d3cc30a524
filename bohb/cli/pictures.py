"""Pictures of a job's study."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from enum import Enum
from pathlib import Path
from typing import Any

import optuna

from bohb.cli.jobs import Job
from bohb.errors import ArgumentError, MissingDependencyError
from bohb.study import Study
from bohb.visualization import plot_learning_curves


class Kind(str, Enum):
    """What is drawn."""

    learning_curves = "learning-curves"
    history = "history"
    slice = "slice"
    parallel = "parallel"
    importances = "importances"


def draw(job: Job, study: Study, kind: Kind, output: Path) -> None:
    """Draw a picture into a file.

    Raises
    ------
    MissingDependencyError
        If matplotlib is not installed.
    NoResultError
        If nothing was evaluated yet.
    ArgumentError
        If the file is of no kind that can be written.
    """
    try:
        import matplotlib as mpl

        mpl.use("agg")
    except ImportError as error:
        raise MissingDependencyError(
            "bohb plot needs matplotlib: pip install 'bohb[plot]'"
        ) from error
    study.incumbent()  # says so if there is nothing to draw
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        axes = _axes(job, study, kind)
    try:
        axes.figure.savefig(output, dpi=150, bbox_inches="tight")
    except ValueError as error:
        raise ArgumentError(f"--output must be a picture, got {str(output)!r}: {error}") from error


def _axes(job: Job, study: Study, kind: Kind) -> Any:
    if kind is Kind.learning_curves:
        axes = plot_learning_curves(study)
        axes.set(xlabel=job.schedule.resource or "resource", ylabel=job.metric.name, title=job.name)
        return axes
    from optuna.visualization import matplotlib as plots

    draw_by_kind: dict[Kind, Callable[[optuna.Study], Any]] = {
        Kind.history: plots.plot_optimization_history,
        Kind.slice: plots.plot_slice,
        Kind.parallel: plots.plot_parallel_coordinate,
        Kind.importances: plots.plot_param_importances,
    }
    drawn = draw_by_kind[kind](study)
    return drawn.flat[0] if hasattr(drawn, "flat") else drawn

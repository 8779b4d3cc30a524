"""Plots of a job's study, drawn into a file."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Literal

import optuna
from optuna.trial import TrialState

from bohb import visualization
from bohb.cli.jobs import Job
from bohb.cli.show.live import at
from bohb.cli.status import best_of, report_rows
from bohb.errors import ArgumentError, MissingDependencyError, NoResultError
from bohb.study import Study

_FEWEST = 2  # trials that a plot of Optuna needs to say anything


def draw(job: Job, study: Study, kind: str, output: Path) -> None:
    """Draw a picture into a file.

    Raises
    ------
    MissingDependencyError
        If matplotlib is not installed.
    NoResultError
        If nothing was evaluated yet.
    ArgumentError
        If pictures of the file's kind cannot be written.
    """
    try:
        import matplotlib as mpl
        import matplotlib.pyplot as plt

        mpl.use("agg")
    except ImportError as error:
        raise MissingDependencyError(
            "bohb plot needs matplotlib: pip install 'bohb[plot]'"
        ) from error
    best_of(job, study)  # raises NoResultError if there is nothing to draw
    with plt.rc_context({"figure.constrained_layout.use": True}), warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        warnings.filterwarnings("ignore", "Attempting to set identical", UserWarning)
        axes = _DRAWN[kind](job, study)
        axes.figure.suptitle(_title(job, kind))
        try:
            axes.figure.savefig(output, dpi=150)
        except ValueError as error:
            raise ArgumentError(
                f"--output must be a picture, got {str(output)!r}: {error}"
            ) from error
        finally:
            plt.close(axes.figure)


def _title(job: Job, kind: str) -> str:
    if kind not in ("history", "slice") or job.resource_name is None:
        return job.name
    return f"{job.name}: trials{at(job, job.bounds[1])}"


def _learning_curves(job: Job, study: Study) -> Any:
    if job.resource_name is not None:
        axes = visualization.plot_rungs(study)
        axes.set(xlabel=job.resource_name, ylabel=job.metric.name)
        return axes
    import matplotlib.pyplot as plt

    _, axes = plt.subplots(figsize=(8, 5))
    best = best_of(job, study).trial
    for number, rows in itertools.groupby(report_rows(job, study), lambda row: row["number"]):
        points = [(row["resource"], row["value"]) for row in rows]
        is_best = number == best
        axes.plot(
            *zip(*points, strict=True),
            marker=".",
            color="crimson" if is_best else "0.6",
            linewidth=2.5 if is_best else 1,
            zorder=3 if is_best else 2,
        )
    axes.set(xlabel="step", ylabel=job.metric.name)
    return axes


def _of_the_highest(kind: str, job: Job, study: Study) -> Any:
    """Return the axes of one of Optuna's plots, which show the trials at the highest resource."""
    from optuna.visualization import matplotlib as plots

    n_complete = len(study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,)))
    if n_complete < _FEWEST:
        raise NoResultError(
            f"--kind {kind} is of the trials at the highest resource, and takes at least "
            f"{_FEWEST} of them, got {n_complete}: --kind learning-curves shows all"
        )
    draw: Any = {"history": plots.plot_optimization_history, "slice": plots.plot_slice}[kind]
    drawn = draw(study, target_name=job.metric.name)
    axes = drawn.flat[0] if hasattr(drawn, "flat") else drawn
    _make_readable(axes.figure)
    return axes


def _make_readable(figure: Any) -> None:
    """Let no label of a plot of Optuna cover another one, and no line be white on white."""
    import matplotlib as mpl
    from matplotlib.colors import LinearSegmentedColormap
    from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter

    shades = mpl.colormaps["Blues"]([0.35, 1.0])
    visible = LinearSegmentedColormap.from_list("visible-blues", shades)
    for axes in figure.axes:
        for place in ("left", "center"):
            axes.set_title("", loc=place)
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_minor_formatter(NullFormatter())
            if axis.get_scale() == "log":
                low, high = sorted(axis.get_view_interval())
                subs = (1, 2, 5) if high < 100 * low else (1,)
                axis.set_major_locator(LogLocator(subs=subs, numticks=6))
                axis.set_major_formatter("{x:g}")
            if axis.get_scale() == "linear" and isinstance(axis.get_major_locator(), MaxNLocator):
                axis.get_major_locator().set_params(nbins=5)
        for drawn in (*axes.collections, *axes.images):
            if drawn.get_array() is not None:
                is_reversed = drawn.get_cmap().name.endswith("_r")
                drawn.set_cmap(visible.reversed() if is_reversed else visible)


_DRAWN: dict[str, Callable[[Job, Study], Any]] = {
    "learning-curves": _learning_curves,
    "brackets": lambda _, study: visualization.plot_brackets(study),
    "timeline": lambda _, study: visualization.plot_timeline(study),
    "incumbent": lambda _, study: visualization.plot_incumbent(study),
    "rank-correlation": lambda _, study: visualization.plot_rank_correlation(study),
    "model": lambda _, study: visualization.plot_model(study),
    "parallel": lambda _, study: visualization.plot_parallel_coordinate(study),
    "importances": lambda _, study: visualization.plot_importances(study),
    "history": partial(_of_the_highest, "history"),
    "slice": partial(_of_the_highest, "slice"),
}
PlotKind = Literal[tuple(_DRAWN)]  # type: ignore[valid-type]  # the keys of a table of ours

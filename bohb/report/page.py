"""The page of a report, which is complete in itself: no network, no script, pictures inside."""

from __future__ import annotations

import base64
import datetime
import importlib.metadata
import io
import platform
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from bohb import arguments, visualization
from bohb.errors import ArgumentError, MissingDependencyError, NoResultError
from bohb.report.facts import Facts
from bohb.study import Study

if TYPE_CHECKING:
    import jinja2

_DOTS_PER_INCH = 110
_PLOTS: tuple[tuple[str, Callable[..., Any]], ...] = (
    ("Learning curves", visualization.plot_rungs),
    ("What became of the plan", visualization.plot_brackets),
    ("The incumbent", visualization.plot_incumbent),
    ("Who worked when", visualization.plot_timeline),
    ("Where the best lie", visualization.plot_model),
    ("What decides", visualization.plot_importances),
    ("All trials", visualization.plot_parallel_coordinate),
    ("Rank correlation", visualization.plot_rank_correlation),
)
_PACKAGES = ("bohb", "optuna", "numpy", "scipy")


class Drawn(NamedTuple):
    """One picture of a report: its name, and the picture or why there is none."""

    name: str
    picture: str | None
    missing: str | None


def write_report(study: Study, path: str | Path) -> Path:
    """Write the report of a study into a file, and return its path.

    Raises
    ------
    ArgumentError
        If the study has no rungs, or the file cannot be written.
    MissingDependencyError
        If matplotlib or Jinja is not installed.
    """
    path = arguments.path("path", path)
    text = report_page(study)
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ArgumentError(f"path must be a file that can be written: {error}") from error
    return path


def report_page(study: Study) -> str:
    """Return the report of a study as HTML."""
    facts = Facts.of(study)
    return _template().render(
        facts=facts,
        drawn=list(_pictures(study)),
        now=datetime.datetime.now().strftime("%Y-%m-%d %H:%M"),
        versions={name: importlib.metadata.version(name) for name in _PACKAGES},
        python=platform.python_version(),
        platform=platform.platform(),
    )


def _template() -> jinja2.Template:
    try:
        import jinja2
    except ImportError as error:
        raise MissingDependencyError("a report needs Jinja: pip install 'bohb[report]'") from error
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("bohb.report", "."),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters["number"] = lambda value: "" if value is None else f"{value:.6g}"
    return environment.get_template("page.html")


def _pictures(study: Study) -> Iterator[Drawn]:
    """Yield all pictures, drawn without a window, whatever the program draws with."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingDependencyError(
            "a report needs matplotlib: pip install 'bohb[report]'"
        ) from error
    for name, plot in _PLOTS:
        figure = Figure(figsize=(9, 5), layout="constrained")
        FigureCanvasAgg(figure)
        try:
            plot(study, ax=figure.subplots())
        except NoResultError as error:
            yield Drawn(name, None, str(error))
            continue
        file = io.BytesIO()
        figure.savefig(file, format="png", dpi=_DOTS_PER_INCH)
        yield Drawn(name, base64.b64encode(file.getvalue()).decode(), None)

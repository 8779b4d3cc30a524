"""The plots of `bohb.visualization` as figures of plotly. Needs plotly (``bohb[plotly]``).

Each takes what its namesake takes, without ``ax``, and returns a ``plotly.graph_objects.Figure``.
It raises what that one raises, and MissingDependencyError if plotly is not installed.

Examples
--------
>>> import bohb
>>> from bohb.visualization.plotly import plot_rungs
>>> study = bohb.create_study(pruner=bohb.HyperbandPruner(1, 9))
>>> study.optimize(lambda trial: trial.suggest_float("x", 0, 1) / trial.resource)
>>> plot_rungs(study).layout.xaxis.title.text
'resource'
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from bohb.study import Study
from bohb.visualization.brackets import brackets_picture
from bohb.visualization.importances import importances_picture
from bohb.visualization.incumbent import Over, Studies, incumbent_picture
from bohb.visualization.interactive import draw_figure
from bohb.visualization.landscape import ModelKind
from bohb.visualization.lineage import lineage_picture
from bohb.visualization.model import model_picture
from bohb.visualization.parallel_coordinate import parallel_coordinate_picture
from bohb.visualization.rank_correlation import rank_correlation_picture
from bohb.visualization.rungs import rungs_picture
from bohb.visualization.timeline import timeline_picture

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = [
    "plot_brackets",
    "plot_importances",
    "plot_incumbent",
    "plot_lineage",
    "plot_model",
    "plot_parallel_coordinate",
    "plot_rank_correlation",
    "plot_rungs",
    "plot_timeline",
]


def plot_rungs(study: Study) -> go.Figure:
    """Return the figure of `bohb.visualization.plot_rungs`.

    Parameters
    ----------
    study
        As there.

    Examples
    --------
    >>> import bohb
    >>> study = bohb.create_study(
    ...     sampler=bohb.BOHBSampler(seed=0), pruner=bohb.HyperbandPruner(1, 9)
    ... )
    >>> study.optimize(lambda trial: trial.suggest_float("x", 0, 1) / trial.resource)
    >>> type(plot_rungs(study)).__name__
    'Figure'
    """
    return draw_figure(rungs_picture(study))


def plot_brackets(study: Study) -> go.Figure:
    """Return the figure of `bohb.visualization.plot_brackets`.

    Parameters
    ----------
    study
        As there.

    Examples
    --------
    >>> import bohb
    >>> study = bohb.create_study(
    ...     sampler=bohb.BOHBSampler(seed=0), pruner=bohb.HyperbandPruner(1, 9)
    ... )
    >>> study.optimize(lambda trial: trial.suggest_float("x", 0, 1) / trial.resource)
    >>> type(plot_brackets(study)).__name__
    'Figure'
    """
    return draw_figure(brackets_picture(study))


def plot_timeline(study: Study) -> go.Figure:
    """Return the figure of `bohb.visualization.plot_timeline`.

    Parameters
    ----------
    study
        As there.

    Examples
    --------
    >>> import bohb
    >>> study = bohb.create_study(
    ...     sampler=bohb.BOHBSampler(seed=0), pruner=bohb.HyperbandPruner(1, 9)
    ... )
    >>> study.optimize(lambda trial: trial.suggest_float("x", 0, 1) / trial.resource)
    >>> type(plot_timeline(study)).__name__
    'Figure'
    """
    return draw_figure(timeline_picture(study))


def plot_lineage(study: Study, param: str | None = None) -> go.Figure:
    """Return the figure of `bohb.visualization.plot_lineage`.

    Parameters
    ----------
    study, param
        As there.

    Examples
    --------
    >>> import bohb
    >>> study = bohb.create_study(
    ...     sampler=bohb.BOHBSampler(seed=0), pruner=bohb.HyperbandPruner(1, 9)
    ... )
    >>> study.optimize(lambda trial: trial.suggest_float("x", 0, 1) / trial.resource)
    >>> type(plot_lineage(study)).__name__
    'Figure'
    """
    return draw_figure(lineage_picture(study, param))


def plot_incumbent(study: Studies, over: Over = "resource") -> go.Figure:
    """Return the figure of `bohb.visualization.plot_incumbent`.

    Parameters
    ----------
    study, over
        As there.

    Examples
    --------
    >>> import bohb
    >>> study = bohb.create_study(
    ...     sampler=bohb.BOHBSampler(seed=0), pruner=bohb.HyperbandPruner(1, 9)
    ... )
    >>> study.optimize(lambda trial: trial.suggest_float("x", 0, 1) / trial.resource)
    >>> type(plot_incumbent(study)).__name__
    'Figure'
    """
    return draw_figure(incumbent_picture(study, over))


def plot_rank_correlation(study: Study) -> go.Figure:
    """Return the figure of `bohb.visualization.plot_rank_correlation`.

    Parameters
    ----------
    study
        As there.

    Examples
    --------
    >>> import bohb
    >>> study = bohb.create_study(
    ...     sampler=bohb.BOHBSampler(seed=0), pruner=bohb.HyperbandPruner(1, 9)
    ... )
    >>> study.optimize(lambda trial: trial.suggest_float("x", 0, 1) / trial.resource)
    >>> type(plot_rank_correlation(study)).__name__
    'Figure'
    """
    return draw_figure(rank_correlation_picture(study))


def plot_model(
    study: Study, params: Sequence[str] | None = None, *, model: ModelKind | None = None
) -> go.Figure:
    """Return the figure of `bohb.visualization.plot_model`.

    Parameters
    ----------
    study, params, model
        As there.

    Examples
    --------
    >>> import bohb
    >>> study = bohb.create_study(
    ...     sampler=bohb.BOHBSampler(seed=0), pruner=bohb.HyperbandPruner(1, 9)
    ... )
    >>> study.optimize(lambda trial: trial.suggest_float("x", 0, 1) / trial.resource)
    >>> type(plot_model(study)).__name__
    'Figure'
    """
    return draw_figure(model_picture(study, params, model))


def plot_importances(study: Study, *, model: ModelKind | None = None) -> go.Figure:
    """Return the figure of `bohb.visualization.plot_importances`.

    Parameters
    ----------
    study, model
        As there.

    Examples
    --------
    >>> import bohb
    >>> study = bohb.create_study(
    ...     sampler=bohb.BOHBSampler(seed=0), pruner=bohb.HyperbandPruner(1, 9)
    ... )
    >>> study.optimize(lambda trial: trial.suggest_float("x", 0, 1) / trial.resource)
    >>> type(plot_importances(study)).__name__
    'Figure'
    """
    return draw_figure(importances_picture(study, model))


def plot_parallel_coordinate(study: Study, params: Sequence[str] | None = None) -> go.Figure:
    """Return the figure of `bohb.visualization.plot_parallel_coordinate`.

    Parameters
    ----------
    study, params
        As there.

    Examples
    --------
    >>> import bohb
    >>> study = bohb.create_study(
    ...     sampler=bohb.BOHBSampler(seed=0), pruner=bohb.HyperbandPruner(1, 9)
    ... )
    >>> study.optimize(lambda trial: trial.suggest_float("x", 0, 1) / trial.resource)
    >>> type(plot_parallel_coordinate(study)).__name__
    'Figure'
    """
    return draw_figure(parallel_coordinate_picture(study, params))

"""Learning curves, coloured by how far each trial got."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from optuna.trial import FrozenTrial

from bohb.errors import ArgumentError, MissingDependencyError
from bohb.history import Scale, scale_of
from bohb.pruners import SchedulePruner
from bohb.study import Study

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot_learning_curves(study: Study, ax: Axes | None = None) -> Axes:
    """Draw the reported values of every trial over its resource, coloured by its last rung.

    The incumbent is drawn thick, and the resources of the rungs are marked.

    Parameters
    ----------
    study
        A study with a pruner of `bohb`.
    ax
        Where to draw; None for a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        The axes it was drawn on.

    Raises
    ------
    MissingDependencyError
        If matplotlib is not installed.
    NoResultError
        If no trial has a value yet.
    ArgumentError
        If the study's pruner has no rungs.

    Examples
    --------
    >>> import bohb, matplotlib
    >>> matplotlib.use("agg")
    >>> study = bohb.create_study(pruner=bohb.HyperbandPruner(1, 9))
    >>> study.optimize(lambda trial: trial.suggest_float("x", 0, 1) / trial.resource)
    >>> plot_learning_curves(study).get_xlabel()
    'resource'
    """
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise MissingDependencyError(
            "plot_learning_curves needs matplotlib: pip install 'bohb[plot]'"
        ) from error
    if not (isinstance(study, Study) and isinstance(study.pruner, SchedulePruner)):
        raise ArgumentError(
            "plot_learning_curves needs a bohb.Study whose pruner is a bohb.HyperbandPruner or a "
            f"bohb.SuccessiveHalvingPruner, got {study!r}"
        )
    incumbent = study.incumbent()  # raises NoResultError if there is nothing to draw
    scale = scale_of(study)
    if ax is None:
        _, ax = plt.subplots(figsize=(8, 5), layout="constrained")

    levels = scale.levels
    colours = plt.get_cmap("viridis_r")
    labelled: set[int] = set()
    curves = [(trial, _curve(trial, scale)) for trial in study.get_trials(deepcopy=False)]
    for trial, curve in sorted(curves, key=lambda pair: len(pair[1])):
        if not curve:
            continue
        level = max((i for i, resource in enumerate(levels) if resource <= curve[-1][0]), default=0)
        is_best = trial.number == incumbent.number
        ax.plot(
            *zip(*curve, strict=True),
            color="crimson" if is_best else colours((level + 1) / len(levels)),
            linewidth=2.5 if is_best else 1,
            marker="." if len(curve) == 1 else None,
            alpha=1 if is_best else 0.7,
            zorder=3 if is_best else 2,
            label=_label(level, scale, labelled, is_best=is_best),
        )
    for resource in levels:
        ax.axvline(resource, color="0.85", linewidth=0.8, zorder=0)
    ax.set_xscale("log", base=2)
    ax.set_xticks(levels, [f"{resource:g}" for resource in levels], minor=False)
    ax.minorticks_off()
    if _needs_log([value for _, curve in curves for _, value in curve]):
        ax.set_yscale("log")
    ax.set_xlabel("resource")
    ax.set_ylabel("value")
    ax.set_title("Learning curves by the rung a trial got to")
    _order_legend(ax, "lower right" if scale.maximize else "upper right")
    return ax


def _needs_log(values: list[float]) -> bool:
    """Return whether all values are positive, and so far apart that a linear axis hides much."""
    return min(values) > 0 and max(values) > 10 * min(values)


def _curve(trial: FrozenTrial, scale: Scale) -> list[tuple[float, float]]:
    """Return resource and value of every finite report of `trial`, in order."""
    if not trial.intermediate_values:
        return []
    steps = trial.intermediate_values
    return [
        (scale.used(step, steps), value)
        for step, value in sorted(steps.items())
        if math.isfinite(value)
    ]


def _label(level: int, scale: Scale, labelled: set[int], *, is_best: bool) -> str | None:
    if is_best:
        return "incumbent"
    if level in labelled:
        return None
    labelled.add(level)
    return f"to {scale.levels[level]:g}"


def _order_legend(ax: Axes, place: str) -> None:
    handles, labels = ax.get_legend_handles_labels()
    # By the resource in labels such as "to 9"; the incumbent comes last.
    order = sorted(
        range(len(labels)), key=lambda i: float(labels[i][3:]) if labels[i][:2] == "to" else 1e99
    )
    ax.legend([handles[i] for i in order], [labels[i] for i in order], fontsize="small")

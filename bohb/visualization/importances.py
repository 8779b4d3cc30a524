"""The importances: which parameters decide the value, by the model of all levels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bohb.study import Study
from bohb.visualization.drawing import draw
from bohb.visualization.landscape import Landscape, ModelKind
from bohb.visualization.picture import NEUTRAL, PALETTE, Axis, Boxes, Mark, Picture, Words
from bohb.visualization.subject import Subject

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MOST = 20  # parameters that are drawn


def importances_picture(study: Study, model: ModelKind | None = None) -> Picture:
    """Return the picture of `plot_importances`."""
    landscape = Landscape.of(Subject.of(study, "plot_importances"), model)
    names = landscape.by_share()[:_MOST]
    together = max(0.0, 1.0 - sum(landscape.shares.values()))
    shares = [*(landscape.shares[name] for name in names), together]
    labels = [*names, "several together"]
    rows = [float(row) for row in reversed(range(len(labels)))]
    bars = [(0.0, row - 0.35, share, 0.7) for row, share in zip(rows, shares, strict=True)]
    marks: list[Mark] = [
        Boxes(bars[:-1], PALETTE[0]),
        Boxes(bars[-1:], NEUTRAL),
        Words(
            [share + 0.01 for share in shares],
            rows,
            [f"{share:.0%}" for share in shares],
            anchor="left",
        ),
    ]
    where = "" if landscape.resource is None else f" at resource {landscape.resource:g}"
    return Picture(
        f"Importance{where}, from {landscape.n_evaluated} evaluated trials",
        Axis("share of the variance", span=(0.0, max(shares) * 1.12 + 0.02)),
        Axis("", ticks=(rows, labels), span=(-0.6, len(labels) - 0.4)),
        marks,
        size=(8.0, 1.4 + 0.4 * len(labels)),
    )


def plot_importances(
    study: Study, *, model: ModelKind | None = None, ax: Axes | None = None
) -> Axes:
    """Draw the share of each parameter in the variance of what the model expects.

    The model has seen the evaluations of all levels, and says what is to be expected at the
    highest. Optuna's `plot_param_importances` sees the few trials that got there.

    Parameters
    ----------
    study, model, ax
        As for `plot_model`.

    Returns
    -------
    matplotlib.axes.Axes
        The axes it was drawn on.

    Raises
    ------
    MissingDependencyError, NoResultError, ArgumentError
        As for `plot_model`.

    Examples
    --------
    >>> import bohb, matplotlib
    >>> matplotlib.use("agg")
    >>> study = bohb.create_study(
    ...     sampler=bohb.BOHBSampler(seed=0), pruner=bohb.HyperbandPruner(1, 9)
    ... )
    >>> study.optimize(lambda trial: trial.suggest_float("x", 0, 1) / trial.resource)
    >>> plot_importances(study).get_xlabel()
    'share of the variance'
    """
    return draw(importances_picture(study, model), ax)

"""The model over one or two parameters, with the trials it was fitted to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from bohb.errors import ArgumentError
from bohb.model.arrays import FloatArray
from bohb.study import EvaluationRecord, Study
from bohb.visualization.drawing import draw
from bohb.visualization.landscape import Landscape, ModelKind
from bohb.visualization.picture import ACCENT, NEUTRAL, PALETTE, Axis, Dots, Field, Lines, Picture
from bohb.visualization.subject import Subject

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_STREWN = 0.3  # how far trials of the same choice are moved apart; choices are 1 apart
_MANY = 300  # beyond so many trials their dots are smaller


def model_picture(
    study: Study, params: Sequence[str] | None = None, model: ModelKind | None = None
) -> Picture:
    """Return the picture of `plot_model`."""
    subject = Subject.of(study, "plot_model")
    landscape = Landscape.of(subject, model)
    landscape.parameters.check(params)
    names = list(params) if params is not None else landscape.by_share()[:2]
    if not 1 <= len(names) <= 2 or len(set(names)) != len(names):
        raise ArgumentError(f"params must be one or two parameters, got {names}")
    found = landscape.marginal(names)
    last = [each for each in subject.last() if all(name in each.params for name in names)]
    xs, ys = _places(landscape, names, last)
    best = study.incumbent().number
    size = 5.0 if len(last) <= _MANY else 2.5
    hints = [f"trial {each.number}: {each.value:.6g} at {each.resource:g}" for each in last]
    kind = "Gaussian process" if landscape.kind == "gp" else "densities"
    title = f"The {kind}, from {landscape.n_evaluated} evaluated trials"
    own = [order for order, each in enumerate(last) if each.number == best]
    if len(names) == 1:
        # Trials lie on the curve: their own values may be those of other levels.
        grid = found.grids[0]
        ys = np.interp(xs, grid, found.values)
        return Picture(
            title,
            landscape.axis(names[0]),
            Axis(landscape.label),
            [
                Lines([(grid, found.values)], PALETTE[0], width=2.0),
                Dots(xs, ys, NEUTRAL, "trials", size, opacity=0.7, hints=hints),
                Dots(xs[own], ys[own], ACCENT, "incumbent", 9.0, "diamond"),
            ],
            "outside",
        )
    opacity = 0.9 if len(last) <= _MANY else 0.5
    return Picture(
        title,
        landscape.axis(names[0]),
        landscape.axis(names[1]),
        [
            Field(
                found.grids[0],
                found.grids[1],
                found.values.T,
                landscape.label,
                is_reversed=not subject.scale.maximize and landscape.kind == "gp",
            ),
            # White round black can be seen on every shade.
            Dots(xs, ys, "#FFFFFF", size=size + 2, opacity=opacity),
            Dots(xs, ys, "#000000", size=size, opacity=opacity, hints=hints),
            Dots(xs[own], ys[own], "#FFFFFF", size=13.0, symbol="diamond"),
            Dots(xs[own], ys[own], ACCENT, "incumbent", 9.0, "diamond"),
        ],
        size=(8.0, 6.0),
    )


def _places(
    landscape: Landscape, names: Sequence[str], evaluations: Sequence[EvaluationRecord]
) -> tuple[FloatArray, FloatArray]:
    """Return where trials lie on the first axis, and on the last one.

    Trials of the same choice are strewn a little, so that they do not hide each other.
    """
    rng, found = np.random.default_rng(0), []
    for name in names:
        places = landscape.parameters.places(name, [each.params for each in evaluations])
        if landscape.parameters.is_choice(name):
            places = places + rng.uniform(-_STREWN, _STREWN, len(places))
        found.append(places)
    return found[0], found[-1]


def plot_model(
    study: Study,
    params: Sequence[str] | None = None,
    *,
    model: ModelKind | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw what the model expects over one or two parameters, with the trials.

    Over the other parameters it is averaged. The label of each parameter has its share in the
    variance of what the model expects, by functional ANOVA (Hutter, Hoos & Leyton-Brown 2014).

    Parameters
    ----------
    study
        A study with a pruner of `bohb`, whatever its sampler.
    params
        One or two names; None for the two with the largest shares.
    model
        ``"gp"``: the value that the Gaussian process expects at the highest resource.
        ``"density"``: how much likelier a configuration is among the good ones than among the
        others. None for ``"gp"``, or ``"density"`` with more than 64 parameters.
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
        If less than four trials were evaluated, or no parameter varies.
    ArgumentError
        If the study has no rungs or no such parameter, or `model` is none of the two.

    Examples
    --------
    >>> import bohb, matplotlib
    >>> matplotlib.use("agg")
    >>> study = bohb.create_study(
    ...     sampler=bohb.BOHBSampler(seed=0), pruner=bohb.HyperbandPruner(1, 9)
    ... )
    >>> study.optimize(lambda trial: trial.suggest_float("x", 0, 1) / trial.resource)
    >>> plot_model(study, ["x"]).get_xlabel()
    'x (99% of the variance)'
    """
    return draw(model_picture(study, params, model), ax)

"""Pictures drawn by matplotlib, which is imported here and nowhere else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bohb import arguments
from bohb.errors import ArgumentTypeError, MissingDependencyError
from bohb.visualization.picture import (
    SEQUENCE,
    Axis,
    Band,
    Boxes,
    Dots,
    Field,
    Lines,
    Mark,
    Picture,
    Rules,
    Words,
    numbers,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MANY = 200
_SYMBOLS = {"circle": "o", "dash": "_", "diamond": "D"}


def draw(picture: Picture, ax: Axes | None) -> Axes:
    """Draw a picture on `ax`, or on a figure of its own, and return the axes.

    Raises
    ------
    MissingDependencyError
        If matplotlib is not installed.
    ArgumentTypeError
        If `ax` is something else.
    """
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise MissingDependencyError(
            "plots of bohb.visualization need matplotlib: pip install 'bohb[plot]'"
        ) from error
    from matplotlib.axes import Axes

    if ax is not None and not isinstance(ax, Axes):
        raise ArgumentTypeError(f"ax must be axes of matplotlib, got {arguments.shown(ax)}")
    if ax is None:
        _, ax = plt.subplots(figsize=picture.size, layout="constrained")
    for order, mark in enumerate(picture.marks):
        _add(ax, mark, order + 1)
    _set_axis(ax, "x", picture.x)
    _set_axis(ax, "y", picture.y)
    ax.set_title(picture.title)
    if not ax.get_legend_handles_labels()[1]:
        return ax
    if picture.legend is not None:
        place: dict[str, Any] = {"loc": picture.legend}
        if picture.legend == "outside":
            place = {"loc": "upper left", "bbox_to_anchor": (1.01, 1.0)}
        for line in ax.legend(fontsize="small", **place).get_lines():
            line.set(linewidth=max(line.get_linewidth(), 1.5), alpha=1.0)  # however thin the curves
    return ax


def _set_axis(ax: Axes, name: str, axis: Axis) -> None:
    if axis.log:
        getattr(ax, f"set_{name}scale")("log")
    getattr(ax, f"set_{name}label")(axis.label)
    if axis.ticks is not None:
        getattr(ax, f"set_{name}ticks")(*map(list, axis.ticks))
        getattr(ax, f"{name}axis").minorticks_off()
    if axis.span is not None:
        getattr(ax, f"set_{name}lim")(*axis.span)


def _add(ax: Axes, mark: Mark, order: int) -> None:
    if isinstance(mark, Lines):
        _add_curves(ax, mark, order)
    elif isinstance(mark, Dots):
        _add_dots(ax, mark, order)
    elif isinstance(mark, Band):
        x, low, high = numbers(mark.x), numbers(mark.low), numbers(mark.high)
        ax.fill_between(
            x, low, high, color=mark.colour, alpha=0.25, linewidth=0, label=mark.label, zorder=order
        )
    elif isinstance(mark, Boxes):
        _add_boxes(ax, mark, order)
    elif isinstance(mark, Field):
        _add_field(ax, mark, order)
    elif isinstance(mark, Words):
        colours = mark.colours or [None] * len(mark.texts)
        for x, y, text, colour in zip(mark.x, mark.y, mark.texts, colours, strict=True):
            own: dict[str, Any] = {} if colour is None else {"color": colour}
            if mark.has_halo:
                own["bbox"] = {"facecolor": ax.get_facecolor(), "linewidth": 0, "pad": 0.5}
            ax.text(
                x, y, text, ha=mark.anchor, va="center", fontsize=mark.size, zorder=order, **own
            )
    elif isinstance(mark, Rules):
        draw_line = ax.axvline if mark.along == "x" else ax.axhline
        for place in mark.places:
            draw_line(
                place,
                color=mark.colour,
                alpha=mark.opacity,
                linewidth=0.8,
                zorder=0,
            )


def _add_curves(ax: Axes, mark: Lines, order: int) -> None:
    for place, (x, y) in enumerate(mark.curves):
        ax.plot(
            numbers(x),
            numbers(y),
            color=mark.colour,
            linewidth=mark.width,
            alpha=mark.opacity,
            drawstyle="steps-post" if mark.is_step else "default",
            # A curve of one point would not be seen.
            marker="." if mark.marked or np.size(numbers(x)) == 1 else None,
            label=mark.label if place == 0 else None,
            zorder=order,
        )


def _add_dots(ax: Axes, mark: Dots, order: int) -> None:
    coloured: dict[str, Any] = {"color": mark.colour}
    if mark.scale is not None:
        coloured = {"c": numbers(mark.scale), "cmap": _colour_map()}
    dots = ax.scatter(
        numbers(mark.x),
        numbers(mark.y),
        s=mark.size**2,
        marker=_SYMBOLS[mark.symbol],
        alpha=mark.opacity,
        label=mark.label,
        zorder=order,
        linewidths=1.5 if mark.symbol == "dash" else 0,
        **coloured,
    )
    if mark.scale is not None:
        ax.figure.colorbar(dots, ax=ax, label=mark.scale_label)


def _add_boxes(ax: Axes, mark: Boxes, order: int) -> None:
    from matplotlib.collections import PatchCollection
    from matplotlib.patches import Rectangle

    patches = [Rectangle((x, y), width, height) for x, y, width, height in mark.boxes]
    # A thin line of the paper's colour keeps neighbours apart.
    ax.add_collection(
        PatchCollection(
            patches,
            facecolor=mark.colour,
            edgecolor=ax.get_facecolor(),
            linewidth=0.5 if len(patches) <= _MANY else 0.0,  # among many it would hide the boxes
            alpha=mark.opacity,
            zorder=order,
        )
    )
    if mark.label is not None:
        ax.plot([], [], color=mark.colour, linewidth=6, label=mark.label)
    ax.autoscale_view()


def _add_field(ax: Axes, mark: Field, order: int) -> None:
    low, high = mark.span or (None, None)
    mesh = ax.pcolormesh(
        numbers(mark.x),
        numbers(mark.y),
        np.ma.masked_invalid(numbers(mark.values)),
        cmap=_colour_map(is_reversed=mark.is_reversed),
        vmin=low,
        vmax=high,
        shading="nearest",
        rasterized=True,
        zorder=order,
    )
    if mark.label:
        ax.figure.colorbar(mesh, ax=ax, label=mark.label)


def _colour_map(*, is_reversed: bool = False) -> Any:
    from matplotlib.colors import LinearSegmentedColormap

    shades = SEQUENCE[::-1] if is_reversed else SEQUENCE
    return LinearSegmentedColormap.from_list("bohb", shades)

"""Pictures drawn by plotly, which is imported here and nowhere else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from bohb.errors import MissingDependencyError
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
    import plotly.graph_objects as go

_SYMBOLS = {
    "circle": "circle",
    "dash": "line-ew-open",
    "diamond": "diamond",
}
_DOTS_PER_INCH = 100
_MANY = 200


def draw_figure(picture: Picture) -> go.Figure:
    """Draw a picture, and return the figure.

    Raises
    ------
    MissingDependencyError
        If plotly is not installed.
    """
    try:
        import plotly.graph_objects as go
    except ImportError as error:
        raise MissingDependencyError(
            "plots of bohb.visualization.plotly need plotly: pip install 'bohb[plotly]'"
        ) from error
    figure = go.Figure()
    for mark in picture.marks:
        if isinstance(mark, Rules):
            _add_rules(figure, mark)
        elif isinstance(mark, Words):
            _add_words(figure, mark, picture)
        else:
            figure.add_traces([*_traces(mark)])
    width, height = picture.size
    figure.update_layout(
        title=picture.title,
        width=width * _DOTS_PER_INCH,
        height=height * _DOTS_PER_INCH,
        xaxis=_axis(picture.x),
        yaxis=_axis(picture.y),
        showlegend=picture.legend is not None,
    )
    return figure


def _axis(axis: Axis) -> dict[str, Any]:
    made: dict[str, Any] = {"title": axis.label}
    if axis.log:
        made["type"] = "log"
    if axis.ticks is not None:
        places, labels = axis.ticks
        made.update(tickmode="array", tickvals=list(places), ticktext=list(labels))
    if axis.span is not None:
        made["range"] = np.log10(axis.span).tolist() if axis.log else list(axis.span)
    return made


def _traces(mark: Mark) -> Iterator[Any]:
    import plotly.graph_objects as go

    if isinstance(mark, Lines):
        yield _curves(mark)
    elif isinstance(mark, Dots):
        marker: dict[str, Any] = {
            "size": mark.size + 1,
            "color": mark.colour,
            "symbol": _SYMBOLS[mark.symbol],
            "opacity": mark.opacity,
        }
        if mark.symbol == "dash":
            marker["line"] = {"width": 2, "color": mark.colour}
        if mark.scale is not None:
            bar = {"title": mark.scale_label}
            marker.update(color=numbers(mark.scale), colorscale=_scale(), colorbar=bar)
        yield go.Scatter(
            x=numbers(mark.x),
            y=numbers(mark.y),
            mode="markers",
            marker=marker,
            name=mark.label,
            showlegend=mark.label is not None,
            text=list(mark.hints) or None,
            hoverinfo="text" if mark.hints else "x+y",
        )
    elif isinstance(mark, Band):
        x, low, high = numbers(mark.x), numbers(mark.low), numbers(mark.high)
        yield go.Scatter(
            x=np.concatenate([x, x[::-1]]),
            y=np.concatenate([high, low[::-1]]),
            fill="toself",
            fillcolor=mark.colour,
            opacity=0.25,
            line={"width": 0},
            name=mark.label,
            showlegend=mark.label is not None,
            hoverinfo="skip",
        )
    elif isinstance(mark, Boxes):
        yield from _boxes(mark)
    elif isinstance(mark, Field):
        low, high = mark.span or (None, None)
        yield go.Heatmap(
            x=numbers(mark.x),
            y=numbers(mark.y),
            z=numbers(mark.values),
            zmin=low,
            zmax=high,
            colorscale=_scale(is_reversed=mark.is_reversed),
            colorbar={"title": mark.label},
            showscale=bool(mark.label),
            hoverinfo="z",
        )


def _curves(mark: Lines) -> Any:
    """Return all curves as one trace, parted by gaps: a trace for each would be slow."""
    import plotly.graph_objects as go

    xs, ys = [], []
    for x, y in mark.curves:
        xs.append(np.append(numbers(x), np.nan))
        ys.append(np.append(numbers(y), np.nan))
    has_single = any(len(x) == 2 for x in xs)
    return go.Scatter(
        x=np.concatenate(xs) if xs else [],
        y=np.concatenate(ys) if ys else [],
        mode="lines+markers" if mark.marked or has_single else "lines",
        line={
            "color": mark.colour,
            "width": mark.width,
            "shape": "hv" if mark.is_step else "linear",
        },
        marker={"size": 4},
        opacity=mark.opacity,
        connectgaps=False,
        name=mark.label,
        showlegend=mark.label is not None,
        hoverinfo="x+y",
    )


def _boxes(mark: Boxes) -> Iterator[Any]:
    """Yield the outlines of all boxes as one trace, and their hints as another one."""
    import plotly.graph_objects as go

    xs: list[float] = []
    ys: list[float] = []
    for x, y, width, height in mark.boxes:
        xs += [x, x + width, x + width, x, x, np.nan]
        ys += [y, y, y + height, y + height, y, np.nan]
    yield go.Scatter(
        x=xs,
        y=ys,
        mode="lines",
        fill="toself",
        fillcolor=mark.colour,
        line={"width": 0.5 if len(mark.boxes) <= _MANY else 0, "color": "#FFFFFF"},
        opacity=mark.opacity,
        name=mark.label,
        showlegend=mark.label is not None,
        hoverinfo="skip",
    )
    if mark.hints:
        yield go.Scatter(
            x=[x + width / 2 for x, _, width, _ in mark.boxes],
            y=[y + height / 2 for _, y, _, height in mark.boxes],
            mode="markers",
            marker={"size": 12, "opacity": 0},
            text=list(mark.hints),
            hoverinfo="text",
            showlegend=False,
        )


def _add_words(figure: go.Figure, mark: Words, picture: Picture) -> None:
    colours = mark.colours or [None] * len(mark.texts)
    for x, y, text, colour in zip(mark.x, mark.y, mark.texts, colours, strict=True):
        own: dict[str, Any] = {"size": mark.size + 2}
        if colour is not None:
            own["color"] = colour
        figure.add_annotation(
            x=np.log10(x) if picture.x.log else x,
            y=np.log10(y) if picture.y.log else y,
            text=text.replace("\n", "<br>"),
            showarrow=False,
            xanchor=mark.anchor,
            font=own,
            bgcolor="rgba(255, 255, 255, 0.6)" if mark.has_halo else None,
        )


def _add_rules(figure: go.Figure, mark: Rules) -> None:
    add = figure.add_vline if mark.along == "x" else figure.add_hline
    for place in mark.places:
        line = {"color": mark.colour, "width": 1}
        add(place, line=line, opacity=mark.opacity, layer="below")


def _scale(*, is_reversed: bool = False) -> list[list[Any]]:
    shades = SEQUENCE[::-1] if is_reversed else SEQUENCE
    return [[place / (len(shades) - 1), shade] for place, shade in enumerate(shades)]

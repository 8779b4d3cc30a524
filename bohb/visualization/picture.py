"""A picture as a value: what is drawn where, for any library that draws.

Each plot is described once as a `Picture`, and drawn by matplotlib or by plotly. Colours are chosen
so that they can be told apart by people who see few colours, on white and on black paper.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

# Of the palette of Okabe & Ito (2008), those that can be seen on white and on black paper.
PALETTE = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00")
ACCENT = "#D55E00"  # the incumbent, and what else is looked for first
NEUTRAL = "#808080"  # what all else is seen against

# The colour map "viridis" without its ends, of which one is lost on white paper and one on black.
_SEQUENCE = (
    (0.278, 0.176, 0.482),
    (0.231, 0.322, 0.545),
    (0.173, 0.443, 0.557),
    (0.129, 0.565, 0.553),
    (0.153, 0.678, 0.506),
    (0.361, 0.784, 0.388),
    (0.667, 0.863, 0.196),
)
SEQUENCE = tuple("#{:02X}{:02X}{:02X}".format(*(round(255 * c) for c in s)) for s in _SEQUENCE)


def shade(share: float) -> str:
    """Return the colour of the sequence at `share`, from 0 to 1.

    Examples
    --------
    >>> shade(0.0), shade(1.0)
    ('#472D7B', '#AADC32')
    """
    place = np.linspace(0, 1, len(_SEQUENCE))
    channels = [np.interp(share, place, channel) for channel in zip(*_SEQUENCE, strict=True)]
    return "#{:02X}{:02X}{:02X}".format(*(round(255 * float(c)) for c in channels))


@dataclass(frozen=True, slots=True)
class Axis:
    """One axis of a picture.

    Attributes
    ----------
    label
        What is drawn along it.
    log
        Whether it is logarithmic.
    ticks
        Places and labels of the ticks; None leaves them to the library.
    span
        The two ends; None leaves them to the library.
    """

    label: str = ""
    log: bool = False
    ticks: tuple[Sequence[float], Sequence[str]] | None = None
    span: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Lines:
    """Lines of one colour, each a pair of x and y."""

    curves: Sequence[tuple[ArrayLike, ArrayLike]]
    colour: str
    label: str | None = None
    width: float = 1.0
    opacity: float = 1.0
    is_step: bool = False
    marked: bool = False


@dataclass(frozen=True, slots=True)
class Dots:
    """Dots, each with an optional text that is shown under the pointer where there is one.

    `scale` gives each a value that its colour stands for, in place of `colour`.
    """

    x: ArrayLike
    y: ArrayLike
    colour: str = NEUTRAL
    label: str | None = None
    size: float = 5.0  # points across
    symbol: Literal["circle", "dash", "diamond"] = "circle"
    opacity: float = 1.0
    scale: ArrayLike | None = None
    scale_label: str = ""
    hints: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Band:
    """The area between two curves."""

    x: ArrayLike
    low: ArrayLike
    high: ArrayLike
    colour: str
    label: str | None = None


@dataclass(frozen=True, slots=True)
class Boxes:
    """Boxes of one colour, each with its left end, lower end, width and height."""

    boxes: Sequence[tuple[float, float, float, float]]
    colour: str
    label: str | None = None
    opacity: float = 1.0
    hints: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Field:
    """Values over a grid, shape (len(y), len(x)), shown as colours. NaN is left empty."""

    x: ArrayLike
    y: ArrayLike
    values: ArrayLike
    label: str = ""
    span: tuple[float, float] | None = None
    is_reversed: bool = False


@dataclass(frozen=True, slots=True)
class Words:
    """Texts at places of the picture."""

    x: Sequence[float]
    y: Sequence[float]
    texts: Sequence[str]
    colours: Sequence[str | None] = ()  # None is the colour of all other text
    size: float = 9.0  # points
    anchor: Literal["left", "center", "right"] = "center"
    has_halo: bool = False  # of the paper's colour, against the lines behind the texts


@dataclass(frozen=True, slots=True)
class Rules:
    """Lines through the whole picture, at places of one axis."""

    places: Sequence[float]
    along: Literal["x", "y"] = "x"
    colour: str = NEUTRAL
    opacity: float = 0.4


Mark: TypeAlias = Lines | Dots | Band | Boxes | Field | Words | Rules


@dataclass(frozen=True, slots=True)
class Picture:
    """What is drawn, in this order, the last on top.

    Attributes
    ----------
    title
        What the picture shows.
    x, y
        Its axes.
    marks
        What is drawn on them.
    legend
        The corner in which labels are listed; None for no list.
    size
        Width and height in inches, where the caller gives no place to draw.
    """

    title: str
    x: Axis
    y: Axis
    marks: Sequence[Mark] = field(default_factory=tuple)
    legend: Literal["upper right", "lower right", "outside"] | None = None
    size: tuple[float, float] = (8.0, 5.0)


def ink_on(colour: str) -> str:
    """Return black or white, whichever can be read on `colour`.

    Examples
    --------
    >>> ink_on("#472D7B"), ink_on("#AADC32")
    ('#FFFFFF', '#000000')
    """
    red, green, blue = (int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5))
    return "#000000" if 0.299 * red + 0.587 * green + 0.114 * blue > 0.55 else "#FFFFFF"


def numbers(values: ArrayLike) -> Any:
    """Return `values` as an array of floats."""
    return np.asarray(values, dtype=float)

"""The scales of axes: values are laid along them so that what matters can be told apart."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from bohb.model.arrays import FloatArray
from bohb.visualization.picture import Axis, numbers

_DECADE = 10.0
_MOST_TICKS = 8  # with more, only those at whole decades are left


@dataclass(frozen=True, slots=True)
class ValueAxis:
    """An axis of an objective's values, and where on it each value lies."""

    axis: Axis
    place: Callable[[ArrayLike], FloatArray]


def value_axis(values: ArrayLike, label: str = "value", *, maximize: bool = False) -> ValueAxis:
    """Return the axis on which these values are seen best.

    It is logarithmic for positive values over more than a decade. Accuracies whose distance from
    1 spans more than a decade are laid out by that distance.

    Examples
    --------
    >>> value_axis([0.01, 0.1, 1.0]).axis.log
    True
    >>> value_axis([0.7, 0.99], maximize=True).axis.ticks[1]
    ['0.8', '0.9', '0.95', '0.98', '0.99']
    """
    finite = numbers(values)
    finite = finite[np.isfinite(finite)]
    if len(finite) and maximize and finite.min() >= 0 and finite.max() < 1:
        distances = 1 - finite
        if distances.max() > _DECADE * distances.min():
            return _near_one(float(distances.max()), float(distances.min()), label)
    is_log = len(finite) > 0 and 0 < _DECADE * float(finite.min()) < float(finite.max())
    return ValueAxis(Axis(label, log=is_log), numbers)


def _near_one(farthest: float, nearest: float, label: str) -> ValueAxis:
    """Return the axis of values below 1, by the distances of the lowest and the largest from it."""

    def place(values: ArrayLike) -> FloatArray:
        return np.asarray(-np.log10(np.maximum(1 - numbers(values), nearest / _DECADE)))

    decades = range(1, math.ceil(-math.log10(nearest)) + 1)
    distances = [1.0, *(part * 10.0**-d for d in decades for part in (5, 2, 1))]
    inside = [each for each in distances if nearest * 0.9 <= each <= farthest * 1.1]
    if len(inside) > _MOST_TICKS:
        inside = [each for each in inside if math.log10(each).is_integer()]
    shown = [1 - each for each in inside]
    return ValueAxis(Axis(label, ticks=(place(shown).tolist(), _texts(shown))), place)


def resource_axis(levels: Sequence[float], lowest: float, label: str = "resource") -> Axis:
    """Return the axis of resources from the `lowest` that is shown on, if it is below all levels.

    It is logarithmic with the levels as ticks, or linear if there are many. A lowest resource far
    below the levels has a tick of its own.
    """
    if len(levels) > _MOST_TICKS:
        return Axis(label, span=(0.0, levels[-1] * 1.02))
    ticks = [lowest, *levels] if lowest <= levels[0] / 2 else [*levels]
    low, high = min(lowest, levels[0]) / 1.25, levels[-1] * 1.25
    return Axis(label, log=True, ticks=(ticks, _texts(ticks)), span=(low, high))


def _texts(places: Sequence[float]) -> list[str]:
    return [f"{place:.6g}" for place in places]

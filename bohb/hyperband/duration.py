"""Durations as people say them."""

from __future__ import annotations


def duration_as_text(seconds: float) -> str:
    """Return a duration as people say it, with as much precision as a forecast has.

    Examples
    --------
    >>> [duration_as_text(seconds) for seconds in (42, 312, 9000, 201_600)]
    ['42 s', '5 min', '2 h 30 min', '2 d 8 h']
    """
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    if minutes < 24 * 60:
        return f"{minutes // 60} h {minutes % 60} min"
    return f"{minutes // (24 * 60)} d {minutes // 60 % 24} h"

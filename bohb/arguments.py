"""Checks of what users pass in. Each names the argument, its value, and what would be right."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from numbers import Integral, Real
from pathlib import Path
from typing import Any, TypeVar

from bohb.errors import ArgumentError, ArgumentTypeError

_LONGEST = 200  # characters of a value in a message


def shown(value: Any) -> str:
    """Return a value as it stands in a message, cut off if it is long.

    Examples
    --------
    >>> shown(3.0), len(shown([0.5] * 1000))
    ('3.0', 203)
    """
    text = repr(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def count(name: str, value: Any, *, least: int = 1) -> int:
    """Return `value` as an int of at least `least`.

    Examples
    --------
    >>> count("n_trials", 3)
    3
    >>> count("n_trials", 0)
    Traceback (most recent call last):
    bohb.errors.ArgumentError: n_trials must be at least 1, got 0
    """
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise ArgumentTypeError(f"{name} must be an integer, got {shown(value)}")
    if value < least:
        raise ArgumentError(f"{name} must be at least {least}, got {shown(value)}")
    return int(value)


def optional_count(name: str, value: Any, *, least: int = 1) -> int | None:
    """Return `value` as an int of at least `least`, or None if it is None."""
    return None if value is None else count(name, value, least=least)


def flag(name: str, value: Any) -> bool:
    """Return `value`, which must be True or False."""
    if not isinstance(value, bool) and type(value).__name__ != "bool":  # NumPy has its own bool
        raise ArgumentTypeError(f"{name} must be True or False, got {shown(value)}")
    return bool(value)


def positive(name: str, value: Any) -> int | float:
    """Return `value` as a positive, finite number of Python's own: an int or a float."""
    given = number(name, value)
    if not (math.isfinite(given) and given > 0):
        raise ArgumentError(f"{name} must be positive and finite, got {shown(value)}")
    return given


def share(name: str, value: Any) -> float:
    """Return `value` as a float between 0 and 1, both included."""
    given = number(name, value)
    if not 0 <= given <= 1:
        raise ArgumentError(f"{name} must be between 0 and 1, got {shown(value)}")
    return float(given)


def text(name: str, value: Any) -> str:
    """Return `value`, which must be a string."""
    if not isinstance(value, str):
        raise ArgumentTypeError(f"{name} must be a string, got {shown(value)}")
    return value


def path(name: str, value: Any) -> Path:
    """Return `value`, a string or another path, as a path."""
    if not isinstance(value, (str, os.PathLike)):
        raise ArgumentTypeError(f"{name} must be a path, got {shown(value)}")
    return Path(value)


def dictionary(name: str, value: Any, what: str) -> Mapping[str, Any]:
    """Return `value`, which must be a dict with strings as keys; `what` says what it holds."""
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise ArgumentTypeError(f"{name} must be a dict of {what} by name, got {shown(value)}")
    return value


def names(name: str, value: Any) -> list[str]:
    """Return `value`, several strings, as a list."""
    several = isinstance(value, Iterable) and not isinstance(value, (str, Mapping))
    if not several or not all(isinstance(each, str) for each in value):
        raise ArgumentTypeError(f"{name} must be a list of names, got {shown(value)}")
    return list(value)


_Choice = TypeVar("_Choice")


def one_of(name: str, value: Any, choices: Sequence[_Choice]) -> _Choice:
    """Return `value`, which must be one of `choices`."""
    for choice in choices:
        if isinstance(value, type(choice)) and value == choice:
            return choice
    known = ", ".join(map(repr, choices))
    raise ArgumentError(f"{name} must be one of {known}, got {shown(value)}")


def functions(name: str, value: Any) -> list[Callable[..., Any]]:
    """Return `value`, one function or several or None, as a list of functions."""
    if value is None:
        return []
    several = isinstance(value, Iterable) and not callable(value)
    given = list(value) if several else [value]
    for function in given:
        if not callable(function):
            raise ArgumentTypeError(f"{name} must hold functions, got {shown(function)}")
    return given


def exceptions(name: str, value: Any) -> tuple[type[Exception], ...]:
    """Return `value`, one class of exceptions or several, as a tuple."""
    several = isinstance(value, Iterable) and not isinstance(value, str)
    kinds = tuple(value) if several else (value,)
    for kind in kinds:
        if not (isinstance(kind, type) and issubclass(kind, Exception)):
            raise ArgumentTypeError(f"{name} must hold subclasses of Exception, got {shown(kind)}")
    return kinds


def comes_from(package: str, value: Any) -> bool:
    """Return whether `value` is of a class of `package`, which need not be installed.

    Examples
    --------
    >>> from fractions import Fraction
    >>> comes_from("fractions", Fraction(1)), comes_from("ConfigSpace", Fraction(1))
    (True, False)
    """
    return any(kind.__module__.partition(".")[0] == package for kind in type(value).__mro__)


def number(name: str, value: Any) -> int | float:
    """Return `value` as a number of Python's own: an int or a float."""
    if isinstance(value, bool) or not isinstance(value, Real):
        raise ArgumentTypeError(f"{name} must be a number, got {shown(value)}")
    return int(value) if isinstance(value, Integral) else float(value)

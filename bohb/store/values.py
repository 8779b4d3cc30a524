"""Values that a storage can hold: the choices of parameters, and user attributes."""

from __future__ import annotations

import json
from typing import Any

from optuna.distributions import BaseDistribution, CategoricalDistribution
from optuna.storages import BaseStorage, InMemoryStorage

from bohb.errors import ArgumentError, ArgumentTypeError


def check_storable(name: str, distribution: BaseDistribution, storage: BaseStorage) -> None:
    """Raise ArgumentError if a choice of a parameter comes back from a storage as another value."""
    if isinstance(storage, InMemoryStorage) or not isinstance(
        distribution, CategoricalDistribution
    ):
        return
    for choice in distribution.choices:
        if choice is not None and not isinstance(choice, (bool, int, float, str)):
            try:
                is_same = json.loads(json.dumps(choice)) == choice
            except (TypeError, ValueError):
                is_same = False
            if not is_same:
                hint = "strings, or lists in place of tuples"
                raise ArgumentError(
                    f"{name!r} must have choices that a storage can hold, got {choice!r} of type "
                    f"{type(choice).__name__}: use {_conversion(choice) or hint}"
                )


def check_distinct(name: str, distribution: BaseDistribution) -> None:
    """Raise ArgumentError if Python calls two choices of a parameter equal.

    Optuna finds a choice by comparing it, so that a later leg would get the first of the two.
    """
    if not isinstance(distribution, CategoricalDistribution):
        return
    choices = distribution.choices
    try:
        if len(set(choices)) == len(choices):
            return
    except TypeError:  # lists cannot be members of a set, but can be compared
        pass
    for index, choice in enumerate(choices):
        try:
            first = choices.index(choice)
        except ValueError as error:  # arrays of NumPy compare value by value
            raise ArgumentError(
                f"{name!r} must have choices that can be compared, got {choice!r}: use "
                f"{_conversion(choice) or 'strings'}"
            ) from error
        if first != index:
            raise ArgumentError(
                f"{name!r} must have choices that Python can tell apart, got {choices[first]!r} "
                f"and {choice!r}, which are equal: name them by strings"
            )


def check_attribute(key: str, value: Any) -> None:
    """Raise ArgumentTypeError if a storage cannot hold a user attribute."""
    check_json(f"user attribute {key!r}", value)


def check_json(name: str, value: Any) -> None:
    """Raise ArgumentTypeError if JSON, and so a storage, cannot hold `value`."""
    try:
        json.dumps(value)
    except (TypeError, ValueError) as error:
        hint = "numbers, strings, lists and dicts"
        raise ArgumentTypeError(
            f"{name} must be what JSON can hold, got {value!r} of type "
            f"{type(value).__name__} ({error}): use {_conversion(value) or hint}"
        ) from error


def _conversion(value: Any) -> str | None:
    """Return the call that turns a number or array of NumPy or PyTorch into Python's own."""
    return ".tolist()" if hasattr(value, "tolist") else None

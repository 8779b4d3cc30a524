"""Texts with ``{{ name }}`` in them, and how values are written into arguments."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bohb.errors import ArgumentError

_PLACE = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
_NAME = re.compile(r"[A-Za-z_][\w.-]*")


def as_text(value: Any) -> str:
    """Return `value` as an argument of a command: a text as it is, anything else as JSON.

    Examples
    --------
    >>> [as_text(value) for value in ("a b", 3, 1e-05, True, None, [1, 2])]
    ['a b', '3', '1e-05', 'true', 'null', '[1, 2]']
    """
    return value if isinstance(value, str) else json.dumps(value)


@dataclass(frozen=True, slots=True)
class Template:
    """A text with places for values.

    Examples
    --------
    >>> template = Template.parse("--lr={{ lr }}")
    >>> template.names, template.fill({"lr": 0.1})
    (('lr',), '--lr=0.1')
    """

    parts: tuple[str, ...]  # text, name, text, name, ..., text

    @classmethod
    def parse(cls, text: str) -> Template:
        """Return the template that is written as `text`.

        Raises
        ------
        ArgumentError
            If what stands between the braces is not a name, or they are not closed.
        """
        parts = _PLACE.split(text)
        for name in parts[1::2]:
            if not _NAME.fullmatch(name.strip()):
                raise ArgumentError(
                    f"{{{{{name}}}}} must be the name of one value, as in {{{{ lr }}}}: nothing is "
                    "computed here"
                )
        for part in parts[::2]:
            if "{{" in part:
                raise ArgumentError(f"{{{{ must be closed by }}}}, got {text!r}")
        stripped = (part.strip() if index % 2 else part for index, part in enumerate(parts))
        return cls(tuple(stripped))

    @property
    def names(self) -> tuple[str, ...]:
        """The names between the braces, in their order."""
        return self.parts[1::2]

    def fill(self, values: Mapping[str, Any]) -> str:
        """Return the text with the values of its names."""
        return "".join(
            as_text(values[part]) if index % 2 else part for index, part in enumerate(self.parts)
        )

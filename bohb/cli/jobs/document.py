"""The document of a job: its YAML as plain Python, with the line of each part for messages."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import yaml

from bohb.errors import JobError

# The keys and indices that lead to a part, as in ("params", "lr", "low").
Keys: TypeAlias = tuple[str | int, ...]

# A message has this character in place of the name of the part that it is about. `Document.error`
# puts in the name, since only the document knows the whole place of the part.
NAME = "\0"

# The scalars of YAML 1.2. PyYAML reads those of YAML 1.1, in which 1e-5 is text, 1:30 is a number
# and on is true.
_INTEGER = re.compile(r"[-+]?[0-9][0-9_]*|0o[0-7]+|0x[0-9a-fA-F]+")
_NUMBER = re.compile(
    r"[-+]?(\.[0-9]+|[0-9][0-9_]*(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)"
)
_TRUTH = re.compile(r"true|True|TRUE|false|False|FALSE")
_TAG = "tag:yaml.org,2002:"
_KEPT = (_TAG + "null", _TAG + "merge")
_PLAIN = tuple(
    _TAG + kind for kind in ("null", "bool", "int", "float", "str", "seq", "map", "merge")
)


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader, with the numbers and truth values of YAML 1.2."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - PyYAML reads it from the class
        first: [pair for pair in resolvers if pair[0] in _KEPT]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def construct_integer(self, node: yaml.ScalarNode) -> int:
        text = node.value.replace("_", "")
        return int(text, 0) if text[:2] in ("0o", "0x") else int(text)

    def construct_number(self, node: yaml.ScalarNode) -> float:
        text = node.value.replace("_", "").lower()
        return float(text.replace(".inf", "inf").replace(".nan", "nan"))


for _tag, _pattern, _first in (
    ("bool", _TRUTH, "tTfF"),
    ("int", _INTEGER, "-+0123456789"),
    ("float", _NUMBER, "-+.0123456789"),
):
    _whole = re.compile(f"^(?:{_pattern.pattern})$")
    _Loader.add_implicit_resolver(_TAG + _tag, _whole, list(_first))
_Loader.add_constructor(_TAG + "int", _Loader.construct_integer)
_Loader.add_constructor(_TAG + "float", _Loader.construct_number)


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault in one part of a document; in its message `NAME` stands for the name of the part."""

    place: Keys
    message: str


@dataclass(frozen=True)
class Document:
    """A document, or its translation into other words.

    Attributes
    ----------
    path
        The file that it was read from.
    value
        The whole content, as plain Python.
    lines
        The line of each part, or of its key, counted from 1.
    origins
        In a translation: the document and the part of it that a part was made from.
    """

    path: Path
    value: Any
    lines: Mapping[Keys, int]
    origins: Mapping[Keys, tuple[Document, Keys]] = field(default_factory=dict)

    def line(self, place: Keys) -> int:
        """Return the line of a part, or of the nearest part around it if there is no such part."""
        while place not in self.lines and place:
            place = place[:-1]
        return self.lines.get(place, 1)

    def error(self, *faults: Fault) -> JobError:
        """Return the error that names all `faults`, one a line, in the order of the document."""
        shown = set()
        for fault in faults:
            document, place = self._original(fault.place)
            text = fault.message.replace(NAME, name_of(place))
            shown.add((str(document.path), document.line(place), text))
        return JobError("\n".join(f"{path}:{line}: {text}" for path, line, text in sorted(shown)))

    def translated(self, value: Any, origins: Mapping[Keys, tuple[Document, Keys]]) -> Document:
        """Return a translation of this document."""
        return Document(self.path, value, self.lines, origins)

    def _original(self, place: Keys) -> tuple[Document, Keys]:
        """Return the document and the part of it that a part of this document was made from."""
        for length in range(len(place), -1, -1):
            if place[:length] in self.origins:
                document, origin = self.origins[place[:length]]
                return document, (*origin, *place[length:])
        return self, place


def name_of(place: Keys) -> str:
    """Return the name of a part, as in ``params.lr.low``."""
    name = ""
    for key in place:
        name += f"[{key}]" if isinstance(key, int) else f".{key}" if name else key
    return name or "the job file"


def read_document(path: Path) -> Document:
    """Return the YAML document in a file.

    Raises
    ------
    JobError
        If the file cannot be read, or does not hold exactly one YAML document.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise JobError(f"{path}: the job file cannot be read: {reason}") from error
    try:
        loader = _Loader(text)
        loader.name = str(path)
        node = loader.get_single_node()
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        character = f"the character {chr(error.character)!r}"
        raise JobError(
            f"{path}:{line}: this is not YAML: {character} cannot stand in it"
        ) from error
    except yaml.YAMLError as error:
        raise JobError(_syntax_error(path, error)) from error
    if node is None:
        raise JobError(f"{path}:1: the job file is empty")
    noted = _Lines(node)
    if noted.faults:
        raise Document(path, None, noted.lines).error(*noted.faults)
    try:
        return Document(path, loader.construct_document(node), noted.lines)
    except (yaml.YAMLError, ValueError) as error:
        problem = getattr(error, "problem", None) or error
        line = getattr(getattr(error, "problem_mark", None), "line", 0) + 1
        raise JobError(f"{path}:{line}: the job file cannot be read: {problem}") from error


def scalar(text: str) -> Any:
    """Return the value that a text has in a document if it has no quotes around it.

    Examples
    --------
    >>> scalar("0.5"), scalar("relu")
    (0.5, 'relu')
    """
    return yaml.load(text, _Loader)  # noqa: S506 - a safe loader with other scalars


def no_keys(value: Any) -> str:
    """Return the message that a value should have keys."""
    return f"{NAME} must have keys with values, got {value!r}"


def not_known(key: str, known: Sequence[str]) -> str:
    """Return the message that a key is none of those `known`."""
    hint = near_to(key, known) or f": known here are {', '.join(known)}"
    return f"{NAME} is not known{hint}"


def not_one_of(value: Any, choices: Sequence[str]) -> str:
    """Return the message that a value is none of `choices`."""
    listed = " or ".join(filter(None, [", ".join(choices[:-1]), choices[-1]]))
    near = near_to(value, choices) if isinstance(value, str) else ""
    return f"must be {listed}, got {value!r}{near}"


def near_to(name: str, known: Iterable[str]) -> str:
    """Return a question whether a similar name was meant; an empty string if none is similar."""
    near = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return _question(near[0]) if near else ""


def is_meant(name: str | int, messages: Iterable[str]) -> bool:
    """Return whether one of some messages asks if `name` was meant."""
    return any(message.endswith(_question(str(name))) for message in messages)


def _question(name: str) -> str:
    return f": did you mean {name}?"


class _Lines:
    """The line of each part of a document, and the faults that keep it from being plain Python."""

    def __init__(self, root: yaml.Node) -> None:
        self.lines: dict[Keys, int] = {}
        self.faults: list[Fault] = []
        self._note(root, (), root.start_mark.line, ())

    def _note(self, node: yaml.Node, place: Keys, line: int, above: tuple[yaml.Node, ...]) -> None:
        self.lines[place] = line + 1
        if node in above:
            self._refuse(place, line, "an alias must not stand for what it is a part of")
        elif node.tag not in _PLAIN:
            self._refuse(place, line, f"the tag {node.tag} is not known here")
        elif isinstance(node, yaml.SequenceNode):
            for index, child in enumerate(node.value):
                self._note(child, (*place, index), child.start_mark.line, (*above, node))
        elif isinstance(node, yaml.MappingNode):
            for key, child in node.value:
                self._note_entry(key, child, place, (*above, node))

    def _note_entry(
        self, key: yaml.Node, child: yaml.Node, place: Keys, above: tuple[yaml.Node, ...]
    ) -> None:
        line = key.start_mark.line
        if not isinstance(key, yaml.ScalarNode):
            message = 'a key must be a string; write what has {{ }} in quotes: "{{ name }}"'
            self._refuse((*place, "{{"), line, message)  # no other key has this name
            return
        below = (*place, str(key.value))
        if below in self.lines:
            message = f"{key.value} is given twice, the first time on line {self.lines[below]}"
            self._refuse(below, line, message)
            return
        if key.tag != _TAG + "merge":
            key.tag = _TAG + "str"  # all keys are strings, even one that is written as 1 or true
        self._note(child, below, line, above)

    def _refuse(self, place: Keys, line: int, message: str) -> None:
        self.lines[place] = line + 1
        self.faults.append(Fault(place, message))


def _syntax_error(path: Path, error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    line = 1 if mark is None else mark.line + 1
    problem = getattr(error, "problem", None) or " ".join(str(error).split())
    context = getattr(error, "context", None)
    hint = "is it indented as the lines around it, and is a string with : or {{ }} in quotes?"
    if "\\t" in problem:
        hint = "indent with spaces"
    return f"{path}:{line}: this is not YAML: {f'{context}, ' if context else ''}{problem} ({hint})"

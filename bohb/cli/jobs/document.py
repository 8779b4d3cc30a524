"""YAML whose parts know where they stand, so that errors can name the line."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Collection, Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar, cast

import yaml

from bohb.errors import ArgumentError, JobError

T = TypeVar("T")
C = TypeVar("C", bound=str)

# As in YAML 1.2: 1e-5 is a number, and neither 1:30 nor "on" is anything but text.
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


def read_document(path: Path) -> Entry:
    """Return the whole of a YAML file.

    Raises
    ------
    JobError
        If the file cannot be read, or is not one document of YAML.
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
    _check(node, loader)
    return Entry(node, loader, "")


def _check(node: yaml.Node, loader: _Loader, above: tuple[yaml.Node, ...] = ()) -> None:
    """Raise an error if a key is given twice, or a part is not plain, or holds itself."""
    if node in above:
        raise _error_at(loader, node, "an alias must not stand for what it is a part of")
    if node.tag not in _PLAIN:
        raise _error_at(loader, node, f"the tag {node.tag} is not known here")
    above = (*above, node)
    if isinstance(node, yaml.MappingNode):
        lines: dict[str, int] = {}
        for key, child in node.value:
            if not isinstance(key, yaml.ScalarNode):
                message = 'a key must be a string; write what has {{ }} in quotes: "{{ name }}"'
                raise _error_at(loader, key, message)
            if (name := str(key.value)) in lines:
                message = f"{name} is given twice, the first time on line {lines[name]}"
                raise _error_at(loader, key, message)
            lines[name] = key.start_mark.line + 1
            _check(child, loader, above)
    elif isinstance(node, yaml.SequenceNode):
        for child in node.value:
            _check(child, loader, above)


def _error_at(loader: _Loader, node: yaml.Node, message: str) -> JobError:
    return JobError(f"{loader.name}:{node.start_mark.line + 1}: {message}")


def _syntax_error(path: Path, error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    line = 1 if mark is None else mark.line + 1
    problem = getattr(error, "problem", None) or " ".join(str(error).split())
    context = getattr(error, "context", None)
    hint = "is it indented as the lines around it, and is a string with : or {{ }} in quotes?"
    if "\\t" in problem:
        hint = "indent with spaces"
    return f"{path}:{line}: this is not YAML: {f'{context}, ' if context else ''}{problem} ({hint})"


class Entry:
    """A part of a document.

    Attributes
    ----------
    name
        The keys that lead to it, as in ``params.lr.low``; empty for the whole document.
    """

    def __init__(
        self, node: yaml.Node, loader: _Loader, name: str, key: yaml.Node | None = None
    ) -> None:
        self._node = node
        self._place = node if key is None else key
        self._loader = loader
        self.name = name

    @property
    def line(self) -> int:
        """The line that it, or its key, begins on, counted from 1."""
        return int(self._place.start_mark.line) + 1

    @property
    def key(self) -> str:
        """The key of it; empty for what has none."""
        return "" if self._place is self._node else str(self._place.value)

    @property
    def value(self) -> Any:
        """What it holds, as plain Python."""
        try:
            return self._loader.construct_object(self._node, deep=True)
        except (yaml.YAMLError, ValueError) as error:
            problem = getattr(error, "problem", None) or error
            raise self.error(f"{self._shown} cannot be read: {problem}") from error

    def error(self, message: str) -> JobError:
        """Return an error that names the file and the line."""
        return _error_at(self._loader, self._place, message)

    def checked(self, check: Callable[..., T], *arguments: Any, **options: Any) -> T:
        """Return what ``check(name, value, ...)`` makes of the value.

        Raises
        ------
        JobError
            With what `check` says, if it raises ArgumentError.
        """
        try:
            return check(self._shown, self.value, *arguments, **options)
        except ArgumentError as error:
            raise self.error(str(error)) from error

    def one_of(self, choices: Sequence[C]) -> C:
        """Return the value, which must be one of `choices`, which are strings."""
        value = self.value
        for choice in choices:
            if value == choice:
                return choice
        known = list(choices)
        listed = " or ".join(filter(None, [", ".join(known[:-1]), known[-1]]))
        near = near_to(value, known) if isinstance(value, str) else ""
        raise self.error(f"{self._shown} must be {listed}, got {value!r}{near}")

    def text(self) -> str:
        """Return the value, which must be a string that is not empty."""
        value = self.value
        if not isinstance(value, str) or not value:
            raise self.error(f"{self._shown} must be a string, got {value!r}")
        return value

    def flag(self) -> bool:
        """Return the value, which must be true or false."""
        value = self.value
        if not isinstance(value, bool):
            raise self.error(f"{self._shown} must be true or false, got {value!r}")
        return value

    @property
    def is_mapping(self) -> bool:
        """Whether it has keys."""
        return isinstance(self._node, yaml.MappingNode)

    @property
    def is_list(self) -> bool:
        """Whether it is a list."""
        return isinstance(self._node, yaml.SequenceNode)

    def parts(self) -> list[Entry]:
        """Return the parts of a list."""
        if not isinstance(self._node, yaml.SequenceNode):
            raise self.error(f"{self._shown} must be a list, got {self.value!r}")
        return [
            Entry(node, self._loader, f"{self.name}[{index}]")
            for index, node in enumerate(self._node.value)
        ]

    def split(self, separator: str) -> list[Entry]:
        """Return the parts of a text, each read as if it stood there alone."""
        mark = self._node.start_mark
        texts = [part.strip() for part in self.text().split(separator)]
        resolve = cast(Any, self._loader).resolve  # it has no types
        tags = [resolve(yaml.ScalarNode, text, (True, False)) for text in texts]
        return [
            Entry(yaml.ScalarNode(tag, text, mark), self._loader, self.name)
            for tag, text in zip(tags, texts, strict=True)
        ]

    def entries(self) -> dict[str, Entry]:
        """Return the parts of a mapping by their keys."""
        if not isinstance(self._node, yaml.MappingNode):
            raise self.error(f"{self._shown} must have keys with values, got {self.value!r}")
        self._loader.flatten_mapping(self._node)  # takes in what "<<" merges
        return {
            str(key.value): Entry(node, self._loader, self._path(str(key.value)), key)
            for key, node in self._node.value
        }

    def fields(self, known: Iterable[str], *, required: Collection[str] = ()) -> dict[str, Entry]:
        """Return the parts of a mapping whose keys must be among those `known`.

        Those without a value are left out.
        """
        known = list(known)
        found = self.entries()
        for name, part in found.items():
            if name not in known:
                hint = near_to(name, known) or f": known here are {', '.join(known)}"
                raise part.error(f"{self._path(name)} is not known{hint}")
        given = {name: part for name, part in found.items() if part.value is not None}
        for name in required:
            if name not in given:
                raise self.error(f"{self._path(name)} is missing")
        return given

    @property
    def _shown(self) -> str:
        return self.name or "the job file"

    def _path(self, key: str) -> str:
        return f"{self.name}.{key}" if self.name else key


def near_to(name: str, known: Iterable[str]) -> str:
    """Return a question whether something near to `name` was meant; empty if nothing is."""
    near = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f": did you mean {near[0]}?" if near else ""

"""The document of a job: its YAML, each part of it with its place and its name for messages."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

from bohb.errors import JobError

# A message has this character in place of the name of the part that it is about.
NAME = "\0"

# The scalars of YAML 1.2. PyYAML reads those of YAML 1.1, in which 1e-5 is text, 1:30 is a number
# and on is true.
_TAG = "tag:yaml.org,2002:"
_SCALARS = {
    "bool": ("tTfF", r"true|True|TRUE|false|False|FALSE"),
    "int": ("-+0123456789", r"[-+]?[0-9][0-9_]*|0o[0-7]+|0x[0-9a-fA-F]+"),
    "float": (
        "-+.0123456789",
        r"[-+]?(\.[0-9]+|[0-9][0-9_]*(\.[0-9]*)?)([eE][-+]?[0-9]+)?"
        r"|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
    ),
}
_KEPT = (_TAG + "null", _TAG + "merge")
_PLAIN = tuple(_TAG + kind for kind in ("null", "str", "seq", "map", *_SCALARS))
_NODES = {_TAG + "seq": yaml.SequenceNode, _TAG + "map": yaml.MappingNode}


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader, with the numbers and truth values of YAML 1.2."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - PyYAML reads it from the class
        first: [pair for pair in resolvers if pair[0] in _KEPT]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def construct_integer(self, node: yaml.ScalarNode) -> int:
        text = node.value.replace("_", "")
        return int(text, 0) if text[:2] in ("0o", "0x") else int(text)


for _kind, (_first, _pattern) in _SCALARS.items():
    _Loader.add_implicit_resolver(_TAG + _kind, re.compile(f"^(?:{_pattern})$"), list(_first))
_Loader.add_constructor(_TAG + "int", _Loader.construct_integer)


@dataclass(frozen=True, eq=False)
class Node:
    """A part of a document.

    Attributes
    ----------
    path, line, name
        Where it is written, and how messages call it.
    content
        Its own parts, by their keys or in their order, or else its value.
    faults
        Path, line and text of all faults, a list that all parts of a document share.
    """

    path: Path
    line: int = 1
    name: str = ""
    content: Any = None
    faults: list[tuple[str, int, str]] = field(default_factory=list)

    @property
    def value(self) -> Any:
        """The content as plain Python."""
        if isinstance(self.content, dict):
            return {key: node.value for key, node in self.content.items()}
        return [node.value for node in self.content] if self.is_list else self.content

    @property
    def _keys(self) -> Collection[str | int]:
        if self.is_list:
            return range(len(self.content))
        return self.content if isinstance(self.content, dict) else ()

    @property
    def is_list(self) -> bool:
        """Whether it is a list of parts."""
        return isinstance(self.content, list)

    def refuse(self, message: str) -> None:
        """Note a fault of this part."""
        text = message.replace(NAME, self.name or "the job file")
        self.faults.append((str(self.path), self.line, text))

    def error(self) -> JobError:
        """Return the error that names all faults, one a line, in their order."""
        shown = sorted(set(self.faults))
        return JobError("\n".join(f"{path}:{line}: {text}" for path, line, text in shown))

    def new(self, content: Any, line: int | None = None) -> Node:
        """Return a part with other content that is found in the same place."""
        return replace(self, content=content, line=line or self.line)

    def below(self, key: str | int, line: int | None = None) -> Node:
        """Return an empty part that has a place within this one."""
        name = f"{self.name}[{key}]" if isinstance(key, int) else f"{self.name}.{key}".lstrip(".")
        return replace(self, name=name, line=line or self.line, content=None)

    def at(self, *keys: str | int) -> Node:
        """Return the part below these keys; what is missing lies where it would be.

        Marks of pydantic among the keys, as of the kind of a part, are left out.
        """
        node = self
        for key in keys:
            if key in node._keys:
                node = node.content[key]
            elif isinstance(key, int) or not (
                node.is_list or key in ("[key]", _kind_of(node.content))
            ):
                node = node.below(key)
        return node

    def get(self, *keys: str | int) -> Node | None:
        """Return the part below these keys; None if it is missing or has no value."""
        node = self
        for key in keys:
            if key not in node._keys:
                return None
            node = node.content[key]
        return None if node.content is None else node

    @property
    def keys(self) -> dict[str, Node]:
        """The parts below all keys; none if it has no keys."""
        return self.content if isinstance(self.content, dict) else {}

    def entries(self) -> dict[str, Node]:
        """Return the parts below all keys; anything but keys is a fault."""
        if isinstance(self.content, dict):
            return self.content
        self.refuse(no_keys(self.value))
        return {}

    def items(self) -> list[Node]:
        """Return the parts of a list; anything else is a fault."""
        if self.is_list:
            return list(self.content)
        self.refuse(f"{NAME} must be a list, got {self.value!r}")
        return []


def _kind_of(content: Any) -> Any:
    return content["kind"].value if isinstance(content, dict) and "kind" in content else None


def read_document(path: Path, faults: list[tuple[str, int, str]] | None = None) -> Node:
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
        root = loader.get_single_node()
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        message = f"the character {chr(error.character)!r} cannot stand in it"
        raise JobError(f"{path}:{line}: this is not YAML: {message}") from error
    except yaml.MarkedYAMLError as error:
        raise JobError(_syntax_error(path, error)) from error
    if root is None:
        raise JobError(f"{path}:1: the job file is empty")
    place = Node(path, root.start_mark.line + 1, faults=[] if faults is None else faults)
    made = _filled(place, root, loader, ())
    if made.faults:
        raise made.error()
    return made


def _filled(place: Node, node: yaml.Node, loader: _Loader, above: tuple[yaml.Node, ...]) -> Node:
    """Return the part at `place` with the content of `node`, and note what is not plain Python."""
    above = (*above, node)
    if node in above[:-1]:
        place.refuse("an alias must not stand for what it is a part of")
    elif node.tag not in _PLAIN or not isinstance(node, _NODES.get(node.tag, yaml.ScalarNode)):
        place.refuse(f"the tag {node.tag} is not known here")
    elif isinstance(node, yaml.MappingNode):
        return place.new(_entries(place, node, loader, above))
    elif isinstance(node, yaml.SequenceNode):
        lines = [child.start_mark.line + 1 for child in node.value]
        places = [place.below(index, line) for index, line in enumerate(lines)]
        pairs = zip(places, node.value, strict=True)
        return place.new([_filled(below, child, loader, above) for below, child in pairs])
    else:
        try:
            return place.new(loader.construct_object(node))
        except (LookupError, ValueError, yaml.YAMLError) as error:  # as of thousands of digits
            place.refuse(f"{NAME} cannot be read: {error}")
    return place


def _entries(
    place: Node, node: yaml.MappingNode, loader: _Loader, above: tuple[yaml.Node, ...]
) -> dict[str, Node]:
    merged: dict[str, Node] = {}
    written: dict[str, Node] = {}
    for key, child in node.value:
        line = key.start_mark.line + 1
        name = str(key.value)
        if key.tag == _TAG + "merge":
            for each in child.value if isinstance(child, yaml.SequenceNode) else [child]:
                part = _filled(place.new(None, line), each, loader, above)
                merged = {**part.entries(), **merged}
        elif not isinstance(key, yaml.ScalarNode):
            message = 'a key must be a string; write what has {{ }} in quotes: "{{ name }}"'
            place.new(None, line).refuse(message)
        elif name in written:
            message = f"{name} is given twice, the first time on line {written[name].line}"
            place.new(None, line).refuse(message)
        else:  # all keys are strings, even one that is written as 1 or true
            written[name] = _filled(place.below(name, line), child, loader, above)
    return merged | written


def scalar(text: str) -> Any:
    """Return the value that a text has in a document if it has no quotes around it.

    Examples
    --------
    >>> scalar("0.5"), scalar("relu")
    (0.5, 'relu')
    """
    try:
        return yaml.load(text, _Loader)  # noqa: S506 - a safe loader with other scalars
    except yaml.YAMLError:  # it is no scalar either, as a reference in braces is none
        return text


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
    return f"{NAME} must be {listed}, got {value!r}{near}"


def near_to(name: str, known: Iterable[str]) -> str:
    """Return a question whether a similar name was meant; an empty string if none is similar."""
    near = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f": did you mean {near[0]}?" if near else ""


def is_meant(name: str | int, messages: Iterable[str]) -> bool:
    """Return whether one of some messages asks if `name` was meant."""
    return any(message.endswith(f": did you mean {name}?") for message in messages)


def _syntax_error(path: Path, error: yaml.MarkedYAMLError) -> str:
    mark = error.problem_mark or error.context_mark
    hint = "is it indented as the lines around it, and is a string with : or {{ }} in quotes?"
    if "\\t" in (error.problem or ""):
        hint = "indent with spaces"
    told = ", ".join(filter(None, [error.context, error.problem]))
    return f"{path}:{mark.line + 1 if mark else 1}: this is not YAML: {told} ({hint})"

"""The tools of a translation: they take parts from one document and put them into another."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

from bohb.cli.jobs.document import (
    NAME,
    Document,
    Fault,
    Keys,
    is_meant,
    name_of,
    no_keys,
    not_known,
    not_one_of,
)


class Translation:
    """A job file that is made from the parts of other documents.

    Attributes
    ----------
    value
        The job file so far.
    ignored
        The names of keys in those documents that are known but not used.
    """

    def __init__(self, document: Document) -> None:
        self._document = document
        self.value: dict[str, Any] = {}
        self.ignored: list[str] = []
        self._origins: dict[Keys, tuple[Document, Keys]] = {(): (document, ())}
        self._faults: dict[Keys, Fault] = {}

    def put(self, place: Keys, part: SourcePart | None, value: Any = None) -> None:
        """Put `value`, or the value of `part` if it is None, into the job file at `place`.

        Nothing is put there without a `part`. In a list the value is appended.
        """
        if part is None:
            return
        whole: Any = self.value
        for key in place[:-1]:
            whole = whole.setdefault(key, {}) if isinstance(whole, dict) else whole[key]
        value = part.value if value is None else value
        if isinstance(whole, list):
            whole.append(value)
        else:
            whole[place[-1]] = value
        self._origins[place] = part.document, part.place

    def refuse(self, part: SourcePart, message: str) -> None:
        """Note a fault of a part."""
        # The part may be of another document, so its fault gets a place of its own with an origin.
        place = ("faults", len(self._faults))
        self._origins[place] = part.document, part.place
        self._faults[place] = Fault(place, message)

    def finished(self) -> Document:
        """Return the job file.

        Raises
        ------
        JobError
            If there are faults; the message names all of them.
        """
        made = self._document.translated(self.value, self._origins)
        if self._faults:
            raise made.error(*self._faults.values())
        return made


@dataclass(frozen=True)
class SourcePart:
    """A part of a document that is translated."""

    translation: Translation
    document: Document
    place: Keys
    value: Any

    def refuse(self, message: str) -> None:
        """Note a fault of this part."""
        self.translation.refuse(self, message)

    def take(self, used: str, *, required: str = "", ignored: str = "") -> Parts:
        """Return the parts under the keys that are `used` or `required`.

        Each parameter is a text of keys with blanks between them. A required key that is missing is
        a fault, and so is a key that none of the texts has. A key without a value counts as
        missing.
        """
        known = [*required.split(), *used.split(), *ignored.split()]
        entries = self.entries()
        unknown = {key: not_known(key, known) for key in entries if key not in known}
        for key, message in unknown.items():
            entries[key].refuse(message)
        found = {key: part for key, part in entries.items() if part.value is not None}
        for key in required.split() if isinstance(self.value, dict) else ():
            # A key that is misspelt is reported as unknown, and not as missing once more.
            if key not in found and not is_meant(key, unknown.values()):
                self._below(key).refuse(f"{NAME} is missing")
        self.translation.ignored += [
            name_of((*self.place, key)) for key in ignored.split() if key in found
        ]
        return {key: found[key] for key in known if key in found and key not in ignored.split()}

    def entries(self) -> Parts:
        """Return the parts under all keys."""
        if not isinstance(self.value, dict):
            self.refuse(no_keys(self.value))
            return {}
        return {key: self._below(key) for key in self.value}

    def items(self) -> Iterator[SourcePart]:
        """Yield the parts of a list; anything else is a fault."""
        if isinstance(self.value, list):
            yield from map(self._below, range(len(self.value)))
        else:
            self.refuse(f"{NAME} must be a list, got {self.value!r}")

    def one_of(self, choices: str) -> Any:
        """Return the value if it is one of `choices`, a text of words; note a fault otherwise."""
        if self.value in choices.split():
            return self.value
        self.refuse(f"{NAME} {not_one_of(self.value, choices.split())}")
        return None

    def _below(self, key: str | int) -> SourcePart:
        value = self.value.get(key) if isinstance(key, str) else self.value[key]
        return SourcePart(self.translation, self.document, (*self.place, key), value)


Parts: TypeAlias = dict[str, SourcePart]

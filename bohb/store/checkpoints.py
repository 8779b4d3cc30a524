"""The checkpoint directories of trials, below one root for each study.

A storage can be copied, or an older copy of it be put back. Two studies then have trials of the
same numbers, and each must find its own checkpoints or none. So each leg has a mark of its own,
which is kept in the storage and beside the directory that the leg has used. A directory is handed
to a leg only if the leg before it in the same trial was the last to use it.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import tempfile
import threading
import time
import urllib.parse
import uuid
import weakref
from pathlib import Path
from typing import Any

from optuna.storages import InMemoryStorage

from bohb.errors import StorageError
from bohb.store.ledger import CHECKPOINT_MARK, CHECKPOINT_ROOT, Ledger
from bohb.store.legs import LegMarks
from bohb.store.opening import file_of

DEFAULT_ROOT = "bohb-checkpoints"  # in the working directory, for all studies together

_LONGEST_NAME = 100  # characters of the name of a study in that of its directory
_SETTLING_SECONDS = 0.05  # after this time each of two processes can see the other's directory
_OWNER = ".bohb-study.json"  # a file in a root, which says whose it is


def find_trial_directory(root: Path, number: int, marks: LegMarks) -> Path | None:
    """Return the directory that the last leg of a trial has used, or the one before it."""
    plain = root / _name_of(number)
    # Longer names are only taken beside this one. Looking for them means to list the whole root.
    if not os.path.lexists(plain):
        return None
    if _is_of(plain, marks):
        return plain
    others = sorted(root.glob(f"{plain.name}-*"))
    return next((directory for directory in others if _is_of(directory, marks)), None)


def _is_of(directory: Path, marks: LegMarks) -> bool:
    is_real = directory.is_dir() and not directory.is_symlink()
    return is_real and _mark_of(directory) in marks


def trial_directory(root: Path, number: int, marks: LegMarks) -> Path:
    """Return the directory of a trial for the leg that has these marks; a new one is made.

    Raises
    ------
    StorageError
        If the directory cannot be made.
    """
    try:
        directory = find_trial_directory(root, number, marks)
        if directory is None:
            directory = _free_place(root, number)
            directory.mkdir(parents=True)
        if marks.now and _mark_of(directory) != marks.now:
            _write(_mark_file(directory), marks.now)
    except OSError as error:
        raise _not_writable(root, error) from error
    return directory


def _free_place(root: Path, number: int) -> Path:
    """Return where a new directory of a trial can be made."""
    directory = root / _name_of(number)
    if os.path.lexists(directory):  # it belongs to a trial of the same number
        directory = root / f"{directory.name}-{uuid.uuid4().hex[:8]}"
    return directory


def copy_checkpoint(
    root: Path, parent: int, of: LegMarks, number: int, marks: LegMarks, *, kept_at: int | None
) -> bool:
    """Let the directory of a new trial begin as a copy of its parent's, if it has none yet.

    Parameters
    ----------
    root
        The directory of the study's checkpoints.
    parent, of
        The number of the parent and the marks of its last leg.
    number, marks
        Those of the new trial.
    kept_at
        The rung whose kept copy is taken, as `keep_copy` made it; None for the directory itself.

    Returns
    -------
    bool
        Whether there was a checkpoint to begin with.

    Raises
    ------
    StorageError
        If it cannot be copied.
    """
    if find_trial_directory(root, number, marks) is not None:
        return True  # a process that was killed had done it
    source = find_trial_directory(root, parent, of)
    if kept_at is not None:
        source = root / _kept_name(parent, kept_at)
        source = None if source.is_symlink() else source  # none of ours
    try:
        if source is None or not source.is_dir() or not any(source.iterdir()):
            return False
        target = _free_place(root, number)
        _write(_mark_file(target), marks.now or "")
        _copy(source, target)
    except OSError as error:
        raise _not_writable(root, error) from error
    return True


def keep_copy(root: Path, number: int, marks: LegMarks, rung: int) -> None:
    """Keep a copy of what a trial has on a rung, if it has anything, for children to come.

    Raises
    ------
    StorageError
        If it cannot be copied.
    """
    source, target = find_trial_directory(root, number, marks), root / _kept_name(number, rung)
    if source is not None and (target.is_symlink() or not target.exists()):
        try:
            target.unlink(missing_ok=True)  # a link is none of ours, wherever it leads
            _copy(source, target)
        except OSError as error:
            raise _not_writable(root, error) from error


def remove_copy(root: Path, number: int, rung: int) -> None:
    """Remove the copy that `keep_copy` has made."""
    shutil.rmtree(root / _kept_name(number, rung), ignore_errors=True)


def _kept_name(number: int, rung: int) -> str:
    return f".{_name_of(number)}.rung-{rung}"


def _copy(source: Path, target: Path) -> None:
    """Copy a directory so that the target is there as a whole, or not at all."""
    new = target.with_name(f".{target.name.lstrip('.')}.{uuid.uuid4().hex[:8]}")
    shutil.copytree(source, new, symlinks=True)
    new.replace(target)


def _not_writable(root: Path, error: OSError) -> StorageError:
    return StorageError(
        f"checkpoint_root must be a directory that can be written to, got {str(root)!r}: {error}"
    )


def remove_unused(root: Path) -> None:
    """Remove the root of a study if no trial has a directory in it."""
    with contextlib.suppress(OSError):
        if os.listdir(root) == [_OWNER]:
            (root / _OWNER).unlink()
            root.rmdir()
            if root.parent.name == DEFAULT_ROOT:
                root.parent.rmdir()


def _name_of(number: int) -> str:
    return f"trial-{number:05d}"


def _mark_file(directory: Path) -> Path:
    return directory.with_name(f".{directory.name}.leg")


def _mark_of(directory: Path) -> str:
    """Return the mark of the leg that has used a directory last; an empty one if it has none."""
    try:
        return _mark_file(directory).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""


def _write(path: Path, text: str) -> None:
    """Write a file in one step, and in place of a symlink rather than through it."""
    new = path.with_name(f"{path.name}.{uuid.uuid4().hex[:8]}")
    new.write_text(text, encoding="utf-8")
    new.replace(path)


class Checkpoints:
    """The directory that holds the checkpoint directories of one study's trials.

    It is made when it is first asked for, and its path is kept in the study. A study in memory has
    a temporary one, which is removed with this object.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        # The path is made absolute now, as an objective may change the working directory.
        self._default = Path(DEFAULT_ROOT).absolute()
        self._root: Path | None = None
        self._lock = threading.Lock()

    @property
    def root(self) -> Path:
        """The directory, absolute.

        Raises
        ------
        StorageError
            If it cannot be made, or is named by the storage but was not made by this study.
        """
        with self._lock:  # legs in several threads may ask first
            if self._root is None:
                self._root = self.find(self._default) or self._begin()
            elif not self._root.is_dir():  # it was removed, as nothing was in it
                self.place(self._root)
            return self._root

    @property
    def placed(self) -> Path | None:
        """The directory that is stored in the study; None if nobody has asked for it yet."""
        stored = self._ledger.read(CHECKPOINT_ROOT)
        return None if stored is None else Path(stored)

    def find(self, directory: Path) -> Path | None:
        """Return the root of this study, perhaps moved into `directory`; None without one."""
        placed = self.placed
        if placed is None:
            return None
        moved = directory / placed.name
        # Version 0.1.0 has left no file that says whose a root is.
        is_old = moved.is_dir() and not (moved / _OWNER).exists()
        if self._is_own(placed) or (is_old and moved == placed):
            return placed
        return self.place(moved) if self._is_own(moved) or is_old else None

    def place(self, root: str | Path) -> Path:
        """Let the checkpoints lie in `root` itself from now on, and return its absolute path.

        Raises
        ------
        StorageError
            If the directory cannot be made.
        """
        path = Path(root).absolute()
        mark = self._ledger.read(CHECKPOINT_MARK) or uuid.uuid4().hex
        try:
            path.mkdir(parents=True, exist_ok=True)
            _write(path / _OWNER, json.dumps({"mark": mark, "study": self._described()}))
        except OSError as error:
            raise _not_writable(path, error) from error
        self._ledger.write(CHECKPOINT_MARK, mark)
        self._ledger.write(CHECKPOINT_ROOT, str(path))
        self._root = path
        return path

    def place_under(self, directory: str | Path) -> None:
        """Let the checkpoints lie in a directory of the study's own, under `directory`.

        A study that has one already keeps its name, so that it can be moved.
        """
        placed = self.placed
        name = self._new_name() if placed is None else placed.name
        if self._is_others(Path(directory) / name):
            name = self._new_name()
        self.place(Path(directory) / name)
        if placed is None:
            self._settle()

    def _is_own(self, root: Path) -> bool:
        owner = self._owner_of(root)
        is_ours = owner is not None and owner["mark"] == self._ledger.read(CHECKPOINT_MARK)
        return is_ours and not self._is_others(root)

    def _is_others(self, root: Path) -> bool:
        """Return whether a root belongs to another study that this one is a copy of."""
        owner = self._owner_of(root)
        if owner is None or owner["study"] == self._described():
            return False
        name, file = owner["study"]
        return name != self._ledger.study_name or (file != "" and Path(file).exists())

    def _owner_of(self, root: Path) -> dict[str, Any] | None:
        try:
            owner = json.loads((root / _OWNER).read_text(encoding="utf-8"))
            return {"mark": str(owner["mark"]), "study": [str(part) for part in owner["study"]]}
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def _described(self) -> list[str]:
        """Return what tells this study from a copy: its name, and the file that it is stored in."""
        return [self._ledger.study_name, file_of(self._ledger.storage)]

    def _begin(self) -> Path:
        if isinstance(self._ledger.storage, InMemoryStorage):
            temporary = Path(tempfile.mkdtemp(prefix="bohb-"))
            weakref.finalize(self, shutil.rmtree, temporary, ignore_errors=True)
            return temporary
        placed = self.placed
        if placed is not None and placed.is_dir() and not (placed / _OWNER).exists():
            # The storage may come from somebody else, so what it names is not written to.
            raise StorageError(
                f"the storage names {str(placed)!r} for checkpoints, which this study has not made:"
                f" if it is the right directory, give checkpoint_root={str(placed.parent)!r}"
            )
        self.place(self._default / self._new_name())
        return self._settle()

    def is_seen(self) -> bool:
        """Return whether this process sees the directory that is stored in the study, if one is."""
        return self.placed is None or self.find(self._default) is not None

    def directory_of(self, number: int, marks: LegMarks) -> Path | None:
        """Return the directory of a trial; None if it has none that this process sees."""
        is_in_memory = isinstance(self._ledger.storage, InMemoryStorage)
        root = self._root if is_in_memory else self.find(self._default)
        return None if root is None else find_trial_directory(root, number, marks)

    def remove(self, number: int, marks: LegMarks) -> None:
        """Remove the directory of a trial, if it has one."""
        directory = self.directory_of(number, marks)
        if directory is not None:
            shutil.rmtree(directory, ignore_errors=True)
            with contextlib.suppress(OSError):
                _mark_file(directory).unlink(missing_ok=True)

    def look_again(self) -> None:
        """Take the directory that is stored in the study, which another process may have made."""
        if not isinstance(self._ledger.storage, InMemoryStorage):
            with self._lock:
                self._root = None

    def _settle(self) -> Path:
        """Agree with processes that began at the same moment: the directory noted last holds."""
        own = self._root
        if not isinstance(self._ledger.storage, InMemoryStorage):
            time.sleep(_SETTLING_SECONDS)
        found = self.placed
        if own is None or found is None or found == own or not self._is_own(found):
            return own or self.place(self._default / self._new_name())
        remove_unused(own)
        self._root = found
        return found

    def _new_name(self) -> str:
        # The name alone is not enough: a deleted study of the same name may have left checkpoints.
        name = urllib.parse.quote(self._ledger.study_name, safe=" ")[:_LONGEST_NAME]
        return f"{name}-{uuid.uuid4().hex[:8]}"

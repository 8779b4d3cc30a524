"""The mailbox: files by which a study and its legs in other processes hear of each other.

The files help where both see the same file system, but nothing depends on them: the result of a leg
also holds all that the leg has done, and a leg that sees no files goes on to its end.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import time
import uuid
import zlib
from pathlib import Path
from typing import Any, TypeAlias

from optuna.distributions import distribution_to_json, json_to_distribution

from bohb.machine import machine_name, process_exists
from bohb.store.checkpoints import remove_unused

# One thing that a leg has written about its trial: a word for its kind, then key, value and so on.
Write: TypeAlias = tuple[Any, ...]

_POLL_SECONDS = 0.25


class Mailbox:
    """A directory of one call of `optimize`, by which the study speaks to its legs.

    As long as the file ``go`` is there the legs go on. Each leg appends what it has done to a file
    of its own, so that this is kept if the leg does not come back.
    """

    def __init__(self, root: Path, study_name: str) -> None:
        prefix = f"legs-{zlib.crc32(study_name.encode()):08x}-"
        here = f"{zlib.crc32(machine_name().encode()):08x}"
        for stale in root.glob(f"{prefix}{here}-*"):
            # A killed process has left it, and its legs must end. Others may work on the study too.
            if not process_exists(_pid_in(stale.name)):
                shutil.rmtree(stale, ignore_errors=True)
        self._root = root
        self.directory = root / f"{prefix}{here}-{os.getpid()}-{uuid.uuid4().hex[:8]}"
        with contextlib.suppress(OSError):  # without the directory, legs just go on to their end
            self.directory.mkdir(mode=0o700)
            (self.directory / "go").touch()

    def stop(self) -> None:
        """Let the legs end at their next report."""
        with contextlib.suppress(OSError):
            (self.directory / "go").unlink()

    def take(self, name: str) -> list[Write]:
        """Return what the leg of this name has written, and forget it."""
        writes: list[Write] = []
        with contextlib.suppress(OSError):
            for line in (self.directory / name).read_bytes().splitlines():
                write = _decoded(line)
                if write is None:  # a line that was cut short, or that no leg has written
                    break
                writes.append(write)
        self.forget(name)
        return writes

    def forget(self, name: str) -> None:
        """Forget what the leg of this name has written: its result has the same."""
        with contextlib.suppress(OSError):
            (self.directory / name).unlink()

    def close(self) -> None:
        """Remove the directory, and the root that it is in if that has nothing else."""
        shutil.rmtree(self.directory, ignore_errors=True)
        remove_unused(self._root)


def _encoded(write: Write) -> bytes | None:
    """Return a write as a line of JSON; None if JSON cannot hold it, as only a result can then."""
    kind, key, value, *more = write
    try:
        if kind == "param":
            text = distribution_to_json(more[0])
            if json_to_distribution(text) != more[0]:
                return None
            more = [text]
        return json.dumps([kind, key, value, *more]).encode()
    except (TypeError, ValueError):
        return None


def _decoded(line: bytes) -> Write | None:
    """Return the write in a line; None if it is none."""
    try:
        kind, key, value, *more = json.loads(line)
        if kind == "param" and isinstance(key, str):
            return kind, key, float(value), json_to_distribution(*more)
        if kind == "value" and type(key) is int and not more:
            return kind, key, float(value)
        is_attribute = kind in ("user_attr", "system_attr") and isinstance(key, str) and not more
        return (kind, key, value) if is_attribute else None
    except (ValueError, ArithmeticError, TypeError, LookupError, AttributeError, RecursionError):
        return None


def _pid_in(name: str) -> int:
    pid = name.split("-")[-2]
    return int(pid) if pid.isdigit() else -1


class MailboxEnd:
    """The end of a mailbox that a leg holds.

    Attributes
    ----------
    writes
        All that the leg has written, in order.
    """

    def __init__(self, directory: Path, name: str, seconds_left: float | None) -> None:
        self.writes: list[Write] = []
        self._go = directory / "go"
        self._path = directory / name
        # On a machine that does not see the directory, a missing file ``go`` means nothing.
        self._is_seen = directory.exists()
        self._deadline = None if seconds_left is None else time.monotonic() + seconds_left
        self._next_look = 0.0
        self._is_stopped = False

    def write(self, write: Write) -> None:
        """Keep one thing that the leg has done, here and in its file."""
        self.writes.append(write)
        line = _encoded(write) if self._is_seen else None
        if line is not None:
            with contextlib.suppress(OSError), self._path.open("ab") as file:
                file.write(line + b"\n")

    def is_stopping(self) -> bool:
        """Return whether the study has told its legs to end, or its time is over."""
        now = time.monotonic()
        if self._deadline is not None and now >= self._deadline:
            return True
        if self._is_seen and not self._is_stopped and now >= self._next_look:
            self._next_look = now + _POLL_SECONDS
            self._is_stopped = not self._go.exists()
        return self._is_stopped

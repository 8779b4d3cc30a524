"""One process at a time moves a study forward, and a dead one is succeeded."""

from __future__ import annotations

import contextlib
import datetime
import os
import socket
import threading
import time
import uuid
import weakref
from pathlib import Path
from typing import TYPE_CHECKING, Any

from optuna.storages import InMemoryStorage

from bohb.errors import StorageError, StudyOwnedError
from bohb.study.ledger import OWNER, Ledger, ledger_of

if TYPE_CHECKING:
    from bohb.study.study import Study

BEAT_SECONDS = 10.0
SILENCE_SECONDS = 60.0  # an owner that was silent for so long is dead
_SETTLING_SECONDS = 0.05  # the time in which two claims at once become visible to both

# The tokens of the owners that are inside `optimize` in this process.
_at_work: set[str] = set()
_claiming = threading.Lock()  # claims of one process are made one after another


class Ownership:
    """The right to move one study forward.

    It is written into the study's attributes, with a beat every ten seconds. A claim is
    refused while another owner lives: on the same machine as long as its process exists and
    beats, on another one as long as it beats.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._become_new()
        self._ledger = ledger
        self._local = isinstance(ledger.storage, InMemoryStorage)
        self._since = datetime.datetime.now().astimezone().isoformat(timespec="seconds")
        self._ended = threading.Event()
        self._end = weakref.finalize(self, self._ended.set)
        self.is_lost = False
        self._lock = threading.Lock()  # a late beat must not undo a release

    def claim(self, *, for_work: bool = False) -> bool:
        """Become the owner, and return whether nobody else was since this one last was.

        Parameters
        ----------
        for_work
            Whether it is inside `optimize` from now on, until `leave_work`.

        Raises
        ------
        StudyOwnedError
            If another owner lives; it is named.
        """
        with _claiming:
            if self._pid != os.getpid():
                self._become_new()  # a fork must not act in its parent's name
            unbroken = self._claim()
            if for_work:
                _at_work.add(self.token)
            return unbroken

    def _claim(self) -> bool:
        found = self._ledger.read(OWNER)
        self._refuse_if_alive(found)
        unbroken = found is None or found["token"] == self.token
        self._write()
        if not self._local:
            time.sleep(_SETTLING_SECONDS)
            self._refuse_if_alive(self._ledger.read(OWNER))
            if not self.held:
                self._start_beating()
        self._is_held = True
        self.is_lost = False
        return unbroken

    def check(self) -> None:
        """Raise StudyOwnedError if another owner has taken over."""
        found = self._ledger.read(OWNER)
        if found is not None and found["token"] != self.token:
            self._is_held = False
            self.is_lost = True
            raise StudyOwnedError(_refusal(self._ledger.study_name, found))

    def raise_if_lost(self) -> None:
        """Raise StudyOwnedError if a beat has found another owner."""
        if self.is_lost:
            self.check()

    def release(self) -> None:
        """Let others become the owner."""
        with self._lock:
            self._end()
            self._is_held = False
            found = self._ledger.read(OWNER)
            if found is None or found["token"] == self.token:  # it may have been taken over
                self._write(released=True)

    def beat(self, ended: threading.Event) -> None:
        """Show that this owner lives, unless it has `ended`."""
        with self._lock:
            if not ended.is_set():
                self.check()
                self._write()

    @property
    def held(self) -> bool:
        """Whether this process has claimed the study and not released it."""
        return self._is_held and self._pid == os.getpid()

    def leave_work(self) -> None:
        """Note that this owner is no longer inside `optimize`."""
        _at_work.discard(self.token)

    def _become_new(self) -> None:
        self.token = uuid.uuid4().hex
        self._pid = os.getpid()
        self._is_held = False

    def _refuse_if_alive(self, found: dict[str, Any] | None) -> None:
        if found is not None and found["token"] != self.token and _is_alive(found):
            raise StudyOwnedError(_refusal(self._ledger.study_name, found))

    def _write(self, *, released: bool = False) -> None:
        self._ledger.write(
            OWNER,
            {
                "token": self.token,
                "host": socket.gethostname(),
                "machine": machine(),
                "pid": os.getpid(),
                "since": self._since,
                "beat": time.time(),
                "released": released,
            },
        )

    def _start_beating(self) -> None:
        self._ended = threading.Event()
        self._end = weakref.finalize(self, self._ended.set)
        thread = threading.Thread(
            target=_beat, args=(weakref.ref(self), self._ended), name="bohb-beat", daemon=True
        )
        thread.start()


def machine() -> str:
    """Return what names the processes that this one can see: two containers may have one host."""
    parts = [socket.gethostname()]
    with contextlib.suppress(OSError):  # Linux
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text().strip())
        parts.append(os.readlink("/proc/self/ns/pid"))
    return " ".join(parts)


def living_owner(study: Study) -> str | None:
    """Return who optimises a study now, in words; None if nobody does."""
    found = ledger_of(study).read(OWNER)
    return _described(found) if found is not None and _is_alive(found) else None


def _beat(owner: weakref.ref[Ownership], ended: threading.Event) -> None:
    """Beat until `ended` is set or the owner is gone or has lost the study."""
    while not ended.wait(BEAT_SECONDS):
        ownership = owner()
        if ownership is None:
            return
        try:
            ownership.beat(ended)
        except StudyOwnedError:
            return  # the next check of the study's own thread says so
        except StorageError:
            continue  # a storage that is out of reach for a while; the study's writes will tell
        finally:
            del ownership


def _is_alive(found: dict[str, Any]) -> bool:
    if found["released"]:
        return False
    beats = bool(time.time() - found["beat"] < SILENCE_SECONDS)
    if found["machine"] != machine():
        return beats  # its processes cannot be seen from here
    if found["pid"] == os.getpid():
        return found["token"] in _at_work
    return beats and _process_exists(found["pid"])


def _process_exists(pid: int) -> bool:
    if os.name != "posix":
        return True  # elsewhere a signal may end the process: only its beats can tell
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True  # it exists and belongs to another user
    return not _is_zombie(pid)


def _is_zombie(pid: int) -> bool:
    """Return whether a process is dead and only waits for its parent to notice (Linux)."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return status.rpartition(")")[2].split()[0] == "Z"


def _refusal(name: str, found: dict[str, Any]) -> str:
    return (
        f"study {name!r} is being optimised by {_described(found)}. One process at a time moves a "
        "study forward: stop that one, or wait until it ends. A process that has died is succeeded "
        f"at once on the same machine, and after {SILENCE_SECONDS:.0f} seconds from another one."
    )


def _described(found: dict[str, Any]) -> str:
    return f"process {found['pid']} on {found['host']} since {found['since']}"

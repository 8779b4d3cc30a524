"""The lease: the right of one process to move a study forward, which passes on when it dies."""

from __future__ import annotations

import contextlib
import datetime
import gc
import itertools
import math
import os
import socket
import threading
import time
import uuid
import weakref
from typing import Any

from optuna.storages import InMemoryStorage

from bohb.errors import StorageError, StudyOwnedError
from bohb.machine import machine_name, process_exists
from bohb.store.ledger import LEASE, Ledger
from bohb.store.stored_study import StoredStudy, ledger_of

BEAT_SECONDS = 10.0
SILENCE_SECONDS = 60.0  # a holder that has not beaten for so long counts as dead
_SETTLING_SECONDS = 0.05  # after this time each of two simultaneous claims can see the other
_FIRST_PAUSE = 0.25  # seconds until the first beat, which finds a claim that came late
_NOTICING_SECONDS = 1.5
_DOUBTFUL_SECONDS = 3.0  # for so long it is looked before writes whether a claim has come late

# The tokens of the leases of this process whose holders are inside `optimize`, or have trials that
# were asked for and not told yet.
_at_work: set[str] = set()
_claiming = threading.Lock()  # claims of one process are made one after another


class Lease:
    """The right to move one study forward.

    Its holder is noted in the study's attributes, and the time of its last beat is renewed every
    ten seconds. A claim is refused while another holder lives: on the same machine as long as its
    process exists and beats, on another machine as long as it beats.

    Attributes
    ----------
    seconds
        The silence after which its holder counts as dead.
    is_lost
        Whether a beat has found that somebody else holds the lease.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._become_new()
        self.seconds = SILENCE_SECONDS
        self._taken_at = 0.0
        self._ledger = ledger
        self._is_in_memory = isinstance(ledger.storage, InMemoryStorage)
        self._since = datetime.datetime.now().astimezone().isoformat(timespec="seconds")
        self._ended = threading.Event()
        self._end = weakref.finalize(self, self._ended.set)
        self.is_lost = False
        self._lock = threading.Lock()  # a beat that comes late must not undo a release

    def claim(self, *, for_work: bool = False) -> bool:
        """Take the lease, and return whether nobody else has held it since this process last did.

        Parameters
        ----------
        for_work
            Whether its holder is at work from now on, as by `begin_work`.

        Raises
        ------
        StudyOwnedError
            If another holder lives; the message names it.
        """
        with _claiming:
            if self._pid != os.getpid():
                self._become_new()  # a forked process must not act in its parent's name
            unbroken = self._claim()
            if for_work:
                self.begin_work()
            return unbroken

    def _claim(self) -> bool:
        began = time.monotonic()
        found = self._ledger.read(LEASE)
        self._refuse_if_alive(found)
        unbroken = found is None or found["token"] == self.token
        if not self.held:
            self._taken_at = began
        self._write()
        if not self._is_in_memory:
            # No storage offers "write only if unchanged". Of two processes that write at the same
            # moment the later write stands, so each waits and reads who has it before it goes on.
            # What took longer than the other one waits may have overwritten a lease that is in use:
            # then the other one is given the time to notice it.
            is_late = time.monotonic() - began > _SETTLING_SECONDS
            time.sleep(_NOTICING_SECONDS if is_late else _SETTLING_SECONDS)
            self._refuse_if_alive(self._ledger.read(LEASE))
            if not self.held:
                self._start_beating()
        self._is_held = True
        self.is_lost = False
        return unbroken

    def check(self) -> None:
        """Raise StudyOwnedError if somebody else holds the lease now."""
        found = self._ledger.read_lease()
        if found is not None and found["token"] != self.token:
            self._is_held = False
            self.is_lost = True
            self._ledger.fenced_from = -math.inf  # nothing more is written
            raise StudyOwnedError(_refusal(self._ledger.study_name, found))

    def guard(self) -> None:
        """Raise StudyOwnedError if somebody else may have taken the lease, and has.

        While this process beats, nobody takes it. A process that was stopped for a while, or whose
        storage was away, looks before it writes.
        """
        if self._is_held or self.is_lost:
            with self._lock:
                self.check()
                self._write()

    def resign(self) -> None:
        """Note that this process does not lead any more, and works for whoever does."""
        with self._lock:
            self._is_held = self.is_lost = False
            self._ledger.fenced_from = math.inf

    def release(self) -> None:
        """Let others take the lease. If the storage is away, they can do so after a minute."""
        with self._lock:
            self._end()
            self._is_held = False
            with contextlib.suppress(StorageError):
                found = self._ledger.read_lease()
                if found is None or found["token"] == self.token:  # else somebody has taken it
                    self._write(released=True)

    def beat(self, ended: threading.Event) -> None:
        """Show that the holder lives, unless it has `ended`."""
        with self._lock:
            if not ended.is_set():
                self.check()
                self._write()

    @property
    def held(self) -> bool:
        """Whether this process has claimed the lease and not released it."""
        return self._is_held and self._pid == os.getpid()

    def begin_work(self) -> None:
        """Note that its holder is inside `optimize`, or has asked for trials.

        Until `leave_work`, or until it is gone, nobody else in this process takes the lease.
        """
        _at_work.add(self.token)

    def leave_work(self) -> None:
        """Note that its holder is no longer at work."""
        _at_work.discard(self.token)

    def _become_new(self) -> None:
        self.token = uuid.uuid4().hex
        weakref.finalize(self, _at_work.discard, self.token)
        self._pid = os.getpid()
        self._is_held = False

    def _refuse_if_alive(self, found: dict[str, Any] | None) -> None:
        if found is None or found["token"] == self.token or not _is_alive(found):
            return
        if _is_here(found):
            gc.collect()  # a study that nobody can reach any more may not have been collected yet
            if not _is_alive(found):
                return
        raise StudyOwnedError(_refusal(self._ledger.study_name, found))

    def _write(self, *, released: bool = False) -> None:
        now = time.monotonic()
        self._ledger.write_lease(
            {
                "token": self.token,
                "host": socket.gethostname(),
                "machine": machine_name(),
                "pid": os.getpid(),
                "since": self._since,
                "beat": time.time(),
                "released": released,
                "lease": self.seconds,
            },
        )
        is_new = now - self._taken_at < _DOUBTFUL_SECONDS and not self._is_in_memory
        self._ledger.fenced_from = now + (_FIRST_PAUSE if is_new else self.seconds / 2)

    def _start_beating(self) -> None:
        self._ended = threading.Event()
        self._end = weakref.finalize(self, self._ended.set)
        # The thread knows the lease by a weak reference only, so that it ends with its study.
        thread = threading.Thread(
            target=_beat,
            args=(weakref.ref(self), self._ended, min(BEAT_SECONDS, self.seconds / 6)),
            name="bohb-beat",
            daemon=True,
        )
        thread.start()


def lease_holder(study: StoredStudy) -> str | None:
    """Return who optimises a study now, in words; None if nobody does."""
    found = ledger_of(study).read(LEASE)
    return _described(found) if found is not None and _is_alive(found) else None


def _beat(reference: weakref.ref[Lease], ended: threading.Event, pause: float) -> None:
    """Beat until `ended` is set, or the lease is gone or lost; at last every `pause` seconds."""
    pauses = (min(_FIRST_PAUSE * 2**n, pause) for n in itertools.count())
    while not ended.wait(next(pauses)):
        lease = reference()
        if lease is None:
            return
        try:
            lease.beat(ended)
        except StudyOwnedError:
            return  # the thread that runs `optimize` finds `is_lost` set
        except StorageError:
            continue  # the storage may be back at the next beat; if not, the study's writes fail
        finally:
            del lease  # this thread must not keep the lease alive while it waits


def is_held(found: dict[str, Any] | None) -> bool:
    """Return whether a lease that was read is held by somebody who lives."""
    return found is not None and _is_alive(found)


def _is_alive(found: dict[str, Any]) -> bool:
    if found["released"]:
        return False
    silence = found.get("lease", SILENCE_SECONDS)
    beats = bool(time.time() - found["beat"] < silence)
    if found["machine"] != machine_name():
        return beats  # processes of another machine cannot be seen from here
    if _is_here(found):
        return found["token"] in _at_work
    return beats and process_exists(found["pid"])


def _is_here(found: dict[str, Any]) -> bool:
    """Return whether this process has written a lease."""
    return bool(found["machine"] == machine_name() and found["pid"] == os.getpid())


def _refusal(name: str, found: dict[str, Any]) -> str:
    if _is_here(found):
        return (
            f"study {name!r} is moved forward by another study object of this process, which is "
            "inside optimize or has asked for trials: wait for it, tell its trials by it, or "
            "delete it"
        )
    silence = found.get("lease", SILENCE_SECONDS)
    return (
        f"study {name!r} is being optimised by {_described(found)}. One process at a time moves a "
        "study forward: stop that one, or wait until it ends. A process that has died is succeeded "
        f"at once on the same machine, and after {silence:g} seconds from another one."
    )


def _described(found: dict[str, Any]) -> str:
    return f"process {found['pid']} on {found['host']} since {found['since']}"

"""The process of a command: its start, the lines that it writes, and its end."""

from __future__ import annotations

import codecs
import contextlib
import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

import psutil

from bohb.errors import CommandError
from bohb.machine import machine_name

Stream: TypeAlias = Literal["stdout", "stderr"]

GRACE_SECONDS = 3.0  # between asking a command to end and ending it
_LOOK_SECONDS = 0.05
_LONGEST_LINE = 16_000_000
_CHUNK = 1_000_000
_KILL = getattr(signal, "SIGKILL", signal.SIGTERM)


@dataclass(frozen=True, slots=True)
class Line:
    """A line that a command has written."""

    stream: Stream
    text: str


class Process:
    """A command in a process group of its own.

    It is used as a context manager. At the end of the context the whole group is ended, with
    anything that the command has left running in it. The command writes into two files, so that
    its output is kept even if this process is killed.

    Parameters
    ----------
    arguments
        The program and its arguments. There is no shell.
    environment
        All environment variables of the command; none are inherited.
    stdout, stderr
        The files that the command writes into.
    record
        A file to note the process in, so that it can be ended by `end_orphan` if this process
        is killed.

    Raises
    ------
    CommandError
        If it cannot be started.
    """

    def __init__(
        self,
        arguments: list[str],
        *,
        workdir: Path,
        environment: Mapping[str, str],
        stdout: Path,
        stderr: Path,
        record: Path,
    ) -> None:
        self._record = record
        with stdout.open("wb") as out, stderr.open("wb") as err:
            try:
                self._popen = subprocess.Popen(  # noqa: S603 - its author says what to run
                    arguments,
                    cwd=workdir,
                    env=dict(environment),
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=err,
                    start_new_session=True,
                )
            except (OSError, ValueError) as error:
                raise CommandError(
                    f"{arguments[0]!r} cannot be run in {workdir}: {error}"
                ) from error
        with _counting:
            _living.add(self)
        self._tails: tuple[_Tail, ...] = ()
        try:
            _write_record(record, self._popen.pid)
            self._tails = (_Tail("stdout", stdout), _Tail("stderr", stderr))
        except OSError:
            self.end()
            raise

    def __enter__(self) -> Process:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def lines(self, seconds: float) -> list[Line]:
        """Return the lines written since the last call; wait up to `seconds` for the first."""
        deadline = time.monotonic() + seconds
        while True:
            # Look for the end before reading: what was written before the end is read for sure.
            is_over = self.is_over
            found = [line for tail in self._tails for line in tail.lines(is_last=is_over)]
            if found or is_over or time.monotonic() >= deadline:
                return found
            time.sleep(_LOOK_SECONDS)

    @property
    def is_over(self) -> bool:
        """Whether the command has ended; processes that it has started may still run."""
        return self._popen.poll() is not None

    @property
    def exit_code(self) -> int | None:
        """The exit code; negative for the number of a signal. None while it runs."""
        return self._popen.poll()

    def end(self) -> None:
        """End the process group: ask it to end, and kill it after a few seconds."""
        group = self._popen.pid
        # Processes in sessions of their own get no signal to the group. They can only be found as
        # children of the command, while it runs.
        strays: list[psutil.Process] = []
        if self._popen.poll() is None:
            with contextlib.suppress(psutil.Error):
                strays = psutil.Process(group).children(recursive=True)
            _signal_group(group, signal.SIGTERM)
            deadline = time.monotonic() + GRACE_SECONDS
            while self._is_alive(group) and time.monotonic() < deadline:
                time.sleep(_LOOK_SECONDS)
        self.kill()
        for stray in strays:
            with contextlib.suppress(psutil.Error):  # nearly all have ended with the group
                stray.kill()
        self._popen.wait()
        for tail in self._tails:
            tail.close()
        self._record.unlink(missing_ok=True)
        with _counting:
            _living.discard(self)

    def kill(self) -> None:
        """Kill the process group at once."""
        _signal_group(self._popen.pid, _KILL)

    def _is_alive(self, group: int) -> bool:
        """Return whether any process of the group still runs."""
        is_alive = self._popen.poll() is None  # also reaps the command if it has ended
        return is_alive or (os.name == "posix" and _exists(group))


class _Tail:
    """Reads a file line by line as it grows."""

    def __init__(self, stream: Stream, path: Path) -> None:
        self._stream: Stream = stream
        self._file = path.open("rb")
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._rest = ""

    def lines(self, *, is_last: bool) -> list[Line]:
        """Return the lines since the last call; an unfinished one only if the call `is_last`.

        A carriage return ends a line too, as in the output of progress bars.
        """
        found: list[str] = []
        while chunk := self._file.read(_CHUNK):
            text = self._rest + self._decoder.decode(chunk)
            *whole, self._rest = _lines_of(text)
            found += whole
            if len(self._rest) > _LONGEST_LINE:  # it would fill the memory
                self._rest = ""
        if is_last:
            found.append(self._rest)
            self._rest = ""
        return [Line(self._stream, text) for text in found if text]

    def close(self) -> None:
        self._file.close()


def written_lines(directory: Path, prefix: str = "") -> Iterator[Line]:
    """Yield the lines of all outputs of commands in `directory` whose names begin with `prefix`.

    In each of the two streams the output that was written last comes last: names do not tell, as
    27 is sorted before 3.
    """
    streams: tuple[Stream, ...] = ("stdout", "stderr")
    for stream in streams:
        for path in sorted(directory.glob(f"{prefix}*{stream}"), key=_written):
            text = path.read_bytes().decode("utf-8", errors="replace")
            yield from (Line(stream, line) for line in _lines_of(text) if line)


def _written(path: Path) -> tuple[float, str]:
    return path.stat().st_mtime, path.name


def _lines_of(text: str) -> list[str]:
    """Return the lines of a text. A carriage return ends one too, as after a progress bar."""
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


_living: set[Process] = set()
_counting = threading.Lock()


def kill_all() -> None:
    """Kill all commands at once, because the program is about to end."""
    with _counting:
        living = list(_living)
    for process in living:
        process.kill()


def end_orphan(record: Path) -> bool:
    """End the command that is noted in the file `record`, if it still runs without its parent.

    Returns
    -------
    bool
        Whether such a command was still running.
    """
    try:
        known = json.loads(record.read_text())
        group, begun = int(known["pid"]), float(known["begun"])
        # On another machine the same number belongs to another process.
        is_here = known["machine"] == machine_name()
        parent = int(known.get("parent", 0))
        parent_begun = float(known.get("parent_begun", 0))
    except (OSError, ValueError, KeyError, TypeError):
        record.unlink(missing_ok=True)
        return False
    if is_here and _is_same(parent, parent_begun) and parent != os.getpid():
        return False  # another process that works on the same job waits for it
    # The command itself may have ended while processes that it started go on in its group.
    is_running = is_here and (
        _is_same(group, begun) if psutil.pid_exists(group) else _exists(group)
    )
    if is_running:
        _signal_group(group, _KILL)
        deadline = time.monotonic() + GRACE_SECONDS
        while _exists(group) and time.monotonic() < deadline:
            time.sleep(_LOOK_SECONDS)
    record.unlink(missing_ok=True)
    return is_running


def _is_same(pid: int, begun: float) -> bool:
    """Return whether the process is the one that began at `begun`, as its number may be reused."""
    try:
        return bool(abs(psutil.Process(pid).create_time() - begun) < 1)
    except psutil.Error:
        return False


def _exists(group: int) -> bool:
    """Return whether any process of a group runs; until then its number is not used again."""
    if os.name != "posix":
        return False
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    # A zombie, which has ended but was not reaped by its parent, counts as a member to `killpg`.
    return any(_runs_in(group, process) for process in psutil.process_iter())


def _runs_in(group: int, process: psutil.Process) -> bool:
    try:
        return os.getpgid(process.pid) == group and process.status() != psutil.STATUS_ZOMBIE
    except (OSError, psutil.Error):
        return False


def _signal_group(group: int, number: int) -> None:
    """Send a signal to all processes of a group that still exist."""
    if os.name == "posix":
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group, number)
        return
    with contextlib.suppress(psutil.NoSuchProcess):  # Windows has no such groups
        process = psutil.Process(group)
        for each in (*process.children(recursive=True), process):
            each.terminate()


def _write_record(record: Path, pid: int) -> None:
    with contextlib.suppress(psutil.Error):  # the command may have ended already
        begun = psutil.Process(pid).create_time()
        known = {
            "pid": pid,
            "begun": begun,
            "machine": machine_name(),
            "parent": os.getpid(),
            "parent_begun": psutil.Process().create_time(),
        }
        record.write_text(json.dumps(known))

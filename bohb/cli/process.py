"""A command that runs: what it writes, line by line, and its end."""

from __future__ import annotations

import codecs
import contextlib
import json
import os
import queue
import signal
import subprocess
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Literal, TypeAlias

import psutil

from bohb.errors import CommandError

Stream: TypeAlias = Literal["stdout", "stderr"]

GRACE_SECONDS = 3.0  # between asking a command to end and ending it
_LINGER_SECONDS = 1.0
_LONGEST_LINE = 1_000_000
_CHUNK = 65536


@dataclass(frozen=True, slots=True)
class Line:
    """A line that a command has written."""

    stream: Stream
    text: str


class Process:
    """A command in a process group of its own.

    Used as a context manager; with its end the group ends, whatever the command has left running
    in it. What it writes is copied to two files as it comes.

    Parameters
    ----------
    arguments
        The program and its arguments. There is no shell.
    environment
        All environment variables.
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
        self._lines: queue.SimpleQueue[Line | None] = queue.SimpleQueue()
        self._n_open = 2
        self._ended: float | None = None
        try:
            self._popen = subprocess.Popen(  # noqa: S603 - what to run is for the job's author
                arguments,
                cwd=workdir,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            raise CommandError(f"{arguments[0]!r} cannot be run in {workdir}: {error}") from error
        _write_record(record, self._popen.pid)
        streams: tuple[tuple[Stream, IO[bytes] | None, Path], ...] = (
            ("stdout", self._popen.stdout, stdout),
            ("stderr", self._popen.stderr, stderr),
        )
        self._readers = [
            threading.Thread(target=self._read, args=each, name="bohb-read", daemon=True)
            for each in streams
        ]
        for reader in self._readers:
            reader.start()

    def __enter__(self) -> Process:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.end()

    def lines(self, seconds: float) -> list[Line]:
        """Return what was written since the last call; waits for something, up to `seconds`."""
        found: list[Line] = []
        deadline = time.monotonic() + seconds
        while True:
            left = deadline - time.monotonic() if not found else 0.0
            try:
                line = self._lines.get(timeout=max(0.0, left))
            except queue.Empty:
                return found
            if line is None:
                self._n_open -= 1
                if not self._n_open:
                    return found
            else:
                found.append(line)

    @property
    def is_over(self) -> bool:
        """Whether the command has ended, and what it wrote was read.

        What it has started may hold its outputs open; that is waited for no longer than a second.
        """
        if self._popen.poll() is None:
            return False
        if self._ended is None:
            self._ended = time.monotonic()
        return not self._n_open or time.monotonic() - self._ended > _LINGER_SECONDS

    @property
    def exit_code(self) -> int | None:
        """The exit code; negative for the number of a signal. None while it runs."""
        return self._popen.poll()

    def end(self) -> None:
        """End the process group: it is asked to, and ended after a few seconds."""
        group = self._popen.pid
        if self._popen.poll() is None:
            _signal_group(group, signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._popen.wait(GRACE_SECONDS)
        _signal_group(group, getattr(signal, "SIGKILL", signal.SIGTERM))
        self._popen.wait()
        for reader in self._readers:
            reader.join(timeout=1)
        self._record.unlink(missing_ok=True)

    def _read(self, stream: Stream, pipe: IO[bytes], path: Path) -> None:
        decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        rest = ""
        with pipe, path.open("wb") as file:
            while chunk := os.read(pipe.fileno(), _CHUNK):
                file.write(chunk)
                file.flush()
                whole, rest = _lines_of(rest + decoder.decode(chunk))
                for text in whole:
                    self._lines.put(Line(stream, text))
        if rest:
            self._lines.put(Line(stream, rest))
        self._lines.put(None)


def _lines_of(text: str) -> tuple[list[str], str]:
    """Return the lines in `text`, and what may go on; progress bars end theirs by a return."""
    *whole, rest = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    if len(rest) > _LONGEST_LINE:
        return [*whole, rest], ""
    return [line for line in whole if line], rest


def _signal_group(group: int, number: int) -> None:
    """Send a signal to all processes of a group that still are."""
    if os.name == "posix":
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group, number)
        return
    with contextlib.suppress(psutil.NoSuchProcess):  # Windows has no such groups
        process = psutil.Process(group)
        for each in (*process.children(recursive=True), process):
            each.terminate()


def end_orphan(record: Path) -> bool:
    """End the command that `record` tells of, if it runs on without its parent.

    Returns
    -------
    bool
        Whether there was one.
    """
    try:
        known = json.loads(record.read_text())
        process = psutil.Process(known["pid"])
        is_same = bool(abs(process.create_time() - known["begun"]) < 1)
    except (OSError, ValueError, KeyError, psutil.Error):
        record.unlink(missing_ok=True)
        return False
    if is_same:
        _signal_group(known["pid"], getattr(signal, "SIGKILL", signal.SIGTERM))
        with contextlib.suppress(psutil.Error):
            process.wait(GRACE_SECONDS)
    record.unlink(missing_ok=True)
    return is_same


def _write_record(record: Path, pid: int) -> None:
    with contextlib.suppress(psutil.Error):  # it is over already
        record.write_text(json.dumps({"pid": pid, "begun": psutil.Process(pid).create_time()}))

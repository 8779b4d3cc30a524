"""The machine on which this process runs, and the other processes that can be seen there."""

from __future__ import annotations

import contextlib
import os
import socket
from pathlib import Path


def machine_name() -> str:
    """Return a name that two processes share only if they can see each other.

    The host name alone is not enough: two containers may have the same one.
    """
    parts = [socket.gethostname()]
    with contextlib.suppress(OSError):  # these two files exist on Linux only
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text().strip())
        parts.append(os.readlink("/proc/self/ns/pid"))
    return " ".join(parts)


def process_exists(pid: int) -> bool:
    """Return whether a process of this machine runs; True where that cannot be found out."""
    if os.name != "posix":
        return True  # on Windows the signal that asks would end the process
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True  # it exists and belongs to another user
    return not is_zombie(pid)


def is_zombie(pid: int) -> bool:
    """Return whether a process has died and only waits for its parent to notice (Linux)."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return status.rpartition(")")[2].split()[0] == "Z"

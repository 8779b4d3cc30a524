"""The opening of storages: memory, a database, a journal file, or a storage of Optuna."""

from __future__ import annotations

import json
import logging
import os
import re
import urllib.parse
from pathlib import Path

import optuna
from optuna.storages import BaseStorage, JournalStorage
from optuna.storages.journal import JournalFileBackend, JournalFileSymlinkLock

from bohb.errors import ArgumentError, ArgumentTypeError, StorageError

# A process that is killed while it writes leaves the lock of its journal behind. A living writer
# holds the lock for milliseconds, so one that is seconds old belongs to nobody.
_LOCK_GRACE_SECONDS = 3

# Databases say this of a table or a row that another process has made since they looked.
_MADE_BY_ANOTHER = re.compile("already exists|unique constraint|duplicate", re.IGNORECASE)
_MOST_ATTEMPTS = 30

_UNANNOUNCED = "bohb: "


def unannounced(name: str) -> str:
    """Return `name`, marked as that of a study in memory which no user has asked for.

    Optuna logs each study that is created. A study with such a name is not logged.
    """
    return _UNANNOUNCED + name


logging.getLogger("optuna.storages._in_memory").addFilter(
    lambda record: f"name: {_UNANNOUNCED}" not in record.getMessage()
)


# A field of a query with its value; in the query of ODBC both are encoded once more.
_SECRET = re.compile(
    r"((?:[?&;]|%3B)(?:(?!%3B|%3D)[^=&;])*(?:pass|pwd|secret|token)(?:(?!%3B|%3D)[^=&;])*(?:=|%3D))"
    r"((?:(?!%3B)[^&;\s])+)",
    re.IGNORECASE,
)
_SHORTEST_SECRET = 3  # characters: a shorter text stands in too many words to be taken out


def without_password(url: str) -> str:
    """Return the URL of a database as it may be shown: without passwords, wherever it has them.

    Examples
    --------
    >>> without_password("mysql://me:se/cret@host/db"), without_password("redis://h?password=x")
    ('mysql://me:***@host/db', 'redis://h?password=***')
    """
    for password in _passwords_of(url):
        url = url.replace(f":{password}@", ":***@", 1)
    return _SECRET.sub(r"\1***", url)


def without_secrets(text: str, storage: str | Path | BaseStorage | None) -> str:
    """Return a text about a storage, such as an error of its driver, without its passwords."""
    if isinstance(storage, BaseStorage):
        inner = getattr(storage, "_backend", storage)
        storage = str(getattr(inner, "url", getattr(inner, "_url", "")))
    url = str(storage or "")
    secrets = [*_passwords_of(url), *(match.group(2) for match in _SECRET.finditer(url))]
    for secret in secrets:
        # A driver may have taken a part of a password for the port.
        for form in (secret, urllib.parse.unquote_plus(secret), *re.split("[@:/]", secret)):
            if len(form) >= _SHORTEST_SECRET:
                text = text.replace(form, "***")
    return without_password(text)


def _passwords_of(url: str) -> list[str]:
    """Return the password before the host of a URL, as it stands there, if there is one."""
    if "@" not in url:
        return []
    import sqlalchemy  # takes long to import, and few storages have passwords

    try:
        is_known = sqlalchemy.make_url(url).password is not None
        match = re.search(r"//[^:/@]*:(.*)@", url) if is_known else None  # it may have an @ in it
    except (sqlalchemy.exc.ArgumentError, ValueError):
        # A URL with a mistake, or without its scheme, may have a password all the same.
        match = re.search(r"(?:^(?=[^:/@\s]+:(?!/))|//|:/{0,2})[^:/@]*:(.+)@", url)
    return [match.group(1)] if match else []


def open_storage(storage: str | Path | BaseStorage | None) -> BaseStorage:
    """Return the storage that is meant: memory, a database, a journal, or one of Optuna's.

    Raises
    ------
    ArgumentError
        If it is none of these.
    StorageError
        If it cannot be opened, or is a journal with a line that is no entry.
    """
    if storage is not None and not isinstance(storage, (str, Path, BaseStorage)):
        raise ArgumentTypeError(
            "storage must be None, a database URL, a pathlib.Path or a storage of Optuna, got "
            f"{without_password(repr(storage))}"
        )
    if isinstance(storage, str) and "://" not in storage:
        raise ArgumentError(
            'storage must be a database URL such as "sqlite:///study.db", or a pathlib.Path for a '
            f"journal, got {without_password(storage)!r}"
        )
    try:
        if isinstance(storage, Path):
            return _journal(storage.absolute())  # the program may change its directory
        return _opened(storage)
    except StorageError:
        raise
    except Exception as error:  # what a database driver raises is not known here
        raise StorageError(
            f"could not open storage={without_password(str(storage))!r}: {type(error).__name__}: "
            f"{without_secrets(str(error).partition(chr(10))[0], storage)}"
        ) from error


def _opened(storage: str | BaseStorage | None) -> BaseStorage:
    """Open a storage, even while other processes are making its tables.

    Two processes that open a new database at once both make its tables, and one of them fails at
    each. Every failed attempt gets at least one table further than the attempt before it, so no
    more attempts are needed than a new database has tables and rows.
    """
    for _ in range(_MOST_ATTEMPTS):
        try:
            return optuna.storages.get_storage(storage)
        except Exception as error:  # each driver has exceptions of its own
            if not _MADE_BY_ANOTHER.search(str(error)):
                raise
    return optuna.storages.get_storage(storage)


def is_of_one_thread(storage: BaseStorage) -> bool:
    """Return whether only the thread that opened a storage finds anything in it.

    SQLite gives each connection a database in memory of its own, and each thread has one.
    """
    url = str(getattr(getattr(storage, "_backend", storage), "url", ""))
    return url.startswith("sqlite:") and file_of(storage) == ""


def file_of(storage: BaseStorage) -> str:
    """Return the file that a storage keeps everything in; an empty string if there is none."""
    backend = getattr(storage, "_backend", storage)  # Optuna caches what databases hold
    if isinstance(storage, JournalStorage):
        return str(getattr(backend, "_file_path", ""))
    url = str(getattr(backend, "url", ""))
    path = url.removeprefix("sqlite:///").partition("?")[0]
    is_file = url.startswith("sqlite:///") and path not in ("", ":memory:")
    return str(Path(path).absolute()) if is_file else ""


def shown_storage(storage: BaseStorage) -> str:
    """Return what a storage may be called: its file, its URL without passwords, or its kind."""
    url = str(getattr(getattr(storage, "_backend", storage), "url", ""))
    return file_of(storage) or without_password(url) or type(storage).__name__


def exists(storage: str | Path | BaseStorage | None) -> bool:
    """Return whether there is such a storage, as far as can be seen without making it."""
    if isinstance(storage, str) and storage.startswith("sqlite:///"):
        path = storage.removeprefix("sqlite:///").partition("?")[0]
        return path in ("", ":memory:") or path.startswith("file:") or Path(path).exists()
    return not isinstance(storage, Path) or storage.exists()


def _journal(path: Path) -> JournalStorage:
    if path.is_dir():
        raise StorageError(f"storage must be a file, got the directory {str(path)!r}")
    if not _begins_as_journal(path):
        raise StorageError(
            f"storage must be a journal, got {str(path)!r}, which is a file of another kind: a "
            "database is named by its URL"
        )
    lock = JournalFileSymlinkLock(str(path), grace_period=_LOCK_GRACE_SECONDS)
    _mend_last_line(path, lock)
    try:
        return JournalStorage(JournalFileBackend(str(path), lock))
    except AssertionError as error:  # Optuna raises it for an operation that it does not know
        raise StorageError(
            f"the journal {str(path)!r} has an entry of a kind that Optuna {optuna.__version__} "
            "does not know: it may have been written with another version"
        ) from error
    except (ValueError, KeyError, TypeError) as error:  # Optuna raises these for a broken line
        raise StorageError(
            f"the journal {str(path)!r} cannot be read: line {_broken_line(path)} is not a JSON "
            "object of its own. Take it out with an editor; what stands in the other lines is kept."
        ) from error


def _begins_as_journal(path: Path) -> bool:
    """Return whether the first line is an entry, or may be the beginning of one."""
    if not path.is_file():
        return not path.exists()
    with path.open("rb") as file:
        line = file.readline()
    if line.endswith(b"\n"):
        return _is_entry(line)
    return line[:1] in (b"", b"{")  # an entry that was not written to its end


def _mend_last_line(path: Path, lock: JournalFileSymlinkLock) -> None:
    """Cut off a last line that was not written to its end, or end it if only that was missing.

    The next entry would be appended to the broken line otherwise, and both would be lost. A line
    that is whole but has no end may come from an editor.
    """
    if _ends_whole(path):
        return
    lock.acquire()  # another process may be writing this very line
    try:
        last = _last_line(path)
        if not _is_whole(last):
            begin = path.stat().st_size - len(last)
            with path.open("r+b") as file:
                if _is_entry(last):
                    file.seek(0, os.SEEK_END)
                    file.write(b"\n")
                elif begin:  # a file that is no journal at all is left as it is
                    file.truncate(begin)
    finally:
        lock.release()


def _ends_whole(path: Path) -> bool:
    return not path.exists() or _is_whole(_last_line(path))


def _is_whole(line: bytes) -> bool:
    return not line or (line.endswith(b"\n") and _is_entry(line))


def _last_line(path: Path) -> bytes:
    """Return the last line of a file, with its end if it has one."""
    size, length = path.stat().st_size, 1 << 16
    with path.open("rb") as file:
        while True:
            begin = max(0, size - length)
            file.seek(begin)
            tail = file.read()
            start = tail.rfind(b"\n", 0, -1) + 1
            if start or begin == 0:
                return tail[start:]
            length *= 2


def _broken_line(path: Path) -> int:
    """Return the number of the first line of a journal that is no entry."""
    lines = path.read_bytes().splitlines()
    return next((n for n, line in enumerate(lines, start=1) if not _is_entry(line)), 1)


def _is_entry(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False

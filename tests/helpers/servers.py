"""Database servers of a test's own, which it begins on a free port of this machine and stops."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest
import sqlalchemy

_SECONDS = 60  # until a server answers


def _free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def _program(*names):
    """Return the first program of these names, also where Debian keeps it; skip without one."""
    places = [os.environ.get("PATH", ""), "/usr/sbin"]
    places += [str(path) for path in sorted(Path("/usr/lib/postgresql").glob("*/bin"))]
    for name in names:
        found = shutil.which(name, path=os.pathsep.join(places))
        if found:
            return found
    return pytest.skip(f"{names[0]} is not installed")


class Server:
    """One database server in a directory of its own.

    Servers refuse to run for root, so that they run for another user there.
    """

    user: str  # of the operating system, where the tests run for root
    driver: str

    def __init__(self, directory):
        pytest.importorskip(self.driver)
        self.directory = directory
        self.port = _free_port()
        self.process = None
        self.directory.mkdir()
        # Servers that begin remove the temporary tables they find: also those of another one.
        self.temporary = self.directory / "tmp"
        self.temporary.mkdir()
        if os.geteuid() == 0:
            try:
                pwd.getpwnam(self.user)
            except KeyError:
                pytest.skip(f"there is no user {self.user}")
            shutil.chown(self.directory, self.user)
            shutil.chown(self.temporary, self.user)
            for parent in self.directory.parents:  # that user must get there
                with contextlib.suppress(PermissionError):
                    parent.chmod(parent.stat().st_mode | 0o011)

    def run(self, *command):
        as_user = {"user": self.user, "group": self.user} if os.geteuid() == 0 else {}
        with (self.directory.parent / "server.log").open("ab") as log:
            return (
                subprocess.Popen(
                    command, cwd=self.directory, stdout=log, stderr=log, extra_groups=[], **as_user
                )
                if as_user
                else subprocess.Popen(command, cwd=self.directory, stdout=log, stderr=log)
            )

    def prepare(self, *command):
        code = self.run(*command).wait(timeout=_SECONDS)
        assert code == 0, (self.directory.parent / "server.log").read_text(errors="replace")

    def begin(self):
        self.process = self.run(*self.command())
        engine = sqlalchemy.create_engine(self.admin_url)
        deadline = time.monotonic() + _SECONDS
        while True:
            try:
                with engine.connect():
                    break
            except sqlalchemy.exc.OperationalError:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    raise
                time.sleep(0.1)
        engine.dispose()

    def stop(self, number=signal.SIGINT):
        if self.process is not None:
            self.process.send_signal(number)
            self.process.wait(timeout=_SECONDS)
            self.process = None


class PostgreSQL(Server):
    """PostgreSQL; SIGINT lets it end at once, and close all connections."""

    user, driver = "postgres", "psycopg"

    def __init__(self, directory):
        super().__init__(directory)
        self.prepare(
            _program("initdb"), "-D", str(directory / "data"), "-A", "trust", "-U", "bohb", "-N"
        )
        self.url = self.admin_url = f"postgresql+psycopg://bohb@127.0.0.1:{self.port}/postgres"

    def command(self):
        options = ("-c", "listen_addresses=127.0.0.1", "-c", "fsync=off", "-k", str(self.directory))
        return (
            _program("postgres"),
            "-D",
            str(self.directory / "data"),
            "-p",
            str(self.port),
            *options,
        )


class MariaDB(Server):
    """MariaDB."""

    user, driver = "mysql", "pymysql"

    def __init__(self, directory):
        super().__init__(directory)
        self.prepare(
            _program("mariadb-install-db", "mysql_install_db"),
            "--no-defaults",
            f"--datadir={directory / 'data'}",
            f"--tmpdir={self.temporary}",
            "--auth-root-authentication-method=normal",
            "--skip-test-db",
        )
        self.admin_url = f"mysql+pymysql://root@127.0.0.1:{self.port}/mysql"
        self.url = f"mysql+pymysql://root@127.0.0.1:{self.port}/studies"

    def command(self):
        return (
            _program("mariadbd", "mysqld"),
            "--no-defaults",
            f"--datadir={self.directory / 'data'}",
            f"--tmpdir={self.temporary}",
            f"--port={self.port}",
            "--bind-address=127.0.0.1",
            f"--socket={self.directory / 's'}",
            f"--pid-file={self.directory / 'pid'}",
        )

    def begin(self):
        super().begin()
        engine = sqlalchemy.create_engine(self.admin_url)
        with engine.begin() as connection:
            connection.execute(sqlalchemy.text("CREATE DATABASE IF NOT EXISTS studies"))
        engine.dispose()


SERVERS = {"postgresql": PostgreSQL, "mariadb": MariaDB}

"""Servers of a test's own, which it begins on a free port of this machine and stops."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import time
import warnings
from pathlib import Path

import optuna
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
    """One server in a directory of its own.

    Most servers refuse to run for root, so that they run for another user there.
    """

    user = None  # of the operating system, where the tests run for root; None for root too
    driver: str  # the module by which it is reached
    end_signal = signal.SIGINT  # by which it ends at once, whoever is connected

    def __init__(self, directory):
        pytest.importorskip(self.driver)
        self.directory = directory
        self.port = _free_port()
        self.process = None
        self.directory.mkdir()
        # Servers that begin remove the temporary tables they find: also those of another one.
        self.temporary = self.directory / "tmp"
        self.temporary.mkdir()
        self.is_other_user = os.geteuid() == 0 and self.user is not None
        if self.is_other_user:
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
        as_user = {"user": self.user, "group": self.user, "extra_groups": []}
        with (self.directory.parent / "server.log").open("ab") as log:
            return subprocess.Popen(
                command,
                cwd=self.directory,
                stdout=log,
                stderr=log,
                **(as_user if self.is_other_user else {}),
            )

    def prepare(self, *command):
        code = self.run(*command).wait(timeout=_SECONDS)
        assert code == 0, self.log()

    def log(self):
        return (self.directory.parent / "server.log").read_text(errors="replace")

    def begin(self):
        self.process = self.run(*self.command())
        deadline = time.monotonic() + _SECONDS
        while not self.answers():
            assert self.process.poll() is None, self.log()
            assert time.monotonic() < deadline, self.log()
            time.sleep(0.1)

    def stop(self, number=None):
        if self.process is not None:
            self.process.send_signal(self.end_signal if number is None else number)
            self.process.wait(timeout=_SECONDS)
            self.process = None


class Database(Server):
    """A server that SQLAlchemy reaches."""

    def answers(self):
        engine = sqlalchemy.create_engine(self.admin_url)
        try:
            with engine.connect():
                return True
        except sqlalchemy.exc.OperationalError:
            return False
        finally:
            engine.dispose()


class PostgreSQL(Database):
    """PostgreSQL."""

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


class MariaDB(Database):
    """MariaDB."""

    user, driver, end_signal = "mysql", "pymysql", signal.SIGKILL

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


class Redis(Server):
    """Redis, which writes everything into a file."""

    user, driver = "redis", "redis"

    def __init__(self, directory):
        super().__init__(directory)
        self.url = f"redis://127.0.0.1:{self.port}/0"

    def command(self):
        options = {"bind": "127.0.0.1", "port": self.port, "appendonly": "yes", "save": ""}
        pairs = [(f"--{name}", str(value)) for name, value in options.items()]
        return (_program("redis-server"), *(word for pair in pairs for word in pair))

    def answers(self):
        import redis

        with contextlib.suppress(redis.exceptions.RedisError):
            return redis.Redis.from_url(self.url).ping()
        return False


class Proxy(Server):
    """Optuna's own server, which gives others its storage, a journal file."""

    driver, end_signal = "grpc", signal.SIGKILL

    def __init__(self, directory):
        super().__init__(directory)
        self.url = f"grpc://127.0.0.1:{self.port}"

    def command(self):
        return sys.executable, __file__, str(self.directory / "study.journal"), str(self.port)

    def answers(self):
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1):
                return True
        except OSError:
            return False


SERVERS = {"postgresql": PostgreSQL, "mariadb": MariaDB, "redis": Redis, "proxy": Proxy}


def storage_at(url):
    """Return what `bohb.create_study` takes for the storage at a URL."""
    from optuna.storages import GrpcStorageProxy, JournalStorage
    from optuna.storages.journal import JournalRedisBackend

    host, _, port = url.partition("://")[2].partition(":")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        if url.startswith("redis://"):
            return JournalStorage(JournalRedisBackend(url))
        if url.startswith("grpc://"):
            return GrpcStorageProxy(host=host, port=int(port))
    return url


if __name__ == "__main__":  # the proxy
    from optuna.storages import JournalStorage, run_grpc_proxy_server
    from optuna.storages.journal import JournalFileBackend

    run_grpc_proxy_server(
        JournalStorage(JournalFileBackend(sys.argv[1])), host="127.0.0.1", port=int(sys.argv[2])
    )

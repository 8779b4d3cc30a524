from __future__ import annotations

import os
import re
import signal

import optuna
import pytest

from bohb.store.patience import Patience

# A shell starts what it runs in the background with Ctrl-C ignored, and some tests press it.
signal.signal(signal.SIGINT, signal.default_int_handler)

# A cluster of Dask looks at itself all the time, and many tests pass while one idles.
os.environ["DASK_DISTRIBUTED__ADMIN__TICK__INTERVAL"] = "500ms"
os.environ["DASK_DISTRIBUTED__ADMIN__SYSTEM_MONITOR__INTERVAL"] = "5s"
os.environ["DASK_DISTRIBUTED__WORKER__MEMORY__MONITOR_INTERVAL"] = "5s"
os.environ["DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED"] = "False"

# A worker that is away when an earlier loss of it is fifteen seconds old would be given up for
# good, and tests kill workers as often as that.
os.environ["DASK_DISTRIBUTED__DEPLOY__LOST_WORKER_TIMEOUT"] = "1h"

# Ray lets its workers wait until nobody else wants the processor.
os.environ["RAY_worker_niceness"] = "0"  # noqa: SIM112 - its name


@pytest.hookimpl(optionalhook=True)  # of pytest-xdist, which need not be there
def pytest_xdist_make_scheduler(config, log):
    """Let one process run all that needs the same workers: they take seconds to begin."""
    from xdist.scheduler import LoadScopeScheduling

    class ByWorkers(LoadScopeScheduling):
        def _split_scope(self, nodeid):
            found = re.search(r"(?<![a-z])(?:dask|ray)(?![a-z])|sklearn/test_running", nodeid)
            return found.group() if found else nodeid

    return ByWorkers(config, log)


def pytest_collection_modifyitems(items):
    """Mark the examples of those executors as slow whose workers are other processes."""
    for item in items:
        if isinstance(item, pytest.DoctestItem) and item.path.parent.name == "executors":
            item.add_marker(pytest.mark.slow)


@pytest.fixture(autouse=True)
def _quiet_optuna():
    optuna.logging.set_verbosity(optuna.logging.WARNING)


@pytest.fixture(autouse=True)
def _storages_fail_at_once(monkeypatch):
    """Let storages that tests break fail at once. Tests of patience set it themselves."""
    monkeypatch.setattr(Patience, "default_seconds", 0.0)


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    """Run each test in a directory of its own: studies write their checkpoints there."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture(params=["memory", "sqlite", "journal"])
def storage(request, tmp_path):
    """A storage of each kind, as a user would name it."""
    if request.param == "memory":
        return None
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/study.db"
    return tmp_path / "study.journal"

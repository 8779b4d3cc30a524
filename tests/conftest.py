from __future__ import annotations

import signal

import optuna
import pytest

# A shell starts what it runs in the background with Ctrl-C ignored, and some tests press it.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def _quiet_optuna():
    optuna.logging.set_verbosity(optuna.logging.WARNING)


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

"""The opening of storages, and what is told of them."""

from __future__ import annotations

import pytest
from studies import study_of

import bohb
from bohb.errors import BohbError
from bohb.store.opening import without_password, without_secrets

URLS = [
    "postgresql://me:HUSH@host/db",
    "postgresql+psycopg2://me:HUSH/HUSH@host:5432/db?sslmode=require",
    "mysql+pymysql://me:HUSH%2fHUSH%40x@host/db",
    "mysql://host/db?user=me&password=HUSH&charset=utf8",
    "postgresql://me:HUSH@host/db?sslpassword=HUSH",
    "redis://:HUSH@host:6379/0",
    # With a mistake: no driver, one slash too few, an @ or a colon that is not quoted.
    "mysql:/me:HUSH@host/db",
    "mysql//me:HUSH@host/db",
    "mysql://me:HU@SH:HUSH@host/db",
    "nothing://me:HUSH@host:port/db",
    "postgresql://me:HU@SH@host/db",
    "me:HUSH@host/db",
    "mssql+pyodbc:///?odbc_connect=Server%3Ddb%3BUID%3Dme%3BPWD%3DHUSH%3BPort%3D1",
]


@pytest.mark.parametrize("url", URLS)
def test_no_password_is_shown(url):
    shown = without_password(url)
    assert "HU" not in shown
    assert "SH" not in shown
    assert "***" in shown
    assert "db" in shown or "redis" in shown


@pytest.mark.parametrize("url", URLS)
def test_no_password_is_in_the_error_of_a_storage_that_cannot_be_opened(url):
    with pytest.raises(BohbError) as caught:
        bohb.create_study(storage=url, study_name="s")
    text = f"{caught.value!r} {caught.value}"
    assert "HUSH" not in text


@pytest.mark.parametrize("url", ["sqlite:///a.db", "x@y.journal", "postgresql://me@host/db"])
def test_what_has_no_password_is_shown_as_it_is(url):
    assert without_password(url) == url


def test_what_a_driver_says_is_told_without_the_password():
    text = "cannot reach postgresql://me:HUSH@host/db as me with HUSH"
    shown = without_secrets(text, "postgresql://me:HUSH@host/db")
    assert shown == "cannot reach postgresql://me:***@host/db as me with ***"


def test_a_study_in_the_memory_of_sqlite_runs_in_one_thread():
    study = study_of(storage="sqlite:///:memory:")
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=5)
    assert len(study.trials) == 5

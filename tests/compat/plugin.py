"""A plugin of pytest: Optuna's own tests make and load studies of `bohb`.

`BOHB_COMPAT` says which: ``plain`` leaves the pruner as the test gives it, and ``brackets`` gives
each study that has none, and one objective, a `HyperbandPruner`.
"""

import contextvars
import functools
import os
from collections import Counter

import optuna
import pytest
from differences import IN_BRACKETS, WITHOUT_BRACKETS

import bohb

_in_brackets = os.environ.get("BOHB_COMPAT") == "brackets"
_differences = IN_BRACKETS if _in_brackets else WITHOUT_BRACKETS
_differed: Counter[str] = Counter()
_inside = contextvars.ContextVar("inside", default=False)  # bohb itself calls what is replaced


def _in_place_of(original, ours):
    @functools.wraps(original)
    def call(*args, **kwargs):
        if _inside.get():
            return original(*args, **kwargs)
        token = _inside.set(True)
        try:
            return ours(*args, **kwargs)
        finally:
            _inside.reset(token)

    return call


def _create_study(**kwargs):
    if _in_brackets and kwargs.get("pruner") is None and not kwargs.get("directions"):
        kwargs["pruner"] = bohb.HyperbandPruner(1, 9)
    return bohb.create_study(**kwargs)


def pytest_configure():
    created = _in_place_of(optuna.create_study, _create_study)
    loaded = _in_place_of(optuna.load_study, bohb.load_study)
    for module in (optuna, optuna.study, optuna.study.study):
        module.create_study, module.load_study = created, loaded


def pytest_collection_modifyitems(items):
    for item in items:
        reason = _differences.get(item.originalname)
        if reason is not None:
            item.add_marker(pytest.mark.xfail(reason=reason, strict=False))


def pytest_runtest_logreport(report):
    if hasattr(report, "wasxfail") and report.skipped:
        _differed[report.nodeid.partition("::")[2].partition("[")[0]] += 1


def pytest_sessionfinish(session):
    if hasattr(session.config, "workerinput"):
        return
    stale = sorted(set(_differences) - set(_differed))
    if stale and session.exitstatus == 0 and session.config.option.keyword == "":
        print(f"\nlisted as different, but all pass: {', '.join(stale)}")
        session.exitstatus = pytest.ExitCode.TESTS_FAILED

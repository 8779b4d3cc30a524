"""Where the messages of the logger go."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow  # each message is that of a process of its own

RUN = """
import bohb
study = bohb.create_study(pruner=bohb.HyperbandPruner(1, 9), sampler=bohb.BOHBSampler(seed=0))
def objective(trial):
    if trial.number == 2: raise ValueError("odd")
    return trial.suggest_float("x", 0, 1) + 1 / trial.resource
study.optimize(objective, n_brackets=1, catch=ValueError)
"""


def stderr_of(before):
    done = subprocess.run(
        [sys.executable, "-c", f"import logging, optuna\n{before}\n{RUN}"],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stderr


@pytest.mark.parametrize(
    ("before", "n_failures", "n_promotions"),
    [
        ("", 1, 0),
        ("logging.getLogger('bohb').setLevel(logging.INFO)", 1, 4),
        ("logging.getLogger('bohb').setLevel(logging.ERROR)", 0, 0),
        ("logging.basicConfig(level=logging.INFO)", 1, 4),
        ("logging.basicConfig(level=logging.WARNING)", 1, 0),
        ("logging.getLogger('bohb').addHandler(logging.NullHandler())", 0, 0),
    ],
)
def test_each_message_comes_once_if_its_level_is_wanted(before, n_failures, n_promotions):
    err = stderr_of(before)
    assert err.count("Trial 2 failed at resource 1") == n_failures
    assert err.count("is promoted from resource") == n_promotions
    assert err.count("Resource 1: trial") == (1 if n_promotions else 0)
    assert err.count("dropped, the best of them with value") == (2 if n_promotions else 0)


@pytest.mark.parametrize(
    ("arguments", "is_hinted"),
    [
        ("", True),
        ("pruner=optuna.pruners.HyperbandPruner()", True),
        ("pruner=bohb.HyperbandPruner(1, 9)", False),
        ("directions=['minimize', 'minimize']", False),
    ],
)
def test_a_study_without_brackets_says_so_once_under_the_verbosity_of_optuna(arguments, is_hinted):
    err = stderr_of(f"import bohb\nbohb.create_study({arguments})")
    assert err.count("has no brackets: they come with bohb.HyperbandPruner") == is_hinted
    quiet = "optuna.logging.set_verbosity(optuna.logging.WARNING)"
    err = stderr_of(f"import bohb\n{quiet}\nbohb.create_study({arguments})")
    assert "has no brackets" not in err

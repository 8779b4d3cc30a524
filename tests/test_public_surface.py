"""The public surface, and what importing it brings along."""

from __future__ import annotations

import subprocess
import sys

import bohb
import bohb.study
from bohb import errors


def test_the_top_of_the_package_hands_on_about_ten_names():
    assert set(bohb.__all__) == {
        "BOHBSampler",
        "BohbError",
        "HyperbandPruner",
        "Plan",
        "Study",
        "SuccessiveHalvingPruner",
        "Trial",
        "TrialPruned",
        "__version__",
        "create_study",
        "load_study",
        "minimize",
    }
    assert all(hasattr(bohb, name) for name in bohb.__all__)


def test_importing_bohb_imports_nothing_heavy():
    program = (
        "import sys, bohb; "
        "print([name for name in ('ConfigSpace', 'statsmodels', 'pandas', 'matplotlib', 'sklearn', "
        "'scipy', 'sqlalchemy') if name in sys.modules])"
    )
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, check=True, text=True
    )
    assert run.stdout.strip() == "[]"


def test_every_error_is_a_bohb_error_and_drawn_in_the_tree():
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type)]
    kinds.append(bohb.study.DuplicateStudyError)
    assert len(kinds) == 21
    for kind in kinds:
        assert issubclass(kind, bohb.BohbError)
        assert kind is bohb.BohbError or kind.__name__ in errors.__doc__

"""Studies: trials that pause and are promoted, in Optuna's storages."""

from bohb.study.create import DuplicateStudyError, create_study, load_study
from bohb.study.minimize import Minimum, minimize
from bohb.study.results import Incumbent
from bohb.study.study import Study
from bohb.study.trial import Trial

__all__ = [
    "DuplicateStudyError",
    "Incumbent",
    "Minimum",
    "Study",
    "Trial",
    "create_study",
    "load_study",
    "minimize",
]

"""Studies: trials that pause and are promoted, in Optuna's storages.

`__all__` has what users import. The other names are for the packages that adapt a study to
something else (the command line, scikit-learn, pictures). Those packages import from here, and
never from the modules inside.
"""

from bohb.objective.leg_state import leg_state_of as leg_state_of
from bohb.objective.trial import Trial
from bohb.store.checkpoints import find_trial_directory as find_trial_directory
from bohb.store.fingerprint import Fingerprint as Fingerprint
from bohb.store.lease import lease_holder as lease_holder
from bohb.store.legs import LegMarks as LegMarks
from bohb.store.opening import shown_storage as shown_storage
from bohb.store.opening import unannounced as unannounced
from bohb.store.opening import without_password as without_password
from bohb.study.advice import Advice
from bohb.study.advice import rank_correlation as rank_correlation
from bohb.study.create import DuplicateStudyError, create_study, load_study
from bohb.study.create import find_study as find_study
from bohb.study.evaluation_records import EvaluationRecord
from bohb.study.evaluation_records import evaluations as evaluations
from bohb.study.explanation import Explanation
from bohb.study.fitting import FittedPlan
from bohb.study.forecast import forecast_of as forecast_of
from bohb.study.interrupts import signals_interrupt
from bohb.study.joining import JoinedProcess as JoinedProcess
from bohb.study.joining import workers_of as workers_of
from bohb.study.limits import Limits as Limits
from bohb.study.lineage import Stretch
from bohb.study.minimize import Minimum, minimize
from bohb.study.results import Incumbent
from bohb.study.results import failure_of as failure_of
from bohb.study.study import Study
from bohb.study.study import checkpoints_of as checkpoints_of
from bohb.study.study import release_objective as release_objective
from bohb.study.study import silence_failures as silence_failures

__all__ = [
    "Advice",
    "DuplicateStudyError",
    "EvaluationRecord",
    "Explanation",
    "FittedPlan",
    "Incumbent",
    "Minimum",
    "Stretch",
    "Study",
    "Trial",
    "create_study",
    "load_study",
    "minimize",
    "signals_interrupt",
]

"""Hyperparameter optimisation: Hyperband's brackets, and a model that learns from all rungs.

Hyperband decides how far each configuration is trained, kernel densities and a Gaussian process
decide which one is tried next (after Falkner, Klein & Hutter 2018), and everything lives in
Optuna's trials and storages.
"""

from optuna import TrialPruned

from bohb import logs
from bohb._version import __version__
from bohb.across_levels import AcrossLevels
from bohb.errors import BohbError
from bohb.hyperband import Plan
from bohb.pruners import HyperbandPruner, PopulationPruner, SuccessiveHalvingPruner
from bohb.samplers import BOHBSampler
from bohb.study import Study, Trial, create_study, load_study, minimize, signals_interrupt

logs.set_up()

__all__ = [
    "AcrossLevels",
    "BOHBSampler",
    "BohbError",
    "HyperbandPruner",
    "Plan",
    "PopulationPruner",
    "Study",
    "SuccessiveHalvingPruner",
    "Trial",
    "TrialPruned",
    "__version__",
    "create_study",
    "load_study",
    "minimize",
    "signals_interrupt",
]

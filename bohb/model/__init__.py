"""The model that decides what is tried next: parameters, observations, densities, proposals.

Pure NumPy and SciPy: it is handed its random numbers and knows neither Optuna nor Hyperband.
"""

from bohb.model.density import Mixture
from bohb.model.observations import Observation, rank_weights, scores, split
from bohb.model.proposer import DensityProposer
from bohb.model.space import Categorical, Numeric, Parameter

__all__ = [
    "Categorical",
    "DensityProposer",
    "Mixture",
    "Numeric",
    "Observation",
    "Parameter",
    "rank_weights",
    "scores",
    "split",
]

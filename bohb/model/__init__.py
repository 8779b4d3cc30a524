"""The model that decides what is tried next: parameters, observations, densities, proposals.

Pure NumPy and SciPy: it is handed its random numbers and knows neither Optuna nor Hyperband.
`bohb.model.density` and `bohb.model.proposer` need SciPy's special functions, which take as long
to import as all of Optuna, so they are not imported here.
"""

from bohb.model.observations import Observation, rank_weights, scores, split
from bohb.model.space import Categorical, Numeric, Parameter

__all__ = [
    "Categorical",
    "Numeric",
    "Observation",
    "Parameter",
    "rank_weights",
    "scores",
    "split",
]

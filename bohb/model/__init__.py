"""The model that decides what is tried next: spaces, observations, and three kinds of proposers.

The model is handed its random numbers and knows neither Optuna nor Hyperband. The modules of the
proposers are not imported here, for SciPy takes as long to import as all of Optuna.
"""

from bohb.model.observations import Observations, Table
from bohb.model.proposer import Proposal, Proposer
from bohb.model.space import Categorical, Numeric, Parameter, Space

__all__ = [
    "Categorical",
    "Numeric",
    "Observations",
    "Parameter",
    "Proposal",
    "Proposer",
    "Space",
    "Table",
]

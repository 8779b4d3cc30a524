"""Searches for scikit-learn: `BOHBSearchCV`, and two with the names and parameters of Dask-ML's."""

from bohb.errors import MissingDependencyError

try:
    import sklearn  # noqa: F401 - it is optional
except ImportError as error:
    raise MissingDependencyError(
        "bohb.sklearn needs scikit-learn: pip install 'bohb[sklearn]'"
    ) from error

from bohb.sklearn.bohb_search import BOHBSearchCV
from bohb.sklearn.hyperband_search import HyperbandSearchCV
from bohb.sklearn.successive_halving_search import SuccessiveHalvingSearchCV

__all__ = ["BOHBSearchCV", "HyperbandSearchCV", "SuccessiveHalvingSearchCV"]

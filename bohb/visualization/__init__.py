"""Pictures of a study that Optuna does not have. Needs matplotlib (``bohb[plot]``).

Optuna's own plots work on a `bohb.Study` as they are: those of `optuna.visualization.matplotlib`,
and those of `optuna.visualization` if plotly is installed.
"""

from bohb.visualization.learning_curves import plot_learning_curves

__all__ = ["plot_learning_curves"]

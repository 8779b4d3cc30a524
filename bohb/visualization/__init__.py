"""Pictures of a study that Optuna does not have. Needs matplotlib (``bohb[plot]``).

`bohb.visualization.plotly` has the same pictures as figures of plotly. Optuna's own plots work on a
`bohb.Study` as they are, but they see the trials at the highest resource only.
"""

from bohb.visualization.brackets import plot_brackets
from bohb.visualization.importances import plot_importances
from bohb.visualization.incumbent import plot_incumbent
from bohb.visualization.lineage import plot_lineage
from bohb.visualization.model import plot_model
from bohb.visualization.parallel_coordinate import plot_parallel_coordinate
from bohb.visualization.rank_correlation import plot_rank_correlation
from bohb.visualization.rungs import plot_rungs
from bohb.visualization.timeline import plot_timeline

# The name of this plot in version 0.1.
plot_learning_curves = plot_rungs

__all__ = [
    "plot_brackets",
    "plot_importances",
    "plot_incumbent",
    "plot_learning_curves",
    "plot_lineage",
    "plot_model",
    "plot_parallel_coordinate",
    "plot_rank_correlation",
    "plot_rungs",
    "plot_timeline",
]

"""
Cheap rungs that mislead
========================

Networks with a high rate look best after one epoch and end worst. Hyperband hedges: its later
brackets start with longer trainings. `study.advice()` says when the lowest rung tells nothing.
"""

import bohb
from bohb import visualization


def objective(trial):
    rate = trial.suggest_float("rate", 1e-3, 1, log=True)
    width = trial.suggest_float("width", 0, 1)
    loss = 1.0
    for _ in range(1, 82):
        # High rates fall quickly, and stop at a level that rises with them.
        loss += rate * (0.3 * rate**0.5 + (width - 0.6) ** 2 - loss)
        yield loss


study = bohb.create_study(sampler=bohb.BOHBSampler(seed=0), pruner=bohb.HyperbandPruner(1, 81))
study.optimize(objective, n_rounds=1)
print(f"best loss {study.best_value:.4f} with {study.best_params}")
for advice in study.advice():
    print(f"{advice.kind}: {advice.text}")

# %%
# One epoch ranks trials in another order than 81 do.

visualization.plot_rank_correlation(study)

"""
A search for scikit-learn
=========================

`BOHBSearchCV` is used like scikit-learn's own searches. The number of trees is the resource:
promoted candidates go on growing, since gradient boosting has `warm_start`.
"""

import warnings

from scipy.stats import loguniform, randint
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import GradientBoostingClassifier

from bohb.sklearn import BOHBSearchCV

X, y = load_breast_cancer(return_X_y=True)
search = BOHBSearchCV(
    GradientBoostingClassifier(random_state=0),
    {
        "learning_rate": loguniform(1e-2, 1),
        "max_depth": randint(1, 6),
        "subsample": loguniform(0.3, 1),
    },
    resource="n_estimators",
    min_resource=2,
    max_resource=54,
    cv=3,
    random_state=0,
)
plan = search.metadata
print(f"{plan['n_models']} candidates, {plan['resource']} trees in all on each fold")
for bracket in plan["brackets"]:
    print(f"  {bracket['n_models']:2} candidates, judged at {bracket['decisions']} trees")

# %%

warnings.simplefilter("ignore")
search.fit(X, y)
print(f"accuracy {search.best_score_:.3f} with {search.best_params_}")

# %%
# What matters most, by what was evaluated at all levels.

from bohb import visualization

visualization.plot_importances(search.study_)

"""
Trees that go on growing: XGBoost
=================================

The resource is the number of trees. Each leg adds trees to the model of the last one.
"""

import xgboost
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split

import bohb
from bohb import visualization

data = load_breast_cancer(return_X_y=True)
train, test, train_labels, test_labels = train_test_split(*data, test_size=0.4, random_state=0)
known, unknown = xgboost.DMatrix(train, train_labels), xgboost.DMatrix(test, test_labels)


def objective(trial):
    params = {
        "objective": "binary:logistic",
        "eta": trial.suggest_float("eta", 1e-2, 1, log=True),
        "max_depth": trial.suggest_int("max_depth", 1, 8),
        "subsample": trial.suggest_float("subsample", 0.3, 1),
        "seed": 0,
        "nthread": 1,
    }
    file = trial.checkpoint_dir / "model.ubj"
    before = xgboost.Booster(model_file=file) if file.exists() else None
    done = 0 if before is None else before.num_boosted_rounds()
    model = before
    if done < trial.resource:
        model = xgboost.train(params, known, trial.resource - done, xgb_model=before)
        model.save_model(file)
    loss = model.eval(unknown)  # "[0]	eval-logloss:0.123"
    return float(loss.rpartition(":")[2])


study = bohb.create_study(sampler=bohb.BOHBSampler(seed=0), pruner=bohb.HyperbandPruner(3, 81))
study.optimize(objective)
print(f"log loss {study.best_value:.4f} with {study.best_params}")

# %%
# How much of the differences in loss each parameter explains.

visualization.plot_importances(study)

"""
A pipeline with three families of models
========================================

Which preprocessing, which model, and its parameters: a space with conditions, declared with
ConfigSpace. The resource is the number of samples, so that any estimator can be tried.
"""

import ConfigSpace as cs
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.svm import SVC

import bohb

data = load_digits(return_X_y=True)
train, test, train_labels, test_labels = train_test_split(*data, test_size=0.4, random_state=0)

space = cs.ConfigurationSpace(seed=0)
scaler = cs.Categorical("scaler", ["none", "standard", "minmax"])
model = cs.Categorical("model", ["svm", "forest", "neighbours"])
C, gamma = cs.Float("C", (1e-3, 1e3), log=True), cs.Float("gamma", (1e-5, 1), log=True)
depth, k = cs.Integer("depth", (2, 20)), cs.Integer("k", (1, 30), log=True)
space.add(scaler, model, C, gamma, depth, k)
for parameter, family in ((C, "svm"), (gamma, "svm"), (depth, "forest"), (k, "neighbours")):
    space.add(cs.EqualsCondition(parameter, model, family))


def error(config, n_samples):
    scalers = {"none": [], "standard": [StandardScaler()], "minmax": [MinMaxScaler()]}
    if config["model"] == "svm":
        last = SVC(C=config["C"], gamma=config["gamma"])
    elif config["model"] == "forest":
        last = RandomForestClassifier(30, max_depth=config["depth"], random_state=0)
    else:
        last = KNeighborsClassifier(config["k"])
    pipeline = make_pipeline(*scalers[config["scaler"]], last)
    return 1 - pipeline.fit(train[:n_samples], train_labels[:n_samples]).score(test, test_labels)


best = bohb.minimize(error, space, min_resource=36, max_resource=972, n_rounds=2, seed=0)
print(f"{best.loss:.1%} wrong with {best.config}")

# %%
# Configurations as lines: the best are dark.

from bohb import visualization

visualization.plot_parallel_coordinate(best.study)

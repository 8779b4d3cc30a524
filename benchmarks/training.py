"""Tasks that are really trained: small enough for a processor, of many kinds, with fixed seeds.

Each function returns a task whose loss is that of a model on data which it has not seen. The seed
of a training is made from its configuration, so that the same configuration trains the same way.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable

import numpy as np
from continued import Config, Continued, digits_data, key_of, seed_of
from tasks import Task

_WORST = 10.0  # for a training that diverges: no loss of these tasks is larger


def training_tasks() -> list[Task]:
    """Return all tasks that can be trained here; the convolutional network needs PyTorch."""
    makers = [
        rings,
        digits_by_epochs,
        digits_by_samples,
        trees_by_trees,
        trees_by_samples,
        logistic_regression,
        nearest_neighbours,
        q_learning,
        pipelines,
        misleading,
    ]
    if importlib.util.find_spec("torch") is not None:
        makers.append(convolutions)
    return [maker() for maker in makers]


def rings() -> Task:
    """Four rings that overlap, by passes: many networks stay at their first accuracy for long."""
    from sklearn.neural_network import MLPClassifier

    inputs, labels = circles(3000, np.random.default_rng(0))
    train, test = slice(0, 2000), slice(2000, None)
    layers = {"24": (24,), "12 12": (12, 12), "6 x 4": (6,) * 4, "4 x 6": (4,) * 6}
    layers["12 6 3 3"] = (12, 6, 3, 3)

    def suggest(trial):
        return {
            "layers": trial.suggest_categorical("layers", list(layers)),
            "alpha": trial.suggest_float("alpha", 1e-6, 1e-3, log=True),
            "batch_size": trial.suggest_categorical("batch_size", [32, 64, 128, 256, 512]),
            "learning_rate": trial.suggest_categorical(
                "learning_rate", ["constant", "invscaling", "adaptive"]
            ),
            "learning_rate_init": trial.suggest_float("learning_rate_init", 1e-4, 1e-2, log=True),
            "power_t": trial.suggest_float("power_t", 0.1, 0.9),
            "momentum": trial.suggest_float("momentum", 0.0, 1.0),
        }

    def begin(config):
        given = dict(config)
        sizes = layers[given.pop("layers")]
        return MLPClassifier(sizes, solver="sgd", random_state=seed_of(config), **given)

    def advance(model, done, passes):
        for _ in range(done, passes):
            model.partial_fit(inputs[train], labels[train], classes=np.arange(4))
        return model

    def loss(model):
        return 1 - model.score(inputs[test], labels[test])

    return _task("rings", (1, 81), suggest, Continued(begin, advance, loss))


def circles(n_samples: int, rng: np.random.Generator):
    """Return four rings that overlap a little, in two of six dimensions."""
    y = rng.integers(4, size=n_samples)
    angles = rng.uniform(0, 2 * np.pi, size=n_samples)
    radius = 1 + 0.5 * y + rng.normal(scale=0.13, size=n_samples)
    informative = radius[:, None] * np.column_stack([np.cos(angles), np.sin(angles)])
    return np.column_stack([informative, rng.normal(size=(n_samples, 4))]), y


def digits_by_epochs() -> Task:
    """A neural network on the digits of scikit-learn, by epochs."""
    from sklearn.neural_network import MLPClassifier

    train, test, train_labels, test_labels = digits_data(test_size=0.6)

    def suggest(trial):
        return {
            "width": trial.suggest_int("width", 4, 64, log=True),
            "learning_rate": trial.suggest_float("learning_rate", 1e-4, 1e-1, log=True),
            "batch_size": trial.suggest_int("batch_size", 16, 256, log=True),
            "alpha": trial.suggest_float("alpha", 1e-6, 1.0, log=True),
            "momentum": trial.suggest_float("momentum", 0.5, 0.999),
            "activation": trial.suggest_categorical("activation", ["relu", "tanh", "logistic"]),
        }

    def begin(config):
        return MLPClassifier(
            (config["width"],),
            activation=config["activation"],
            alpha=config["alpha"],
            batch_size=config["batch_size"],
            learning_rate_init=config["learning_rate"],
            beta_1=config["momentum"],
            random_state=seed_of(config),
        )

    def advance(model, done, epochs):
        for _ in range(done, epochs):
            model.partial_fit(train, train_labels, classes=np.arange(10))
        return model

    def loss(model):
        return 1 - model.score(test, test_labels)

    return _task("digits by epochs", (1, 27), suggest, Continued(begin, advance, loss))


def digits_by_samples() -> Task:
    """Support vectors on the digits, by samples, as in Falkner et al. 2018, section 5.3."""
    from sklearn.svm import SVC

    train, test, train_labels, test_labels = digits_data(test_size=0.4)

    def suggest(trial):
        return {
            "C": trial.suggest_float("C", 1e-4, 1e4, log=True),
            "gamma": trial.suggest_float("gamma", 1e-5, 1e2, log=True),
        }

    def loss(config, samples):
        model = SVC(**config).fit(train[:samples], train_labels[:samples])
        return 1 - model.score(test, test_labels)

    return _task("support vectors by samples", (36, 972), suggest, _from_start(loss))


def trees_by_trees() -> Task:
    """Gradient boosting on the diabetes data of scikit-learn, by trees."""
    from sklearn.datasets import load_diabetes
    from sklearn.model_selection import train_test_split

    data = load_diabetes(return_X_y=True)
    train, test, train_targets, test_targets = train_test_split(
        *data, test_size=0.5, random_state=0
    )

    def suggest(trial):
        return {
            "learning_rate": trial.suggest_float("learning_rate", 1e-3, 1.0, log=True),
            "max_depth": trial.suggest_int("max_depth", 1, 8),
            "subsample": trial.suggest_float("subsample", 0.2, 1.0),
            "min_samples_leaf": trial.suggest_int("min_samples_leaf", 1, 60, log=True),
            "max_features": trial.suggest_float("max_features", 0.1, 1.0),
            "loss": trial.suggest_categorical("loss", ["squared_error", "absolute_error", "huber"]),
        }

    training = _boosting(train, train_targets, test, test_targets)
    return _task("boosting by trees", (3, 81), suggest, training)


def misleading() -> Task:
    """Boosting of small noisy data, by trees: what is ahead after a few of them overfits later."""
    from sklearn.datasets import make_friedman1

    inputs, targets = make_friedman1(1200, noise=5.0, random_state=0)
    train, test = slice(0, 200), slice(200, None)

    def suggest(trial):
        return {
            "learning_rate": trial.suggest_float("learning_rate", 3e-3, 1.0, log=True),
            "max_depth": trial.suggest_int("max_depth", 1, 6),
            "subsample": trial.suggest_float("subsample", 0.2, 1.0),
            "min_samples_leaf": trial.suggest_int("min_samples_leaf", 1, 40, log=True),
        }

    training = _boosting(inputs[train], targets[train], inputs[test], targets[test])
    return _task("boosting that overfits", (4, 324), suggest, training)


def trees_by_samples() -> Task:
    """Histogram boosting of a regression, by samples."""
    from sklearn.datasets import make_friedman2
    from sklearn.ensemble import HistGradientBoostingRegressor

    inputs, targets = make_friedman2(4500, noise=200.0, random_state=0)
    targets = (targets - targets.mean()) / targets.std()
    rest = inputs[3240:], targets[3240:]

    def suggest(trial):
        return {
            "learning_rate": trial.suggest_float("learning_rate", 1e-2, 1.0, log=True),
            "max_leaf_nodes": trial.suggest_int("max_leaf_nodes", 2, 64, log=True),
            "min_samples_leaf": trial.suggest_int("min_samples_leaf", 1, 100, log=True),
            "l2_regularization": trial.suggest_float("l2_regularization", 1e-4, 1e3, log=True),
            "max_iter": trial.suggest_int("max_iter", 5, 60, log=True),
            "max_bins": trial.suggest_int("max_bins", 4, 255, log=True),
        }

    def loss(config, samples):
        model = HistGradientBoostingRegressor(
            early_stopping=False, random_state=seed_of(config), **config
        )
        return 1 - model.fit(inputs[:samples], targets[:samples]).score(*rest)

    return _task("boosting by samples", (120, 3240), suggest, _from_start(loss))


def logistic_regression() -> Task:
    """Logistic regression by passes of gradient steps, which diverge where they are too long."""
    from sklearn.datasets import make_classification
    from sklearn.linear_model import SGDClassifier
    from sklearn.metrics import log_loss

    inputs, labels = make_classification(
        3000, 30, n_informative=12, n_redundant=8, flip_y=0.05, class_sep=0.7, random_state=0
    )
    inputs = inputs * np.geomspace(0.1, 10, 30)  # as badly scaled as real data
    train, test = slice(0, 1500), slice(1500, None)

    def suggest(trial):
        penalty = trial.suggest_categorical("penalty", ["l2", "l1", "elasticnet"])
        config = {
            "penalty": penalty,
            "alpha": trial.suggest_float("alpha", 1e-7, 1.0, log=True),
            "eta0": trial.suggest_float("eta0", 1e-6, 10.0, log=True),
            "learning_rate": trial.suggest_categorical("learning_rate", ["constant", "invscaling"]),
            "average": trial.suggest_categorical("average", [False, True]),
        }
        if penalty == "elasticnet":
            config["l1_ratio"] = trial.suggest_float("l1_ratio", 0.0, 1.0)
        return config

    def begin(config):
        return SGDClassifier(loss="log_loss", random_state=seed_of(config), **config)

    def advance(model, done, passes):
        for _ in range(done, passes):
            model.partial_fit(inputs[train], labels[train], classes=[0, 1])
        return model

    def loss(model):
        return min(log_loss(labels[test], model.predict_proba(inputs[test])), _WORST)

    return _task("logistic regression", (1, 27), suggest, Continued(begin, advance, loss))


def nearest_neighbours() -> Task:
    """A pipeline with nearest neighbours, by samples."""
    from sklearn.datasets import make_classification
    from sklearn.decomposition import PCA
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import MinMaxScaler, QuantileTransformer, StandardScaler

    inputs, labels = make_classification(
        3600,
        25,
        n_informative=8,
        n_classes=4,
        n_clusters_per_class=2,
        class_sep=1.5,
        random_state=0,
    )
    inputs = inputs * np.random.default_rng(0).lognormal(sigma=1.5, size=25)
    test = inputs[2700:], labels[2700:]
    scalers = {
        "none": lambda: "passthrough",
        "standard": StandardScaler,
        "range": MinMaxScaler,
        "quantile": lambda: QuantileTransformer(n_quantiles=50),
    }

    def suggest(trial):
        return {
            "scaler": trial.suggest_categorical("scaler", list(scalers)),
            "n_components": trial.suggest_int("n_components", 1, 25),
            "whiten": trial.suggest_categorical("whiten", [False, True]),
            "n_neighbors": trial.suggest_int("n_neighbors", 1, 60, log=True),
            "p": trial.suggest_float("p", 1.0, 2.0, step=1.0),
            "weights": trial.suggest_categorical("weights", ["uniform", "distance"]),
        }

    def loss(config, samples):
        config = dict(config)
        steps = [
            scalers[config.pop("scaler")](),
            PCA(config.pop("n_components"), whiten=config.pop("whiten"), random_state=0),
            KNeighborsClassifier(**config),
        ]
        model = make_pipeline(*steps).fit(inputs[:samples], labels[:samples])
        return 1 - model.score(*test)

    return _task("nearest neighbours", (100, 2700), suggest, _from_start(loss))


def q_learning() -> Task:
    """Q-learning of a walk along a cliff with gusts of wind, by episodes: its returns are noisy."""

    def suggest(trial):
        return {
            "alpha": trial.suggest_float("alpha", 1e-3, 1.0, log=True),
            "gamma": trial.suggest_float("gamma", 0.5, 1.0),
            "epsilon": trial.suggest_float("epsilon", 1e-3, 1.0, log=True),
            "decay": trial.suggest_float("decay", 0.9, 1.0),
            "first_value": trial.suggest_float("first_value", -10.0, 10.0),
        }

    def begin(config, seed=None):
        return _Walker(config, seed_of(config) if seed is None else seed)

    def advance(walker, done, episodes):
        for episode in range(done, episodes):
            walker.learn(episode)
        return walker

    def loss(walker):
        return -walker.score(3)

    @_from_start
    def without_noise(config, episodes):
        walkers = [advance(begin(config, seed), 0, episodes) for seed in range(5)]
        return -np.mean([walker.score(20) for walker in walkers])

    training = Continued(begin, advance, loss)
    return Task("q-learning", (10, 270), suggest, training, lambda c: without_noise(c, 270))


class _Walker:
    """Learns to walk from one end of a cliff to the other; a gust may push it one step."""

    def __init__(self, config: Config, seed: int) -> None:
        self.config = config
        self.rng = np.random.default_rng(seed)
        self.values = np.full((4 * 8, 4), float(config["first_value"]))

    def learn(self, episode: int) -> None:
        config = self.config
        self._walk(config["epsilon"] * config["decay"] ** episode, config["alpha"], self.rng)

    def score(self, n_walks: int) -> float:
        """Return the mean return of walks without exploration, in units of the height of a fall."""
        rng = np.random.default_rng(1 + int(self.rng.bit_generator.state["state"]["state"] % 1000))
        return float(np.mean([self._walk(0.0, 0.0, rng) for _ in range(n_walks)])) / 30

    def _walk(self, epsilon: float, alpha: float, rng: np.random.Generator) -> float:
        row, column, total, values = 3, 0, 0.0, self.values
        gamma, chances = self.config["gamma"], rng.random((40, 3))
        for chance, which, gust in chances:
            here = row * 8 + column
            action = int(4 * which) if chance < epsilon else int(values[here].argmax())
            moved = int(4 * which) if gust < 0.1 else action
            row = min(max(row + (0, 1, 0, -1)[moved], 0), 3)
            column = min(max(column + (1, 0, -1, 0)[moved], 0), 7)
            fell = row == 3 and 0 < column < 7
            over = fell or (row == 3 and column == 7)
            reward = -30.0 if fell else -1.0
            total += reward
            if alpha:
                ahead = 0.0 if over else gamma * values[row * 8 + column].max()
                values[here, action] += alpha * (reward + ahead - values[here, action])
            if over:
                break
        return total


def pipelines() -> Task:
    """One of three families of models, each with parameters of its own, by samples."""
    from sklearn.datasets import make_classification
    from sklearn.ensemble import ExtraTreesClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import PolynomialFeatures, StandardScaler
    from sklearn.svm import SVC

    inputs, labels = make_classification(
        2400, 12, n_informative=7, n_clusters_per_class=3, flip_y=0.04, random_state=1
    )
    test = inputs[1350:], labels[1350:]

    def suggest(trial):
        family = trial.suggest_categorical("family", ["support vectors", "trees", "logistic"])
        config = {"family": family}
        if family == "support vectors":
            config["C"] = trial.suggest_float("C", 1e-3, 1e3, log=True)
            config["gamma"] = trial.suggest_float("gamma", 1e-4, 10.0, log=True)
        elif family == "trees":
            config["n_estimators"] = trial.suggest_int("n_estimators", 5, 60, log=True)
            config["max_features"] = trial.suggest_float("max_features", 0.1, 1.0)
            config["min_samples_leaf"] = trial.suggest_int("min_samples_leaf", 1, 50, log=True)
        else:
            config["degree"] = trial.suggest_int("degree", 1, 2)
            config["penalty"] = trial.suggest_float("penalty", 1e-4, 1e3, log=True)
        return config

    def model_of(config):
        own = {name: value for name, value in config.items() if name != "family"}
        if config["family"] == "support vectors":
            return make_pipeline(StandardScaler(), SVC(**own))
        if config["family"] == "trees":
            return ExtraTreesClassifier(random_state=seed_of(config), **own)
        return make_pipeline(
            PolynomialFeatures(own["degree"]),
            StandardScaler(),
            LogisticRegression(C=own["penalty"], max_iter=50),
        )

    def loss(config, samples):
        return 1 - model_of(config).fit(inputs[:samples], labels[:samples]).score(*test)

    return _task("pipelines", (50, 1350), suggest, _from_start(loss))


def convolutions() -> Task:
    """A small LeNet on the digits by epochs, in the space of Li et al. 2018, section 3.3."""
    import torch
    from torch import nn

    torch.set_num_threads(1)
    train, test, train_labels, test_labels = digits_data(test_size=0.6)
    images, shown = (torch.tensor(each.reshape(-1, 1, 8, 8)).float() for each in (train, test))
    labels = torch.tensor(train_labels)

    def suggest(trial):
        k2 = trial.suggest_int("k2", 10, 60)
        return {
            "learning_rate": trial.suggest_float("learning_rate", 1e-3, 1e-1, log=True),
            "batch_size": trial.suggest_int("batch_size", 10, 1000, log=True),
            "k2": k2,
            "k1": trial.suggest_int("k1", 5, k2),
        }

    def begin(config):
        torch.manual_seed(seed_of(config))
        k1, k2 = config["k1"], config["k2"]
        network = nn.Sequential(
            *(nn.Conv2d(1, k1, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.Conv2d(k1, k2, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.Flatten(), nn.Linear(4 * k2, 10)),
        )
        return network, torch.optim.SGD(network.parameters(), config["learning_rate"]), config

    def advance(model, done, epochs):
        network, optimiser, config = model
        for epoch in range(done, epochs):
            order = torch.from_numpy(np.random.default_rng(epoch).permutation(len(images)))
            for batch in order.split(config["batch_size"]):
                optimiser.zero_grad()
                nn.functional.cross_entropy(network(images[batch]), labels[batch]).backward()
                optimiser.step()
        return model

    def loss(model):
        with torch.no_grad():
            return float(np.mean(model[0](shown).argmax(1).numpy() != test_labels))

    return _task("convolutions", (1, 27), suggest, Continued(begin, advance, loss))


def _boosting(train, train_targets, test, test_targets) -> Continued:
    from sklearn.ensemble import GradientBoostingRegressor

    def begin(config):
        return GradientBoostingRegressor(
            n_estimators=1, warm_start=True, random_state=seed_of(config), **config
        )

    def advance(model, done, n_trees):
        return model.set_params(n_estimators=n_trees).fit(train, train_targets)

    def loss(model):
        return min(1 - model.score(test, test_targets), _WORST)

    return Continued(begin, advance, loss)


def _task(name: str, resources: tuple[int, int], suggest: Callable, training: Callable) -> Task:
    """Return a task whose score is the loss that is observed at the highest resource."""
    return Task(name, resources, suggest, training, lambda config: training(config, resources[1]))


def _from_start(loss: Callable[[Config, int], float]) -> Callable[[Config, float], float]:
    """Return the losses of models that are trained on so many samples, each of them kept."""
    known: dict[tuple[str, int], float] = {}

    def kept(config: Config, resource: float) -> float:
        key = key_of(config), round(resource)
        if key not in known:
            known[key] = float(loss(config, key[1]))
        return known[key]

    return kept

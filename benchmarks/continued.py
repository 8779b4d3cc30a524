"""What tasks of real training share: training that goes on, its seeds, and a network on digits."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Any

import numpy as np

Config = dict[str, Any]


def key_of(config: Config) -> str:
    """Return a text that is the same for equal configurations."""
    return repr(sorted(config.items()))


def seed_of(config: Config) -> int:
    """Return a seed, so that the same configuration trains the same way each time."""
    return zlib.crc32(key_of(config).encode())


class Continued:
    """What `judge` says of models whose training goes on from where it stood.

    Parameters
    ----------
    begin
        Returns the model of a configuration, untrained.
    advance
        Returns a model that was trained so many units, and is trained up to so many now.
    judge
        Returns what is observed of a model, which is kept.
    """

    def __init__(self, begin: Callable, advance: Callable, judge: Callable) -> None:
        self._begin, self._advance, self._judge = begin, advance, judge
        self._models: dict[str, tuple[int, Any]] = {}
        self._observed: dict[tuple[str, int], Any] = {}

    def __call__(self, config: Config, resource: float) -> Any:
        key, units = key_of(config), round(resource)
        if (key, units) not in self._observed:
            done, model = self._models.pop(key, (0, None))
            if model is None or done > units:
                done, model = 0, self._begin(config)
            model = self._advance(model, done, units)
            self._models[key] = units, model
            self._observed[key, units] = self._judge(model)
        return self._observed[key, units]


def digits_data(test_size: float) -> list[np.ndarray]:
    """Return the digits of scikit-learn, split into inputs and labels to train and to test on."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    inputs, labels = load_digits(return_X_y=True)
    return train_test_split(
        inputs / 16, labels, test_size=test_size, random_state=0, stratify=labels
    )


def suggest_network(trial: Any) -> Config:
    """Return a network of one to three layers, as a trial proposes it."""
    return {
        "width": trial.suggest_int("width", 4, 512, log=True),
        "layers": trial.suggest_int("layers", 1, 3),
        "rate": trial.suggest_float("rate", 1e-4, 1e-1, log=True),
        "batch": trial.suggest_int("batch", 16, 256, log=True),
        "alpha": trial.suggest_float("alpha", 1e-6, 1.0, log=True),
    }


def network_of(config: Config) -> Any:
    """Return the network of a configuration, untrained."""
    from sklearn.neural_network import MLPClassifier

    return MLPClassifier(
        (config["width"],) * config["layers"],
        learning_rate_init=config["rate"],
        batch_size=config["batch"],
        alpha=config["alpha"],
        random_state=seed_of(config),
    )

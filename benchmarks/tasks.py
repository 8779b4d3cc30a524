"""Tasks with known answers: surrogates of real training, and functions with cheap approximations.

The surrogates are the `lcbench` and `rbv2_rpart` scenarios of YAHPO Gym (Pfisterer et al. 2022),
whose data is in the public repository ``slds-lmu/yahpo_data``. The environment variable
``BOHB_YAHPO_DATA`` names the directory that holds the scenarios.
"""

from __future__ import annotations

import functools
import json
import os
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

# By instance: the lowest loss that is known, and the median of random configurations.
LCBENCH = {
    "167168": (0.118927, 0.555929),
    "189873": (0.0454556, 0.993132),
    "3945": (0.00374756, 0.100498),
    "126026": (0.00351563, 0.0696355),
}
RBV2_RPART = {
    "14": (0.199221, 0.427277),
    "40499": (0.115683, 0.315352),
    "41163": (0.263852, 0.505264),
    "1476": (0.112336, 0.286382),
}


@dataclass(frozen=True)
class Task:
    """A function of a configuration and a resource, and what is known of it.

    Attributes
    ----------
    suggest
        Asks a trial for a configuration.
    loss
        What an evaluation observes at a resource.
    true_loss
        The loss without noise at the highest resource.
    best_known, median_random
        The losses that a normalised regret of 0 and of 1 stand for. Without them the score is the
        loss itself.
    """

    name: str
    resources: tuple[float, float]
    suggest: Callable[[Any], dict[str, Any]]
    loss: Callable[[dict[str, Any], float], float]
    true_loss: Callable[[dict[str, Any]], float]
    best_known: float = 0.0
    median_random: float = 1.0

    def score(self, config: dict[str, Any]) -> float:
        """Return the regret of `config`: 0 for the best known, 1 for a median random one."""
        span = self.median_random - self.best_known
        return (self.true_loss(config) - self.best_known) / span


def benchmark_tasks() -> list[Task]:
    """Return the tasks whose optima are known: with the surrogates, if their data is there."""
    directory = os.environ.get("BOHB_YAHPO_DATA")
    analytic = [hartmann("good", 2.5, 2.0), hartmann("bad", 3.5, 4.0), counting_ones(8)]
    if directory is None:
        print("BOHB_YAHPO_DATA is not set: the surrogates are left out")
        return analytic
    root = Path(directory)
    surrogates = [
        *(lcbench(root, instance, *known) for instance, known in LCBENCH.items()),
        *(rbv2_rpart(root, instance, *known) for instance, known in RBV2_RPART.items()),
    ]
    return [*surrogates, *analytic]


def lcbench(root: Path, instance: str, best_known: float, median_random: float) -> Task:
    """Neural networks on tabular data, by epochs."""
    surrogate = _surrogate(root / "lcbench")
    task_id = surrogate.code("OpenML_task_id", instance)

    def suggest(trial):
        return {
            "batch_size": trial.suggest_int("batch_size", 16, 512, log=True),
            "learning_rate": trial.suggest_float("learning_rate", 1e-4, 1e-1, log=True),
            "momentum": trial.suggest_float("momentum", 0.1, 0.99),
            "weight_decay": trial.suggest_float("weight_decay", 1e-5, 1e-1),
            "num_layers": trial.suggest_int("num_layers", 1, 5),
            "max_units": trial.suggest_int("max_units", 64, 1024, log=True),
            "max_dropout": trial.suggest_float("max_dropout", 0.0, 1.0),
        }

    def loss(config, epoch):
        return 1 - surrogate([task_id], [epoch, *config.values()])[1] / 100

    name = f"lcbench-{instance}"
    return Task(name, (1, 52), suggest, loss, lambda c: loss(c, 52), best_known, median_random)


def rbv2_rpart(root: Path, instance: str, best_known: float, median_random: float) -> Task:
    """Decision trees, by the share of the training data."""
    surrogate = _surrogate(root / "rbv2_rpart")
    task_id = surrogate.code("task_id", instance)
    imputers = ["impute.mean", "impute.median", "impute.hist"]

    def suggest(trial):
        return {
            "imputer": trial.suggest_categorical("imputer", imputers),
            "cp": trial.suggest_float("cp", 0.0009118819655545162, 1.0, log=True),
            "maxdepth": trial.suggest_int("maxdepth", 1, 30),
            "minbucket": trial.suggest_int("minbucket", 1, 100),
            "minsplit": trial.suggest_int("minsplit", 1, 100),
        }

    def loss(config, share):
        imputer, *numbers = config.values()
        codes = [task_id, surrogate.code("num.impute.selected.cpo", imputer)]
        return 1 - surrogate(codes, [*numbers, share, 10])[0]

    name = f"rbv2_rpart-{instance}"
    return Task(
        name, (1 / 27, 1.0), suggest, loss, lambda c: loss(c, 1.0), best_known, median_random
    )


@functools.cache
def _surrogate(directory: Path) -> _Surrogate:
    """Return the network of a scenario, which its tasks share."""
    return _Surrogate(directory)


class _Surrogate:
    """One scenario's network: numbers in, predicted results out."""

    def __init__(self, directory: Path) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(str(directory / "model.onnx"), options)
        self._codes = json.loads((directory / "encoding.json").read_text())

    def code(self, name: str, choice: str) -> int:
        return self._codes[name][choice]

    def __call__(self, codes: list[int], numbers: list[float]) -> np.ndarray:
        categories, values = self._session.get_inputs()
        inputs = {
            categories.name: np.array([codes], dtype=np.int32),
            values.name: np.array([numbers], dtype=np.float32),
        }
        return self._session.run(None, inputs)[0][0].astype(float)


_ALPHA = np.array([1.0, 1.2, 3.0, 3.2])
_A = np.array([[3.0, 10, 30], [0.1, 10, 35], [3.0, 10, 30], [0.1, 10, 35]])
_P = 1e-4 * np.array(
    [[3689, 1170, 2673], [4699, 4387, 7470], [1091, 8732, 5547], [381, 5743, 8828]]
)


def hartmann(name: str, bias: float, noise: float) -> Task:
    """Hartmann-3 with a bias and a noise that shrink as z goes to 100 (Kandasamy et al. 2017)."""

    def suggest(trial):
        return {f"x{i}": trial.suggest_float(f"x{i}", 0, 1) for i in range(3)}

    def value(config, z):
        away = 1 - np.log(z) / np.log(100)
        x = np.array(list(config.values()))
        exact = -np.sum((_ALPHA - bias * away) * np.exp(-np.sum(_A * (x - _P) ** 2, axis=1)))
        return exact + noise * away * abs(_fixed_noise(config, z).standard_normal())

    known = {"best_known": -3.86278, "median_random": -0.5524636206507029}
    return Task(f"mfh3-{name}", (3, 100), suggest, value, lambda c: value(c, 100), **known)


def counting_ones(n: int) -> Task:
    """`n` choices and `n` probabilities seen by so many samples (Falkner et al. 2018)."""

    def suggest(trial):
        choices = {f"c{i}": trial.suggest_categorical(f"c{i}", [0, 1]) for i in range(n)}
        return choices | {f"p{i}": trial.suggest_float(f"p{i}", 0, 1) for i in range(n)}

    def value(config, samples):
        generator = _fixed_noise(config, samples)
        ones = sum(config[f"c{i}"] for i in range(n))
        seen = sum(generator.binomial(samples, config[f"p{i}"]) / samples for i in range(n))
        return -(ones + seen) / (2 * n)

    return Task(
        f"countingones-{n}+{n}",
        (9, 729),
        suggest,
        value,
        lambda config: -sum(config.values()) / (2 * n),
        -1.0,
        -0.49988704505688164,
    )


def _fixed_noise(config: dict[str, Any], resource: float) -> np.random.Generator:
    """Return the same stream for the same configuration and resource."""
    return np.random.default_rng(zlib.crc32(repr((sorted(config.items()), resource)).encode()))

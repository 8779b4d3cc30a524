"""The protocol of the comparisons: what a run costs, who its incumbent is, and how it is scored.

- Cost is counted in full evaluations, those at the highest resource. A configuration that is
  evaluated again at a higher resource goes on from where it stood, and costs the difference.
- The incumbent is the configuration of the lowest loss observed at the highest level seen so far.
- Its score is its loss without noise at the highest resource; where the best loss is known, the
  regret: 0 for the best known configuration, 1 for a median random one.
- The score after a cost is that of the incumbent before the evaluation that exceeds the cost.
- All contestants see the same task through the same parameters. A range that depends on another
  parameter is a part of its whole range, and a value beyond it counts as its end; parameters of
  branches that are not taken are ignored.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from tasks import Task, benchmark_tasks
from training import training_tasks

BUDGETS = (1, 2, 3, 5, 10, 20, 50)
TRAINING_BUDGETS = (1, 2, 3, 5, 10, 20)
FAMILIES = ("surrogates", "training")
_ROUNDING = 1 + 1e-9  # sums of shares of a full evaluation have rounding errors


def suite(family: str) -> tuple[list[Task], tuple[int, ...]]:
    """Return the tasks of a family, and the costs after which they are scored."""
    if family == "training":
        return training_tasks(), TRAINING_BUDGETS
    return benchmark_tasks(), BUDGETS


class Recorder:
    """Evaluates configurations of a task, and keeps the score of the incumbent over the cost."""

    def __init__(self, task: Task, moments: tuple[int, ...]) -> None:
        self.task = task
        self.moments = moments
        self.spent = 0.0
        self.best = (0.0, np.inf)  # the highest rung so far, and the lowest loss there
        self.score = np.nan
        self.after: dict[int, float] = {}
        self._reached: dict[str, float] = {}

    @property
    def is_over(self) -> bool:
        return self.spent > self.moments[-1] * _ROUNDING

    def spend(self, previous: float, resource: float) -> None:
        cost = (resource - previous) / self.task.resources[1]
        for moment in self.moments:
            if self.spent <= moment * _ROUNDING < self.spent + cost:
                self.after[moment] = self.score
        self.spent += cost

    def evaluate(self, config: Mapping[str, Any], resource: float) -> float:
        """Return what an evaluation observes."""
        config = dict(config)
        key = repr(sorted(config.items()))
        reached = self._reached.get(key, 0.0)
        self.spend(reached if reached < resource else 0.0, resource)
        self._reached[key] = max(reached, resource)
        loss = self.task.loss(config, resource)
        if (-resource, loss) < (-self.best[0], self.best[1]):
            self.best = (resource, loss)
            self.score = self.task.score(config)
        return loss


@dataclass(frozen=True)
class Parameter:
    """One parameter of a task: a number between two ends, or one of some choices."""

    low: float = 0.0
    high: float = 1.0
    log: bool = False
    is_integer: bool = False
    choices: tuple[Any, ...] = ()

    def draw(self, rng: np.random.Generator) -> Any:
        if self.choices:
            return self.choices[rng.integers(len(self.choices))]
        if self.is_integer and not self.log:
            return int(rng.integers(int(self.low), int(self.high) + 1))
        ends = (self.low, self.high)
        value = np.exp(rng.uniform(*np.log(ends))) if self.log else rng.uniform(*ends)
        return int(np.clip(np.round(value), *ends)) if self.is_integer else float(value)


class _Asked:
    """Answers a task that asks for a configuration, and notes what it has asked for."""

    def __init__(self, values: Mapping[str, Any], rng: np.random.Generator | None = None) -> None:
        self.values = values
        self.rng = rng
        self.parameters: dict[str, Parameter] = {}

    def _answer(self, name: str, parameter: Parameter) -> Any:
        self.parameters[name] = parameter
        if name not in self.values:
            return parameter.draw(self.rng or np.random.default_rng(0))
        value = self.values[name]
        if parameter.choices:
            return next(choice for choice in parameter.choices if choice == value)
        value = min(max(value, parameter.low), parameter.high)
        return int(value) if parameter.is_integer else float(value)

    def suggest_float(self, name, low, high, *, log=False, step=None):
        if step is not None:
            return low + step * self._answer(
                name, Parameter(0, round((high - low) / step), is_integer=True)
            )
        return self._answer(name, Parameter(low, high, log))

    def suggest_int(self, name, low, high, *, log=False):
        return self._answer(name, Parameter(low, high, log, is_integer=True))

    def suggest_categorical(self, name, choices):
        return self._answer(name, Parameter(choices=tuple(choices)))


def parameters_of(task: Task, n_draws: int = 200) -> dict[str, Parameter]:
    """Return all parameters that a task asks for, with the whole range of each."""
    rng, found = np.random.default_rng(0), {}
    for _ in range(n_draws):
        asked = _Asked({}, rng)
        task.suggest(asked)
        for name, parameter in asked.parameters.items():
            known = found.get(name, parameter)
            ends = min(known.low, parameter.low), max(known.high, parameter.high)
            found[name] = replace(parameter, low=ends[0], high=ends[1])
    return found


def config_of(task: Task, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the configuration that a task makes of these values."""
    return task.suggest(_Asked(values))


def rungs_of(task: Task, reduction_factor: float = 3) -> list[float]:
    """Return the levels of resource, lowest first, as Hyperband has them."""
    low, top = task.resources
    levels = [top]
    while levels[0] / reduction_factor >= low * (1 - 1e-9):
        levels.insert(0, levels[0] / reduction_factor)
    return [round(level) for level in levels] if isinstance(low, int) else levels

"""Generators as objectives: their pauses between legs, and their run in a study without legs."""

from __future__ import annotations

import contextlib
import contextvars
import functools
import inspect
import math
import sys
import time
import warnings
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Any

import optuna

from bohb.errors import ObjectiveError
from bohb.history import Value, live_trial
from bohb.hyperband import Resource
from bohb.objective.leg_state import as_number


def is_generator_function(function: Callable[[Any], Any]) -> bool:
    """Return whether an objective is in the generator style, as far as can be seen from outside."""
    function = inspect.unwrap(function)
    while isinstance(function, functools.partial):
        function = inspect.unwrap(function.func)
    if not inspect.isroutine(function):
        function = getattr(function, "__call__", function)  # noqa: B004 - the method itself
    return inspect.isgeneratorfunction(function)


@dataclass
class PausedGenerator:
    """A generator between its legs, and how far it has trained.

    It runs with context variables of its own. What it sets there, by ``np.errstate`` for example,
    neither reaches other trials nor depends on the thread in which it goes on.
    """

    generator: Generator[Any, Any, Any]
    position: Resource = 0
    last_value: Value | None = None
    ended: bool = False
    _context: contextvars.Context = field(default_factory=contextvars.copy_context)

    def train(self) -> Any:
        """Let it train until it yields, and return the value that it yields.

        Raises
        ------
        ObjectiveError
            If it has set a mode of PyTorch that would hold for other trials in this thread, too.
        """
        before = _torch_modes()
        value = self._context.run(next, self.generator)
        for name, mode in _torch_modes().items():
            # If PyTorch was imported only now, its modes had their defaults before.
            was = before.get(name, name == _GRADIENTS)
            if mode != was:
                raise ObjectiveError(
                    f"the generator must not yield where {name} is {mode} and was {was} before: "
                    "other trials are trained in this thread while it waits. Yield outside of the "
                    "with block (of torch.no_grad, inference_mode or autocast)"
                )
        return value

    def close(self) -> None:
        """Close it, unless a thread that was left behind still runs it: that thread closes it."""
        if inspect.getgeneratorstate(self.generator) != inspect.GEN_RUNNING:
            self._context.run(self.generator.close)


_GRADIENTS = "torch.is_grad_enabled()"


def _torch_modes() -> dict[str, bool]:
    """Return the modes of PyTorch in this thread by name; none if PyTorch is not imported."""
    torch: Any = sys.modules.get("torch")
    if not hasattr(torch, "is_autocast_enabled"):
        return {}
    modes = {_GRADIENTS: torch.is_grad_enabled()}
    for device in ("cpu", "cuda"):
        with contextlib.suppress(TypeError):  # PyTorch before 2.4 takes no device
            modes[f"torch.is_autocast_enabled({device!r})"] = torch.is_autocast_enabled(device)
    return modes


def without_legs(function: Callable[[Any], Any], timeout: float | None) -> Callable[[Any], Any]:
    """Return an objective that runs a generator to its end, for a pruner that only stops trials.

    A generator without an end is stopped by the pruner, or when `timeout` seconds are over.
    """
    deadline = math.inf if timeout is None else time.monotonic() + timeout
    if is_generator_function(function) and timeout is None:
        warnings.warn(
            "the study's pruner has no resources, so each generator runs until it ends by itself "
            "or is pruned: give create_study a bohb.HyperbandPruner if it does not end",
            stacklevel=3,
        )

    @functools.wraps(function)
    def objective(trial: optuna.Trial) -> Any:
        result = function(trial)
        if not inspect.isgenerator(result):
            return result
        value, step = None, 0
        try:
            while True:
                yielded, step = next(result), step + 1
                if yielded is None:  # it reports by itself
                    steps = live_trial(trial).intermediate_values
                    value = steps[max(steps)] if steps else None
                else:
                    value = as_number(yielded, "yielded")
                    trial.report(value, step)
                if trial.should_prune() or time.monotonic() > deadline:
                    raise optuna.TrialPruned
        except StopIteration as stop:
            return value if stop.value is None else stop.value
        finally:
            result.close()

    return objective

"""The executors, which run legs: one small port, and its implementations."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from bohb.executors.adapt import executor_for
from bohb.executors.futures import FuturesExecutor
from bohb.executors.local import SerialExecutor, ThreadExecutor
from bohb.executors.port import Executor, Task
from bohb.executors.simulated import SimulatedExecutor

if TYPE_CHECKING:
    from bohb.executors.dask import DaskExecutor as DaskExecutor
    from bohb.executors.joblib import JoblibExecutor as JoblibExecutor
    from bohb.executors.processes import ProcessExecutor
    from bohb.executors.ray import RayExecutor as RayExecutor

# The executors of optional libraries are left out, because `import *` would import these too.
__all__ = [
    "Executor",
    "FuturesExecutor",
    "ProcessExecutor",
    "SerialExecutor",
    "SimulatedExecutor",
    "Task",
    "ThreadExecutor",
    "executor_for",
]

# These need libraries that are optional, or take long to import.
_LATE = {
    "DaskExecutor": "dask",
    "JoblibExecutor": "joblib",
    "ProcessExecutor": "processes",
    "RayExecutor": "ray",
}


def __getattr__(name: str) -> Any:
    if name in _LATE:
        return getattr(importlib.import_module(f"bohb.executors.{_LATE[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

"""Where legs run: one small port, and what stands behind it."""

from bohb.executors.local import SerialExecutor, ThreadExecutor, local_executor
from bohb.executors.port import Executor

__all__ = ["Executor", "SerialExecutor", "ThreadExecutor", "local_executor"]

"""Every engine that runs legs, as a user would make it."""

from __future__ import annotations

import atexit
import contextlib
import functools
import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

import optuna
import pytest

from bohb.executors import ProcessExecutor, SimulatedExecutor

SPACE = {
    "x": optuna.distributions.FloatDistribution(0, 1),
    "n": optuna.distributions.IntDistribution(1, 64, log=True),
    "kind": optuna.distributions.CategoricalDistribution(["a", "b"]),
}


@contextlib.contextmanager
def engine(name):
    """Give what `optimize` takes as `executor`, and end what was begun for it."""
    with contextlib.ExitStack() as stack:
        yield _MAKERS[name](stack)


@contextlib.contextmanager
def kept_engine(name):
    """Give the same, but processes that live on: for tests that leave them as they were."""
    if name in ("processes", "pool"):
        yield _kept(name)
        return
    with engine(name) as executor:
        yield executor


@functools.cache
def _kept(name):
    stack = contextlib.ExitStack()
    executor = _MAKERS[name](stack)
    atexit.register(stack.close)
    return executor


@functools.cache
def _cluster():
    """Return one cluster for all tests: it takes some seconds to begin."""
    distributed = pytest.importorskip("distributed")
    cluster = distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address="127.0.0.1:0"
    )
    atexit.register(cluster.close)
    return cluster


def _dask(stack):
    distributed = pytest.importorskip("distributed")
    client = stack.enter_context(distributed.Client(_cluster()))
    # A worker that was killed begins again in the directory of the test, which goes with it: where
    # that is gone, Dask gives it up after some attempts.
    stack.callback(client.wait_for_workers, 2, timeout=60)
    return client


def _ray(stack):
    ray = pytest.importorskip("ray")
    from bohb.executors import RayExecutor  # importing it takes a second

    if not ray.is_initialized():  # once for all tests: it takes some seconds
        # Its workers find the modules of these tests nowhere by themselves.
        tests = Path(__file__).parents[1]
        here = os.pathsep.join(str(tests / name) for name in ("helpers", "remote", "study"))
        ray.init(
            num_cpus=2,
            include_dashboard=False,
            log_to_driver=False,
            logging_level="error",
            runtime_env={"env_vars": {"PYTHONPATH": here}},
        )
        atexit.register(ray.shutdown)
        # It tells of workers that were killed at any time, and other tests hear what is printed.
        ray._private.worker._worker_logs_enabled = False
    return stack.enter_context(RayExecutor(2))


_MAKERS = {
    "serial": lambda stack: None,
    "threads": lambda stack: stack.enter_context(ThreadPoolExecutor(4)),
    "processes": lambda stack: stack.enter_context(ProcessExecutor(2)),
    # Not forked: this process has threads.
    "pool": lambda stack: stack.enter_context(
        ProcessPoolExecutor(2, multiprocessing.get_context("spawn"))
    ),
    "dask": _dask,
    "dask pool": lambda stack: _dask(stack).get_executor(),
    "ray": _ray,
    "simulated": lambda stack: SimulatedExecutor(64, lambda leg: 1 + leg.number % 7),
}
ENGINES = list(_MAKERS)
REMOTE = ["processes", "pool", "dask", "ray"]

from __future__ import annotations

import threading

import pytest

from bohb.errors import ArgumentError
from bohb.executors import SerialExecutor, ThreadExecutor, local_executor


def test_serial_work_runs_in_order_in_the_thread_that_waits():
    executor = SerialExecutor()
    ran = []
    futures = [
        executor.submit(lambda i=i: ran.append((i, threading.get_ident()))) for i in range(3)
    ]
    assert ran == []
    for future in futures:
        assert executor.wait(set(futures)) == {future}
    assert ran == [(i, threading.get_ident()) for i in range(3)]


def test_serial_exceptions_stay_in_the_future_and_ctrl_c_goes_through():
    executor = SerialExecutor()
    failing = executor.submit(lambda: 1 / 0)
    executor.wait({failing})
    with pytest.raises(ZeroDivisionError):
        failing.result()

    def press():
        raise KeyboardInterrupt

    pressed = executor.submit(press)
    with pytest.raises(KeyboardInterrupt):
        executor.wait({pressed})
    assert pressed.cancel()


def test_threads_return_what_is_done():
    executor = ThreadExecutor(2)
    release = threading.Event()
    slow, fast = executor.submit(release.wait), executor.submit(lambda: 42)
    assert executor.wait({slow, fast}) == {fast}
    assert fast.result() == 42
    release.set()
    assert executor.wait({slow}) == {slow}
    executor.shutdown()


def test_one_job_needs_no_threads():
    assert isinstance(local_executor(1), SerialExecutor)
    executor = local_executor(3)
    assert executor.n_workers == 3
    executor.shutdown()
    every = local_executor(-1)
    assert every.n_workers >= 1
    every.shutdown()
    with pytest.raises(ArgumentError, match="n_jobs must be at least -1, got -2"):
        local_executor(-2)

from __future__ import annotations

import threading

import pytest
from workload import Work

from bohb.errors import ArgumentError
from bohb.executors import SerialExecutor, ThreadExecutor, executor_for


def test_serial_work_runs_in_order_in_the_thread_that_waits():
    executor = SerialExecutor()
    ran = []
    futures = [
        executor.submit(Work(lambda i=i: ran.append((i, threading.get_ident())))) for i in range(3)
    ]
    assert ran == []
    for future in futures:
        assert executor.wait() == [future]
    assert ran == [(i, threading.get_ident()) for i in range(3)]
    assert executor.wait() == []


def test_serial_exceptions_stay_in_the_future_and_ctrl_c_goes_through():
    executor = SerialExecutor()
    failing = executor.submit(Work(lambda: 1 / 0))
    executor.wait()
    with pytest.raises(ZeroDivisionError):
        failing.result()

    def press():
        raise KeyboardInterrupt

    pressed = executor.submit(Work(press))
    with pytest.raises(KeyboardInterrupt):
        executor.wait()
    assert pressed.cancel()


def test_threads_return_what_is_done():
    executor = ThreadExecutor(2)
    release = threading.Event()
    slow, fast = executor.submit(Work(release.wait)), executor.submit(Work(lambda: 42))
    assert executor.wait() == [fast]
    assert fast.result() == 42
    assert executor.wait(timeout=0.01) == []
    assert executor.kill([slow]) == {slow}
    release.set()
    assert executor.wait() == [slow]
    executor.close()


def test_one_job_needs_no_threads():
    assert isinstance(executor_for(None, 1), SerialExecutor)
    assert executor_for(None, 3).n_workers == 3
    assert executor_for(None, -1).n_workers >= 1
    with pytest.raises(ArgumentError, match="n_jobs must be at least -1, got -2"):
        executor_for(None, -2)
    with pytest.raises(ArgumentError, match="n_jobs must be at least 1, or -1 for all processors"):
        executor_for(None, 0)

from __future__ import annotations

import pytest
from workload import Work

pytestmark = pytest.mark.slow  # real workers begin and die here

distributed = pytest.importorskip("distributed")

from bohb.executors import DaskExecutor  # noqa: E402 - Dask need not be there


def client_of_one_worker():
    return distributed.Client(processes=False, n_workers=1, dashboard_address="127.0.0.1:0")


def test_a_cluster_is_not_asked_what_it_runs_where_nothing_is_to_be_ended():
    with client_of_one_worker() as client:
        executor = DaskExecutor(client)
        done = executor.submit(Work(), b"shared")
        assert done.result(timeout=60) == b"shared"
    assert executor.kill([]) == executor.kill([done]) == set()  # a closed client cannot ask


def test_a_task_that_ends_while_the_cluster_is_asked_what_it_runs_is_not_ended(monkeypatch):
    def wait_for_release():
        begun = distributed.Event("begun")
        begun.set()
        return distributed.Event("release").wait(60)

    with client_of_one_worker() as client:
        executor = DaskExecutor(client)
        future = executor.submit(Work(wait_for_release), b"shared")
        assert distributed.Event("begun").wait(60)
        look = client.call_stack

        def look_and_release():
            stacks = look()
            distributed.Event("release").set()
            assert future.result(timeout=60)
            return stacks

        monkeypatch.setattr(client, "call_stack", look_and_release)
        assert executor.kill([future]) == set()
        assert future.result() is True

from __future__ import annotations

from dataclasses import dataclass

import pytest

distributed = pytest.importorskip("distributed")

from bohb.executors import DaskExecutor  # noqa: E402 - Dask need not be there


@dataclass(frozen=True)
class Work:
    """A task that does not belong to any study."""

    number: int = 0
    resource: float = 1
    previous_resource: float = 0

    def __call__(self, shared):
        return shared()


def test_a_cluster_is_not_asked_what_it_runs_where_nothing_is_to_be_ended():
    address = "127.0.0.1:0"
    with distributed.Client(processes=False, n_workers=1, dashboard_address=address) as client:
        executor = DaskExecutor(client)
        done = executor.submit(Work(), b"shared")
        assert done.result(timeout=60) == b"shared"
    assert executor.kill([]) == executor.kill([done]) == set()  # a closed client cannot ask

from __future__ import annotations

import math

import pytest

pytestmark = pytest.mark.slow  # real workers begin and die here

ray = pytest.importorskip("ray")

from bohb.errors import ArgumentError  # noqa: E402 - Ray need not be there
from bohb.executors.ray import RayExecutor, needs_of, room_for  # noqa: E402


@pytest.fixture(scope="module", autouse=True)
def _cluster():
    """Begin Ray, and shut it down, unless other tests have it running: with two processors too."""
    was_there = ray.is_initialized()
    if not was_there:
        ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="error")
    yield
    if not was_there:
        ray.shutdown()


@pytest.mark.parametrize(
    ("options", "nodes", "room"),
    [
        ({"num_cpus": 1}, [{"CPU": 2}], 2),
        ({"num_cpus": 2}, [{"CPU": 3}, {"CPU": 3}], 2),  # not three: none is on two nodes
        ({"num_cpus": 4}, [{"CPU": 3}, {"CPU": 3}], 0),
        ({"num_cpus": 1, "num_gpus": 0.1}, [{"CPU": 64, "GPU": 1}, {"CPU": 64}], 10),
        ({"num_cpus": 0, "num_gpus": 0.3}, [{"CPU": 1, "GPU": 1}], 3),
        ({"num_cpus": 1, "memory": 3e9}, [{"CPU": 8, "memory": 8e9}], 2),
        ({"num_cpus": 1, "resources": {"license": 1}}, [{"CPU": 8, "license": 3}, {"CPU": 8}], 3),
        ({"num_cpus": 0}, [{"CPU": 2}], math.inf),
        ({"num_cpus": None, "resources": {"license": 0}}, [{"CPU": 2}], math.inf),
    ],
)
def test_each_actor_has_room_on_one_node(options, nodes, room):
    assert room_for(needs_of(options), nodes) == room


@pytest.mark.parametrize(("options", "n_workers"), [({}, 2), ({"num_cpus": 0.5}, 4)])
def test_without_a_number_the_actors_fill_the_cluster(options, n_workers):
    assert RayExecutor(**options).n_workers == n_workers


def test_more_actors_than_the_cluster_has_room_for_are_warned_of():
    with pytest.warns(UserWarning, match=r"n_workers=3 .* room for 2"):
        assert RayExecutor(3).n_workers == 3


def test_any_number_of_actors_that_need_nothing_has_room():
    assert RayExecutor(100, num_cpus=0).n_workers == 100
    with pytest.raises(ArgumentError, match=r"n_workers must be given .*, got None"):
        RayExecutor(num_cpus=0)


def test_an_actor_that_has_no_room_is_refused():
    with pytest.raises(ArgumentError, match=r"needs {'CPU': 64}, got nodes with at most {'CPU': 2"):
        RayExecutor(num_cpus=64)


@pytest.mark.parametrize("options", [{"num_cpu": 1}, {"num_cpus": "1"}, {"num_gpus": -1}])
def test_options_that_ray_does_not_take_are_refused(options):
    with pytest.raises(ArgumentError, match=r"options must be what ray.remote takes, got {'num_"):
        RayExecutor(**options)

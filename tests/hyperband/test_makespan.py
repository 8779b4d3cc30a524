"""How long a plan takes with some workers, by running its schedule."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bohb.hyperband import ladder, make_plan, makespan


@given(
    st.integers(1, 5),
    st.integers(2, 4),
    st.integers(1, 12),
    st.booleans(),
    st.booleans(),
)
def test_no_plan_is_faster_than_its_bounds_or_slower_than_one_worker(
    n_rungs, eta, n_workers, continued, asynchronous
):
    plan = make_plan(ladder(1, eta ** (n_rungs - 1), eta), eta, asynchronous=asynchronous)
    total = plan.resource_continued if continued else plan.resource_restarted
    chain = plan.longest_chain_continued if continued else plan.longest_chain_restarted
    took = makespan(plan, n_workers, continued=continued)
    alone = makespan(plan, 1, continued=continued)
    assert took >= chain
    assert took >= alone / n_workers - 1e-9
    assert took <= alone + 1e-9
    if not asynchronous:  # with older trials always better, ASHA promotes more than planned
        assert alone == total


@pytest.mark.parametrize("continued", [True, False])
def test_with_enough_workers_the_longest_chain_is_all_that_is_left(continued):
    plan = make_plan(ladder(1, 81, 3), 3)
    chain = plan.longest_chain_continued if continued else plan.longest_chain_restarted
    assert makespan(plan, 128, continued=continued) == chain

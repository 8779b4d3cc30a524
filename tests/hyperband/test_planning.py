import pytest
from hypothesis import given
from hypothesis import strategies as st

from bohb.errors import ArgumentError
from bohb.hyperband import ladder, make_plan


def table(plan):
    return [list(zip(bracket.sizes, bracket.resources, strict=True)) for bracket in plan.brackets]


def test_the_default_is_the_table_of_li_2018_for_lenet():
    # Li et al. 2018 (JMLR 18), section 3.3, Table 1; also in Polyaxon's documentation.
    plan = make_plan(ladder(1, 81, 3), 3)
    assert table(plan) == [
        [(81, 1), (27, 3), (9, 9), (3, 27), (1, 81)],
        [(27, 3), (9, 9), (3, 27), (1, 81)],
        [(9, 9), (3, 27), (1, 81)],
        [(6, 27), (2, 81)],
        [(5, 81)],
    ]
    assert (plan.n_trials, plan.n_evaluations) == (128, 187)
    assert plan.resource_restarted == 1701 == 21 * 81


def test_li2018_is_the_formula_of_algorithm_1():
    # Li et al. 2018, Algorithm 1, as Dask-ML computes it: 143 models for R = 81, eta = 3.
    plan = make_plan(ladder(1, 81, 3), 3, bracket_sizes="li2018")
    assert table(plan) == [
        [(81, 1), (27, 3), (9, 9), (3, 27), (1, 81)],
        [(34, 3), (11, 9), (3, 27), (1, 81)],
        [(15, 9), (5, 27), (1, 81)],
        [(8, 27), (2, 81)],
        [(5, 81)],
    ]
    assert (plan.n_trials, plan.n_evaluations) == (143, 206)
    assert plan.resource_restarted == 1902
    assert plan.resource_continued == 1581


def test_li2018_gives_the_378_models_of_sievert_2019():
    # Sievert 2019, "Better and faster hyperparameter optimization with Dask": R = 299, eta = 4.
    plan = make_plan(ladder(1, 299, 4), 4, bracket_sizes="li2018")
    assert [bracket.n_trials for bracket in plan.brackets] == [256, 80, 27, 10, 5]
    assert plan.n_trials == 378


def test_unknown_bracket_sizes_are_named():
    with pytest.raises(ArgumentError, match=r"bracket_sizes must be one of .* got 'paper'"):
        make_plan((1, 3), 3, bracket_sizes="paper")


@given(
    st.integers(1, 20),
    st.integers(1, 500),
    st.floats(1.5, 8) | st.integers(2, 8),
    st.sampled_from(["hpbandster", "li2018"]),
)
def test_every_bracket_ends_at_the_top_and_shrinks_on_its_way(low, more, eta, sizes):
    levels = ladder(low, low + more, eta)
    plan = make_plan(levels, eta, bracket_sizes=sizes)
    assert len(plan.brackets) == len(levels)
    for bracket in plan.brackets:
        assert bracket.resources == levels[bracket.first_level :]
        assert list(bracket.sizes) == sorted(bracket.sizes, reverse=True)
        assert bracket.sizes[-1] >= 1
    assert plan.resource_continued <= plan.resource_restarted

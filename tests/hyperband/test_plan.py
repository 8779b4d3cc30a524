import pytest
from hypothesis import given
from hypothesis import strategies as st

from bohb.errors import ArgumentError
from bohb.hyperband import ladder, make_plan, make_successive_halving_plan


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


def test_rounds_repeat_the_brackets():
    levels = ladder(1, 27, 3)
    one, three = make_plan(levels, 3), make_plan(levels, 3, n_rounds=3)
    assert three.brackets == one.brackets * 3
    assert three.n_trials == 3 * one.n_trials
    assert three.resource_continued == 3 * one.resource_continued
    assert "3 rounds of 4 brackets" in str(three)
    assert "total of 3 rounds" in str(three)


def test_the_longest_chain_is_the_work_that_cannot_be_shared():
    plan = make_plan(ladder(1, 81, 3), 3)
    assert plan.longest_chain_continued == 81
    assert plan.longest_chain_restarted == 1 + 3 + 9 + 27 + 81


def test_a_plan_of_floats_prints_no_rounding_errors():
    plan = make_plan(ladder(0.1, 0.9, 3), 3)
    assert plan.resource_restarted == 7.2
    assert "0.30000000000000004" not in str(plan)


def test_the_table_is_aligned():
    lines = str(make_plan(ladder(1, 243, 3), 3, bracket_sizes="li2018")).splitlines()
    assert len({len(line) for line in lines[2:10]}) == 1


def test_a_bracket_with_few_trials_still_brings_one_to_the_top():
    (bracket,) = make_successive_halving_plan(ladder(1, 81, 3), 3).brackets
    assert bracket.with_trials(10, 3).sizes == (10, 3, 1, 1, 1)
    assert bracket.with_trials(1, 3).sizes == (1, 1, 1, 1, 1)
    assert bracket.with_trials(100, 3) is bracket


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


def test_large_resources_are_printed_as_they_are():
    shown = str(make_plan(ladder(1, 2**20, 2), 2))
    assert "1048576" in shown
    assert "1e+06" not in shown


def test_an_adaptive_plan_says_when_the_bracket_at_the_top_starts():
    text = "adaptive: bracket 3 starts early, as soon as 2 trials were evaluated at 27"
    for n_rounds in (1, 2):
        assert text in str(make_plan(ladder(1, 27, 3), 3, n_rounds=n_rounds, adaptive=True))
    assert "adaptive" not in str(make_plan(ladder(1, 27, 3), 3))
    assert "adaptive" not in str(make_plan(ladder(1, 9, 3), 3, adaptive=True))


def test_an_adaptive_plan_of_many_rounds_says_what_comes_first_in_later_ones():
    first = "after the first round the bracket at the top comes first, and a bracket starts at the"
    for asynchronous in (False, True):
        plan = make_plan(ladder(1, 9, 3), 3, n_rounds=2, adaptive=True, asynchronous=asynchronous)
        assert (first in str(plan)) is not asynchronous
        assert "a bracket starts at the top if that pays" in str(plan)

from bohb.hyperband import ladder, make_plan


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

from bohb.hyperband import ladder, make_successive_halving_plan


def test_a_bracket_with_few_trials_still_brings_one_to_the_top():
    (bracket,) = make_successive_halving_plan(ladder(1, 81, 3), 3).brackets
    assert bracket.with_trials(10, 3).sizes == (10, 3, 1, 1, 1)
    assert bracket.with_trials(1, 3).sizes == (1, 1, 1, 1, 1)
    assert bracket.with_trials(100, 3) is bracket

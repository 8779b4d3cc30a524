"""How much of the first round is drawn from the prior."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import bohb
from bohb.hyperband import ladder, make_plan
from bohb.model import Observations
from bohb.model.trust import first_round_share


def share(seen, number, first=make_plan(ladder(1, 27, 3), 3)):  # noqa: B008 - it does not change
    n_first = first.brackets[0].n_trials
    return first_round_share(seen, number, n_before=first.n_before_model, n_first=n_first)


LOWEST = Observations.of([({"x": 0.1}, {0: 0.3}), ({"x": 0.2}, {0: 0.4}), ({"x": 0.3}, {})])


@pytest.mark.parametrize("seen", [Observations.of([]), LOWEST])
def test_as_long_as_only_the_lowest_rung_was_seen_the_model_proposes_the_last_third(seen):
    shares = [share(seen, number) for number in range(27)]
    assert shares == [1.0] * 18 + [0.0] * 9


@given(top=st.integers(2, 200), reduction_factor=st.floats(1.5, 6))
def test_two_thirds_of_any_first_bracket_are_drawn_from_the_prior(top, reduction_factor):
    first = make_plan(ladder(1, top, reduction_factor), reduction_factor)
    assume(len(first.brackets) > 1)
    n_trials = first.brackets[0].n_trials
    shares = [share(LOWEST, number, first) for number in range(n_trials)]
    assert shares == [1.0] * (n_trials - n_trials // 3) + [0.0] * (n_trials // 3)


@pytest.mark.parametrize(
    ("losses", "expected"),
    [
        ({0: 0.3, 1: 0.2}, 0.2),
        ({0: 0.3, 1: 0.3}, 0.5),
        ({0: 0.3, 1: 0.4}, 0.5),
        ({1: 0.3}, 0.2),
        ({3: 0.3}, 0.2),
    ],
)
def test_a_look_above_the_lowest_rung_opens_the_first_bracket_to_the_model(losses, expected):
    seen = Observations.of([({"x": 0.1}, {0: 0.5}), ({"x": 0.2}, losses)])
    assert share(seen, 3) == expected


def test_a_bracket_that_begins_before_any_promotion_has_a_fifth_from_the_prior():
    assert share(LOWEST, 27) == 0.2


def test_a_single_rung_has_a_fifth_from_the_prior_from_the_beginning():
    assert [share(LOWEST, number, make_plan(ladder(9, 9, 3), 3)) for number in range(9)] == [
        0.2
    ] * 9


@pytest.mark.parametrize("model", ["auto", "forest", "density"])
def test_in_a_study_the_model_proposes_just_these_trials_of_the_first_bracket(model):
    def objective(trial):
        return trial.suggest_float("x", 0, 1) + 1 / trial.resource

    sampler = bohb.BOHBSampler(seed=0, model=model)
    study = bohb.create_study(sampler=sampler, pruner=bohb.HyperbandPruner(1, 27))
    study.optimize(objective, n_brackets=1)
    first = [each for each in study.evaluations() if each.rung == 0]
    proposed = [each.number for each in first if each.proposed_by != "prior"]
    assert proposed == [*range(18, 27)]


@pytest.mark.parametrize("model", ["auto", "forest", "density"])
def test_in_a_study_two_thirds_of_the_places_on_the_second_rung_are_kept_for_the_prior(model):
    def misleads(trial):
        x = trial.suggest_float("x", 0, 1)
        return x if trial.resource == 1 else 1 - x

    sampler = bohb.BOHBSampler(seed=0, model=model)
    study = bohb.create_study(sampler=sampler, pruner=bohb.HyperbandPruner(1, 27))
    study.optimize(misleads, n_brackets=1)
    first = [each for each in study.evaluations() if each.rung == 0]
    kept = [each for each in first if each.outcome == "promoted"]
    assert {each.n_reserved for each in first} == {6}
    assert sum(each.proposed_by == "prior" for each in kept) >= 6
    worst = max((each for each in kept), key=lambda each: each.value)
    assert "the best 9 go on, with at least 6 from before the model's turn, down to" in str(
        study.explain(worst.number)
    )


@pytest.mark.parametrize(
    ("model", "source"), [("falkner2018", "densities"), ("evolution", "evolution")]
)
def test_a_model_that_stays_as_it_was_published_keeps_no_places(model, source):
    sampler = bohb.BOHBSampler(seed=0, model=model)
    study = bohb.create_study(sampler=sampler, pruner=bohb.HyperbandPruner(1, 27))
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_brackets=1)
    first = [each for each in study.evaluations() if each.rung == 0]
    assert {each.proposed_by for each in first} == {"prior", source}
    assert {each.n_reserved for each in first} == {0}
    ranks = sorted(each.rank for each in first if each.outcome == "promoted")
    assert ranks == [*range(1, 10)]


def test_earlier_results_at_the_top_open_the_first_bracket_to_the_model():
    def objective(trial):
        return trial.suggest_float("x", 0, 1)

    before = bohb.create_study(sampler=bohb.BOHBSampler(seed=0), pruner=bohb.HyperbandPruner(9, 9))
    before.optimize(objective, n_trials=20)
    study = bohb.create_study(sampler=bohb.BOHBSampler(seed=1), pruner=bohb.HyperbandPruner(1, 9))
    study.add_trials_from(before)
    study.optimize(objective, n_brackets=1)
    first = [each for each in study.evaluations() if each.rung == 0 and each.bracket == 0]
    assert np.mean([each.proposed_by != "prior" for each in first]) > 0.5
    assert {each.n_reserved for each in first} == {0}  # the model needs no turn

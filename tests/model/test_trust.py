"""How much of the first round is drawn from the prior."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import bohb
from bohb.model import Observations
from bohb.model.trust import first_round_share

SIZES = (27, 9, 3, 1)

LOWEST = Observations.of([({"x": 0.1}, {0: 0.3}), ({"x": 0.2}, {0: 0.4}), ({"x": 0.3}, {})])


@pytest.mark.parametrize("seen", [Observations.of([]), LOWEST])
def test_as_long_as_only_the_lowest_rung_was_seen_the_model_proposes_the_last_few_trials(seen):
    shares = [first_round_share(seen, number, SIZES) for number in range(27)]
    assert shares == [1.0] * 23 + [0.0] * 4


@given(
    n_trials=st.integers(2, 300),
    reduction_factor=st.floats(1.5, 6),
)
def test_the_other_half_of_the_promotions_is_left_to_what_no_model_has_chosen(
    n_trials, reduction_factor
):
    n_promoted = max(int(n_trials / reduction_factor), 1)
    sizes = (n_trials, n_promoted, 1)
    shares = [first_round_share(LOWEST, number, sizes) for number in range(n_trials)]
    n_proposed = shares.count(0.0)
    assert n_proposed <= n_promoted / 2 < n_proposed + 1
    assert sorted(shares, reverse=True) == shares
    assert set(shares) <= {0.0, 1.0}


@pytest.mark.parametrize(
    ("losses", "share"),
    [
        ({0: 0.3, 1: 0.2}, 0.2),
        ({0: 0.3, 1: 0.3}, 0.5),
        ({0: 0.3, 1: 0.4}, 0.5),
        ({1: 0.3}, 0.2),
        ({3: 0.3}, 0.2),
    ],
)
def test_a_look_above_the_lowest_rung_opens_the_first_bracket_to_the_model(losses, share):
    seen = Observations.of([({"x": 0.1}, {0: 0.5}), ({"x": 0.2}, losses)])
    assert first_round_share(seen, 3, SIZES) == share


def test_a_bracket_that_begins_before_any_promotion_has_a_fifth_from_the_prior():
    assert first_round_share(LOWEST, 27, SIZES) == 0.2


def test_a_single_rung_has_a_fifth_from_the_prior_from_the_beginning():
    assert [first_round_share(LOWEST, number, (9,)) for number in range(9)] == [0.2] * 9


@pytest.mark.parametrize("model", ["auto", "forest", "density"])
def test_in_a_study_the_model_proposes_just_these_trials_of_the_first_bracket(model):
    def objective(trial):
        return trial.suggest_float("x", 0, 1) + 1 / trial.resource

    sampler = bohb.BOHBSampler(seed=0, model=model)
    study = bohb.create_study(sampler=sampler, pruner=bohb.HyperbandPruner(1, 27))
    study.optimize(objective, n_brackets=1)
    first = [each for each in study.evaluations() if each.rung == 0]
    proposed = [each.number for each in first if each.proposed_by != "prior"]
    assert proposed == [23, 24, 25, 26]


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

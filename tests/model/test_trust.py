"""How much of the first round is drawn from the prior."""

from __future__ import annotations

import numpy as np
import optuna
import pytest
from optuna.trial import TrialState

import bohb
from bohb import samplers
from bohb.model import Observations
from bohb.model.trust import first_round_share

LOWEST = Observations.of([({"x": 0.1}, {0: 0.3}), ({"x": 0.2}, {0: 0.4}), ({"x": 0.3}, {})])


@pytest.mark.parametrize("seen", [Observations.of([]), LOWEST])
def test_as_long_as_only_the_lowest_rung_was_seen_the_model_waits_for_its_turn(seen):
    assert [first_round_share(seen, turn=turn) for turn in (False, True)] == [1.0, 0.0]


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
    assert {first_round_share(seen, turn=turn) for turn in (False, True, None)} == {expected}


def test_a_bracket_at_the_top_has_no_fifth_of_its_own_but_the_half_of_all():
    stands_still = Observations.of([({"x": 0.1}, {0: 0.3, 1: 0.3})])
    gains = Observations.of([({"x": 0.1}, {0: 0.3, 1: 0.2})])
    shares = [first_round_share(each, turn=None, at_top=True) for each in (stands_still, gains)]
    assert shares == [0.5, None]


def test_a_later_bracket_has_a_fifth_from_the_prior_before_any_promotion():
    assert first_round_share(LOWEST, turn=None) == 0.2


@pytest.mark.parametrize(
    ("model", "source"),
    [("auto", "Gaussian process"), ("forest", "forest"), ("density", "densities")],
)
def test_in_a_study_the_model_proposes_just_these_trials_of_the_first_bracket(model, source):
    def objective(trial):
        return trial.suggest_float("x", 0, 1) + 1 / trial.resource

    sampler = bohb.BOHBSampler(seed=0, model=model)
    study = bohb.create_study(sampler=sampler, pruner=bohb.HyperbandPruner(1, 27))
    study.optimize(objective, n_brackets=1)
    first = [each for each in study.evaluations() if each.rung == 0]
    assert [each.proposed_by for each in first] == ["prior"] * 22 + [source] * 5


def test_in_a_study_the_bracket_at_the_top_is_known_as_one(monkeypatch):
    asked = []

    def share(observations, *, turn, at_top):
        asked.append(at_top)
        return first_round_share(observations, turn=turn, at_top=at_top)

    monkeypatch.setattr(samplers, "first_round_share", share)
    study = bohb.create_study(sampler=bohb.BOHBSampler(seed=0), pruner=bohb.HyperbandPruner(1, 27))
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1) + 1 / trial.resource, n_rounds=1)
    starts = {each.number: each.bracket == 3 for each in study.evaluations()}
    assert asked == [starts[number] for number in sorted(starts)][-len(asked) :]
    assert sum(asked) == 4


@pytest.mark.parametrize("model", ["auto", "forest", "density"])
def test_in_a_study_the_prior_keeps_its_share_of_the_places_on_the_second_rung(model):
    def misleads(trial):
        x = trial.suggest_float("x", 0, 1)
        return x if trial.resource == 1 else 1 - x

    sampler = bohb.BOHBSampler(seed=0, model=model)
    study = bohb.create_study(sampler=sampler, pruner=bohb.HyperbandPruner(1, 27))
    study.optimize(misleads, n_brackets=1)
    first = [each for each in study.evaluations() if each.rung == 0]
    kept = [each for each in first if each.outcome == "promoted"]
    assert {each.n_reserved for each in first} == {7}
    assert sum(each.proposed_by == "prior" for each in kept) >= 7
    worst = max((each for each in kept), key=lambda each: each.value)
    assert "; 9 go on, 7 of them in any case from before the model's turn, down to" in str(
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


def first_rung(study):
    return [each for each in study.evaluations() if each.rung == 0 and each.bracket == 0]


def by_x(trial):
    return trial.suggest_float("x", 0, 1)


def test_what_was_enqueued_is_not_the_models():
    study = bohb.create_study(sampler=bohb.BOHBSampler(seed=0), pruner=bohb.HyperbandPruner(1, 27))
    for place in range(27):
        study.enqueue_trial({"x": 1 - place / 27})
    study.optimize(by_x, n_brackets=1)
    ranks = [each.rank for each in first_rung(study) if each.outcome == "promoted"]
    assert sorted(ranks) == [*range(1, 10)]


@pytest.mark.parametrize(("resource", "n_from_prior", "n_reserved"), [(1, 22, 7), (27, None, 0)])
@pytest.mark.parametrize("is_reopened", [False, True])
def test_trials_from_elsewhere_take_the_turn_away_if_they_tell_of_more_than_the_lowest_rung(
    resource, n_from_prior, n_reserved, is_reopened, tmp_path
):
    def opened(seed):
        return bohb.create_study(
            sampler=bohb.BOHBSampler(seed=seed),
            pruner=bohb.HyperbandPruner(1, 27),
            study_name="study",
            storage=tmp_path / "study.journal",
            load_if_exists=True,
        )

    study = opened(0)
    trial = study.ask()
    study.tell(trial, by_x(trial))
    x = optuna.distributions.FloatDistribution(0, 1)
    for place in range(12):
        study.add_trial(
            optuna.trial.create_trial(
                state=TrialState.PRUNED if resource < 27 else TrialState.COMPLETE,
                value=None if resource < 27 else place / 12,
                params={"x": place / 12},
                distributions={"x": x},
                intermediate_values={resource: place / 12},
            )
        )
    study = opened(0) if is_reopened else study
    study.optimize(by_x, n_brackets=1)
    first = first_rung(study)
    assert {each.n_reserved for each in first} == {n_reserved}
    if n_from_prior is not None:
        assert sum(each.proposed_by == "prior" for each in first) == n_from_prior

"""Costs that an objective reports: budgets in them, and proposals that are judged by them."""

from __future__ import annotations

import numpy as np
import pytest
from studies import decisions, study_of

import bohb
from bohb.errors import ArgumentError, ObjectiveError
from bohb.executors import ProcessExecutor

PRUNER = bohb.HyperbandPruner(1, 27)


def width_and_loss(trial, step):
    x, width = trial.suggest_float("x", 0, 1), trial.suggest_float("width", 1, 100, log=True)
    return width, (x - 0.3) ** 2 + 1 / step


def loop(trial):
    for step in range(1, 28):
        width, loss = width_and_loss(trial, step)
        trial.report(loss, step, cost=width * step)
        if trial.should_prune():
            raise bohb.TrialPruned
    return loss


def generator(trial):
    for step in range(1, 28):
        width, loss = width_and_loss(trial, step)
        trial.report(loss, step, cost=width * step)
        yield


def by_resource(trial):
    width, loss = width_and_loss(trial, trial.resource)
    trial.report(loss, trial.resource, cost=width * trial.resource)
    return loss


def spent(study, *, continued):
    """Return what was spent, by the definition: each leg costs its difference, or all of it."""
    frame = study.evaluations_dataframe()
    return frame.groupby("number").cost.max().sum() if continued else frame.cost.sum()


@pytest.mark.parametrize("style", [loop, generator, by_resource])
@pytest.mark.parametrize("seed", range(5))
def test_a_budget_in_cost_is_kept_to_about_a_trial(style, seed):
    study = study_of(PRUNER, seed=seed)
    study.optimize(style, total_cost=10_000)
    used = spent(study, continued=style is generator)
    assert abs(used - 10_000) < 100 * 27  # the largest network, trained to the end
    assert study.incumbent().resource == 27  # brackets are finished with what they hold


def test_each_evaluation_has_its_cost():
    study = study_of(PRUNER)
    study.optimize(by_resource, n_brackets=1)
    for record in study.evaluations():
        assert record.cost == pytest.approx(record.params["width"] * record.resource)


def test_a_budget_counts_for_all_calls_together_or_for_each_alone():
    study = study_of(PRUNER)
    study.optimize(generator, total_cost=3000)
    first = spent(study, continued=True)
    study.optimize(generator, total_cost=3000, in_total=True)
    # What was expected of the last legs may have been more than they cost, which leaves some room.
    assert first <= spent(study, continued=True) < 1.2 * 3000
    first = spent(study, continued=True)
    study.optimize(generator, total_cost=3000)
    assert spent(study, continued=True) > 1.5 * first


@pytest.mark.parametrize("seed", range(3))
def test_a_study_from_the_storage_knows_what_was_spent(tmp_path, seed):
    fixed = bohb.HyperbandPruner(1, 27, adaptive=False)
    study = study_of(fixed, seed=seed, storage=tmp_path / "a.journal", study_name="a")
    study.optimize(loop, total_cost=10_000)
    again = bohb.load_study(
        study_name="a", storage=tmp_path / "a.journal", sampler=bohb.BOHBSampler(seed=seed)
    )
    again.optimize(loop, total_cost=10_000, in_total=True)
    # What was expected of the last legs may have been more than they cost, which leaves some room.
    assert abs(spent(again, continued=False) - 10_000) < 100 * 27


def test_costs_come_back_from_workers():
    study = study_of(PRUNER)
    with ProcessExecutor(2) as executor:
        study.optimize(generator, total_cost=5000, executor=executor)
    assert study.evaluations_dataframe().cost.notna().all()


def test_a_budget_without_costs_is_an_error_that_says_how_to_report_them():
    study = study_of(PRUNER)
    with pytest.raises(ObjectiveError, match=r"trial.report\(value, step, cost=...\)"):
        study.optimize(lambda trial: trial.suggest_float("x", 0, 1), total_cost=100)
    assert len(study.trials) <= 2


@pytest.mark.parametrize("cost", [0, -1.0, float("nan"), float("inf"), "3"])
def test_a_cost_must_be_positive_and_finite(cost):
    study = study_of(PRUNER)
    with pytest.raises(bohb.BohbError, match="cost must be"):
        study.optimize(lambda trial: trial.report(0.5, 1, cost=cost), n_trials=1)


def test_a_study_without_brackets_counts_no_costs():
    study = bohb.create_study()
    with pytest.raises(ArgumentError, match=r"cost needs a study with a bohb\.HyperbandPruner"):
        study.optimize(lambda trial: trial.report(0.5, 1, cost=2.0), n_trials=1)


def test_only_one_limit_is_given():
    with pytest.raises(ArgumentError, match="total_resource and total_cost can be given"):
        study_of(PRUNER).optimize(loop, n_trials=3, total_cost=5)


@pytest.mark.parametrize("model", ["density", "evolution", "falkner2018"])
def test_a_model_that_knows_no_costs_is_refused(model):
    with pytest.raises(ArgumentError, match="per_cost needs a model that knows costs"):
        bohb.BOHBSampler(model=model, per_cost=True)


@pytest.mark.parametrize("model", ["auto", "forest"])
def test_proposals_by_cost_spend_less_on_what_helps_little(model):
    def objective(trial):
        width, loss = width_and_loss(trial, trial.resource)
        loss += 0.02 / width + np.random.default_rng(trial.number).normal(scale=0.02)
        trial.report(loss, trial.resource, cost=width * trial.resource)
        return loss

    def median_width(seed, *, per_cost):
        sampler = bohb.BOHBSampler(seed=seed, model=model, per_cost=per_cost)
        study = study_of(PRUNER, sampler=sampler)
        study.optimize(objective, n_rounds=1)
        origins = [str(study.explain(trial.number).origin) for trial in study.trials]
        chosen = [
            trial.params["width"]
            for trial, origin in zip(study.trials, origins, strict=True)
            if "Gaussian" in origin or "forest" in origin
        ]
        return np.median(chosen)

    by_cost = np.mean([median_width(seed, per_cost=True) for seed in range(3)])
    assert by_cost < 0.5 * np.mean([median_width(seed, per_cost=False) for seed in range(3)])


def test_the_same_seed_gives_the_same_study_with_costs():
    first, second = (
        study_of(PRUNER, sampler=bohb.BOHBSampler(seed=3, per_cost=True)) for _ in range(2)
    )
    for study in (first, second):
        study.optimize(by_resource, n_rounds=1)
    assert decisions(first).equals(decisions(second))


@pytest.mark.parametrize("reports", [True, False])
def test_what_failed_trials_cost_counts_too(reports):
    def objective(trial):
        width, loss = width_and_loss(trial, trial.resource)
        if trial.number % 2 and not reports:
            raise ValueError("before it has told its cost")
        trial.report(loss, trial.resource, cost=width * trial.resource)
        if trial.number % 2:
            raise ValueError("after it has told its cost")
        return loss

    study = study_of(PRUNER, sampler=bohb.BOHBSampler(seed=0, random_fraction=1.0))
    study.optimize(objective, total_cost=3000, catch=ValueError)
    everyone = sum(trial.params["width"] for trial in study.trials)
    assert 0.1 * 3000 < everyone < 1.3 * 3000  # what is kept to finish the brackets is not used up


def test_a_call_in_which_everything_fails_ends():
    def failing(trial):
        trial.suggest_float("x", 0, 1)
        raise ValueError("broken")

    study = study_of(PRUNER)
    with pytest.raises(ObjectiveError, match="got 10 without"):
        study.optimize(failing, total_cost=100, catch=ValueError)


def test_costs_of_values_that_are_not_finite_end_a_call():
    def not_finite(trial):
        trial.report(float("nan"), trial.resource, cost=trial.resource)
        return float("nan")

    study = study_of(PRUNER)
    study.optimize(not_finite, total_cost=50)
    assert 2 < len(study.trials) < 60

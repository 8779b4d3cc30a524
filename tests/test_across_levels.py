"""Optuna's evolutionary samplers, which learn from the trials of all levels."""

from __future__ import annotations

import pickle

import numpy as np
import optuna
import pytest
from optuna.samplers import CmaEsSampler, NSGAIISampler, RandomSampler
from optuna.testing.pytest_samplers import BasicSamplerTestCase
from optuna.trial import TrialState
from studies import counts, decisions, planned_counts, study_of

import bohb
from bohb.errors import ArgumentTypeError


class TestConformance(BasicSamplerTestCase):
    @pytest.fixture(params=["random", "genetic"])
    def sampler(self, request):
        if request.param == "random":
            return lambda: bohb.AcrossLevels(RandomSampler(seed=0))
        return lambda: bohb.AcrossLevels(NSGAIISampler(population_size=2, seed=0))


def sphere(trial):
    xs = [trial.suggest_float(f"x{i}", -5, 5) for i in range(4)]
    return sum((x - 1) ** 2 for x in xs) + 5 / trial.resource


class Looking(RandomSampler):
    """Notes what it sees of the study."""

    seen: list[optuna.trial.FrozenTrial]

    def sample_relative(self, study, trial, search_space):
        self.seen = study.get_trials()
        self.directions = study.directions
        return {}


@pytest.mark.parametrize("direction", ["minimize", "maximize"])
def test_every_evaluated_trial_is_seen_complete_and_ranked_by_its_level(direction):
    sign = 1 if direction == "minimize" else -1
    sampler = Looking(seed=0)
    study = study_of(
        bohb.HyperbandPruner(1, 9), sampler=bohb.AcrossLevels(sampler), direction=direction
    )
    study.optimize(lambda trial: sign * sphere(trial), n_rounds=1)
    evaluated = [trial for trial in sampler.seen if trial.state is TrialState.COMPLETE]
    assert len(evaluated) == len(sampler.seen) - 1  # all but the one that is proposed
    reached = {record.number: record.resource for record in study.evaluations()}
    value = {trial.number: sign * trial.value for trial in evaluated}
    best = {}
    for number, score in value.items():
        best[reached[number]] = min(best.get(reached[number], np.inf), score)
    assert best[9] < best[3] < best[1]
    # On one level the better loss has the better score.
    last = {record.number: sign * record.value for record in study.evaluations()}
    for resource in best:
        here = [number for number in value if reached[number] == resource]
        assert sorted(here, key=value.get) == sorted(here, key=last.get)


def test_evolution_strategies_learn_from_the_first_bracket_on():
    def best_value(seed, wrap):
        sampler = wrap(CmaEsSampler(seed=seed))
        study = study_of(bohb.HyperbandPruner(1, 27), sampler=sampler)
        study.optimize(sphere, n_rounds=4)
        return study.best_value

    seeds = range(4)
    plain = [best_value(seed, lambda sampler: sampler) for seed in seeds]
    across = [best_value(seed, bohb.AcrossLevels) for seed in seeds]
    assert np.mean(across) < 0.8 * np.mean(plain)


def test_several_objectives_are_ranked_each_by_itself():
    sampler = bohb.AcrossLevels(NSGAIISampler(population_size=5, seed=0))
    study = study_of(bohb.HyperbandPruner(1, 9), sampler=sampler, directions=["minimize"] * 2)

    def objective(trial):
        return sphere(trial), trial.params["x0"]

    study.optimize(objective, n_rounds=2)
    generations = [t.system_attrs.get("NSGAIISampler:generation", 0) for t in study.trials]
    assert max(generations) >= 2
    assert study.best_trials


def test_it_runs_anywhere_as_the_sampler_within_it():
    sampler = bohb.AcrossLevels(CmaEsSampler(seed=0))
    study = study_of(bohb.HyperbandPruner(1, 9), sampler=pickle.loads(pickle.dumps(sampler)))
    study.optimize(sphere, n_rounds=1, n_jobs=3)
    assert counts(study) == planned_counts(study)
    plain = optuna.create_study(sampler=bohb.AcrossLevels(CmaEsSampler(seed=0)))
    plain.optimize(
        lambda t: (t.suggest_float("x", 0, 1) - 0.3) ** 2 + t.suggest_float("y", 0, 1), 30
    )
    assert plain.best_value < 0.2


def test_the_same_seed_gives_the_same_study():
    first, second = (
        study_of(
            bohb.HyperbandPruner(1, 9),
            sampler=bohb.AcrossLevels(NSGAIISampler(population_size=5, seed=1)),
        )
        for _ in range(2)
    )
    for study in (first, second):
        study.optimize(sphere, n_rounds=2)
    assert decisions(first).equals(decisions(second))


def test_what_is_no_sampler_is_refused_by_name():
    with pytest.raises(ArgumentTypeError, match="sampler must be a sampler of Optuna, got 'cma'"):
        bohb.AcrossLevels("cma")

"""Studies as the tests make them, and what the tests ask of them afterwards."""

from __future__ import annotations

import time
from pathlib import Path

import bohb

HELPERS = Path(__file__).parent  # some of its files are scripts


def study_of(pruner=None, seed=0, **arguments):
    """Return a study with the densities, which are quick, and brackets from 1 to 9."""
    given = {"sampler": bohb.BOHBSampler(seed=seed, model="density"), **arguments}
    return bohb.create_study(pruner=pruner or bohb.HyperbandPruner(1, 9, adaptive=False), **given)


def decisions(study):
    """Return all that a study has decided: who went how far, and with what."""
    frame = study.evaluations_dataframe().sort_values(["number", "rung"]).reset_index(drop=True)
    # When and where is by chance, and who has proposed a trial is not known after some kills.
    return frame.drop(columns=["began", "ended", "worker", "proposed_by"])


def user_attributes(trial):
    """Return the user attributes of a trial without those by which Optuna's tools show it."""
    return {key: v for key, v in trial.user_attrs.items() if not key.startswith("bohb:")}


def counts(study):
    """Return how many trials and evaluations there are, and what resource they stand for."""
    frame = study.evaluations_dataframe()
    increments = frame.groupby("number")["resource"].max().sum()
    return len(study.trials), len(frame), int(increments)


def planned_counts(study, n_rounds=1):
    """Return what `counts` gives once `n_rounds` are done."""
    plan = study.plan(n_rounds)
    return plan.n_trials, plan.n_evaluations, plan.resource_continued


def sizes(study):
    """Return how many trials each rung of each bracket has."""
    counted = study.evaluations_dataframe().groupby(["bracket", "rung"]).size()
    return [tuple(counted[bracket]) for bracket in counted.index.levels[0]]


def planned_sizes(study, n_rounds=1):
    """Return what `sizes` gives once `n_rounds` are done."""
    return [bracket.sizes for bracket in study.plan(n_rounds).brackets]


def wait_until(condition, seconds=30):
    """Wait until `condition` holds; fail if it does not within `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)

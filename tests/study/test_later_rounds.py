"""A study whose later brackets may start at the top: its limits, and how it goes on."""

from __future__ import annotations

import logging

import pytest

import bohb
from bohb.errors import SettingsError
from bohb.pruners import from_settings

PRUNER = bohb.HyperbandPruner(1, 9)


def learnable(trial):
    return (trial.suggest_float("x", 0, 1) - 0.3) ** 2 + 0.1 / trial.resource


def study_in(storage, pruner=PRUNER):
    return bohb.create_study(
        study_name="s",
        storage=storage,
        sampler=bohb.BOHBSampler(seed=0),
        pruner=pruner,
        load_if_exists=True,
    )


def shapes(study):
    """Return how many trials of each bracket were evaluated on each rung."""
    frame = study.evaluations_dataframe()
    counts = frame.groupby(["bracket", "rung", "resource"]).size()
    found = {}
    for (bracket, _, resource), count in counts.items():
        found.setdefault(bracket, []).append((resource, count))
    return [found[bracket] for bracket in sorted(found)]


FIRST = [[(1, 9), (3, 3), (9, 1)], [(3, 3), (9, 1)], [(9, 3)]]


def test_what_was_learned_takes_the_place_of_low_rungs_and_is_logged(caplog):
    study = study_in(None)
    with caplog.at_level(logging.INFO, logger="bohb"):
        study.optimize(learnable, n_rounds=2)
    assert shapes(study) == [*FIRST, [(9, 2)], [(9, 1)], [(9, 3)]]
    assert "Bracket 3 starts at resource 9 with 2 trials" in caplog.text
    assert len(study.trials) < study.plan(2).n_trials
    fixed = study_in(None, bohb.HyperbandPruner(1, 9, adaptive=False))
    fixed.optimize(learnable, n_rounds=2)
    assert shapes(fixed) == FIRST * 2


def test_random_configurations_mostly_keep_their_low_rungs():
    n_as_planned = 0
    for seed in range(10):
        sampler = bohb.BOHBSampler(seed=seed, random_fraction=1.0)
        study = bohb.create_study(sampler=sampler, pruner=bohb.HyperbandPruner(1, 27))
        study.optimize(learnable, n_rounds=2)
        n_as_planned += len(study.trials) == study.plan(2).n_trials
    assert n_as_planned > 5


@pytest.mark.parametrize("after", [15, 16, 18, 20])
def test_a_study_that_is_cut_off_goes_on_with_the_brackets_that_it_has(after, tmp_path):
    whole = study_in(None)
    whole.optimize(learnable, n_rounds=3)

    def cut_off(trial):
        if trial.number == after:
            raise KeyboardInterrupt
        return learnable(trial)

    storage = tmp_path / "s.journal"
    with pytest.raises(KeyboardInterrupt):
        study_in(storage).optimize(cut_off, n_rounds=3)
    study = study_in(storage)
    study.optimize(learnable, n_rounds=3)
    assert shapes(study) == shapes(whole)
    assert [t.params for t in study.trials] == [t.params for t in whole.trials]
    assert [t.state for t in study.trials] == [t.state for t in whole.trials]


def test_whether_it_is_adaptive_may_be_chosen_anew_and_brackets_that_were_begun_stay(tmp_path):
    storage = tmp_path / "s.journal"
    study_in(storage).optimize(learnable, n_brackets=5)
    fixed = study_in(storage, bohb.HyperbandPruner(1, 9, adaptive=False))
    fixed.optimize(learnable, n_brackets=1)
    assert shapes(fixed) == [*FIRST, [(9, 2)], [(3, 3), (9, 1)], [(9, 3)]]
    with pytest.raises(SettingsError, match="begun with max_resource=9, got max_resource=27"):
        study_in(storage, bohb.HyperbandPruner(1, 27)).optimize(learnable)


def test_a_study_of_an_earlier_version_repeats_its_rounds_unless_it_is_told_otherwise():
    settings = PRUNER.settings()
    del settings["adaptive"]
    assert from_settings(settings).adaptive is False
    assert from_settings(PRUNER.settings()).adaptive is True


@pytest.mark.parametrize("total", [60, 90, 130])
def test_the_total_resource_holds_for_brackets_at_the_top_too(total):
    study = study_in(None)
    study.optimize(learnable, total_resource=total)
    frame = study.evaluations_dataframe()
    # The objective starts anew for each leg, which costs its whole resource.
    assert total - 9 * 3 < frame["resource"].sum() <= total
    assert all(trial.state.is_finished() for trial in study.trials)


def test_the_bar_is_full_at_the_end(capsys):
    study = study_in(None)
    study.optimize(learnable, n_rounds=2, show_progress_bar=True)
    assert "100%" in capsys.readouterr().err.split("\r")[-1]


def test_a_limit_of_brackets_counts_those_that_begin_first():
    pruner = bohb.HyperbandPruner(1, 27)
    study = study_in(None, pruner)
    study.optimize(learnable, n_brackets=3)
    assert shapes(study)[2:] == [[(27, 4)]]
    study.optimize(learnable, n_brackets=1)
    planned = pruner.plan().brackets
    assert shapes(study) == [[*zip(each.resources, each.sizes, strict=True)] for each in planned]


def test_brackets_that_fit_are_run_and_no_other_in_their_place():
    study = study_in(None, bohb.HyperbandPruner(1, 27))
    seconds = study.plan().resource_restarted - 1.0
    fitted = study.fit_plan(timeout=seconds, n_workers=1, seconds_per_unit=1)
    assert fitted.limits == {"n_brackets": 3}
    assert "start at 27" in " ".join(fitted.gave_up)
    new = study_in(None, fitted.pruner)
    new.optimize(learnable, **fitted.limits)
    assert new.evaluations_dataframe()["resource"].sum() == fitted.plan.resource_restarted

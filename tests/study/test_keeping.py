"""The checkpoints that stay: those of paused trials, and of the best."""

from concurrent.futures import ProcessPoolExecutor

import pytest
from studies import study_of

import bohb
from bohb.errors import ArgumentError, ArgumentTypeError


def train(trial):
    x = trial.suggest_float("x", 0, 1)
    (trial.checkpoint_dir / "epoch").write_text(str(trial.resource))
    return x + 1 / trial.resource


def with_directory(study):
    return {t.number for t in study.trials if study.checkpoint_dir(t.number) is not None}


def best(study, count):
    def rank(evaluation):
        return -evaluation.resource, evaluation.value, evaluation.number

    last = {e.number: e for e in study.evaluations()}
    return {e.number for e in sorted(last.values(), key=rank)[:count]}


@pytest.mark.parametrize("stored", [True, False])
@pytest.mark.parametrize(("keep", "count"), [("best", 1), (1, 1), (4, 4), (100, 30)])
def test_the_checkpoints_of_the_best_stay(tmp_path, stored, keep, count):
    study = study_of(
        storage=tmp_path / "study.journal" if stored else None, checkpoint_root=tmp_path
    )
    study.optimize(train, n_rounds=2, keep=keep)
    assert len(study.trials) == 30
    assert with_directory(study) == best(study, count)
    assert study.incumbent().checkpoint_dir is not None
    files = [path for path in study.checkpoint_root.iterdir() if path.name != ".bohb-study.json"]
    assert len(files) == 2 * count  # with the mark of each


def test_all_checkpoints_stay_unless_it_is_said_otherwise(tmp_path):
    study = study_of(checkpoint_root=tmp_path)
    study.optimize(train)
    assert with_directory(study) == {trial.number for trial in study.trials}


def test_a_paused_trial_finds_its_checkpoint_whatever_is_kept(tmp_path):
    seen = []

    def continues(trial):
        if trial.previous_resource:
            seen.append((trial.checkpoint_dir / "epoch").read_text())
            assert seen[-1] == str(trial.previous_resource)
        return train(trial)

    study = study_of(storage=tmp_path / "study.journal", checkpoint_root=tmp_path)
    study.optimize(continues, n_rounds=2, keep="best")
    assert len(seen) == 10


def test_trials_that_finished_in_earlier_calls_count_too(tmp_path):
    def study():
        return study_of(
            storage=tmp_path / "study.journal",
            checkpoint_root=tmp_path,
            study_name="mine",
            load_if_exists=True,
        )

    study().optimize(train)
    assert len(with_directory(study())) == 15
    study().optimize(train, n_trials=0, keep=2)
    assert with_directory(study()) == best(study(), 2)


def test_the_checkpoints_of_failed_trials_stay_to_be_looked_into(tmp_path):
    def fails(trial):
        value = train(trial)
        if trial.number == 2:
            raise ValueError
        return value

    study = study_of(checkpoint_root=tmp_path)
    study.optimize(fails, keep="best", catch=ValueError)
    assert 2 in with_directory(study)
    assert len(with_directory(study)) == 2


def test_checkpoints_of_legs_in_other_processes_are_removed_too(tmp_path):
    study = study_of(checkpoint_root=tmp_path)
    with ProcessPoolExecutor(2) as pool:
        study.optimize(train, keep="best", executor=pool)
    assert with_directory(study) == best(study, 1)


def test_an_incumbent_without_checkpoints_has_no_directory():
    study = study_of()
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1))
    assert study.incumbent().checkpoint_dir is None
    with pytest.raises(ArgumentError, match="number must be that of a trial, got 15"):
        study.checkpoint_dir(15)


@pytest.mark.parametrize("keep", ["most", 0, -1, 1.5, None])
def test_what_is_kept_must_be_all_the_best_or_a_number(keep):
    with pytest.raises((ArgumentError, ArgumentTypeError), match="keep must be"):
        study_of().optimize(train, keep=keep)


def test_a_study_without_brackets_removes_nothing():
    with pytest.raises(ArgumentError, match=r"keep needs a bohb\.HyperbandPruner"):
        bohb.create_study().optimize(train, n_trials=1, keep="best")

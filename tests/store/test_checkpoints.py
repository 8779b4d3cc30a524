"""The checkpoint directories: each belongs to one trial of one study."""

from __future__ import annotations

import json
import os
import shutil
import sys

import optuna
import pytest
from studies import user_attributes

import bohb
from bohb.errors import StorageError
from bohb.store.checkpoints import copy_checkpoint, keep_copy, trial_directory
from bohb.store.legs import LegMarks

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="open journals cannot be moved")


def loss(x, epochs, value=100.0, done=0):
    for _ in range(epochs - done):
        value = 0.7 * value + 0.3 * (x - 2) ** 2
    return value


def objective(trial):
    x, file = trial.suggest_float("x", -5, 5), trial.checkpoint_dir / "state.json"
    state = json.loads(file.read_text()) if file.exists() else {"epoch": 0, "loss": 100.0}
    trial.set_user_attr(f"found at {trial.resource}", state["epoch"])
    epoch = max(trial.resource, state["epoch"])
    value = loss(x, epoch, state["loss"], state["epoch"])
    file.write_text(json.dumps({"epoch": epoch, "loss": value}))
    return value


def study_of(storage, name="s", seed=0, **arguments):
    return bohb.create_study(
        study_name=name,
        storage=storage,
        load_if_exists=True,
        sampler=bohb.BOHBSampler(seed=seed),
        pruner=bohb.HyperbandPruner(1, 9),
        **arguments,
    )


def assert_right(study):
    """Check that each value is what this trial's own training gives."""
    for trial in study.trials:
        for step, value in trial.intermediate_values.items():
            assert value == pytest.approx(loss(trial.params["x"], step), abs=1e-9)


def assert_continued(study):
    """Check that each promoted trial has found its checkpoint."""
    for trial in study.trials:
        found = {int(key.split()[-1]): epoch for key, epoch in user_attributes(trial).items()}
        resources = sorted(found)
        assert [found[resource] for resource in resources] == [0, *resources[:-1]]


def half(study):
    """Optimise until some trials are paused."""
    study.optimize(objective, n_trials=9, callbacks=[lambda study, trial: study.stop()])
    assert any(trial.state.name == "RUNNING" for trial in study.trials)


@pytest.mark.parametrize("how", ["copy_study", "the same storage", "a copied file"])
@pytest.mark.parametrize("kind", ["journal", "sqlite"])
def test_a_copy_of_a_study_finds_none_of_its_checkpoints(kind, how, tmp_path):
    def storage(name):
        path = tmp_path / f"{name}.{kind}"
        return path if kind == "journal" else f"sqlite:///{path}"

    original = study_of(storage("a"))
    half(original)
    name = "s"
    if how == "a copied file":
        shutil.copy(tmp_path / f"a.{kind}", tmp_path / f"b.{kind}")
    else:
        to = "a" if how == "the same storage" else "b"
        name = "t"
        opened = [study_of(storage(each), name="other")._storage for each in ("a", to)]
        optuna.copy_study(
            from_study_name="s", from_storage=opened[0], to_storage=opened[1], to_study_name=name
        )
    copy = study_of(storage("a" if how == "the same storage" else "b"), name=name, seed=7)
    for _ in range(2):  # they take turns
        for study in (copy, original):
            study.optimize(objective, n_brackets=1)
    assert copy.checkpoint_root != original.checkpoint_root
    for study in (original, copy):
        study.optimize(objective, n_rounds=1)
        assert_right(study)
    assert_continued(original)


def test_an_older_state_that_is_put_back_finds_no_newer_checkpoints(tmp_path):
    journal = tmp_path / "s.journal"
    half(study_of(journal))
    backup = journal.read_bytes()
    study_of(journal, seed=1).optimize(objective, n_rounds=1)
    journal.write_bytes(backup)
    study = study_of(journal, seed=2)
    study.optimize(objective, n_rounds=1)
    assert_right(study)


@pytest.mark.parametrize("named", [True, False])
def test_a_project_that_is_moved_finds_its_checkpoints(named, tmp_path, monkeypatch):
    old, new = tmp_path / "old", tmp_path / "new"
    old.mkdir()
    monkeypatch.chdir(old)
    arguments = {"checkpoint_root": "checkpoints"} if named else {}
    half(study_of(old / "s.journal", **arguments))
    monkeypatch.chdir(tmp_path)
    old.rename(new)
    monkeypatch.chdir(new)
    study = study_of(new / "s.journal", **arguments)
    study.optimize(objective, n_rounds=1)
    assert new in study.checkpoint_root.parents
    assert_right(study)
    assert_continued(study)
    assert not old.exists()


@pytest.mark.parametrize("is_named", [True, False])
def test_a_root_that_cannot_be_made_is_named_and_fails_no_trial(is_named, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bohb-checkpoints").write_text("a file")
    arguments = {"checkpoint_root": tmp_path / "bohb-checkpoints"} if is_named else {}
    with pytest.raises(StorageError, match=r"checkpoint_root must be a directory .* written to"):
        study_of(tmp_path / "s.journal", **arguments).optimize(objective, catch=Exception)
    study = study_of(tmp_path / "s.journal")
    assert all(trial.state.name != "FAIL" for trial in study.trials)
    (tmp_path / "bohb-checkpoints").unlink()
    study.optimize(objective)
    assert len(study.trials) == study.plan().n_trials


def test_what_a_strangers_storage_names_is_not_written_to(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    precious = tmp_path / "precious"
    (precious / "trial-00000").mkdir(parents=True)
    study = study_of(tmp_path / "s.journal")
    study._ledger.write("bohb:checkpoint_root", str(precious))
    study._ledger.write("bohb:checkpoint_mark", "known")
    study = study_of(tmp_path / "s.journal")
    with pytest.raises(StorageError, match="which this study has not made"):
        study.optimize(objective, catch=Exception)
    assert [path.name for path in precious.rglob("*")] == ["trial-00000"]
    named = study_of(tmp_path / "s.journal", checkpoint_root=tmp_path)
    named.optimize(objective)
    assert_right(named)
    assert not list((precious / "trial-00000").iterdir())


def test_a_planted_symlink_is_not_followed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "secret").write_text("secret")
    study = study_of(tmp_path / "s.journal")
    root = study.checkpoint_root
    os.symlink(precious, root / "trial-00000")
    for number in range(15):
        os.symlink(precious / "secret", root / f".trial-{number:05d}.leg")
    study.optimize(objective)
    assert_right(study)
    assert {path.name: path.read_text() for path in precious.iterdir()} == {"secret": "secret"}


def test_a_planted_symlink_is_not_copied_for_a_child(tmp_path):
    precious, root = tmp_path / "precious", tmp_path / "root"
    precious.mkdir()
    (precious / "secret").write_text("secret")
    parent, child = LegMarks("a", None), LegMarks("b", None)
    own = trial_directory(root, 0, parent)
    (own / "model").write_text("weights")
    kept = root / ".trial-00000.rung-0"
    kept.symlink_to(precious)
    assert not copy_checkpoint(root, 0, parent, 1, child, kept_at=0)
    keep_copy(root, 0, parent, 0)
    assert not kept.is_symlink()
    assert copy_checkpoint(root, 0, parent, 1, child, kept_at=0)
    assert [path.name for path in trial_directory(root, 1, child).iterdir()] == ["model"]
    assert [path.name for path in precious.iterdir()] == ["secret"]


@pytest.mark.parametrize("n_jobs", [1, 3])
def test_an_interrupted_leg_finds_its_own_checkpoint_again(n_jobs, tmp_path):
    seen = []

    def interrupted(trial):
        seen.append(trial.number)
        (trial.checkpoint_dir / "begun").touch()
        if trial.number == 3 and seen.count(3) == 1:
            raise KeyboardInterrupt
        return trial.suggest_float("x", 0, 1)

    study = study_of(tmp_path / "s.journal")
    with pytest.raises(KeyboardInterrupt):
        study.optimize(interrupted, n_jobs=n_jobs)
    study = study_of(tmp_path / "s.journal")
    study.optimize(interrupted, n_jobs=n_jobs)
    assert len(list(study.checkpoint_root.glob("trial-*"))) == len(study.trials)

"""Populations in a study: children go on from their parents' checkpoints, wherever legs run."""

import itertools
import json
import logging
import os
import subprocess
import sys

import numpy as np
import optuna
import pytest
from optuna.trial import TrialState
from studies import decisions, study_of, wait_until

import bohb
from bohb.errors import ArgumentError, ObjectiveError, ReportError, SettingsError
from bohb.executors import ProcessExecutor, ThreadExecutor


def population(**arguments):
    return bohb.PopulationPruner(
        **{"max_resource": 12, "interval": 3, "population": 5, **arguments}
    )


def descend(trial):
    """Train as in Jaderberg et al. (2017), figure 2, and keep each step in the checkpoint."""
    h = np.array([trial.suggest_float("h0", 0, 1), trial.suggest_float("h1", 0, 1)])
    kind = trial.suggest_categorical("kind", ["a", "b"])
    file = trial.checkpoint_dir / "steps.json"
    steps = json.loads(file.read_text()) if file.exists() else [[0.9, 0.9, trial.number, kind]]
    steps = steps[: trial.previous_resource + 1]  # a leg that was cut off may have gone beyond
    assert len(steps) - 1 == trial.previous_resource
    while len(steps) - 1 < trial.resource:
        theta = np.array(steps[-1][:2])
        theta = theta - 0.02 * h * theta
        steps.append([*theta, trial.number, kind])
    whole = file.with_suffix(".new")  # a process that is killed leaves no file that is cut short
    whole.write_text(json.dumps(steps))
    whole.replace(file)
    return 1.2 - float(theta @ theta)


SPACE = {
    "h0": optuna.distributions.FloatDistribution(0, 1),
    "h1": optuna.distributions.FloatDistribution(0, 1),
    "kind": optuna.distributions.CategoricalDistribution(["a", "b"]),
}


def steps_of(study, number):
    return json.loads((study.checkpoint_dir(number) / "steps.json").read_text())


def check(study):
    """Check that each trial was trained with what its lineage says, and the plan was kept."""
    plan = study.plan()
    resources = plan.brackets[0].resources
    frame = study.evaluations_dataframe()
    assert frame.groupby("rung").size().tolist() == list(plan.brackets[0].sizes)
    assert sorted(frame.resource.unique()) == list(resources)
    for trial in study.trials:
        if trial.state != TrialState.COMPLETE:
            continue
        stretches = study.lineage(trial.number)
        trained = [step[2] for step in steps_of(study, trial.number)][1:]
        expected = []
        for stretch in stretches:
            expected += [stretch.number] * (stretch.end - stretch.begin)
        assert trained == expected
        assert len(trained) == resources[-1]
        for before, after in itertools.pairwise(stretches):
            assert before.end == after.begin
    children = [t for t in study.trials if "birth" in t.system_attrs["bohb:leg"]]
    assert children
    return children


@pytest.mark.parametrize("asynchronous", [False, True])
@pytest.mark.parametrize("explore", ["perturb", "model"])
@pytest.mark.parametrize("workers", ["here", "threads", "processes"])
def test_children_go_on_from_copies_of_their_parents(tmp_path, asynchronous, explore, workers):
    pruner = population(
        asynchronous=asynchronous, explore=explore, population=8, truncation=0.4, interval=2
    )
    study = study_of(
        pruner, storage=tmp_path / "s.journal", checkpoint_root=tmp_path, direction="maximize"
    )
    executors = {"threads": ThreadExecutor, "processes": ProcessExecutor}
    executor = executors[workers](3) if workers in executors else None
    study.optimize(descend, executor=executor)
    children = check(study)
    sources = {e.proposed_by for e in study.evaluations() if e.number == children[-1].number}
    # The first children of an asynchronous population are born before anything can be modelled.
    by_model = {"population model"} if not asynchronous else {"population model", "perturbation"}
    assert sources <= (by_model if explore == "model" else {"perturbation"})
    if not asynchronous:
        assert len(study.trials) == study.plan().n_trials
    left = [path.name for path in study.checkpoint_root.iterdir()]
    assert not [name for name in left if "rung" in name]  # copies that were kept for children


def test_a_population_is_the_same_for_any_number_of_workers():
    found = []
    for n_jobs in (1, 3):
        study = study_of(
            population(),
            direction="maximize",
            sampler=bohb.BOHBSampler(seed=0, random_fraction=1.0),
            space=SPACE,
        )
        study.optimize(descend, n_jobs=n_jobs)
        found.append(study.lineage())
    assert found[0] == found[1]


SCRIPT = """
import os, pathlib, sys
sys.path[:0] = {paths!r}
import bohb
from test_population import descend, population
from studies import study_of
n = 0
def objective(trial):
    global n
    n += 1
    if n > int(sys.argv[2]):
        os._exit(9)
    return descend(trial)
study = study_of(population(asynchronous={asynchronous}), storage=pathlib.Path(sys.argv[1]),
                 study_name="mine", load_if_exists=True, direction="maximize")
study.optimize(objective, in_total=True, n_rounds=1)
"""


@pytest.mark.slow
@pytest.mark.parametrize("asynchronous", [False, True])
def test_a_killed_population_goes_on_with_the_same_decisions(tmp_path, asynchronous, monkeypatch):
    paths = [os.path.dirname(__file__), os.path.dirname(sys.modules["studies"].__file__)]
    code = SCRIPT.format(paths=paths, asynchronous=asynchronous)
    monkeypatch.chdir(tmp_path)
    for name, n_legs in (("whole.journal", [99]), ("killed.journal", [3, 4, 1, 5, 2, 99])):
        for n in n_legs:
            call = [sys.executable, "-c", code, name, str(n)]
            done = subprocess.run(call, cwd=tmp_path, capture_output=True, text=True, check=False)
            assert done.returncode == (0 if n == 99 else 9), done.stderr
    whole, killed = (
        bohb.load_study(storage=tmp_path / name, study_name="mine")
        for name in ("whole.journal", "killed.journal")
    )
    check(killed)
    assert decisions(killed).equals(decisions(whole))
    births = [
        [trial.system_attrs["bohb:leg"].get("birth") for trial in study.trials]
        for study in (whole, killed)
    ]
    assert births[0] == births[1]


def test_the_published_toy_is_solved_by_exploiting_alone():
    # Jaderberg et al. (2017), figure 2: either gradient alone leaves one coordinate at 0.9.
    study = study_of(
        population(max_resource=200, interval=4, population=2, resample_probability=0.0),
        direction="maximize",
    )
    study.enqueue_trial({"h0": 1.0, "h1": 0.0, "kind": "a"})
    study.enqueue_trial({"h0": 0.0, "h1": 1.0, "kind": "a"})
    study.optimize(descend)
    assert study.incumbent().value < 1.2 - 0.9**2 + 1e-3  # nothing was explored from 0

    study = study_of(
        population(max_resource=400, interval=4, population=2), direction="maximize", seed=1
    )
    study.enqueue_trial({"h0": 1.0, "h1": 0.0, "kind": "a"})
    study.enqueue_trial({"h0": 0.0, "h1": 1.0, "kind": "a"})
    study.optimize(descend)
    assert study.incumbent().value > 1.1


def test_a_trial_knows_its_parent_and_where_it_goes_on():
    seen = {}

    def objective(trial):
        seen.setdefault(trial.number, (trial.parent, trial.previous_resource))
        return descend(trial)

    study = study_of(population(), direction="maximize")
    study.optimize(objective)
    members = {number: where for number, where in seen.items() if number < 5}
    assert set(members.values()) == {(None, 0)}
    assert all(parent < number and at >= 3 for number, (parent, at) in seen.items() if number >= 5)
    shown = str(study.explain(6)).splitlines()
    assert shown[0].startswith(
        f"Trial 6 of bracket 0, which went on from the checkpoint of trial {seen[6][0]},"
    )
    assert shown[1] == f"It was perturbed from its parent's values at resource {seen[6][1]}."


def test_reports_count_from_where_a_child_goes_on():
    def objective(trial):
        trial.suggest_float("x", 0, 1)
        (trial.checkpoint_dir / "weights").touch()
        for epoch in range(trial.previous_resource, trial.resource):
            trial.report(1.0, epoch)

    study = study_of(population())
    with pytest.raises(ReportError, match=r"step must be above 3, .* in a population the first"):
        study.optimize(objective)


def test_a_child_whose_parent_has_saved_nothing_is_refused():
    study = study_of(population())
    with pytest.raises(
        ObjectiveError, match="from the checkpoint of trial 0, which has none: with"
    ):
        study.optimize(lambda trial: trial.suggest_float("x", 0, 1) + trial.number)
    assert len(study.evaluations()) == 5


def test_a_generator_is_refused():
    def train(trial):
        yield trial.suggest_float("x", 0, 1)

    with pytest.raises(ArgumentError, match="func must be no generator with PopulationPruner"):
        study_of(population()).optimize(train)


def test_failures_are_replaced_too(caplog):
    def objective(trial):
        if trial.number == 2:
            raise ValueError
        return descend(trial)

    study = study_of(population(), direction="maximize")
    study.optimize(objective, catch=ValueError)
    states = [trial.state for trial in study.trials]
    assert states.count(TrialState.FAIL) == 1
    assert states.count(TrialState.COMPLETE) == 5
    assert "Trial 2 failed" in caplog.text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"population": 1}, "population must be at least 2, got 1"),
        ({"truncation": 0.6}, "truncation must be at most 0.5"),
        ({"interval": 0}, "interval must be"),
        ({"interval": 13}, "interval must be at most max_resource=12"),
        ({"explore": "guess"}, "explore must be"),
        ({"resample_probability": 2}, "resample_probability must"),
        ({"factors": [0.8, -1]}, "factors must"),
    ],
)
def test_wrong_arguments_are_refused(arguments, message):
    with pytest.raises(ArgumentError, match=message):
        population(**arguments)


def test_the_settings_of_a_population_are_kept(tmp_path):
    first = study_of(population(), storage=tmp_path / "s.journal", study_name="mine")
    first.optimize(descend, n_trials=5)
    again = bohb.load_study(storage=tmp_path / "s.journal", study_name="mine")
    assert repr(again.pruner) == repr(population())
    with pytest.raises(SettingsError, match="interval=3, got interval=4"):
        bohb.load_study(
            storage=tmp_path / "s.journal", study_name="mine", pruner=population(interval=4)
        ).optimize(descend)


def test_the_log_says_who_goes_on_from_whom(caplog):
    caplog.set_level(logging.INFO, logger="bohb.study")
    study_of(population(), direction="maximize").optimize(descend)
    assert "goes on from the checkpoint of trial" in caplog.text


def test_in_a_plain_study_only_the_worst_are_stopped_and_that_is_said_once(caplog):
    def objective(trial):
        x = trial.suggest_float("x", 0, 1)
        for epoch in range(1, 13):
            trial.report(x, epoch)
            if trial.should_prune():
                raise optuna.TrialPruned
        return x

    study = optuna.create_study(pruner=population(), sampler=optuna.samplers.RandomSampler(seed=0))
    study.optimize(objective, n_trials=40)
    n_pruned = sum(trial.state == TrialState.PRUNED for trial in study.trials)
    assert 5 < n_pruned < 30
    assert caplog.text.count("make the study by bohb.create_study to train a population") == 1


JOINING = """
import pathlib, sys, time
sys.path[:0] = {paths!r}
import bohb
from test_population import descend, population
from studies import study_of

def objective(trial):
    time.sleep(0.2)
    return descend(trial)

study = study_of(
    population(asynchronous={asynchronous}, interval=2), storage=pathlib.Path("s.journal"),
    study_name="mine", load_if_exists=True, direction="maximize", checkpoint_root="checkpoints",
)
study.optimize(objective, lease=5, n_rounds=1, in_total=True)
"""


@pytest.mark.slow
@pytest.mark.parametrize("asynchronous", [False, True])
def test_a_population_of_many_processes_outlives_the_one_that_leads(tmp_path, asynchronous):
    paths = [os.path.dirname(__file__), os.path.dirname(sys.modules["studies"].__file__)]
    code = JOINING.format(paths=paths, asynchronous=asynchronous)
    call = [sys.executable, "-c", code]
    leader = subprocess.Popen(call, cwd=tmp_path, stderr=subprocess.DEVNULL)
    checkpoints = tmp_path / "checkpoints"
    wait_until(lambda: list(checkpoints.glob("*/trial-*/steps.json")), seconds=60)
    others = [subprocess.Popen(call, cwd=tmp_path, stderr=subprocess.PIPE) for _ in range(2)]
    wait_until(lambda: len(list(checkpoints.glob("*/trial-*/steps.json"))) >= 5, seconds=60)
    leader.kill()
    leader.wait()
    for other in others:
        _, errors = other.communicate(timeout=120)
        assert other.returncode == 0, errors
    check(bohb.load_study(storage=tmp_path / "s.journal", study_name="mine"))

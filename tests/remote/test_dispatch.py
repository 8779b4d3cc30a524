"""The same plan on every engine, and what travels between it and the study."""

from __future__ import annotations

import functools
import multiprocessing
import os
import threading
import time

import loky
import optuna
import pytest
from engines import ENGINES, REMOTE, SPACE, engine, kept_engine
from objectives import STYLES, everything, resource, with_kind
from studies import counts, decisions, study_of, user_attributes

import bohb
from bohb.errors import (
    ArgumentError,
    ArgumentTypeError,
    ExecutorError,
    ObjectiveError,
    RemoteError,
    StudyError,
)
from bohb.executors import Executor, FuturesExecutor, ProcessExecutor, SimulatedExecutor

pytestmark = pytest.mark.slow  # real workers begin and die here

GRID = {"x": [0.1, 0.2, 0.3], "n": [1, 2, 4, 8, 16], "kind": ["a", "b"]}
SAMPLERS = {
    "random": lambda: bohb.BOHBSampler(seed=3, random_fraction=1.0),
    "Optuna's random": lambda: optuna.samplers.RandomSampler(seed=3),
    "grid": lambda: optuna.samplers.GridSampler(GRID, seed=3),
    "QMC": lambda: optuna.samplers.QMCSampler(seed=3),
}


@functools.cache
def with_one_worker(sampler):
    study = study_of(space=SPACE, sampler=SAMPLERS[sampler]())
    study.optimize(with_kind, n_rounds=2)
    return study


@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
@pytest.mark.parametrize("name", ENGINES)
def test_a_sampler_that_does_not_learn_makes_the_same_study_on_every_engine(name):
    with kept_engine(name) as executor:
        for sampler, make in SAMPLERS.items():
            study = study_of(space=SPACE, sampler=make())
            study.optimize(with_kind, n_rounds=2, executor=executor)
            reference = with_one_worker(sampler)
            assert decisions(study).equals(decisions(reference)), sampler
            assert study.best_trial.number == reference.best_trial.number


@pytest.mark.filterwarnings("ignore:FuturesExecutor cannot send a leg:UserWarning")
@pytest.mark.parametrize("name", ENGINES)
def test_every_style_of_objective_does_the_same_plan_on_every_engine(name):
    plan = study_of().plan(2)
    with kept_engine(name) as executor:
        for objective in STYLES.values():
            study = study_of()
            study.optimize(objective, n_rounds=2, executor=executor)
            assert counts(study) == (plan.n_trials, plan.n_evaluations, plan.resource_continued)


@pytest.mark.parametrize("name", ["serial", "threads", "processes", "dask", "ray"])
def test_no_unit_of_a_generator_is_trained_twice_where_it_can_wait(name):
    with kept_engine(name) as executor:
        study = study_of()
        study.optimize(STYLES["generator"], n_rounds=2, executor=executor)
    trained = sum(trial.user_attrs["n_trained"] for trial in study.trials)
    assert trained == study.plan(2).resource_continued


def test_a_pool_that_cannot_keep_generators_says_what_that_costs():
    with kept_engine("pool") as pool:
        study = study_of()
        with pytest.warns(UserWarning, match="takes 72 units of resource instead of 63") as record:
            study.optimize(STYLES["generator"], executor=pool)
    assert [str(warning.filename) for warning in record] == [__file__]
    trained = sum(trial.user_attrs["n_trained"] for trial in study.trials)
    assert trained == study.plan().resource_restarted


def test_the_grid_is_gone_through_once_and_the_last_bracket_finished_with_what_it_holds():
    study = study_of(space=SPACE, sampler=SAMPLERS["grid"]())
    study.optimize(with_kind, n_rounds=5)
    assert len(study.trials) == 30
    assert len({tuple(trial.params.values()) for trial in study.trials}) == 30
    assert all(trial.state.is_finished() for trial in study.trials)


class Spy(optuna.samplers.RandomSampler):
    """Notes how many trials it is shown when it proposes."""

    def __init__(self):
        super().__init__(seed=0)
        self.seen = []

    def sample_independent(self, study, trial, name, distribution):
        self.seen.append(len(study._get_trials(deepcopy=False, use_cache=True)))
        return super().sample_independent(study, trial, name, distribution)


@pytest.mark.parametrize("name", ["serial", "threads", "simulated"])
def test_a_sampler_is_shown_all_trials_there_are(name):
    with kept_engine(name) as executor:
        sampler = Spy()
        study = study_of(space=SPACE, sampler=sampler)
        study.optimize(with_kind, executor=executor)
    assert sampler.seen[::3] == list(range(1, 16))


# What travels


@pytest.mark.parametrize("name", REMOTE)
def test_lambdas_and_closures_travel(name):
    offset, lock_free = 0.5, threading.local  # what a notebook might have around
    with kept_engine(name) as executor:
        study = study_of()
        study.optimize(
            lambda trial: trial.suggest_float("x", 0, 1) + offset + 1 / trial.resource,
            executor=executor,
        )
    assert lock_free is threading.local
    assert study.best_value == study.best_params["x"] + offset + 1 / 9


@pytest.mark.parametrize("name", ["processes", "pool", "dask", "ray"])
def test_an_objective_that_cannot_be_pickled_is_refused_before_any_work(name):
    lock = threading.Lock()
    with kept_engine(name) as executor:
        study = study_of()
        with pytest.raises(
            ArgumentError,
            match=r"func must be picklable for (Process|Futures|Dask|Ray)"
            r"Executor.*cannot pickle '_thread.lock' object.*or use threads: n_jobs",
        ):
            study.optimize(lambda trial: lock and 0.0, executor=executor)
    assert study.trials == []
    study.optimize(resource)
    assert len(study.trials) == 15


@pytest.mark.parametrize("name", REMOTE)
def test_what_an_objective_writes_of_its_trial_comes_back(name, tmp_path):
    with kept_engine(name) as executor:
        study = study_of(checkpoint_root=tmp_path / "checkpoints", sampler=SAMPLERS["random"]())
        study.enqueue_trial({"x": 0.125})
        study.optimize(everything, n_brackets=1, executor=executor)
    best = study.best_trial
    assert best.params == {"x": best.params["x"], "choice": best.params["choice"], "fixed": 4}
    assert study.trials[0].params["x"] == 0.125
    assert best.user_attrs["pid"] != os.getpid()
    assert best.user_attrs["saw"] == [best.number, 9, 3, best.params["choice"]]
    assert best.constraints == {"small": best.params["x"]}
    assert best.intermediate_values.keys() == {1, 3, 9}
    root = study.checkpoint_root
    assert {p.name for p in (root / f"trial-{best.number:05d}").iterdir()} == {"1", "3", "9"}
    assert not list(root.glob("legs-*"))


@pytest.mark.parametrize(
    "use",
    [
        lambda study: study.set_user_attr("k", 1),
        lambda study: study.optimize(lambda trial: 0.0, n_trials=1),
        lambda study: study.ask(),
        lambda study: study.tell(0, 0.5),
        lambda study: study.enqueue_trial({"x": 0.5}),
        lambda study: study.add_trials([optuna.trial.create_trial(value=0.5)]),
        lambda study: study.set_metric_names(["loss"]),
    ],
)
def test_the_study_in_a_worker_refuses_what_it_cannot_do(use):
    study = study_of(study_name="mine")

    def objective(trial):
        trial.set_user_attr("name", trial.study.study_name)
        use(trial.study)

    with kept_engine("processes") as executor:
        study.optimize(objective, n_trials=1, catch=StudyError, executor=executor)
    assert user_attributes(study.trials[0]) == {"name": "mine"}
    assert "trial.study cannot be" in study.trials[0].system_attrs["bohb:error"]


@pytest.mark.parametrize("is_kept", [False, True])
def test_generators_in_workers_are_closed_before_optimize_returns(is_kept):
    def objective(trial):
        x = trial.suggest_float("x", 0, 1)
        try:
            while True:
                yield x
        finally:
            time.sleep(0.3)
            (trial.checkpoint_dir / "closed").touch()

    with kept_engine("processes") if is_kept else engine("processes") as executor:
        study = study_of(pruner=bohb.HyperbandPruner(1, 3))
        study.optimize(objective, executor=executor)
        closed = {path.parent.name for path in study.checkpoint_root.rglob("closed")}
    assert closed == {f"trial-{trial.number:05d}" for trial in study.trials}


def test_an_objective_in_a_process_may_start_processes_of_its_own():
    def objective(trial):
        queue = multiprocessing.SimpleQueue()
        helper = multiprocessing.Process(target=queue.put, args=(trial.suggest_float("x", 0, 1),))
        helper.start()
        helper.join()
        return queue.get()

    with kept_engine("processes") as executor:
        study = study_of(pruner=bohb.HyperbandPruner(1, 3))
        study.optimize(objective, executor=executor)
    assert study.best_value == study.best_params["x"]


def test_a_keyboard_interrupt_within_a_worker_stops_the_study(tmp_path):
    attempts = tmp_path / "attempts"
    attempts.touch()

    def objective(trial):
        if trial.number == 2:
            with attempts.open("a") as file:
                file.write("x")
            if attempts.read_text() == "x":
                raise KeyboardInterrupt
        # The other worker is not to begin more before the interrupt is heard of.
        while trial.number == 3 and attempts.read_text() != "xx" and not trial.should_prune():
            time.sleep(0.01)
        return trial.suggest_float("x", 0, 1)

    study = study_of()
    with kept_engine("processes") as executor:
        with pytest.raises(KeyboardInterrupt):
            study.optimize(objective, executor=executor)
        assert study.was_cut_off
        assert 3 <= len(study.trials) <= 4
        assert study.trials[2].state.name == "RUNNING"
        study.optimize(objective, executor=executor)
    assert len(study.trials) >= 15
    assert all(trial.state.is_finished() for trial in study.trials)


def test_a_user_attribute_that_cannot_be_stored_is_the_objectives_fault():
    study = study_of()

    def objective(trial):
        trial.set_user_attr("lock", threading.Lock())
        return 0.0

    study.optimize(objective, n_brackets=1, catch=TypeError, executor=ProcessExecutor(1))
    assert {trial.state.name for trial in study.trials} == {"FAIL"}
    assert "not JSON serializable" in study.trials[0].system_attrs["bohb:error"]


def test_a_module_that_a_worker_does_not_have_is_named(tmp_path, monkeypatch):
    (tmp_path / "only_here.py").write_text("def objective(trial):\n    return 0.0\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    import only_here

    with ProcessExecutor(1) as executor:
        study_of().optimize(resource, executor=executor)  # the worker exists, with its own path
        (tmp_path / "only_here.py").unlink()
        study = study_of()
        with pytest.raises(
            ExecutorError,
            match="workers of ProcessExecutor cannot load the objective: ModuleNotFoundError: "
            "No module named 'only_here'",
        ):
            study.optimize(only_here.objective, executor=executor)
    study.optimize(resource)
    assert counts(study)[:2] == (15, 20)


class StubbornError(Exception):
    """It can be pickled, and not unpickled."""

    def __init__(self, one, two):
        super().__init__(one)
        self.two = two


class UnreadableError(StubbornError):
    """It cannot even be read before it is complete."""

    def __init__(self, two):
        self.three = two

    def __str__(self):
        return str(self.four)


class KeywordError(ValueError):
    """It can be pickled, and not unpickled, and says what it was made with."""

    def __init__(self, *, code):
        super().__init__()
        self.code = code

    def __str__(self):
        return f"code {self.code}"


@pytest.mark.parametrize("name", ["processes", "pool", "dask"])
def test_exceptions_come_back_with_their_traceback(name):
    def failing(trial):
        raise KeyError("missing")

    def stubborn(trial):
        raise StubbornError(1, threading.Lock())

    def unreadable(trial):
        raise UnreadableError(threading.Lock())

    def with_keyword(trial):
        raise KeywordError(code=3)

    def stuck(trial):
        made = threading.Lock()

        class StuckError(Exception):
            lock = made  # so that not even the class can be pickled

        raise StuckError("deep")

    with kept_engine(name) as executor:
        study = study_of()
        with pytest.raises(KeyError, match="missing") as caught:
            study.optimize(failing, executor=executor)
        assert "in failing" in str(caught.value.__cause__)
        assert study.trials[0].system_attrs["bohb:error"] == "KeyError: 'missing'"
        study = study_of()
        with pytest.raises(StubbornError, match=r"^1$") as caught:
            study.optimize(stubborn, executor=executor)
        assert "in stubborn" in str(caught.value.__cause__)
        study = study_of()
        study.optimize(stubborn, n_brackets=1, catch=StubbornError, executor=executor)
        assert {trial.state.name for trial in study.trials} == {"FAIL"}
        study = study_of()
        with pytest.raises(UnreadableError, match="<exception str\\(\\) failed>"):
            study.optimize(unreadable, executor=executor)
        study = study_of()
        study.optimize(with_keyword, n_brackets=1, catch=ValueError, executor=executor)
        assert study.trials[0].system_attrs["bohb:error"] == "KeywordError: code 3"
        study = study_of()
        with pytest.raises(RemoteError, match="StuckError: deep"):
            study.optimize(stuck, executor=executor)
        study = study_of()
        with pytest.raises(ObjectiveError, match="must be one number, got None"):
            study.optimize(lambda trial: None, executor=executor)
        study = study_of()
        study.optimize(failing, n_brackets=1, catch=KeyError, executor=executor)
        assert {trial.state.name for trial in study.trials} == {"FAIL"}


def test_parameters_that_are_new_are_drawn_from_the_trials_own_stream():
    def objective(trial):
        x = trial.suggest_float("x", 0, 1)
        y = trial.suggest_float("y", 0, 1) if trial.number > 5 else 0.5
        return x + y

    def params(executor):
        study = study_of(sampler=SAMPLERS["random"]())
        study.optimize(objective, n_trials=9, executor=executor)
        return [trial.params for trial in study.trials]

    with ProcessExecutor(1) as executor:
        assert params(executor) == params(executor)
    assert params(ProcessExecutor(1))[0] == params(None)[0]


def test_the_sampler_proposes_what_other_trials_have_asked_for():
    def objective(trial):
        kind = trial.suggest_categorical("kind", ["a", "b"])
        name = f"x_{kind}"
        return (trial.suggest_float(name, 0, 1) - 0.3) ** 2 + 1 / trial.resource

    study = study_of(sampler=optuna.samplers.TPESampler(seed=0, n_startup_trials=5))
    study.optimize(objective, n_rounds=3, executor=ProcessExecutor(1))
    late = [trial for trial in study.trials if trial.number > 20]
    assert late
    assert all(len(trial.params) == 2 for trial in study.trials)
    assert study.best_value < 1 / 9 + 0.01


def test_what_a_range_cannot_hold_is_proposed_to_a_worker_as_to_the_study_itself():
    def below(trial):
        x = trial.suggest_float("x", 0, 1)
        return (x - 0.7) ** 2 + (trial.suggest_float("y", 0, x) - 0.5) ** 2

    def values(executor):
        study = study_of(sampler=bohb.BOHBSampler(seed=1), pruner=bohb.HyperbandPruner(1, 1))
        study.optimize(below, n_trials=40, executor=executor)
        return [tuple(trial.params.values()) for trial in study.trials]

    with ProcessExecutor(1) as executor:
        found = values(executor)
    assert sum(x == y for x, y in found) >= 2  # the ends of ranges that hold less
    assert len(set(found)) >= len(found) - 3


@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
@pytest.mark.parametrize("sampler", ["grid", "partly fixed", "brute force"])
def test_samplers_that_must_be_asked_need_a_space_where_they_cannot_be(sampler):
    made = SAMPLERS["grid"]()
    if sampler == "partly fixed":
        made = optuna.samplers.PartialFixedSampler({"x": 0.5}, optuna.samplers.RandomSampler())
    elif sampler == "brute force":
        made = optuna.samplers.BruteForceSampler(seed=0)
    study = study_of(sampler=made)
    with pytest.raises(ArgumentError, match=r"Sampler needs create_study\(space=\.\.\.\) with"):
        study.optimize(resource, executor=ProcessExecutor(1))


def test_an_objective_may_stop_the_study_from_its_worker():
    def objective(trial):
        if trial.number == 4:
            trial.study.stop()
        if trial.number > 4:
            time.sleep(1)  # so that no others begin before it is known that none shall
        return trial.suggest_float("x", 0, 1)

    study = study_of()
    study.optimize(objective, executor=ProcessExecutor(2))
    assert 5 <= len(study.trials) <= 7


def test_an_objective_may_end_the_legs_of_other_workers():
    def objective(trial):
        if trial.number == 4:
            trial.study.stop(now=True)
            return trial.suggest_float("x", 0, 1)
        while trial.number == 5 and not trial.should_prune():
            time.sleep(0.01)
        return trial.suggest_float("x", 0, 1)

    study = study_of()
    study.optimize(objective, executor=ProcessExecutor(2))
    assert len(study.evaluations_dataframe()) <= 6
    assert study.trials[4].intermediate_values


# What is taken as an executor


def test_what_is_no_executor_is_refused():
    study = study_of()
    with pytest.raises(ArgumentTypeError, match=r"executor must be a concurrent\.futures"):
        study.optimize(resource, executor=4)
    with pytest.raises(ArgumentError, match="n_jobs is for threads of this process"):
        study.optimize(resource, executor=ProcessExecutor(2), n_jobs=2)
    with pytest.raises(ArgumentTypeError, match=r"pool must be a concurrent\.futures"):
        FuturesExecutor(4)
    with pytest.raises(ArgumentError, match="n_workers must be at least 1, got 0"):
        ProcessExecutor(0)
    plain = bohb.create_study(pruner=optuna.pruners.NopPruner())
    with pytest.raises(ArgumentError, match=r"executor needs a bohb\.HyperbandPruner"):
        plain.optimize(resource, executor=ProcessExecutor(2))
    with pytest.raises(ArgumentError, match=r"max_retries needs a bohb\.HyperbandPruner"):
        plain.optimize(resource, max_retries=3)
    with pytest.raises(ArgumentTypeError, match="environments must be a list of one dict for each"):
        ProcessExecutor(1, environments={"A": "1"})
    with pytest.raises(ArgumentTypeError, match="environments must hold one dict for each worker"):
        ProcessExecutor(1, environments=["A"])
    with pytest.raises(ArgumentError, match="duration must return seconds of at least 0, got -1"):
        study_of().optimize(resource, executor=SimulatedExecutor(1, lambda leg: -1))
    assert study.trials == plain.trials == []


def test_the_port_is_small():
    assert Executor.__abstractmethods__ == {"n_workers", "start"}


def seen_in_processes(variable, executor):
    """Return what this environment variable was in all legs."""

    def objective(trial):
        trial.set_user_attr(f"on {trial.resource}", os.environ[variable])  # a trial may move
        return 0.0

    study = study_of()
    study.optimize(objective, executor=executor)
    return {value for trial in study.trials for value in user_attributes(trial).values()}


def test_environment_variables_are_given_to_processes():
    environments = [{"DEVICE": "zero"}, {"DEVICE": "one"}]
    executor = ProcessExecutor(environments=environments)
    assert seen_in_processes("DEVICE", executor) == {"zero", "one"}
    with pytest.raises(ArgumentError, match="one dict for each of the 3 workers, got 2"):
        ProcessExecutor(3, environments=environments)


def test_each_process_computes_with_its_share_of_the_processors(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    share = str(max(1, loky.cpu_count() // 2))
    assert seen_in_processes("OMP_NUM_THREADS", ProcessExecutor(2)) == {share}
    environments = [{}, {"OMP_NUM_THREADS": "7"}]
    executor = ProcessExecutor(environments=environments)
    assert seen_in_processes("OMP_NUM_THREADS", executor) == {share, "7"}


def test_a_worker_does_not_import_what_only_the_model_needs():
    def objective(trial):
        import sys

        trial.set_user_attr("scipy", "scipy" in sys.modules)
        return trial.suggest_float("x", 0, 1)

    study = study_of()
    study.optimize(objective, n_brackets=1, executor=ProcessExecutor(1))
    assert not any(trial.user_attrs["scipy"] for trial in study.trials)


def test_no_two_workers_get_the_same_configuration():
    choices = optuna.distributions.IntDistribution(1, 60)
    study = study_of(space={"n": choices}, pruner=bohb.HyperbandPruner(1, 9))
    executor = SimulatedExecutor(64, lambda leg: 1 + leg.number % 7)
    study.optimize(lambda trial: abs(trial.params["n"] - 7), n_rounds=4, executor=executor)
    assert len({trial.params["n"] for trial in study.trials}) == 60 == len(study.trials)

"""What free workers are given, how much may be open at once, and what may wait in memory."""

from __future__ import annotations

import time

import pytest
from engines import engine
from objectives import resource
from studies import counts, decisions, study_of, user_attributes

import bohb
from bohb.executors import Executor, SimulatedExecutor, ThreadExecutor


def by_resource(leg):
    return float(leg.resource - leg.previous_resource)


class Watched(SimulatedExecutor):
    """A simulated executor that notes what it was given, and when."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.given = []

    def start(self, task, shared, worker):
        self.given.append((self.now(), task.number, task.resource))
        return super().start(task, shared, worker)


def test_no_worker_is_idle_while_a_bracket_can_start():
    sampler = bohb.BOHBSampler(seed=0, random_fraction=1.0)
    study = study_of(pruner=bohb.HyperbandPruner(1, 27), sampler=sampler)
    executor = SimulatedExecutor(64, by_resource)
    study.optimize(resource, executor=executor, timeout=50)
    assert executor.utilization == 1.0


@pytest.mark.parametrize("asynchronous", [False, True])
def test_promotions_run_before_new_trials_and_the_furthest_first(asynchronous):
    pruner = bohb.HyperbandPruner(1, 27, asynchronous=asynchronous)
    study = study_of(pruner=pruner)
    left = []

    class Asking(SimulatedExecutor):
        def start(self, task, shared, worker):
            promotion = study._session._state.schedule.next_leg(may_start=False)
            if promotion is not None:
                left.append((task.previous_resource, task.resource, promotion.resource))
            return super().start(task, shared, worker)

    study.optimize(resource, n_rounds=2, executor=Asking(3, lambda leg: 1.0))
    assert asynchronous or len(left) > 5  # asynchronous ones are run the moment they can be
    for previous, given, next_best in left:
        assert previous > 0  # no new trial while a promotion waits
        assert given >= next_best


def test_the_best_of_a_rung_is_promoted_first():
    study = study_of()
    executor = Watched(1, by_resource)
    study.optimize(resource, n_brackets=1, executor=executor)
    frame = study.evaluations_dataframe()
    first = frame[frame["rung"] == 0].sort_values("value")["number"].tolist()
    assert [number for _, number, res in executor.given if res == 3] == first[:3]


@pytest.mark.parametrize("asynchronous", [False, True])
@pytest.mark.parametrize("most", [1, 2])
def test_no_more_brackets_are_open_than_may_be(asynchronous, most):
    study = study_of(pruner=bohb.HyperbandPruner(1, 9, asynchronous=asynchronous, adaptive=False))
    open_at_once = []

    def objective(trial):
        runs = study._session._state.schedule.runs
        open_at_once.append(sum(not run.finished for run in runs))
        return resource(trial)

    executor = SimulatedExecutor(50, by_resource)
    study.optimize(objective, n_rounds=2, executor=executor, max_open_brackets=most)
    assert max(open_at_once) == most
    assert len(study.trials) == study.plan(2).n_trials
    assert all(trial.state.is_finished() for trial in study.trials)
    slow = executor.now()
    study = study_of(pruner=bohb.HyperbandPruner(1, 9, asynchronous=asynchronous, adaptive=False))
    executor = SimulatedExecutor(50, by_resource)
    study.optimize(resource, n_rounds=2, executor=executor)
    assert executor.now() < slow


# Generators that wait


class Generators:
    """An objective that counts its generators: those that live, and the units they trained."""

    def __init__(self):
        self.alive = self.most_alive = self.n_trained = 0

    def __call__(self, trial):
        x = trial.suggest_float("x", 0, 1)
        self.alive += 1
        self.most_alive = max(self.alive, self.most_alive)
        try:
            unit = 0
            while True:
                unit += 1
                self.n_trained += 1
                yield (x - 0.3) ** 2 + 1 / unit
        finally:
            self.alive -= 1


@pytest.mark.parametrize("most", [0, 2, 4])
def test_no_more_generators_wait_than_may_and_the_best_are_kept(most):
    free, bounded = Generators(), Generators()
    reference, study = study_of(), study_of()
    reference.optimize(free, n_rounds=2)
    study.optimize(bounded, n_rounds=2, max_paused=most)
    assert decisions(study).equals(decisions(reference))
    assert bounded.most_alive <= most + 1  # one is under way
    assert free.most_alive > 5
    plan = study.plan(2)
    assert free.n_trained == plan.resource_continued
    assert plan.resource_continued <= bounded.n_trained <= plan.resource_restarted
    if most == 0:
        assert bounded.n_trained == plan.resource_restarted
    if most == 4:  # the three that are promoted are among the four that may wait
        assert bounded.n_trained == plan.resource_continued
    assert bounded.alive == free.alive == 0


def test_generators_in_threads_are_bounded_too():
    objective = Generators()
    study = study_of()
    study.optimize(objective, executor=ThreadExecutor(3), max_paused=2)
    assert objective.most_alive <= 2 + 3
    assert objective.alive == 0
    assert counts(study)[:2] == (15, 20)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["processes", "dask"])
@pytest.mark.parametrize("most", [0, None])
def test_generators_in_other_processes_are_bounded_too(name, most):
    def objective(trial):
        x = trial.suggest_float("x", 0, 1)
        n_trained = trial.user_attrs.get("n_trained", 0)
        while True:
            n_trained += 1
            trial.set_user_attr("n_trained", n_trained)
            yield (x - 0.3) ** 2 + 1 / n_trained

    study = study_of()
    with engine(name) as executor:
        study.optimize(objective, executor=executor, max_paused=most)
    trained = sum(trial.user_attrs["n_trained"] for trial in study.trials)
    plan = study.plan()
    if most is None:
        assert trained == plan.resource_continued
    else:  # a leg that happens to come to where its generator has not been let go yet takes it up
        assert plan.resource_continued < trained <= plan.resource_restarted


@pytest.mark.slow
def test_workers_of_a_context_manager_keep_generators_from_call_to_call():
    def objective(trial):
        x = trial.suggest_float("x", 0, 1)
        n_trained = trial.user_attrs.get("n_trained", 0)
        while True:
            n_trained += 1
            trial.set_user_attr("n_trained", n_trained)
            if trial.number == 4 and n_trained == 1:
                trial.study.stop()
            if trial.number > 4 and n_trained == 1:
                time.sleep(1)  # so that no others begin before it is known that none shall
            yield (x - 0.3) ** 2 + 1 / n_trained

    from bohb.executors import ProcessExecutor

    study = study_of()
    with ProcessExecutor(2) as executor:
        study.optimize(objective, executor=executor)
        assert 5 <= len(study.trials) < 9
        study.optimize(objective, n_brackets=2, executor=executor)
    trained = sum(trial.user_attrs["n_trained"] for trial in study.trials)
    reached = study.evaluations_dataframe().groupby("number")["resource"].max().sum()
    assert trained == reached


def test_generators_of_another_objective_are_closed_in_workers_that_live_on():
    from bohb.executors import ProcessExecutor

    def waiting(trial):
        trial.study.stop()
        try:
            while True:
                yield trial.suggest_float("x", 0, 1)
        finally:
            (trial.checkpoint_dir / "closed").touch()

    def other(trial):
        closed = (trial.checkpoint_dir.parent / "trial-00000" / "closed").exists()
        trial.set_user_attr("saw closed", closed)
        return trial.suggest_float("x", 0, 1)

    study = study_of()
    with ProcessExecutor(1) as executor:
        study.optimize(waiting, executor=executor)
        assert not any(study.checkpoint_root.rglob("closed"))
        study.optimize(other, executor=executor)
    assert user_attributes(study.trials[-1]) == {"saw closed": True}


def test_an_executor_of_ones_own_needs_two_methods():
    from concurrent.futures import Future

    class Immediate(Executor):
        is_local = True
        n_workers = 1

        def start(self, task, shared, worker):
            future = Future()
            future.set_result(task(shared))
            return future

    study = study_of()
    study.optimize(resource, executor=Immediate())
    assert counts(study)[:2] == (15, 20)

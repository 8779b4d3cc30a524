"""The three styles of objectives, each counted for how many units it trained."""

from __future__ import annotations

import copy
import functools
import os
import pickle
from collections import Counter

import optuna
import pytest
from optuna.trial import TrialState
from studies import decisions

import bohb
from bohb.errors import SamplerError, TrialStateError
from bohb.objective.objective import Objective

PRUNER = functools.partial(bohb.HyperbandPruner, 1, 27)


class Trainer:
    """Trains nothing, and counts the units. The loss is the trial's quality plus 1/unit."""

    def __init__(self):
        self.units = Counter()
        self.starts = Counter()

    def train(self, trial, quality, unit):
        self.units[trial.number] += 1
        return quality + 1 / unit

    def begin(self, trial):
        self.starts[trial.number] += 1
        return trial.suggest_float("quality", 0, 1)

    def generator(self, trial):
        quality, unit = self.begin(trial), 0
        while True:
            unit += 1
            yield self.train(trial, quality, unit)

    def loop(self, trial, first=1, last=27):
        quality = self.begin(trial)
        for step in range(first, first + last):
            value = self.train(trial, quality, step + 1 - first)
            trial.report(value, step)
            if trial.should_prune():
                raise bohb.TrialPruned
        return value

    def loop_from_zero(self, trial):
        return self.loop(trial, first=0)

    def resource(self, trial):
        quality = self.begin(trial)
        for unit in range(trial.previous_resource + 1, trial.resource + 1):
            value = self.train(trial, quality, unit)
        return value

    def checkpointed_loop(self, trial):
        quality = self.begin(trial)
        file = trial.checkpoint_dir / "unit.txt"
        unit = int(file.read_text()) if file.exists() else 0
        value = quality + 1 / max(unit, 1)
        while unit < 27:
            unit += 1
            value = self.train(trial, quality, unit)
            file.write_text(str(unit))
            trial.report(value, unit)
            if trial.should_prune():
                raise optuna.TrialPruned
        return value

    @property
    def total(self):
        return sum(self.units.values())


def run(style, sampler=None, **arguments):
    trainer = Trainer()
    sampler = sampler or bohb.BOHBSampler(seed=0, model="density")
    study = bohb.create_study(sampler=sampler, pruner=PRUNER(), **arguments)
    study.optimize(getattr(trainer, style))
    return study, trainer


def held(study):
    frame = study.evaluations_dataframe()
    counts = frame.groupby(["bracket", "rung"]).size()
    return [tuple(counts[bracket]) for bracket in counts.index.levels[0]]


STYLES = ["generator", "loop", "loop_from_zero", "resource", "checkpointed_loop"]


@pytest.mark.parametrize("style", STYLES)
def test_a_run_is_its_plan(style):
    study, trainer = run(style)
    plan = study.plan()
    assert held(study) == [bracket.sizes for bracket in plan.brackets]
    assert len(study.trials) == plan.n_trials
    assert len(study.evaluations_dataframe()) == plan.n_evaluations
    restarts = style in ("loop", "loop_from_zero")
    assert trainer.total == (plan.resource_restarted if restarts else plan.resource_continued)


def test_a_generator_starts_once_and_trains_no_unit_twice():
    study, trainer = run("generator")
    assert set(trainer.starts.values()) == {1}
    for trial in study.trials:
        assert trainer.units[trial.number] == trial.last_step


@pytest.mark.parametrize("style", STYLES)
def test_all_styles_make_the_same_decisions(style):
    # With the same configurations: a style that reports between the rungs tells the model more.
    reference, _ = run("generator", bohb.BOHBSampler(seed=0, random_fraction=1.0))
    study, _ = run(style, bohb.BOHBSampler(seed=0, random_fraction=1.0))
    assert decisions(study).equals(decisions(reference))
    assert study.best_trial.params == reference.best_trial.params


@pytest.mark.parametrize("style", STYLES)
def test_maximizing_the_negative_is_minimizing(style):
    class Negative(Trainer):
        def train(self, trial, quality, unit):
            return -super().train(trial, quality, unit)

    trainer = Negative()
    study = bohb.create_study(
        direction="maximize", sampler=bohb.BOHBSampler(seed=0, model="density"), pruner=PRUNER()
    )
    study.optimize(getattr(trainer, style))
    reference, _ = run(style)
    assert [t.params for t in study.trials] == [t.params for t in reference.trials]
    assert study.best_value == -reference.best_value
    assert study.incumbent().value == -reference.incumbent().value


def test_states_tell_optuna_the_truth():
    study, _ = run("loop")
    top = [t for t in study.trials if t.state.name == "COMPLETE"]
    assert {t.last_step for t in top} == {27}
    assert len(top) == sum(bracket.sizes[-1] for bracket in study.plan().brackets)
    assert {t.state.name for t in study.trials} == {"COMPLETE", "PRUNED"}
    assert study.best_value == min(t.value for t in top)


def test_a_loop_that_counts_from_zero_has_used_one_more_than_its_step():
    study, _ = run("loop_from_zero")
    top = study.best_trial
    assert sorted(top.intermediate_values) == list(range(27))
    assert study.incumbent().resource == 27


def test_a_loop_that_reports_seldom_is_judged_at_its_first_report_after_the_rung():
    calls = []

    def objective(trial):
        x = trial.suggest_float("x", 0, 1)
        calls.append((trial.number, trial.resource))
        for step in (5, 10, 15, 20, 25, 30):
            trial.report(x + 1 / step, step)
            if trial.should_prune():
                raise bohb.TrialPruned
        return x

    study = bohb.create_study(sampler=bohb.BOHBSampler(seed=0, model="density"), pruner=PRUNER())
    study.optimize(objective)
    assert held(study) == [bracket.sizes for bracket in study.plan().brackets]
    frame = study.evaluations_dataframe()
    first = frame[(frame.bracket == 0) & (frame.resource == 1)]
    assert (first.value == first.params_x + 1 / 5).all()
    # Resource 3 is known from the report at 5 as well, so no leg is run for it.
    assert {resource for number, resource in calls if number < 27} == {1, 9, 27}


def test_a_loop_that_never_asks_trains_once_and_its_curve_decides():
    calls = Counter()

    def objective(trial):
        calls[trial.number] += 1
        x = trial.suggest_float("x", 0, 1)
        for step in range(1, 28):
            trial.report(x + 1 / step, step)
        return x + 1 / 27

    study = bohb.create_study(sampler=bohb.BOHBSampler(seed=0, model="density"), pruner=PRUNER())
    study.optimize(objective)
    assert held(study) == [bracket.sizes for bracket in study.plan().brackets]
    assert set(calls.values()) == {1}


def test_a_loop_longer_than_the_highest_resource_is_stopped_just_after_it():
    trainer = Trainer()
    study = bohb.create_study(pruner=bohb.SuccessiveHalvingPruner(9, 27))
    study.optimize(functools.partial(trainer.loop, last=100))
    top = study.best_trial
    assert top.last_step == 28
    assert top.value == top.intermediate_values[27]


def test_what_a_loop_returns_is_its_value_at_the_top():
    def objective(trial):
        x = trial.suggest_float("x", 0, 1)
        for step in range(1, 10):
            trial.report(x, step)
            if trial.should_prune():
                raise bohb.TrialPruned
        return x + 100

    study = bohb.create_study(pruner=bohb.HyperbandPruner(1, 9))
    study.optimize(objective)
    assert study.best_value == pytest.approx(study.best_params["x"] + 100)


def test_an_objective_that_gives_up_early_is_pruned_and_does_not_compete():
    def objective(trial):
        trial.suggest_float("x", 0, 1)
        if trial.number % 2:
            raise bohb.TrialPruned
        return float(trial.number)

    study = bohb.create_study(pruner=bohb.SuccessiveHalvingPruner(1, 9))
    study.optimize(objective)
    assert study.best_trial.number == 0
    promoted = study.evaluations_dataframe().query("rung == 1").number.tolist()
    assert promoted == [0, 2, 4]


def test_a_generator_that_ends_early_has_its_last_value_from_there_on(caplog):
    units = Counter()

    def objective(trial):
        x = trial.suggest_float("x", 0, 1)
        for unit in range(1, 6):
            units[trial.number] += 1
            yield x + 1 / unit

    study = bohb.create_study(sampler=bohb.BOHBSampler(seed=0, model="density"), pruner=PRUNER())
    study.optimize(objective)
    assert caplog.text.count("ended after 5 units, before the 9 it was given") == 1
    assert held(study) == [bracket.sizes for bracket in study.plan().brackets]
    assert max(units.values()) == 5
    assert study.best_value == pytest.approx(study.best_params["x"] + 1 / 5)


def test_a_generator_that_returns_its_last_value_has_ended_on_purpose(caplog):
    def objective(trial):
        x = trial.suggest_float("x", 0, 1)
        yield x + 1
        return x

    study = bohb.create_study(pruner=PRUNER())
    study.optimize(objective)
    assert "ended after" not in caplog.text
    assert held(study) == [bracket.sizes for bracket in study.plan().brackets]
    assert study.best_value == study.best_params["x"]


@pytest.mark.parametrize("bounds", [(1, 27), (0.1, 2.7)])
def test_a_generator_may_report_where_it_likes_and_yield_nothing(bounds):
    trained = Counter()

    def objective(trial):
        x, done = trial.suggest_float("x", 0, 1), 0
        while True:
            trained[trial.number] += trial.resource - done
            done = trial.resource
            trial.report(x + 1 / done, done)
            yield

    study = bohb.create_study(pruner=bohb.HyperbandPruner(*bounds))
    study.optimize(objective)
    assert held(study) == [bracket.sizes for bracket in study.plan().brackets]
    assert sum(trained.values()) == pytest.approx(study.plan().resource_continued)
    steps = {len(trial.intermediate_values) for trial in study.trials}
    assert steps == {1, 2, 3, 4}  # at its rungs and nowhere else


def test_a_generator_that_reports_between_its_rungs_has_the_whole_curve():
    def objective(trial):
        x = trial.suggest_float("x", 0, 1)
        for epoch in range(2, 28, 2):
            trial.report(x + 1 / epoch, epoch)
            yield

    study = bohb.create_study(pruner=bohb.HyperbandPruner(1, 27))
    study.optimize(objective)
    assert held(study) == [bracket.sizes for bracket in study.plan().brackets]
    assert sorted(study.best_trial.intermediate_values) == [*range(2, 28, 2), 27]


def test_a_generator_that_reports_runs_under_a_pruner_of_optuna_too():
    def objective(trial):
        x = trial.suggest_float("x", 0, 1)
        for epoch in (10, 20):
            trial.report(x + 1 / epoch, epoch)
            yield

    study = bohb.create_study(pruner=optuna.pruners.NopPruner())
    study.optimize(objective, n_trials=2, timeout=60)
    assert [sorted(trial.intermediate_values) for trial in study.trials] == [[10, 20], [10, 20]]
    assert study.best_value == study.best_params["x"] + 1 / 20


@pytest.mark.parametrize("first", [0, 1])
def test_a_generator_may_report_from_zero_or_one_and_yield_the_same(first):
    trained = Counter()

    def objective(trial):
        x = trial.suggest_float("x", 0, 1)
        for unit in range(1, 28):
            trained[trial.number] += 1
            trial.report(x + 1 / unit, unit - 1 + first)
            yield x + 1 / unit

    study = bohb.create_study(pruner=PRUNER())
    study.optimize(objective, leg_timeout=1000)
    assert held(study) == [bracket.sizes for bracket in study.plan().brackets]
    assert sum(trained.values()) == study.plan().resource_continued
    rows = study.evaluations_dataframe()
    assert (rows["value"] == rows["params_x"] + 1 / rows["resource"]).all()


def test_a_generator_that_prunes_itself_at_its_rung_is_told_to_just_yield(caplog):
    def objective(trial):
        x = trial.suggest_float("x", 0, 1)
        for unit in range(1, 28):
            trial.report(x + 1 / unit, unit)
            if trial.should_prune():
                raise bohb.TrialPruned
            yield

    study = bohb.create_study(pruner=PRUNER())
    study.optimize(objective)
    assert held(study) == [bracket.sizes for bracket in study.plan().brackets]
    assert caplog.text.count("raised TrialPruned at resource 1, which ends it") == 1


def test_what_a_generator_returns_counts_under_a_pruner_of_optuna_too():
    def objective(trial):
        trial.suggest_float("x", 0, 1)
        if trial.number == 0:
            return 3.0
        yield 5
        yield 4
        return 1.0

    study = bohb.create_study(pruner=optuna.pruners.NopPruner())
    study.optimize(objective, n_trials=2, timeout=60)
    assert [trial.value for trial in study.trials] == [3.0, 1.0]


def test_a_generator_is_closed_when_its_trial_is_dropped_or_complete():
    open_now = set()

    def objective(trial):
        open_now.add(trial.number)
        try:
            while True:
                yield trial.suggest_float("x", 0, 1)
        finally:
            open_now.discard(trial.number)

    study = bohb.create_study(pruner=bohb.HyperbandPruner(1, 9))
    study.optimize(objective)
    assert open_now == set()


def test_resources_may_be_fractions():
    seen = []

    def objective(trial):
        seen.append((trial.number, trial.previous_resource, trial.resource))
        return trial.suggest_float("x", 0, 1) / trial.resource

    study = bohb.create_study(pruner=bohb.HyperbandPruner(0.1, 0.9))
    study.optimize(objective)
    assert held(study) == [bracket.sizes for bracket in study.plan().brackets]
    assert {resource for _, _, resource in seen} == {0.1, 0.3, 0.9}
    assert {(before, now) for _, before, now in seen} == {
        (0, 0.1),
        (0.1, 0.3),
        (0.3, 0.9),
        (0, 0.3),
        (0, 0.9),
    }
    assert study.incumbent().resource == 0.9
    assert study.best_trial.last_step == 2  # Optuna's steps are integers: the level


def test_fractions_may_be_reported_at_their_rungs():
    def objective(trial):
        x = trial.suggest_float("x", 0, 1)
        for share in (0.1, 0.3, 0.9):
            trial.report(x / share, share)
            if trial.should_prune():
                raise bohb.TrialPruned
        return x / 0.9

    study = bohb.create_study(pruner=bohb.HyperbandPruner(0.1, 0.9))
    study.optimize(objective)
    assert held(study) == [bracket.sizes for bracket in study.plan().brackets]


def test_a_lambda_that_makes_a_generator_is_in_the_generator_style():
    trainer = Trainer()
    study = bohb.create_study(pruner=PRUNER())
    study.optimize(lambda trial: trainer.generator(trial))
    assert trainer.total == study.plan().resource_continued


def test_the_checkpoint_directory_belongs_to_the_trial():
    directories = {}

    def objective(trial):
        directories.setdefault(trial.number, set()).add(trial.checkpoint_dir)
        assert trial.checkpoint_dir.is_dir()
        return trial.suggest_float("x", 0, 1)

    study = bohb.create_study(pruner=bohb.HyperbandPruner(1, 9))
    study.optimize(objective)
    assert all(len(of_trial) == 1 for of_trial in directories.values())
    assert len(set().union(*directories.values())) == len(study.trials)


def test_checkpoints_lie_where_the_study_was_made_wherever_the_objective_goes(tmp_path):
    def objective(trial):
        (tmp_path / "elsewhere").mkdir(exist_ok=True)
        os.chdir(tmp_path / "elsewhere")
        (trial.checkpoint_dir / "state").touch()
        return trial.suggest_float("x", 0, 1)

    study = bohb.create_study(storage="sqlite:///s.db", pruner=bohb.HyperbandPruner(1, 3))
    study.optimize(objective, n_trials=1)
    assert study.checkpoint_root.parent == tmp_path / "bohb-checkpoints"


def test_studies_that_share_a_directory_have_checkpoints_of_their_own(tmp_path):
    def objective(trial):
        state = trial.checkpoint_dir / "state"
        assert state.exists() == (trial.previous_resource > 0)
        state.touch()
        return trial.suggest_float("x", 0, 1)

    roots = set()
    for name in ("first", "second", "second"):  # the last one is another study of that name
        study = bohb.create_study(
            study_name=name, pruner=bohb.HyperbandPruner(1, 9), checkpoint_root=tmp_path
        )
        study.optimize(objective)
        roots.add(study.checkpoint_root)
    assert len(roots) == 3
    assert {root.parent for root in roots} == {tmp_path}


class WithAttribute:
    """An objective that keeps something else under the name that partial functions use."""

    func = staticmethod(lambda trial: 0.0)

    def __call__(self, trial):
        while True:
            yield 0.0


def test_only_partial_functions_are_looked_into():
    assert Objective(WithAttribute()).continues
    assert not Objective(functools.partial(WithAttribute.func)).continues
    assert Objective(functools.partial(WithAttribute().__call__)).continues


class Broken(optuna.samplers.RandomSampler):
    """A sampler that fails at the third trial."""

    def sample_independent(self, study, trial, param_name, param_distribution):
        if trial.number == 2:
            raise FloatingPointError("underflow")
        return super().sample_independent(study, trial, param_name, param_distribution)


class BrokenUnderOtherNames(Broken):
    def sample_independent(this, *given):  # noqa: N805 - others may call it otherwise, too
        return super().sample_independent(*given)


@pytest.mark.parametrize("sampler", [Broken, BrokenUnderOtherNames])
def test_a_fault_of_the_sampler_is_not_booked_as_one_of_the_objective(sampler):
    study = bohb.create_study(sampler=sampler(seed=0), pruner=bohb.HyperbandPruner(1, 3))

    def objective(trial):
        return trial.suggest_float("x", 0, 1)

    with pytest.raises(SamplerError, match=r"Broken\w* failed as it was asked for 'x': Fl"):
        study.optimize(objective, catch=Exception)
    assert all(trial.state != TrialState.FAIL for trial in study.trials)
    study.sampler = optuna.samplers.RandomSampler(seed=0)
    study.optimize(objective)
    assert len(study.trials) == study.plan().n_trials


@pytest.mark.parametrize("first_step", [0, 1])
def test_what_was_reported_stays_and_what_is_returned_is_the_value(first_step, caplog):
    def objective(trial):
        x, best = trial.suggest_float("x", 0, 1), 1.0
        for epoch in range(first_step, 9 + first_step):
            loss = x + (epoch - first_step) / 10
            best = min(best, loss)
            trial.report(loss, epoch)
            if trial.should_prune():
                raise optuna.TrialPruned
        return best

    study = bohb.create_study(sampler=bohb.BOHBSampler(seed=0), pruner=bohb.HyperbandPruner(1, 9))
    study.optimize(objective)
    complete = [trial for trial in study.trials if trial.state == TrialState.COMPLETE]
    assert complete
    for trial in complete:
        assert trial.intermediate_values[8 + first_step] == trial.params["x"] + 0.8
        assert trial.value == min(1.0, trial.params["x"])
    assert study.incumbent().value == study.best_value
    assert len([r for r in caplog.records if "the rungs below go by the reports" in r.message]) == 1


def test_an_objective_can_be_called_with_the_best_trial(tmp_path):
    def objective(trial):
        file = trial.checkpoint_dir / "epochs"
        before = int(file.read_text()) if file.exists() else 0
        for epoch in range(before, trial.resource):
            trial.report(trial.config["x"] + 1 / (epoch + 1), epoch + 1)
            assert trial.previous_resource <= epoch
            if trial.should_prune():
                file.write_text(str(epoch + 1))
                raise optuna.TrialPruned
        file.write_text(str(trial.resource))
        return trial.suggest_float("x", 0, 1) + 1 / trial.resource

    space = {"x": optuna.distributions.FloatDistribution(0, 1)}
    study = bohb.create_study(
        space=space, pruner=bohb.HyperbandPruner(1, 9), storage=tmp_path / "s.journal"
    )
    study.optimize(objective)
    best = study.best_trial
    assert (best.resource, best.config) == (9, best.params)
    assert (best.checkpoint_dir / "epochs").read_text() == "9"
    assert objective(best) == study.best_value
    assert best == study.trials[best.number]
    again = pickle.loads(pickle.dumps(best))
    assert again == best
    assert copy.deepcopy(best) == best


def test_the_best_trial_of_a_study_without_brackets_or_space_says_what_it_lacks():
    study = bohb.create_study(pruner=optuna.pruners.NopPruner())
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=2)
    with pytest.raises(TrialStateError, match=r"trial.resource needs a study whose pruner"):
        _ = study.best_trial.resource
    with pytest.raises(TrialStateError, match=r"trial.config needs a study that was made with"):
        _ = study.best_trial.config

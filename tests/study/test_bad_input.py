"""Wrong uses: each has its clear error or its documented behaviour, and loses nothing."""

from __future__ import annotations

import math

import numpy as np
import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

import bohb
from bohb.errors import (
    ArgumentError,
    ArgumentTypeError,
    BohbError,
    NoResultError,
    ObjectiveError,
    ReportError,
    StudyError,
    TrialStateError,
)
from bohb.study import DuplicateStudyError


def good(trial):
    return trial.suggest_float("x", 0, 1) + 1 / trial.resource


@pytest.fixture
def study():
    """A study in which a bracket has been run, so that there is something to lose."""
    study = bohb.create_study(
        study_name="taken",
        sampler=bohb.BOHBSampler(seed=0),
        pruner=bohb.HyperbandPruner(1, 9, adaptive=False),
    )
    study.optimize(good, n_brackets=1)
    return study


@pytest.fixture(autouse=True)
def _nothing_earlier_is_lost(study):
    values = ["number", "bracket", "rung", "resource", "value"]
    before = study.evaluations_dataframe()[values]
    yield
    assert study.evaluations_dataframe()[values][: len(before)].equals(before)
    n_before = len(study.trials)
    study.optimize(good, n_brackets=1)
    assert len(study.trials) > n_before


CONSTRUCTORS = [
    (lambda: bohb.HyperbandPruner(0, 9), "min_resource must be positive and finite, got 0"),
    (lambda: bohb.HyperbandPruner(-3, 9), "min_resource must be positive and finite, got -3"),
    (lambda: bohb.HyperbandPruner(9, 1), "min_resource must be at most max_resource"),
    (lambda: bohb.HyperbandPruner(1, float("nan")), "max_resource must be .*finite, got nan"),
    (lambda: bohb.HyperbandPruner(1, float("inf")), "max_resource must be .*finite, got inf"),
    (lambda: bohb.HyperbandPruner("1", 9), "min_resource must be a number, got '1'"),
    (lambda: bohb.HyperbandPruner(1, 9, 1), "reduction_factor must be greater than 1, got 1"),
    (lambda: bohb.HyperbandPruner(1, 9, "3"), "reduction_factor must be a number, got '3'"),
    (
        lambda: bohb.HyperbandPruner(1, 50, 1.0001),
        "at most 1000 rungs .* got 1.0001, which makes 391",
    ),
    (lambda: bohb.HyperbandPruner(1, 9, bracket_sizes="paper"), "bracket_sizes must be one of"),
    (lambda: bohb.HyperbandPruner(1, 9).plan(0), "n_rounds must be at least 1, got 0"),
    (lambda: bohb.HyperbandPruner(1, 9).plan(1.5), "n_rounds must be an integer, got 1.5"),
    (lambda: bohb.SuccessiveHalvingPruner(1, 9, n_trials=0), "n_trials must be at least 1, got 0"),
    (lambda: bohb.BOHBSampler(random_fraction=2), "random_fraction must be between 0 and 1"),
    (lambda: bohb.BOHBSampler(seed="x"), "seed must be an integer, got .x."),
    (
        lambda: bohb.create_study(pruner=bohb.HyperbandPruner),
        "pruner must be a pruner object, got the class HyperbandPruner",
    ),
    (lambda: bohb.create_study(sampler="tpe"), "sampler must be a sampler object, got 'tpe'"),
    (lambda: bohb.create_study(storage=42), "storage must be None, a database URL, .* got 42"),
    (lambda: bohb.create_study(direction="up"), "direction must be .*'up'"),
    (lambda: bohb.create_study(directions=[]), r"directions must have at least one, got \[\]"),
    (
        lambda: bohb.create_study(directions="minimize"),
        "directions must be a list with one for each objective, got 'minimize'",
    ),
    (
        lambda: bohb.create_study(direction="minimize", directions=["minimize"]),
        "only one of direction and directions can be given, got direction='minimize' and",
    ),
    (lambda: bohb.create_study(checkpoint_root=5), "checkpoint_root must be a path, got 5"),
    (
        lambda: bohb.PopulationPruner(max_resource=9, interval=3, factors=1.2),
        "factors must be a list of numbers, got 1.2",
    ),
    (
        lambda: bohb.load_study(study_name="s", storage=None),
        "which has no study, as it is a new one in memory, got 's'",
    ),
    (
        lambda: bohb.executors.ProcessExecutor(environments=[]),
        r"environments must have one dict .* got \[\]",
    ),
    (
        lambda: bohb.executors.ProcessExecutor(environments=5),
        "environments must be a list of one dict for each worker, got 5",
    ),
    (
        lambda: bohb.executors.ProcessExecutor(environments={"DEVICE": "0"}),
        "environments must be a list of one dict for each worker, got {'DEVICE': '0'}",
    ),
    (
        lambda: bohb.executors.ProcessExecutor(environments=["0"]),
        "environments must hold one dict for each worker, got '0' in it",
    ),
]


@pytest.mark.parametrize(("wrong", "message"), CONSTRUCTORS)
def test_a_wrong_constructor_argument_is_named_with_its_value(wrong, message):
    with pytest.raises(BohbError, match=message):
        wrong()


OPTIMIZE = [
    ({"n_trials": 3, "n_rounds": 1}, "only one of .* got n_trials=3 and n_rounds=1"),
    ({"n_brackets": 3, "total_resource": 90}, "only one of .* got n_brackets=3 and total_resou"),
    ({"n_trials": -1}, "n_trials must be at least 0, got -1"),
    ({"n_trials": 2.5}, "n_trials must be an integer, got 2.5"),
    ({"n_rounds": -1}, "n_rounds must be at least 1, got -1"),
    ({"n_brackets": "2"}, "n_brackets must be an integer, got '2'"),
    ({"total_resource": 5}, "total_resource must be at least 13, .* got 5"),
    ({"total_resource": -1}, "total_resource must be positive and finite, got -1"),
    ({"timeout": 0}, "timeout must be positive and finite, got 0"),
    ({"timeout": "1h"}, "timeout must be a number, got '1h'"),
    ({"n_jobs": 0}, "n_jobs must be at least 1, or -1 for all processors, got 0"),
    ({"n_jobs": 1.5}, "n_jobs must be an integer, got 1.5"),
    ({"catch": ("ValueError",)}, "catch must hold subclasses of Exception, got 'ValueError'"),
    ({"catch": 5}, "catch must hold subclasses of Exception, got 5"),
    ({"catch": BaseException}, "catch must hold subclasses of Exception, got <class 'BaseExcep"),
    ({"keep": None}, "keep must be 'all', 'best' or a number of trials, got None"),
    ({"keep": "some"}, "keep must be 'all', 'best' or a number of trials, got 'some'"),
    ({"callbacks": 5}, "callbacks must hold functions, got 5"),
]


@pytest.mark.parametrize(("arguments", "message"), OPTIMIZE)
def test_a_wrong_argument_of_optimize_is_named_before_anything_runs(study, arguments, message):
    calls = []
    with pytest.raises(ArgumentError, match=message):
        study.optimize(calls.append, **arguments)
    assert calls == []


@pytest.mark.parametrize("name", ["catch", "callbacks"])
def test_with_a_pruner_of_optuna_too_nothing_runs_before_the_arguments_are_checked(name):
    calls = []
    with pytest.raises(ArgumentTypeError, match=f"{name} must hold .*, got 5"):
        bohb.create_study().optimize(calls.append, n_trials=1, **{name: 5})
    assert calls == []


def test_an_objective_must_be_callable(study):
    with pytest.raises(ArgumentTypeError, match="func must be callable, got 3"):
        study.optimize(3)


async def coroutine(trial):
    return 1.0


RETURNED = [
    (lambda trial: None, r"must be one number, got None \(is a return statement missing\?\)"),
    (lambda trial: "half", "must be one number, got 'half' of type str"),
    (lambda trial: np.array([0.5, 0.6]), "must be one number, got array.* of type ndarray"),
    (lambda trial: np.array([0.5]), r"must be one number, got array.* of type ndarray: use .item"),
    (lambda trial: [0.5], "must be one number, got .0.5. of type list"),
    (lambda trial: {"loss": 0.5}, "must be one number, got .* of type dict"),
    (lambda trial: 1 + 2j, "must be one number, got .* of type complex"),
    (coroutine, "must be a plain function or a generator, got a coroutine function"),
    (lambda trial: 10**400, "the value that is returned must fit into a float"),
]


@pytest.mark.parametrize(("objective", "message"), RETURNED)
def test_what_is_returned_must_be_a_number(study, objective, message):
    with pytest.raises(ObjectiveError, match=message):
        study.optimize(objective)
    assert study.trials[-1].state.name == "FAIL"


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), np.float32("-inf")])
def test_a_number_that_is_not_finite_fails_its_trial_and_the_search_goes_on(study, bad):
    first = len(study.trials)
    study.optimize(lambda trial: bad if trial.number == first else good(trial))
    assert study.trials[first].state.name == "FAIL"
    assert len(study.trials) == first + study.plan().n_trials


def test_numbers_of_other_libraries_are_numbers(study):
    study.optimize(lambda trial: np.float32(0.5), n_brackets=1)
    study.optimize(lambda trial: np.array(0.5), n_brackets=1)


YIELDED = [
    (["text"], "the value that is yielded must be one number, got 'text' of type str"),
    ([0.5, None], "or report it and yield nothing, got nothing yielded and nothing reported since"),
    ([], "the generator must yield a value after each unit, got none at all"),
]


@pytest.mark.parametrize(("values", "message"), YIELDED)
def test_what_is_yielded_must_be_a_number(study, values, message):
    def objective(trial):
        yield from values

    with pytest.raises(ObjectiveError, match=message):
        study.optimize(objective)


def test_a_generator_that_ends_early_is_warned_about_and_keeps_its_last_value(study, caplog):
    def objective(trial):
        yield trial.suggest_float("x", 0, 1)

    study.optimize(objective, n_brackets=1)
    assert "ended after 1 units, before the 3 it was given" in caplog.text


def test_a_generator_needs_whole_resources():
    study = bohb.create_study(pruner=bohb.HyperbandPruner(0.1, 0.9))

    def objective(trial):
        yield 1.0

    with pytest.raises(ObjectiveError, match=r"resources must be integers, got 0\.1"):
        study.optimize(objective)


REPORTS = [
    (("high", 1), ObjectiveError, "the value that is reported must be one number, got 'high'"),
    ((None, 1), ObjectiveError, "the value that is reported must be one number, got None"),
    ((0.5, 0.5), ReportError, "step must be an integer of at least 0, got 0.5"),
    ((0.5, -1), ReportError, "step must be an integer of at least 0, got -1"),
    ((0.5, "one"), ArgumentTypeError, "step must be a number, got 'one'"),
    ((0.5, None), ArgumentTypeError, "step must be a number, got None"),
]


@pytest.mark.parametrize(("report", "error", "message"), REPORTS)
def test_a_wrong_report_is_named(study, report, error, message):
    def objective(trial):
        trial.report(*report)
        return 1.0

    with pytest.raises(error, match=message):
        study.optimize(objective)


def test_reports_must_not_go_backwards(study):
    def objective(trial):
        trial.report(0.5, 3)
        trial.report(0.4, 2)
        return 1.0

    with pytest.raises(ReportError, match="step must not go backwards, got 2 after 3 in trial"):
        study.optimize(objective)


def test_a_fraction_is_reported_at_its_rungs_only():
    study = bohb.create_study(pruner=bohb.HyperbandPruner(0.1, 0.9))

    def objective(trial):
        trial.report(0.5, 0.2)
        return 1.0

    with pytest.raises(ReportError, match=r"step must be one of the resources .0\.1, 0\.3, 0\.9."):
        study.optimize(objective)


def test_steps_beyond_the_resource_count_once_the_trial_gets_there(study, caplog):
    def objective(trial):
        trial.report(0.5, 1)
        trial.report(0.3, 1000)
        return 0.5

    first = len(study.trials)
    study.optimize(objective, n_brackets=1)
    assert study.trials[first].intermediate_values == {1: 0.5, 1000: 0.3}
    assert "reported step 1000, which is beyond max_resource=9" in caplog.text


def test_a_loop_that_comes_back_early_is_warned_about(study, caplog):
    def objective(trial):
        trial.report(0.5, 1)
        return 0.5

    study.optimize(objective, n_brackets=1)
    assert "ended after its report at resource 1, before the 3 it was given" in caplog.text


def test_an_objective_that_does_not_ask_how_far_to_train_is_warned_about_once(study, caplog):
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_brackets=1)
    (message,) = [text for text in caplog.messages if "was given" in text]
    assert "was given resource 3 and has neither reported nor asked for trial.resource" in message


def test_an_objective_that_drops_its_trial_before_it_trains_is_not_warned_about(study, caplog):
    def objective(trial):
        raise bohb.TrialPruned

    study.optimize(objective, n_brackets=1)
    assert "was given" not in caplog.text


def test_reports_that_are_too_far_apart_are_warned_about(study, caplog):
    def objective(trial):
        for epoch in range(5, 10, 2):
            trial.report(1.0, epoch)
            if trial.should_prune():
                raise bohb.TrialPruned
        return 1.0

    study.optimize(objective, n_brackets=1)
    assert "was given resource 3 and had reported 5 when it could be paused" in caplog.text
    assert "report at least at steps 1, 3, 9" in caplog.text


def test_a_loop_that_goes_beyond_the_highest_resource_is_warned_about(study, caplog):
    def objective(trial):
        for epoch in range(1, 30):
            trial.report(1 / epoch, epoch)
            if trial.should_prune():
                raise bohb.TrialPruned
        return 0.0

    study.optimize(objective)
    assert study.best_value == 1 / 9
    assert "beyond the highest, 9: its report at 9 counts" in caplog.text


def test_a_loop_that_returns_nothing_is_judged_by_its_last_report(study, caplog):
    def objective(trial):
        for epoch in range(1, 10):
            trial.report(1 / epoch, epoch)
            if trial.should_prune():
                raise bohb.TrialPruned

    study.optimize(objective)
    assert study.best_value == 1 / 9
    assert "returned nothing (is a return statement missing?): its report at" in caplog.text


def test_resources_that_look_like_integers_and_are_none_are_explained(tmp_path):
    study = bohb.create_study(pruner=bohb.HyperbandPruner(1, 9.0))
    with pytest.raises(ReportError, match="give the pruner both bounds as integers"):
        study.ask().report(1.0, 2)


@pytest.mark.filterwarnings("ignore:Choices for a categorical distribution")
def test_choices_that_a_storage_cannot_hold_are_refused_at_once(tmp_path):
    sizes = [(8,), (8, 8)]
    pruner = bohb.HyperbandPruner(1, 9)
    study = bohb.create_study(storage=tmp_path / "s.journal", pruner=pruner)
    with pytest.raises(ArgumentError, match=r"'sizes' must have choices .* got \(8,\) of type tup"):
        study.optimize(lambda trial: len(trial.suggest_categorical("sizes", sizes)))
    assert len(study.trials) == 1
    space = {"sizes": optuna.distributions.CategoricalDistribution(sizes)}
    with pytest.raises(ArgumentError, match="use strings, or lists in place of tuples"):
        bohb.create_study(storage=tmp_path / "s.journal", pruner=pruner, space=space)
    with pytest.raises(ArgumentError, match=r"got .*1.* of type int64: use \.tolist\(\)"):
        study.optimize(lambda trial: trial.suggest_categorical("n", np.array([1, 2])))
    study = bohb.create_study(pruner=pruner, space=space)
    study.optimize(lambda trial: len(trial.config["sizes"]) / trial.resource)
    assert study.best_params == {"sizes": (8,)}


def test_a_user_attribute_that_a_storage_cannot_hold_is_named(tmp_path):
    pruner = bohb.HyperbandPruner(1, 9)
    trial = bohb.create_study(storage=tmp_path / "s.journal", pruner=pruner).ask()
    with pytest.raises(
        ArgumentTypeError,
        match=r"user attribute 'accuracy' must be what JSON can hold, got .*0\.5.* of type float32 "
        r"\(Object of type float32 is not JSON serializable\): use \.tolist\(\)",
    ):
        trial.set_user_attr("accuracy", np.float32(0.5))
    with pytest.raises(ArgumentTypeError, match="numbers, strings, lists and dicts"):
        trial.set_user_attr("model", object())
    trial.set_user_attr("accuracy", np.float32(0.5).tolist())
    assert trial.user_attrs["accuracy"] == 0.5


def test_load_if_exists_without_a_name_is_warned_about(tmp_path):
    with pytest.warns(UserWarning, match="load_if_exists needs a study_name") as record:
        bohb.create_study(storage=tmp_path / "s.journal", load_if_exists=True)
    assert record[0].filename == __file__


@pytest.mark.parametrize(
    "wrong",
    [
        lambda study: bohb.HyperbandPruner(1, 9, asynchronous="no"),
        lambda study: bohb.create_study(load_if_exists="yes"),
        lambda study: study.optimize(good, in_total=1),
        lambda study: study.optimize(good, show_progress_bar="yes"),
    ],
)
def test_flags_are_true_or_false(study, wrong):
    with pytest.raises(ArgumentTypeError, match="must be True or False, got"):
        wrong(study)


def test_a_total_needs_something_to_count(study):
    with pytest.raises(ArgumentError, match="in_total needs n_trials, n_rounds"):
        study.optimize(good, timeout=1, in_total=True)


def test_callbacks_must_be_functions(study):
    with pytest.raises(ArgumentTypeError, match="callbacks must hold functions, got 3"):
        study.optimize(good, callbacks=[3])


def test_an_endless_generator_without_a_schedule_is_warned_about_and_ends_at_the_timeout():
    def objective(trial):
        while True:
            yield 0.5

    study = bohb.create_study(pruner=optuna.pruners.NopPruner())
    study.optimize(objective, timeout=0.2)
    assert study.trials[0].state.name == "PRUNED"

    def ending(trial):
        yield 0.5

    with pytest.warns(UserWarning, match="the study's pruner has no resources"):
        study.optimize(ending, n_trials=1)


def test_a_study_with_brackets_takes_no_other_pruner(study):
    with pytest.raises(
        bohb.BohbError, match=r"begun with HyperbandPruner\(.*got optuna\.NopPruner"
    ):
        bohb.create_study(
            study_name="taken",
            storage=study._storage,
            pruner=optuna.pruners.NopPruner(),
            load_if_exists=True,
        )
    again = bohb.create_study(study_name="taken", storage=study._storage, load_if_exists=True)
    assert again.plan() == study.plan()


def test_a_study_keeps_its_direction(study):
    with pytest.raises(bohb.BohbError, match=r"begun with direction minimize, got maximize"):
        bohb.create_study(
            study_name="taken", storage=study._storage, direction="maximize", load_if_exists=True
        )


def test_a_path_that_is_meant_as_a_storage_is_explained(tmp_path):
    with pytest.raises(ArgumentError, match=r'"sqlite:///study\.db", or a pathlib\.Path'):
        bohb.create_study(storage="study.db")
    with pytest.raises(StudyError, match="storage must be one that exists"):
        bohb.load_study(storage=tmp_path / "none.journal")
    assert not (tmp_path / "none.journal").exists()
    (tmp_path / "my.csv").write_text("a,b\n1,2\n")
    with pytest.raises(StudyError, match=r"storage must be a journal, got .*my\.csv"):
        bohb.create_study(storage=tmp_path / "my.csv")
    assert (tmp_path / "my.csv").read_text() == "a,b\n1,2\n"
    (tmp_path / "note.txt").write_text("one line\n")
    with pytest.raises(StudyError, match=r"storage must be a journal, got .*note\.txt"):
        bohb.create_study(storage=tmp_path / "note.txt")
    with pytest.raises(StudyError, match="storage must be a file, got the directory"):
        bohb.create_study(storage=tmp_path)


def test_a_trial_that_is_paused_cannot_report(study):
    trial = study.ask()
    study.tell(trial, 0.5)
    with pytest.raises(TrialStateError, match=f"trial {trial.number} is not running"):
        trial.report(0.4, 5)


def test_telling_a_trial_that_is_not_under_way_is_refused(study):
    trial = study.ask()
    study.tell(trial, 0.5)
    with pytest.raises(TrialStateError, match=f"trial {trial.number}: paused"):
        study.tell(trial, 0.5)
    with pytest.raises(TrialStateError, match="trial 0: PRUNED"):
        study.tell(0, 0.5)
    with pytest.raises(TrialStateError, match="trial 999: not in the study"):
        study.tell(999, 0.5)
    assert study.tell(0, 0.5, skip_if_finished=True).state.name == "PRUNED"


def test_telling_a_trial_that_optimize_runs_is_refused():
    study = bohb.create_study(pruner=bohb.HyperbandPruner(1, 9))

    def objective(trial):
        with pytest.raises(TrialStateError, match="paused, run by optimize, or asked for"):
            study.tell(trial, 0.5)
        return trial.suggest_float("x", 0, 1)

    study.optimize(objective)
    assert len(study.trials) == study.plan().n_trials
    assert all(trial.state.name != "FAIL" for trial in study.trials)


def test_telling_nonsense_leaves_the_trial_under_way(study):
    trial = study.ask()
    for wrong in ("a", None, 1.5):
        with pytest.raises(ArgumentTypeError, match="trial must be a trial or its number, got"):
            study.tell(wrong, 0.5)
    with pytest.raises(ObjectiveError, match="the value that is told must be one number, got None"):
        study.tell(trial)
    with pytest.raises(ArgumentError, match=r"values must be None when state is FAIL, got 1\.0"):
        study.tell(trial, 1.0, state=optuna.trial.TrialState.FAIL)
    with pytest.raises(ArgumentError, match="state must be COMPLETE, PRUNED, FAIL or None"):
        study.tell(trial, state=optuna.trial.TrialState.RUNNING)
    assert study.tell(np.int64(trial.number), 0.5).state.name == "RUNNING"


def test_a_study_that_has_only_begun_names_the_incumbent_if_there_is_one():
    study = bohb.create_study(pruner=bohb.HyperbandPruner(1, 9))
    with pytest.raises(NoResultError, match=r"evaluated at max_resource=9$"):
        _ = study.best_params
    study.tell(study.ask(), 0.5)
    with pytest.raises(NoResultError, match=r"is study\.incumbent\(\)$"):
        _ = study.best_params


def test_a_taken_name_is_refused_and_says_how_to_go_on(study):
    with pytest.raises(
        DuplicateStudyError, match=r"study_name='taken' exists.*load_if_exists=True"
    ) as caught:
        bohb.create_study(study_name="taken", storage=study._storage)
    assert isinstance(caught.value, optuna.exceptions.DuplicatedStudyError)


def test_a_study_that_does_not_exist_is_named_with_those_that_do(study):
    with pytest.raises(StudyError, match=r"which has .'taken'., got 'other'"):
        bohb.load_study(study_name="other", storage=study._storage)


def test_limits_of_brackets_need_a_pruner_that_has_them():
    study = bohb.create_study(pruner=optuna.pruners.NopPruner())
    for wrong in (
        lambda: study.optimize(good, n_rounds=1),
        study.plan,
        study.incumbent,
        study.evaluations_dataframe,
    ):
        with pytest.raises(ArgumentError, match=r"(got|with) optuna\.NopPruner"):
            wrong()
    with pytest.raises(TrialStateError, match=r"trial\.resource needs .* got NopPruner"):
        study.optimize(good, n_trials=1)


def test_changing_a_range_is_optunas_warning_and_changing_a_kind_its_error(study):
    with pytest.raises(ArgumentError, match=r"'x' cannot be IntDistribution"):
        study.optimize(lambda trial: trial.suggest_int("x", 0, 1))


def test_a_pruner_cannot_be_swapped_once_the_study_has_begun(study):
    kept = study.pruner
    study.pruner = bohb.HyperbandPruner(1, 27)
    for use in (lambda: study.optimize(good), study.ask):
        with pytest.raises(bohb.BohbError, match="begun with max_resource=9, got max_resource=27"):
            use()
    study.pruner = kept


@pytest.mark.filterwarnings("ignore:Choices for a categorical")
@pytest.mark.parametrize(
    "choices", [[1, 1.0], [True, 1], [0, False], [None, 1, True], [[1], [1.0]]], ids=str
)
def test_choices_that_python_calls_equal_are_refused_by_name(choices):
    study = bohb.create_study(pruner=bohb.HyperbandPruner(1, 3))
    with pytest.raises(ArgumentError, match="'c' must have choices that Python can tell apart"):
        study.optimize(lambda trial: float(bool(trial.suggest_categorical("c", choices))))
    with pytest.raises(ArgumentError, match="'c' must have choices that Python can tell apart"):
        bohb.create_study(space={"c": CategoricalDistribution(choices)})


@pytest.mark.filterwarnings("ignore:Choices for a categorical")
def test_choices_that_cannot_be_compared_are_refused_by_name():
    study = bohb.create_study(pruner=bohb.HyperbandPruner(1, 3))
    choices = [np.zeros(2), np.ones(2)]
    with pytest.raises(ArgumentError, match=r"'c' must have choices .* compared.*tolist"):
        study.optimize(lambda trial: float(trial.suggest_categorical("c", choices)[0]))


SPACE = {
    "n": IntDistribution(1, 9),
    "x": FloatDistribution(0, 1),
    "c": CategoricalDistribution(["a", 2, 2.5]),
}


@pytest.mark.parametrize("is_declared", [True, False])
def test_what_is_enqueued_has_the_type_of_the_parameter(is_declared, storage):
    study = bohb.create_study(
        space=SPACE if is_declared else None, storage=storage, pruner=bohb.HyperbandPruner(1, 3)
    )
    rows = [
        {"n": 2.0, "x": 1, "c": 2.0},
        {"n": np.int64(3), "x": np.float32(0.5), "c": "a"},
        {"n": np.float64(4), "x": np.int8(0), "c": np.float64(2.5)},
    ]
    for row in rows:
        study.enqueue_trial(row)
    seen = {}

    def objective(trial):
        values = {name: trial._suggest(name, distribution) for name, distribution in SPACE.items()}
        seen.setdefault(trial.number, []).append(values)
        return trial.number + 1 / trial.resource

    study.optimize(objective, n_brackets=1)
    for number, (n, x, c) in enumerate([(2, 1.0, 2), (3, 0.5, "a"), (4, 0.0, 2.5)]):
        for values in [*seen[number], study.trials[number].params]:
            assert [(type(v), v) for v in values.values()] == [(type(v), v) for v in (n, x, c)]


def test_the_name_of_a_parameter_must_be_a_string(study):
    with pytest.raises(ArgumentTypeError, match="name must be a string, got 5"):
        study.optimize(lambda trial: trial.suggest_float(5, 0, 1))


def test_of_several_values_the_one_that_is_no_number_is_named():
    study = bohb.create_study(
        directions=["minimize", "minimize"], pruner=bohb.HyperbandPruner(1, 3)
    )
    with pytest.raises(ObjectiveError, match="value 1 that is returned must be one number"):
        study.optimize(lambda trial: (1, None))


@pytest.mark.parametrize(
    "params", [{"n": 2.5}, {"n": "two"}, {"n": "2"}, {"x": "0.5"}, {"x": 3}, {"c": 3}, [2]], ids=str
)
def test_what_cannot_be_a_value_is_refused_when_it_is_enqueued(params):
    study = bohb.create_study(space=SPACE, pruner=bohb.HyperbandPruner(1, 3))
    with pytest.raises(ArgumentError, match="params"):
        study.enqueue_trial(params)


def test_what_a_storage_cannot_hold_is_refused_when_it_is_enqueued(tmp_path):
    study = bohb.create_study(
        storage=tmp_path / "s.journal", study_name="s", pruner=bohb.HyperbandPruner(1, 3)
    )
    with pytest.raises(ArgumentTypeError, match=r"params\['c'\] must be what JSON can hold"):
        study.enqueue_trial({"c": {1, 2}})
    with pytest.raises(ArgumentTypeError, match=r"user attribute 'why' must be what JSON"):
        study.enqueue_trial({"c": 1}, user_attrs={"why": np.float32(1)})
    assert not study.trials


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan])
def test_a_trial_with_a_value_that_is_not_finite_is_not_added(value):
    study = bohb.create_study(pruner=bohb.HyperbandPruner(1, 3))
    made = optuna.trial.create_trial(
        params={"x": 0.5}, distributions={"x": FloatDistribution(0, 1)}, value=0.0
    )
    made.values = [value]
    with pytest.raises(ArgumentError, match="trial must have a value that is finite"):
        study.add_trial(made)


@pytest.mark.parametrize("x", [7.0, -1.0])
def test_a_trial_outside_of_the_declared_space_is_not_added(x):
    study = bohb.create_study(space=SPACE, pruner=bohb.HyperbandPruner(1, 3))
    made = optuna.trial.create_trial(
        params={"x": x}, distributions={"x": FloatDistribution(-10, 10)}, value=0.0
    )
    with pytest.raises(ArgumentError, match=r"params\['x'\] must be a value of FloatDistribution"):
        study.add_trial(made)


def test_a_study_that_is_not_there_is_an_error_that_programs_for_optuna_catch():
    storage = optuna.storages.InMemoryStorage()
    with pytest.raises(ValueError, match="which has no study, got None"):
        bohb.load_study(storage=storage)
    with pytest.raises(KeyError, match="which has no study, got 'gone'"):
        bohb.load_study(storage=storage, study_name="gone")
    for name in ("a", "b"):
        bohb.create_study(storage=storage, study_name=name)
    with pytest.raises(ValueError, match=r"which has \['a', 'b'\], got None"):
        bohb.load_study(storage=storage)


def test_of_a_long_error_the_beginning_and_the_end_are_kept():
    def objective(trial):
        raise ValueError("begin " + "x" * 100_000 + " end")

    study = bohb.create_study(pruner=bohb.HyperbandPruner(1, 3))
    study.optimize(objective, n_trials=1, catch=ValueError)
    noted = study.trials[0].system_attrs["bohb:error"]
    assert len(noted) <= 2000
    assert noted.startswith("ValueError: begin")
    assert noted.endswith("x end")


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("trial", lambda study: study.add_trial("x")),
        ("trial", lambda study: study.add_trial(None)),
        ("trial", lambda study: study.add_trial({"x": 1})),
        ("fixed_distributions", lambda study: study.ask(5)),
        ("fixed_distributions", lambda study: study.ask({1: FloatDistribution(0, 1)})),
        (r"fixed_distributions\['x'\]", lambda study: study.ask({"x": (0, 1)})),
        ("user_attrs", lambda study: study.enqueue_trial({"x": 0.5}, user_attrs="no")),
        ("params", lambda study: study.enqueue_trial({1: 0.5})),
        ("params", lambda study: study.enqueue_trial("x")),
        ("path", lambda study: study.report(5)),
        ("path", lambda study: study.report(None)),
        ("directory", lambda study: study.export_hpbandster(5)),
        ("number", lambda study: study.explain("0")),
        ("study_name", lambda study: bohb.create_study(study_name=["a"])),
        ("study_name", lambda study: bohb.create_study(study_name=b"a")),
        ("study_name", lambda study: bohb.create_study(study_name=5)),
    ],
)
def test_what_has_another_type_is_named(study, name, call):
    with pytest.raises(ArgumentTypeError, match=f"^{name} must be"):
        call(study)


def test_a_trial_with_another_number_of_values_is_not_added(study):
    made = optuna.trial.create_trial(values=[1.0, 2.0], params={}, distributions={})
    with pytest.raises(ArgumentError, match="trial must have 1 values, one for each direction"):
        study.add_trial(made)


def test_a_long_value_is_cut_off_in_a_message(study):
    with pytest.raises(ArgumentTypeError) as caught:
        study.explain(study.trials[0])
    assert len(str(caught.value)) < 300

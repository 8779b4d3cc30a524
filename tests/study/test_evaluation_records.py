"""What is known of each evaluation afterwards, and the explanation of a trial."""

import datetime
import math

import optuna
import pytest
from studies import study_of

import bohb
from bohb.errors import ArgumentError


def loss(trial):
    return trial.suggest_float("x", 0, 1) + 1 / trial.resource


@pytest.mark.parametrize("direction", ["minimize", "maximize"])
def test_the_cut_of_a_rung_parts_those_that_go_on_from_those_that_are_dropped(direction):
    study = study_of(direction=direction)
    study.optimize(loss)
    better = min if direction == "minimize" else max
    worse = max if direction == "minimize" else min
    rungs = {(e.bracket, e.rung) for e in study.evaluations() if e.outcome == "dropped"}
    assert len(rungs) == 3
    for place in rungs:
        here = [e for e in study.evaluations() if (e.bracket, e.rung) == place]
        kept = [e for e in here if e.outcome == "promoted"]
        dropped = [e for e in here if e.outcome == "dropped"]
        assert {e.cut for e in here} == {worse(e.value for e in kept)}
        assert {e.n_kept for e in here} == {len(kept)}
        assert {e.n_ranked for e in here} == {len(here)}
        assert sorted(e.rank for e in here) == [*range(1, len(here) + 1)]
        assert better(e.value for e in here) == next(e.value for e in here if e.rank == 1)
        for is_of_model in (True, False):  # the first rung of all keeps places for the others
            own = [e for e in here if (e.proposed_by != "prior") == is_of_model]
            ranks = [[e.rank for e in each if e in own] for each in (kept, dropped)]
            assert max(ranks[0], default=0) < min(ranks[1], default=len(here) + 1)
        n_reserved = {e.n_reserved for e in here}
        assert n_reserved == ({2} if place == (0, 0) else {0})
        if place != (0, 0):
            assert max(e.rank for e in kept) < min(e.rank for e in dropped)


def test_an_asynchronous_promotion_keeps_the_rank_by_which_it_was_made(tmp_path):
    values = iter([0.5, 0.4, 0.3, 0.2, 0.1, 0.05])

    def objective(trial):
        value = next(values)
        return value if trial.resource == 1 else value + 1

    pruner = bohb.SuccessiveHalvingPruner(1, 3, asynchronous=True)
    study = study_of(pruner, storage=tmp_path / "study.journal")
    study.optimize(objective, n_trials=4)
    kept = bohb.load_study(storage=tmp_path / "study.journal").evaluations()
    promoted = [e for e in kept if e.outcome == "promoted"]
    # The third had the best of three values when it went on, and is the second of four by now.
    first = promoted[0]
    assert (first.number, first.rank, first.n_ranked, first.n_kept) == (2, 1, 3, 1)
    assert first.cut == 0.3


def test_what_is_paused_or_at_the_top_has_a_rank_and_no_cut():
    study = study_of()
    for _ in range(3):
        trial = study.ask()
        study.tell(trial, loss(trial))
    assert {(e.outcome, e.cut, e.n_kept, e.n_ranked) for e in study.evaluations()} == {
        ("paused", None, None, 3)
    }
    study.optimize(loss, n_brackets=1)
    top = [e for e in study.evaluations() if e.resource == 9]
    assert {(e.outcome, e.cut) for e in top} == {("finished", None)}


def test_a_failed_evaluation_has_no_rank():
    def fails(trial):
        if trial.number == 2:
            raise ValueError("too large")
        return loss(trial)

    study = study_of()
    study.optimize(fails, n_brackets=1, catch=ValueError)
    failed = study.evaluations_dataframe().query("outcome == 'failed'").iloc[0]
    assert math.isnan(failed.value)
    assert failed[["rank", "n_ranked", "n_kept", "cut"]].isna().all()
    others = [e.n_ranked for e in study.evaluations() if e.rung == 0 and e.rank]
    assert set(others) == {8}


def test_each_leg_says_when_and_where_it_ran():
    before = datetime.datetime.now()
    study = study_of()
    study.optimize(loss)
    frame = study.evaluations_dataframe()
    assert (frame.began <= frame.ended).all()
    assert (frame.began >= before - datetime.timedelta(milliseconds=2)).all()
    assert frame.worker.str.fullmatch(r".+:\d+").all()


def test_each_configuration_says_where_it_comes_from():
    study = study_of()
    study.enqueue_trial({"x": 0.5})
    study.optimize(loss, n_rounds=2)
    sources = study.evaluations_dataframe().groupby("number").proposed_by.first()
    assert sources[0] == "queue"
    assert sources[1] == "prior"
    assert set(sources[1:]) == {"prior", "densities"}
    gp = study_of(sampler=bohb.BOHBSampler(seed=0, model="gp"))
    gp.optimize(loss, n_rounds=2)
    assert "Gaussian process" in {e.proposed_by for e in gp.evaluations()}
    other = study_of(sampler=optuna.samplers.TPESampler(seed=0))
    other.optimize(loss, n_brackets=1)
    assert {e.proposed_by for e in other.evaluations()} == {"TPESampler"}


def test_the_default_configuration_of_a_space_is_told_from_the_queue():
    from ConfigSpace import ConfigurationSpace, Float

    space = ConfigurationSpace(space={"x": Float("x", (0, 1), default=0.25)})
    study = study_of(space=space)
    study.enqueue_trial({"x": 0.75})
    study.optimize(lambda trial: trial.config["x"], n_trials=3)
    sources = {e.number: e.proposed_by for e in study.evaluations()}
    assert [sources[number] for number in range(3)] == ["default", "queue", "prior"]


def test_legs_in_other_processes_say_who_proposed_them_too():
    from concurrent.futures import ProcessPoolExecutor

    study = study_of(space={"x": optuna.distributions.FloatDistribution(0, 1)})
    with ProcessPoolExecutor(2) as pool:
        study.optimize(_by_config, n_rounds=2, executor=pool)
    assert {e.proposed_by for e in study.evaluations()} == {"prior", "densities"}


def _by_config(trial):
    return trial.config["x"] + 1 / trial.resource


@pytest.mark.parametrize("asynchronous", [False, True])
def test_optunas_tools_see_where_each_trial_stands(asynchronous):
    study = study_of(bohb.HyperbandPruner(1, 9, asynchronous=asynchronous))
    study.optimize(loss)
    last = {e.number: e for e in study.evaluations()}
    frame = study.trials_dataframe(attrs=("number", "user_attrs")).set_index("number")
    for number, evaluation in last.items():
        place = (
            f"bracket {evaluation.bracket}, rung {evaluation.rung}, resource {evaluation.resource}"
        )
        # These legs are so short that what became of a trial may be left out on its first rung.
        shortest = [place] if evaluation.rung == 0 else []
        shown = frame.loc[number, "user_attrs_bohb:standing"]
        assert shown in [f"{place}: {evaluation.outcome}", *shortest]


def test_optunas_tools_see_what_became_of_each_trial_if_legs_are_no_shorter_than_usual(
    monkeypatch,
):
    monkeypatch.setattr("bohb.store.shown._SHARE", math.inf)
    study = study_of()
    study.optimize(loss)
    last = {e.number: e.outcome for e in study.evaluations()}
    for trial in study.trials:
        assert trial.user_attrs["bohb:standing"].endswith(f": {last[trial.number]}")
        assert trial.system_attrs["bohb:leg"]["state"] == last[trial.number]


def test_optunas_tools_see_trials_that_are_paused_once_a_call_has_ended():
    study = study_of()
    study.optimize(loss, n_trials=9, callbacks=[lambda study, _: study.stop()])
    shown = [trial.user_attrs["bohb:standing"] for trial in study.trials]
    paused = [e.number for e in study.evaluations() if e.outcome == "paused"]
    assert paused
    assert {shown[number].partition(": ")[2] for number in paused} == {"paused"}


# The explanation


def test_an_explanation_says_in_words_what_happened_to_a_trial():
    values = iter([0.5, 0.25, 0.75, 0.125])
    study = study_of(bohb.SuccessiveHalvingPruner(1, 3))
    study.enqueue_trial({"x": 0.5})
    study.optimize(lambda trial: (trial.suggest_float("x", 0, 1), next(values))[1])
    assert str(study.explain(0)) == (
        "Trial 0 of bracket 0 was dropped at resource 1 with value 0.5.\n"
        "It was enqueued by enqueue_trial.\n"
        "Resource 1: value 0.5, rank 2 of 3; the best goes on, down to 0.25: dropped\n"
        "Its parameters: x=0.5"
    )
    assert str(study.explain(1)).splitlines()[2:4] == [
        "Resource 1: value 0.25, rank 1 of 3; the best goes on, down to 0.25: promoted",
        "Resource 3: value 0.125, rank 1 of 1, finished",
    ]


def test_an_explanation_says_of_a_failed_trial_why_it_failed():
    def fails(trial):
        raise ValueError("the rate is too large")

    study = study_of()
    study.optimize(fails, n_trials=1, catch=ValueError)
    said = str(study.explain(0))
    assert "has failed at resource 1: ValueError: the rate is too large" in said


def test_an_explanation_says_of_a_trial_under_way_how_far_it_is_trained():
    study = study_of()
    study.ask().suggest_float("x", 0, 1)
    assert str(study.explain(0)).startswith("Trial 0 of bracket 0 is being trained to resource 1.")
    study.enqueue_trial({"x": 0.5})
    assert str(study.explain(1)).startswith("Trial 1 waits in the queue.")


def test_an_explanation_says_whether_the_model_chose_and_from_what():
    study = study_of()
    study.optimize(loss, n_rounds=2)
    number = next(e.number for e in study.evaluations() if e.proposed_by == "densities")
    assert f"It was chosen by the densities, from {number} evaluated trials." in str(
        study.explain(number)
    )


def test_a_trial_that_was_added_is_explained_as_such():
    study = study_of()
    study.optimize(loss)
    study.add_trial(study.best_trial)
    low = next(trial for trial in study.trials if trial.state.name == "PRUNED")
    study.add_trial(low)
    for number in (len(study.trials) - 2, len(study.trials) - 1):
        explained = study.explain(number)
        assert explained.is_added
        assert "was added from elsewhere with value" in str(explained)
        assert "proposed" not in str(explained)


@pytest.mark.parametrize("number", [15, -1])
def test_only_a_trial_of_the_study_can_be_explained(number):
    study = study_of()
    study.optimize(loss)
    with pytest.raises(ArgumentError, match=f"number must be .*got {number}"):
        study.explain(number)


def test_an_explanation_says_which_values_were_enqueued_and_who_proposed_the_others():
    def objective(trial):
        return trial.suggest_float("x", 0, 1) + trial.suggest_float("y", 0, 1) + 1 / trial.resource

    study = study_of()
    study.enqueue_trial({"x": 0.5})
    assert str(study.explain(0)).splitlines()[1] == "It was enqueued by enqueue_trial with x."
    study.optimize(objective)
    study.enqueue_trial({"x": 0.4})
    study.enqueue_trial({"x": 0.4, "y": 0.1})
    study.optimize(objective)
    numbers = [trial.number for trial in study.trials if "fixed_params" in trial.system_attrs]
    first, later, whole = (str(study.explain(number)).splitlines()[1] for number in numbers)
    given = "It was enqueued by enqueue_trial with x; what was left out was"
    assert first == f"{given} chosen by the sampler."
    assert later.startswith((f"{given} drawn from the prior", f"{given} chosen by the"))
    assert "evaluated" in later
    assert whole == "It was enqueued by enqueue_trial."


@pytest.mark.parametrize(
    ("state", "said"), [("RUNNING", "runs elsewhere"), ("WAITING", "waits in the queue")]
)
def test_an_explanation_says_of_a_trial_from_elsewhere_that_it_has_no_bracket(state, said):
    made = optuna.trial.create_trial(
        state=optuna.trial.TrialState[state], params={}, distributions={}
    )
    study = study_of()
    study.add_trial(made)
    assert said in str(study.explain(0))
    assert "It was" not in str(study.explain(0))

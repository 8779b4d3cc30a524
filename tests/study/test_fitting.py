"""Plans with their time, and plans that fit into the time there is."""

import pytest

import bohb
from bohb.errors import ArgumentError
from bohb.executors import SimulatedExecutor


def study_of(pruner=None):
    return bohb.create_study(
        sampler=bohb.BOHBSampler(seed=0, random_fraction=1.0),
        pruner=pruner or bohb.HyperbandPruner(1, 81, adaptive=False),
    )


@pytest.mark.parametrize("n_workers", [1, 4, 10])
def test_a_plan_takes_as_long_as_it_says(n_workers):
    study = study_of()
    said = study.plan(2, n_workers=n_workers, seconds_per_unit=12).pace
    executor = SimulatedExecutor(n_workers, lambda task: 12.0 * task.resource)
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_rounds=2, executor=executor)
    assert executor.now() == pytest.approx(said.seconds_restarted, rel=0.02)
    assert executor.now() >= said.least_restarted


def test_a_plan_says_its_time_in_words():
    assert "time with 1 worker and 2 s a unit" in str(study_of().plan(seconds_per_unit=2))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"n_workers": 4}, "n_workers needs seconds_per_unit"),
        ({"n_workers": 0, "seconds_per_unit": 1}, "n_workers must be"),
        ({"seconds_per_unit": 0}, "seconds_per_unit must be"),
    ],
)
def test_a_plan_needs_a_pace_that_makes_sense(arguments, words):
    with pytest.raises(ArgumentError, match=words):
        study_of().plan(**arguments)


@pytest.mark.parametrize("n_workers", [1, 4])
@pytest.mark.parametrize("continued", [True, False])
@pytest.mark.parametrize("timeout", [20, 100, 500, 2_000, 5_000, 20_000, 300_000])
def test_what_is_proposed_fits(timeout, n_workers, continued):
    fitted = study_of().fit_plan(
        timeout=timeout, n_workers=n_workers, seconds_per_unit=12, continued=continued
    )
    pace = fitted.plan.pace
    assert (pace.seconds_continued if continued else pace.seconds_restarted) <= timeout
    assert len(fitted.limits) == 1
    study = study_of(fitted.pruner)
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1), **fitted.limits)
    assert len(study.trials) == fitted.plan.n_trials


def test_one_more_round_would_not_fit():
    fitted = study_of().fit_plan(timeout=100_000, n_workers=4, seconds_per_unit=12)
    assert fitted.n_rounds > 1
    assert fitted.gave_up == ()
    more = study_of().plan(fitted.n_rounds + 1, n_workers=4, seconds_per_unit=12)
    assert more.pace.seconds_restarted > 100_000


def test_what_is_given_up_is_said_and_grows_as_the_time_gets_short():
    def fitted(timeout):
        return study_of().fit_plan(timeout=timeout, seconds_per_unit=1)

    some, fewer, short, little = (fitted(timeout) for timeout in (1500, 350, 90, 2))
    assert some.n_brackets == 4
    assert "the brackets that start at 81" in some.gave_up[0]
    assert fewer.gave_up[0] == "the rungs below 3"
    assert short.gave_up[0] == "the rungs below 81"
    assert little.gave_up[0] == "training beyond 1"
    assert "given up: the rungs below 3" in str(fewer)
    assert fewer.pruner.max_resource == 81


def test_where_nothing_fits_the_least_time_is_told():
    with pytest.raises(ArgumentError, match=r"timeout must be at least .* 1 units of 12 s, got 3"):
        study_of().fit_plan(timeout=3, seconds_per_unit=12)

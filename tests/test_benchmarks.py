"""The comparisons measure what their protocol says."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path

import compare
import contestants
import numpy as np
import pytest
import report
from protocol import Recorder, config_of, parameters_of, rungs_of
from tasks import Task, counting_ones, hartmann
from training import training_tasks

import bohb

PROGRAM = Path(compare.__file__)


def line(noise=0.0):
    def suggest(trial):
        return {"x": trial.suggest_float("x", 0, 1)}

    def loss(config, resource):
        return config["x"] + noise / resource

    return Task("line", (1, 9), suggest, loss, lambda config: config["x"], 0.0, 0.5)


def test_a_configuration_that_is_evaluated_again_costs_the_difference():
    recorder = Recorder(line(), (1, 2))
    recorder.evaluate({"x": 0.5}, 3)
    assert recorder.spent == pytest.approx(3 / 9)
    recorder.evaluate({"x": 0.5}, 9)
    assert recorder.spent == pytest.approx(1)
    recorder.evaluate({"x": 0.4}, 9)
    assert recorder.spent == pytest.approx(2)


def test_the_incumbent_is_the_best_at_the_highest_level_and_scored_before_the_cost_is_exceeded():
    recorder = Recorder(line(), (1, 2, 3))
    for x, resource in [(0.1, 3), (0.4, 9), (0.2, 3), (0.3, 9), (0.9, 9), (0.0, 9)]:
        recorder.evaluate({"x": x}, resource)
    # Spent: 1/3, 4/3, 5/3, 8/3, 11/3, ...; regret is x / 0.5.
    assert recorder.after == pytest.approx({1: 0.2, 2: 0.8, 3: 0.6})
    assert recorder.is_over


@pytest.mark.parametrize("n_parts", [3, 7, 9, 10, 27, 49, 99])
def test_costs_that_add_up_to_a_budget_but_for_rounding_do_not_exceed_it(n_parts):
    recorder = Recorder(line(), (1, 2))
    while not recorder.is_over:
        recorder.evaluate({"x": recorder.spent}, 9 / n_parts)
    assert set(recorder.after) == {1, 2}


def test_a_space_is_learned_whole_and_a_value_beyond_its_range_counts_as_its_end():
    def suggest(trial):
        kind = trial.suggest_categorical("kind", ["one", "two"])
        high = trial.suggest_int("high", 2, 8)
        config = {"kind": kind, "high": high, "low": trial.suggest_int("low", 1, high)}
        if kind == "two":
            config["rate"] = trial.suggest_float("rate", 1e-3, 1, log=True)
            config["p"] = trial.suggest_float("p", 1.0, 2.0, step=0.5)
        return config

    task = Task("t", (1, 3), suggest, lambda c, r: 0.0, lambda c: 0.0)
    parameters = parameters_of(task)
    assert set(parameters) == {"kind", "high", "low", "rate", "p"}
    assert (parameters["low"].low, parameters["low"].high) == (1, 8)
    values = {"kind": "two", "high": 3, "low": 7, "rate": 0.5, "p": 2}
    assert config_of(task, values) == {"kind": "two", "high": 3, "low": 3, "rate": 0.5, "p": 2.0}
    assert set(config_of(task, {**values, "kind": "one"})) == {"kind", "high", "low"}


@pytest.mark.parametrize("resources", [(1, 52), (1 / 27, 1.0), (3, 81), (9, 729), (50, 1350)])
def test_all_contestants_have_the_levels_of_hyperband(resources):
    task = Task("t", resources, lambda t: {}, lambda c, r: 0.0, lambda c: 0.0)
    assert rungs_of(task) == pytest.approx(list(bohb.HyperbandPruner(*resources).levels))


@pytest.mark.parametrize(
    "name", [name for name, each in contestants.CONTESTANTS.items() if each.environment == "bohb"]
)
def test_our_own_contestants_run_a_task_to_the_end_and_the_same_way_again(name):
    def scores():
        recorder = Recorder(hartmann("good", 2.5, 2.0), (1, 2, 3))
        contestants.CONTESTANTS[name].run(recorder, 0)
        return recorder.after

    first = scores()
    assert set(first) == {1, 2, 3}
    assert all(math.isfinite(score) for score in first.values()) or name in ("random", "single")
    assert scores() == pytest.approx(first, nan_ok=True)


def result(name, task, seed, scores, family="surrogates"):
    after = dict(zip(("1", "2"), scores, strict=True))
    return {
        "contestant": name,
        "family": family,
        "task": task,
        "seed": seed,
        "scores": after,
        "seconds": 1.0,
        "version": "1",
    }


RESULTS = [
    result("default", "a", 0, (0.1, 0.01)),
    result("default", "a", 1, (0.1, 0.001)),
    result("random", "a", 0, (1.0, 0.1)),
    result("random", "a", 1, (0.1, 0.1)),
]


def test_regrets_are_shown_as_logarithms_with_their_standard_error():
    table = report.table(RESULTS, "surrogates")
    assert "| bohb: default | -1.00 ± 0.00 | -2.50 ± 0.50 | 1 x 2 |" in table
    assert "| random search | -0.50 ± 0.50 | -1.00 ± 0.00 | 1 x 2 |" in table
    assert table.index("bohb: default") < table.index("random search")


def test_who_has_not_run_all_tasks_is_left_out():
    more = [*RESULTS, result("default", "b", 1, (0.1, 0.1))]
    table = report.table(more, "surrogates")
    assert "| bohb: default | -1.00 | -2.00 | 2 x 1 |" in table
    assert "random search" not in table


def test_the_best_known_loss_is_lowered_by_what_any_run_has_found():
    found = report.log_regret(
        report.scores([*RESULTS, result("density", "a", 0, (1.0, -1.0))], "surrogates")
    )
    assert found["density"]["a", 0][1] == pytest.approx(-5)
    assert found["default"]["a", 0][1] == pytest.approx(np.log10(1.01 / 2))


def test_ranks_count_ties_as_the_mean_of_their_places():
    ranked = report.ranks(report.scores(RESULTS, "surrogates"))
    assert ranked["default"]["a", 0].tolist() == [1, 1]
    assert ranked["default"]["a", 1].tolist() == [1.5, 1]
    assert ranked["random"]["a", 1].tolist() == [1.5, 2]


def test_ranks_are_shown_for_the_tasks_that_all_have_run():
    runs = [
        result(name, task, seed, scores, "training")
        for name, scores in (("default", (1.0, 1.0)), ("random", (2.0, 2.0)))
        for task in ("a", "b")
        for seed in (0, 1)
        if (name, task) != ("random", "b")
    ]
    table = report.table(runs, "training")
    assert "| bohb: default | 1.00 ± 0.00 | 1.00 ± 0.00 | 1 x 2 |" in table


def test_differences_are_negative_where_the_first_is_better():
    runs = [
        result(name, "a", seed, (loss + seed, loss), "training")
        for name, loss in (("default", 1.0), ("hyperband", 3.0))
        for seed in (0, 1)
    ]
    runs += [result("hyperband", "a", 2, (3.0, 4.0), "training")]
    runs += [result("hyperband", "another", 2, (3.0, 3.0), "training")]
    table = report.differences(runs, "default", "hyperband")
    assert "another" not in table
    # Means 1.5 and 3.33, standard errors 0.5 and 0.33.
    assert f"| a | {(1.5 - 10 / 3) / np.hypot(0.5, 1 / 3):+.1f} |" in table
    assert table.endswith("| 2 |")


def test_results_are_the_same_after_they_were_packed(tmp_path):
    report.pack(RESULTS[::-1], tmp_path / "r.json.gz")
    first = (tmp_path / "r.json.gz").read_bytes()
    report.pack(RESULTS, tmp_path / "r.json.gz")
    assert (tmp_path / "r.json.gz").read_bytes() == first
    assert report.table(report.read(tmp_path / "r.json.gz"), "surrogates") == report.table(
        RESULTS, "surrogates"
    )


def test_a_picture_is_drawn(tmp_path):
    report.draw(RESULTS, tmp_path / "r.png")
    assert (tmp_path / "r.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
def test_a_comparison_goes_on_where_it_was_ended(tmp_path):
    command = [sys.executable, str(PROGRAM), "--directory", str(tmp_path), "run"]
    command += ["--contestants", "random", "--families", "surrogates", "--seeds"]
    for seeds in ("1", "2"):
        subprocess.run([*command, seeds], check=True, capture_output=True)
    found = compare.results(tmp_path)
    assert len(found) == len({(r["task"], r["seed"]) for r in found}) == 6
    assert all(json.dumps(r) and r["version"] == bohb.__version__ for r in found)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of networks that diverge
@pytest.mark.parametrize("task", training_tasks(), ids=lambda task: task.name)
def test_a_training_is_the_same_again_and_gets_further_with_more_resource(task):
    rng = np.random.default_rng(3)
    values = {name: each.draw(rng) for name, each in parameters_of(task).items()}
    config = config_of(task, values)
    low, top = task.resources
    first = [task.loss(config, resource) for resource in (low, top)]
    again = next(each for each in training_tasks() if each.name == task.name)
    assert [again.loss(config, resource) for resource in (top, low)][::-1] == first
    assert math.isfinite(task.score(config))


def test_counting_ones_has_its_best_value_at_ones():
    task = counting_ones(2)
    assert task.score({"c0": 1, "c1": 1, "p0": 1.0, "p1": 1.0}) == 0.0

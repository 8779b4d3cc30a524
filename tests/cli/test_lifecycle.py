"""Jobs that run: real commands, real storages."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from job_files import OWN, RANDOM, SCRIPT, write
from rich.console import Console

from bohb.cli import lifecycle
from bohb.cli.jobs import read_job
from bohb.cli.lifecycle import Place
from bohb.cli.show.live import View, watched_by
from bohb.cli.status import best_of, evaluation_rows, explained, status_of
from bohb.errors import NoResultError, SettingsError, TooManyFailuresError
from bohb.study import find_study

pytestmark = pytest.mark.slow  # real commands are run here

REPORT = 'print(json.dumps({"step": int(os.environ["BOHB_RESOURCE"]), "loss": 1.0}))'


class Heard(View):
    """A view that keeps what it is told."""

    def __init__(self, job, study):
        before = replace(status_of(job, study), n_planned=None)
        super().__init__(job, Console(file=io.StringIO()), before, lambda: None)
        self.lines = []

    def _write(self, text):
        self.lines.append(text)


def run(path, n_jobs=None, timeout=None):
    """Run a job as far as it goes, and return it with its study and what it said."""
    job = read_job(path, n_jobs=n_jobs)
    study = lifecycle.begin(job, Place.of(job, None))
    view = Heard(job, study)
    with watched_by(view):
        lifecycle.run(job, study, view, n_jobs=job.jobs, timeout=timeout)
    return job, study, view.lines


def script(body):
    return f"import json, os, sys, time\n{body}\n"


@pytest.mark.parametrize("n_jobs", [1, 3])
def test_a_job_runs_to_its_plan_and_trains_no_unit_twice(tmp_path, n_jobs):
    job, study, _ = run(write(tmp_path), n_jobs)
    status = status_of(job, study)
    assert (status.activity, status.n_evaluations, status.n_planned) == ("done", 20, 20)
    assert status.n_trials == {"complete": 5, "pruned": 10}
    assert [[rung.n_evaluations for rung in row] for row in status.rungs] == [
        [9, 3, 1],
        [3, 1],
        [3],
    ]
    trained = len((tmp_path / "epochs-trained").read_text())
    assert trained == job.plan.resource_continued == 63


def test_every_report_is_kept_with_its_step(tmp_path):
    job, study, _ = run(write(tmp_path))
    best = study.trials[best_of(job, study).trial]
    assert sorted(best.intermediate_values) == list(range(1, 10))
    lr = best.params["lr"]
    assert best.intermediate_values[4] == pytest.approx(abs(lr - 0.3) + 1 / 4)


def test_a_command_is_told_what_it_needs(tmp_path):
    body = """
names = ["TRIAL", "RESOURCE", "PREVIOUS_RESOURCE", "CHECKPOINT_DIR", "PARAMS_FILE"]
told = {name: os.environ["BOHB_" + name] for name in names}
told["params"] = json.load(open(told["PARAMS_FILE"]))
told["argv"] = sys.argv[1:]
told["own"] = os.environ["OWN"]
told["is_dir"] = os.path.isdir(told["CHECKPOINT_DIR"])
with open("told", "a") as file:
    file.write(json.dumps(told) + "\\n")
"""
    path = write(tmp_path, OWN + "env: {OWN: 'lr {{ lr }}'}\n", script(body + REPORT))
    _, study, _ = run(path)
    told = [json.loads(line) for line in (tmp_path / "told").read_text().splitlines()]
    assert len(told) == 20
    first = told[0]
    lr = study.trials[0].params["lr"]
    assert first["params"] == {"lr": lr}
    assert first["argv"] == [f"--lr={lr}", "--epochs=1"]
    assert first["own"] == f"lr {lr}"
    assert first["is_dir"]
    assert [(leg["PREVIOUS_RESOURCE"], leg["RESOURCE"]) for leg in told if leg["TRIAL"] == "0"] == [
        ("0", "1"),
        ("1", "3"),
        ("3", "9"),
    ]
    directories = {leg["CHECKPOINT_DIR"] for leg in told if leg["TRIAL"] == "0"}
    assert directories == {str(tmp_path / "job.runs" / "trial-00000" / "checkpoint")}


def test_a_nasty_value_arrives_as_it_is(tmp_path):
    nasty = "; rm -rf x"
    (tmp_path / "x").mkdir()
    text = """
command: ["{{ python }}", train.py, "{{ text }}", "--text={{ text }}"]
metric: loss
cases:
  - {text: "; rm -rf x"}
  - {text: "$(rm -rf x)"}
  - {text: "a  'b' \\"c\\""}
"""
    body = "open('argv', 'a').write(json.dumps(sys.argv[1:]) + '\\n'); print('{\"loss\": 1}')"
    _, study, _ = run(write(tmp_path, text, script(body)))
    argv = [json.loads(line) for line in (tmp_path / "argv").read_text().splitlines()]
    expected = [nasty, "$(rm -rf x)", "a  'b' \"c\""]
    assert argv == [[value, f"--text={value}"] for value in expected]
    assert (tmp_path / "x").is_dir()
    assert [trial.params["text"] for trial in study.trials] == expected


def test_what_a_command_writes_is_kept_for_each_leg(tmp_path):
    body = 'print("hello"); print("oh", file=sys.stderr)\n' + REPORT
    run(write(tmp_path, script=script(body)))
    directory = tmp_path / "job.runs" / "trial-00000"
    assert (directory / "resource-1.stdout").read_text().startswith("hello\n{")
    assert (directory / "resource-9.stderr").read_text() == "oh\n"
    assert json.loads((directory / "params.json").read_text()).keys() == {"lr"}


def test_without_kept_checkpoints_each_leg_has_checkpoints_of_its_own(tmp_path):
    job, _, _ = run(write(tmp_path, OWN + "keep_checkpoints: false\n"))
    trained = len((tmp_path / "epochs-trained").read_text())
    assert trained == job.plan.resource_restarted == 72


def test_a_failed_command_fails_its_trial_with_its_last_words(tmp_path):
    body = (
        'if float(sys.argv[1][5:]) > 0.5:\n    print("loss\\nof\\nsight", file=sys.stderr)\n'
        f"    sys.exit(3)\n{REPORT}"
    )
    job, study, lines = run(write(tmp_path, script=script(body)))
    status = status_of(job, study)
    assert status.n_trials["failed"] == len(status.failures) > 0
    number, message = status.failures[0].trial, status.failures[0].error
    assert message == "exit code 3:\n    loss\n    of\n    sight"
    assert any(f"trial {number} at epochs" in line and "exit code 3" in line for line in lines)


def test_a_failure_after_the_last_report_is_a_failure(tmp_path):
    job, study, _ = run(
        write(tmp_path, OWN + "max_failures: 1\n", script(REPORT + "\nsys.exit(1)"))
    )
    assert status_of(job, study).n_trials == {"failed": 15}
    with pytest.raises(NoResultError):
        best_of(job, study)


def test_a_job_that_always_fails_ends_soon(tmp_path):
    with pytest.raises(TooManyFailuresError, match="exit code 1"):
        run(write(tmp_path, script=script("sys.exit(1)")))


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("", "no line on stdout is JSON with 'loss'"),
        ('print(\'{"loss": "low"}\')', "loss must be a number, got 'low'"),
        ("os.kill(os.getpid(), 9)", "ended by signal 9, and nothing on stderr"),
    ],
)
def test_a_command_without_a_value_fails_with_a_hint(tmp_path, body, message):
    text = OWN + "max_failures: 1\nlimits: {n_trials: 1}\n"
    job, study, _ = run(write(tmp_path, text, script(body)))
    assert message in status_of(job, study).failures[0].error


def test_a_pattern_finds_the_metric(tmp_path):
    text = OWN.replace(
        "metric: loss",
        "metric: {name: loss, pattern: 'epoch (?P<step>\\d+): loss (?P<value>\\S+)'}",
    )
    body = """
for epoch in range(1, int(os.environ["BOHB_RESOURCE"]) + 1):
    print(f"epoch {epoch}: loss {1 / epoch}", file=sys.stderr)
"""
    job, study, _ = run(write(tmp_path, text, script(body)))
    assert best_of(job, study).value == pytest.approx(1 / 9)
    assert sorted(study.trials[-1].intermediate_values) == list(range(1, 10))


def test_a_file_holds_the_metric_if_the_leg_has_written_it(tmp_path):
    text = OWN.replace(
        "metric: loss", "metric: {name: loss, file: '{{ checkpoint_dir }}/metrics.jsonl'}"
    )
    body = """
if float(sys.argv[1][5:]) < 0.9:
    with open(os.path.join(os.environ["BOHB_CHECKPOINT_DIR"], "metrics.jsonl"), "a") as file:
        for epoch in range(int(os.environ["BOHB_PREVIOUS_RESOURCE"]) + 1,
                           int(os.environ["BOHB_RESOURCE"]) + 1):
            file.write(json.dumps({"step": epoch, "loss": 1 / epoch}) + "\\n")
"""
    job, study, _ = run(write(tmp_path, text, script(body)))
    status = status_of(job, study)
    assert status.best.value == pytest.approx(1 / 9)
    assert sorted(study.trials[status.best.trial].intermediate_values) == list(range(1, 10))
    failed = [trial for trial in study.trials if trial.params["lr"] >= 0.9]
    assert len(status.failures) == len(failed) > 0
    assert "the command did not write" in status.failures[0].error


def test_a_script_that_counts_from_0_is_understood(tmp_path):
    body = """
for epoch in range(int(os.environ["BOHB_RESOURCE"])):
    print(json.dumps({"step": epoch, "loss": 1 / (epoch + 1)}))
"""
    job, study, lines = run(write(tmp_path, script=script(body)))
    assert best_of(job, study).value == pytest.approx(1 / 9)
    assert sorted(study.trials[-1].intermediate_values) == list(range(9))
    assert not any("note:" in line for line in lines)


def test_a_script_that_knows_no_end_is_ended_beyond_its_resource(tmp_path):
    body = """
for epoch in range(1, 1000):
    print(json.dumps({"step": epoch, "loss": 1 / epoch}), flush=True)
    time.sleep(0.02)
"""
    path = write(tmp_path, OWN.replace(" --epochs={{ epochs }}", ""), script(body))
    job, study, lines = run(path)
    status = status_of(job, study)
    assert (status.activity, status.n_evaluations) == ("done", 20)
    assert status.best.value == pytest.approx(1 / 9)
    assert not any("note:" in line for line in lines)


def test_steps_of_another_unit_are_remarked_and_the_last_line_counts(tmp_path):
    body = """
for batch in range(1, 50):
    print(json.dumps({"step": batch, "loss": 1 / batch}))
"""
    job, study, lines = run(write(tmp_path, script=script(body)))
    assert best_of(job, study).value == pytest.approx(1 / 49)
    remarks = [line for line in lines if line.startswith("note:")]
    assert "step 2 was reported with epochs=1" in remarks[0]


def test_a_script_that_ends_early_is_judged_by_its_last_report_and_that_is_remarked(tmp_path):
    body = 'print(json.dumps({"step": 1, "loss": 0.5}))'
    job, study, lines = run(write(tmp_path, OWN + "limits: {n_brackets: 1}\n", script(body)))
    assert status_of(job, study).best.resource == 9
    (remark,) = [line for line in lines if line.startswith("note:")]
    assert "ended after its report at resource 1, before the 3 it was given" in remark


def test_a_value_that_is_not_finite_is_told_as_the_failure_it_is(tmp_path):
    body = 'print(json.dumps({"step": int(os.environ["BOHB_RESOURCE"]), "loss": float("nan")}))'
    text = OWN + "limits: {n_trials: 1}\nmax_failures: 1\n"
    _, study, lines = run(write(tmp_path, text, script(body)))
    assert study.trials[0].state.name == "FAIL"
    assert any("failed: the value nan is not finite" in line for line in lines)


def test_steps_that_go_backwards_are_remarked(tmp_path):
    body = """
for step in (3, 2, 1):
    print(json.dumps({"step": step, "loss": step}))
"""
    text = OWN.replace("max: 9", "min: 9, max: 9") + "limits: {n_trials: 1}\n"
    _, _, lines = run(write(tmp_path, text, script(body)))
    assert any(line.startswith("note: steps go backwards") for line in lines)


def test_resources_may_be_fractions(tmp_path):
    text = OWN.replace("max: 9", "min: 0.1, max: 0.9")
    body = """
for step in (0.1, 0.2, 0.3, 0.9):
    if step <= float(os.environ["BOHB_RESOURCE"]):
        print(json.dumps({"step": step, "loss": 1 / step}))
"""
    job, study, _ = run(write(tmp_path, text, script(body)))
    status = status_of(job, study)
    assert (status.n_evaluations, status.best.resource) == (20, 0.9)
    assert status.best.value == pytest.approx(1 / 0.9)


def test_a_command_that_takes_too_long_is_ended(tmp_path):
    body = f"{REPORT}\nif float(sys.argv[1][5:]) > 0.8: time.sleep(600)"
    job, study, _ = run(write(tmp_path, OWN + "leg_timeout: 3\n", script(body)), n_jobs=4)
    status = status_of(job, study)
    late = [trial for trial in study.trials if trial.params["lr"] > 0.8]
    assert len(status.failures) == len(late) > 0
    assert "took longer than leg_timeout=3 seconds" in status.failures[0].error


def test_a_target_ends_everything(tmp_path):
    text = OWN + "early_stopping: [{kind: target, value: 0.5}]\njobs: 2\n"
    body = """
for epoch in range(1, int(os.environ["BOHB_RESOURCE"]) + 1):
    print(json.dumps({"step": epoch, "loss": 1 / epoch}), flush=True)
    time.sleep(0.05)
time.sleep(600 if os.environ["BOHB_RESOURCE"] != "1" else 0)
"""
    path = write(tmp_path, text, script(body))
    job, study, _ = run(path)
    status = status_of(job, study)
    assert status.activity == "done"
    assert status.best.has_met_target
    assert status.best.value == 0.5
    n_evaluations = status.n_evaluations
    _, study, lines = run(path)  # again: there is nothing left to do
    assert lines == []
    assert status_of(job, study).n_evaluations == n_evaluations


def test_a_policy_prunes_in_the_midst_of_a_leg(tmp_path):
    text = """
command: ["{{ python }}", train.py, "{{ lr }}"]
metric: loss
resource: {name: epochs, max: 20}
method: mapping
cases: [{lr: 1}, {lr: 2}, {lr: 3}, {lr: 0}]
early_stopping: [{kind: median, min_step: 3, min_samples: 1}]
"""
    body = """
for epoch in range(1, 21):
    print(json.dumps({"step": epoch, "loss": float(sys.argv[1])}), flush=True)
    time.sleep(0.03)
"""
    job, study, lines = run(write(tmp_path, text, script(body)))
    assert [trial.state.name for trial in study.trials] == [
        "COMPLETE",
        "PRUNED",
        "PRUNED",
        "COMPLETE",
    ]
    assert len(study.trials[1].intermediate_values) == 3
    assert any("trial 1 at epochs 20: pruned: worse than the others" in line for line in lines)
    assert best_of(job, study).params == {"lr": 0}
    said = explained(job, study, 1)
    assert said.splitlines() == [
        "Trial 1 was pruned by its objective on its way to resource 20.",
        "It was enqueued by enqueue_trial.",
        "Resource 20: pruned",
        "Its parameters: lr=2",
        "It was ended by early_stopping: median, at step 3",
    ]


def test_an_explanation_has_the_values_that_the_command_got(tmp_path):
    text = OWN + "limits: {n_trials: 1}\n"
    text = text.replace("params:", "params:\n  q: {kind: qnormal, loc: 5, scale: 1, q: 0.5}\n")
    job, study, _ = run(write(tmp_path, text))
    quantile = study.trials[0].params["quantile(q)"]
    assert "Its parameters:" in explained(job, study, 0)
    assert f"q={job.dimensions['quantile(q)'].value_of(quantile)!r}" in explained(job, study, 0)
    assert "quantile" not in explained(job, study, 0)


def test_a_first_report_beyond_the_resource_is_told_from_none(tmp_path):
    body = 'print(json.dumps({"step": 5, "loss": 0.5}))'
    text = OWN.replace("--epochs={{ epochs }}", "").replace("{{ epochs }}", "")
    _, _, lines = run(write(tmp_path, text + "limits: {n_trials: 1}\n", script(body)))
    told = "the first step that was reported, 5, lies beyond epochs=1"
    assert any(told in line for line in lines)


def test_policies_know_after_a_stop_what_was_reported_before_it(tmp_path):
    text = """
command: ["{{ python }}", train.py, "{{ x }}"]
metric: loss
cases: [{x: 5}, {x: 6}, {x: 7}, {x: 1}, {x: 2}]
early_stopping: [{kind: median, min_samples: 3}]
"""
    body = """
for step in range(1, 6):
    print(json.dumps({"step": step, "loss": float(sys.argv[1]) + 1 / step}), flush=True)
    time.sleep(0.02)
time.sleep(0.5)
"""
    path = write(tmp_path, text, script(body))
    _, study, _ = run(path, timeout=2)
    assert len([trial for trial in study.trials if trial.state.name == "COMPLETE"]) < 5
    job, study, _ = run(path)
    assert [trial.state.name for trial in study.trials] == ["COMPLETE"] * 5
    assert best_of(job, study).params == {"x": 1}
    assert study.trials[3].user_attrs["reports"][0] == [1, 2.0]


def test_rules_are_not_applied_where_a_leg_ends(tmp_path):
    text = OWN + "early_stopping: [{kind: median, min_samples: 1}]\n"
    body = 'print(json.dumps({"step": int(os.environ["BOHB_RESOURCE"]), "loss": time.time()}))'
    job, study, _ = run(write(tmp_path, text, script(body)))
    assert status_of(job, study).n_evaluations == 20


def test_a_target_of_another_metric_is_met_on_a_line_of_its_own(tmp_path):
    rule = "{kind: target, metric: accuracy, direction: maximize, value: 0.9}"
    body = """
for epoch in range(1, int(os.environ["BOHB_RESOURCE"]) + 1):
    print(json.dumps({"step": epoch, "accuracy": 1 - 1 / epoch ** 2}))
    print(json.dumps({"step": epoch, "loss": 1 / epoch}), flush=True)
    time.sleep(0.02)
"""
    path = write(tmp_path, OWN + f"early_stopping: [{rule}]\n", script(body))
    job, study, _ = run(path)
    best = best_of(job, study)
    assert best.has_met_target
    assert (best.value, best.resource) == (pytest.approx(1 / 3), 4)
    strict = write(tmp_path, OWN + f"early_stopping: [{rule.replace('0.9', '2')}]\n", script(body))
    job, study, _ = run(strict)  # the rule has changed: it goes on
    assert status_of(job, study).n_evaluations == 20
    assert not best_of(job, study).has_met_target


def test_a_target_in_the_midst_of_a_leg_is_no_evaluation(tmp_path):
    text = (
        OWN.replace("max: 9", "min: 9, max: 9") + "early_stopping: [{kind: target, value: 0.5}]\n"
    )
    body = """
for epoch in range(1, 10):
    print(json.dumps({"step": epoch, "loss": 1 / epoch}), flush=True)
    time.sleep(0.05)
"""
    job, study, lines = run(write(tmp_path, text, script(body)))
    status = status_of(job, study)
    assert (status.n_evaluations, status.best.value, status.best.resource) == (0, 0.5, 2)
    assert lines == ["1  trial 0 at epochs 9: the target is met"]
    (row,) = evaluation_rows(job, study)
    assert (row["resource"], row["value"], row["state"]) == (2, 0.5, "cut off")


def test_a_rule_for_a_number_that_is_never_reported_is_remarked(tmp_path):
    rule = "{kind: target, metric: losss, direction: minimize, value: 0}"
    _, _, lines = run(write(tmp_path, OWN + f"early_stopping: [{rule}]\nlimits: {{n_trials: 1}}\n"))
    assert "note: early_stopping asks for losss, which the command does not report" in lines


def test_a_leg_that_was_cut_off_when_it_was_done_is_not_lost(tmp_path):
    """Its checkpoint has all epochs, so that it prints nothing when it is run again."""
    body = """
state = os.path.join(os.environ["BOHB_CHECKPOINT_DIR"], "epoch")
done = int(open(state).read()) if os.path.exists(state) else 0
resource = int(os.environ["BOHB_RESOURCE"])
open(state, "w").write(str(resource))
if os.environ["BOHB_TRIAL"] == "2" and os.path.exists("hang"):
    os.rename("hang", "hung")
    time.sleep(600)
for epoch in range(done + 1, resource + 1):
    print(json.dumps({"step": epoch, "loss": 1 / epoch}))
"""
    path = write(tmp_path, script=script(body))
    (tmp_path / "hang").touch()
    seconds = 2
    while not (tmp_path / "hung").exists():
        run(path, timeout=seconds)
        seconds *= 2
    job, study, lines = run(path)
    status = status_of(job, study)
    assert (status.n_evaluations, status.failures) == (20, [])
    assert any("trial 2 had nothing left to do and reported nothing" in line for line in lines)


def test_a_script_that_says_how_it_does_before_it_begins_is_judged_at_its_end(tmp_path):
    body = """
for epoch in range(0, int(os.environ["BOHB_RESOURCE"]) + 1):
    print(json.dumps({"step": epoch, "loss": 1 / (epoch + 1)}))
"""
    path = write(tmp_path, OWN.replace(" --epochs={{ epochs }}", ""), script(body))
    job, study, _ = run(path)
    assert best_of(job, study).value == pytest.approx(1 / 10)


def test_a_line_with_the_metric_as_a_text_does_no_harm_if_another_follows(tmp_path):
    body = 'print(json.dumps({"loss": "cross_entropy"}))\n' + REPORT
    job, study, _ = run(write(tmp_path, OWN + "limits: {n_trials: 1}\n", script(body)))
    assert best_of(job, study).value == 1.0


def test_of_very_many_reports_a_thousand_are_kept(tmp_path):
    text = OWN.replace("max: 9", "min: 20000, max: 20000")
    body = """
for step in range(1, 20001):
    print(json.dumps({"step": step, "loss": 1 / step}))
"""
    _, study, _ = run(write(tmp_path, text, script(body)))
    steps = sorted(study.trials[0].intermediate_values)
    assert steps == list(range(20, 20001, 20))


def test_a_directory_that_cannot_be_made_fails_its_trial_only(tmp_path):
    text = """
command: ["{{ python }}", "{{ python }}", "-c", "print(1)"]
metric: loss
workdir: "{{ name }}"
cases: [{name: "train.py"}, {name: "ok"}]
max_failures: 1
"""
    job, study, _ = run(write(tmp_path, text))
    failures = status_of(job, study).failures
    assert "the command cannot be prepared" in failures[0].error
    assert len(failures) == 2  # the other is no program for Python


def test_a_grid_is_tried_in_full(tmp_path):
    text = """
command: ["{{ python }}", train.py, "{{ x }}", "{{ y }}"]
metric: {name: loss, direction: maximize}
method: grid
params: {x: {kind: range, start: 0, stop: 3, step: 1}, y: [a, b]}
"""
    body = 'print(json.dumps({"step": 7, "loss": float(sys.argv[1])}))'
    path = write(tmp_path, text, script(body))
    job, study, _ = run(path, n_jobs=2)
    tried = sorted((trial.params["x"], trial.params["y"]) for trial in study.trials)
    assert tried == [(x, y) for x in range(3) for y in "ab"]
    assert best_of(job, study).value == 2
    assert study.trials[0].user_attrs["reports"] == [[7, study.trials[0].value]]
    _, study, lines = run(path)
    assert (len(study.trials), lines) == (6, [])


def test_more_random_trials_can_be_asked_for_later(tmp_path):
    text = RANDOM.replace(" --epochs={{ epochs }}", "")
    body = 'print(json.dumps({"loss": float(sys.argv[1][5:])}))'
    _, study, _ = run(write(tmp_path, text, script(body)))
    first = [trial.params for trial in study.trials]
    _, study, _ = run(write(tmp_path, text.replace("n_trials: 3", "n_trials: 5"), script(body)))
    assert len(study.trials) == 5
    assert [trial.params for trial in study.trials][:3] == first
    assert len({trial.params["lr"] for trial in study.trials}) == 5


def test_a_job_stopped_by_its_time_goes_on_to_the_same_end(tmp_path):
    (tmp_path / "whole").mkdir()
    _, whole, _ = run(write(tmp_path / "whole"))
    path = write(tmp_path / "parts", script=SCRIPT + "\nimport time; time.sleep(0.2)\n")
    job, study, _ = run(path, timeout=1.5)
    status = status_of(job, study)
    assert status.activity == "stopped"
    assert status.n_evaluations < 20
    write(tmp_path / "parts")
    _, study, _ = run(path)
    assert [t.params for t in study.trials] == [t.params for t in whole.trials]
    assert [t.values for t in study.trials] == [t.values for t in whole.trials]


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("high: 1", "high: 2", "params.lr"),
        ("metric: loss", "metric: l", "metric.name"),
        ("seed: 0", "seed: 1", "seed"),
        ("max: 9", "max: 27", r"resource\.max"),
        ("metric: loss", "metric: {name: loss, direction: maximize}", r"metric\.direction"),
    ],
)
def test_a_job_that_has_changed_is_refused(tmp_path, old, new, named):
    run(write(tmp_path, OWN + "limits: {n_trials: 1}\n"))
    with pytest.raises(SettingsError, match=named):
        run(write(tmp_path, OWN.replace(old, new) + "limits: {n_trials: 1}\n"))


def test_a_job_without_a_seed_keeps_the_one_it_drew(tmp_path):
    text = OWN.replace("seed: 0\n", "limits: {n_trials: 2}\n")
    run(write(tmp_path, text))
    _, study, _ = run(write(tmp_path, text.replace("n_trials: 2", "n_trials: 4")))
    assert len({trial.params["lr"] for trial in study.trials}) == 4


def test_a_study_that_was_not_begun_is_not_found(tmp_path):
    job = read_job(write(tmp_path))
    with pytest.raises(NoResultError, match="job 'job' has not begun: start it with bohb run"):
        lifecycle.find(job, Place.of(job, None))
    assert not (tmp_path / "job.journal").exists()
    run(write(tmp_path, OWN + "limits: {n_trials: 1}\n"))
    other = read_job(write(tmp_path, OWN + "name: other\n"))
    with pytest.raises(NoResultError, match="job 'other' has not begun"):
        lifecycle.find(other, Place("sqlite:///" + str(tmp_path / "x.db"), tmp_path))


def test_places_lie_beside_what_names_them(tmp_path):
    job = read_job(write(tmp_path))
    assert Place.of(job, None) == Place(tmp_path / "job.journal", tmp_path)
    there = Place.of(job, str(tmp_path / "deep" / "study.journal"))
    assert there.directory == tmp_path / "deep"
    assert there.option == f" --storage {tmp_path}/deep/study.journal"
    url = Place.of(job, "sqlite:///study.db")
    assert (url.storage, url.directory) == ("sqlite:///study.db", tmp_path)
    assert find_study(job.name, url.storage) is None
    assert not Path("study.db").exists()


def test_no_two_studies_share_a_folder_of_runs(tmp_path):
    one = OWN + "limits: {n_trials: 1}\n"
    _, first, _ = run(write(tmp_path, one))
    (tmp_path / "job.journal").unlink()  # to begin anew
    _, second, _ = run(write(tmp_path, one))
    assert first.checkpoint_root == tmp_path / "job.runs"
    assert second.checkpoint_root == tmp_path / "job-2.runs"
    assert len((tmp_path / "epochs-trained").read_text()) == 18
    other = read_job(write(tmp_path, one + "name: other\n"))
    place = Place.of(other, str(tmp_path / "job.journal"))
    assert lifecycle.begin(other, place).checkpoint_root == tmp_path / "other.runs"


def test_runs_that_were_moved_with_their_storage_are_found(tmp_path):
    _, study, _ = run(write(tmp_path / "before", OWN + "limits: {n_trials: 1}\n"))
    (tmp_path / "before").rename(tmp_path / "after")
    job, study, _ = run(tmp_path / "after" / "job.yml")
    assert study.checkpoint_root == tmp_path / "after" / "job.runs"
    assert best_of(job, study).checkpoint_dir.is_dir()


def test_commands_share_the_processors(tmp_path, monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    body = f'{REPORT}\nopen("threads", "a").write(os.environ.get("OMP_NUM_THREADS", "-") + " ")'
    text = OWN + "limits: {n_trials: 2}\n"
    run(write(tmp_path, text, script(body)), n_jobs=1)
    assert set((tmp_path / "threads").read_text().split()) == {"-"}
    (tmp_path / "threads").unlink()
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    text = text.replace("n_trials: 2", "n_trials: 4")
    run(write(tmp_path, text, script(body)), n_jobs=2)
    assert set((tmp_path / "threads").read_text().split()) == {"7"}


def test_the_example_of_a_script_continues_as_if_it_had_not_paused(tmp_path):
    train = Path(__file__).parents[2] / "examples" / "cli" / "train.py"

    def outputs(*steps):
        checkpoint = tmp_path / f"{len(steps)}.npz"
        return "".join(
            subprocess.run(
                [sys.executable, train, f"--num-steps={n_steps}", f"--checkpoint={checkpoint}"],
                capture_output=True,
                check=True,
                text=True,
            ).stdout
            for n_steps in steps
        )

    assert outputs(1, 3) == outputs(3)

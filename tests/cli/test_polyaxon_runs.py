"""Operations of Polyaxon that run: promotions with and without checkpoints, and its policies."""

from __future__ import annotations

import io
import json

import pytest
from job_files import write
from rich.console import Console

from bohb.cli import lifecycle
from bohb.cli.jobs import read_job
from bohb.cli.lifecycle import Place
from bohb.cli.show.live import View
from bohb.cli.status import status_of

pytestmark = pytest.mark.slow  # real commands are run here

OPERATION = """
version: 1.1
kind: operation
matrix:
  kind: {kind}
  {extent}
  metric: {{name: loss, optimization: minimize}}
  {more}
  params:
    x: {{kind: uniform, value: [0, 1]}}
component:
  inputs:
    - {{name: x, type: float}}
    - {{name: steps, type: int, value: 8}}
  run:
    kind: job
    container:
      command: ["{{{{ python }}}}", train.py]
      args:
        - "--x={{{{ x }}}}"
        - "--steps={{{{ steps }}}}"
        - "--out={{{{ globals.run_outputs_path }}}}"
"""

# It trains from where its outputs say, writes down how far it went, and reports each step.
TRAIN = """
import json, pathlib, sys
given = dict(argument.lstrip("-").split("=", 1) for argument in sys.argv[1:])
x, steps, out = float(given["x"]), int(given["steps"]), pathlib.Path(given["out"])
file = out / "step"
begun = int(file.read_text()) if file.exists() else 0
for step in range(begun + 1, steps + 1):
    print(json.dumps({"step": step, "loss": x + 1 / step}), flush=True)
    with open("trained", "a") as log:
        log.write(json.dumps([x, step]) + chr(10))
file.write_text(str(steps))
"""


def run(directory, **parts):
    """Run an operation as far as it goes, and return its job, study and trained steps."""
    text = OPERATION.format(**{"more": "seed: 0", **parts})
    path = write(directory, text, TRAIN)
    job = read_job(path)
    study = lifecycle.begin(job, Place.of(job, None))
    console = Console(file=io.StringIO())
    view = View(job, console, status_of(job, study), lambda: None)
    lifecycle.run(job, study, view, n_jobs=job.jobs)
    trained = [json.loads(line) for line in (directory / "trained").read_text().splitlines()]
    return job, study, trained


def rungs(**more):
    extent = "maxIterations: 4\n  eta: 2\n  resource: {name: steps, type: int}\n  seed: 0"
    return {"kind": "hyperband", "extent": extent, **more}


def test_promoted_runs_go_on_from_their_outputs_if_resume_is_true(tmp_path):
    job, study, trained = run(tmp_path, **rungs(more="resume: true"))
    assert status_of(job, study).activity == "done"
    assert len(trained) == len({tuple(step) for step in trained})  # no step twice
    assert study.plan().resource_continued == len(trained)


def test_promoted_runs_begin_anew_if_resume_is_false(tmp_path):
    job, study, trained = run(tmp_path, **rungs(more="resume: false"))
    assert status_of(job, study).activity == "done"
    assert study.plan().resource_restarted == len(trained)


@pytest.mark.parametrize(
    "policy",
    [
        "{kind: median, evaluationInterval: 1, minInterval: 2, minSamples: 3}",
        "{kind: truncation, percent: 50, evaluationInterval: 1, minSamples: 3, "
        "includeSucceeded: true}",
    ],
)
def test_policies_prune_the_runs_that_are_behind(tmp_path, policy):
    rule = (
        "earlyStopping:\n    - kind: metric_early_stopping\n      metric: loss\n      value: 0.0\n"
        f"      optimization: minimize\n      policy: {policy}"
    )
    job, study, _ = run(tmp_path, kind="random", extent="numRuns: 12\n  seed: 1", more=rule)
    status = status_of(job, study)
    assert status.activity == "done"
    assert status.n_trials["pruned"] > 0
    assert status.n_trials["complete"] > 2
    states = {trial.params["x"]: trial.state.name for trial in study.trials}
    complete = [x for x, state in states.items() if state == "COMPLETE"]
    pruned = [x for x, state in states.items() if state == "PRUNED"]
    assert min(complete) < min(pruned)  # the best run is never behind
    assert sum(pruned) / len(pruned) > sum(complete) / len(complete)

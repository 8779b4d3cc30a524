"""Polyaxon's files."""

from __future__ import annotations

from pathlib import Path

import pytest
from job_files import write
from rules import rule

from bohb.cli.jobs import read_job
from bohb.errors import JobError

EXAMPLES = Path(__file__).parents[3] / "examples" / "cli"

SHORT = """
version: 1.1
kind: operation
matrix:
  kind: hyperband
  maxIterations: 81
  eta: 3
  resource: {name: num_steps, type: int}
  metric: {name: loss, optimization: minimize}
  params:
    lr: {kind: uniform, value: [0, 0.9]}
component:
  run:
    kind: job
    container:
      command: ["{{ python }}", train.py]
      args: ["--lr={{ lr }}", "--epochs={{ num_steps }}"]
"""

# As it is printed in Polyaxon's documentation of Hyperband, from its matrix on.
AS_PRINTED = """
version: 1.1
kind: operation
matrix:
  kind: hyperband
  concurrency: 5
  maxIterations: 81
  eta: 3
  resource:
    name: num_steps
    type: int
  metric:
    name: loss
    optimization: minimize
  resume: False
  params:
    lr:
      kind: uniform
      value: [0, 0.9]
    dropout:
      kind: choice
      value: [0.25, 0.3]
    activation:
      kind: pchoice
      value: [[relu, 0.1], [sigmoid, 0.8]]
{early_stopping}
component:
  inputs:
    - name: batch_size
      type: int
      isOptional: true
      value: 128
    - name: logspace
      type: float
    - name: dropout
      type: float
  container:
    image: image:latest
    command: [sh, train.py]
    args: [
        "--batch-size={{{{ batch_size }}}}",
        "--lr={{{{ lr }}}}",
        "--dropout={{{{ dropout }}}}",
        "--activation={{{{ activation }}}}"
    ]
"""
RULES = """
     - metric: accuracy
       value: 0.9
       optimization: maximize
     - metric: loss
       value: 0.05
       optimization: minimize"""


def read(tmp_path, text):
    return read_job(write(tmp_path, text))


def test_the_documented_example_mended_has_the_documented_brackets():
    # Polyaxon's documentation of V1Hyperband, the table at its end.
    job = read_job(EXAMPLES / "polyaxon.yml")
    plan = job.plan
    assert [bracket.n_trials for bracket in plan.brackets] == [81, 27, 9, 6, 5]
    assert [(b.sizes, b.resources) for b in plan.brackets] == [
        ((81, 27, 9, 3, 1), (1, 3, 9, 27, 81)),
        ((27, 9, 3, 1), (3, 9, 27, 81)),
        ((9, 3, 1), (9, 27, 81)),
        ((6, 2), (27, 81)),
        ((5,), (81,)),
    ]
    assert job.jobs == 5
    assert job.keep_checkpoints is False
    assert job.inputs == {"batch_size": 128}
    assert job.stopping == (
        rule("target", "accuracy", maximize=True, value=0.99),
        rule("target", value=0.05),
    )
    call = job.command.call({"lr": 0.1, "dropout": 0.3, "activation": "relu", "num_steps": 9,
                             "batch_size": 128, "python": "python"})  # fmt: skip
    assert call.arguments == [
        "python",
        "train.py",
        "--batch-size=128",
        "--lr=0.1",
        "--dropout=0.3",
        "--activation=relu",
        "--num-steps=9",
    ]


@pytest.mark.parametrize(
    ("early_stopping", "mended", "line", "message"),
    [
        ("   early_stopping:" + RULES, {}, 26, "this is not YAML"),
        ("  early_stopping:" + RULES, {}, 26, "did you mean earlyStopping?"),
        ("  earlyStopping:" + RULES, {}, 27, "earlyStopping[0].kind is missing"),
        ("", {}, 33, "input logspace has no value"),
        ("", {"name: logspace": "name: lr"}, 23, "activation is not an input of the component"),
        (
            "",
            {"name: logspace": "name: lr", "    - name: dropout": "    - name: activation\n"
             "    - name: dropout"},
            10,
            "num_steps is not an input of the component",
        ),
    ],
)  # fmt: skip
def test_the_faults_of_the_documented_example_are_named(
    tmp_path, early_stopping, mended, line, message
):
    text = AS_PRINTED.format(early_stopping=early_stopping)
    for old, new in mended.items():
        text = text.replace(old, new)
    with pytest.raises(JobError) as caught:
        read(tmp_path, text)
    assert message in str(caught.value)
    assert f"job.yml:{line}: " in str(caught.value)


def test_resources_are_of_their_type(tmp_path):
    assert read(tmp_path, SHORT).pruner.levels == (1, 3, 9, 27, 81)
    floats = read(tmp_path, SHORT.replace("type: int", "type: float")).pruner.levels
    assert floats == (1.0, 3.0, 9.0, 27.0, 81.0)
    assert all(type(level) is float for level in floats)


@pytest.mark.parametrize(
    ("old", "new", "n_trials", "n_evaluations"),
    [
        ("", "", 128, 187),
        ("kind: hyperband", "kind: bohb", 128, 187),
        ("kind: hyperband", "kind: asha", 81, 121),
        ("kind: hyperband", "kind: asha\n  numRuns: 30", 30, 45),
        ("maxIterations: 81", "maxIterations: 81\n  minIterations: 9", 15, 20),
    ],
)
def test_kinds_with_rungs_have_their_plan(tmp_path, old, new, n_trials, n_evaluations):
    plan = read(tmp_path, SHORT.replace(old, new, 1)).plan
    assert (plan.n_trials, plan.n_evaluations) == (n_trials, n_evaluations)


SINGLE = """
matrix: {MATRIX, metric: {name: loss}}
component:
  container:
    command: [echo, "{{ a }}"]
"""


@pytest.mark.parametrize(
    ("matrix", "n_trials"),
    [
        ("{kind: random, numRuns: 7, seed: 3, params: {a: {kind: normal, value: [0, 1]}}}", 7),
        ("{kind: grid, params: {a: {kind: range, value: '1:10:2'}}}", 5),
        ("{kind: grid, numRuns: 3, params: {a: {kind: linspace, value: [0, 1, 5]}}}", 3),
        ("{kind: mapping, values: [{a: 1}, {a: x}]}", 2),
    ],
)
def test_kinds_without_rungs_train_each_configuration_once(tmp_path, matrix, n_trials):
    job = read(tmp_path, SINGLE.replace("MATRIX", matrix[1:-1]))
    assert job.plan.n_trials == job.plan.n_evaluations == n_trials


@pytest.mark.parametrize(
    ("value", "low", "high"),
    [("[0, 2]", 0, 2), ("{low: 0, high: 2}", 0, 2), ("'0:2'", 0, 2), ("0:2", 0, 2)],
)
def test_values_may_be_written_in_all_of_polyaxons_ways(tmp_path, value, low, high):
    job = read(tmp_path, SHORT.replace("[0, 0.9]", value))
    distribution = job.dimensions["lr"].distribution
    assert (distribution.low, distribution.high) == (low, high)


def test_rules_to_stop_early_are_understood(tmp_path):
    rules = """
  earlyStopping:
    - {kind: failure_early_stopping, percent: 30}
    - kind: metric_early_stopping
      metric: loss
      value: 0.1
      optimization: minimize
    - kind: metric_early_stopping
      metric: loss
      value: 0.1
      optimization: minimize
      policy: {kind: median, evaluationInterval: 2, minInterval: 4, minSamples: 5}
    - kind: metric_early_stopping
      metric: accuracy
      value: 0.9
      optimization: maximize
      policy: {kind: truncation, percent: 25, evaluationInterval: 1}
    - kind: metric_early_stopping
      metric: accuracy
      value: 0.9
      optimization: maximize
      policy: {kind: truncation, percent: 25, evaluationInterval: 1, includeSucceeded: true}
    - kind: metric_early_stopping
      metric: loss
      value: 0.1
      optimization: minimize
      policy: {kind: diff, percent: 40, evaluationInterval: 3}
component:"""
    job = read(tmp_path, SHORT.replace("\ncomponent:", rules))
    assert job.max_failures == 0.3
    among = {"maximize": True, "percent": 25, "spared_from": 0.9}
    assert job.stopping == (
        rule("target", value=0.1),
        rule("median", interval=2, min_step=4, spared_from=0.1),
        rule("truncation", "accuracy", **among, among_running=True),
        rule("truncation", "accuracy", **among),
        rule("diff", percent=40, interval=3, spared_from=0.1),
    )


def test_values_may_be_named_in_polyaxons_ways(tmp_path):
    args = (
        'args: ["{{ params.lr.as_arg }}", "{{params.num_steps}}", "{{ params.lr.as_str }}", '
        '"{{ globals.run_outputs_path }}"]'
    )
    old = 'args: ["--lr={{ lr }}", "--epochs={{ num_steps }}"]'
    command = read(tmp_path, SHORT.replace(old, args)).command
    values = {"python": "p", "lr": 0.1, "num_steps": 3, "checkpoint_dir": "/c"}
    filled = command.call(values).arguments
    assert filled == ["p", "train.py", "--lr=0.1", "3", "0.1", "/c"]


def test_what_has_its_use_in_a_cluster_is_named_and_left(tmp_path):
    text = SHORT.replace(
        "    container:\n",
        "    container:\n      image: tensorflow\n      resources: {limits: {}}\n",
    ).replace(
        "version: 1.1",
        "version: 1.1\nqueue: gpu\ncache: {disable: true}\ntermination: {maxRetries: 3, ttl: 60}",
    )
    (remark,) = read(tmp_path, text).remarks
    assert remark == (
        "of no use here, and ignored: queue, cache, termination.maxRetries, "
        "termination.ttl, component.run.container.image, component.run.container.resources"
    )


def test_the_environment_the_timeout_and_the_inputs_are_taken(tmp_path):
    text = SHORT.replace(
        "component:\n",
        "termination: {timeout: 60}\nparams: {size: {value: 3}, kind: fast}\nbohb:\n"
        "  {step: epoch, max_failures: 0.2}\ncomponent:\n  inputs:\n"
        "    - {name: lr, type: float}\n    - {name: num_steps, type: int}\n"
        "    - {name: size, type: int}\n    - {name: kind, value: slow}\n"
        "    - {name: maybe, isOptional: true}\n",
    ).replace(
        "    container:\n", "    container:\n      env: [{name: SIZE, value: '{{ size }}'}]\n"
    )
    job = read(tmp_path, text)
    assert job.leg_timeout == 60
    assert job.inputs == {"size": 3, "kind": "fast"}
    assert job.environment["SIZE"].fill({"size": 3}) == "3"
    assert (job.metric.step, job.max_failures) == ("epoch", 0.2)


def test_a_component_in_a_file_of_its_own_is_followed(tmp_path):
    head, tail = SHORT.split("component:\n")
    (tmp_path / "component.yml").write_text("kind: component\n" + tail.replace("\n  ", "\n")[2:])
    job = read(tmp_path, head + "pathRef: ./component.yml\n")
    assert job.command.names == {"python", "lr", "num_steps"}


MALFORMED = [
    (("  kind: hyperband\n", ""), 4, "matrix.kind is missing: one of hyperband"),
    (("kind: hyperband", "kind: bayes"), 5, "got 'bayes': bohb has a model of its own"),
    (
        ("  eta: 3\n", "  eta: 3\n  tuner: {hubRef: 'acme/tuner:1'}\n"),
        8,
        "matrix.tuner names a component that proposes configurations in a cluster",
    ),
    (("kind: hyperband", "kind: hyperbnd"), 5, "got 'hyperbnd': did you mean hyperband?"),
    (("  maxIterations: 81\n", ""), 4, "matrix.maxIterations is missing"),
    (("maxIterations", "max_iterations"), 6, "did you mean maxIterations?"),
    (("maxIterations: 81", "maxIterations: 8.5"), 6, "must be an integer, got 8.5"),
    (("eta: 3", "eta: 1"), 7, "matrix.eta must be greater than 1, got 1"),
    (("{name: num_steps, type: int}", "{type: int}"), 8, "matrix.resource.name is missing"),
    (("type: int", "type: str"), 8, "must be int or float, got 'str'"),
    (("  metric: {name: loss, optimization: minimize}\n", ""), 4, "matrix.metric is missing"),
    (
        ("optimization: minimize", "optimization: smaller"),
        9,
        "must be minimize or maximize, got 'smaller'",
    ),
    (("kind: uniform", "kind: uniforme"), 11, "got 'uniforme': did you mean uniform?"),
    (("value: [0, 0.9]", "value: [0]"), 11, "must be [low, high], got [0]"),
    (("value: [0, 0.9]", "value: [0, 1, 2]"), 11, "must be [low, high], got [0, 1, 2]"),
    (("value: [0, 0.9]", "low: 0, high: 0.9"), 11, "params.lr.low is not known"),
    (("    lr: {kind: uniform, value: [0, 0.9]}\n", "    {}\n"), 10, "at least one parameter"),
    (("kind: job", "kind: service"), 14, "run.kind must be job to be run here, got 'service'"),
    (('      command: ["{{ python }}", train.py]\n', ""), 15, "container.command is missing"),
    (("    container:\n", "    containers:\n"), 15, "did you mean container?"),
    (("--lr={{ lr }}", "--lr={{ rate }}"), 17, "{{ rate }} is not known"),
    (
        ("--lr={{ lr }}", "{{ params.lr.as_json }}"),
        17,
        "{{ params.lr.as_json }} is not known",
    ),
    (("{{ python }}", "pyhton3"), 16, "there is no program 'pyhton3'"),
    (("component:\n", "hubRef: a/b\ncomponent:\n"), 12, "hubRef cannot be followed here"),
    (
        ("kind: operation", "kind: component"),
        3,
        "kind must be operation to be run here, got 'component'",
    ),
    (("version: 1.1", "version: 2"), 2, "version must be 1.1 to be run here, got 2"),
    (("kind: operation\n", "knd: operation\n"), 3, "knd is not known: did you mean kind?"),
]


@pytest.mark.parametrize(("change", "line", "message"), MALFORMED, ids=range(len(MALFORMED)))
def test_a_malformed_file_gives_one_clear_error_with_its_line(tmp_path, change, line, message):
    text = SHORT.replace(*change)
    assert text != SHORT
    with pytest.raises(JobError) as caught:
        read(tmp_path, text)
    assert message in str(caught.value)
    assert f"job.yml:{line}: " in str(caught.value)


def test_files_without_a_matrix_or_a_component_are_refused(tmp_path):
    head, tail = SHORT.split("component:\n")
    with pytest.raises(JobError, match="component is missing"):
        read(tmp_path, head)
    with pytest.raises(JobError, match="matrix is missing"):
        read(tmp_path, "component:\n" + tail)
    with pytest.raises(JobError, match=r"gone\.yml: the job file cannot be read"):
        read(tmp_path, head + "pathRef: gone.yml\n")

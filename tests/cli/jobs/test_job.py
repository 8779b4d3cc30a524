"""Job files in our own words: what they mean, and what is wrong with them."""

from __future__ import annotations

import jsonschema
import pytest
from job_files import COMMAND, OWN, RESOURCE, write
from optuna.samplers import GridSampler
from rules import rule

from bohb import BOHBSampler, HyperbandPruner, SuccessiveHalvingPruner
from bohb.cli.jobs import json_schema, read_job
from bohb.cli.jobs.document import read_document
from bohb.errors import ArgumentError, JobError


def read(tmp_path, text, **options):
    return read_job(write(tmp_path, text), **options)


def test_a_short_job_has_sensible_defaults(tmp_path):
    job = read(tmp_path, OWN)
    assert job.name == "job"
    assert job.metric.name == "loss"
    assert job.metric.direction == "minimize"
    assert isinstance(job.pruner, HyperbandPruner)
    assert job.plan.n_evaluations == 20
    assert (job.jobs, job.seed, job.keep_checkpoints, job.max_failures) == (1, 0, True, 0.9)
    assert job.remarks == ()


def test_a_long_job_is_understood(tmp_path):
    job = read(
        tmp_path,
        """
        name: my job
        command: [sh, "-c", "echo {{ lr }} {{ e }}"]
        workdir: "{{ checkpoint_dir }}"
        env: {RATE: "{{ lr }}", COUNT: 3}
        metric: {name: accuracy, direction: maximize, pattern: 'acc (\\S+)'}
        method: asha
        resource: {name: e, min: 1, max: 64, type: float}
        reduction_factor: 4
        limits: {n_trials: 20, timeout: 60}
        params:
          lr: {kind: loguniform, low: 1e-5, high: 1}
          kind: [a, b]
        early_stopping:
          - {kind: target, value: 0.99}
          - {kind: median, interval: 2, min_step: 4, min_samples: 3}
          - {kind: truncation, percent: 20, among_running: true}
          - {kind: diff, percent: 50, spared_from: 0.9}
        max_failures: 0.5
        leg_timeout: 100
        keep_checkpoints: false
        seed: 3
        jobs: 2
        """,
    )
    assert job.name == "my job"
    assert job.command.program == 2
    assert {name: text.fill({"lr": 1}) for name, text in job.environment.items()} == {
        "RATE": "1",
        "COUNT": "3",
    }
    pruner = job.pruner
    assert isinstance(pruner, SuccessiveHalvingPruner)
    assert pruner.asynchronous
    assert pruner.levels == (1.0, 4.0, 16.0, 64.0)
    assert job.plan.n_trials == 20
    assert job.stopping == (
        rule("target", "accuracy", maximize=True, value=0.99),
        rule("median", "accuracy", maximize=True, interval=2, min_step=4, min_samples=3),
        rule("truncation", "accuracy", maximize=True, percent=20, among_running=True),
        rule("diff", "accuracy", maximize=True, percent=50, spared_from=0.9),
    )
    assert (job.max_failures, job.leg_timeout, job.keep_checkpoints, job.jobs) == (
        0.5,
        100,
        False,
        2,
    )
    (remark,) = job.remarks
    assert "does not name kind: the script finds all values in the file" in remark


@pytest.mark.parametrize(
    ("method", "more", "kind"),
    [
        ("bohb", "resource: {name: e, max: 9}", BOHBSampler),
        ("hyperband", "resource: {name: e, max: 9}", BOHBSampler),
        ("asha", "resource: {name: e, max: 9}", BOHBSampler),
        ("random", "limits: {n_trials: 5}", BOHBSampler),
        ("grid", "", GridSampler),
    ],
)
def test_every_method_has_its_sampler(tmp_path, method, more, kind):
    text = f"""
        command: echo {{{{ x }}}}
        metric: loss
        method: {method}
        params: {{x: [1, 2, 3]}}
        {more}
        """
    job = read(tmp_path, text)
    assert isinstance(job.sampler(0), kind)
    assert job.plan.n_trials == {"random": 5, "grid": 3, "asha": 9}.get(method, 15)


def test_a_mapping_has_cases_of_any_values(tmp_path):
    job = read(
        tmp_path,
        """
        command: echo {{ x }} {{ y }}
        metric: loss
        cases:
          - {x: 1, y: [1, 2]}
          - {x: true, y: {a: b}}
          - {x: 1, y: [1, 2]}
        """,
    )
    assert [job.values(case) for case in job.cases] == [
        {"x": 1, "y": [1, 2]},
        {"x": True, "y": {"a": "b"}},
        {"x": 1, "y": [1, 2]},
    ]
    assert job.plan.n_trials == 3


def test_a_command_of_one_text_is_split_as_a_shell_would(tmp_path):
    text = OWN.replace(COMMAND, """sh 'a b' --x="{{ lr }} z" {{epochs}}""")
    command = read(tmp_path, text).command
    filled = command.call({"lr": "1 2", "epochs": 3}).arguments
    assert filled == ["sh", "a b", "--x=1 2 z", "3"]


def test_the_number_of_jobs_can_be_given_at_the_call(tmp_path):
    assert read(tmp_path, OWN, n_jobs=3).jobs == 3
    assert read(tmp_path, OWN, n_jobs=-1).jobs == -1
    with pytest.raises(
        ArgumentError,
        match=r"--jobs must be .* or -1 for one per processor, got 0",
    ):
        read(tmp_path, OWN, n_jobs=0)


def test_what_a_command_leaves_out_is_remarked(tmp_path):
    text = OWN.replace("--epochs={{ epochs }}", "").replace("--lr={{ lr }}", "{{ params_file }}")
    (remark,) = read(tmp_path, text).remarks
    assert "does not name {{ epochs }}: the script reads BOHB_RESOURCE" in remark


GRID = """
command: echo {{ x }}
metric: loss
params:
  x: {kind: int, low: 0, high: 9}
method: grid
"""
MAPPING = """
command: echo {{{{ x }}}}
metric: loss
cases: {}
"""

MALFORMED = [
    (OWN.replace('"{{ python }} train.py', "[{{ python }}, train.py]\nname: a #"), 2, "in quotes"),
    (OWN.replace("{{ lr }}", "{lr}"), 2, "{lr} must be written {{ lr }} to be a value"),
    (OWN.replace("--lr={{ lr }}", "--lr={{ lrr }}"), 2, "{{ lrr }} is not known: did you"),
    (OWN.replace("train.py", "trian.py"), 2, "there is no 'trian.py' in "),
    (OWN.replace('"{{ python }} train.py', '"A=1 train.py'), 2, "belong under env"),
    (OWN.replace('"{{ python }} train.py', '"./train.py'), 2, "is not executable: chmod +x it"),
    ("command: [python", 2, "this is not YAML"),
    (OWN + "seed: 1", 8, "seed is given twice, the first time on line 7"),
    (OWN + "sed: 1", 8, "sed is not known: did you mean seed?"),
    ("metric: loss", 2, "command is missing"),
    (
        OWN.replace("metric: loss", "metric: {name: loss, direction: down}"),
        3,
        "must be minimize or maximize, got 'down'",
    ),
    (OWN.replace("metric: loss", "metric: {direction: minimize}"), 3, "metric.name is missing"),
    (OWN.replace("metric: loss", "metric: {name: l, pattern: '(a'}"), 3, "regular expression"),
    (OWN.replace("metric: loss", "metric: {name: l, pattern: 'a'}"), 3, "a group for the value"),
    (OWN.replace("metric: loss", "metric: {name: l, file: '{{ m }}'}"), 3, "is not known"),
    (OWN.replace("max: 9", "max: many"), 4, "resource.max must be a number, got 'many'"),
    (OWN.replace("max: 9", "min: 10, max: 9"), 4, "min must not be above max, got min=10, max=9"),
    (OWN.replace(f"{RESOURCE}\n", ""), 2, "resource is missing"),
    (OWN.replace("high: 1", "high: -1"), 6, "high must be greater than low, got low=0, high=-1"),
    (OWN.replace("high: 1", "hgih: 1"), 6, "params.lr.hgih is not known: did you mean high?"),
    (OWN.replace("uniform", "unifrom"), 6, "got 'unifrom': did you mean uniform?"),
    (OWN.replace("kind: uniform, ", ""), 6, "params.lr.kind is missing"),
    (OWN.replace("  lr:", "  trial:"), 6, "needs another name: {{ trial }} stands for something"),
    (OWN.replace("--lr={{ lr }}", "--lr={{ rate }}"), 2, "{{ rate }} is not known"),
    (OWN.replace("{{ lr }}", "{{ lr + 1 }}"), 2, "must be the name of one value"),
    (OWN.replace("train.py", "train.py | tee"), 2, "without a shell, which '|' would need"),
    (OWN.replace('"{{ python }}', '"pyhton3'), 2, "there is no program 'pyhton3' to run"),
    (OWN + "limits: {n_trials: 3, n_rounds: 1}", 8, "only one of n_trials, n_rounds"),
    (OWN + "limits: {total_resource: 12}", 8, "total_resource must be at least 13, which it takes"),
    (OWN + "limits: {n_trials: 0}", 8, "limits.n_trials must be at least 1, got 0"),
    (OWN + "reduction_factor: 1", 8, "reduction_factor must be greater than 1, got 1"),
    (OWN + "jobs: all", 8, "or -1 for one per processor, got 'all'"),
    (OWN + "leg_timeout: -1", 8, "leg_timeout must be greater than 0"),
    (OWN + "max_failures: 50", 8, "max_failures must be between 0 and 1, got 50"),
    (OWN + "keep_checkpoints: perhaps", 8, "keep_checkpoints must be true or false, got 'perhaps'"),
    (OWN + "method: grid", 6, "params.lr has no finite number of values"),
    (OWN + "method: random", 2, "limits is missing, which method random needs"),
    (OWN + "method: mapping", 2, "cases is missing, which method mapping needs"),
    (OWN + "cases: [{lr: 1}]\nmethod: bohb", 8, "cases is of no use to method bohb"),
    (OWN + "early_stopping:\n  - {kind: medain}", 9, "diff, got 'medain': did you mean median?"),
    (OWN + "early_stopping:\n  - {value: 3}", 9, "early_stopping[0].kind is missing"),
    (OWN + "early_stopping:\n  - {kind: diff}", 9, "early_stopping[0].percent is missing"),
    (OWN + "early_stopping: [{kind: diff, percent: 120}]", 8, "must be between 0 and 100, got 120"),
    (OWN + "early_stopping: [{kind: target, value: 1, metric: m}]", 8, "needs a direction"),
    (OWN + "workdir: nowhere", 8, "there is no such directory"),
    (OWN + "shell: fish\n", 8, "shell must be sh, bash, dash, zsh or ksh, got 'fish'"),
    (OWN + "name: a/b", 8, "name must have no / and no blanks"),
    (OWN.replace("name: epochs", "name: lr"), 2, "lr is the name of the resource and of something"),
    (OWN.replace("lr: {kind: uniform, low: 0, high: 1}", "lr: 3"), 6, "must be a list of values"),
    (OWN.replace('"{{ python }} train', "\"{{ python }} 'train"), 2, "cannot be split into argu"),
    (OWN.replace(COMMAND, "[]"), 2, "command must have at least one argument, got none"),
    (OWN.replace(COMMAND, "[echo, [a]]"), 2, "command[1] must be a string, got ['a']"),
    (OWN.replace(COMMAND, "{run: echo}"), 2, "command must be a string or a list, got {"),
    (OWN.replace(COMMAND, "[echo]") + "shell: sh", 8, "shell needs a command that is one string"),
    (OWN + "env: {RATE: [1]}", 8, "env.RATE must be a string, got [1]"),
    (OWN.replace("metric: loss", "metric: {name: l, file: f, pattern: '(a)'}"), 3, "only one of"),
    (
        OWN.replace("metric: loss", "metric: {name: loss, pattern: '(a)'}")
        + "early_stopping: [{kind: target, metric: m, direction: maximize, value: 1}]",
        8,
        "metric.pattern finds loss only, and early_stopping asks for m",
    ),
    (OWN.replace("name: epochs", "name: 2e"), 4, "must have a name that begins with a letter"),
    (OWN.replace("  lr: {kind: uniform, low: 0, high: 1}", "  {}"), 5, "at least one parameter"),
    (OWN + "limits: {n_trials: 100000000000}", 8, "limits.n_trials must be at most 1000000"),
    (GRID.replace("high: 9", "high: 9999999"), 5, "configurations, and at most"),
    (GRID + "limits: {n_brackets: 2}", 7, "n_brackets is of no use to method grid: use n_trials"),
    (MAPPING.format("[]"), 4, "cases must have at least one value, got []"),
    (MAPPING.format("[{x: 1}, {y: 1}]"), 4, "must have the same keys as the first, x, got y"),
    ("- a\n- b", 2, "the job file must have keys with values, got ['a', 'b']"),
]


@pytest.mark.parametrize(("text", "line", "message"), MALFORMED, ids=range(len(MALFORMED)))
def test_a_malformed_file_gives_one_clear_error_with_its_line(tmp_path, text, line, message):
    with pytest.raises(JobError) as caught:
        read(tmp_path, text if text.startswith("\n") else f"\n{text}")
    assert f"job.yml:{line}: " in str(caught.value)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_all_faults_of_a_file_are_named_at_once_each_with_its_line(tmp_path):
    text = """
        command: [echo, {a: b}]
        metric: {name: loss, direction: down}
        resource: {name: epochs, max: many}
        params:
          lr: {kind: uniform, low: a, high: b}
          trial: [1, 2]
          q: {kind: quniform, low: 3,
              high: 1, q: 1}
          p:
            kind: pchoice
            values:
              - [a, 0.5]
              - [b, 2]
        limits: {n_trials: 0, n_round: 1}
        early_stopping:
          - {kind: diff}
          - {kind: target, value: high}
        sed: 1
        """
    with pytest.raises(JobError) as caught:
        read(tmp_path, text)
    shown = [line.removeprefix(f"{tmp_path}/job.yml:") for line in str(caught.value).splitlines()]
    assert shown == [
        "2: command[1] must be a string, got {'a': 'b'}",
        "3: metric.direction must be minimize or maximize, got 'down'",
        "4: resource.max must be a number, got 'many'",
        "6: params.lr.high must be a number, got 'b'",
        "6: params.lr.low must be a number, got 'a'",
        "7: params.trial needs another name: {{ trial }} stands for something else",
        "9: params.q.high must be greater than low, got low=3, high=1",
        "14: params.p.values[1][1] must be between 0 and 1, got 2",
        "15: limits.n_round is not known: did you mean n_rounds?",
        "15: limits.n_trials must be at least 1, got 0",
        "17: early_stopping[0].percent is missing",
        "18: early_stopping[1].value must be a number, got 'high'",
        "19: sed is not known: did you mean seed?",
    ]


def test_all_faults_of_a_whole_job_are_named_at_once(tmp_path):
    text = (
        OWN.replace("--lr={{ lr }}", "{lr} --lr={{ lrr }}")
        + 'env: {A: "{{ b }}"}\nworkdir: nowhere'
    )
    with pytest.raises(JobError) as caught:
        read(tmp_path, text)
    lines = [line.split(": ")[0].rpartition(":")[2] for line in str(caught.value).splitlines()]
    assert lines == ["2", "2", "8", "9"]


@pytest.mark.parametrize(
    "fault",
    [
        "foo: 1",
        "jobs: many",
        "limits: {n_trials: none}",
        "early_stopping: [{kind: none}]",
        "max_failures: 2\nenv: [1]",
    ],
)
def test_faults_of_keys_hide_no_faults_of_the_whole(tmp_path, fault):
    resource = RESOURCE.replace("max: 9", "min: 10, max: 9")
    text = OWN.replace("lr={{ lr }}", "lr={{ lrr }}").replace(RESOURCE, resource)
    with pytest.raises(JobError) as caught:
        read(tmp_path, f"{text}workdir: nowhere\n{fault}\n")
    said = str(caught.value)
    for part in ("{{ lrr }} is not known: did you mean lr?", "must not be above max", "nowhere"):
        assert part in said
    assert fault.partition(":")[0] in said
    assert said.count("\n") == 3 + fault.count("\n")


def test_a_parameter_at_fault_is_known_to_the_command_all_the_same(tmp_path):
    with pytest.raises(JobError) as caught:
        read(tmp_path, OWN.replace("high: 1", "high: x"))
    assert str(caught.value).endswith("params.lr.high must be a number, got 'x'")
    assert "\n" not in str(caught.value)


def test_inputs_are_values_that_templates_may_name(tmp_path):
    text = OWN.replace("--lr={{ lr }}", "--lr={{ lr }} --size={{ size }}") + "inputs: {size: 128}"
    job = read(tmp_path, text)
    told = job.told(
        {"lr": 0.5}, trial=0, resource=1, previous_resource=0, checkpoint_dir="", params_file=""
    )
    assert job.command.call(told).arguments[-2:] == ["--size=128", "--epochs=1"]


def test_the_json_schema_takes_what_is_right_and_refuses_what_has_the_wrong_form(tmp_path):
    schema = jsonschema.Draft202012Validator(json_schema())
    jsonschema.Draft202012Validator.check_schema(json_schema())
    for text in (OWN, GRID, MAPPING.format("[{x: 1}]")):
        assert not list(schema.iter_errors(read_document(write(tmp_path, text)).value))
    for text in (
        OWN + "sed: 1",
        OWN.replace("metric: loss\n", ""),
        OWN.replace("max: 9", "max: many"),
        OWN.replace("high: 1", "hgih: 1"),
        OWN + "limits: {n_trials: 0}",
        OWN + "early_stopping: [{kind: medain}]",
        OWN + "keep_checkpoints: perhaps",
    ):
        assert list(schema.iter_errors(read_document(write(tmp_path, text)).value))


def test_a_file_of_the_metric_must_differ_between_trials_that_run_together(tmp_path):
    text = OWN.replace("metric: loss", "metric: {name: loss, file: metrics.json}")
    read(tmp_path, text)
    with pytest.raises(JobError, match="must differ from trial to trial"):
        read(tmp_path, text, n_jobs=2)
    read(tmp_path, text.replace("metrics.json", "'{{ checkpoint_dir }}/m.json'"), n_jobs=2)


def test_a_job_that_is_only_looked_at_needs_no_program(tmp_path):
    text = OWN.replace('"{{ python }}', '"pyhton3')
    assert read(tmp_path, text, is_to_run=False).name == "job"

"""Job files in which one part is replaced by something that does not belong there."""

from __future__ import annotations

import copy
import warnings
from pathlib import Path

import pytest
import yaml

from bohb.cli.jobs import read_job
from bohb.errors import JobError

OWN = """
command: "{{ python }} train.py --lr={{ lr }} --epochs={{ epochs }} {{ kind }}"
metric: {name: loss, direction: minimize, step: step}
resource: {name: epochs, max: 9, min: 1, type: int}
params:
  lr: {kind: loguniform, low: 0.001, high: 1}
  kind: {kind: pchoice, values: [[a, 0.5], [b, 0.5]]}
  layers: [1, 2]
env: {RATE: "{{ lr }}"}
limits: {n_rounds: 1, timeout: 3}
early_stopping:
  - {kind: median, min_step: 3, min_samples: 2, interval: 1}
  - {kind: target, value: 0.1}
workdir: .
jobs: 2
seed: 1
"""
POLYAXON = Path(__file__).parents[3] / "examples" / "cli" / "polyaxon.yml"
STRANGERS = [
    None,
    True,
    -5,
    1.5,
    float("nan"),
    10**400,
    "x",
    "{{",
    "{{ lr }}",
    [],
    [[1]],
    {"kind": [1]},
    {"a": {}},
]


def places(part, place=()):
    """Yield the keys and indices that lead to each part of a document."""
    yield place
    keys = range(len(part)) if isinstance(part, list) else part if isinstance(part, dict) else ()
    for key in keys:
        yield from places(part[key], (*place, key))


@pytest.mark.parametrize("stranger", STRANGERS, ids=lambda stranger: repr(stranger)[:20])
@pytest.mark.parametrize("text", [OWN, POLYAXON.read_text()], ids=["own", "polyaxon"])
def test_whatever_stands_in_a_job_file_is_read_or_named_with_its_line(tmp_path, text, stranger):
    whole = {"document": yaml.safe_load(text)}
    for place in places(whole["document"]):
        changed = copy.deepcopy(whole)
        part, *keys = (changed, "document", *place)
        for key in keys[:-1]:
            part = part[key]
        part[keys[-1]] = stranger
        path = tmp_path / "job.yml"
        path.write_text(yaml.safe_dump(changed["document"]))
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of a single rung
                read_job(path, is_to_run=False)
        except JobError as error:
            for fault in str(error).splitlines():
                assert fault.startswith(f"{path}:"), place
                assert "\0" not in fault, place


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("value: 0.1", "value: !!float ''", ":12: early_stopping[1].value cannot be read"),
        ("[1, 2]", "!!seq abc", ":7: the tag tag:yaml.org,2002:seq is not known here"),
        ("[1, 2]", "!!str [a]", ":7: the tag tag:yaml.org,2002:str is not known here"),
        ("seed: 1", "<<: 3", ":15: the job file must have keys with values, got 3"),
        ("step: step", "step: []", ":2: metric.step must be a string, got []"),
        ("kind: median, ", "", ":11: early_stopping[0].kind is missing: one of target, median"),
        ("kind: loguniform, ", "", ":5: params.lr.kind is missing: one of choice, pchoice"),
        (
            "metric: {",
            "metric: {pattern: true, ",
            ":2: metric.pattern must be a regular expression",
        ),
    ],
)
def test_a_fault_of_a_job_file_is_one_line(tmp_path, old, new, fault):
    assert OWN.count(old) == 1
    path = tmp_path / "job.yml"
    path.write_text(OWN.lstrip().replace(old, new))
    with pytest.raises(JobError) as caught:
        read_job(path, is_to_run=False)
    (line,) = str(caught.value).splitlines()
    assert fault in line


@pytest.mark.parametrize(
    "places",
    [
        {("matrix",): []},
        {("matrix", "params", "activation", "value"): [["a", -1], ["b", 0.3]]},
        {("matrix", "maxIterations"): None},
    ],
)
def test_a_fault_of_a_polyaxon_file_is_named_once(tmp_path, places):
    whole = yaml.safe_load(POLYAXON.read_text())
    for place, value in places.items():
        part = whole
        for key in place[:-1]:
            part = part[key]
        part[place[-1]] = value
    path = tmp_path / "job.yml"
    path.write_text(yaml.safe_dump(whole, sort_keys=False))
    with pytest.raises(JobError) as caught:
        read_job(path, is_to_run=False)
    assert len(str(caught.value).splitlines()) == 1

"""YAML with lines."""

from __future__ import annotations

import pytest
from job_files import part_of

from bohb.cli.jobs.document import read_document, scalar
from bohb.cli.jobs.fields import Number, Part
from bohb.errors import JobError


def document(tmp_path, text):
    path = tmp_path / "job.yml"
    path.write_text(text)
    return read_document(path)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("1e-5", 1e-5),
        ("-3E+2", -300.0),
        (".5", 0.5),
        ("5.", 5.0),
        ("12", 12),
        ("012", 12),
        ("-7", -7),
        ("1_000", 1000),
        ("0x10", 16),
        ("0o17", 15),
        (".inf", float("inf")),
        ("1:30", "1:30"),
        ("on", "on"),
        ("no", "no"),
        ("true", True),
        ("False", False),
        ("~", None),
        ("1.2.3", "1.2.3"),
        ("2026-01-31", "2026-01-31"),
        ("'5'", "5"),
        ("a-1e5", "a-1e5"),
    ],
)
def test_scalars_are_read_as_in_yaml_1_2(tmp_path, written, meant):
    value = document(tmp_path, f"x: {written}").value["x"]
    assert value == meant
    assert type(value) is type(meant)


def test_parts_know_their_line_and_their_name(tmp_path):
    whole = document(tmp_path, "a: 1\nb:\n  c: [1,\n      {d: 2}]\n")
    part = whole.at("b", "c", 1, "d")
    assert (part.line, part.name, part.value) == (4, "b.c[1].d", 2)
    assert whole.at("b", "c", 1, "gone").line == 4  # what is missing lies where it would be


def test_parts_of_a_text_are_read_as_if_each_stood_alone():
    assert [scalar(part) for part in ["1", "10", "0.5"]] == [1, 10, 0.5]


def test_merged_keys_count_and_those_written_come_first(tmp_path):
    text = "base: &base {low: 1, high: 2}\nx:\n  <<: *base\n  high: 3\n"
    assert document(tmp_path, text).value["x"] == {"low": 1, "high": 3}


def test_a_key_given_twice_is_refused_with_both_lines(tmp_path):
    with pytest.raises(JobError, match=r"job\.yml:3: a is given twice, the first time on line 1"):
        document(tmp_path, "a: 1\nb: 2\na: 3\n")


class Pair(Part):
    """A part with one key that must be there."""

    params: Number
    one: Number = 0


def test_a_key_that_is_not_known_is_refused_with_the_nearest_one(tmp_path):
    whole = document(tmp_path, "one: 1\nparms: 2\n")
    with pytest.raises(JobError, match=r"job\.yml:2: parms is not known: did you mean params\?$"):
        part_of(Pair, whole)


def test_keys_without_a_value_are_as_if_they_were_missing(tmp_path):
    assert part_of(Pair, document(tmp_path, "one:\nparams: 1\n")).one == 0
    with pytest.raises(JobError, match="params is missing"):
        part_of(Pair, document(tmp_path, "one: 1\nparams:\n"))


def test_all_faults_are_named_at_once_each_with_its_line_in_their_order(tmp_path):
    with pytest.raises(JobError) as caught:
        part_of(Pair, document(tmp_path, "two: 1\nparams: many\none: [1]\n"))
    path = tmp_path / "job.yml"
    assert str(caught.value).splitlines() == [
        f"{path}:1: two is not known: known here are params, one",
        f"{path}:2: params must be a number, got 'many'",
        f"{path}:3: one must be a number, got [1]",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"job\.yml:1: the job file is empty"),
        ("a: [1, 2\nb: 3\n", r"job\.yml:\d: this is not YAML: .*expected"),
        ("a: 1\n\tb: 2\n", r"job\.yml:2: this is not YAML: .*indent with spaces"),
        ("a: 1\n---\nb: 2\n", r"job\.yml:2: this is not YAML: .*single document"),
        ("a: !!python/object:os.system ls\n", r"job\.yml:1: the tag .* is not known here"),
        ("a: !!binary aGk=\n", r"job\.yml:1: the tag .*binary is not known here"),
        ("a: &x [1,\n  *x]\n", r"job\.yml:1: an alias must not stand for what it is a part of"),
        ("a: 1\nb: \x07\n", r"job\.yml:2: this is not YAML: .* cannot stand in it"),
        ("a: {{ lr }}\n", r"job\.yml:1: a key must be a string; write what has {{ }} in quotes"),
        ("a: *b\n", r"job\.yml:1: this is not YAML: .*undefined alias"),
    ],
)
def test_what_is_not_yaml_is_refused_with_its_line(tmp_path, text, message):
    with pytest.raises(JobError, match=message):
        _ = document(tmp_path, text).value


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(JobError, match=r"nowhere\.yml: the job file cannot be read: No such file"):
        read_document(tmp_path / "nowhere.yml")
    with pytest.raises(JobError, match="cannot be read"):
        read_document(tmp_path)
    (tmp_path / "latin.yml").write_bytes(b"a: \xe9")
    with pytest.raises(JobError, match="cannot be read: 'utf-8'"):
        read_document(tmp_path / "latin.yml")

"""What is read from the lines of a command."""

from __future__ import annotations

import math

import pytest

from bohb.cli.command.process import Line
from bohb.cli.command.reports import LineReader, Report, whole_step
from bohb.cli.jobs import Metric
from bohb.errors import CommandError


def out(text):
    return Line("stdout", text)


@pytest.mark.parametrize(
    ("text", "report"),
    [
        ('{"step": 3, "loss": 0.4}', Report({"step": 3, "loss": 0.4}, 3)),
        ('  {"loss": 1, "name": "x", "ok": true}', Report({"loss": 1}, None)),
        ('{"accuracy": 0.5}', Report({"accuracy": 0.5}, None)),
        ('{"loss": 0.4', None),
        ('["loss", 0.4]', None),
        ("loss: 0.4", None),
        ('{"name": "x"}', None),
    ],
)
def test_a_line_of_json_is_a_report(text, report):
    assert LineReader(Metric(name="loss")).read(out(text)) == report


def test_json_on_the_error_output_is_none():
    assert LineReader(Metric(name="loss")).read(Line("stderr", '{"loss": 1}')) is None


def test_numbers_that_are_not_finite_are_reported():
    report = LineReader(Metric(name="loss")).read(out('{"loss": NaN}'))
    assert math.isnan(report.values["loss"])


@pytest.mark.parametrize("value", ["null", '"low"', "[1]", "true", "1" + "0" * 400])
def test_a_metric_that_is_no_number_is_a_fault_of_its_line(value):
    report = LineReader(Metric(name="loss")).read(out(f'{{"step": 1, "loss": {value}}}'))
    assert report.values == {"step": 1}
    assert report.fault.startswith("loss must be a number")


def test_json_without_end_is_no_report():
    assert LineReader(Metric(name="loss")).read(out('{"a":' * 100_000)) is None
    assert LineReader(Metric(name="loss")).read(out('{"loss": 1, "a": ' + "[" * 100_000)) is None


def test_the_key_of_the_step_can_be_chosen_or_left_out():
    line = out('{"epoch": 2, "step": 500, "loss": 1}')
    assert LineReader(Metric(name="loss", step="epoch")).read(line).step == 2
    assert LineReader(Metric(name="loss", step=False)).read(line).step is None


@pytest.mark.parametrize(
    ("pattern", "text", "report"),
    [
        (r"loss=(\S+)", "epoch 3 loss=0.4 done", Report({"loss": 0.4})),
        (r"(?P<step>\d+): (?P<value>\S+)", "3: 4e-1", Report({"loss": 0.4}, 3.0)),
        (r"a(?P<step>\d+)? (?P<value>.+)", "a 1", Report({"loss": 1.0}, None)),
        (r"epoch (?P<step>\d+) loss (\S+)", "epoch 7 loss 0.25", Report({"loss": 0.25}, 7.0)),
        (r"loss=(\S+)", "nothing", None),
    ],
)
def test_a_pattern_finds_values_in_both_outputs(pattern, text, report):
    reader = LineReader(Metric(name="loss", pattern=pattern))
    assert reader.read(out(text)) == report
    assert reader.read(Line("stderr", text)) == report


def test_a_pattern_that_finds_no_number_is_a_fault_of_its_line():
    reader = LineReader(Metric(name="loss", pattern=r"loss=(\S+)"))
    assert "must find numbers, got value 'low'" in reader.read(out("loss=low")).fault


def test_a_file_holds_json_or_lines_of_json(tmp_path):
    reader = LineReader(Metric(name="loss"))
    path = tmp_path / "metrics.json"
    path.write_text('{\n  "loss": 0.3,\n  "step": 2\n}')
    assert reader.read_file(path) == [Report({"loss": 0.3, "step": 2}, 2)]
    path.write_text('{"loss": 0.5, "step": 1}\n\n{"loss": 0.4, "step": 2}\n')
    assert [report.step for report in reader.read_file(path)] == [1, 2]
    path.write_text("nothing")
    with pytest.raises(CommandError, match="has no JSON with 'loss'"):
        reader.read_file(path)
    with pytest.raises(CommandError, match=r"cannot be read: .*No such file"):
        reader.read_file(tmp_path / "gone")


@pytest.mark.parametrize(
    ("step", "whole"), [(3, 3), (3.0, 3), (0, 0), (2.5, None), (-1, None), (math.nan, None)]
)
def test_steps_are_integers_of_at_least_0(step, whole):
    assert whole_step(step) == whole

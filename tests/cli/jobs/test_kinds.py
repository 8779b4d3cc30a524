"""The sixteen kinds of parameters of Polyaxon, in its meaning and in ours, and two more."""

from __future__ import annotations

import math

import numpy as np
import pytest
from job_files import part_of
from optuna.distributions import FloatDistribution, IntDistribution
from scipy import stats

from bohb.cli.jobs.document import read_document
from bohb.cli.jobs.fields import Part
from bohb.cli.jobs.kinds import KINDS, ParameterField, stored_values
from bohb.cli.jobs.polyaxon.keys import KINDS as POLYAXON_KINDS
from bohb.cli.jobs.polyaxon.translation import parameter
from bohb.errors import JobError
from bohb.model import Categorical, Numeric

OWN, POLYAXON = "ours", "Polyaxon's"


class Holder(Part):
    """A document with one parameter."""

    params: dict[str, ParameterField]


@pytest.fixture
def make(tmp_path):
    def make(kind, fields, meaning=OWN):
        path = tmp_path / "job.yml"
        path.write_text(f"params: {{x: {fields[:1]}kind: {kind}, {fields[1:]}}}")
        if meaning == POLYAXON:
            path.write_text(f"x: {{kind: {kind}, value: {fields}}}")
            if "values" in fields:
                path.write_text(f"x: {{kind: {kind}, value: {fields[1:-1].partition(':')[2]}}}")
        document = read_document(path)
        if meaning == POLYAXON:
            made = parameter(document.at("x"))
            if document.faults:
                raise document.error()
            document = document.new({"params": document.new({"x": made})})
        return part_of(Holder, document).params["x"].dimension("x")

    return make


def values(dimension):
    return [dimension.value_of(stored) for stored in stored_values(dimension)]


def drawn(dimension, n=4000):
    distribution = dimension.distribution
    shares = np.random.default_rng(0).uniform(distribution.low, distribution.high, n)
    return [dimension.value_of(share) for share in shares]


def test_there_are_sixteen_kinds_of_polyaxon_and_two_more():
    assert len(POLYAXON_KINDS) == 16
    assert KINDS.keys() - POLYAXON_KINDS.keys() == {"float", "int"}


# Finite ones: what NumPy's functions of the same names give


@pytest.mark.parametrize(
    ("kind", "fields", "expected"),
    [
        ("choice", "{values: [a, 1, 2.5, true, null]}", ["a", 1, 2.5, True, None]),
        ("choice", "{values: [[1, 2], {a: b}]}", [[1, 2], {"a": "b"}]),
        ("pchoice", "{values: [[relu, 0.1], [tanh, 0.9]]}", ["relu", "tanh"]),
        ("range", "{start: 1, stop: 10, step: 3}", [1, 4, 7]),
        ("range", "{start: 1, stop: 11, step: 5}", [1, 6]),
        ("range", "{start: 0, stop: 0.5, step: 0.1}", [0.0, 0.1, 0.2, 0.3, 0.4]),
        ("linspace", "{start: 0, stop: 1, num: 5}", [0.0, 0.25, 0.5, 0.75, 1.0]),
        ("linspace", "{start: 1, stop: 4, num: 4}", [1, 2, 3, 4]),
        ("logspace", "{start: -3, stop: 0, num: 4}", [0.001, 0.01, 0.1, 1.0]),
        ("logspace", "{start: 0, stop: 3, num: 4, base: 2}", [1, 2, 4, 8]),
        ("geomspace", "{start: 1, stop: 1000, num: 4}", [1, 10, 100, 1000]),
        ("quniform", "{low: 0, high: 1, q: 0.25}", [0.0, 0.25, 0.5, 0.75, 1.0]),
        ("quniform", "{low: 3, high: 20, q: 8}", [8, 16]),
        ("float", "{low: 0.1, high: 0.5, step: 0.2}", [0.1, 0.3, 0.5]),
        ("int", "{low: 2, high: 9, step: 3}", [2, 5, 8]),
        (
            "daterange",
            "{start: 2019-06-22, stop: 2019-06-25, step: 1}",
            ["2019-06-22", "2019-06-23", "2019-06-24"],
        ),
        (
            "datetimerange",
            '{start: "2019-06-22 21:00", stop: "2019-06-22 23:30", step: 3600}',
            ["2019-06-22T21:00:00", "2019-06-22T22:00:00", "2019-06-22T23:00:00"],
        ),
    ],
)
def test_finite_kinds_have_these_values(make, kind, fields, expected):
    found = values(make(kind, fields))
    assert found == expected
    assert list(map(type, found)) == list(map(type, expected))


def test_quniform_of_polyaxon_rounds_down(make):
    assert values(make("quniform", "{low: 0, high: 1, q: 0.25}", POLYAXON)) == [0, 0.25, 0.5, 0.75]
    assert values(make("quniform", "{low: 8, high: 24, q: 8}", POLYAXON)) == [8, 16]


def test_multiples_at_the_ends_of_quniform_are_less_likely_in_polyaxon(make):
    rounded = drawn(make("quniform", "{low: 0.5, high: 3, q: 1}", POLYAXON))
    shares = [rounded.count(value) / len(rounded) for value in (0, 1, 2)]
    assert shares == pytest.approx([0.2, 0.4, 0.4], abs=0.03)


def test_values_that_differ_in_late_digits_are_kept_apart(make):
    fields = "{start: 1000000000000, stop: 1000000000010, num: 11}"
    assert values(make("linspace", fields)) == list(range(1000000000000, 1000000000011))


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("qlognormal", "{loc: 1e30, scale: 1, q: 1}"),
        ("geomspace", "{start: 1, stop: 1" + "0" * 400 + ", num: 3}"),
        ("datetimerange", "{start: 2019-01-01, stop: 2019-01-02, step: 1e-320}"),
        ("float", "{low: -1e308, high: 1e308}"),
    ],
)
def test_numbers_beyond_all_bounds_are_refused(make, kind, fields):
    with pytest.raises(JobError, match=r"job\.yml:1: "):
        make(kind, fields)


def test_values_in_an_order_are_so_for_the_model(make):
    assert isinstance(make("geomspace", "{start: 1, stop: 8, num: 4}").parameter, Numeric)
    assert isinstance(make("choice", "{values: [b, a, c]}").parameter, Categorical)
    dates = make("daterange", "{start: 2019-01-01, stop: 2019-02-01, step: 7}")
    assert isinstance(dates.parameter, Numeric)


def test_long_grids_are_stored_by_their_index(make):
    grid = make("linspace", "{start: 0, stop: 1, num: 501}")
    assert (grid.key, grid.distribution) == ("index(x)", IntDistribution(0, 500))
    assert grid.value_of(250) == 0.5


def test_probabilities_of_polyaxon_leave_the_rest_to_the_last(make):
    weights = make("pchoice", "{values: [[relu, 0.1], [sigmoid, 0.8]]}", POLYAXON).parameter.weights
    assert weights == pytest.approx((0.1, 0.9))
    with pytest.raises(JobError, match=r"sum to 1, got 0\.9"):
        make("pchoice", "{values: [[relu, 0.1], [sigmoid, 0.8]]}", OWN)
    with pytest.raises(JobError, match=r"sum to 1, got 1\.7"):
        make("pchoice", "{values: [[relu, 0.9], [sigmoid, 0.8]]}", POLYAXON)


# Distributions


def test_uniform_and_loguniform_are_stored_as_their_values(make):
    assert make("uniform", "{low: 0, high: 0.9}").distribution == FloatDistribution(0, 0.9)
    expected = FloatDistribution(1e-5, 1, log=True)
    assert make("loguniform", "{low: 1e-5, high: 1}").distribution == expected
    assert make("float", "{low: 1e-5, high: 1, log: true}").distribution == expected
    assert make("int", "{low: 1, high: 64, log: true}").distribution == IntDistribution(
        1, 64, log=True
    )


def test_bounds_of_loguniform_are_natural_exponents_in_polyaxon(make):
    distribution = make("loguniform", "{low: -7, high: 0}", POLYAXON).distribution
    assert distribution.low == pytest.approx(math.exp(-7))
    assert distribution.high == pytest.approx(1)


@pytest.mark.parametrize(
    ("kind", "fields", "meaning", "cdf"),
    [
        ("normal", "{loc: 5, scale: 2}", OWN, stats.norm(5, 2).cdf),
        ("lognormal", "{loc: -1, scale: 0.5}", OWN, stats.lognorm(0.5, scale=math.exp(-1)).cdf),
        ("normal", "{loc: 5, scale: 2}", POLYAXON, stats.norm(5, 2).cdf),
    ],
)
def test_normal_kinds_have_their_distribution(make, kind, fields, meaning, cdf):
    dimension = make(kind, fields, meaning)
    assert dimension.key == "quantile(x)"
    assert stats.kstest(drawn(dimension), cdf).pvalue > 1e-3


@pytest.mark.parametrize(
    ("kind", "fields", "draw"),
    [
        ("qnormal", "{loc: 50, scale: 20, q: 8}", lambda rng: rng.normal(50, 20)),
        ("qlognormal", "{loc: 3, scale: 0.5, q: 4}", lambda rng: rng.lognormal(3, 0.5)),
        ("qloguniform", "{low: 1, high: 5, q: 4}", lambda rng: math.exp(rng.uniform(1, 5))),
    ],
)
def test_rounded_kinds_of_polyaxon_are_distributed_as_there(make, kind, fields, draw):
    # hypertune, matrix/dist.py: numpy.round(value // q) * q
    q = 8 if kind == "qnormal" else 4
    rng = np.random.default_rng(1)
    theirs = [round(draw(rng) // q) * q for _ in range(4000)]
    ours = drawn(make(kind, fields, POLYAXON))
    assert all(type(value) is int and value % q == 0 for value in ours)
    assert abs(np.mean(ours) - np.mean(theirs)) < 4 * np.std(theirs) / math.sqrt(4000)


def test_rounded_kinds_of_ours_take_the_nearest_multiple(make):
    dimension = make("qloguniform", "{low: 0.1, high: 10, q: 0.3}")
    assert dimension.value_of(0.0) == 0.3  # the nearest within the bounds
    assert dimension.value_of(0.5) == 0.9  # of 1.0, and written as it is
    assert dimension.value_of(1.0) == 9.9


def test_a_wide_range_of_integers_is_not_listed(make):
    values = stored_values(make("int", "{low: 0, high: 4294967295}"))
    assert (len(values), values[-1]) == (4294967296, 4294967295)


# Faults


@pytest.mark.parametrize(
    ("kind", "fields", "message"),
    [
        ("choice", "{values: []}", r"x\.values must have at least one value"),
        ("choice", "{values: 3}", r"x\.values must be a list, got 3"),
        ("pchoice", "{values: [a, b]}", r"x\.values\[0\] must be \[value, probability\], got 'a'"),
        ("pchoice", "{values: [[a]]}", r"x\.values\[0\] must be \[value, probability\]"),
        ("pchoice", "{values: [[a, 2]]}", r"must be between 0 and 1, got 2"),
        ("range", "{start: 5, stop: 1, step: 1}", "stop must be greater than start"),
        ("range", "{start: 1, stop: 5, step: 0}", r"x\.step must be greater than 0"),
        ("linspace", "{start: 1, stop: 5, num: 2.5}", r"x\.num must be an integer, got 2\.5"),
        ("linspace", "{start: 1, stop: 5, num: 1000000}", "at most 100000 are allowed"),
        ("logspace", "{start: 0, stop: 400, num: 4}", "10 to the power of 400 is too large"),
        ("geomspace", "{start: 0, stop: 4, num: 4}", r"x\.start must be greater than 0"),
        ("uniform", "{low: a, high: 4}", r"x\.low must be a number, got 'a'"),
        ("uniform", "{low: 0, high: .inf}", r"x\.high must be a finite number"),
        ("quniform", "{low: 1, high: 2, q: 5}", r"x\.q must have a multiple between"),
        ("loguniform", "{low: 0, high: 4}", r"x\.low must be greater than 0"),
        ("normal", "{loc: 0, scale: -1}", r"x\.scale must be greater than 0"),
        ("daterange", "{start: soon, stop: 2019-01-01, step: 1}", "must be a date such as"),
        ("daterange", "{start: 2019-01-02, stop: 2019-01-01, step: 1}", "must be after start"),
        ("datetimerange", "{start: 3, stop: 4, step: 1}", "must be a time such as"),
        ("int", "{low: 1.5, high: 4}", r"x\.low must be an integer, got 1\.5"),
        ("int", "{low: 0, high: 4, log: true}", "must be at least 1 with log"),
        ("float", "{low: 1, high: 4, log: true, step: 1}", "cannot be combined with log"),
        ("float", "{low: 1, high: 4, log: 1}", r"x\.log must be true or false"),
    ],
)
def test_faults_are_named_with_their_line(make, kind, fields, message):
    with pytest.raises(JobError, match=message) as caught:
        make(kind, fields)
    assert "job.yml:1: " in str(caught.value)


def test_exponents_that_are_values_are_refused(make):
    with pytest.raises(JobError, match="must be a natural exponent between -700 and 700"):
        make("loguniform", "{low: 1, high: 1000}", POLYAXON)


def test_times_with_and_without_a_zone_are_not_mixed(make):
    fields = '{start: "2019-06-24T21:20:07+02:00", stop: "2019-06-25 00:00", step: 60}'
    with pytest.raises(JobError, match="must have a time zone if start has one"):
        make("datetimerange", fields)

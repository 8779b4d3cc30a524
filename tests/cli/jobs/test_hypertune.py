"""Polyaxon's sixteen kinds, against the draws of its own package (polyaxon and hypertune)."""

from __future__ import annotations

import datetime

import numpy as np
import pytest
import yaml
from job_files import write
from scipy import stats

from bohb.cli.jobs import read_job
from bohb.history import from_model

hypertune = pytest.importorskip("hypertune.matrix.utils", exc_type=ImportError)
from polyaxon import schemas  # noqa: E402 - it comes with hypertune

N_DRAWS = 3000

OPERATION = """
version: 1.1
kind: operation
matrix:
  kind: hyperband
  maxIterations: 81
  eta: 3
  resource: {{name: num_steps, type: int}}
  metric: {{name: loss, optimization: minimize}}
  params:
    tuned: {kind}
component:
  run:
    kind: job
    container:
      command: ["{{{{ python }}}}", train.py]
      args: ["--tuned={{{{ tuned }}}}", "--epochs={{{{ num_steps }}}}"]
"""

DISCRETE = [
    {"kind": "choice", "value": ["a", "b", "c"]},
    {"kind": "choice", "value": [1, 10, 100, 1000]},
    {"kind": "pchoice", "value": [["relu", 0.1], ["tanh", 0.7], ["none", 0.2]]},
    {"kind": "range", "value": [1, 20, 3]},
    {"kind": "linspace", "value": [0, 1, 5]},
    {"kind": "logspace", "value": [0, 3, 4]},
    {"kind": "geomspace", "value": [1, 256, 9]},
    {"kind": "quniform", "value": [0, 10, 2]},
    {"kind": "quniform", "value": [1, 9.5, 2]},
    {"kind": "qloguniform", "value": [0, 3, 2]},
    {"kind": "qnormal", "value": [3, 2, 1.5]},
    {"kind": "qlognormal", "value": [0, 1, 0.5]},
    {"kind": "daterange", "value": ["2026-01-01", "2026-01-09", 2]},
    {"kind": "datetimerange", "value": ["2026-01-01T00:00:00", "2026-01-01T06:00:00", 3600]},
]
CONTINUOUS = [
    {"kind": "uniform", "value": [-1, 0.9]},
    {"kind": "loguniform", "value": [-9, 0]},
    {"kind": "normal", "value": [2, 3]},
    {"kind": "lognormal", "value": [0.5, 1]},
]


def of_polyaxon(kind):
    made = {
        "choice": schemas.V1HpChoice,
        "pchoice": schemas.V1HpPChoice,
        "range": schemas.V1HpRange,
        "linspace": schemas.V1HpLinSpace,
        "logspace": schemas.V1HpLogSpace,
        "geomspace": schemas.V1HpGeomSpace,
        "uniform": schemas.V1HpUniform,
        "quniform": schemas.V1HpQUniform,
        "loguniform": schemas.V1HpLogUniform,
        "qloguniform": schemas.V1HpQLogUniform,
        "normal": schemas.V1HpNormal,
        "qnormal": schemas.V1HpQNormal,
        "lognormal": schemas.V1HpLogNormal,
        "qlognormal": schemas.V1HpQLogNormal,
        "daterange": schemas.V1HpDateRange,
        "datetimerange": schemas.V1HpDateTimeRange,
    }[kind["kind"]](value=kind["value"])
    rng = np.random.RandomState(0)
    return [plain(hypertune.sample(made, size=1, rand_generator=rng)) for _ in range(N_DRAWS)]


def of_ours(kind, directory):
    text = OPERATION.format(kind=yaml.safe_dump(kind, default_flow_style=True).strip())
    (dimension,) = read_job(write(directory, text)).dimensions.values()
    units = dimension.parameter.draw_prior(N_DRAWS, np.random.default_rng(0))
    stored = [from_model(dimension.distribution, v) for v in dimension.parameter.decode(units)]
    return [plain(dimension.value_of(value)) for value in stored]


def plain(value):
    """Return a value that can be compared: numbers as floats, moments as seconds."""
    if isinstance(value, np.datetime64):
        value = value.astype("datetime64[s]").item()
    if isinstance(value, datetime.date):
        value = value.isoformat()
    if isinstance(value, str) and value.startswith("20"):  # our commands get moments as texts
        return datetime.datetime.fromisoformat(value).timestamp()
    if isinstance(value, (np.number, int, float)):
        return round(float(value), 9)
    return str(value)


@pytest.mark.parametrize("kind", CONTINUOUS, ids=lambda kind: kind["kind"])
def test_numbers_are_drawn_from_polyaxons_distributions(kind, tmp_path):
    assert stats.ks_2samp(of_polyaxon(kind), of_ours(kind, tmp_path)).pvalue > 1e-3


# NumPy deprecates how Polyaxon's package makes ranges of dates.
@pytest.mark.filterwarnings("ignore:The 'generic' unit for NumPy timedelta")
@pytest.mark.parametrize("kind", DISCRETE, ids=lambda kind: kind["kind"])
def test_values_are_drawn_as_often_as_polyaxon_draws_them(kind, tmp_path):
    theirs, ours = of_polyaxon(kind), of_ours(kind, tmp_path)
    common = [value for value in set(theirs) if theirs.count(value) > 20]
    # What Polyaxon draws at all often, is drawn here, and nothing else is drawn often.
    assert {value for value in set(ours) if ours.count(value) > 20} <= set(theirs)
    counts = np.array([[drawn.count(value) for value in common] for drawn in (theirs, ours)])
    assert stats.chi2_contingency(counts).pvalue > 1e-3


def test_brackets_have_the_sizes_of_polyaxons_documentation_or_of_its_code(tmp_path):
    from hypertune.search_managers.hyperband.manager import HyperbandManager

    config = schemas.V1Hyperband(
        max_iterations=81,
        eta=3,
        resource=schemas.V1OptimizationResource(name="num_steps", type="int"),
        metric=schemas.V1OptimizationMetric(name="loss", optimization="minimize"),
        params={"tuned": schemas.V1HpUniform(value={"low": 0, "high": 1})},
    )
    manager = HyperbandManager(config)
    theirs = [(manager.config.get_num_runs(bracket=b), manager.get_resources(b)) for b in range(5)]
    text = OPERATION.format(kind="{kind: uniform, value: [0, 1]}")
    plan = read_job(write(tmp_path, text)).plan
    ours = [(bracket.n_trials, bracket.resources[0]) for bracket in plan.brackets]
    # The code of the package has 34, 15 and 8 where its documentation prints 27, 9 and 6.
    assert [resource for _, resource in theirs[::-1]] == [resource for _, resource in ours]
    assert [count for count, _ in ours] == [81, 27, 9, 6, 5]
    assert [count for count, _ in theirs[::-1]] == [81, 34, 15, 8, 5]

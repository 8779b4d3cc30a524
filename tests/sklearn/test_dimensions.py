"""What users give as distributions, and what becomes of it."""

from __future__ import annotations

import pickle
import subprocess
import sys

import numpy as np
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from scipy import stats
from sklearn.linear_model import LogisticRegression

from bohb.errors import ArgumentError, ArgumentTypeError
from bohb.model import Categorical, Numeric
from bohb.sklearn.dimensions import dimension

EXACT = [
    (stats.uniform(2, 3), FloatDistribution(2, 5)),
    (stats.uniform(loc=-1, scale=2), FloatDistribution(-1, 1)),
    (stats.loguniform(1e-4, 1e-1), FloatDistribution(1e-4, 1e-1, log=True)),
    (stats.reciprocal(1, 10), FloatDistribution(1, 10, log=True)),
    (stats.loguniform(1, 10, scale=2), FloatDistribution(2, 20, log=True)),
    (stats.randint(1, 10), IntDistribution(1, 9)),
    (stats.randint(1, 10, loc=5), IntDistribution(6, 14)),
    (IntDistribution(1, 64, log=True), IntDistribution(1, 64, log=True)),
]


@pytest.mark.parametrize(("given", "expected"), EXACT)
def test_uniform_loguniform_and_integer_distributions_are_exact(given, expected):
    made = dimension("x", given)
    assert made.key == "x"
    assert made.distribution == expected
    assert made.value_of(3) == 3


OTHERS = [
    stats.norm(5, 2),
    stats.expon(scale=0.1),
    stats.lognorm(1.0),
    stats.beta(2, 5),
    stats.loguniform(1, 10, loc=1),
    stats.gamma(2.0),
]


@pytest.mark.parametrize("given", OTHERS, ids=lambda d: d.dist.name)
def test_other_distributions_are_drawn_by_their_quantile_function(given):
    made = dimension("x", given)
    assert made.key == "quantile(x)"
    shares = np.random.default_rng(0).uniform(size=2000)
    values = [made.value_of(share) for share in shares]
    assert stats.kstest(values, given.cdf).pvalue > 1e-3
    ends = [made.value_of(end) for end in (made.distribution.low, made.distribution.high)]
    assert np.all(np.isfinite(ends))
    assert all(type(value) is float for value in values)


DISCRETE = [stats.poisson(3), stats.rv_discrete(values=([0, 3, 6], [0.25, 0.5, 0.25]))]
if hasattr(stats, "Binomial"):
    DISCRETE.append(stats.Binomial(n=6, p=0.5))


@pytest.mark.parametrize("given", DISCRETE)
def test_discrete_distributions_give_integers(given):
    made = dimension("x", given)
    values = [made.value_of(share) for share in np.linspace(1e-6, 1 - 1e-6, 500)]
    assert all(type(value) is int for value in values)
    assert min(values) == 0
    assert abs(np.mean(values) - 3) < 0.1


@pytest.mark.skipif(not hasattr(stats, "Normal"), reason="SciPy has no such class yet")
def test_distributions_of_the_new_kind_are_understood():
    made = dimension("x", stats.Normal(mu=1.0, sigma=2.0))
    assert made.value_of(0.5) == pytest.approx(1.0)


class Drawing:
    """What scikit-learn asks of a distribution, and no more."""

    def rvs(self, random_state=None):
        return random_state.choice([7, 11])


def test_an_object_that_only_draws_is_drawn_from_a_seed():
    made = dimension("x", Drawing())
    assert made.key == "seed(x)"
    assert {made.value_of(seed) for seed in range(20)} == {7, 11}
    assert made.value_of(3) == made.value_of(3)


def test_names_are_choices_without_an_order():
    made = dimension("x", ["relu", "tanh", None, True])
    assert made.distribution == CategoricalDistribution(("relu", "tanh", None, True))
    assert made.parameter == Categorical(4)
    assert made.value_of("tanh") == "tanh"


@pytest.mark.parametrize("values", [[1, 10, 100], (3.0, 2.0, 1.0), np.array([1, 2, 5])])
def test_numbers_in_order_are_known_to_be_ordered(values):
    made = dimension("x", values)
    assert made.parameter == Numeric(0, 2, step=1)
    assert list(made.distribution.choices) == list(values)
    assert all(type(choice) in (int, float) for choice in made.distribution.choices)


@pytest.mark.parametrize("values", [[1, 100, 10], [0, 1], [1, 2, "auto"], [True, False, None]])
def test_other_values_are_not(values):
    assert dimension("x", values).parameter == Categorical(len(values))


def test_a_long_grid_of_numbers_is_stored_by_its_index():
    values = np.logspace(-4, -1, num=1000)
    made = dimension("x", values)
    assert made.key == "index(x)"
    assert made.distribution == IntDistribution(0, 999)
    assert made.value_of(17) == values[17]


OBJECTS = [(24,), (12, 12), LogisticRegression(C=2), LogisticRegression(C=3), np.zeros(2)]


def test_values_that_no_storage_can_hold_are_stored_by_a_label():
    made = dimension("x", OBJECTS)
    labels = made.distribution.choices
    assert labels[:3] == ("(24,)", "(12, 12)", "LogisticRegression(C=2)")
    assert [made.value_of(label) is value for label, value in zip(labels, OBJECTS, strict=True)]


def test_values_that_look_alike_have_labels_of_their_own():
    made = dimension("x", [1, 1.0, True, "1"])
    assert len(set(made.distribution.choices)) == 4
    assert [made.value_of(label) for label in made.distribution.choices] == [1, 1.0, True, "1"]


@pytest.mark.slow
def test_labels_are_the_same_in_every_process(capsys):
    program = (
        "from bohb.sklearn.dimensions import dimension\n"
        "def f(x): return x\n"
        "made = dimension('x', [f, len, object()])\n"
        "print(made.distribution.choices, made.description)"
    )
    exec(program, {"__name__": "__main__"})  # noqa: S102 - our own program
    command = [sys.executable, "-c", program]
    run = subprocess.run(command, capture_output=True, check=True, text=True)
    assert run.stdout == capsys.readouterr().out != ""


@pytest.mark.parametrize("given", [stats.norm(), [1, 2, 3], OBJECTS[:2], Drawing()])
def test_dimensions_can_be_pickled(given):
    made = pickle.loads(pickle.dumps(dimension("x", given)))
    assert made.description == dimension("x", given).description


BAD = [
    (stats.loguniform, ArgumentTypeError, "got stats.loguniform without parameters: write"),
    (5, ArgumentTypeError, r"param_distributions\['x'\] must be a list, a distribution .* got 5"),
    ("relu", ArgumentTypeError, r"must be a list, .* got 'relu'"),
    ([], ArgumentError, r"param_distributions\['x'\] must have at least one value"),
]


@pytest.mark.parametrize(("given", "kind", "message"), BAD)
def test_what_cannot_be_drawn_from_is_refused(given, kind, message):
    with pytest.raises(kind, match=message):
        dimension("x", given)

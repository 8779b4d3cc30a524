"""Spaces of ConfigSpace, translated: what is drawn is legal there, and as likely as there."""

from __future__ import annotations

import ConfigSpace as cs  # noqa: N813 - as its users write it
import numpy as np
import pytest
from ConfigSpace.exceptions import ForbiddenValueError
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from scipy import stats

from bohb.configspace import search_space
from bohb.errors import ArgumentError
from bohb.history import from_model


def everything():
    """Return a space with all kinds of parameters, conditions and forbidden clauses."""
    space = cs.ConfigurationSpace(seed=0)
    kind = cs.CategoricalHyperparameter("kind", ["svm", "tree", "net"], weights=[0.2, 0.3, 0.5])
    cost = cs.UniformFloatHyperparameter("cost", 1e-3, 1e3, log=True)
    gamma = cs.NormalFloatHyperparameter("gamma", mu=0.5, sigma=0.2, lower=0.0, upper=1.0)
    depth = cs.UniformIntegerHyperparameter("depth", 1, 20)
    leaf = cs.BetaIntegerHyperparameter("leaf", alpha=2, beta=4, lower=1, upper=10)
    layers = cs.OrdinalHyperparameter("layers", ["one", "two", "three"])
    first = cs.UniformIntegerHyperparameter("first", 8, 512, log=True, default_value=8)
    second = cs.NormalIntegerHyperparameter("second", mu=60, sigma=30, lower=8, upper=512, log=True)
    third = cs.BetaFloatHyperparameter("third", alpha=3, beta=2, lower=1e-3, upper=1.0, log=True)
    size = cs.OrdinalHyperparameter("size", [16, 64, 256])
    constant = cs.Constant("version", 3)
    space.add([kind, cost, gamma, depth, leaf, layers, first, second, third, size, constant])
    space.add(
        cs.EqualsCondition(cost, kind, "svm"),
        cs.AndConjunction(
            cs.EqualsCondition(gamma, kind, "svm"), cs.GreaterThanCondition(gamma, cost, 1.0)
        ),
        cs.NotEqualsCondition(depth, kind, "net"),
        cs.OrConjunction(
            cs.LessThanCondition(leaf, depth, 5), cs.EqualsCondition(leaf, kind, "svm")
        ),
        cs.EqualsCondition(layers, kind, "net"),
        cs.InCondition(first, kind, ["net"]),
        cs.GreaterThanCondition(second, layers, "one"),
        cs.EqualsCondition(third, layers, "three"),
    )
    space.add(
        cs.ForbiddenAndConjunction(
            cs.ForbiddenEqualsClause(kind, "tree"), cs.ForbiddenInClause(size, [64, 256])
        ),
        cs.ForbiddenLessThanRelation(first, second),
        cs.ForbiddenGreaterThanRelation(first, size),
        cs.ForbiddenAndConjunction(
            cs.ForbiddenEqualsClause(kind, "svm"), cs.ForbiddenEqualsClause(depth, 7)
        ),
    )
    return space


def values_of(space, translated, row):
    named = translated.model.named(row)
    return {name: from_model(translated.distributions[name], v) for name, v in named.items()}


def test_what_is_drawn_is_a_legal_configuration():
    space = everything()
    translated = search_space(space)
    rows = translated.model.draw_prior(3000, np.random.default_rng(0))
    allowed = translated.model.is_allowed(rows)
    assert 0.2 < allowed.mean() < 0.95
    for row in rows[allowed][:400]:
        cs.Configuration(
            space, values=values_of(space, translated, row)
        ).check_valid_configuration()
    for row in rows[~allowed][:100]:
        with pytest.raises(ForbiddenValueError):
            cs.Configuration(space, values=values_of(space, translated, row))


def test_what_configspace_draws_is_allowed_and_has_the_same_parameters():
    space = everything()
    translated = search_space(space)
    for configuration in space.sample_configuration(300):
        params = {
            name: v.item() if isinstance(v, np.generic) else v for name, v in configuration.items()
        }
        translated.check(params)
        for name in space:
            assert translated.is_active(name, params) == (name in params), (name, params)


def test_values_are_as_likely_as_in_configspace():
    space = everything()
    translated = search_space(space)
    rows = translated.model.draw_prior(30_000, np.random.default_rng(0))
    rows = rows[translated.model.is_allowed(rows)]
    ours = translated.model.decode(rows)
    theirs = [dict(c) for c in space.sample_configuration(6000)]
    for column, name in enumerate(translated.model.names):
        active = ~np.isnan(ours[:, column])
        their_values = [c[name] for c in theirs if name in c]
        assert active.mean() == pytest.approx(len(their_values) / len(theirs), abs=0.03), name
        distribution = translated.distributions[name]
        codes = [distribution.to_internal_repr(v) for v in their_values]
        spread = max(np.std(codes), 1e-9)
        assert abs(np.mean(ours[active, column]) - np.mean(codes)) < 0.12 * spread + 1e-9, name


@pytest.mark.parametrize("log", [False, True])
@pytest.mark.parametrize("kind", ["normal", "beta"])
def test_the_densities_of_floats_are_those_of_configspace(kind, log):
    bounds = {"lower": 0.01, "upper": 2.0, "log": log}
    if kind == "normal":
        hp = cs.NormalFloatHyperparameter("x", mu=0.5, sigma=0.4, **bounds)
    else:
        hp = cs.BetaFloatHyperparameter("x", alpha=2.5, beta=1.5, **bounds)
    parameter = search_space(cs.ConfigurationSpace(space=[hp])).model.parameters["x"]
    values = np.linspace(0.02, 1.98, 50)
    ours = np.exp(parameter.log_prior(parameter.encode(values)))
    assert ours == pytest.approx(hp.pdf_values(values), rel=1e-6)


@pytest.mark.parametrize(
    "hp",
    [
        cs.BetaIntegerHyperparameter("n", alpha=1, beta=1, lower=1, upper=4),
        cs.BetaIntegerHyperparameter("n", alpha=2, beta=5, lower=-3, upper=6),
        cs.BetaIntegerHyperparameter("n", alpha=2, beta=2, lower=1, upper=64, log=True),
        cs.BetaIntegerHyperparameter("n", alpha=1, beta=1, lower=2, upper=9, log=True),
        cs.BetaIntegerHyperparameter("n", alpha=2, beta=5, lower=-20_000, upper=20_000),
        cs.NormalIntegerHyperparameter("n", mu=3, sigma=1.5, lower=1, upper=6),
        cs.NormalIntegerHyperparameter("n", mu=60, sigma=30, lower=8, upper=512, log=True),
    ],
    ids=str,
)
def test_integers_with_a_prior_are_as_likely_as_configspace_draws_them(hp):
    count = 100_000
    theirs = hp.sample_value(count, seed=np.random.RandomState(0))
    parameter = search_space(cs.ConfigurationSpace(space=[hp])).model.parameters["n"]
    ours = np.rint(parameter.decode(parameter.draw_prior(count, np.random.default_rng(0))))
    assert stats.ks_2samp(theirs, ours).statistic < 0.01
    units = parameter.all_units()
    lower, upper = parameter.bins(units)
    assert (np.exp(parameter.log_prior(units)) * (upper - lower)).sum() == pytest.approx(1)


def test_distributions_hold_values_of_python():
    translated = search_space(everything())
    assert isinstance(translated.distributions["cost"], FloatDistribution)
    assert translated.distributions["first"] == IntDistribution(8, 512, log=True)
    assert translated.distributions["size"] == CategoricalDistribution((16, 64, 256))
    assert translated.distributions["version"] == CategoricalDistribution((3,))
    assert all(type(choice) is int for choice in translated.distributions["size"].choices)


def test_the_order_of_a_parameter_is_kept_by_the_model():
    translated = search_space(everything())
    assert translated.model.parameters["layers"].n_values == 3
    assert translated.model.parameters["layers"].step == 1


def test_a_parameter_comes_after_those_it_depends_on():
    space = cs.ConfigurationSpace()
    names = ["z", "m", "a"]  # z is the root, a depends on m, m on z
    hps = {name: cs.CategoricalHyperparameter(name, [0, 1]) for name in names}
    space.add(list(hps.values()))
    space.add(cs.EqualsCondition(hps["a"], hps["m"], 1), cs.EqualsCondition(hps["m"], hps["z"], 1))
    assert list(search_space(space).distributions) == ["z", "m", "a"]


@pytest.mark.parametrize(
    ("hyperparameter", "default"),
    [
        (cs.UniformFloatHyperparameter("x", 0.0, 1.0), None),
        (cs.UniformFloatHyperparameter("x", 0.0, 1.0, default_value=0.25), {"x": 0.25}),
        (cs.UniformIntegerHyperparameter("x", 1, 64, log=True, default_value=3), {"x": 3}),
        (cs.NormalFloatHyperparameter("x", 0.5, 0.1, 0.0, 1.0), None),
        (cs.BetaIntegerHyperparameter("x", 2, 3, 0, 10), None),
        (cs.CategoricalHyperparameter("x", ["a", "b"], weights=[0.1, 0.9]), None),
        (cs.CategoricalHyperparameter("x", ["a", "b"], default_value="b"), {"x": "b"}),
        (cs.OrdinalHyperparameter("x", [1, 2, 3], default_value=2), {"x": 2}),
        (cs.Constant("x", 1.5), None),
    ],
)
def test_a_default_counts_where_the_author_set_one(hyperparameter, default):
    translated = search_space(cs.ConfigurationSpace(space=[hyperparameter]))
    assert translated.default == default
    if default:
        assert type(translated.default["x"]) is type(default["x"])


def test_an_inactive_parameter_has_no_default():
    space = cs.ConfigurationSpace()
    kind = cs.CategoricalHyperparameter("kind", ["a", "b"], default_value="b")
    x = cs.UniformFloatHyperparameter("x", 0.0, 1.0, default_value=0.1)
    space.add([kind, x])
    space.add(cs.EqualsCondition(x, kind, "a"))
    assert search_space(space).default == {"kind": "b"}


def test_strings_are_related_by_their_order():
    space = cs.ConfigurationSpace()
    left = cs.CategoricalHyperparameter("left", ["c", "a"], default_value="a")
    right = cs.CategoricalHyperparameter("right", ["b", "c"])
    space.add([left, right])
    space.add(cs.ForbiddenGreaterThanRelation(left, right))
    translated = search_space(space)
    translated.check({"left": "a", "right": "b"})
    translated.check({"left": "c", "right": "c"})
    with pytest.raises(ArgumentError, match="must not be forbidden"):
        translated.check({"left": "c", "right": "b"})


def test_what_cannot_be_compared_is_refused():
    space = cs.ConfigurationSpace()
    left = cs.CategoricalHyperparameter("left", ["c", "a"], default_value="a")
    right = cs.UniformIntegerHyperparameter("right", 0, 5)
    space.add([left, right])
    space.add(cs.ForbiddenEqualsRelation(left, right))
    with pytest.raises(ArgumentError, match="values can be compared"):
        search_space(space)


def test_a_space_without_parameters_is_refused():
    with pytest.raises(ArgumentError, match="at least one parameter"):
        search_space(cs.ConfigurationSpace())


def test_a_beta_distribution_of_integers_on_a_logarithmic_scale_is_that_of_configspace():
    hp = cs.BetaIntegerHyperparameter("n", alpha=2, beta=5, lower=1, upper=1000, log=True)
    theirs = cs.ConfigurationSpace(seed=0)
    theirs.add(hp)
    space = search_space(theirs)
    units = space.model.draw_prior(20_000, np.random.default_rng(0))
    ours = space.model.decode(units)[:, 0]
    sampled = np.array([config["n"] for config in theirs.sample_configuration(5000)])
    for value in (2, 5, 10, 30, 100, 300):
        assert np.mean(ours <= value) == pytest.approx(np.mean(sampled <= value), abs=0.03)


@pytest.mark.filterwarnings("ignore::RuntimeWarning:scipy", "ignore::RuntimeWarning:ConfigSpace")
def test_a_normal_distribution_without_a_width_stays_at_its_mean():
    theirs = cs.ConfigurationSpace(seed=0)
    # It takes log(lower + sigma), which is 0, for the deviation, and warns of dividing by it.
    theirs.add(cs.NormalFloatHyperparameter("x", 10, 0.5, lower=0.5, upper=1000, log=True))
    space = search_space(theirs)
    values = space.model.decode(space.model.draw_prior(1000, np.random.default_rng(0)))
    assert np.all(abs(values - 10) < 1)

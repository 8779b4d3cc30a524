"""The kernel mixture is a density, and its samples follow it."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import stats

from bohb.model import Categorical, Numeric
from bohb.model.density import Mixture

PARAMETERS = {
    "float": Numeric(-2.0, 3.0),
    "log float": Numeric(1e-4, 1e2, log=True),
    "integer": Numeric(1, 9, step=1),
    "log integer": Numeric(1, 40, log=True, step=1),
    "stepped float": Numeric(0.0, 1.0, step=0.25),
    "categorical": Categorical(4),
}


def span_of(parameter):
    if isinstance(parameter, Categorical):
        return 1.0
    low, high = parameter.edges
    return high - low


def all_values(parameter):
    if isinstance(parameter, Categorical):
        return np.arange(parameter.n_choices, dtype=float)
    return parameter.low + parameter.step * np.arange(parameter.n_values)


def observed(parameter, rng, count):
    if isinstance(parameter, Categorical):
        return rng.integers(parameter.n_choices, size=count).astype(float)
    low, high = parameter.edges
    return parameter.values(low + (high - low) * rng.random(count))


def mixture(parameters, count=7, seed=0, missing=0.0):
    rng = np.random.default_rng(seed)
    points = np.column_stack([observed(p, rng, count) for p in parameters])
    points[rng.random(points.shape) < missing] = np.nan
    weights = rng.random(count) + 0.1
    return Mixture(parameters, points, weights, np.array([span_of(p) for p in parameters]))


@pytest.mark.parametrize("name", PARAMETERS)
def test_the_density_of_one_parameter_integrates_to_one(name):
    parameter = PARAMETERS[name]
    density = mixture([parameter])
    if parameter.n_values < np.inf:
        values = all_values(parameter)
        total = np.exp(density.log_density(values[:, None])).sum()
    else:
        low, high = parameter.edges
        scaled = np.linspace(low, high, 20_001)
        values = np.clip(np.exp(scaled) if parameter.log else scaled, parameter.low, parameter.high)
        heights = np.exp(density.log_density(values[:, None]))  # per span
        total = np.trapezoid(heights, scaled / span_of(parameter))
    assert total == pytest.approx(1, abs=1e-6)


def test_the_joint_density_of_a_discrete_space_sums_to_one():
    parameters = [PARAMETERS["integer"], PARAMETERS["categorical"], PARAMETERS["stepped float"]]
    grid = np.array(list(itertools.product(*(all_values(p) for p in parameters))))
    assert np.exp(mixture(parameters).log_density(grid)).sum() == pytest.approx(1, abs=1e-9)


def test_each_component_sums_to_one_over_the_parameters_it_has():
    parameters = [PARAMETERS["integer"], PARAMETERS["categorical"], PARAMETERS["stepped float"]]
    density = mixture(parameters, count=12, missing=0.4)
    assert np.isnan(density.points).any()
    for component, point in enumerate(density.points):
        values = [
            all_values(p) if active else [np.nan]
            for p, active in zip(parameters, ~np.isnan(point), strict=True)
        ]
        grid = np.array(list(itertools.product(*values)))
        total = np.exp(density.log_components(grid)[:, component]).sum()
        assert total == pytest.approx(1, abs=1e-9)


@pytest.mark.parametrize("unit", [1e-6, 1.0, 1e6])
def test_densities_do_not_depend_on_the_unit_of_a_parameter(unit):
    rng = np.random.default_rng(0)
    points = rng.random((8, 2))
    points[::2, 0] = np.nan
    candidates = rng.random((5, 2))

    def log_density(scale):
        space = [Numeric(0, scale), Numeric(0, 1)]
        factor = np.array([scale, 1.0])
        density = Mixture(space, points * factor, np.ones(8), np.array([scale, 1.0]))
        return density.log_density(candidates * factor)

    assert np.allclose(log_density(unit), log_density(1.0))


@pytest.mark.parametrize("name", PARAMETERS)
def test_samples_follow_the_density(name):
    parameter = PARAMETERS[name]
    density = mixture([parameter])
    draws = density.draw(20_000, np.random.default_rng(1))[:, 0]
    if parameter.n_values < np.inf:
        values = all_values(parameter)
        expected = np.exp(density.log_density(values[:, None])) * len(draws)
        counts = [(np.isclose(draws, value)).sum() for value in values]
        assert sum(counts) == len(draws)
        assert stats.chisquare(counts, expected * sum(counts) / expected.sum()).pvalue > 1e-4
    else:
        low, high = parameter.edges
        grid = np.linspace(low, high, 4001)
        values = np.clip(np.exp(grid) if parameter.log else grid, parameter.low, parameter.high)
        heights = np.exp(density.log_density(values[:, None]))
        cumulative = np.concatenate([[0], np.cumsum((heights[1:] + heights[:-1]) / 2)])
        cumulative /= cumulative[-1]
        scaled = np.log(draws) if parameter.log else draws
        result = stats.kstest(scaled, lambda x: np.interp(x, grid, cumulative))
        assert result.pvalue > 1e-4


def test_samples_stay_in_the_range_that_is_asked_for():
    # Observations come from [0, 10]; the trial at hand asks for [4, 5].
    points = np.linspace(0, 10, 21)[:, None]
    density = Mixture([Numeric(4, 5)], points, np.ones(21), np.array([10.0]))
    draws = density.draw(2000, np.random.default_rng(0))
    assert draws.min() >= 4
    assert draws.max() <= 5
    grid = np.linspace(4, 5, 4001)
    total = np.trapezoid(np.exp(density.log_density(grid[:, None])), grid / 10)  # per span
    assert total == pytest.approx(1, abs=1e-6)


def test_a_range_that_no_observation_lies_in_is_still_a_density():
    density = Mixture([Numeric(100, 101)], np.array([[0.0], [1.0]]), np.ones(2), np.array([101.0]))
    draws = density.draw(500, np.random.default_rng(0))
    assert draws.min() >= 100
    assert np.isfinite(density.log_density(draws)).all()


def test_without_observations_the_density_is_the_prior():
    space = [Numeric(0, 2), Categorical(5)]
    density = Mixture(space, np.empty((0, 2)), np.empty(0), np.array([2.0, 1.0]))
    candidates = np.array([[0.5, 1.0], [1.5, 4.0]])
    assert np.allclose(density.log_density(candidates), np.log(1 / 5))  # per span


def test_a_parameter_that_either_side_lacks_has_the_factor_one():
    space = [Numeric(0, 1), Numeric(0, 1)]
    points = np.array([[0.2, np.nan]])
    density = Mixture(space, points, np.ones(1), np.ones(2))
    both, one = np.array([[0.3, 0.9]]), np.array([[0.3, np.nan]])
    assert density.log_components(both)[0, 0] == density.log_components(one)[0, 0]


def test_a_sample_has_the_active_parameters_of_its_observation():
    space = [Numeric(0, 1), Numeric(0, 1)]
    points = np.array([[0.2, np.nan], [np.nan, 0.8]])
    draws = Mixture(space, points, np.ones(2), np.ones(2)).draw(300, np.random.default_rng(0))
    assert (np.isnan(draws).sum(axis=1) == 1).all()


def test_a_fixed_value_moves_the_weight_to_the_observations_near_it():
    space = [Numeric(0, 1), Numeric(0, 1)]
    points = np.array([[0.1, 0.1], [0.9, 0.9]])
    density = Mixture(space, points, np.ones(2), np.ones(2))
    weights = density.condition({0: 0.9})
    assert weights[1] > weights[0]
    draws = density.draw(2000, np.random.default_rng(0), weights)[:, 1]
    assert draws.mean() > density.draw(2000, np.random.default_rng(0))[:, 1].mean() + 0.1


def test_the_end_values_of_a_grid_are_as_likely_as_the_others():
    kernel = mixture([Numeric(1, 5, step=1)], count=1).kernels[0]
    draws = kernel.draw_prior(50_000, np.random.default_rng(0))
    counts = np.bincount(draws.astype(int))[1:]
    assert stats.chisquare(counts).pvalue > 1e-4
    assert np.allclose(np.exp(kernel.log_prior(np.arange(1.0, 6.0))), 0.2)

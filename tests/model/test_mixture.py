"""The kernel mixture is a density, and its samples follow it."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import stats

from bohb.model import Categorical, Numeric, Space
from bohb.model.mixture import Mixture
from bohb.model.predicates import Comparison

SKEWED = stats.beta(2.0, 4.0)
PARAMETERS = {
    "float": Numeric(-2.0, 3.0),
    "log float": Numeric(1e-4, 1e2, log=True),
    "float with a prior": Numeric(-2.0, 3.0, prior=SKEWED),
    "integer": Numeric(1, 9, step=1),
    "integer with a prior": Numeric(1, 9, step=1, prior=SKEWED),
    "log integer": Numeric(1, 40, log=True, step=1),
    "stepped float": Numeric(0.0, 1.0, step=0.25),
    "choice": Categorical(4),
    "weighted choice": Categorical(4, (0.1, 0.2, 0.6, 0.1)),
}
NOTHING = np.array([np.nan])


def space_of(*parameters, **more):
    return Space({f"p{i}": parameter for i, parameter in enumerate(parameters)}, **more)


def base_masses(parameter):
    """The masses of all values under the uniform density, which ours are relative to."""
    if isinstance(parameter, Categorical):
        return np.full(parameter.n_choices, 1 / parameter.n_choices)
    lower, upper = parameter.bins(parameter.all_units())
    return upper - lower


def mixture(parameters, count=7, seed=0, missing=0.0):
    rng = np.random.default_rng(seed)
    points = np.column_stack([p.draw_prior(count, rng) for p in parameters])
    points[rng.random(points.shape) < missing] = np.nan
    weights = rng.random(count) + 0.1
    return Mixture(space_of(*parameters), points, weights, np.ones(len(parameters)))


@pytest.mark.parametrize("name", PARAMETERS)
def test_the_density_of_one_parameter_integrates_to_one(name):
    parameter = PARAMETERS[name]
    density = mixture([parameter])
    if parameter.n_values < np.inf:
        units = parameter.all_units()[:, None]
        total = np.exp(density.log_density(units)) @ base_masses(parameter)
    else:
        units = np.linspace(1e-9, 1 - 1e-9, 20_001)
        total = np.trapezoid(np.exp(density.log_density(units[:, None])), units)
    assert total == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("parameter", [Numeric(0, 300, step=1), Numeric(50, 900, log=True, step=1)])
def test_a_fine_grid_sums_to_one_as_nearly_as_it_is_continuous(parameter):
    density = mixture([parameter])
    total = np.exp(density.log_density(parameter.all_units()[:, None])) @ base_masses(parameter)
    assert total == pytest.approx(1, abs=2e-4)
    draws = density.draw(500, NOTHING, np.random.default_rng(0))[:, 0]
    assert np.allclose(parameter.snap(draws), draws)


def test_the_joint_density_of_a_discrete_space_sums_to_one():
    parameters = [PARAMETERS["integer"], PARAMETERS["weighted choice"], PARAMETERS["stepped float"]]
    grid = np.array(list(itertools.product(*(p.all_units() for p in parameters))))
    base = np.array(list(itertools.product(*(base_masses(p) for p in parameters)))).prod(axis=1)
    total = np.exp(mixture(parameters).log_density(grid)) @ base
    assert total == pytest.approx(1, abs=1e-9)


def test_a_joint_density_of_all_kinds_integrates_to_one():
    parameters = list(PARAMETERS.values())
    density = mixture(parameters, count=5)
    uniform = np.random.default_rng(0)
    columns = []
    for parameter in parameters:
        if parameter.n_values < np.inf:
            units, masses = parameter.all_units(), base_masses(parameter)
            columns.append(uniform.choice(units, size=400_000, p=masses / masses.sum()))
        else:
            columns.append(uniform.random(400_000))
    heights = np.exp(density.log_density(np.column_stack(columns)))
    standard_error = heights.std() / np.sqrt(len(heights))
    assert standard_error < 0.1
    assert abs(heights.mean() - 1) < 4 * standard_error


def test_each_component_sums_to_one_over_the_parameters_it_has():
    parameters = [PARAMETERS["integer"], PARAMETERS["choice"], PARAMETERS["stepped float"]]
    density = mixture(parameters, count=12, missing=0.4)
    assert np.isnan(density.points).any()
    for component, point in enumerate(density.points):
        active = ~np.isnan(point)
        units = [p.all_units() if a else [np.nan] for p, a in zip(parameters, active, strict=True)]
        masses = [base_masses(p) if a else [1.0] for p, a in zip(parameters, active, strict=True)]
        grid = np.array(list(itertools.product(*units)))
        base = np.array(list(itertools.product(*masses))).prod(axis=1)
        total = np.exp(density.log_components(grid)[:, component]) @ base
        assert total == pytest.approx(1, abs=1e-9)


@pytest.mark.parametrize("name", PARAMETERS)
def test_samples_follow_the_density(name):
    parameter = PARAMETERS[name]
    density = mixture([parameter])
    draws = density.draw(20_000, NOTHING, np.random.default_rng(1))[:, 0]
    if parameter.n_values < np.inf:
        units = parameter.all_units()
        masses = np.exp(density.log_density(units[:, None])) * base_masses(parameter)
        counts = np.array([np.isclose(draws, unit).sum() for unit in units])
        assert counts.sum() == len(draws)
        assert stats.chisquare(counts, masses / masses.sum() * len(draws)).pvalue > 1e-4
    else:
        grid = np.linspace(1e-9, 1 - 1e-9, 4001)
        heights = np.exp(density.log_density(grid[:, None]))
        cumulative = np.concatenate([[0], np.cumsum((heights[1:] + heights[:-1]) / 2)])
        cumulative /= cumulative[-1]
        assert stats.kstest(draws, lambda x: np.interp(x, grid, cumulative)).pvalue > 1e-4


def test_samples_stay_in_the_range_that_is_asked_for():
    # Observations come from [0, 10]; the trial at hand asks for [4, 5].
    parameter = Numeric(4, 5)
    points = parameter.encode(np.linspace(0, 10, 21))[:, None]
    density = Mixture(space_of(parameter), points, np.ones(21), np.array([10.0]))
    draws = density.draw(2000, NOTHING, np.random.default_rng(0))
    assert draws.min() >= 0
    assert draws.max() <= 1
    grid = np.linspace(0, 1, 4001)
    total = np.trapezoid(np.exp(density.log_density(grid[:, None])), grid)
    assert total == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("step", [None, 0.125])
def test_a_range_that_no_observation_lies_in_is_still_a_density(step):
    parameter = Numeric(100, 101, step=step)
    points = parameter.encode(np.array([0.0, 1.0]))[:, None]
    density = Mixture(space_of(parameter), points, np.ones(2), np.array([101.0]))
    draws = density.draw(500, NOTHING, np.random.default_rng(0))
    assert draws.min() >= 0
    assert np.isfinite(density.log_density(draws)).all()


def test_without_observations_the_density_is_the_prior():
    space = space_of(Numeric(0, 2), Categorical(4, (0.1, 0.2, 0.3, 0.4)))
    density = Mixture(space, np.empty((0, 2)), np.empty(0), np.ones(2))
    log_density = density.log_density(np.array([[0.5, 1.0], [0.9, 3.0]]))
    assert log_density == pytest.approx(np.log([4 * 0.2, 4 * 0.4]))


def test_a_parameter_that_either_side_lacks_has_the_factor_one():
    space = space_of(Numeric(0, 1), Numeric(0, 1), Numeric(0, 4, step=1), Categorical(2))
    density = Mixture(space, np.array([[0.2, np.nan, np.nan, np.nan]]), np.ones(1), np.ones(4))
    whole, part = np.array([[0.3, 0.9, 0.5, 1.0]]), np.array([[0.3, np.nan, np.nan, np.nan]])
    ours = density.log_components(whole)[0, 0]
    assert ours == pytest.approx(density.log_components(part)[0, 0], abs=1e-12)
    other = Mixture(space, whole, np.ones(1), np.ones(4))
    assert other.log_components(part)[0, 0] == pytest.approx(
        other.log_components(np.array([[0.3, np.nan, np.nan, np.nan]]))[0, 0]
    )


def test_a_sample_has_the_parameters_of_its_observation_or_all_if_it_is_the_priors():
    space = space_of(Numeric(0, 1), Numeric(0, 1))
    points = np.array([[0.2, np.nan], [np.nan, 0.8]])
    density = Mixture(space, points, np.ones(2), np.ones(2))
    draws = density.draw(300, np.full(2, np.nan), np.random.default_rng(0))
    patterns, counts = np.unique(np.isnan(draws), axis=0, return_counts=True)
    assert patterns.tolist() == [[False, False], [False, True], [True, False]]
    assert (abs(counts - 100) < 40).all()  # the two observations and the prior weigh the same


def test_a_sample_of_a_declared_space_follows_its_conditions():
    space = space_of(
        Categorical(2),
        Numeric(0, 1),
        conditions={"p1": Comparison("p0", "==", 1.0)},
        is_declared=True,
    )
    points = np.array([[0.0, np.nan], [1.0, 0.8], [0.0, np.nan]])
    density = Mixture(space, points, np.array([5.0, 1.0, 5.0]), np.ones(2))
    draws = density.draw(3000, np.full(2, np.nan), np.random.default_rng(0))
    assert (np.isnan(draws[:, 1]) == (draws[:, 0] == 0)).all()
    # What a changed choice asks for is drawn near the one observation that has it, or from the
    # prior.
    active = draws[draws[:, 0] == 1, 1]
    assert abs(np.median(active) - 0.8) < 0.15


def test_a_fixed_value_moves_the_weight_to_the_observations_near_it():
    space = space_of(Numeric(0, 1), Numeric(0, 1))
    points = np.array([[0.1, 0.1], [0.9, 0.9]])
    density = Mixture(space, points, np.ones(2), np.ones(2))
    nothing, fixed = np.full(2, np.nan), np.array([0.9, np.nan])
    weights = density.condition(fixed)
    assert weights[1] > weights[0]
    draws = density.draw(2000, fixed, np.random.default_rng(0))
    assert (draws[:, 0] == 0.9).all()
    free = density.draw(2000, nothing, np.random.default_rng(0))
    assert draws[:, 1].mean() > free[:, 1].mean() + 0.1


def test_a_density_given_a_value_integrates_to_one_over_the_rest():
    space = space_of(Numeric(0, 1), Numeric(0, 1))
    points = np.array([[0.1, 0.1], [0.9, 0.9], [0.3, np.nan]])
    density = Mixture(space, points, np.ones(3), np.ones(2))
    grid = np.linspace(0, 1, 4001)
    fixed = np.array([0.7, np.nan])
    rows = np.column_stack([np.full(len(grid), 0.7), grid])
    heights = np.exp(density.log_density(rows, fixed))
    assert np.trapezoid(heights, grid) == pytest.approx(1, abs=1e-6)

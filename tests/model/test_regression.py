"""Gaussian-process regression against finite differences and scikit-learn."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, Matern

from bohb.model.regression import (
    Belief,
    GaussianProcess,
    Hyperparameters,
    LogPosterior,
    Numbers,
    correlation,
    fit,
)
from bohb.model.warp import Warp

N, P, GROUPS = 40, 3, 2


def squared(left, right):
    return (left.T[:, :, None] - right.T[:, None, :]) ** 2


def distances(hyperparameters, left, right):
    return np.tensordot(hyperparameters.weights, squared(left, right), axes=1)


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    inputs = rng.random((N, P))
    targets = np.sin(4 * inputs[:, 0]) + inputs[:, 1] + 0.1 * rng.standard_normal(N)
    return inputs, targets - targets.mean(), rng.integers(GROUPS, size=N)


def belief(n_warped=0):
    shapes = np.zeros((2, n_warped))
    return Belief(
        Hyperparameters(
            np.full(P, math.log(0.6)), np.zeros(GROUPS), np.full(GROUPS, math.log(0.01)), shapes
        ),
        Hyperparameters(np.ones(P), np.full(GROUPS, 1.5), np.full(GROUPS, 2.0), shapes + 0.5),
    )


@pytest.mark.parametrize("warped", [[], [1], [0, 2], [0, 1, 2]])
@pytest.mark.parametrize("seed", range(5))
def test_the_gradient_of_the_log_posterior_is_that_of_finite_differences(data, seed, warped):
    inputs, targets, groups = data
    numbers = Numbers(np.array(warped, dtype=int), inputs[:, warped])
    known = belief(len(warped))
    posterior = LogPosterior(squared(inputs, inputs), targets, groups, known, numbers)
    mean = known.mean.vector
    vector = mean + np.random.default_rng(seed).normal(size=len(mean)) / 2
    _, gradient = posterior.negative(vector)
    step = 1e-5
    differences = [
        (posterior.negative(vector + move)[0] - posterior.negative(vector - move)[0]) / (2 * step)
        for move in step * np.eye(len(vector))
    ]
    assert gradient == pytest.approx(differences, rel=1e-5, abs=1e-5)


def reference(inputs, targets, groups, hyperparameters):
    """Scikit-learn's process at the same hyperparameters."""
    scales = np.exp(hyperparameters.log_scales)
    kernel = ConstantKernel(math.exp(hyperparameters.log_signal[0])) * Matern(scales, nu=1.5)
    noise = np.exp(hyperparameters.log_noise)[groups]
    return GaussianProcessRegressor(kernel, alpha=noise, optimizer=None).fit(inputs, targets)


def test_the_posterior_is_that_of_scikit_learn(data):
    inputs, targets, groups = data
    hyperparameters = Hyperparameters(
        np.log([0.3, 0.7, 2.0]), np.full(2, 0.4), np.log([0.05, 0.002])
    )
    ours = GaussianProcess(
        hyperparameters, distances(hyperparameters, inputs, inputs), targets, groups
    )
    places = np.random.default_rng(1).random((25, P))
    mean, deviation = ours.predict(distances(hyperparameters, places, inputs))
    their_mean, their_deviation = reference(inputs, targets, groups, hyperparameters).predict(
        places, return_std=True
    )
    assert mean == pytest.approx(their_mean, abs=1e-6)
    assert deviation == pytest.approx(their_deviation, abs=1e-5)


def test_the_likelihood_is_that_of_scikit_learn(data):
    inputs, targets, groups = data
    posterior = LogPosterior(squared(inputs, inputs), targets, groups, belief())

    def log_likelihood(hyperparameters):
        vector = hyperparameters.vector
        distance = (vector - belief().mean.vector) / belief().deviation.vector
        return 0.5 * distance @ distance - posterior.negative(vector)[0]

    one = Hyperparameters(np.log([0.3, 0.7, 2.0]), np.full(2, 0.4), np.log([0.05, 0.002]))
    other = Hyperparameters(np.log([1.0, 0.5, 0.9]), np.full(2, -0.3), np.log([0.01, 0.03]))
    theirs = [
        reference(inputs, targets, groups, h).log_marginal_likelihood_value_ for h in (one, other)
    ]
    ours = [log_likelihood(h) for h in (one, other)]  # up to a constant
    assert ours[0] - ours[1] == pytest.approx(theirs[0] - theirs[1], abs=1e-4)


def test_a_fit_is_more_likely_than_the_prior_mean_and_tells_the_noises_apart(data):
    inputs, _, groups = data
    noise = np.array([0.3, 0.01])[groups] * np.random.default_rng(2).standard_normal(N)
    targets = np.sin(4 * inputs[:, 0]) + inputs[:, 1] + noise
    targets -= targets.mean()
    found = fit(squared(inputs, inputs), targets, groups, belief(), max_iterations=50)
    posterior = LogPosterior(squared(inputs, inputs), targets, groups, belief())
    assert posterior.negative(found.vector)[0] < posterior.negative(belief().mean.vector)[0] - 5
    assert found.log_noise[0] > found.log_noise[1] + 2
    assert found.log_scales[2] > found.log_scales[0] + 0.5  # the third input is not used


def test_groups_in_which_the_function_differs_less_have_a_smaller_signal():
    rng = np.random.default_rng(4)
    inputs, groups = rng.random((N, P)), np.arange(N) % 2
    targets = np.array([1.0, 0.1])[groups] * np.sin(6 * inputs[:, 0])
    found = fit(squared(inputs, inputs), targets, groups, belief())
    assert found.amplitudes[0] > 3 * found.amplitudes[1]
    within = distances(found, inputs, inputs)
    for group in range(2):
        process = GaussianProcess(found, within, targets, groups, group)
        own = groups == group
        mean, _ = process.predict(within)
        assert mean[own] == pytest.approx(targets[own], abs=0.05)
        # The same function is seen in the other group, larger or smaller by its amplitude.
        ratio = found.amplitudes[group] / found.amplitudes[1 - group]
        assert mean[~own] == pytest.approx(ratio * targets[~own], abs=0.2)


def test_a_function_that_changes_near_one_end_is_warped_and_predicted_better():
    rng = np.random.default_rng(3)
    inputs, places = rng.random((N, P)), rng.random((200, P))

    def function(inputs):
        return np.sin(12 * inputs[:, 0] ** 6) + inputs[:, 1]

    targets, groups = function(inputs), np.zeros(N, dtype=int)
    plain = fit(squared(inputs, inputs), targets, groups, belief())
    numbers = Numbers(np.arange(P), inputs)
    found = fit(squared(inputs, inputs), targets, groups, belief(P), numbers)
    warp = Warp(np.arange(P), found.log_shapes)
    errors = []
    for known, seen, asked in [(plain, inputs, places), (found, warp.of(inputs), warp.of(places))]:
        process = GaussianProcess(known, distances(known, seen, seen), targets, groups)
        mean, _ = process.predict(distances(known, asked, seen))
        errors.append(np.std(mean - function(places)))
    assert found.log_shapes[0, 0] > 0.3  # what lies near 1 is stretched
    assert errors[1] < 0.7 * errors[0]


def test_points_that_are_too_much_alike_are_told_apart_by_a_little_noise():
    inputs = np.repeat(np.random.default_rng(0).random((15, P)), 6, axis=0)
    smooth = Hyperparameters(np.full(P, 4.0), np.full(GROUPS, 6.0), np.full(GROUPS, -60.0))
    with pytest.raises(np.linalg.LinAlgError):
        np.linalg.cholesky(correlation(distances(smooth, inputs, inputs)))
    groups = np.zeros(len(inputs), dtype=int)
    process = GaussianProcess(smooth, distances(smooth, inputs, inputs), inputs[:, 0], groups)
    mean, deviation = process.predict(distances(smooth, inputs, inputs))
    assert mean == pytest.approx(inputs[:, 0], abs=0.05)
    assert np.isfinite(deviation).all()


def test_equal_points_and_equal_targets_do_no_harm():
    inputs, targets = np.full((20, P), 0.5), np.zeros(20)
    groups = np.zeros(20, dtype=int)
    found = fit(squared(inputs, inputs), targets, groups, belief())
    process = GaussianProcess(found, distances(found, inputs, inputs), targets, groups)
    places = np.random.default_rng(0).random((5, P))
    mean, deviation = process.predict(distances(found, places, inputs))
    assert np.isfinite(mean).all()
    assert (deviation > 0).all()

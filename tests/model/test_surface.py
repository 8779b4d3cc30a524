"""What the Gaussian process makes of observations."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate, stats

from bohb.model import Categorical, Numeric, Observations, Space
from bohb.model.surface import Surface, aligned, evaluations_of, log_gain

LINE = Space({"x": Numeric(0, 1)})


def surface(space, rows, n_levels=3):
    observations, top = Observations.of(rows), n_levels - 1
    return Surface.fitted(space, observations, n_levels, top, max_points=250, max_fit=250_000)


def on_line(*units):
    return np.array(units, dtype=float)[:, None]


def loss(x, level):
    return (x - 0.3) ** 2 + 0.1 * (2 - level) * (1 + x)


def observed(xs, n_levels=3):
    """Each third of the trials on the next level."""
    return [
        ({"x": x}, {level: loss(x, level) for level in range(1 + index % n_levels)})
        for index, x in enumerate(xs)
    ]


@pytest.mark.parametrize("score", [-30.0, -8.0, -1.5, -1.0, -0.5, 0.0, 2.0, 10.0])
def test_the_gain_is_the_integral_that_it_stands_for(score):
    def gain(z):
        return (z + score) * stats.norm.pdf(z)

    # Relative to the density at the limit, so that small gains are not lost.
    total, _ = integrate.quad(lambda z: gain(z) / stats.norm.pdf(score), -score, 12 + abs(score))
    expected = np.log(total) + stats.norm.logpdf(score)
    assert log_gain(np.array([score]))[0] == pytest.approx(expected, rel=1e-6, abs=1e-8)


def test_the_gain_grows_however_small_it_is():
    scores = np.concatenate([-np.logspace(6, -3, 2000), np.linspace(0, 5, 100)])
    gains = log_gain(scores)
    assert np.isfinite(gains).all()
    assert (np.diff(gains) > 0).all()


def test_what_all_trials_gain_on_their_way_up_is_no_difference_between_them():
    lost = np.array([[3.0, 2.0, 0.5], [4.0, 3.0, np.nan], [6.0, 4.0, 1.5], [5.0, np.nan, np.nan]])
    expected = [[0.0, 0.0, 0.5], [1.0, 1.0, np.nan], [3.0, 2.0, 1.5], [2.0, np.nan, np.nan]]
    assert aligned(lost) == pytest.approx(np.array(expected), nan_ok=True)
    assert aligned(lost[:2]) == pytest.approx(lost[:2] - [[1, 0, 0]], nan_ok=True)


@pytest.mark.parametrize("target", [0, 1, 2])
def test_the_loss_is_predicted_at_the_level_that_is_asked_for(target):
    def moved(x, level):
        return (x - 0.2 - 0.3 * level) ** 2  # the best place is another one on each level

    rows = [({"x": x}, {k: moved(x, k) for k in range(3)}) for x in np.linspace(0, 1, 25)]
    fitted = Surface.fitted(LINE, Observations.of(rows), 3, target, max_points=250, max_fit=10_000)
    grid = np.linspace(0, 1, 201)
    mean, _ = fitted.predict(grid[:, None])
    assert grid[np.argmin(mean)] == pytest.approx(0.2 + 0.3 * target, abs=0.03)


def test_the_best_place_is_found_from_all_levels():
    fitted = surface(LINE, observed(np.random.default_rng(0).random(30)))
    grid = np.linspace(0, 1, 201)
    mean, deviation = fitted.predict(grid[:, None])
    assert grid[np.argmin(mean)] == pytest.approx(0.3, abs=0.05)
    assert (deviation > 0).all()
    assert fitted.tried[0, 0] == pytest.approx(0.3, abs=0.1)
    assert fitted.lowest <= mean[100]


def test_what_is_pending_promises_less():
    seen = (0.0, 0.1, 0.2, 0.3, 0.4, 0.6, 0.7, 0.8, 0.9)
    rows = [({"x": x}, {2: np.sin(9 * x)}) for x in seen]
    place = on_line(0.55)
    before = surface(LINE, rows).log_improvement(place)
    after = surface(LINE, [*rows, ({"x": 0.55}, {})]).log_improvement(place)
    assert after < before - 0.5


def test_what_has_failed_says_nothing_about_losses():
    rows = observed([0.1, 0.2, 0.3, 0.4, 0.5, 0.6])
    failed = [({"x": x}, None) for x in (0.85, 0.9, 0.95)]
    place = on_line(0.9)
    assert surface(LINE, rows + failed).predict(place) == surface(LINE, rows).predict(place)


def test_choices_and_missing_parameters_have_distances():
    space = Space({"kind": Categorical(3), "x": Numeric(0, 1)})
    rng = np.random.default_rng(0)
    rows = []
    for index in range(45):
        kind, x = index % 3, rng.random()
        values = {"kind": float(kind)} if kind == 2 else {"kind": float(kind), "x": x}
        rows.append((values, {2: {0: x, 1: 1 - x, 2: 0.8}[kind]}))
    fitted = surface(space, rows)
    places = np.array([[0, 0.1], [0, 0.9], [1, 0.1], [1, 0.9], [2, np.nan]])
    mean, _ = fitted.predict(places)
    assert np.argsort(mean)[:2].tolist() in ([0, 3], [3, 0])
    assert np.argsort(mean)[2] == 4


def test_the_evaluations_that_matter_most_are_looked_at():
    rng = np.random.default_rng(0)
    rows = [
        ({"x": 0.0}, {level: rng.random() for level in range(1 + (i % 9 == 0))}) for i in range(500)
    ]
    observations = Observations.of(rows)
    chosen, levels = evaluations_of(observations, 100)
    pairs = set(zip(chosen.tolist(), levels.tolist(), strict=True))
    assert len(pairs) == len(chosen) == 100
    for level in (0, 1):
        best = np.argsort(observations.losses[:, level])[:15]  # missing losses come last
        assert {(int(row), level) for row in best} <= pairs
    assert {(row, 0) for row in range(490, 500)} <= pairs
    assert (levels == 1).sum() > 30
    everything, _ = evaluations_of(observations, 10_000)
    assert len(everything) == 500 + 56


def test_equal_losses_do_no_harm():
    fitted = surface(LINE, [({"x": x}, {2: 1.0}) for x in np.linspace(0, 1, 12)])
    assert np.isfinite(fitted.log_improvement(on_line(0.1, 0.55))).all()


def test_huge_losses_do_not_hide_what_is_good():
    rows = [({"x": x}, {2: loss(x, 2)}) for x in np.linspace(0, 1, 25)]
    rows += [({"x": 0.99}, {2: 1e30}), ({"x": 0.01}, {2: 1e12})]
    grid = np.linspace(0.05, 0.95, 91)
    mean, _ = surface(LINE, rows).predict(grid[:, None])
    assert grid[np.argmin(mean)] == pytest.approx(0.3, abs=0.06)

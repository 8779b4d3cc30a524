"""The published model against statsmodels and a transcription of the paper."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from statsmodels.nonparametric.kernel_density import KDEMultivariate

from bohb.model import Categorical, Numeric, Observations, Space
from bohb.model.falkner2018 import Estimator, Falkner2018Proposer, impute
from bohb.model.predicates import Comparison

SPACE = Space({"x": Numeric(0, 1), "y": Numeric(0, 1), "c": Categorical(3)})


def data(count, seed=0):
    return SPACE.draw_prior(count, np.random.default_rng(seed))


def test_densities_and_bandwidths_are_those_of_statsmodels():
    units = data(40)
    ours = Estimator(list(SPACE.parameters.values()), units)
    theirs = KDEMultivariate(units, "ccu", bw="normal_reference", rng=0)
    assert ours.bandwidths == pytest.approx(theirs.bw)
    places = data(20, seed=1)
    assert ours.density(places) == pytest.approx(theirs.pdf(places))


def test_a_choice_that_was_never_seen_has_a_density_all_the_same():
    units = np.array([[0.1], [0.0], [1.0], [1.0]]).round()
    ours = Estimator([Categorical(3)], units)
    densities = ours.density(np.array([[0.0], [1.0], [2.0]]))
    assert densities.sum() == pytest.approx(1)
    assert densities[2] > 0
    assert ours.bandwidths[0] <= 2 / 3


def transcription(losses, units, rng, *, n_candidates=64):
    """The paper's algorithm 2 for one resource, step by step, for numbers only."""
    d = units.shape[1]
    least = d + 1
    order = np.argsort(losses)
    n_good = max(least, int(0.15 * len(losses)))
    n_bad = max(least, len(losses) - n_good)
    good = KDEMultivariate(units[order[:n_good]], "c" * d, bw="normal_reference", rng=0)
    bad = KDEMultivariate(units[order[-n_bad:]], "c" * d, bw="normal_reference", rng=0)
    for estimator in (good, bad):
        estimator.bw = np.clip(estimator.bw, 1e-3, None)
    best, best_ratio = None, -np.inf
    for _ in range(n_candidates):
        centre = good.data[rng.integers(n_good)]
        candidate = np.empty(d)
        for i, (middle, bandwidth) in enumerate(zip(centre, good.bw, strict=True)):
            width = 3 * bandwidth
            candidate[i] = stats.truncnorm.rvs(
                -middle / width, (1 - middle) / width, middle, width, random_state=rng
            )
        ratio = max(good.pdf(candidate), 1e-32) / max(bad.pdf(candidate), 1e-32)
        if ratio > best_ratio:
            best, best_ratio = candidate, ratio
    return best


@pytest.mark.slow
def test_proposals_are_distributed_as_those_of_the_paper():
    space = Space({"x": Numeric(0, 1), "y": Numeric(0, 1)})
    rng = np.random.default_rng(0)
    units = rng.random((30, 2))
    losses = (units[:, 0] - 0.4) ** 2 + 0.3 * units[:, 1]
    observations = Observations.of(
        [({"x": x, "y": y}, {2: loss}) for (x, y), loss in zip(units, losses, strict=True)]
    )
    proposer = Falkner2018Proposer(random_fraction=0.0, n_candidates=16)
    ours = np.array(
        [list(proposer.propose(space, observations, {}, rng).config.values()) for _ in range(400)]
    )
    theirs = np.array([transcription(losses, units, rng, n_candidates=16) for _ in range(400)])
    for column in range(2):
        assert stats.ks_2samp(ours[:, column], theirs[:, column]).pvalue > 1e-3


def test_the_largest_resource_with_enough_results_counts():
    space = Space({"x": Numeric(0, 1)})
    # At the low level large x is good, at the high one small x.
    low = [({"x": x}, {0: -x}) for x in np.linspace(0, 1, 40)]
    high = [({"x": x}, {0: -x, 1: x}) for x in np.linspace(0, 1, 40)]
    proposer = Falkner2018Proposer(random_fraction=0.0)

    def typical(rows):
        rng = np.random.default_rng(0)
        observations = Observations.of(rows)
        found = [proposer.propose(space, observations, {}, rng).config for _ in range(40)]
        return np.median([config["x"] for config in found])

    assert typical(low) > 0.6
    assert typical(low + high[:3]) > 0.6  # three are not enough: d + 1 and two more are
    assert typical(low + high) < 0.4


def test_a_third_of_the_proposals_is_random():
    space = Space({"x": Numeric(0, 1)})
    rows = Observations.of([({"x": x}, {0: x}) for x in np.linspace(0, 1, 100)])
    rng = np.random.default_rng(0)
    proposer = Falkner2018Proposer()
    found = np.array([proposer.propose(space, rows, {}, rng).config["x"] for _ in range(1000)])
    assert 0.1 < (found > 0.5).mean() < 0.24


def test_missing_values_come_from_donors():
    units = np.array([[0.2, np.nan], [np.nan, 0.7], [np.nan, 0.9]])
    filled = impute(units, [Numeric(0, 1), Numeric(0, 1)], np.random.default_rng(0))
    assert filled[:, 0].tolist() == [0.2, 0.2, 0.2]
    assert filled[0, 1] in (0.7, 0.9)
    nobody = impute(np.full((4, 1), np.nan), [Numeric(0, 1)], np.random.default_rng(0))
    assert ((nobody >= 0) & (nobody <= 1)).all()


def test_conditions_are_kept_and_forbidden_clauses_too():
    space = Space(
        {"c": Categorical(2), "x": Numeric(0, 1)},
        conditions={"x": Comparison("c", "==", 1.0)},
        forbidden=[Comparison("x", ">", 0.5)],
        is_declared=True,
    )
    rng = np.random.default_rng(0)
    rows = space.draw_prior(60, rng)
    rows = rows[space.is_allowed(rows)]
    known = Observations.of([(space.named(row), {0: -row[0]}) for row in rows])
    for _ in range(60):
        values = Falkner2018Proposer().propose(space, known, {}, rng).config
        assert ("x" in values) == (values["c"] == 1)
        assert values.get("x", 0) <= 0.5


def test_failures_are_bad_and_never_enough_by_themselves():
    space = Space({"x": Numeric(0, 1)})
    failed = [({"x": x}, None) for x in np.linspace(0.5, 1, 30)]
    good = [({"x": x}, {0: x}) for x in np.linspace(0, 0.5, 5)]
    proposer = Falkner2018Proposer(random_fraction=0.0)
    rng = np.random.default_rng(0)
    assert 0 <= proposer.propose(space, Observations.of(failed), {}, rng).config["x"] <= 1
    known = Observations.of(failed + good)
    found = [proposer.propose(space, known, {}, rng).config["x"] for _ in range(40)]
    assert np.median(found) < 0.5

"""The classifier's area against scikit-learn, a plain count of pairs, and known distributions."""

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import roc_auc_score

from simbench.harness.metrics.classifier import area, area_error, auc
from simbench.harness.plugin.observables import NAMES

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def scores():
    draw = np.random.default_rng(2)
    return draw.normal(0.6, 1, 300).round(1), draw.normal(0, 1, 170).round(
        1
    )  # rounded, so that there are ties


def test_area_is_scikit_learns_and_the_share_of_pairs(scores):
    high, low = scores
    truth = np.repeat([1, 0], [300, 170])
    pairs = np.sign(high[:, None] - low[None]).mean() / 2 + 0.5
    assert area(high, low) == pytest.approx(roc_auc_score(truth, np.concatenate(scores)), rel=1e-12)
    assert area(high, low) == pytest.approx(pairs, rel=1e-12)
    assert area(low, high) == pytest.approx(1 - pairs, rel=1e-12)
    assert area([1, 2], [0, 0.5]) == 1
    assert area([1, 1], [1]) == 0.5


def test_area_of_the_golden_example(golden):
    """Scores and labels by the formula in golden/classifier.json; scikit-learn 1.9.1 gave the number."""
    i = np.arange(5001, 7001)
    y = np.modf(i * 0.61803398875)[0] > 0.5
    z = np.round(0.6 * (y - 0.5) + 2 * (np.modf(i * 0.41421356237)[0] - 0.5), 2)
    score = 1 / (1 + np.exp(-z))
    assert area(score[y], score[~y]) == pytest.approx(golden["classifier"]["auc_raw"], abs=1e-12)


def test_error_is_delongs_where_every_response_is_its_own_particle(scores):
    """DeLong's formula, written as it stands; P / (P - 1) and 1 / (n - 1) differ by less than 1 %."""
    high, low = scores
    kernel = np.sign(high[:, None] - low[None]) / 2 + 0.5
    delong = np.sqrt(kernel.mean(1).var(ddof=1) / 300 + kernel.mean(0).var(ddof=1) / 170)
    found = area_error(high, low, np.arange(300), np.arange(300, 470))
    assert found == pytest.approx(delong, rel=0.01)


def test_error_is_the_spread_over_repetitions_of_clustered_scores():
    draw = np.random.default_rng(4)
    particle = np.repeat(np.arange(60), 5)
    areas, errors = [], []
    for _ in range(300):
        shared = draw.normal(size=60).repeat(5)
        # the two sides of a particle differ by luck that all its responses share
        high = 0.5 + shared + draw.normal(size=300)
        low = draw.normal(size=60).repeat(5) + draw.normal(size=300)
        areas.append(area(high, low))
        errors.append(area_error(high, low, particle, particle + 100))
    assert np.mean(errors) == pytest.approx(np.std(areas), rel=0.12)
    alone = area_error(high, low, np.arange(300), np.arange(300, 600))
    assert alone < 0.8 * np.mean(errors)  # the error that takes no notice of particles is too small


def test_area_of_two_normals(world):
    """Phi(d / sqrt 2) for means d apart; trees that were trained on 4,000 fall a little short of it."""
    draw = np.random.default_rng(0)
    particle = np.arange(4000)
    found = auc(draw.normal(1, 1, 4000), draw.normal(0, 1, 4000), particle=particle)
    best = stats.norm.cdf(np.sqrt(0.5))
    assert best - 0.04 < found.auc < best + 3 * found.error
    assert found.error == pytest.approx(0.005, abs=0.002)


def test_equal_distributions_are_not_told_apart(world, observed, observed_perfect):
    found = auc(observed, observed_perfect, particle=world.particle, conditions=world.conditions, names=NAMES)
    assert abs(found.auc - 0.5) < 4 * found.error < 0.1
    assert max(fall for _, fall in found.importance) < 0.03


def test_a_simulator_that_ignores_its_conditions_is_told_by_its_conditions_alone(
    world, observed, observed_blind
):
    with_them = auc(observed, observed_blind, particle=world.particle, conditions=world.conditions)
    without = auc(observed, observed_blind, particle=world.particle)
    assert with_them.auc > 0.9
    assert abs(without.auc - 0.5) < 5 * without.error


def test_the_observable_that_gives_it_away_is_named(world, observed, observed_perfect):
    place = NAMES.index("hit_pixels")
    changed = observed_perfect.copy()
    changed[:, place] += 30
    found = auc(observed, changed, particle=world.particle, names=NAMES)
    assert found.auc > 0.95
    assert found.importance[0][0] == "hit_pixels"
    assert [fall for _, fall in found.importance] == sorted(
        (fall for _, fall in found.importance), reverse=True
    )
    assert found.rows == (2000, 2000)


def test_same_seed_same_numbers_and_the_cap(world, observed, observed_blind):
    first, again, other = (auc(observed, observed_blind, particle=world.particle, seed=s) for s in (0, 0, 1))
    assert first == again
    assert first != other
    few = auc(observed, observed_blind, particle=world.particle, rows=804, importance=False)
    assert few.rows == (800, 800)
    assert few.importance == ()
    assert few.error > 1.2 * first.error


def test_sides_of_unequal_size_and_undefined_values(world, observed, observed_perfect):
    fewer = observed_perfect[:1200].copy()
    fewer[::3, 1:8] = np.nan
    found = auc(
        observed,
        fewer,
        particle=world.particle,
        generated_particle=world.particle[:1200],
        conditions=world.conditions,
        generated_conditions=world.conditions[:1200],
    )
    assert found.auc > 0.6
    assert found.rows == (2000, 1200)


def test_what_does_not_fit_is_named(world, observed):
    with pytest.raises(ValueError, match=r"particle should have the shape \(2000,\)"):
        auc(observed, observed, particle=world.particle[:-1])
    with pytest.raises(ValueError, match="the generated has 1999 responses, but conditions for 2000"):
        auc(
            observed,
            observed[1:],
            particle=world.particle,
            generated_particle=world.particle[1:],
            conditions=world.conditions,
        )
    with pytest.raises(ValueError, match="at least 4 particles, found 1"):
        auc([1.0, 2], [3.0, 4], particle=[0, 0])
    with pytest.raises(ValueError, match="generated is empty"):
        auc(observed, observed[:0], particle=world.particle)

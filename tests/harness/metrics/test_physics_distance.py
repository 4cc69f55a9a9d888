"""FPD and KPD: the published numbers, SciPy's matrix root, sums over pairs, simulators known to be wrong."""

import numpy as np
import pytest
from scipy.linalg import sqrtm

from simbench.harness.metrics.jetnet import batches, fpd_jetnet, kpd_jetnet
from simbench.harness.metrics.physics_distance import fpd, frechet, kpd, mmd
from simbench.harness.metrics.tools.arrays import parts, standardised

pytestmark = pytest.mark.slow


def test_published_numbers(golden, golden_features):
    told = golden["metrics"]
    found = fpd_jetnet(*golden_features, smallest=1000, largest=2500)
    np.testing.assert_allclose([found.value, found.error], told["fpd_min1000_max2500"], atol=1e-6, rtol=0)
    found = fpd_jetnet(*golden_features, smallest=10000, largest=50000)
    np.testing.assert_allclose([found.value, found.error], told["fpd_min10000_max50000"], atol=1e-6, rtol=0)
    kernel = kpd_jetnet(*golden_features, batch=1000)
    np.testing.assert_allclose([kernel.value, kernel.error], told["kpd_batch1000"], atol=1e-12, rtol=0)
    assert batches(1000, 2500) == told["batches_1000_2500"]
    assert batches(10000, 50000) == told["batches_10000_50000"]


def test_published_distances_of_whole_samples(golden, golden_features):
    told = golden["metrics"]
    scale = np.abs(golden_features[0]).max(axis=0)
    x, y = (side / scale for side in golden_features)
    found = frechet(x.mean(axis=0), np.cov(x.T), y.mean(axis=0), np.cov(y.T))
    assert found == pytest.approx(told["frechet_full_normalised_by_real_max"], abs=1e-12)
    assert mmd(x[:500], y[:500]) == pytest.approx(told["mmd_poly4_unbiased_first500"], abs=1e-12)


def test_frechet_is_scipys_matrix_root_and_is_symmetric():
    draw = np.random.default_rng(0)
    first, second = draw.normal(size=(2, 6, 6))
    a, b = first @ first.T, second @ second.T
    m, n = draw.normal(size=(2, 6))
    expected = ((m - n) ** 2).sum() + np.trace(a + b - 2 * sqrtm(a @ b).real)
    assert frechet(m, a, n, b) == pytest.approx(expected, rel=1e-9)
    assert frechet(n, b, m, a) == pytest.approx(expected, rel=1e-9)
    one = np.eye(1)
    # by hand: (3 - 1)^2 + (2 - 5)^2
    assert frechet(np.array([3.0]), 4 * one, np.array([1.0]), 25 * one) == pytest.approx(13)


def test_fpd_is_its_definition():
    draw = np.random.default_rng(1)
    x, y = draw.normal(size=(90, 2)), draw.normal(0.3, 1.4, size=(90, 2))
    particle = np.arange(90) // 3
    found = fpd(x, y, particle=particle)
    a, b = standardised(x, y)
    part = parts(np.concatenate([particle, particle]), 20, 0, "fpd")[:90]

    def plain(kept):
        return frechet(a[kept].mean(axis=0), np.cov(a[kept].T), b[kept].mean(axis=0), np.cov(b[kept].T))

    without = [plain(part != one) for one in range(20)]
    assert found.value == pytest.approx(20 * plain(part >= 0) - 19 * np.mean(without), rel=1e-9)
    assert found.error == pytest.approx(np.sqrt(19) * np.std(without), rel=1e-9)


@pytest.mark.parametrize("distance", [fpd, kpd])
def test_a_perfect_simulator_has_zero_on_average(distance):
    """The plain Frechet distance of these samples is 15 of the spread of the corrected one."""
    draw = np.random.default_rng(2)
    found = [distance(draw.normal(size=(400, 6)), draw.normal(size=(400, 6))) for _ in range(40)]
    values = np.array([one.value for one in found])
    assert abs(values.mean()) < 4 * values.std() / np.sqrt(40)
    assert (values < 0).sum() > 5
    assert 0.4 < values.std() / np.mean([one.error for one in found]) < 2


def test_a_known_step_is_found_without_bias_and_with_either_sign():
    draw = np.random.default_rng(3)
    for step in (-0.5, 0.5):
        found = [fpd(draw.normal(size=(500, 4)), draw.normal(step, 1, size=(700, 4))) for _ in range(30)]
        values = [one.value for one in found]
        assert np.mean(values) == pytest.approx(4 * 0.25, abs=4 * np.std(values) / np.sqrt(30))
        assert 0.6 < np.std(values) / np.mean([one.error for one in found]) < 1.5


def test_units_do_not_matter(observed, observed_blind, world):
    scale = np.random.default_rng(0).uniform(0.01, 100, 15)
    for distance in (fpd, kpd):
        first = distance(observed, observed_blind[::-1], particle=world.particle)
        second = distance(observed * scale, observed_blind[::-1] * scale, particle=world.particle)
        assert first.value == pytest.approx(second.value, rel=1e-6)


def test_kpd_is_the_sum_over_pairs_of_different_particles():
    draw = np.random.default_rng(4)
    x, y = draw.normal(size=(60, 3)), draw.normal(0.2, 1, size=(45, 3))
    first, second = np.arange(60) // 4, np.arange(45) // 3
    a, b = standardised(x, y)
    part = parts(np.concatenate([first, second]), 15, 0, "kpd")

    def plain(left_out):
        kept = part[:60] != left_out, part[60:] != left_out
        sides = (a[kept[0]], first[kept[0]]), (b[kept[1]], second[kept[1]])
        terms = []
        for (p, own), (q, other) in ((sides[0], sides[0]), (sides[1], sides[1]), (sides[0], sides[1])):
            kernel = (p @ q.T / 3 + 1) ** 4
            terms.append(kernel[own[:, None] != other].mean())
        return terms[0] + terms[1] - 2 * terms[2]

    found = kpd(x, y, particle=first, generated_particle=second)
    assert found.value == pytest.approx(plain(-1), rel=1e-9)
    assert found.error == pytest.approx(np.sqrt(14) * np.std([plain(g) for g in range(15)]), rel=1e-9)


def test_kpd_of_lone_rows_is_mmd():
    draw = np.random.default_rng(5)
    x, y = draw.normal(size=(70, 3)), draw.normal(0.4, 1, size=(50, 3))
    assert kpd(x, y).value == pytest.approx(mmd(*standardised(x, y)), rel=1e-9)


def test_the_cap_takes_whole_particles(world, observed, observed_blind):
    whole = kpd(observed, observed_blind, particle=world.particle)
    some = kpd(observed, observed_blind, particle=world.particle, rows=1000)
    assert some.value != whole.value
    assert some.value == kpd(observed, observed_blind, particle=world.particle, rows=1007).value


def test_a_wrong_simulator_is_far(world, observed, observed_perfect):
    shifted = observed_perfect.copy()
    shifted[:, 1] += 3
    for distance in (fpd, kpd):
        right, wrong = (distance(observed, x, particle=world.particle) for x in (observed_perfect, shifted))
        assert abs(right.value) < 4 * right.error
        assert wrong.value > 3 * wrong.error
        assert wrong.value > 20 * right.error


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: fpd([], [[1]]), "reference is empty"),
        (lambda: fpd([[1, 2]], [[1]]), "the same columns, found 2 and 1"),
        (lambda: fpd([1, np.inf], [1, 2]), "reference should be finite, found inf"),
        (lambda: fpd([1, 2], [1, 2]), "at least 3 particles on either side, found 2"),
        (lambda: kpd([1, 2, 3], [1, 2, 3], particle=[0, 0, 1]), "at least 3 particles on either side"),
        (lambda: kpd([1, 2, 3], [1, 2, 3], particle=[0, 1]), r"particle should have the shape \(3,\)"),
        (lambda: kpd([1, 2, 3], [1, 2], generated_particle=[0, 1]), "particle is not"),
        (lambda: mmd([1, 2], [1]), "the second sample has 1"),
        (lambda: kpd_jetnet([1, np.nan], [1, 2]), "reference should be finite, found nan"),
        (lambda: fpd_jetnet([1, 2], []), "generated is empty"),
    ],
)
def test_what_is_wrong_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()

"""The Monte Carlo's distributions on fresh seeds, against the published statistics it was calibrated to."""

from typing import NamedTuple

import numpy as np
import pytest

from simbench.baselines.montecarlo import DETECTORS, MonteCarlo, gun, iter_dataset, make_dataset
from simbench.baselines.montecarlo.simulator import images, photon_sums, response_keys, simulate

pytestmark = pytest.mark.slow

PUBLISHED = {"neutron": ((12, 111, 510), 0.961), "proton": ((2, 5, 18), 0.989)}
NAMES = tuple(PUBLISHED)


class Statistics(NamedTuple):
    sums: np.ndarray
    zeros: float
    largest: int


@pytest.fixture(scope="module", params=NAMES)
def fresh(request):
    """40,000 particles, one response of each."""
    blocks = iter_dataset(request.param, particles=40_000, repeats=1, seed=20_261)
    sums, zeros, largest = [], 0, 0
    for block in blocks:
        sums.append(block.showers.sum(axis=(1, 2), dtype=np.int64))
        zeros += int((block.showers == 0).sum())
        largest = max(largest, int(block.showers.max()))
    cells = 40_000 * DETECTORS[request.param].cell_count
    return request.param, Statistics(np.concatenate(sums), zeros / cells, largest)


def test_quartiles_of_the_photon_sum(fresh):
    name, statistics = fresh
    for found, published in zip(
        np.percentile(statistics.sums, [25, 50, 75]), PUBLISHED[name][0], strict=True
    ):
        tolerance = 1.0 if published < 10 else 0.10 * published
        assert found == pytest.approx(published, abs=tolerance)
    assert statistics.sums.min() == 1


def test_zero_cells_and_extremes(fresh):
    name, statistics = fresh
    assert statistics.zeros == pytest.approx(PUBLISHED[name][1], abs=0.005)
    assert 1800 < statistics.sums.max() < 3700
    assert 400 < statistics.largest < 900


@pytest.fixture(scope="module")
def raw():
    """Raw responses, empty ones too, of both detectors: (10000, nx, ny)."""
    ids = np.arange(10_000)
    made = {}
    for name, detector in DETECTORS.items():
        shot = gun.shoot(detector, 77, ids)
        hits = simulate(detector, shot.conditions, shot.species, response_keys(5, ids, 0))
        made[name] = images(detector, hits, len(ids))
    return made


def test_fraction_of_empty_responses(raw):
    assert (raw["neutron"].sum(axis=(1, 2)) > 0).mean() == pytest.approx(0.795, abs=0.02)
    assert (raw["proton"].sum(axis=(1, 2)) > 0).mean() == pytest.approx(0.648, abs=0.02)


def test_the_neutron_side_has_no_preferred_direction(raw):
    """Turned by 180 degrees the distribution is the same: the two halves' difference averages to zero."""
    for halves in (raw["neutron"][:, :22], raw["neutron"][:, :, :22]):
        whole = raw["neutron"].sum(axis=(1, 2))
        asymmetry = 2 * halves.sum(axis=(1, 2)) - whole
        assert abs(asymmetry.mean()) < 4 * asymmetry.std() / np.sqrt(len(whole))


def test_faint_responses_of_the_proton_side_lie_at_low_x(raw):
    sums = raw["proton"].sum(axis=(1, 2))
    faint = raw["proton"][(sums > 0) & (sums <= 5)].sum(axis=(0, 2))
    low = faint[:28].sum() / faint.sum()
    assert 0.65 < low < 0.95
    assert faint[:7].sum() > 3 * faint[-7:].sum()


# The floor: one run scored against another


def wasserstein(a, b):
    return np.abs(np.sort(a) - np.sort(b)).mean()


@pytest.mark.parametrize("name", NAMES)
def test_runs_of_the_same_conditions_differ_by_chance_alone(name):
    made = make_dataset(name, particles=8000, repeats=1, seed=3)
    reference = made.showers.sum(axis=(1, 2), dtype=np.int64)
    other = MonteCarlo(name).generate(made.conditions, seed=3).sum(axis=(1, 2))
    assert wasserstein(reference, reference) == 0
    # The two are draws of one distribution: means agree, which draws of unconditioned responses would not.
    difference = reference - other
    assert abs(difference.mean()) < 4 * difference.std() / np.sqrt(len(other))
    assert (other >= 1).all()
    # The distance falls with the number of responses, roughly as 1/sqrt(n): 16 times as many, 4 times less.
    order = np.random.default_rng(0).permutation(len(other))
    few = np.mean([wasserstein(reference[part], other[part]) for part in np.array_split(order, 16)])
    assert 2 < few / wasserstein(reference, other) < 9


def test_groups_are_draws_of_the_conditioned_distribution():
    """A kept first response is no different from the later, redrawn ones."""
    made = make_dataset("proton", particles=2500, repeats=4, seed=9)
    sums = np.log(made.showers.sum(axis=(1, 2), dtype=np.int64).reshape(-1, 4))
    first, later = sums[:, 0], sums[:, 1:].mean(axis=1)
    assert abs((first - later).mean()) < 4 * (first - later).std() / np.sqrt(len(first))


def test_selecting_on_one_run_and_scoring_another_is_biased():
    """Why responses are redrawn: what is not empty in one run is often empty in the next."""
    detector = DETECTORS["proton"]
    ids = np.arange(6000)
    shot = gun.shoot(detector, 5, ids)
    one, other = (
        photon_sums(
            detector, simulate(detector, shot.conditions, shot.species, response_keys(s, ids, 0)), len(ids)
        )
        for s in (1, 2)
    )
    selected = one > 0
    assert (other[selected] == 0).mean() > 0.1
    gain = one[selected] - other[selected]
    assert np.log1p(one[selected]).mean() > 1.1 * np.log1p(other[selected]).mean()
    assert gain.mean() > 0

"""The spectators' gun: nucleons near beam energy, and the peaks that a calorimeter counts by."""

import numpy as np
import pytest

from simbench.baselines.montecarlo import DETECTORS, make_dataset, spectators
from simbench.baselines.montecarlo.species import SPECIES

NAMES = ("neutron", "proton")


@pytest.mark.parametrize("name", NAMES)
def test_nucleons_near_beam_energy(name):
    detector = DETECTORS[name]
    shot = spectators.shoot(detector, 2, np.arange(20_000))
    c = shot.conditions.astype(np.float64)
    assert {SPECIES[i].name for i in set(shot.species)} == {{"neutron": "n", "proton": "p"}[name]}
    # Half of them with k_F/sqrt(5) = 118 MeV/c along the beam, half with sqrt(m T) = 43 MeV/c.
    spread = 2680 / 0.9389 * np.sqrt((0.1185**2 + 0.0433**2) / 2)
    assert c[:, 0].std() == pytest.approx(spread, rel=0.05)
    assert c[:, 0].mean() == pytest.approx(2680, rel=0.03)
    off_shell = c[:, 0] ** 2 - (c[:, 4:7] ** 2).sum(axis=1) - c[:, 7] ** 2
    assert np.abs(off_shell / c[:, 0] ** 2).max() < 1e-6
    assert (c[:, 6] > 0).mean() == pytest.approx(0.5, abs=0.015)
    assert np.abs(c[:, 3]).mean() == pytest.approx(5 * np.sqrt(2 / np.pi), rel=0.03)  # a beam spot of 5 cm
    assert np.abs((c[:, 3] * c[:, 6] > 0).mean() - 0.5) < 0.015  # on either side of the origin
    across = c[:, 4] / np.abs(c[:, 6]) * detector.distance
    assert 0.4 < across.std() < 0.65  # "some half a centimetre" at the face


def test_peaks_of_one_two_and_three_neutrons():
    made = make_dataset("neutron", particles=1200, repeats=1, seed=5, gun="spectators")
    sums = made.showers.sum(axis=(1, 2), dtype=np.int64)
    assert made.stream.hit.mean() > 0.99
    one, two, three = (sums.reshape(-1, n).sum(axis=1) for n in (1, 2, 3))
    for n, total in enumerate((one, two, three), 1):
        assert total.mean() == pytest.approx(n * one.mean())
        assert total.std() / total.mean() == pytest.approx(0.145 / np.sqrt(n), rel=0.12)
    # The valleys between the peaks are there.
    edges = one.mean() * np.array([0.9, 1.1, 1.4, 1.6, 1.9, 2.1])
    counts = np.histogram(np.concatenate([one, two]), edges)[0][::2]
    assert counts[1] < 0.5 * counts[0]

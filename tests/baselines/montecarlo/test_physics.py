"""The showers' physics: what the literature fixes, checked with particles put where each test wants them."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import curve_fit

from simbench.baselines.montecarlo import MonteCarlo, gun, shower, upstream_spray
from simbench.baselines.montecarlo.constants import NEUTRON, PROTON
from simbench.baselines.montecarlo.decays import decay
from simbench.baselines.montecarlo.simulator import develop, images, photon_sums, response_keys, simulate
from simbench.baselines.montecarlo.species import CHARGE, INDEX, KIND, Kind
from simbench.baselines.montecarlo.transport import Arrival, arrive

DETECTORS = pytest.mark.parametrize("detector", [NEUTRON, PROTON], ids=lambda detector: detector.name)
BOTH_KINDS = pytest.mark.parametrize("kind", [Kind.EM, Kind.BARYON])


def direct(kind, energy, count, x=0.0, y=0.0):
    """``count`` equal particles that enter the face at (x, y) [cm]."""

    def full(value):
        return np.full(count, float(value))

    yes, no = np.ones(count, bool), np.zeros(count, bool)
    return Arrival(full(x), full(y), full(energy), np.full(count, int(kind)), yes, full(energy), no)


def shower_images(detector, kind, energy, count, x=0.0, y=0.0, stream=0):
    key = response_keys(stream, np.arange(count), 0)
    return images(detector, develop(detector, direct(kind, energy, count, x, y), key), count)


def sums(detector, kind, energy, count, stream=0):
    key = response_keys(stream, np.arange(count), 0)
    return photon_sums(detector, develop(detector, direct(kind, energy, count), key), count)


def conditions(*, energy, mass, charge, slope=0.0, count=1):
    momentum = np.sqrt(energy**2 - mass**2)
    one = [[energy, 0, 0, 0, slope * momentum, 0, -momentum, mass, charge]]
    return np.array(one, np.float32).repeat(count, axis=0)


# Light


@DETECTORS
def test_photons_per_gev_are_flat_for_electromagnetic_showers(detector):
    per_gev = [sums(detector, Kind.EM, e, n).mean() / e for e, n in ((20, 9000), (200, 2000), (3000, 200))]
    np.testing.assert_allclose(per_gev, np.mean(per_gev), rtol=0.01)


@DETECTORS
def test_photons_per_gev_rise_slowly_for_hadrons(detector):
    per_gev = [sums(detector, Kind.BARYON, e, n).mean() / e for e, n in ((50, 2000), (500, 600), (5000, 150))]
    assert per_gev[0] * 1.1 < per_gev[1] < per_gev[2] / 1.02
    assert per_gev[2] / per_gev[0] < 2


@DETECTORS
def test_electrons_outshine_hadrons(detector):
    electron, proton, pion = (sums(detector, k, 100, 3000).mean() for k in (Kind.EM, Kind.BARYON, Kind.MESON))
    assert electron / proton == pytest.approx(1.9, rel=0.12)
    assert electron / pion == pytest.approx(1.65, rel=0.12)


@pytest.mark.parametrize(
    ("detector", "stochastic", "constant"),
    [(NEUTRON, 2.57, 0.10), (PROTON, 2.37, 0.125)],
    ids=["neutron", "proton"],
)
def test_hadronic_resolution(detector, stochastic, constant):
    energies = np.array([50.0, 150.0, 500.0, 1500.0, 6500.0])
    spreads = []
    for stream, energy in enumerate(energies):
        s = sums(detector, Kind.BARYON, energy, int(np.clip(2e6 / energy, 1500, 20_000)), stream)
        spreads.append(s.std() / s.mean())
    fit, _ = curve_fit(lambda e, a, b: np.sqrt(a * a / e + b * b), energies, spreads, p0=(2.5, 0.1))
    assert fit[0] == pytest.approx(stochastic, rel=0.10)
    assert fit[1] == pytest.approx(constant, rel=0.10)


@DETECTORS
def test_electromagnetic_resolution_has_a_constant_term(detector):
    """The fluctuation common to all light of a response is what is left at high energies."""
    energies = np.array([50.0, 300.0, 1500.0, 4000.0])
    spreads = []
    for stream, energy in enumerate(energies):
        s = sums(detector, Kind.EM, energy, int(np.clip(2e6 / energy, 1500, 6000)), stream)
        spreads.append(s.std() / s.mean())
    fit, _ = curve_fit(lambda e, a, b: np.sqrt(a * a / e + b * b), energies, spreads, p0=(1.4, 0.03))
    assert fit[0] == pytest.approx(1.46, rel=0.06)
    assert fit[1] == pytest.approx(detector.common_width, rel=0.12)


@DETECTORS
def test_channels_of_one_particle_are_correlated(detector):
    """Photons that are shared out at random are not; the common fluctuation is."""
    common = np.indices(detector.cells).sum(axis=0) % 2 == 0

    def correlation(model):
        shower = shower_images(model, Kind.EM, 4000, 1500)
        return np.corrcoef(shower[:, common].sum(axis=1), shower[:, ~common].sum(axis=1))[0, 1]

    width, photons = detector.common_width, 4000 * detector.light_yield / 2
    expected = width**2 / (width**2 + (2 * detector.cluster_mean - 1) / photons)
    assert correlation(detector) == pytest.approx(expected, abs=0.08)
    assert correlation(replace(detector, common_width=0.0)) == pytest.approx(0, abs=0.08)


@DETECTORS
def test_photons_of_a_crossing_are_correlated(detector):
    """Clusters of geometric size with mean m give a Fano factor of 2 m - 1, above Poisson's 1."""
    s = sums(replace(detector, common_width=0.0), Kind.EM, 200, 6000)
    assert s.var() / s.mean() == pytest.approx(2 * detector.cluster_mean - 1, rel=0.08)


# Shape


@DETECTORS
@BOTH_KINDS
def test_centroids_follow_the_impact_near_the_centre_and_lean_inwards_at_the_edge(detector, kind):
    for axis in (0, 1):
        for part in (0.1, -0.1, 0.9, -0.9):
            impact = [0.0, 0.0]
            impact[axis] = part * detector.half_size[axis]
            total = shower_images(detector, kind, 2000, 100, *impact).sum(axis=(0, 2 - axis))
            cells = (np.arange(len(total)) + 0.5) * detector.pitch - detector.half_size[axis]
            shift = (np.average(cells, weights=total) - impact[axis]) / detector.pitch
            if abs(part) == 0.1:
                assert abs(shift) < 0.1
            else:
                assert -1.6 < shift * np.sign(part) < -0.2


def test_containment():
    """Of the light at the centre; exactly at the edge the shower's symmetry leaves a half."""
    reference = NEUTRON.light_yield * 1000
    part = {
        x: shower_images(NEUTRON, Kind.EM, 1000, 150, x * NEUTRON.half_size[0]).sum() / 150 / reference
        for x in (0, 0.4, 0.8, 0.99, 0.999999)
    }
    assert part[0.4] / part[0] == pytest.approx(0.99, abs=0.01)
    assert part[0.8] == pytest.approx(0.95, abs=0.02)
    assert part[0.99] == pytest.approx(0.6, abs=0.03)
    assert part[0.999999] == pytest.approx(0.5, abs=0.02)


@DETECTORS
@BOTH_KINDS
def test_longitudinal_leakage_is_small(detector, kind):
    endless = replace(detector, length=1e9)
    assert 1 - sums(detector, kind, 4000, 250).sum() / sums(endless, kind, 4000, 250).sum() < 0.01


def test_cells_are_indexed_from_the_low_corner():
    total = shower_images(PROTON, Kind.EM, 500, 20, x=-9.9, y=4.1).sum(axis=0)
    assert np.unravel_index(total.argmax(), total.shape) == (3, 25)  # 1.3 cm and 10.1 cm from the corner


# Transport


@DETECTORS
def test_a_particle_and_its_mirror_image_in_z_have_the_same_responses(detector):
    """Of equal random numbers the very same; so statistics are equal on both sides."""
    ids = np.arange(500)
    shot = gun.shoot(detector, 3, ids)
    mirrored = shot.conditions.copy()
    mirrored[:, [3, 6]] *= -1
    assert (shot.conditions[:, 3] != 0).any()
    one, other = (
        images(detector, simulate(detector, c, shot.species, response_keys(0, ids, 0)), len(ids))
        for c in (shot.conditions, mirrored)
    )
    np.testing.assert_array_equal(one, other)


def test_charged_particles_start_from_their_vertex():
    here = conditions(energy=0.398 * 6500, mass=0.93827, charge=1, slope=-1e-4, count=2)
    here[1, 1:4] = 0.3, 0.2, -1000.0
    landed = arrive(PROTON, here, np.full(2, INDEX["p"]), response_keys(0, np.arange(2), 0))
    assert landed.x[1] - landed.x[0] == pytest.approx(0.3 + 1000 * 1e-4, abs=1e-3)
    assert landed.y[1] - landed.y[0] == pytest.approx(0.2, abs=1e-6)


def test_decays_have_what_is_left_of_the_flight():
    n = 20_000
    k0 = conditions(energy=100, mass=0.49761, charge=0, count=n)
    k0[:, 3] = -6000.0
    landed = arrive(NEUTRON, k0, np.full(n, INDEX["K0L"]), response_keys(0, np.arange(n), 0))
    expected = np.exp(-(NEUTRON.distance - 6000) * 0.49761 / (100 * 1534.0))
    assert landed.inside.mean() == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize(
    ("name", "to_neutron", "mean"),
    [("Lambda", 0.36, 0.846), ("Sigma+", 0.483, 0.803), ("Sigma-", 1.0, 0.797), ("Xi-", 0.36, 0.722)],
)
def test_hyperons_go_on_as_their_nucleon(name, to_neutron, mean):
    """Its mean share of the energy is E*/M of the two-body decay (of both, for a Xi)."""
    n = 20_000
    species, full = np.full(n, INDEX[name]), np.full(n, 1.0)
    key = response_keys(0, np.arange(n), 0)
    found = decay(species, full, CHARGE[species], full * 1e9, full, key)
    assert found.decays.all()
    assert not found.lost.any()
    assert found.energy.mean() == pytest.approx(mean, abs=0.006)
    assert (found.charge == 0).mean() == pytest.approx(to_neutron, abs=0.012)
    assert set(found.charge) <= {0.0, 1.0}
    np.testing.assert_array_equal(found.kind, Kind.BARYON)


def test_light_mesons_that_decay_are_lost():
    n = 1000
    full = np.full(n, 1.0)
    found = decay(np.full(n, INDEX["pi+"]), full, full, full * 1e9, full, response_keys(0, np.arange(n), 0))
    assert found.lost.all()


def test_direct_hadrons_spread_little_and_misses_much():
    for detector, charge, mass, energy, spread in (
        (NEUTRON, 0, 0.93957, 3000, 0.10),
        (PROTON, 1, 0.93827, 0.398 * 6500, 0.13),
    ):
        hit = conditions(energy=energy, mass=mass, charge=charge, count=600)
        s = MonteCarlo(detector.name).generate(hit, seed=1).sum(axis=(1, 2))
        middle = s[s > np.median(s) / 2]  # a late first interaction, about 1 in 1000, is no resolution
        assert middle.std() / middle.mean() == pytest.approx(spread, abs=0.025)
        assert s.var() / s.mean() > 1
        missed = conditions(energy=energy, mass=0.93957, charge=0, slope=-10 / detector.distance, count=600)
        s = MonteCarlo(detector.name).generate(missed, seed=1).sum(axis=(1, 2))
        assert s.std() / s.mean() > 1


def test_protons_land_by_their_momentum():
    """A rigidity of .398 lands at the proton calorimeter's centre; .27 to .74 of the beam's is accepted."""

    def landing(part):
        proton = conditions(energy=part * 6500, mass=0.93827, charge=1)
        return arrive(PROTON, proton, np.array([INDEX["p"]]), response_keys(0, np.arange(1), 0))

    assert landing(0.398).x[0] == pytest.approx(0, abs=0.1)
    assert [bool(landing(part).inside[0]) for part in (0.26, 0.28, 0.73, 0.75)] == [False, True, True, False]


def test_long_lived_particles_arrive_and_short_lived_ones_do_not():
    n = 4000
    k0 = conditions(energy=500, mass=0.49761, charge=0, count=n)
    key = response_keys(0, np.arange(n), 0)
    long = arrive(NEUTRON, k0, np.full(n, INDEX["K0L"]), key)
    expected = np.exp(-NEUTRON.distance * 0.49761 / (500 * 1534.0))
    assert long.inside.mean() == pytest.approx(expected, abs=0.005)
    short = arrive(NEUTRON, k0, np.full(n, INDEX["K0S"]), key)
    # Nearly all decay, 31 % of them to neutral pions, which go on as photons.
    assert (short.kind == Kind.EM).mean() == pytest.approx(0.31 * (1 - np.exp(-4.17)), abs=0.03)


# Spray


@DETECTORS
def test_without_spray_misses_and_muons_give_exactly_nothing(detector):
    quiet = replace(detector, spray=replace(detector.spray, scale=0.0))
    ids = np.arange(3000)
    shot = gun.shoot(detector, 8, ids)
    key = response_keys(0, ids, 0)
    off_axis = shot.conditions.copy()
    off_axis[:, 4] = 0.2 * np.abs(off_axis[:, 6])  # 20 m aside
    assert photon_sums(quiet, simulate(quiet, off_axis, shot.species, key), len(ids)).sum() == 0
    assert photon_sums(detector, simulate(detector, off_axis, shot.species, key), len(ids)).sum() > 0
    sums_of_all = photon_sums(detector, simulate(detector, shot.conditions, shot.species, key), len(ids))
    muons = KIND[shot.species] == Kind.SILENT
    assert muons.any()
    assert not sums_of_all[muons].any()


@DETECTORS
def test_spray_and_showers_exclude_each_other(detector):
    ids = np.arange(3000)
    shot = gun.shoot(detector, 8, ids)
    key = response_keys(0, ids, 0)
    arrival = arrive(detector, shot.conditions, shot.species, key)
    sprayed = upstream_spray.secondaries(detector, arrival, key)
    showers = [shower.electromagnetic(detector, arrival, key), *shower.hadronic(detector, arrival, key)]
    showering = np.unique(np.concatenate([sources.row for sources in showers]))
    assert not np.intersect1d(sprayed.row, showering).size
    silent = np.flatnonzero(KIND[shot.species] == Kind.SILENT)
    np.testing.assert_array_equal(np.sort(np.r_[np.unique(sprayed.row), showering, silent]), ids)
    light = np.bincount(sprayed.row, sprayed.light, minlength=len(ids))
    assert (light <= 0.4 * detector.light_yield * arrival.initial_energy).all()


def test_neutron_side_spray_enters_from_the_side_missed():
    n = 500
    for x, y in ((9.0, 0.0), (0.0, -9.0)):
        missed = direct(Kind.EM, 1000, n, x, y)._replace(inside=np.zeros(n, bool), sprays=np.ones(n, bool))
        sprayed = upstream_spray.secondaries(NEUTRON, missed, response_keys(0, np.arange(n), 0))
        towards = (sprayed.x * x + sprayed.y * y) / 9.0  # [cm]
        assert (towards > 0).mean() > 0.7
        assert abs(np.mean(sprayed.x * y - sprayed.y * x) / 9.0) < 0.3


def test_proton_side_spray_knows_the_side_and_the_distance_of_a_miss():
    n = 4000

    def light(x):
        missed = direct(Kind.EM, 1000, n, x)._replace(inside=np.zeros(n, bool), sprays=np.ones(n, bool))
        sprayed = upstream_spray.secondaries(PROTON, missed, response_keys(0, np.arange(n), 0))
        return sprayed.light.sum() / n, np.median(sprayed.x)

    beam, far = light(-11.3), light(11.3)
    assert 0.4 < far[0] / beam[0] < 0.65  # 0.4, but for the upper bound of the light
    assert far[1] > 2 > -2 > beam[1]
    assert light(-1000)[0] < 0.1 * beam[0]


@DETECTORS
def test_energy_is_shared_not_made(detector):
    """The neutral pions and the rest of a hadron add up to its energy, but for pions too soft to keep."""
    arrival = direct(Kind.BARYON, 800, 500)
    pions, rest = shower.hadronic(detector, arrival, response_keys(0, np.arange(500), 0))
    electromagnetic = np.bincount(pions.row, pions.energy, minlength=500)
    other = rest.light * detector.electron_hadron_ratio / detector.light_yield
    np.testing.assert_allclose(electromagnetic + other, 800, rtol=2e-3)

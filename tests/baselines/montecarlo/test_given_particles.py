"""Responses to given particles, as many of each as asked for."""

import numpy as np
import pytest

from simbench.baselines.montecarlo import MonteCarlo, iter_given, make_dataset
from simbench.baselines.montecarlo.species import INDEX_OF_PDG, SPECIES


@pytest.fixture(scope="module")
def particles():
    """Conditions and PDG ids of 80 neutron-calorimeter particles."""
    sample = make_dataset("neutron", particles=80, repeats=1, seed=4)
    return sample.conditions, sample.pdg


def given(particles, repeats, seed=1, **more):
    conditions, pdg = particles
    blocks = list(iter_given("neutron", conditions, pdg, np.asarray(repeats), seed=seed, **more))
    names = ("showers", "conditions", "particle", "pdg")
    return [np.concatenate([getattr(block, name) for block in blocks]) for name in names]


def test_as_many_of_each_as_asked_for(particles):
    repeats = np.arange(80) % 4
    showers, conditions, particle, pdg = given(particles, repeats)
    np.testing.assert_array_equal(particle, np.arange(80).repeat(repeats))
    np.testing.assert_array_equal(conditions, particles[0][particle])
    np.testing.assert_array_equal(pdg, particles[1][particle])
    assert showers.dtype == np.uint16
    assert showers.sum(axis=(1, 2)).min() >= 1


def test_a_response_depends_on_seed_particle_and_repeat_alone(particles):
    repeats = np.full(80, 3)
    whole = given(particles, repeats)
    for one, other in zip(whole, given(particles, repeats, block=7), strict=True):
        np.testing.assert_array_equal(one, other)
    fewer = given(particles, repeats - 1)
    np.testing.assert_array_equal(fewer[0].reshape(80, 2, 44, 44), whole[0].reshape(80, 3, 44, 44)[:, :2])
    assert (given(particles, repeats, seed=2)[0] != whole[0]).any()
    images = whole[0].reshape(80, 3, -1)
    assert (images[:, 0] != images[:, 1]).any(axis=1).mean() > 0.9


def test_they_are_distributed_as_the_simulators(particles):
    """Of photons, for which the simulator has no species to choose from."""
    conditions, pdg = (values[particles[1] == 22] for values in particles)
    count = len(pdg)
    sums = given((conditions, pdg), np.full(count, 40))[0].sum(axis=(1, 2)).reshape(count, 40)
    other = MonteCarlo("neutron").generate(conditions.repeat(40, axis=0), seed=3).sum(axis=(1, 2))
    other = other.reshape(count, 40)
    pull = (sums.mean(axis=1) - other.mean(axis=1)) / np.sqrt((sums.var(axis=1) + other.var(axis=1)) / 40 + 1)
    assert count >= 20
    assert abs(pull.mean()) < 0.6
    assert np.abs(pull).max() < 4


def test_the_species_is_that_of_the_pdg_id(particles):
    """K0S decay where K0L do not, at the same mass and charge."""
    row = np.array([[30, 0, 0, 0, 0, 0, -np.sqrt(30**2 - 0.49761**2), 0.49761, 0]], np.float32)
    light = {}
    for pdg in (130, 310):
        drawn = given((row, np.array([pdg], np.int32)), [200], min_photons=0)
        light[pdg] = drawn[0].sum(axis=(1, 2)).mean()
        assert (drawn[3] == pdg).all()
    assert light[130] > 3 * light[310]


def test_other_species_are_found_from_mass_and_charge(particles):
    conditions, pdg = particles
    unknown = given((conditions, np.full(80, 1000020040, np.int32)), np.ones(80, int))
    assert len(unknown[0]) >= 75
    assert (unknown[3] == 1000020040).all()
    assert set(np.unique(pdg)) <= set(INDEX_OF_PDG)
    assert len(INDEX_OF_PDG) == len(SPECIES)


def test_what_never_reaches_the_threshold_is_left_out(particles):
    """Muons make no light, and a photon of 1 GeV makes no thousand photons."""
    conditions, pdg = particles
    _, _, particle, found = given((conditions[:3], np.array([13, pdg[1], pdg[2]], np.int32)), [4, 2, 2])
    assert particle.tolist() == [1, 1, 2, 2]
    assert 13 not in found


def test_wrong_conditions_are_named(particles):
    conditions, pdg = particles
    for wrong, part in ((conditions[:, :8], r"expected \(N, 9\)"), (conditions * np.nan, "not finite")):
        with pytest.raises(ValueError, match=part):
            given((wrong, pdg), np.ones(80, int))

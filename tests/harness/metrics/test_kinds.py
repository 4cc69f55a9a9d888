"""Bins of energy and species by mass and charge, worked by hand."""

import numpy as np
import pytest

from simbench.harness.metrics.tools import kinds
from simbench.harness.metrics.tools.kinds import energies, species

FEATURES = ("Energy", "mass", "charge")


@pytest.fixture
def conditions():
    """80 particles of 1 to 80 GeV: protons, antiprotons, photons, and one neutron."""
    told = np.zeros((80, 3))
    told[:, 0] = np.arange(1, 81)
    told[:30, 1:] = 0.938272, 1
    told[30:59, 1:] = 0.938272, -1
    told[59, 1:] = 0.939565, 0
    return told.astype(np.float32)


def test_bins_of_energy_hold_equally_many(conditions):
    names, member = energies(conditions, FEATURES)
    assert len(names) == kinds.ENERGIES
    assert np.bincount(member).tolist() == [10] * 8
    assert names[0] == "Energy 1 to 10.88"
    assert (np.diff(member) >= 0).all()


def test_equal_energies_are_one_bin():
    assert energies([[5.0], [5.0], [5.0]], ("energy",)) == (["energy 5 to 5"], pytest.approx([0, 0, 0]))


def test_species_are_told_by_mass_and_charge_and_rare_ones_left_out(conditions):
    names, member = species(conditions, FEATURES)
    assert names == ["mass 0, charge 0", "mass 0.9383, charge -1", "mass 0.9383, charge +1"]
    assert np.bincount(member + 1).tolist() == [1, 20, 29, 30]
    assert member[59] == -1


def test_without_the_conditions_there_are_none(conditions):
    for find in (energies, species):
        names, member = find(conditions, ("a", "b", "c"))
        assert names == []
        assert (member == -1).all()

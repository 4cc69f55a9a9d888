"""Decays in flight: what of a particle goes on to the calorimeter, and with how much of its energy."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from simbench.harness import rng
from simbench.harness.rng import Floats, Keys

from .species import DECAY_LENGTH, INDEX, KIND, MASS, Ints, Kind

_NUCLEON, _PION = 0.939, 0.1384  # GeV, means over charges
# Probability of each decay (standard: PDG). A Lambda of a cascade decays as a Lambda does.
_TO_NEUTRON = {"Lambda": 0.36, "Lambdabar": 0.36, "Sigma+": 0.483, "Sigma-": 1.0, "Xi0": 0.36, "Xi-": 0.36}
_K0S_TO_PHOTONS = 0.31


class Decayed(NamedTuple):
    """What goes on after decays, one row for each particle; all arrays of shape (N,)."""

    decays: npt.NDArray[np.bool_]
    lost: npt.NDArray[np.bool_]
    """Whether nothing of it goes on."""
    energy: Floats
    """Of what goes on [GeV]."""
    charge: Floats
    kind: Ints
    """How it showers, a :class:`~.species.Kind`."""


def decay(
    species: Ints, energy: Floats, charge: Floats, path: Floats, momentum: Floats, key: Keys
) -> Decayed:
    """Decays over ``path`` [cm] with probability ``1 - exp(-path m / (p c tau))``; arrays of shape (N,).

    Hyperons go on as their nucleon, Xi by way of a Lambda, with the energy of an isotropic two-body decay;
    K0S -> pi0 pi0 (31 %) goes on as photons with a uniform share of the energy. All other decays are lost:
    charged pions of them are swept away, muons give no light, and K0L -> 3 pi0 (one in five) is left out.
    """
    stays = np.exp(-np.maximum(path, 0.0) * MASS[species] / (momentum * DECAY_LENGTH[species]))
    decays = rng.uniform(key, 0) > stays
    branch, share = rng.uniform2(key, 1)
    later, _ = rng.uniform2(key, 4)
    energy, charge, kind = energy.copy(), charge.copy(), KIND[species].copy()
    lost = decays & (kind != Kind.BARYON)
    for name, to_neutron in _TO_NEUTRON.items():
        row = np.flatnonzero(decays & (species == INDEX[name]))
        mother = MASS[INDEX[name]]
        if name.startswith("Xi"):
            energy[row] *= _share(mother, MASS[INDEX["Lambda"]], later[row])
            mother = MASS[INDEX["Lambda"]]
        energy[row] *= _share(mother, _NUCLEON, share[row])
        sign = -1.0 if name == "Lambdabar" else 1.0
        charge[row] = np.where(branch[row] < to_neutron, 0.0, sign)
    to_photons = decays & (species == INDEX["K0S"]) & (branch < _K0S_TO_PHOTONS)
    energy[to_photons] *= share[to_photons]
    kind[to_photons] = Kind.EM
    return Decayed(decays, lost & ~to_photons, energy, charge, kind)


def _share(mother: float, daughter: float, u: Floats) -> Floats:
    """The daughter's share of a fast mother's energy in a decay to it and a pion: flat, (E* +- p*) / M."""
    own = (mother**2 + daughter**2 - _PION**2) / (2 * mother)
    share: Floats = (own + (2.0 * u - 1.0) * np.sqrt(own**2 - daughter**2)) / mother
    return share

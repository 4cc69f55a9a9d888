"""Kinds of particles, as far as their conditions tell: bins of energy, and species by mass and charge."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from .arrays import Integers, table
from .repeats import equal_bins

ENERGIES = 8
FEWEST = 20  # particles of a species that is told by itself


def energy_column(features: Sequence[str]) -> int | None:
    """Which of the conditions is the first that is an energy, by its name."""
    return next((place for place, name in enumerate(features) if "energy" in name.lower()), None)


def energies(conditions: npt.ArrayLike, features: Sequence[str]) -> tuple[list[str], Integers]:
    """Names of bins of energy with equally many particles, and the (P,) bin of each; none without an energy.

    Args:
        conditions: (P, F) of the particles.
        features: the F names of the conditions.
    """
    column = energy_column(features)
    rows = table(conditions, "conditions")
    if column is None:
        return [], np.full(len(rows), -1)
    energy = rows[:, column]
    bins, bounds = equal_bins(energy, ENERGIES)
    used, member = np.unique(bins, return_inverse=True)
    edges = [energy.min(), *bounds, energy.max()]
    return [f"{features[column]} {edges[one]:.4g} to {edges[one + 1]:.4g}" for one in used], member


def species(conditions: npt.ArrayLike, features: Sequence[str]) -> tuple[list[str], Integers]:
    """Names of the species, the lightest first, and the (P,) species of each; none without mass and charge.

    What has less than :data:`FEWEST` particles is in no species, -1. Masses count to four digits.
    """
    rows = table(conditions, "conditions")
    none = np.full(len(rows), -1)
    if not {"mass", "charge"} <= set(features):
        return [], none
    columns = [list(features).index(name) for name in ("mass", "charge")]
    given, row = np.unique(rows[:, columns], axis=0, return_inverse=True)
    told = np.array([[float(f"{mass:.4g}"), round(charge)] for mass, charge in given])
    kinds, owner = np.unique(told, axis=0, return_inverse=True)
    owner = owner[row]
    many = np.flatnonzero(np.bincount(owner) >= FEWEST)
    place = np.full(len(kinds), -1)
    place[many] = np.arange(len(many))
    return [f"mass {mass:g}, charge {_sign(charge)}" for mass, charge in kinds[many]], place[owner]


def _sign(charge: float) -> str:
    return f"{charge:+.0f}" if charge else "0"

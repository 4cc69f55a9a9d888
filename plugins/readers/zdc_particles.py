"""Checks that the nine features of a ZDC particle are what they are called, whatever file they come from.

A file without column names may hold them in another order, and nothing but physics tells: a particle's energy
follows from its momentum and mass, its mass and charge from its PDG id.
"""

import warnings
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from simbench.harness.errors import UserError

from ..zdc import FEATURES

Values = npt.NDArray[np.float64]
Place = Callable[[int], str]
NAMES = tuple(feature.name for feature in FEATURES)
_TOLERANCE = (
    2e-3  # of an energy, relative and in GeV: text has six digits, tables of ions differ in the fourth
)
_MOST_CHARGE = 120
_MEV = 1e-3
_HEAVIEST = 300.0  # GeV, more than any nucleus weighs
_FASTEST = 1e6  # GeV, more than a lead nucleus has at the LHC


def row_of(first: int = 0) -> Place:
    """Names a place in an array: ``row 17``."""
    return lambda index: f"row {first + index}"


def features(
    values: npt.NDArray[Any],
    file: Path,
    *,
    pdg: npt.NDArray[np.int64] | None = None,
    place: Place = row_of(),
) -> npt.NDArray[np.float32]:
    """The nine features as float32, with masses in GeV.

    The energy may be total or kinetic, as E^2 = p^2 + m^2 or (E + m)^2 = p^2 + m^2 has it in most rows; it is
    left as it is. Masses in MeV, as the package ``particle`` gives them, are seen by the same equation and
    turned into GeV, with a warning.

    Args:
        values: (N, 9), in the order of the detector's features.
        file: for messages.
        pdg: (N,) PDG ids where the file has them: they have to agree with mass and charge.
        place: names a row in a message.

    Raises:
        UserError: a value cannot be right, or most rows contradict physics, as columns in another order do.
    """
    values = np.array(values, np.float64)
    _require(np.abs(values) <= np.finfo(np.float32).max, "finite", values, file, place)
    energy, mass, charge = values[:, 0], values[:, 7], values[:, 8]
    possible = np.ones(values.shape, np.bool_)
    possible[:, 0], possible[:, 7] = energy >= 0, mass >= 0
    _require(possible, "0 or more", values, file, place)
    possible[:, :8] = True
    possible[:, 8] = (charge == np.rint(charge)) & (np.abs(charge) <= _MOST_CHARGE)
    _require(possible, f"a whole number within {_MOST_CHARGE} of 0", values, file, place)
    _require_forward(values[:, 4:7], file, place)
    momentum = np.sqrt((values[:, 4:7] ** 2).sum(axis=1))
    scale = _scale(energy, momentum, mass, pdg, file, place)
    if scale != 1:
        warnings.warn(f"{file}: masses are in MeV, converted to GeV", stacklevel=2)
        mass *= scale
    _require_gev(energy, mass, file, place)
    if pdg is not None:
        _check_species(pdg, mass, charge, file, place)
    return values.astype(np.float32)


def _require(right: npt.NDArray[np.bool_], what: str, values: Values, file: Path, place: Place) -> None:
    if not right.all():
        row, column = np.argwhere(~right)[0]
        raise UserError(
            f"{file}: {place(int(row))}, {NAMES[column]} should be {what}, found {values[row, column]:g}"
        )


def _require_forward(momenta: Values, file: Path, place: Place) -> None:
    """Zero degrees: what reaches these calorimeters flies along z."""
    sideways = np.hypot(momenta[:, 0], momenta[:, 1]) >= np.abs(momenta[:, 2])
    if 2 * sideways.sum() > len(momenta):
        row = int(np.flatnonzero(sideways)[0])
        found = ", ".join(f"{value:g}" for value in momenta[row])
        raise UserError(
            f"{file}: {place(row)}, Px, Py, Pz should be a direction near z, as in most rows, found {found}; "
            f"expected columns: {', '.join(NAMES)}"
        )


def _scale(
    energy: Values,
    momentum: Values,
    mass: Values,
    pdg: npt.NDArray[np.int64] | None,
    file: Path,
    place: Place,
) -> float:
    """What turns the masses into GeV: MeV is believed if it explains twice as many rows that have a mass.

    Where the file has PDG ids, a row whose mass is not that of its species explains nothing.
    """
    gev, mev = (_fits(energy, momentum, unit * mass) for unit in (1.0, _MEV))
    told = [(mass > 0) & (True if pdg is None else _weighs(pdg, unit * mass)) for unit in (1.0, _MEV)]
    scale, fits = (_MEV, mev) if (mev & told[1]).sum() > 2 * (gev & told[0]).sum() else (1.0, gev)
    if 2 * fits.sum() < len(energy):
        row = int(np.flatnonzero(~fits)[0])
        raise UserError(
            f"{file}: {place(row)}, Energy {energy[row]:g} should follow from the momentum {momentum[row]:g} "
            f"and the mass {mass[row]:g}; it does in {fits.sum()} of {len(energy)} rows; expected columns: "
            f"{', '.join(NAMES)}"
        )
    return scale


def _require_gev(energy: Values, mass: Values, file: Path, place: Place) -> None:
    """Energies, momenta and masses may all be in MeV, and agree: but nothing is that heavy, or that fast."""
    for values, most, name in ((mass, _HEAVIEST, "mass"), (energy, _FASTEST, "Energy")):
        wrong = np.flatnonzero(values > most)
        if 2 * len(wrong) > np.count_nonzero(values):
            raise UserError(
                f"{file}: {place(int(wrong[0]))}, {name} should be at most {most:g} in GeV, found "
                f"{values[wrong[0]]:g}: are energies, momenta and masses in MeV?"
            )


def _fits(energy: Values, momentum: Values, mass: Values) -> npt.NDArray[np.bool_]:
    """Which rows agree with E^2 = p^2 + m^2, or with (E + m)^2 = p^2 + m^2 if more do."""
    total = np.hypot(momentum, mass)
    agree = [np.abs(energy - value) <= _TOLERANCE * (1 + value) for value in (total, total - mass)]
    return max(agree, key=np.sum)


def _check_species(
    pdg: npt.NDArray[np.int64], mass: Values, charge: Values, file: Path, place: Place
) -> None:
    is_known, expected = _expected(pdg)
    agree = _weighs(pdg, mass) & (charge == expected[:, 1])
    wrong = is_known & ~agree
    if 2 * wrong.sum() > is_known.sum():
        row = int(np.flatnonzero(wrong)[0])
        raise UserError(
            f"{file}: {place(row)}, PDG id {pdg[row]} should have mass {expected[row, 0]:.4g} GeV and charge "
            f"{expected[row, 1]:g}, found {mass[row]:.4g} and {charge[row]:g}"
        )


def _expected(pdg: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.bool_], Values]:
    """(N,) whether a species is known, and (N, 2) its mass [GeV] and charge [e]."""
    ids, which = np.unique(pdg, return_inverse=True)
    table = known(ids)
    is_known = np.array([int(number) in table for number in ids], np.bool_)[which]
    return is_known, np.array([table.get(int(number), (0.0, 0.0)) for number in ids]).reshape(-1, 2)[which]


def _weighs(pdg: npt.NDArray[np.int64], mass: Values) -> npt.NDArray[np.bool_]:
    """(N,) whether masses in GeV are those of their species, as far as these are known."""
    is_known, expected = _expected(pdg)
    return ~is_known | (np.abs(mass - expected[:, 0]) <= _TOLERANCE * (1 + expected[:, 0]))


def species(pdg: npt.NDArray[np.int64], file: Path, place: Place = row_of()) -> Values:
    """(N, 2) mass [GeV] and charge [e] of particles, by their PDG ids.

    Raises:
        UserError: an id is not known.
    """
    is_known, expected = _expected(pdg)
    if not is_known.all():
        row = int(np.argmin(is_known))
        raise UserError(f"{file}: {place(row)}: mass and charge of PDG id {pdg[row]} are not known")
    return expected


def known(ids: npt.NDArray[np.int64]) -> Mapping[int, tuple[float, float]]:
    """Mass [GeV] and charge [e] of those PDG ids that the package ``particle`` knows, nuclei included."""
    found = {int(number): _mass_and_charge(int(number)) for number in ids}
    return {number: values for number, values in found.items() if values is not None}


@cache
def _mass_and_charge(pdg: int) -> tuple[float, float] | None:
    from particle import InvalidParticle, Particle, ParticleNotFound

    try:
        particle = Particle.from_pdgid(pdg)
    except (ParticleNotFound, InvalidParticle):
        return None
    if particle.mass is None or particle.charge is None:
        return None
    return particle.mass * _MEV, float(particle.charge)

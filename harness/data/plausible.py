"""Whether responses and conditions can belong together, as far as physics tells of any detector.

A calorimeter does not measure more energy than came in, nor next to nothing of it: a factor of a thousand is
GeV beside MeV. And how bright responses are follows their conditions: where it follows none, the rows of one
file are not in the order of the other. A particle's energy follows from momentum and mass, which tells MeV
from GeV, and charges that are all multiples of three are thirds of e.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

from ..plugin.detectors import Detector

LOOKED_AT = 200_000  # responses, the first ones
ENOUGH = 500  # responses from which on a missing relation is no chance
FOLLOWS = 4.0  # standard errors of a rank correlation: 9 features without one reach it in 1 of 2,000 cases
_AGREES = 2e-3  # of an energy, relative and in GeV
_HEAVIEST = 300.0  # GeV, more than any nucleus weighs
_CHARGED = 20  # particles with charges from which on thirds are no chance
MOST, LEAST = 3.0, 0.01  # of the incident energy that is measured, as the median over responses

MEV = {"eV": 1e-6, "keV": 1e-3, "MeV": 1.0, "GeV": 1e3, "TeV": 1e6}


class Plausibility:
    """Looks at responses block by block."""

    def __init__(self, detector: Detector) -> None:
        self._detector = detector
        self._sums: list[npt.NDArray[Any]] = []
        self._conditions: list[npt.NDArray[np.float32]] = []
        self._count = 0

    def add(self, sums: npt.NDArray[Any], conditions: npt.NDArray[np.float32]) -> None:
        """Take in (n,) sums over the pixels of responses, and their (n, F) conditions."""
        if self._count < LOOKED_AT:
            self._sums.append(np.asarray(sums, np.float64))
            self._conditions.append(conditions)
            self._count += len(sums)

    def problem(self) -> str | None:
        """What cannot be right, in one line, if anything."""
        if not self._count:
            return None
        sums, conditions = np.concatenate(self._sums), np.concatenate(self._conditions).astype(np.float64)
        told = units_problem(conditions, self._detector)
        return (
            told or _balance(sums, conditions, self._detector) or _relation(sums, conditions, self._detector)
        )


def units_problem(conditions: npt.NDArray[Any], detector: Detector) -> str | None:
    """What of (N, F) conditions is in other units than the detector's, in one line: ALICE's O2 has its own.

    Looked at are features called Energy, Px, Py, Pz and mass in GeV, and charge in e; of many rows some.
    """
    some = conditions[:: max(1, len(conditions) // LOOKED_AT)]
    columns = {
        feature.name: some[:, place].astype(np.float64)
        for place, feature in enumerate(detector.features)
        if feature.unit.partition("/")[0] in ("GeV", "e")
    }
    charge = np.abs(columns.get("charge", np.zeros(0)))
    charged = charge[charge > 0]
    if len(charged) >= _CHARGED and not (charged % 3).any():
        return (
            f"all charges of {len(charged)} charged particles are multiples of three: charge should be in e, "
            "found thirds of e, as ALICE's O2 has it"
        )
    if not {"Energy", "Px", "Py", "Pz", "mass"} <= set(columns):
        return None
    massive = columns["mass"] > 0
    energy, mass = columns["Energy"][massive], columns["mass"][massive]
    momentum = np.sqrt(sum(columns[name][massive] ** 2 for name in ("Px", "Py", "Pz")))
    gev, mev = (_follow(energy, momentum, unit * mass) for unit in (1.0, 1e-3))
    if mev > 2 * gev:
        return (
            f"the energies of {mev} of {len(mass)} particles follow from momentum and mass if the mass is in "
            f"MeV, of {gev} if it is in GeV as it should be"
        )
    if 2 * int((mass > _HEAVIEST).sum()) > len(mass):
        return f"half of the masses are above {_HEAVIEST:g} GeV: are energies, momenta and masses in MeV?"
    return None


def _follow(
    energy: npt.NDArray[np.float64], momentum: npt.NDArray[np.float64], mass: npt.NDArray[np.float64]
) -> int:
    """How many energies, total or kinetic, follow from momentum and mass."""
    total = np.hypot(momentum, mass)
    return max(int((np.abs(energy - e) <= _AGREES * (1 + e)).sum()) for e in (total, total - mass))


def _balance(
    sums: npt.NDArray[np.float64], conditions: npt.NDArray[np.float64], detector: Detector
) -> str | None:
    if detector.unit not in MEV:
        return None
    for place, feature in enumerate(detector.features):
        if "energy" not in feature.name.lower() or feature.unit not in MEV:
            continue
        energies = conditions[:, place] * (MEV[feature.unit] / MEV[detector.unit])
        known = energies > 0
        if not known.any():
            return None
        share = float(np.median(sums[known] / energies[known]))
        if LEAST <= share <= MOST:
            return None
        factor = " (GeV beside MeV?)" if share > 100 * MOST or 0 < share < LEAST / 5 else ""
        return (
            f"half of the responses hold {'more' if share > MOST else 'less'} than {share:.4g} times their "
            f"{feature.name}, expected {LEAST:g} to {MOST:g} times: {feature.name} should be in "
            f"{feature.unit}, responses in {detector.unit}{factor}"
        )
    return None


def _relation(
    sums: npt.NDArray[np.float64], conditions: npt.NDArray[np.float64], detector: Detector
) -> str | None:
    varied = [place for place in range(conditions.shape[1]) if np.ptp(conditions[:, place]) > 0]
    if len(sums) < ENOUGH or not varied or np.ptp(sums) == 0:
        return None
    ranks = rankdata(sums)
    found = [abs(np.corrcoef(ranks, rankdata(conditions[:, place]))[0, 1]) for place in varied]
    most = float(max(found))
    if most * np.sqrt(len(sums)) >= FOLLOWS:
        return None
    name = detector.feature_names[varied[int(np.argmax(found))]]
    return (
        f"the sums of {len(sums)} responses follow none of the conditions (the largest rank correlation, "
        f"with {name}, is {most:.3f}): do responses and conditions belong together?"
    )

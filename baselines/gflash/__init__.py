"""A parametrised Monte Carlo of electromagnetic showers in sampling calorimeters: GFlash. It is not Geant4.

Grindhammer and Peters, "The parameterized simulation of electromagnetic showers in homogeneous and sampling
calorimeters", hep-ex/0001020: longitudinal profiles whose shape fluctuates from shower to shower, radial
profiles of a core and a tail, and spots. It makes data sets with the geometry of the CaloChallenge's
electrons and photons, for those who have not got the challenge's own.

``medium`` (effective materials), ``profiles`` (the formulas), ``simulator`` (spots in voxels). Lengths are mm
in geometry and radiation lengths in depth; energies are GeV inside, MeV outside. All randomness is
counter-based.

Imports of baselines the Monte Carlo's variates alone.
"""

from .medium import LEAD_ARGON, TUNGSTEN_SILICON, Medium
from .simulator import Calorimeter, Gflash

SENTENCE = (
    "A GFlash parametrisation of electromagnetic showers (hep-ex/0001020) in the geometry of the "
    "CaloChallenge; it is not Geant4, and not the challenge's data."
)

__all__ = ["LEAD_ARGON", "SENTENCE", "TUNGSTEN_SILICON", "Calorimeter", "Gflash", "Medium"]

"""Every number of the two calorimeters: geometry, materials and the calibrated effective parameters.

Each group of numbers carries a tag saying where it comes from: *published* (checked at the source),
*standard* (quoted from the literature without re-verification) or *calibrated* (fitted here to published
statistics of data that are not public). Lengths are in cm, energies in GeV, light in photo-electrons.
"""

from dataclasses import dataclass

SENTENCE = (
    "A GFlash-type parametrised shower Monte Carlo, literature-based, with effective parameters calibrated "
    "to published statistics of non-public Geant data; it is not Geant."
)

VERSION = 2
"""Of the physics and the guns; docs/monte-carlo.md says what changed from 1."""

BEAM_MOMENTUM = 6500.0
"""Momentum of a beam proton, and the gun's largest energy [GeV]."""

BEAM_HALF_SEPARATION = 9.7
"""Deflection of a beam-momentum proton at the calorimeters: half the beam separation [cm] (standard)."""

CHARGED_LEVER_ARM = 6000.0
"""Effective distance over which a charged particle's angle displaces it [cm] (calibrated)."""


@dataclass(frozen=True)
class Spray:
    """Light of secondaries of particles that miss, decay or are swept away upstream (calibrated, effective).

    The mean light is ``scale (E/TeV)^power exp(-min(d, distance_cap)/distance_decay)`` times a lognormal of
    width ``log_width``, and times ``hard_factor`` with probability ``hard_probability``; d is the distance by
    which the face is missed [cm]. Beyond ``distance_cap`` it falls on over ``swept_decay``: what is bent so
    far is lost far upstream. What misses a face beside the beam on the side away from it gives
    ``far_side`` of that.
    """

    scale: float
    power: float
    distance_decay: float
    distance_cap: float
    log_width: float
    hard_probability: float
    hard_factor: float
    cluster_mean: float
    swept_decay: float
    far_side: float = 1.0
    radius: float = 1.0
    energy_cap: float = 0.4
    """Soft upper bound of the light, as a fraction of an electromagnetic shower's of the same energy."""


@dataclass(frozen=True)
class GunSpectra:
    """What the particle gun draws (calibrated): weights of species and parameters of their spectra."""

    weights: dict[str, float]
    """Weights of the species named, before normalisation."""
    other_weight: float
    """Weight shared equally by all species not named."""
    photon_shape: float
    photon_scale: float
    baryon_beta: tuple[float, float]
    impact_cut: float
    """Largest straight-line distance from the beam axis at the face [cm]."""


@dataclass(frozen=True)
class Detector:
    """A spaghetti calorimeter of quartz fibres in a dense absorber, one image cell for each fibre."""

    name: str
    gun: GunSpectra
    spray: Spray
    # Geometry (published: ALICE O2, ZDCBase/Geometry.h).
    cells: tuple[int, int]
    half_size: tuple[float, float]
    length: float
    pitch: float
    centre_x: float
    distance: float
    # Effective medium (standard: PDG mixtures of O2's absorbers, diluted by the fibres).
    radiation_length: float
    interaction_length: float
    moliere_radius: float
    critical_energy: float
    atomic_number: float
    # Light and hadronic response (calibrated).
    light_yield: float
    """Photo-electrons for a GeV of electromagnetic energy."""
    cluster_mean: float
    """Mean number of photons of one crossing of a fibre."""
    common_width: float
    """Relative width of the light of all of a response's fibres together: calibration, light collection,
    leakage (assumed, see docs/monte-carlo.md)."""
    em_fraction_width: float
    em_fraction_width_power: float
    hadronic_radius: float
    core_scale: float = 0.95
    tail_scale: float = 0.85
    electron_hadron_ratio: float = 5.0
    """e/h (published: the CMS forward calorimeter, iron and quartz, borrowed)."""

    @property
    def cell_count(self) -> int:
        """The number of cells of an image."""
        return self.cells[0] * self.cells[1]


NEUTRON = Detector(
    name="neutron",
    gun=GunSpectra(
        weights={
            "gamma": 0.60,
            "n": 0.194,
            "nbar": 0.02,
            "K0L": 0.04,
            "K0S": 0.02,
            "Lambda": 0.03,
            "Lambdabar": 0.005,
            "p": 0.03,
            "pbar": 0.005,
        },
        other_weight=0.09,
        photon_shape=0.68,
        photon_scale=480.0,
        baryon_beta=(1.4, 2.6),
        impact_cut=7.0,
    ),
    spray=Spray(
        scale=5.0,
        power=0.5,
        distance_decay=6.0,
        distance_cap=8.0,
        log_width=2.0,
        hard_probability=0.41,
        hard_factor=26.0,
        cluster_mean=2.0,
        swept_decay=300.0,
    ),
    cells=(44, 44),
    half_size=(3.52, 3.52),
    length=100.0,
    pitch=0.16,
    centre_x=0.0,
    distance=11260.0,
    radiation_length=0.415,
    interaction_length=11.0,
    moliere_radius=1.08,
    critical_energy=8.1e-3,
    atomic_number=70.7,
    light_yield=0.56,
    cluster_mean=1.10,
    common_width=0.03,
    em_fraction_width=0.094,
    em_fraction_width_power=-0.04,
    hadronic_radius=2.5,
)

PROTON = Detector(
    name="proton",
    gun=GunSpectra(
        weights={
            "gamma": 0.38,
            "n": 0.14,
            "nbar": 0.02,
            "K0L": 0.04,
            "K0S": 0.02,
            "Lambda": 0.04,
            "Lambdabar": 0.005,
            "p": 0.058,
            "pbar": 0.01,
            "pi+": 0.04,
            "pi-": 0.05,
            "K+": 0.015,
            "K-": 0.02,
        },
        other_weight=0.055,
        photon_shape=1.0,
        photon_scale=330.0,
        baryon_beta=(1.4, 2.0),
        impact_cut=60.0,
    ),
    spray=Spray(
        scale=3.6,
        power=0.35,
        distance_decay=60.0,
        distance_cap=40.0,
        log_width=1.5,
        hard_probability=0.18,
        hard_factor=14.0,
        cluster_mean=1.3,
        swept_decay=200.0,
        far_side=0.4,
    ),
    cells=(56, 30),
    half_size=(11.2, 6.0),
    length=150.0,
    pitch=0.4,
    centre_x=24.35,
    distance=11252.0,
    radiation_length=1.52,
    interaction_length=16.5,
    moliere_radius=1.68,
    critical_energy=19.2e-3,
    atomic_number=29.4,
    light_yield=0.50,
    cluster_mean=1.04,
    common_width=0.04,
    em_fraction_width=0.117,
    em_fraction_width_power=-0.03,
    hadronic_radius=3.3,
)

DETECTORS: dict[str, Detector] = {"neutron": NEUTRON, "proton": PROTON}


def supported(detector_name: str) -> bool:
    """Whether the Monte Carlo has parameters for the detector of that name."""
    return detector_name in DETECTORS


def detector_of(name: str) -> Detector:
    """The detector of that name.

    Raises:
        ValueError: The Monte Carlo has no such detector.

    """
    if not supported(name):
        raise ValueError(f"the Monte Carlo has no detector {name!r}; it has {', '.join(sorted(DETECTORS))}")
    return DETECTORS[name]

"""Effective media: what a shower sees of layers of two materials (hep-ex/0001020)."""

from dataclasses import dataclass
from functools import cached_property

SCATTERING = 21.2  # MeV, of the Moliere radius


@dataclass(frozen=True)
class Material:
    """An element; its numbers are those of the Particle Data Group.

    Attributes:
        z: atomic number.
        a: atomic mass.
        density: in g/cm^3.
        radiation_length: in g/cm^2.
    """

    z: float
    a: float
    density: float
    radiation_length: float

    @property
    def critical_energy(self) -> float:
        """In MeV: 2.66 (X0 Z / A)^1.1, X0 in g/cm^2."""
        return float(2.66 * (self.radiation_length * self.z / self.a) ** 1.1)


@dataclass(frozen=True)
class Medium:
    """Layers of a passive and an active material, in turns.

    Attributes:
        passive, active: the materials.
        passive_mm, active_mm: their thickness in one period.
    """

    passive: Material
    active: Material
    passive_mm: float
    active_mm: float

    @cached_property
    def _shares(self) -> tuple[float, float]:
        """Of the mass."""
        masses = self.passive.density * self.passive_mm, self.active.density * self.active_mm
        return masses[0] / sum(masses), masses[1] / sum(masses)

    def _mean(self, passive: float, active: float) -> float:
        return self._shares[0] * passive + self._shares[1] * active

    @property
    def z(self) -> float:
        """Effective atomic number."""
        return self._mean(self.passive.z, self.active.z)

    @property
    def _radiation_mass(self) -> float:
        return 1 / self._mean(1 / self.passive.radiation_length, 1 / self.active.radiation_length)

    @property
    def density(self) -> float:
        """Effective, in g/cm^3."""
        period = self.passive_mm + self.active_mm
        return (self.passive.density * self.passive_mm + self.active.density * self.active_mm) / period

    @property
    def radiation_length(self) -> float:
        """In mm."""
        return 10 * self._radiation_mass / self.density

    @property
    def critical_energy(self) -> float:
        """In MeV."""
        each = (one.critical_energy / one.radiation_length for one in (self.passive, self.active))
        return self._radiation_mass * self._mean(*each)

    @property
    def moliere_radius(self) -> float:
        """In mm."""
        each = (one.critical_energy / one.radiation_length for one in (self.passive, self.active))
        return 10 * SCATTERING / self._mean(*each) / self.density

    @property
    def sampling_frequency(self) -> float:
        """F_S: how many periods a radiation length holds."""
        return self.radiation_length / (self.passive_mm + self.active_mm)

    @property
    def e_over_mip(self) -> float:
        """The e/mip ratio, 1 / (1 + 0.007 (Z_passive - Z_active))."""
        return 1 / (1 + 0.007 * (self.passive.z - self.active.z))


TUNGSTEN_SILICON = Medium(Material(74, 183.84, 19.3, 6.76), Material(14, 28.085, 2.329, 21.82), 1.4, 0.3)
"""Of the CaloChallenge's data sets 2 and 3."""
LEAD_ARGON = Medium(Material(82, 207.2, 11.35, 6.37), Material(18, 39.948, 1.396, 19.55), 1.53, 4.2)
"""About what the barrel of ATLAS has; an assumption, for data set 1."""

"""ALICE's Zero Degree Calorimeters: the proton calorimeter ZP and the neutron calorimeter ZN.

Geometry: ALICE O2, ``ZDCBase/Geometry.h``. A response is one half-calorimeter's fibres, first axis x,
second axis y, one pixel a fibre, counting its photons. Every other fibre is read by the common
photomultiplier PMTc, the rest by PMT1 to PMT4; published code does not agree on which goes where, so the
convention has a name (:func:`conventions`).
"""

from collections.abc import Iterable

import numpy as np

from simbench.harness.hooks import hookimpl
from simbench.harness.plugin.detectors import ChannelMap, Detector, Feature, Masks

FEATURES = (
    Feature("Energy", "GeV"),
    Feature("Vx", "cm"),
    Feature("Vy", "cm"),
    Feature("Vz", "cm"),
    Feature("Px", "GeV/c"),
    Feature("Py", "GeV/c"),
    Feature("Pz", "GeV/c"),
    Feature("mass", "GeV/c^2"),
    Feature("charge", "e"),
)
CHANNELS = ("pmtc", "pmt1", "pmt2", "pmt3", "pmt4")


def conventions(detector: str, shape: tuple[int, int]) -> dict[str, ChannelMap]:
    """The three published ways to read the fibres of a ZDC, for responses of ``shape`` (H, W).

    ``expertsim``: the ExpertSim and SDI-GAN papers. ``even-quadrants``: Wojnar et al., and O2's
    debug output of ZN. ``hardware``: O2's production path, fast simulation included; the towers of ZP lie
    along x.
    """
    rows, columns = shape
    i, j = np.indices(shape)
    even = (i + j) % 2 == 0
    upper, left = i < rows // 2, j < columns // 2
    quadrants = (upper & left, upper & ~left, ~upper & left, ~upper & ~left)
    expertsim = (quadrants[2], quadrants[3], quadrants[0], quadrants[1])
    if detector == "proton":
        towers = tuple(4 * i // rows == tower for tower in range(4))
    else:
        towers = (quadrants[0], quadrants[2], quadrants[1], quadrants[3])

    def channel_map(common: Masks, areas: Iterable[Masks]) -> ChannelMap:
        return ChannelMap(CHANNELS, np.stack([common, *(area & ~common for area in areas)]))

    return {
        "expertsim": channel_map(even, expertsim),
        "even-quadrants": channel_map(~even, quadrants),
        "hardware": channel_map(even, towers),
    }


@hookimpl
def simbench_detectors() -> Iterable[Detector]:
    """The two calorimeters, named by the particles that they are made for."""
    for name, title, shape, half_size, centre, distance in (
        ("proton", "ALICE ZDC, proton calorimeter ZP", (56, 30), (11.2, 6.0), (24.35, 0.0), 11252.0),
        ("neutron", "ALICE ZDC, neutron calorimeter ZN", (44, 44), (3.52, 3.52), (0.0, 0.0), 11260.0),
    ):
        yield Detector(
            name=name,
            title=title,
            shape=shape,
            unit="photons",
            features=FEATURES,
            channels=conventions(name, shape),
            default_channels="expertsim",
            half_size=half_size,
            centre=centre,
            distance=distance,
        )

"""The calorimeters of the Fast Calorimeter Simulation Challenge, which measure energies instead of counting.

Voxels lie on cylinders around the particle's direction, counted by radius, then angle, then layer; a channel
is a layer. Edges and thresholds are those of the challenge's public binning
(https://github.com/CaloChallenge/homepage, code/binning_dataset_*.xml and evaluate.py). Layers of the first
data set differ in size and form one row; those of the others are the rows of the image.
"""

from collections.abc import Iterable

import numpy as np

from simbench.harness.hooks import hookimpl
from simbench.harness.plugin.detectors import ChannelMap, Detector, Feature
from simbench.harness.plugin.geometry import Cylinders, Layer

_STRIPS = (0, 5, 10, 30, 50, 100, 200, 400, 600)
_BACK = (0, 50, 100, 200, 400, 600)
_HADRONIC = (0, 10, 20, 30, 50, 80, 100, 130, 160, 200, 250, 300, 350, 400)
_PHOTONS = (
    Layer(0, _STRIPS, 1),
    Layer(1, (0, 2, 4, 6, 8, 10, 12, 15, 20, 30, 40, 50, 70, 90, 120, 150, 200), 10),
    Layer(2, (0, 2, 5, 10, 15, 20, 25, 30, 40, 50, 60, 80, 100, 130, 160, 200, 250, 300, 350, 400), 10),
    Layer(3, _BACK, 1),
    Layer(12, (0, 100, 200, 400, 1000, 2000), 1),
)
_PIONS = (
    Layer(0, _STRIPS, 1),
    Layer(1, (0, 1, 4, 7, 10, 15, 30, 50, 90, 150, 200), 10),
    Layer(2, (0, 5, 10, 20, 30, 50, 80, 130, 200, 300, 400), 10),
    Layer(3, _BACK, 1),
    Layer(12, (*_HADRONIC, 1000, 2000), 10),
    Layer(13, (*_HADRONIC, 600, 1000, 2000), 10),
    Layer(14, (0, 50, 100, 150, 200, 250, 300, 400, 600, 1000, 2000), 1),
)
PERIOD = 3.4  # mm, of a layer of data sets 2 and 3: twice 1.4 mm of tungsten and 0.3 mm of silicon
_SILICON = 0.0005 / 0.033  # MeV: half a keV in silicon, over the sampling fraction


def _electrons(rings: int, angles: int) -> tuple[Layer, ...]:
    """45 layers of tungsten and silicon; rings up to 41.85 mm."""
    edges = tuple(round(41.85 / rings * ring, 6) for ring in range(rings + 1))
    return tuple(
        Layer(number, edges, angles, (number * PERIOD, (number + 1) * PERIOD)) for number in range(45)
    )


DETECTORS = {
    "calochallenge-photons": ("CaloChallenge data set 1, photons", Cylinders(_PHOTONS, 1.0)),
    "calochallenge-pions": ("CaloChallenge data set 1, charged pions", Cylinders(_PIONS, 1.0)),
    "calochallenge-electrons": (
        "CaloChallenge data set 2, electrons",
        Cylinders(_electrons(9, 16), _SILICON),
    ),
    "calochallenge-electrons-fine": (
        "CaloChallenge data set 3, electrons",
        Cylinders(_electrons(18, 50), _SILICON),
    ),
}
PDG = {  # of the particle that is shot
    "calochallenge-photons": 22,
    "calochallenge-pions": 211,
    "calochallenge-electrons": 11,
    "calochallenge-electrons-fine": 11,
}


@hookimpl
def simbench_detectors() -> Iterable[Detector]:
    """One for each data set, and two for the first."""
    for name, (title, geometry) in DETECTORS.items():
        sizes = [layer.voxels for layer in geometry.layers]
        shape = (len(sizes), sizes[0]) if len(set(sizes)) == 1 else (1, sum(sizes))
        layer_of = np.repeat(np.arange(len(sizes)), sizes).reshape(shape)
        yield Detector(
            name=name,
            title=title,
            shape=shape,
            unit="MeV",
            features=(Feature("incident_energy", "MeV"),),
            channels={
                "layers": ChannelMap(
                    tuple(f"layer{layer.number}" for layer in geometry.layers),
                    layer_of == np.arange(len(sizes))[:, None, None],
                )
            },
            default_channels="layers",
            counted=False,
            geometry=geometry,
        )

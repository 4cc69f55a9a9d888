"""The calorimeters of the Fast Calorimeter Simulation Challenge, which measure energies instead of counting.

Voxels lie on cylinders around the particle's direction, counted by radius, then angle, then layer; a channel
is a layer, as the public binning has them (https://calochallenge.github.io/homepage/). Layers of the first
data set differ in size and form one row; those of the others are the rows of the image.
"""

from collections.abc import Iterable

import numpy as np

from simbench.harness.hooks import hookimpl
from simbench.harness.plugin.detectors import ChannelMap, Detector, Feature

# Name, title, and radial x angular bins of each layer by its number.
_PHOTONS = {0: (8, 1), 1: (16, 10), 2: (19, 10), 3: (5, 1), 12: (5, 1)}
_PIONS = {0: (8, 1), 1: (10, 10), 2: (10, 10), 3: (5, 1), 12: (15, 10), 13: (16, 10), 14: (10, 1)}
LAYERS = {
    "calochallenge-photons": ("CaloChallenge data set 1, photons", _PHOTONS),
    "calochallenge-pions": ("CaloChallenge data set 1, charged pions", _PIONS),
    "calochallenge-electrons": ("CaloChallenge data set 2, electrons", dict.fromkeys(range(45), (9, 16))),
    "calochallenge-electrons-fine": (
        "CaloChallenge data set 3, electrons",
        dict.fromkeys(range(45), (18, 50)),
    ),
}


@hookimpl
def simbench_detectors() -> Iterable[Detector]:
    """One for each data set, and two for the first."""
    for name, (title, layers) in LAYERS.items():
        sizes = [radial * angular for radial, angular in layers.values()]
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
                    tuple(f"layer{number}" for number in layers),
                    layer_of == np.arange(len(sizes))[:, None, None],
                )
            },
            default_channels="layers",
            counted=False,
        )

"""The detector and the data that the toy plugins share; it is installed beside each of them."""

import numpy as np

from simbench.harness.data import dataset
from simbench.harness.hooks import Responses
from simbench.harness.plugin.detectors import ChannelMap, Detector, Feature

ROWS = np.indices((6, 4))[0]


def detector(name, title):
    return Detector(
        name=name,
        title=title,
        shape=(6, 4),
        unit="photons",
        features=(Feature("energy", "GeV"),),
        channels={"halves": ChannelMap(("front", "back"), np.stack([ROWS < 3, ROWS >= 3]))},
        default_channels="halves",
    )


def write(path, detector):
    generator = np.random.default_rng(0)
    particle = np.arange(40).repeat(5)
    conditions = generator.uniform(1, 9, (40, 1)).astype(np.float32)[particle]
    showers = generator.poisson(conditions[:, :, None] / 3, (200, 6, 4)).astype(np.uint16)
    showers[:, 0, 0] += 1
    blocks = [Responses(showers, conditions, particle, np.full(200, 22, np.int32))]
    dataset.write(path, detector, blocks, min_photons=1, provenance="made for a test")
    return path

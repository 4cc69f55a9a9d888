"""The challenge's detectors, and showers by the formulas of the golden numbers."""

import numpy as np
import pytest

from simbench.harness.plugin.registry import load

SETS = {
    "photons": "calochallenge-photons",
    "pions": "calochallenge-pions",
    "2": "calochallenge-electrons",
    "3": "calochallenge-electrons-fine",
}


@pytest.fixture(scope="session")
def detectors():
    return load().detectors


@pytest.fixture(scope="session")
def geometries(detectors):
    """The geometry of each data set, by the challenge's name of it."""
    return {name: detectors[detector].geometry for name, detector in SETS.items()}


@pytest.fixture(scope="session")
def by_formula():
    """``by_formula(geometry, rows, offset, step, scale, power)``: (rows, V) voxels above the threshold."""

    def made(geometry, rows, offset=0.5, step=0.61803398875, scale=1000, power=8):
        n, i = np.arange(1, rows + 1)[:, None], np.arange(1, geometry.voxels + 1)
        voxels = scale * np.modf(offset + step * n * i)[0] ** power
        return np.where(voxels < geometry.threshold, 0, voxels)

    return made

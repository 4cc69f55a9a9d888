"""Separation powers of the challenge's histograms: its own numbers."""

import numpy as np
import pytest

from simbench.harness.challenge.features import features
from simbench.harness.challenge.separation import separations, voxel_edges, voxel_histogram
from simbench.harness.metrics.separation import separation_of_counts

ROWS = {"photons": 300, "pions": 300, "2": 60}


@pytest.mark.parametrize("name", ROWS)
def test_separations_are_the_challenges(geometries, by_formula, golden, name):
    geometry, rows = geometries[name], ROWS[name]
    n = np.arange(rows)
    incident = 1000 * 10 ** (3 * n / rows) if name == "2" else 2.0 ** (8 + n % 15)
    sides = [
        by_formula(geometry, rows),
        by_formula(geometry, rows, offset=0.25, step=0.41421356237, scale=900, power=7),
    ]
    told = golden["separation"][name if name == "2" else f"1-{name}"]
    found = separations(geometry, *(features(geometry, incident, [side]) for side in sides))
    edges = voxel_edges(geometry, sides[0].max())
    found["Voxel distribution"] = separation_of_counts(
        *(voxel_histogram([side[:7], side[7:]], edges) for side in sides)
    )
    assert set(told) <= set(found)
    for what, value in told.items():
        assert found[what] == pytest.approx(value, abs=1e-12), what


def test_a_submission_without_energy_is_told_apart_in_full(geometries, by_formula):
    geometry = geometries["photons"]
    showers, incident = by_formula(geometry, 20), np.full(20, 256.0)
    sides = [features(geometry, incident, [voxels]) for voxels in (showers, np.zeros_like(showers))]
    found = separations(geometry, *sides)
    assert found["E layer 1"] == 1
    assert found["Sparsity layer 1"] == pytest.approx(1)
    assert separations(geometry, *sides[::-1])["E layer 1"] is None  # nothing to compare with

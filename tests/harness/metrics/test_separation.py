"""Separation powers against the CaloChallenge's own numbers and by hand; distances against SciPy."""

import numpy as np
import pytest
from scipy.stats import wasserstein_distance

from simbench.harness.metrics.separation import distances, quantile_edges, separation_power, separations


def voxels(count, first, second, scale, power):
    n, i = np.arange(300)[:, None] + 1, np.arange(count) + 1
    return scale * np.modf(first + second * n * i)[0] ** power


@pytest.fixture(scope="module", params=["photons", "pions"])
def challenge(request, golden):
    """Geometry, reference and generated voxels, and the challenge's separation powers."""
    geometry = golden["geometry"][request.param]
    sides = (
        voxels(geometry["voxels"], 0.5, 0.61803398875, 1000, 8),
        voxels(geometry["voxels"], 0.25, 0.41421356237, 900, 7),
    )
    cut = [np.where(side < geometry["voxel_threshold_MeV"], 0, side) for side in sides]
    return geometry, cut, golden["separation"][f"1-{request.param}"]


def test_the_challenges_numbers(challenge):
    geometry, sides, told = challenge
    incident = 2.0 ** (8 + np.arange(300) % 15)
    found = {
        "Etot / Einc": separation_power(
            *(s.sum(axis=1) / incident for s in sides), np.linspace(0.5, 1.5, 101)
        )
    }
    for layer in geometry["layers"]:
        name, stop = layer["id"], layer["offset"] + layer["voxels"]
        energy = [side[:, layer["offset"] : stop].sum(axis=1) for side in sides]
        edges = np.logspace(np.log10(geometry["voxel_threshold_MeV"]), np.log10(energy[0].max()), 40)
        found[f"E layer {name}"] = separation_power(*energy, edges)
        zeros = [1 - (side[:, layer["offset"] : stop] > 0).mean(axis=1) for side in sides]
        found[f"Sparsity layer {name}"] = separation_power(*zeros, np.linspace(0, 1, 21))
    edges = np.logspace(np.log10(geometry["voxel_threshold_MeV"]), np.log10(sides[0].max()), 50)
    found["Voxel distribution"] = separation_power(*(side.ravel() for side in sides), edges)
    assert len(found) >= 12
    for name, value in found.items():
        assert value == pytest.approx(told[name], abs=1e-12), name


def test_worked_by_hand():
    # h = (1/2, 1/2, 0), g = (1/4, 1/4, 1/2): ((1/4)^2 / (3/4) * 2 + 1/2) / 2
    reference, generated = [0.1, 0.2, 1.1, 1.2], [0.1, 1.1, 2.1, 3.0]
    assert separation_power(reference, generated, [0, 1, 2, 3]) == pytest.approx(1 / 12 + 1 / 4)
    assert separation_power(generated, reference, [0, 1, 2, 3]) == pytest.approx(1 / 12 + 1 / 4)
    assert separation_power([-1, 1], [-1, 1, 1, -1], [-2, 0, 2]) == 0
    assert separation_power([1, 1], [3], [0, 2, 4]) == pytest.approx(1)
    assert separation_power([1, 1], [9], [0, 2, 4]) == 1  # nothing in range


def test_bins_of_equal_content():
    edges = quantile_edges(np.arange(100.0), 4)
    assert edges.tolist()[:-2] == [-np.inf, 0, 24.75, 49.5, 74.25]
    assert edges[-2] == np.nextafter(99, np.inf)
    assert np.histogram(np.arange(100.0), edges)[0].tolist() == [0, 25, 25, 25, 25, 0]
    assert np.histogram([5.0, 4, 6], quantile_edges([5.0, 5, 5]))[0].tolist() == [1, 1, 1]
    assert quantile_edges([1.0, 1, 1, 2], 4)[1:3].tolist() == [1, 1.25]


def test_a_constant_that_moves_is_told_apart():
    for value in (-5, 4.999, 5.001):
        assert separations([5.0, 5, 5], [value] * 3)[0] == pytest.approx(1)
    assert separations([5.0, 5, 5], [5.0])[0] == 0


def test_two_samples_of_one_distribution_have_half_the_bins_over_their_size():
    draw = np.random.default_rng(0)
    found = [separations(draw.normal(size=1000), draw.normal(size=1000))[0] for _ in range(60)]
    assert np.mean(found) == pytest.approx(20 / 2000, rel=0.2)


def test_undefined_values_have_a_bin_of_their_own():
    reference = np.arange(1.0, 101)
    generated = reference.copy()
    generated[::2] = np.nan
    assert separations(reference, generated)[0] > 0.3
    both = separations(generated, generated)
    assert both[0] == 0
    assert separations(generated, reference)[0] > 0.2


def test_distances_are_scipys(observed, observed_blind):
    columns = [0, 11, 12]  # without undefined ones
    own, relative = distances(observed[:, columns], observed_blind[:1500, columns])
    for place, column in enumerate(columns):
        expected = wasserstein_distance(observed[:, column], observed_blind[:1500, column])
        assert own[place] == pytest.approx(expected, rel=1e-12)
        assert relative[place] == pytest.approx(expected / observed[:, column].std(), rel=1e-12)
    own, relative = distances([[1.0, 2], [1, 4]], [[2.0, 1], [2, 5]])
    assert own.tolist() == [1, 1]
    assert np.isnan(relative[0])
    assert relative[1] == 1


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: separation_power([], [1], [0, 1]), "reference is empty"),
        (lambda: separation_power([1], [np.nan], [0, 1]), "generated should be finite"),
        (lambda: separation_power([1], [1], [0, 0]), "ascending"),
        (lambda: separation_power([1], [1], [0]), "ascending"),
        (lambda: separation_power([5], [1], [0, 2]), "no reference value is within the edges"),
        (lambda: quantile_edges([1], 0), "1 bin or more, found 0"),
        (lambda: separations([[1, 2]], [[1]]), "the same columns, found 2 and 1"),
        (lambda: distances([1, np.inf], [1]), "reference should be finite"),
    ],
)
def test_what_is_wrong_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()

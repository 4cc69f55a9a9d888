"""The raw particles behind a dataset: kept, part of its fingerprint, checked, and told by ``data info``."""

from dataclasses import replace

import h5py
import numpy as np
import pytest

from simbench.harness.data import describing
from simbench.harness.data.dataset import Dataset, write
from simbench.harness.errors import UserError
from simbench.harness.hooks import RawParticles, Responses


@pytest.fixture
def made(toy):
    """Responses of 40 particles in two blocks, of 60 raw ones; the last 20 of them gave nothing."""
    whole = toy.responses()
    conditions = np.concatenate([whole.conditions[::5], np.full((20, 2), 0.25, np.float32)])
    particle = np.concatenate([np.arange(40), np.full(20, -1)])
    hit = np.zeros((60, 5), np.bool_)
    hit[:40] = True
    hit[40:, 1] = True
    raw = RawParticles(conditions, particle, np.repeat([22, 2112], (40, 20)).astype(np.int32), hit)

    def cut(rows, particles):
        parts = (whole.showers, whole.conditions, whole.particle, whole.pdg)
        stream = RawParticles(*(getattr(raw, f)[particles] for f in ("conditions", "particle", "pdg", "hit")))
        return Responses(*(part[rows] for part in parts), stream)

    return raw, [cut(slice(0, 100), slice(0, 30)), cut(slice(100, 200), slice(30, 60))], whole


def stored(toy, path, blocks):
    return write(path, toy.detector, blocks, min_photons=1, provenance="made for a test")


def test_round_trip(toy, made, tmp_path):
    raw, blocks, _ = made
    stored(toy, tmp_path / "a.h5", blocks)
    with Dataset(tmp_path / "a.h5") as data:
        found = data.stream()
        assert data.check() == []
    for name, expected in vars(raw).items():
        np.testing.assert_array_equal(getattr(found, name), expected)
        assert getattr(found, name).dtype == expected.dtype


def test_a_file_may_have_none(toy_file):
    with Dataset(toy_file) as data:
        assert data.stream() is None


def test_it_is_in_the_fingerprint(toy, made, tmp_path):
    _, blocks, whole = made
    digests = {stored(toy, tmp_path / "a.h5", blocks), stored(toy, tmp_path / "b.h5", [whole])}
    hit = blocks[0].stream.hit.copy()
    hit[3, 2] = False
    other = replace(blocks[0], stream=replace(blocks[0].stream, hit=hit))
    digests.add(stored(toy, tmp_path / "c.h5", [other, blocks[1]]))
    assert len(digests) == 3


def test_check_finds_what_was_changed(toy, made, tmp_path):
    path = tmp_path / "a.h5"
    stored(toy, path, made[1])
    with h5py.File(path, "r+") as file:
        file["stream/hit"][50, 0] = 1
    with Dataset(path) as data:
        assert ["fingerprint" in problem for problem in data.check()] == [True]
    with h5py.File(path, "r+") as file:
        file["stream/hit"][50, 0] = 0
        file["stream/particle"][7] = -1
    with Dataset(path) as data:
        assert "row 35: particle 7 is not among the raw particles" in "\n".join(data.check())


def drop(file):
    del file["stream/hit"]


def shorten(file):
    file["stream/pdg"].resize(59, axis=0)


def flatten(file):
    hits = file["stream/hit"][:, 0]
    del file["stream/hit"]
    file["stream/hit"] = hits


@pytest.mark.parametrize(("change", "word"), [(drop, "hit"), (shorten, "stream/pdg"), (flatten, "shape")])
def test_what_does_not_fit_is_one_line(toy, made, tmp_path, change, word):
    path = tmp_path / "a.h5"
    stored(toy, path, made[1])
    with h5py.File(path, "r+") as file:
        change(file)
    with Dataset(path) as data, pytest.raises(UserError, match=word) as error:
        data.stream()
    assert "\n" not in str(error.value)
    assert str(path) in str(error.value)


# What is told


def test_efficiency_by_energy_and_species(made):
    raw, _, _ = made
    energy = np.where(raw.particle < 0, 700.0, 20.0)
    told = dict(describing.efficiency(raw, energy))
    assert told["raw particles"] == "60 of 5 responses, 40 of them in the dataset"
    assert told["not empty"].startswith("73.3 +- ")  # 40 particles of 1, 20 of 0.2
    assert told["  0 to 50 GeV"] == "100.0 +- 0.0 % of 40 particles"
    assert told["  500 to 1000 GeV"] == "20.0 +- 0.0 % of 20 particles"
    assert told["  gamma"].startswith("100.0")
    assert told["  n"].startswith("20.0")
    assert len(told) == 6


def test_peaks_of_particles_of_one_energy(toy, toy_file):
    with Dataset(toy_file) as data:
        photons = np.random.default_rng(0).normal(100, 15, len(data))
        told = list(describing.peaks(data, photons, np.full(len(data), 2680.0)))
        spread = describing.peaks(data, photons, np.random.default_rng(0).uniform(0, 10, len(data)))
        assert list(spread) == []
    assert [name for name, _ in told[:3]] == ["1 x gamma", "2 x gamma", "3 x gamma"]
    means = [float(value.split(",")[0].removeprefix("mean ")) for _, value in told[:3]]
    np.testing.assert_allclose(means, np.array([1, 2, 3]) * photons.mean(), rtol=0.02)
    assert max(len(bar) for _, bar in told[3:]) == 40

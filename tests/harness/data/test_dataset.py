"""Dataset files: what is written is read, and what is damaged is said in one line."""

from dataclasses import replace

import h5py
import numpy as np
import pytest

from simbench.harness.data import dataset
from simbench.harness.data.dataset import Dataset
from simbench.harness.errors import UserError
from simbench.harness.hooks import Responses
from simbench.harness.plugin.detectors import ChannelMap, Detector, Feature


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


FROZEN = "c862eff34308e6edf1b6aa47191c8ed1adbfd8ff4d5a4e436c576398ba4fabb3"


def cut(responses, start, stop):
    parts = (responses.showers, responses.conditions, responses.particle, responses.pdg)
    return Responses(*(part[start:stop] for part in parts))


def write(path, toy, *blocks, min_photons=1, detector=None):
    detector = detector or toy.detector
    return dataset.write(path, detector, blocks, min_photons=min_photons, provenance="made for a test")


def one_line(error):
    text = str(error.value)
    assert "\n" not in text
    return text


@pytest.fixture
def broken(toy, tmp_path):
    """A good file, opened for writing by the function given, and then read; gives the error's one line."""

    def spoil(change):
        path = toy.write(tmp_path / "broken.h5")
        with h5py.File(path, "r+") as file:
            change(file)
        with pytest.raises(UserError) as error:
            Dataset(path)
        message = one_line(error)
        assert str(path) in message
        return message

    return spoil


def test_round_trip(toy, tmp_path):
    made = toy.responses()
    path = tmp_path / "toy.h5"
    fingerprint = write(path, toy, cut(made, 0, 3), cut(made, 3, 150), cut(made, 150, 200))
    with Dataset(path) as data:
        assert len(data) == 200
        assert data.shape == (6, 4)
        assert data.detector == "toy"
        assert data.feature_names == ("energy", "angle")
        assert data.min_photons == 1
        assert data.provenance == "made for a test"
        assert data.fingerprint == fingerprint
        np.testing.assert_array_equal(data.read(0, 200), made.showers)
        np.testing.assert_array_equal(data.conditions, made.conditions)
        np.testing.assert_array_equal(data.particle, made.particle)
        np.testing.assert_array_equal(data.pdg, made.pdg)
        assert (data.conditions.dtype, data.particle.dtype, data.pdg.dtype) == (
            np.float32,
            np.int64,
            np.int32,
        )
        np.testing.assert_array_equal(data.photons(), made.showers.sum(axis=(1, 2)))
        assert data.check() == []
    with h5py.File(path) as file:
        assert list(file.attrs["feature_units"]) == ["GeV", "rad"]
        assert {file[name].compression for name in ("showers", "conditions", "particle", "pdg")} == {"gzip"}
    assert names_in(tmp_path) == ["toy.h5"]


def test_blocks_of_rows_are_direct_indexing(toy, toy_file, monkeypatch):
    monkeypatch.setattr(dataset, "BLOCK", 16)
    made = toy.responses()
    generator = np.random.default_rng(3)
    with Dataset(toy_file) as data:
        blocks = list(data.blocks())
        assert [len(block) for block in blocks] == [16] * 12 + [8]
        np.testing.assert_array_equal(np.concatenate(blocks), made.showers)
        for rows in (
            np.flatnonzero(generator.random(200) < 0.3),
            np.array([0, 15, 16, 199]),
            np.array([31]),
            np.arange(200),
        ):
            np.testing.assert_array_equal(np.concatenate(list(data.blocks(rows))), made.showers[rows])
        assert list(data.blocks(np.zeros(0, np.int64))) == []


def test_fingerprint_is_the_contents(toy, tmp_path):
    made = toy.responses()
    first = write(tmp_path / "a.h5", toy, made)
    assert first == write(tmp_path / "b.h5", toy, *(cut(made, row, row + 7) for row in range(0, 200, 7)))
    assert first == write(tmp_path / "c.h5", toy, replace(made, showers=made.showers.astype(np.uint64)))
    assert first == write(tmp_path / "d.h5", toy, replace(made, showers=made.showers.astype(np.uint8)))
    assert len(first) == 64


def test_fingerprint_frozen(toy, tmp_path):
    """Weights and results name datasets by it: it never changes."""
    made = Responses(
        np.arange(48, dtype=np.uint8).reshape(2, 6, 4),
        np.array([[1, 2], [3, 4.5]], np.float32),
        np.array([0, 1]),
        np.array([22, 2212], np.int32),
    )
    assert write(tmp_path / "a.h5", toy, made) == FROZEN


def test_fingerprint_changes_with_any_content(toy, tmp_path):
    made = toy.responses()

    def changed(name, row):
        values = getattr(made, name).copy()
        values[row] += 1
        return replace(made, **{name: values})

    other_features = replace(toy.detector, features=(Feature("energy", "GeV"), Feature("slope", "rad")))
    other_name = replace(toy.detector, name="other")
    names = ("showers", "conditions", "particle", "pdg")
    swapped = replace(made, **{name: getattr(made, name)[::-1] for name in names})
    prints = [
        write(tmp_path / "a.h5", toy, made),
        *(write(tmp_path / "b.h5", toy, changed(name, 199)) for name in names),
        write(tmp_path / "c.h5", toy, swapped),
        write(tmp_path / "d.h5", toy, cut(made, 0, 199)),
        write(tmp_path / "e.h5", toy, made, min_photons=0),
        write(tmp_path / "f.h5", toy, made, detector=other_features),
        write(tmp_path / "g.h5", toy, made, detector=other_name),
    ]
    assert len(set(prints)) == len(prints)


def test_integers_never_lose_their_high_bits(toy, tmp_path):
    """A file takes the width of its first block; narrower ones fit, wider ones are refused, not clipped."""
    made = toy.responses()
    made.showers[:100, 0, 0] = 40_000
    wide = cut(made, 0, 100)
    narrow = cut(replace(made, showers=made.showers.astype(np.uint8)), 100, 200)
    path = tmp_path / "toy.h5"
    write(path, toy, wide, narrow)
    with Dataset(path) as data:
        assert data.read(50, 51)[0, 0, 0] == 40_000
        assert data.check() == []
    with pytest.raises(ValueError, match="showers began as uint8, which cannot hold a later uint16"):
        write(tmp_path / "other.h5", toy, narrow, wide)
    assert names_in(tmp_path) == ["toy.h5"]


def test_progress_counts_rows(toy, tmp_path):
    made, news = toy.responses(), []
    blocks = [cut(made, 0, 50), cut(made, 50, 200)]
    dataset.write(tmp_path / "a.h5", toy.detector, blocks, min_photons=1, provenance="", progress=news.append)
    assert news == [50, 200]


@pytest.mark.parametrize(
    "change",
    [
        lambda made: {"showers": made.showers[:, :5]},
        lambda made: {"showers": made.showers.astype(np.int32)},
        lambda made: {"showers": made.showers.astype(np.float32)},
        lambda made: {"conditions": made.conditions[:150]},
        lambda made: {"conditions": made.conditions[:, :1]},
        lambda made: {"pdg": made.pdg[:150]},
    ],
    ids=["shape", "signed", "float", "fewer conditions", "fewer features", "fewer pdg"],
)
def test_blocks_that_do_not_fit_are_not_written(toy, tmp_path, change):
    made = toy.responses()
    with pytest.raises(ValueError):
        write(tmp_path / "toy.h5", toy, replace(made, **change(made)))
    assert names_in(tmp_path) == []


@pytest.mark.parametrize("stop", [RuntimeError, KeyboardInterrupt, GeneratorExit])
def test_an_interrupted_write_leaves_nothing(toy, tmp_path, stop):
    def blocks():
        yield toy.responses()
        raise stop

    with pytest.raises(stop):
        dataset.write(tmp_path / "toy.h5", toy.detector, blocks(), min_photons=1, provenance="")
    assert names_in(tmp_path) == []


def test_an_interrupted_write_leaves_the_file_of_before(toy, tmp_path):
    path = toy.write(tmp_path / "toy.h5")
    before = path.read_bytes()
    with pytest.raises(ValueError):
        write(path, toy, toy.responses(), replace(toy.responses(), showers=np.zeros((200, 4, 6), np.uint8)))
    assert path.read_bytes() == before
    assert names_in(tmp_path) == ["toy.h5"]


def test_a_file_that_cannot_be_written(toy, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="cannot write") as error:
        toy.write(tmp_path / "file" / "toy.h5")
    one_line(error)


def test_files_that_are_none(tmp_path):
    text = tmp_path / "text.h5"
    text.write_text("no HDF5")
    empty = tmp_path / "empty.h5"
    empty.touch()
    for path, reason in (
        (tmp_path / "absent.h5", "no such file"),
        (tmp_path, "it is a folder"),
        (text, "it is no HDF5 file"),
        (empty, "no HDF5 file|truncated"),
    ):
        with pytest.raises(UserError, match=reason) as error:
            Dataset(path)
        assert str(path) in one_line(error)


@pytest.mark.parametrize("left", [0.99, 0.5, 0.1, 0.01])
def test_truncated(toy_file, tmp_path, left):
    content = toy_file.read_bytes()
    path = tmp_path / "toy.h5"
    path.write_bytes(content[: int(left * len(content))])
    with pytest.raises(UserError, match=r"truncated|no HDF5 file") as error:
        Dataset(path)
    one_line(error)


def test_damaged_bytes_are_said_or_seen(toy, toy_file, tmp_path):
    """Wherever a file is damaged: it is refused in one line, found by ``check``, or its content is whole."""
    content, made = toy_file.read_bytes(), toy.responses()
    path, lines = tmp_path / "toy.h5", {}
    for place in np.random.default_rng(0).integers(0, len(content), 60):
        damaged = bytearray(content)
        damaged[place] ^= 0xFF
        path.write_bytes(damaged)
        try:
            with Dataset(path) as data:
                if data.check() == []:
                    np.testing.assert_array_equal(data.read(0, 200), made.showers)
                    np.testing.assert_array_equal(data.conditions, made.conditions)
        except UserError as error:
            lines[place] = str(error).count("\n")
    assert not any(lines.values()), lines
    assert lines


@pytest.mark.parametrize(
    "name", ["detector", "feature_names", "feature_units", "min_photons", "provenance", "fingerprint"]
)
def test_missing_attribute(broken, name):
    assert f"lacks {name}" in broken(lambda file: file.attrs.pop(name))


@pytest.mark.parametrize("name", ["showers", "conditions", "particle", "pdg"])
def test_missing_column(broken, name):
    assert f"lacks {name}" in broken(lambda file: file.pop(name))


def test_other_format_versions(broken):
    def of(version):
        return lambda file: file.attrs.create("format_version", version)

    found = broken(lambda file: file.attrs.pop("format_version"))
    assert "format_version should be 1 or 2, found none" in found
    assert "format_version should be 1 or 2, found 3" in broken(of(3))
    broken(of("one"))


def replaced(name, values):
    def change(file):
        del file[name]
        file[name] = values

    return change


def test_wrong_shapes(broken):
    assert "unsigned integers (N, H, W), found uint8 of shape (200, 24)" in broken(
        replaced("showers", np.zeros((200, 24), np.uint8))
    )
    assert "found float32" in broken(replaced("showers", np.zeros((200, 6, 4), np.float32)))
    assert "found int64" in broken(replaced("showers", np.zeros((200, 6, 4), np.int64)))
    message = broken(replaced("conditions", np.zeros((200, 3), np.float32)))
    assert "conditions should have the shape (200, 2)" in message
    assert "found (200, 3)" in message


def test_mixed_lengths(broken):
    assert "(199,)" in broken(replaced("particle", np.zeros(199, np.int64)))
    assert "(201,)" in broken(replaced("pdg", np.zeros(201, np.int32)))
    assert "(7, 2)" in broken(replaced("conditions", np.zeros((7, 2), np.float32)))


def test_a_group_in_the_place_of_showers(broken):
    def change(file):
        del file["showers"]
        file.create_group("showers")

    broken(change)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_conditions_that_are_not_finite(broken, value):
    def change(file):
        file["conditions"][[17, 30], 1] = value

    assert "conditions of row 17 are not finite (2 such rows)" in broken(change)


def test_of_another_detector(toy, toy_file):
    names = toy.detector.channels
    masks = ChannelMap(("all",), np.ones((1, 6, 5), dtype=bool))
    wide = Detector("toy", "", (6, 5), "photons", toy.detector.features, {"all": masks}, "all")
    other_features = replace(toy.detector, features=toy.detector.features[::-1], channels=names)
    with Dataset(toy_file) as data:
        data.require(toy.detector)
        for detector, message in (
            (replace(toy.detector, name="other"), "detector should be other, found toy"),
            (wide, r"image shape should be \(6, 5\), found \(6, 4\)"),
            (other_features, "features should be .*'angle', 'energy'.*found .*'energy', 'angle'"),
        ):
            with pytest.raises(UserError, match=message) as error:
                data.require(detector)
            one_line(error)


def checked(path):
    with Dataset(path) as data:
        return data.check()


def test_check_finds_a_changed_pixel(toy, tmp_path):
    path = toy.write(tmp_path / "toy.h5")
    with h5py.File(path, "r+") as file:
        file["showers"][123, 4, 2] += 1
    (problem,) = checked(path)
    assert problem.startswith("fingerprint should be")


@pytest.mark.parametrize("name", ["conditions", "particle", "pdg"])
def test_check_finds_changed_labels(toy, tmp_path, name):
    path = toy.write(tmp_path / "toy.h5")
    with h5py.File(path, "r+") as file:
        file[name][:5] += 1  # all responses of the first particle
    assert any(problem.startswith("fingerprint should be") for problem in checked(path))


def test_check_finds_faint_responses(toy, tmp_path):
    made = toy.responses()
    made.showers[[8, 77]] = 0
    problems = checked(toy.write(tmp_path / "toy.h5", made))
    assert problems == ["row 8: a photon sum below the threshold 1 (2 such rows in this block)"]
    assert checked(toy.write(tmp_path / "zero.h5", made, min_photons=0)) == []


def test_check_finds_a_particle_of_two_conditions(toy, tmp_path):
    made = toy.responses()
    made.conditions[12, 1] += 1
    (problem,) = checked(toy.write(tmp_path / "toy.h5", made))
    assert "particle 2 has conditions that differ" in problem


def test_check_covers_every_block(toy, tmp_path, monkeypatch):
    path = toy.write(tmp_path / "toy.h5")
    monkeypatch.setattr(dataset, "BLOCK", 7)
    assert checked(path) == []

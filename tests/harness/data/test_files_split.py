"""Training and test files kept apart: ``--test`` of an import, names that tell, and ``--split file``."""

from dataclasses import replace

import h5py
import numpy as np
import pytest

from simbench.harness.data.dataset import Dataset
from simbench.harness.data.importing import import_files
from simbench.harness.data.open import open_data, parts_of, share_of_test, split_rows
from simbench.harness.errors import UserError
from simbench.harness.hooks import DatasetReader, ReadRequest, Responses
from simbench.harness.plugin.registry import Source
from simbench.plugins.readers.find import calochallenge_reference


@pytest.fixture
def reader(toy):
    """Each file holds as many of the toy's responses as its text says."""
    whole = toy.responses()
    names = ("showers", "conditions", "particle", "pdg")

    def read(request):
        for path in request.files:
            rows = slice(0, int(path.read_text()))
            yield Responses(*(getattr(whole, name)[rows] for name in names))

    def find(detector, path):
        return tuple(sorted(path.glob("*.toy"))) if path.is_dir() else None

    return DatasetReader(
        "toys",
        "Toy files",
        "FILE [FILE ...]",
        read,
        "read for a test",
        detectors=("toy",),
        find=find,
        test_file=lambda path: path.stem == "exam",
    )


@pytest.fixture
def files(tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    for name, rows in (("a", 60), ("exam", 50), ("z", 90)):
        (folder / f"{name}.toy").write_text(str(rows))
    return {name: folder / f"{name}.toy" for name in ("a", "exam", "z")}


@pytest.fixture
def parted(toy, reader, files, tmp_path):
    request = ReadRequest(toy.detector, (files["a"], files["z"]))
    import_files(reader, request, tmp_path / "out.h5", test=(files["exam"],))
    with Dataset(tmp_path / "out.h5") as data:
        yield data


def test_rows_of_test_files_are_the_test_part(parted):
    learned, test = split_rows(parted, "file", 0, 1)
    np.testing.assert_array_equal(learned, np.arange(150))
    np.testing.assert_array_equal(test, np.arange(150, 200))
    assert share_of_test(parted, "file") == 0.25
    assert share_of_test(parted, "particle") == 0.2
    assert "files a.toy, z.toy, exam.toy (the last 1 of them for the test)" in parted.provenance
    assert parted.check() == []


def test_a_tenth_of_the_training_files_is_for_validation(parted):
    parts = parts_of(parted, "file", 0, 1)
    assert (len(parts.train), len(parts.validation), len(parts.test)) == (135, 15, 50)
    assert parts.validation.max() < 150


def test_the_part_is_content(toy, reader, files, parted, tmp_path):
    """A dataset of the same rows without parts, or with others, has another fingerprint."""
    names = [files[name] for name in ("a", "z", "exam")]
    found = {parted.fingerprint}
    for number, tests in enumerate((0, 2)):
        learned, test = names[: 3 - tests], names[3 - tests :]
        request = ReadRequest(toy.detector, tuple(learned))
        found.add(import_files(reader, request, tmp_path / f"{number}.h5", test=tuple(test)).fingerprint)
    assert len(found) == 3


def test_files_of_a_folder_are_told_apart_by_name(toy, reader, files):
    registry = toy.registry(toy.offer("flat"))
    registry.add(toy.plugin(readers=[reader]), Source("reads", "3"))
    with open_data(registry, toy.detector, str(files["a"].parent)) as data:
        assert len(split_rows(data, "file", 0, 1)[1]) == 50
    with open_data(registry, toy.detector, f"toys:{files['exam']}") as data:
        assert data.part is None  # of one part only


def test_data_without_parts(toy, reader, files, tmp_path):
    import_files(reader, ReadRequest(toy.detector, (files["a"],)), tmp_path / "one.h5")
    with (
        Dataset(tmp_path / "one.h5") as data,
        pytest.raises(UserError, match="does not tell them apart"),
    ):
        split_rows(data, "file", 0, 1)


@pytest.mark.parametrize(
    ("part", "word"), [(np.full(200, 2, "u1"), "found 2"), (np.zeros(199, "u1"), r"found \(199,\)")]
)
def test_a_part_that_is_none(parted, tmp_path, part, word):
    path = tmp_path / "out.h5"
    parted.__exit__(None, None, None)
    with h5py.File(path, "r+") as file:
        del file["part"]
        file["part"] = part
    with pytest.raises(UserError, match=f"part should .*{word}"):
        Dataset(path)


def test_one_part_is_no_split(parted):
    parted.part = np.zeros(200, np.uint8)
    with pytest.raises(UserError, match="all 200 responses are of training files"):
        split_rows(parted, "file", 0, 1)


def test_a_reader_of_blocks_with_and_without_parts(toy, reader, files, tmp_path):
    def read(request):
        for number, block in enumerate(reader.read(request)):
            yield replace(block, part=np.zeros(len(block.pdg), np.uint8)) if number else block

    request = ReadRequest(toy.detector, (files["a"], files["z"]))
    with pytest.raises(ValueError, match="their part all or none"):
        import_files(replace(reader, read=read), request, tmp_path / "out.h5")


def test_names_of_the_challenge(tmp_path):
    names = ["dataset_1_photons_2.hdf5", "dataset_1_pions_2.hdf5", "dataset_2_2.hdf5", "dataset_3_3.hdf5"]
    assert all(calochallenge_reference(tmp_path / name) for name in names)
    others = ["dataset_1_photons_1.hdf5", "dataset_2_1.hdf5", "dataset_3_2.hdf5", "my_dataset_2_2.hdf5"]
    assert not any(calochallenge_reference(tmp_path / name) for name in others)

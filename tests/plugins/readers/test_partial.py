"""Nothing of a folder is left out in silence: it is refused by name, or left out on request and told."""

import h5py
import numpy as np
import pytest

from simbench.harness.data.open import open_data
from simbench.harness.errors import UserError

CALO = "calochallenge-photons"


@pytest.fixture
def folder(user_files, tmp_path):
    """A folder of two CaloChallenge files."""
    generator = np.random.default_rng(0)
    (tmp_path / "d").mkdir()
    for number in (1, 2):
        energies = 256.0 * 2 ** generator.integers(0, 15, 80)
        showers = energies[:, None] * generator.dirichlet(np.ones(368), 80)
        user_files.calochallenge(tmp_path / "d" / f"photons_{number}.hdf5", showers, energies)
    return tmp_path / "d"


def truncated(path):
    path.write_bytes(path.read_bytes()[:2000])


def dangling(path):
    path.unlink()
    path.symlink_to("../blobs/gone")


def half(path):
    path.rename(path.with_name(path.name + ".part"))


def hidden(path):
    path.rename(path.with_name(f".{path.name}.x7Kf2a"))


def packed(path):
    path.rename(path.with_name(path.name + ".gz"))


def partner(path):
    with h5py.File(path, "r+") as file:
        del file["incident_energies"]


def other_size(path):
    with h5py.File(path, "r+") as file:
        del file["showers"]
        file["showers"] = np.ones((80, 100))


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (truncated, "truncated"),
        (dangling, "which is not there"),
        (half, "still being written"),
        (hidden, "still being written"),
        (packed, "unpack it"),
        (partner, "it has showers only"),
        (other_size, "have the shape"),
    ],
)
def test_what_cannot_be_read_is_named_or_left_out_and_told(ours, folder, spoil, said):
    detector = ours.detectors[CALO]
    with open_data(ours, detector, str(folder)) as data:
        assert (len(data), data.left_out) == (160, ())
    spoil(folder / "photons_2.hdf5")
    with pytest.raises(
        UserError, match=rf"1 of 2 files cannot be read: .*photons_2.*{said}.*--allow-partial"
    ):
        open_data(ours, detector, str(folder))
    with pytest.warns(UserWarning, match=r"1 of 2 files are left out: .*photons_2"):
        data = open_data(ours, detector, str(folder), partial=True)
    with data:
        assert len(data) == 80
        assert len(data.left_out) == 1
        assert "WITHOUT" in data.provenance
        assert said in data.provenance


def test_files_of_another_detector_are_no_part_and_are_named(ours, folder):
    with h5py.File(folder / "pions_1.hdf5", "w") as file:
        file["incident_energies"], file["showers"] = np.ones((5, 1)), np.ones((5, 533))
    said = "not read, for they hold no showers of calochallenge-photons: pions_1"
    with pytest.warns(UserWarning, match=said):
        data = open_data(ours, ours.detectors[CALO], str(folder))
    with data:
        assert len(data) == 160


def test_nothing_can_be_read(ours, folder):
    for path in folder.iterdir():
        truncated(path)
    with pytest.raises(UserError, match=r"no file of it can be read: photons_1.*truncated"):
        open_data(ours, ours.detectors[CALO], str(folder), partial=True)
    with pytest.raises(UserError, match="the HDF5 file is truncated"):
        open_data(ours, ours.detectors[CALO], str(folder / "photons_1.hdf5"))


@pytest.mark.parametrize("lost", ["proton_image_run9.txt", "non_zero_examples_run9.txt"])
def test_text_files_without_their_partner(ours, user_files, samples, tmp_path, lost):
    for number in (9, 10):
        user_files.zdcfastsim(tmp_path, *samples["proton"], "proton", f"_run{number}")
    (tmp_path / lost).unlink()
    with pytest.raises(UserError, match=f"1 of 3 files cannot be read: .*run9.txt.*no {lost} beside it"):
        open_data(ours, ours.detectors["proton"], str(tmp_path))
    with pytest.warns(UserWarning, match="1 of 3 files are left out"):
        data = open_data(ours, ours.detectors["proton"], str(tmp_path), partial=True)
    with data:
        assert len(data) == 192


@pytest.mark.parametrize("kind", ["wojnar", "majerz"])
def test_arrays_without_their_partner(ours, user_files, samples, tmp_path, kind):
    files = getattr(user_files, kind)(tmp_path, *samples["neutron"])
    files[1].unlink()
    with pytest.raises(UserError, match=r"responses.npz.*there is no data_nonrandom_particles"):
        open_data(ours, ours.detectors["neutron"], str(tmp_path))


def test_one_file_twice(ours, folder):
    file = folder / "photons_1.hdf5"
    (folder / "again.hdf5").symlink_to(file)
    with pytest.raises(UserError, match="named twice"):
        open_data(ours, ours.detectors[CALO], f"calochallenge:{file},{folder / 'again.hdf5'}")


def test_a_file_that_grows_while_it_is_read(ours, folder, monkeypatch):
    from simbench.harness.data import importing

    look = importing.content_hash

    def grows(files):
        with files[0].open("ab") as file:
            file.write(b"\0")
        return look(files)

    monkeypatch.setattr(importing, "content_hash", grows)
    with pytest.raises(UserError, match=r"photons_1.hdf5 changed while it was read"):
        open_data(ours, ours.detectors[CALO], str(folder))

"""Each kind of users' files, read as it should be."""

import h5py
import numpy as np
import pytest

from simbench.harness.data.open import open_data
from simbench.harness.errors import UserError
from simbench.plugins.calochallenge import PDG
from simbench.plugins.readers.zdc_particles import known

DETECTORS = ("proton", "neutron")
KINDS = ("expertsim", "wojnar", "majerz", "zdcfastsim", "simbench", "calochallenge", "root", "showerdata")


def with_masses(conditions, pdg):
    """Conditions whose masses are those of the package ``particle``, as a file without them gets."""
    table = known(np.unique(pdg))
    expected = conditions.copy()
    expected[:, 7] = [table[int(number)][0] for number in pdg]
    return expected


def test_offers(ours):
    assert [reader.name for reader in ours.readers] == list(KINDS)
    assert ours.problems == []
    assert ours.readers["expertsim"].files == "IMAGES CONDITIONS [POSITIONS]"


@pytest.mark.parametrize("detector", DETECTORS)
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64, np.uint8])
def test_wojnar(imported, holds, user_files, samples, tmp_path, detector, dtype):
    showers, conditions, pdg = samples[detector]
    showers = np.minimum(showers, 255) if dtype is np.uint8 else showers
    said, data = imported("wojnar", user_files.wojnar(tmp_path, showers, conditions, pdg, dtype), detector)
    holds(data, showers, conditions, pdg)
    assert data.read(0, 1).dtype == np.uint16
    assert said.dropped == 48
    assert said.responses == len(data) == 192
    assert said.particles == 60
    assert (said.smallest, said.largest) == (data.photons().min(), data.photons().max())
    assert said.fingerprint == data.fingerprint


def test_provenance_names_files_and_content_and_no_folder(imported, user_files, samples, tmp_path):
    _, data = imported("wojnar", user_files.wojnar(tmp_path, *samples["proton"]), "proton")
    for part in ("wojnar", "data_nonrandom_responses.npz, data_nonrandom_particles.npz", "192 of 240"):
        assert part in data.provenance
    assert str(tmp_path) not in data.provenance


@pytest.mark.parametrize("detector", DETECTORS)
def test_wojnar_without_pdg_ids(imported, holds, user_files, samples, tmp_path, detector):
    showers, conditions, pdg = samples[detector]
    files = user_files.wojnar(tmp_path, showers, conditions, pdg)
    np.savez(files[1], conditions)
    _, data = imported("wojnar", files, detector)
    holds(data, showers, conditions, np.zeros_like(pdg))


def test_particles_stored_column_by_column(imported, holds, user_files, samples, tmp_path):
    """As a table of pandas comes out of numpy.savez."""
    files = user_files.wojnar(tmp_path, *samples["neutron"])
    table = np.load(files[1])["arr_0"]
    np.savez(files[1], np.asfortranarray(table))
    holds(imported("wojnar", files, "neutron")[1], *samples["neutron"])


def test_plain_npy_files(imported, holds, user_files, samples, tmp_path):
    files = [path.with_suffix(".npy") for path in user_files.wojnar(tmp_path, *samples["neutron"])]
    for path in files:
        np.save(path, np.load(path.with_suffix(".npz"))["arr_0"])
    holds(imported("wojnar", files, "neutron")[1], *samples["neutron"])


def test_majerz(imported, holds, user_files, samples, tmp_path):
    files = user_files.majerz(tmp_path, *samples["neutron"])
    holds(imported("majerz", files, "neutron")[1], *samples["neutron"])


@pytest.mark.parametrize("detector", DETECTORS)
def test_masses_in_mev_become_gev(imported, user_files, samples, tmp_path, detector):
    """The package ``particle`` gives masses in MeV, and so do files that were made with it."""
    showers, conditions, pdg = samples[detector]
    in_mev = conditions.astype(np.float64)
    in_mev[:, 7] *= 1000
    files = user_files.wojnar(tmp_path, showers, in_mev, pdg)
    with pytest.warns(UserWarning, match="masses are in MeV, converted to GeV"):
        _, data = imported("wojnar", files, detector)
    kept = showers.any(axis=(1, 2))
    np.testing.assert_allclose(data.conditions, conditions[kept], rtol=1e-6)


def test_one_wrong_mass_does_not_make_them_mev(imported, user_files, samples, tmp_path):
    """Of photons, whose masses are 0: 65,536 would be a mass in MeV that goes with energy and momentum."""
    showers, conditions, pdg = (part[samples["neutron"][2] == 22] for part in samples["neutron"])
    row = int(np.argmax(conditions[:, 0]))
    assert conditions[row, 0] > 1000
    conditions = conditions.astype(np.float64)
    conditions[row, 7] = 20_000.0
    with pytest.raises(UserError, match=r"mass should be at most 300 in GeV, found 20000"):
        imported("wojnar", user_files.wojnar(tmp_path, showers, conditions, pdg), "neutron")


def test_kinetic_energies_are_taken_as_they_are(imported, holds, user_files, samples, tmp_path):
    showers, conditions, pdg = samples["neutron"]
    kinetic = conditions.copy()
    kinetic[:, 0] -= kinetic[:, 7]
    holds(
        imported("wojnar", user_files.wojnar(tmp_path, showers, kinetic, pdg), "neutron")[1],
        showers,
        kinetic,
        pdg,
    )


@pytest.mark.parametrize("detector", DETECTORS)
def test_zdcfastsim(imported, holds, user_files, samples, tmp_path, detector):
    showers, conditions, pdg = samples[detector]
    files = user_files.zdcfastsim(tmp_path, showers, conditions, pdg, detector)
    _, data = imported("zdcfastsim", files, detector)
    holds(data, showers, with_masses(conditions, pdg), pdg)


def test_zdcfastsim_of_several_jobs(imported, holds, user_files, samples, tmp_path):
    showers, conditions, pdg = samples["proton"]
    files = [
        path
        for number, rows in ((1, slice(100)), (2, slice(100, None)))
        for path in user_files.zdcfastsim(
            tmp_path, showers[rows], conditions[rows], pdg[rows], "proton", f"_run{number}"
        )
    ]
    holds(imported("zdcfastsim", files, "proton")[1], showers, with_masses(conditions, pdg), pdg)


def test_columns_of_text_go_by_their_names(imported, holds, user_files, samples, tmp_path):
    showers, conditions, pdg = samples["proton"]
    examples, images = user_files.zdcfastsim(tmp_path, showers, conditions, pdg, "proton")
    lines = [line.split(",") for line in examples.read_text().splitlines()]
    examples.write_text("\n".join(",".join(reversed(cells)) for cells in lines) + "\n\n")
    holds(imported("zdcfastsim", (examples, images), "proton")[1], showers, with_masses(conditions, pdg), pdg)


def test_the_published_example_of_a_photon(imported, tmp_path):
    """The particle of O2's fast-simulation test."""
    images, particles = tmp_path / "images.npz", tmp_path / "particles.npz"
    photon = [513.3, 1.454e-08, 3.651e-08, -2.731e-03, 0.035456, -0.0518206, -513.3, 0, 0, 22]
    np.savez(images, np.ones((3, 44, 44)))
    np.savez(particles, np.array([photon] * 3))
    said, data = imported("wojnar", (images, particles), "neutron")
    assert said.particles == 1
    np.testing.assert_array_equal(data.conditions[0], np.float32(photon[:9]))


def test_simbench_filters_and_joins(imported, holds, user_files, samples, tmp_path):
    showers, conditions, pdg = samples["neutron"]
    _, first = imported("wojnar", user_files.wojnar(tmp_path, showers, conditions, pdg), "neutron")
    _, data = imported("simbench", (first.path, first.path), "neutron", 20)
    holds(data, np.tile(showers, (2, 1, 1)), np.tile(conditions, (2, 1)), np.tile(pdg, 2), 20)
    assert data.min_photons == 20
    with pytest.raises(UserError, match="responses of 20 photons or more only"):
        imported("simbench", (data.path,), "neutron", 5)


def test_a_count_beyond_16_bits(imported, holds, user_files, samples, tmp_path):
    showers, conditions, pdg = samples["neutron"]
    showers = showers.astype(np.uint32)
    showers[-1, 20, 20] = 70_000
    _, data = imported("wojnar", user_files.wojnar(tmp_path, showers, conditions, pdg), "neutron")
    holds(data, showers, conditions, pdg)
    assert data.read(0, 1).dtype == np.uint32


CALO = {
    "calochallenge-photons": 368,
    "calochallenge-pions": 533,
    "calochallenge-electrons": 6480,
    "calochallenge-electrons-fine": 40500,
}


@pytest.mark.parametrize("detector", CALO)
def test_calochallenge(ours, imported, holds, user_files, tmp_path, detector):
    generator = np.random.default_rng(1)
    showers = generator.exponential(700 / CALO[detector], (30, CALO[detector])) * (
        generator.random((30, CALO[detector])) < 0.2
    )
    energies = 2.0 ** generator.integers(8, 12, 30)
    files = user_files.calochallenge(tmp_path / "one.hdf5", showers, energies)
    said, data = imported("calochallenge", files, detector, 0)
    showers[showers < ours.detectors[detector].geometry.threshold] = 0
    shape = ours.detectors[detector].shape
    holds(
        data,
        showers.astype(np.float32).reshape(-1, *shape),
        energies.astype(np.float32)[:, None],
        np.full(30, PDG[detector], np.int32),
        0,
    )
    assert data.read(0, 1).dtype == np.float32
    assert not data.counted
    assert said.particles == len(np.unique(energies))
    assert open_data(ours, ours.detectors[detector], str(files[0])).fingerprint == data.fingerprint


def test_what_the_calochallenge_takes_otherwise(imported, user_files, tmp_path):
    """Voxels below zero, told; energies without a second axis."""
    showers = np.full((3, 368), 2.0)
    showers[1, 7] = -0.5
    files = user_files.calochallenge(tmp_path / "one.hdf5", showers, np.full(3, 256.0))
    with h5py.File(files[0], "a") as file:
        del file["incident_energies"]
        file["incident_energies"] = np.full(3, 256.0)
    with pytest.warns(UserWarning, match="one.hdf5: 1 voxels are below 0 MeV: read as 0"):
        data = imported("calochallenge", files, "calochallenge-photons", 0)[1]
    assert data.read(0, 3)[1, 0, 7] == 0
    assert data.conditions.tolist() == [[256.0]] * 3


def test_layers_of_the_calochallenge(ours):
    """The public binning: voxels of layers 0, 1, 2, 3, 12 and 0, 1, 2, 3, 12, 13, 14, and 45 equal layers."""
    sizes = {name: ours.detectors[name].channel_map().masks.sum(axis=(1, 2)).tolist() for name in CALO}
    assert sizes["calochallenge-photons"] == [8, 160, 190, 5, 5]
    assert sizes["calochallenge-pions"] == [8, 100, 100, 5, 150, 160, 10]
    assert sizes["calochallenge-electrons"] == [144] * 45
    assert sizes["calochallenge-electrons-fine"] == [900] * 45
    assert ours.detectors["calochallenge-pions"].channel_map().names[-3:] == ("layer12", "layer13", "layer14")
    flat = ours.detectors["calochallenge-photons"].channel_map().masks[1].ravel()
    assert np.flatnonzero(flat).tolist() == list(range(8, 168))


def test_measured_energies_keep_the_fingerprint_of_counts_apart(ours, imported, user_files, tmp_path):
    energies = np.full(4, 512.0)
    one = imported(
        "calochallenge",
        user_files.calochallenge(tmp_path / "a.hdf5", np.full((4, 368), 1.0), energies),
        "calochallenge-photons",
        0,
    )[1]
    other = imported(
        "calochallenge",
        user_files.calochallenge(tmp_path / "b.hdf5", np.full((4, 368), 1.25), energies),
        "calochallenge-photons",
        0,
    )[1]
    assert one.fingerprint != other.fingerprint
    with h5py.File(one.path) as file:
        assert file.attrs["format_version"] == 2


# Named directly


def test_data_named_directly(ours, user_files, samples, tmp_path, cache):
    showers, conditions, pdg = samples["proton"]
    proton = ours.detectors["proton"]
    folder = tmp_path / "text"
    folder.mkdir()
    for number, rows in ((10, slice(100, None)), (9, slice(100))):
        user_files.zdcfastsim(folder, showers[rows], conditions[rows], pdg[rows], "proton", f"_run{number}")
    with open_data(ours, proton, str(folder)) as data:
        np.testing.assert_array_equal(data.read(0, len(data)), showers[showers.any(axis=(1, 2))])
        kept, fingerprint = data.path, data.fingerprint
    assert cache in kept.parents
    written = kept.stat().st_mtime_ns
    with open_data(ours, proton, str(folder)) as data:
        assert data.path.stat().st_mtime_ns == written
    explicit = ",".join(
        str(folder / f"{name}_run{number}.txt")
        for number in (9, 10)
        for name in ("non_zero_examples", "proton_image")
    )
    with open_data(ours, proton, f"zdcfastsim:{explicit}") as data:
        assert data.fingerprint == fingerprint
    one = folder / "proton_image_run9.txt"
    with open_data(ours, proton, str(one)) as data:
        assert len(data) == 80
    image = one.read_bytes()
    one.write_bytes(image.replace(b"0", b"1", 1))
    with pytest.raises(UserError, match="photon sum"):
        open_data(ours, proton, str(folder))


@pytest.mark.parametrize("kind", ["wojnar", "majerz"])
def test_a_pair_is_recognised_by_either_file_or_its_folder(ours, user_files, samples, tmp_path, kind):
    files = getattr(user_files, kind)(tmp_path, *samples["neutron"])
    found = set()
    for path in (tmp_path, *files):
        with open_data(ours, ours.detectors["neutron"], str(path)) as data:
            assert f"imported from {kind}" in data.provenance
            found.add(data.path)
    assert len(found) == 1


def test_what_is_not_recognised_is_said(ours, user_files, samples, tmp_path):
    proton = ours.detectors["proton"]
    (tmp_path / "some.txt").write_text("1 2 3")
    for path, reason in ((tmp_path, "it is a folder"), (tmp_path / "some.txt", "it is no dataset of ours")):
        with pytest.raises(UserError, match=f"{reason}.*expertsim, wojnar"):
            open_data(ours, proton, str(path))
    with pytest.raises(UserError, match="unknown kind of files 'wojnr'; known: expertsim"):
        open_data(ours, proton, "wojnr:a.npz,b.npz")
    with pytest.raises(UserError, match=r"wojnar needs files|no such file"):
        open_data(ours, proton, "wojnar:a.npz,b.npz")
    with pytest.raises(UserError, match="wojnar needs files: RESPONSES PARTICLES"):
        open_data(ours, proton, "wojnar:")
    user_files.wojnar(tmp_path, *samples["proton"])
    user_files.zdcfastsim(tmp_path, *samples["proton"], "proton")
    with pytest.raises(UserError, match="may be of kind wojnar or zdcfastsim: say which"):
        open_data(ours, proton, str(tmp_path))


def test_pickles_are_found_by_their_names(ours, tmp_path):
    find = ours.readers["expertsim"].find
    names = [
        "data_proton_photonsum_proton_1_2312.pkl",
        "data_cond_photonsum_proton_1_2312.pkl",
        "data_coord_proton_photonsum_proton_1_2312.pkl",
    ]
    for name in names:
        (tmp_path / name).touch()
    expected = tuple(tmp_path / name for name in names)
    assert find(ours.detectors["proton"], tmp_path) == expected
    assert find(ours.detectors["proton"], expected[1]) == expected
    assert find(ours.detectors["proton"], tmp_path / "other.pkl") is None
    expected[2].unlink()
    assert find(ours.detectors["proton"], tmp_path) == expected[:2]
    (tmp_path / "data_neutron_1.pkl").touch()
    assert find(ours.detectors["proton"], tmp_path) is None


def test_a_dataset_of_ours_is_opened_where_it_is(ours, imported, user_files, samples, tmp_path):
    _, data = imported("wojnar", user_files.wojnar(tmp_path, *samples["proton"]), "proton")
    with open_data(ours, ours.detectors["proton"], str(data.path)) as opened:
        assert opened.path == data.path

"""ROOT files and point clouds: images and hits in the detector's pixels, and what is refused."""

import h5py
import numpy as np
import pytest

from simbench.baselines.montecarlo import make_dataset
from simbench.harness.data.dataset import Dataset
from simbench.harness.data.importing import import_files
from simbench.harness.data.open import open_data
from simbench.harness.errors import UserError
from simbench.harness.hooks import ReadRequest
from simbench.plugins.zdc import FEATURES

uproot = pytest.importorskip("uproot")
ak = pytest.importorskip("awkward")

SHOWERS = "calochallenge-electrons"


@pytest.fixture
def imported(ours, tmp_path):
    """``imported(kind, path, detector, force, **options)``: showers, conditions and PDG ids."""

    def call(kind, path, detector, force=False, **options):
        out = tmp_path / "out.h5"
        about = ours.detectors[detector]
        request = ReadRequest(about, (path,), ours.readers[kind].threshold(about), force, options)
        import_files(ours.readers[kind], request, out)
        with Dataset(out) as data:
            return data.read(0, len(data)), data.conditions, data.pdg

    return call


@pytest.fixture(scope="module")
def particles():
    """Forty responses of the neutron calorimeter."""
    made = make_dataset("neutron", particles=20, repeats=2, seed=3)
    return made.showers, made.conditions, made.pdg


def written(path, kind, branches):
    """A TTree or an RNTuple ``events`` with these arrays."""
    with uproot.recreate(path) as file:
        if kind == "TTree":
            types = {
                name: f"var * {values.type.content.content}"
                if isinstance(values, ak.Array)
                else (values.dtype, values.shape[1:])
                for name, values in branches.items()
            }
            file.mktree("events", types)
            file["events"].extend(branches)
        else:
            file.mkrntuple("events", {name: ak.Array(values) for name, values in branches.items()})
    return path


def of_particles(conditions, pdg):
    return {
        **dict(zip((feature.name for feature in FEATURES), conditions.T, strict=True)),
        "pdg": pdg,
    }


@pytest.mark.parametrize("kind", ["TTree", "RNTuple"])
def test_images_of_a_tree(imported, particles, tmp_path, kind):
    showers, conditions, pdg = particles
    branches = {**of_particles(conditions, pdg), "fibres": showers.astype(np.int32)}
    path = written(tmp_path / "a.root", kind, branches)
    found = imported("root", path, "neutron", image="fibres")
    for one, other in zip(found, particles, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("kind", ["TTree", "RNTuple"])
def test_hits_of_a_tree_become_images(imported, particles, tmp_path, kind):
    """Mass and charge are those of the PDG id; energies in MeV are told by the branch's unit."""
    showers, conditions, pdg = particles
    event, row, column = np.nonzero(showers)
    counts = np.bincount(event, minlength=len(showers))
    lists = {
        name: ak.unflatten(values.astype(np.int32), counts)
        for name, values in (("i", row), ("j", column), ("n", showers[event, row, column]))
    }
    named = dict(zip("abcdefg", conditions[:, :7].astype(np.float64).T, strict=True))
    named["a"] = named["a"] * 1000
    path = written(tmp_path / "a.root", kind, {**named, "id": pdg, **lists})
    options = {"content": "n", "row": "i", "column": "j", "pdg": "id", "conditions": "a[MeV],b,c,d,e,f,g"}
    found = imported("root", path, "neutron", **options)
    np.testing.assert_array_equal(found[0], showers)
    np.testing.assert_allclose(found[1], conditions, rtol=2e-3, atol=2e-3)
    np.testing.assert_array_equal(found[2], pdg)


def clouds(showers=8, seed=1):
    """Points of showers: numbers of points, x, y, layer, energy in MeV, and what they are in the voxels."""
    draw = np.random.default_rng(seed)
    counts = draw.integers(1, 40, showers)
    x, y = draw.normal(0, 20, (2, counts.sum()))
    layer, energy = draw.integers(0, 45, counts.sum()), draw.exponential(60, counts.sum()) + 1
    radius, turn = np.hypot(x, y), np.arctan2(y, x)
    ring, sector = (radius / 4.65).astype(int), ((turn + np.pi) / (2 * np.pi) * 16).astype(int) % 16
    voxels, owner = np.zeros((showers, 45, 144)), np.repeat(np.arange(showers), counts)
    inside = ring < 9
    np.add.at(voxels, (owner[inside], layer[inside], (sector * 9 + ring)[inside]), energy[inside])
    return counts, x, y, layer, energy, voxels


@pytest.mark.parametrize("way", ["layer,x,y", "z,x,y", "layer,r,phi"])
def test_hits_around_an_axis_fill_voxels(imported, tmp_path, way):
    counts, x, y, layer, energy, voxels = clouds()
    columns = {
        "layer": layer,
        "z": (layer + 0.5) * 3.4,
        "x": x,
        "y": y,
        "r": np.hypot(x, y),
        "phi": np.arctan2(y, x),
    }
    names = way.split(",")
    branches = {name: ak.unflatten(columns[name].astype(np.float64), counts) for name in names}
    branches |= {"e": ak.unflatten(energy / 1000, counts), "incident_energy": np.full(len(counts), 5e4)}
    path = written(tmp_path / "a.root", "TTree", branches)
    lost = pytest.warns(
        UserWarning, match=r"a\.root: \d+ of \d+ hits, with .* are outside calochallenge-electrons"
    )
    with lost:
        found = imported("root", path, SHOWERS, content="e[GeV]", **{name: name for name in names})
    np.testing.assert_allclose(found[0], voxels, rtol=1e-6)
    assert set(found[2].tolist()) == {11}


def test_lengths_may_be_in_another_unit(imported, tmp_path):
    counts, x, y, layer, energy, voxels = clouds()
    lists = {"hx": x / 10, "hy": y / 10, "hl": layer, "he": energy}
    branches = {name: ak.unflatten(np.asarray(values, np.float64), counts) for name, values in lists.items()}
    path = written(tmp_path / "a.root", "TTree", {**branches, "E": np.full(len(counts), 50.0)})
    options = {"content": "he", "layer": "hl", "x": "hx[cm]", "y": "hy[cm]", "conditions": "E[GeV]"}
    with pytest.warns(UserWarning, match="are outside"):
        found = imported("root", path, SHOWERS, **options)
    np.testing.assert_allclose(found[0], voxels, rtol=1e-6)
    assert (found[1] == 5e4).all()


def cloud_file(path, **changes):
    """As the package showerdata writes it, with some arrays changed."""
    counts, x, y, layer, energy, _ = clouds()
    points = np.column_stack([x, y, layer, energy / 1000]).astype(np.float32)
    ends = np.cumsum(counts)
    arrays = {
        "shape": np.array([len(counts), counts.max(), 4]),
        "num_points": counts.astype(np.int32),
        "energies": np.full((len(counts), 1), 50.0, np.float32),
        "pdg": np.full(len(counts), 11, np.int32),
        "directions": np.tile(np.float32([0, 0, 1]), (len(counts), 1)),
        **{name: values for name, values in changes.items() if name != "points"},
    }
    points = changes.get("points", lambda one: one)(points)
    with h5py.File(path, "w") as file:
        for name, values in arrays.items():
            if values is not None:
                file[name] = values
        kind = h5py.vlen_dtype(np.float32)
        showers = file.create_dataset("showers", (len(counts),), kind)
        for row, (low, high) in enumerate(zip(ends - counts, ends, strict=True)):
            showers[row] = points[low:high].ravel()
    return path


def test_point_clouds_fill_voxels(imported, tmp_path):
    with pytest.warns(UserWarning, match="are outside"):
        found = imported("showerdata", cloud_file(tmp_path / "a.h5"), SHOWERS)
    np.testing.assert_allclose(found[0], clouds()[-1], rtol=1e-5)
    assert (found[1] == 5e4).all()  # GeV became MeV


@pytest.mark.parametrize("columns", [4, 5])
def test_what_showerdata_itself_writes_is_read_and_recognised(ours, imported, tmp_path, columns):
    """With a column of times or without; named as ``--data``, the file or its folder."""
    showerdata = pytest.importorskip("showerdata")
    counts, x, y, layer, energy, voxels = clouds()
    points = np.zeros((len(counts), counts.max(), columns), np.float32)
    table = np.column_stack([x, y, layer, energy / 1000])
    for row, cloud in enumerate(np.split(table, np.cumsum(counts)[:-1])):
        points[row, : len(cloud), :4] = cloud
    path = tmp_path / "data" / "points.h5"
    path.parent.mkdir()
    showerdata.Showers(points, np.full((len(counts), 1), 50.0), 11).save(path)
    with pytest.warns(UserWarning, match="are outside"):
        found = imported("showerdata", path, SHOWERS)
    np.testing.assert_allclose(found[0], voxels, rtol=1e-5)
    for way in (path, path.parent):
        assert ours.readers["showerdata"].find(ours.detectors[SHOWERS], way) == (path,)


def test_a_root_file_is_recognised_and_a_folder_is_not(ours, particles, tmp_path):
    showers, conditions, pdg = particles
    branches = {**of_particles(conditions, pdg), "image": showers.astype(np.int32)}
    path = written(tmp_path / "a.root", "TTree", branches)
    with open_data(ours, ours.detectors["neutron"], str(path)) as data:
        np.testing.assert_array_equal(data.read(0, len(data)), showers)
    with pytest.raises(UserError, match="it is a folder, and no reader finds"):
        open_data(ours, ours.detectors["neutron"], str(tmp_path))


def test_the_third_column_may_be_a_depth(imported, tmp_path):
    def deep(points):
        return points * np.float32([1, 1, 3.4, 1]) + np.float32([0, 0, 1, 0])

    with pytest.warns(UserWarning, match="are outside"):
        found = imported("showerdata", cloud_file(tmp_path / "a.h5", points=deep), SHOWERS, depth="mm")
    np.testing.assert_allclose(found[0], clouds()[-1], rtol=1e-5)


def wrong(value, row=0, column=3):
    def change(points):
        points = points.copy()
        points[row, column] = value
        return points

    return change


@pytest.mark.parametrize(
    ("changes", "options", "words"),
    [
        (
            {"points": wrong(-1)},
            {},
            "row 0, hit 0 should hold a finite number of MeV, 0 or more, found -1000",
        ),
        ({"points": wrong(np.nan)}, {}, "row 0, hit 0 should hold a finite number"),
        ({"points": wrong(np.inf, column=0)}, {}, "row 0, hit 0, x should be finite, found inf"),
        ({"points": wrong(3.5, column=2)}, {}, "the third column should hold the layer, found 3.5"),
        ({"num_points": np.full(8, 3)}, {}, "should have 3 points, as num_points says"),
        ({"energies": np.zeros((8, 1))}, {}, "row 0, the incident energy should be above 0, found 0"),
        ({"energies": np.ones((7, 1))}, {}, "energies should have 8 rows, one a shower, found 7"),
        ({"directions": np.tile([1.0, 0, 0], (8, 1))}, {}, "the direction should be along z"),
        ({"directions": None}, {}, "found no directions"),
        ({"energies": np.full((8, 1), 0.05)}, {}, "incident_energies should be in MeV"),
        ({}, {"energies": "m"}, "--option energies should be in eV or keV or MeV or GeV or TeV, found 'm'"),
        ({}, {"depht": "mm"}, "showerdata files have no option 'depht'; energies: "),
    ],
)
def test_a_cloud_that_cannot_be_right_is_one_line(imported, tmp_path, changes, options, words):
    with pytest.raises(UserError) as error:
        imported("showerdata", cloud_file(tmp_path / "a.h5", **changes), SHOWERS, **options)
    assert words in str(error.value)
    assert "\n" not in str(error.value)
    assert not (tmp_path / "out.h5").exists()


def hits(**changes):
    counts, x, y, layer, energy, _ = clouds()
    lists = {"x": x, "y": y, "layer": layer, "e": energy, **changes}
    return {
        "incident_energy": np.full(len(counts), 5e4),
        **{name: ak.unflatten(np.asarray(values, np.float64), counts) for name, values in lists.items()},
    }


NAMED = {"content": "e", "x": "x", "y": "y", "layer": "layer"}


@pytest.mark.parametrize(
    ("branches", "options", "words"),
    [
        ({}, {**NAMED, "content": "f"}, "there should be a branch f, found incident_energy, "),
        (
            {},
            {"content": "e", "x": "x"},
            "should be told by --option content and layer, x, y; or layer, r, phi",
        ),
        ({"e": -clouds()[4]}, NAMED, "row 0, hit 0 should hold a finite number of MeV, 0 or more, found -"),
        ({"x": clouds()[1] * np.nan}, NAMED, "row 0, hit 0, x should be finite, found nan"),
        ({"layer": clouds()[3] + 0.5}, NAMED, "layer should be whole numbers"),
        ({}, {**NAMED, "image": "image"}, "two ways to tell a response: say one"),
        ({}, {"image": "e"}, "should hold 6480 numbers in each entry, found lists of different lengths"),
        ({}, {**NAMED, "conditions": "x"}, "x should hold one number an entry"),
        (
            {},
            {**NAMED, "conditions": "incident_energy,e"},
            "should name 1 branches, for incident_energy, found 2",
        ),
        ({}, {**NAMED, "tree": "other"}, "there should be a TTree or RNTuple 'other', found events"),
        ({}, {**NAMED, "x": "x[GeV]"}, "--option x should be in um or mm or cm or m, found 'GeV'"),
    ],
)
def test_a_tree_that_cannot_be_right_is_one_line(imported, tmp_path, branches, options, words):
    path = written(tmp_path / "a.root", "TTree", hits(**branches))
    with pytest.raises(UserError) as error:
        imported("root", path, SHOWERS, **options)
    assert words in str(error.value)
    assert "\n" not in str(error.value)
    assert not (tmp_path / "out.h5").exists()


def test_lists_of_other_lengths_are_named(imported, tmp_path):
    branches = hits()
    branches["y"] = branches["y"][:, :-1]
    path = written(tmp_path / "a.root", "TTree", branches)
    with pytest.raises(UserError, match=r"row 0, y should have \d+ hits, as e has, found \d+"):
        imported("root", path, SHOWERS, **NAMED)


@pytest.mark.parametrize("keep", [100, 2000])
def test_a_truncated_file_is_one_line(imported, tmp_path, keep):
    path = written(tmp_path / "a.root", "TTree", hits())
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(UserError, match="it is no ROOT file, or damaged or truncated") as error:
        imported("root", path, SHOWERS, **NAMED)
    assert "\n" not in str(error.value)


def test_without_uproot_the_extra_is_named(imported, tmp_path, monkeypatch):
    import importlib
    import sys

    path = written(tmp_path / "a.root", "TTree", hits())
    importlib.import_module("simbench.plugins.readers.root")
    monkeypatch.setitem(sys.modules, "uproot", None)
    with pytest.raises(UserError, match=r"root files need uproot: pip install 'simbench-hep\[root\]'"):
        imported("root", path, SHOWERS, **NAMED)

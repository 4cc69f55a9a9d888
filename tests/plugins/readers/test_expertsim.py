"""The pickles of ExpertSim and SDI-GAN: read whatever their columns' order, refused if anything disagrees."""

import gzip
import re
import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from simbench.harness.data.pickles import arrays as pickles
from simbench.harness.data.pickles import worker as pickle_worker
from simbench.harness.errors import UserError
from simbench.harness.hooks import ReadRequest
from simbench.plugins.readers.expertsim import read_expertsim
from simbench.plugins.readers.zdc_particles import NAMES


@pytest.fixture
def inside(monkeypatch):
    """Reads in this process what another would read, which is quicker."""
    monkeypatch.setattr(pickles, "_answer", pickle_worker.answer)


class Files:
    """The three files of a detector, to be spoiled before they are written."""

    def __init__(self, folder, detector, sample):
        self.folder, self.detector = folder, detector
        showers, conditions, _ = sample
        self.images = showers.astype(np.float64)
        self.conditions = pd.DataFrame(conditions.astype(np.float64), columns=list(NAMES))
        _, groups = np.unique(conditions, axis=0, return_inverse=True)
        proton = detector.name == "proton"
        self.conditions[f"{detector.name}_photon_sum"] = showers.sum(axis=(1, 2)).astype(np.int64)
        self.conditions["std_proton" if proton else "std"] = np.float32(1.5)
        self.conditions["group_number_proton" if proton else "group_number"] = groups.ravel()
        if proton:
            self.conditions["expert_number"] = np.arange(len(showers)) % 3
        brightest = showers.reshape(len(showers), -1).argmax(axis=1)
        i, j = np.unravel_index(brightest, showers.shape[1:])
        self.positions = pd.DataFrame({"max_x": i, "max_y": j})

    def write(self, *names, protocol=4):
        written = []
        for name in names or ("images", "conditions", "positions"):
            content, path = getattr(self, name), self.folder / f"{name}.pkl"
            pd.to_pickle(content, path, protocol=protocol)
            written.append(path)
        return tuple(written)

    def read(self, *names, **options):
        return list(read_expertsim(ReadRequest(self.detector, self.write(*names, **options))))

    def refused(self, *names):
        with pytest.raises(UserError) as told:
            self.read(*names)
        line = str(told.value).replace(f"{self.folder}/", "")
        assert "\n" not in line
        return line


@pytest.fixture(params=["proton", "neutron"])
def files(request, ours, samples, tmp_path, inside):
    return Files(tmp_path, ours.detectors[request.param], samples[request.param])


@pytest.fixture
def proton(ours, samples, tmp_path, inside):
    return Files(tmp_path, ours.detectors["proton"], samples["proton"])


@pytest.fixture
def neutron(ours, samples, tmp_path, inside):
    return Files(tmp_path, ours.detectors["neutron"], samples["neutron"])


def same(blocks, files, samples):
    showers, conditions, _ = samples[files.detector.name]
    assert all(block.showers.dtype.kind == "u" for block in blocks)
    assert all(block.conditions.dtype == np.float32 for block in blocks)
    np.testing.assert_array_equal(np.concatenate([block.showers for block in blocks]), showers)
    np.testing.assert_array_equal(np.concatenate([block.conditions for block in blocks]), conditions)
    for block in blocks:
        assert block.pdg.dtype == np.int32
        assert block.particle.dtype == np.int64
        assert not block.pdg.any()
        assert len(block.pdg) == len(block.particle) == len(block.showers)


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("with_positions", [True, False])
def test_the_files_come_back(files, samples, protocol, with_positions):
    names = ("images", "conditions", "positions")[: 2 + with_positions]
    same(files.read(*names, protocol=protocol), files, samples)


@pytest.mark.parametrize("dtype", ["u1", "u2", "i8", "f4", ">u2", ">f8"])
def test_counts_of_any_type(files, samples, dtype):
    if dtype == "u1":
        samples = {name: (np.minimum(part[0], 200), *part[1:]) for name, part in samples.items()}
        files = Files(files.folder, files.detector, samples[files.detector.name])
    files.images = files.images.astype(dtype)
    same(files.read(), files, samples)


def test_columns_in_any_order(files, samples):
    files.conditions = files.conditions[sorted(files.conditions.columns, reverse=True)]
    files.positions = files.positions[["max_y", "max_x"]]
    same(files.read(), files, samples)


def test_the_features_alone(files, samples):
    files.conditions = files.conditions[list(NAMES)]
    same(files.read("images", "conditions"), files, samples)


def test_unknown_columns_are_no_features(files, samples):
    files.conditions.insert(0, "event", np.nan)
    same(files.read(), files, samples)


def test_rows_keep_their_place_whatever_their_number(files, samples):
    files.conditions.index = files.conditions.index[::-1]
    same(files.read(), files, samples)


def test_a_pixel_that_is_as_bright_as_the_brightest(files, samples):
    row = 0  # is empty: all pixels are
    files.positions.loc[row] = 5, 7
    same(files.read(), files, samples)


def test_compressed_files(files, samples):
    paths = files.write()
    for path in paths:
        path.write_bytes(gzip.compress(path.read_bytes(), 1))
    same(list(read_expertsim(ReadRequest(files.detector, paths))), files, samples)


def test_blocks_are_bounded(proton, samples):
    proton = Files(proton.folder, proton.detector, [np.repeat(part, 9, axis=0) for part in samples["proton"]])
    blocks = proton.read()
    assert [len(block.showers) for block in blocks] == [1024, 1024, 2160 - 2048]
    np.testing.assert_array_equal(np.concatenate([block.showers for block in blocks]), proton.images)


def test_imported_by_name_in_processes(files, samples, imported, holds, monkeypatch):
    monkeypatch.undo()  # no more inside this one
    said, data = imported("expertsim", files.write(), files.detector.name)
    holds(data, *samples[files.detector.name][:2], np.zeros(240, np.int32))
    assert said.dropped == int((files.images.sum(axis=(1, 2)) == 0).sum()) > 0


ORDERS = [
    ("conditions", "images", "positions"),
    ("images", "positions", "conditions"),
    ("positions", "conditions", "images"),
    ("conditions", "images"),
]


@pytest.mark.parametrize("order", ORDERS)
def test_the_wrong_order_is_told(files, order):
    expected = ", ".join(sorted(order, key=["images", "conditions", "positions"].index))
    found = ", ".join(f"{name} in {name}.pkl" for name in order)
    assert files.refused(*order) == f"the files should be {expected} in this order, found {found}"


@pytest.mark.parametrize(
    ("names", "reason"),
    [
        (("images",), "expertsim needs two or three files, IMAGES CONDITIONS [POSITIONS]; found 1"),
        (("images", "conditions", "positions", "positions"), "found 4"),
        (
            ("images", "positions"),
            "positions.pkl: should hold conditions, a table with the columns Energy, Vx",
        ),
        (
            ("images", "conditions", "conditions"),
            "conditions.pkl: should hold positions, a table with the columns",
        ),
        (("images", "images"), "images.pkl: should hold conditions, a table"),
    ],
)
def test_wrong_files(files, names, reason):
    assert reason in files.refused(*names)


def change(part, value):
    def spoil(files):
        setattr(files, part, value(getattr(files, part)))

    return spoil


def image(value):
    def spoil(files):
        files.images[7, 3, 2] = value

    return spoil


def cell(part, row, column, value):
    def spoil(files):
        table = getattr(files, part)
        table[column] = table[column].astype(float)
        table.loc[row, column] = value

    return spoil


def renamed(part, **names):
    return change(part, lambda table: table.rename(columns=names))


def two_groups_one(files):
    files.conditions["group_number_proton"] //= 2


SPOILED = [
    (image(-1), r"images.pkl: row 7, pixel \(3, 2\) should be not negative, found -1"),
    (image(0.5), r"images.pkl: row 7, pixel \(3, 2\) should be a whole number of photons, found 0.5"),
    (image(np.nan), r"images.pkl: row 7, pixel \(3, 2\) should be finite, found nan"),
    (image(2.0**40), "images.pkl: row 7 should hold counts below 4294967296"),
    (image(60000), "conditions.pkl: row 7, proton_photon_sum should be 6.*, the sum of the image, found"),
    (
        change("images", lambda all_: all_.transpose(0, 2, 1)),
        r"found \(240, 30, 56\): the image axes are swapped",
    ),
    (change("images", lambda all_: all_[:, :44]), r"\(N, 56, 30\), found \(240, 44, 30\)"),
    (
        change("images", lambda all_: all_[..., None]),
        r"images.pkl: should hold images, .* found an array of shape",
    ),
    (change("images", lambda all_: all_ > 0), "responses should be numbers, found bool"),
    (
        change("images", lambda all_: pd.DataFrame(all_[0])),
        "images.pkl: should hold images, .* found a table of 0, 1",
    ),
    (change("images", lambda all_: all_[:-1]), "conditions.pkl: there should be 239 rows, .* found 240"),
    (change("conditions", lambda table: table[1:]), "conditions.pkl: there should be 240 rows, .* found 239"),
    (change("positions", lambda table: table[1:]), "positions.pkl: there should be 240 rows, .* found 239"),
    (
        change("conditions", lambda table: table.to_numpy()),
        r"found an array of shape \(240, 13\), which has no col",
    ),
    (
        change("conditions", lambda table: table.to_numpy()[:, :9].copy()),
        r"an array of shape \(240, 9\), which has",
    ),
    (
        change("conditions", lambda table: table.drop(columns=["Px", "mass"])),
        "one column each .*found no Px, mass in En",
    ),
    (renamed("conditions", charge="Charge"), "found no charge in Energy, .*mass, Charge, proton_photon_sum"),
    (renamed("conditions", Py="Px"), "found no Py in Energy"),
    (renamed("conditions", std_proton="Vx"), "found a name twice in Energy, Vx"),
    (renamed("conditions", std_proton="a\nb", Vz="c"), r"found no Vz in .*, a\\nb, "),
    (
        renamed("conditions", Px="Pz", Pz="Px"),
        "conditions.pkl: row 0, Px, Py, Pz should be a direction near z",
    ),
    (
        renamed("conditions", Energy="mass", mass="Energy"),
        "conditions.pkl: row .*Energy .* should follow from",
    ),
    (cell("conditions", 9, "Vy", np.nan), "conditions.pkl: row 9, Vy should be finite, found nan"),
    (
        cell("conditions", 9, "Energy", 1e300),
        r"conditions.pkl: row 9, Energy should be finite, found 1e\+300",
    ),
    (cell("conditions", 9, "proton_photon_sum", 70000), "row 9, proton_photon_sum should be .*, found 70000"),
    (cell("conditions", 9, "proton_photon_sum", np.nan), "row 9, proton_photon_sum should be .*, found nan"),
    (cell("conditions", 9, "std_proton", np.inf), "row 9, std_proton should be 0 or more, found inf"),
    (cell("conditions", 9, "std_proton", -1), "row 9, std_proton should be 0 or more, found -1"),
    (cell("conditions", 9, "expert_number", np.inf), "row 9, expert_number should be 0 or more, found inf"),
    (
        cell("conditions", 9, "group_number_proton", 99),
        "row 9, group_number_proton should be .*, as in row 8 .*99",
    ),
    (
        cell("conditions", 8, "Vx", 0.125),
        "row 9, group_number_proton should be a new one, found .*, that of row 8",
    ),
    (two_groups_one, "group_number_proton should be a new one, found .*, that of row "),
    (
        renamed("conditions", proton_photon_sum="neutron_photon_sum"),
        "conditions of proton, found the column 'neut",
    ),
    (
        cell("positions", 1, "max_x", 55),
        "row 1, max_x and max_y should be .*, the brightest pixel, found 55.0 and",
    ),
    (cell("positions", 1, "max_y", 0.5), "positions.pkl: row 1, max_x and max_y should be .* and 0.5$"),
    (cell("positions", 1, "max_y", np.nan), "positions.pkl: row 1, max_x and max_y should be .* and nan$"),
    (cell("positions", 1, "max_x", -1), "positions.pkl: row 1, max_x and max_y should be .* found -1.0 and"),
    (
        cell("positions", 1, "max_x", 1e30),
        "positions.pkl: row 1, max_x and max_y should be .* found 1e.30 and",
    ),
    (
        renamed("positions", max_x="max_y", max_y="max_x"),
        "brightest pixel, .*: the image axes, or the columns, are swa",
    ),
    (
        change("positions", lambda table: pd.DataFrame({"x": [1]})),
        "should hold positions, .* found a table of x",
    ),
]


@pytest.mark.parametrize(("spoil", "reason"), SPOILED, ids=[str(number) for number in range(len(SPOILED))])
def test_spoiled_files_are_refused_with_file_and_place(proton, spoil, reason):
    spoil(proton)
    assert re.search(reason, proton.refused())


def test_images_of_the_other_detector(proton, neutron):
    proton.images = neutron.images
    assert "should have the shape (N, 56, 30), found (240, 44, 44)" in proton.refused()


def test_swapped_axes_of_square_images_disagree_with_positions(neutron):
    neutron.images = neutron.images.transpose(0, 2, 1)
    line = neutron.refused()
    assert line.startswith("positions.pkl: row 1, max_x and max_y should be")
    assert line.endswith(": the image axes, or the columns, are swapped")


def test_swapped_axes_of_square_images_are_seen_in_the_physics(ours, tmp_path, inside):
    from simbench.baselines.montecarlo import make_dataset

    sample = make_dataset("neutron", particles=600, repeats=1, seed=3)
    files = Files(tmp_path, ours.detectors["neutron"], (sample.showers, sample.conditions, sample.pdg))
    files.read("images", "conditions")
    files.images = files.images.transpose(0, 2, 1)
    assert "swapped" in files.refused("images", "conditions")


@pytest.mark.parametrize("name", ["images", "conditions", "positions"])
def test_truncated_and_hostile_files_are_named(files, name):
    paths = files.write()
    path = files.folder / f"{name}.pkl"
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(UserError, match=rf"{name}\.pkl: truncated"):
        list(read_expertsim(ReadRequest(files.detector, paths)))
    path.write_bytes(b"\x80\x02cos\nsystem\n.")
    with pytest.raises(UserError, match=rf"{name}\.pkl: os\.system is not among"):
        list(read_expertsim(ReadRequest(files.detector, paths)))


@settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.data())
def test_mutated_files_are_refused_or_read_as_they_were(ours, samples, tmp_path, inside, data):
    """Every particle is there four times and every count is in a sum, so that no value changes unseen."""
    part = {name: [values[:24] for values in sample] for name, sample in samples.items()}
    name = data.draw(st.sampled_from(["proton", "neutron"]))
    files = Files(tmp_path, ours.detectors[name], part[name])
    paths = files.write(protocol=data.draw(st.sampled_from([2, 4, 5])))
    path = data.draw(st.sampled_from(paths))
    content = bytearray(path.read_bytes())
    place = data.draw(st.integers(0, min(len(content) - 1, 1000)) | st.integers(0, len(content) - 1))
    if data.draw(st.booleans()):  # all that is no content is near the ends
        place = len(content) - 1 - place
    content[place : place + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=2))
    path.write_bytes(content)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        try:
            blocks = list(read_expertsim(ReadRequest(files.detector, paths)))
        except UserError as error:
            lines = str(error).splitlines()
        else:
            lines = ["read"]
            same(blocks, files, part)
    assert len(lines) == 1


def test_a_single_response_has_no_deviation(files, samples):
    """pandas gives NaN for it."""
    name = "std_proton" if files.detector.name == "proton" else "std"
    files.conditions.loc[4, name] = np.nan
    same(files.read(), files, samples)

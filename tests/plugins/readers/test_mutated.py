"""Valid files of each kind, mutated: never a traceback, never a silently wrong dataset.

Wrong means: other than what plain NumPy and the csv module, without any check, find in the mutated files.
What they cannot read, and what is no count or no finite feature there, has to be refused. Damage that leaves
a file well-formed, as a digit for another one, is nobody's to see but by the sums that the files repeat.
"""

import csv
import io
import warnings

import h5py
import numpy as np
import pytest
from fuzzing import tries
from hypothesis import given
from hypothesis import strategies as st

from simbench.baselines.montecarlo import make_dataset
from simbench.harness.data.dataset import Dataset
from simbench.harness.data.importing import import_files
from simbench.harness.errors import UserError
from simbench.harness.hooks import ReadRequest
from simbench.plugins.readers.zdc_particles import known

pytestmark = pytest.mark.slow

CHECKED = tries(60)
SHAPES = {"neutron": (44, 44), "proton": (56, 30), "calochallenge-photons": (1, 368)}


def plain_wojnar(files, shape):
    images, table = (np.load(path)["arr_0"] for path in files)
    return images, table[:, :9], table[:, 9] if table.shape[1] == 10 else np.zeros(len(table))


def plain_majerz(files, shape):
    images, table = (np.load(path)["arr_0"] for path in files)
    assert (table[:, 10] == images.sum(axis=(1, 2))).all()
    return images, table[:, :9], table[:, 9]


def plain_zdcfastsim(files, shape):
    text = files[0].read_bytes().decode().lstrip("\r\n")  # lines with nothing are passed over
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    names = ("Energy", "Vx", "Vy", "Vz", "Px", "Py", "Pz")
    mine = [row for row in rows if row["Detector"].strip() == "P"]
    assert len(rows) == 2 * len(mine)
    pdg = np.array([int(row["Pdg"]) for row in mine])
    species = np.array([known(pdg)[int(number)] for number in pdg])
    features = np.array([[float(row[name]) for name in names] for row in mine])
    images = np.loadtxt(files[1], ndmin=2).reshape(-1, *shape)
    assert images.sum(axis=(1, 2)).tolist() == [int(row["PhotonSum"]) for row in mine]
    return images, np.column_stack([features, species]), pdg


def plain_calochallenge(files, shape):
    with h5py.File(files[0]) as file:
        showers, energies = file["showers"][:], file["incident_energies"][:]
    showers = np.where(showers < 1, 0, showers)  # the challenge's threshold, in MeV
    return showers.reshape(-1, *shape), energies.reshape(-1, 1), np.full(len(showers), 22)


def plain_simbench(files, shape):
    with h5py.File(files[0]) as file:
        return tuple(file[name][:] for name in ("showers", "conditions", "pdg"))


PLAIN = {
    "wojnar": plain_wojnar,
    "majerz": plain_majerz,
    "zdcfastsim": plain_zdcfastsim,
    "calochallenge": plain_calochallenge,
    "simbench": plain_simbench,
}
DETECTOR = {
    "wojnar": "neutron",
    "majerz": "neutron",
    "zdcfastsim": "proton",
    "calochallenge": "calochallenge-photons",
    "simbench": "neutron",
}


class Contents(dict):
    """Names and contents of files, which nobody wants to see in a report."""

    __repr__ = object.__repr__


@pytest.fixture(scope="module")
def valid(ours, user_files, tmp_path_factory):
    """By kind, the names and contents of small valid files."""
    made = Contents()
    for kind, detector in DETECTOR.items():
        folder = tmp_path_factory.mktemp(kind)
        if kind == "calochallenge":
            generator = np.random.default_rng(2)
            showers = generator.exponential(3, (6, 368)).round(3)
            files = user_files.calochallenge(folder / "a.hdf5", showers, 2.0 ** np.arange(8, 14))
        else:
            sample = make_dataset(detector, particles=3, repeats=2, seed=9)
            content = sample.showers, sample.conditions, sample.pdg
            if kind == "zdcfastsim":
                files = user_files.zdcfastsim(folder, *content, detector)
            else:
                files = getattr(user_files, "majerz" if kind == "majerz" else "wojnar")(folder, *content)
        if kind == "simbench":
            request = ReadRequest(ours.detectors[detector], files)
            import_files(ours.readers["wojnar"], request, folder / "a.h5")
            files = (folder / "a.h5",)
        made[kind] = [(path.name, path.read_bytes()) for path in files]
    return made


def mutated(data, content, is_text):
    """One to three times: a byte changed, a piece cut, doubled or moved, the end cut; of text, a line too."""
    for _ in range(data.draw(st.integers(1, 3))):
        if is_text and data.draw(st.booleans()):
            parts = content.splitlines(keepends=True)
        else:
            parts = (
                [content[place : place + 1] for place in range(len(content))] if len(content) < 5000 else None
            )
        how = data.draw(st.sampled_from(["change", "cut", "double", "swap", "end"]))
        if parts is not None and len(parts) > 1:
            one, other = (data.draw(st.integers(0, len(parts) - 1)) for _ in range(2))
            if how == "change":
                parts[one] = data.draw(
                    st.sampled_from([b"0", b"1", b"-", b".", b"\n", b",", b" ", b"\xff", b"nan"])
                )
            elif how == "cut":
                del parts[one]
            elif how == "double":
                parts.insert(other, parts[one])
            elif how == "swap":
                parts[one], parts[other] = parts[other], parts[one]
            else:
                parts = parts[:one]
            content = b"".join(parts)
        elif content:
            place = data.draw(st.integers(0, len(content) - 1))
            length = data.draw(st.integers(1, 40))
            piece = content[place : place + length]
            if how == "change":
                content = (
                    content[:place] + data.draw(st.binary(min_size=1, max_size=4)) + content[place + 1 :]
                )
            elif how == "cut":
                content = content[:place] + content[place + length :]
            elif how == "double":
                content = content[:place] + piece + content[place:]
            elif how == "swap":
                content = content[:place] + piece[::-1] + content[place + length :]
            else:
                content = content[:place]
    return content


@pytest.mark.parametrize("kind", list(PLAIN))
@CHECKED
@given(data=st.data())
def test_mutated_files_are_refused_or_read_as_they_are(ours, valid, tmp_path_factory, kind, data):
    folder = tmp_path_factory.mktemp("mutated")
    files = []
    which = data.draw(st.integers(0, len(valid[kind]) - 1))
    for index, (name, content) in enumerate(valid[kind]):
        files.append(folder / name)
        files[-1].write_bytes(mutated(data, content, kind == "zdcfastsim") if index == which else content)
    check(ours, kind, tuple(files), folder / "out.h5")


def check(ours, kind, files, out):
    detector = ours.detectors[DETECTOR[kind]]
    threshold = ours.readers[kind].threshold(detector)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        try:
            import_files(ours.readers[kind], ReadRequest(detector, files, threshold), out)
        except UserError as error:
            refusal = str(error)
        else:
            refusal = ""
    if refusal:
        assert "\n" not in refusal
        assert "cannot be read as" not in refusal  # the last resort, for what nobody foresaw
        assert not out.exists()
        assert not list(out.parent.glob(".*"))
        return False
    showers, conditions, pdg = PLAIN[kind](files, SHAPES[detector.name])
    assert np.isfinite(showers).all()
    assert (showers >= 0).all()
    kept = showers.sum(axis=(1, 2)) >= threshold
    with Dataset(out) as read:
        assert read.check() == []
        np.testing.assert_array_equal(read.read(0, len(read)), showers[kept].astype(read.read(0, 1).dtype))
        if detector.counted:
            np.testing.assert_array_equal(read.read(0, len(read)), showers[kept])
        np.testing.assert_array_equal(read.conditions, conditions[kept].astype(np.float32))
        np.testing.assert_array_equal(read.pdg, pdg[kept])
    return True


VALUES = st.sampled_from(
    [np.nan, np.inf, -np.inf, -1.0, -1e-9, 0.5, 1e40, 1e300, 2.0**32, 2.0**63, 1.0, 7.0, 65536.0]
)


@pytest.mark.parametrize("kind", ["wojnar", "majerz", "calochallenge"])
@CHECKED
@given(data=st.data())
def test_mutated_arrays_are_refused_or_read_as_they_are(ours, valid, tmp_path_factory, kind, data):
    """Mutations that keep the container whole: values, rows, columns, axes and types."""
    folder = tmp_path_factory.mktemp("arrays")
    files = tuple(folder / name for name, _ in valid[kind])
    for path, (_, content) in zip(files, valid[kind], strict=True):
        path.write_bytes(content)
    arrays = dict(h5py.File(files[0])) if kind == "calochallenge" else None
    if arrays is None:
        path = files[data.draw(st.integers(0, 1))]
        np.savez(path, mutated_array(data, np.load(path)["arr_0"]))
    else:
        name = data.draw(st.sampled_from(sorted(arrays)))
        values = mutated_array(data, arrays[name][:])
        arrays[name].file.close()
        with h5py.File(files[0], "a") as file:
            del file[name]
            file[name] = values
    check(ours, kind, files, folder / "out.h5")


def mutated_array(data, values):
    how = data.draw(st.sampled_from(["value", "drop", "double", "axes", "columns", "type", "flat"]))
    if how == "value":
        values = values.astype(np.float64)
        place = tuple(data.draw(st.integers(0, size - 1)) for size in values.shape)
        values[place] = data.draw(VALUES)
        return values
    axis = data.draw(st.integers(0, values.ndim - 1))
    index = data.draw(st.integers(0, values.shape[axis] - 1))
    if how == "drop":
        return np.delete(values, index, axis=axis)
    if how == "double":
        return np.insert(values, index, values.take(index, axis=axis), axis=axis)
    if how == "axes":
        return np.moveaxis(values, axis, 0)
    if how == "columns":
        return np.roll(values, data.draw(st.integers(1, 8)), axis=axis)
    if how == "type":
        kind = data.draw(st.sampled_from(["f4", ">f8", "i2", ">u4", "u8", "f2", "?", "c16", "S4"]))
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return values.astype(kind)
    return values.reshape(-1)


def test_the_unmutated_files_are_read(ours, valid, tmp_path):
    """So that the other tests do not pass by refusing everything."""
    for kind in PLAIN:
        files = []
        for name, content in valid[kind]:
            files.append(tmp_path / name)
            files[-1].write_bytes(content)
        assert check(ours, kind, tuple(files), tmp_path / f"{kind}.h5"), kind
        for path in files:
            path.unlink()

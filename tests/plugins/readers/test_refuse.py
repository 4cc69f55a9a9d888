"""Bad files: one line each, with file, place, expected and found, and nothing written."""

import zipfile

import h5py
import numpy as np
import pytest

from simbench.baselines.montecarlo import make_dataset
from simbench.harness.errors import UserError


@pytest.fixture
def refused(imported, tmp_path):
    """``refused(kind, files, *parts)``: an import fails with one line that has these parts."""

    def call(kind, files, *parts, detector="neutron", min_photons=1):
        with pytest.raises(UserError) as error:
            imported(kind, files, detector, min_photons)
        message = str(error.value)
        assert "\n" not in message
        assert "cannot be read as" not in message  # the last resort, for what nobody foresaw
        for part in parts:
            assert str(part) in message, message
        folder = tmp_path / "imported"
        assert not folder.exists() or list(folder.iterdir()) == []
        return message

    return call


@pytest.fixture
def pair(user_files, samples, tmp_path):
    """A pair of npz files, and ``change(which, function)`` that rewrites the array in one of them."""
    files = user_files.wojnar(tmp_path, *samples["neutron"])

    def change(which, function):
        values = np.load(files[which])["arr_0"].copy()
        changed = function(values)
        np.savez(files[which], values if changed is None else changed)
        return files

    change.files = files
    return change


def at(place, value):
    def change(values):
        values[place] = value

    return change


def swapped(one, other):
    def change(values):
        values[:, [one, other]] = values[:, [other, one]]

    return change


@pytest.mark.parametrize(
    ("change", "parts"),
    [
        (lambda a: a.transpose(1, 2, 0).copy(), ("(N, 44, 44)", "responses should come first")),
        (lambda a: a[:, :, :30], ("(N, 44, 44)", "found (240, 44, 30)")),
        (lambda a: a[:100], ("there should be 100 particles", "found 240")),
        (at((7, 3, 2), -1), ("row 7, pixel (3, 2) should be not negative, found -1")),
        (at((7, 3, 2), 0.5), ("row 7, pixel (3, 2) should be a whole number of photons, found 0.5")),
        (at((7, 3, 2), np.nan), ("row 7, pixel (3, 2) should be finite, found nan")),
        (at((7, 3, 2), 1e18), ("row 7 should hold counts below 4294967296",)),
        (lambda a: a * 0, ("none of 240 responses has a photon sum of 1 or more",)),
        (lambda a: a.astype(complex), ("should hold numbers, found complex128",)),
        (lambda a: a.astype(object), ("found object",)),
        (np.asfortranarray, ("found Fortran order",)),
        (lambda a: a[:0], ("there should be 0 particles",)),
    ],
)
def test_images(pair, refused, change, parts):
    files = pair(0, change)
    refused("wojnar", files, *([parts] if isinstance(parts, str) else parts), files[0])


@pytest.mark.parametrize(
    ("change", "parts"),
    [
        (lambda a: a[:-1], ("there should be 240 particles", "found 239")),
        (lambda a: a[:, :8], ("shape (N, 9 or 10), found (240, 8)",)),
        (lambda a: np.column_stack([a, a[:, 0]]), ("found (240, 11): it looks like kind majerz",)),
        (at((5, 2), np.nan), ("row 5, Vy should be finite, found nan",)),
        (at((5, 4), 1e39), ("row 5, Px should be finite",)),
        (at((5, 0), -3), ("row 5, Energy should be 0 or more, found -3",)),
        (at((5, 7), -3), ("row 5, mass should be 0 or more, found -3",)),
        (at((5, 8), 0.4), ("row 5, charge should be a whole number within 120 of 0, found 0.4",)),
        (at((5, 9), 22.5), ("row 5, column 9 should be a PDG id",)),
        (swapped(0, 1), ("row 4, Energy should be 0 or more",)),
        (swapped(4, 6), ("Px, Py, Pz should be a direction near z", "expected columns")),
        (swapped(0, 7), ("row 0, Energy", "expected columns")),
        (swapped(7, 9), ("row 0",)),
        (swapped(8, 9), ("row 0, charge should be a whole number",)),
        (lambda a: np.roll(a, 1, axis=1), ("row 0",)),
        (swapped(4, 5), ("image axes, or Px and Py, are swapped",)),
        (at((slice(None), 9), 2212), ("row 0, PDG id 2212 should have mass 0.9383 GeV and charge 1",)),
    ],
)
def test_particles(pair, refused, change, parts):
    files = pair(1, change)
    message = refused("wojnar", files, *parts)
    assert str(files[0 if "image axes" in message else 1]) in message


def test_swapped_axes_of_square_images(pair, refused):
    files = pair(0, lambda images: images.transpose(0, 2, 1).copy())
    refused("wojnar", files, files[0], "the image axes, or Px and Py, are swapped", "neutral particles")


def test_swapped_axes_of_other_images(refused, user_files, samples, tmp_path):
    showers, conditions, pdg = samples["proton"]
    files = user_files.wojnar(tmp_path, showers.transpose(0, 2, 1), conditions, pdg)
    refused(
        "wojnar", files, "(N, 56, 30)", "found (240, 30, 56): the image axes are swapped", detector="proton"
    )


def test_images_of_other_particles(imported, user_files, tmp_path):
    """Not refused, for who knows every magnet; but said."""
    sample = make_dataset("neutron", particles=300, repeats=1, seed=2)
    conditions = sample.conditions.copy()
    conditions[conditions[:, 6] > 0] *= (1, 1, 1, -1, 1, 1, -1, 1, 1)  # enough of one side
    others = np.roll(conditions, 100, axis=0), np.roll(sample.pdg, 100)
    files = user_files.wojnar(tmp_path, sample.showers, *others)
    with pytest.warns(UserWarning, match="the light of .* is not where they hit"):
        imported("wojnar", files, "neutron")


def test_wrong_files(pair, refused, tmp_path):
    images, particles = pair.files
    refused("wojnar", (particles, images), "RESPONSES PARTICLES", "swap them")
    refused("wojnar", (images,), "needs two files, RESPONSES PARTICLES; found 1")
    refused("wojnar", (images, tmp_path / "none.npz"), "none.npz", "no such file")
    refused("wojnar", (images, tmp_path), "found a folder")
    refused("majerz", (images, particles), "shape (N, 11), found (240, 10): it looks like kind wojnar")
    refused("wojnar", pair.files, "(N, 56, 30), found (240, 44, 44)", detector="proton")
    refused(
        "wojnar", pair.files, "hold no responses of 'calochallenge-pions'", detector="calochallenge-pions"
    )
    refused("wojnar", pair.files, "--min-photons should be 0 or more", min_photons=-1)
    np.savez(particles, other=np.ones(3))
    refused("wojnar", pair.files, particles, "one array arr_0, found other.npy")
    particles.write_text("no zip")
    refused("wojnar", pair.files, particles, "should be an .npz or .npy file")
    with zipfile.ZipFile(particles, "w") as file:
        file.writestr("arr_0.npy", b"no array")
    refused("wojnar", pair.files, particles, "cannot read")


def test_sums_that_differ_from_the_images(refused, user_files, samples, tmp_path):
    images, particles = user_files.majerz(tmp_path, *samples["neutron"])
    values = np.load(particles)["arr_0"]
    values[17, 10] += 1
    np.savez(particles, values)
    refused("majerz", (images, particles), particles, "row 17, the photon sum in the last column should be")


@pytest.mark.parametrize("left", [0.999, 0.9, 0.5, 0.01])
@pytest.mark.parametrize("which", [0, 1])
def test_truncated_arrays(pair, refused, left, which):
    path = pair.files[which]
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * left)])
    refused("wojnar", pair.files, path)


@pytest.mark.parametrize("left", [0.999, 0.5])
def test_truncated_npy(pair, refused, left):
    files = [path.with_suffix(".npy") for path in pair.files]
    for path in files:
        np.save(path, np.load(path.with_suffix(".npz"))["arr_0"])
    content = files[0].read_bytes()
    files[0].write_bytes(content[: int(len(content) * left)])
    refused("wojnar", files, files[0], "is truncated")
    files[0].write_bytes(content + b"more")
    refused("wojnar", files, files[0], "found more")


# Text


@pytest.fixture
def text(user_files, samples, tmp_path):
    """The two text files, and ``change(which, function)`` that rewrites the lines of one."""
    files = user_files.zdcfastsim(tmp_path, *samples["neutron"], "neutron")

    def change(which, function):
        lines = files[which].read_text().splitlines(keepends=True)
        changed = function(lines)
        files[which].write_text("".join(lines if changed is None else changed))
        return files

    change.files = files
    return change


def line(number, function):
    def change(lines):
        lines[number - 1] = function(lines[number - 1])

    return change


def without(number):
    def change(lines):
        del lines[number - 1]

    return change


def cell(number, column, value):
    def function(text):
        cells = text.rstrip("\n").split(",")
        cells[column] = value
        return ",".join(cells) + "\n"

    return line(number, function)


@pytest.mark.parametrize(
    ("change", "parts"),
    [
        (without(5), ("lines 4 and 5 should be one particle",)),
        (without(481), ("line 480 should be followed by the same particle's other row",)),
        (
            lambda lines: lines[:-2],
            ("10516 lines, 44 for each of 239 particles; there are more", "image.txt"),
        ),
        (lambda lines: lines[:1], ("two lines, N and P, for each particle, found none",)),
        (lambda lines: [], ("found none",)),
        (without(1), ("line 1 should be the header Detector,Pdg,Energy",)),
        (
            lambda lines: lines[:3] + lines[:1] + lines[3:],
            ("line 4, Detector should be N or P, found a second header",),
        ),
        (lambda lines: lines[:1] + lines, ("line 2, Detector should be N or P, found a second header",)),
        (line(1, lambda text: text.replace("Vx", "Vy")), ("line 1 should be the header", "each name once")),
        (line(7, lambda text: text[: len(text) // 2] + "\n"), ("line 7 should have 10 values, found",)),
        (line(7, lambda text: text[:-1] + ",1\n"), ("line 7 should have 10 values, found 11",)),
        (cell(6, 2, "nan"), ("lines 6 and 7 should be one particle",)),
        (cell(7, 0, "Q"), ("line 7, Detector should be N or P, found 'Q'",)),
        (cell(7, 0, "N"), ("lines 6 and 7", "found N twice")),
        (cell(6, 9, "1.5"), ("line 6, PhotonSum should be a whole number, found '1.5'",)),
        (cell(6, 9, "99999"), ("image 2 (from line 89) should have the photon sum 99999",)),
    ],
)
def test_examples(text, refused, change, parts):
    refused("zdcfastsim", text(0, change), *parts, ".txt: ")


@pytest.mark.parametrize(
    ("column", "value", "parts"),
    [
        (2, "nan", ("line 6, Energy should be finite, found nan",)),
        (2, "1_0", ("line 6, Energy should be a number, found '1_0'",)),
        (4, "x", ("line 6, Vy should be a number, found 'x'",)),
        (1, "99", ("line 6: mass and charge of PDG id 99 are not known",)),
        (1, "1e3", ("line 6, Pdg should be a whole number, found '1e3'",)),
        (1, "", ("line 6, Pdg should be a whole number, found ''",)),
        (2, "-7", ("line 6, Energy should be 0 or more, found -7",)),
    ],
)
def test_values_of_examples(text, refused, column, value, parts):
    def change(lines):
        cell(6, column, value)(lines)
        cell(7, column, value)(lines)

    files = text(0, change)
    refused("zdcfastsim", files, *parts, files[0])


def test_nuclei_have_mass_and_charge(imported, text):
    def change(lines):
        for number in (6, 7):
            cell(number, 1, "1000020040")(lines)

    _, data = imported("zdcfastsim", text(0, change), "neutron")
    helium = np.flatnonzero(data.pdg == 1000020040)
    assert data.conditions[helium[0], 7] == pytest.approx(3.727, rel=1e-3)
    assert data.conditions[helium[0], 8] == 2


def test_misnamed_columns_of_text(text, refused):
    files = text(
        0, line(1, lambda header: header.replace("Energy", "E").replace("Pz", "Energy").replace("E,", "Pz,"))
    )
    refused("zdcfastsim", files, files[0], "Energy should be 0 or more")


@pytest.mark.parametrize(
    ("change", "parts"),
    [
        (without(50), ("there should be 10560 lines",)),
        (lambda lines: "".join(lines).replace(" 1 ", " 2 ", 1), ("should have the photon sum", "found")),
        (
            without(10560),
            ("there should be 10560 lines, 44 for each of 240 particles; it ends after line 10559",),
        ),
        (lambda lines: [*lines, lines[0]], ("there should be 10560 lines", "there are more")),
        (line(50, lambda text: text[:-3] + "\n"), ("line 50 should hold 44 numbers, found 43",)),
        (line(50, lambda text: text[:-1] + "0\n"), ("line 50 should hold 44 numbers, found 45",)),
        (line(50, lambda text: "\n"), ("line 50 should hold 44 numbers, found 0",)),
        (
            line(50, lambda text: "-1" + text[1:]),
            ("line 50 should hold whole numbers of photons, found '-1'",),
        ),
        (
            line(50, lambda text: "0.5" + text[1:]),
            ("line 50 should hold whole numbers of photons, found '0.5'",),
        ),
        (line(50, lambda text: "1e2" + text[1:]), ("line 50", "found '1e2'")),
        (
            line(50, lambda text: "1234567890" + text[1:]),
            ("line 50 should hold numbers of at most 9 digits",),
        ),
        (line(50, lambda text: text[:-1]), ("line 50 should hold 44 numbers, found 88",)),
        (lambda lines: "".join(lines).replace("\n", " "), ("line 1 should hold 44 numbers, found 464640",)),
        (lambda lines: [], ("it ends after line 0",)),
    ],
)
def test_text_images(text, refused, change, parts):
    files = text(1, change)
    refused("zdcfastsim", files, *parts, files[1])


def test_images_on_lines_of_the_other_axis(refused, user_files, samples, tmp_path):
    showers, conditions, pdg = samples["proton"]
    files = user_files.zdcfastsim(tmp_path, showers.transpose(0, 2, 1), conditions, pdg, "proton")
    refused("zdcfastsim", files, "line 1 should hold 30 numbers, found 56", detector="proton")


def test_line_feeds_of_windows_and_blank_lines_at_the_end(imported, holds, text, samples):
    for path in text.files:
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n") + b"\r\n\n \n")
    assert imported("zdcfastsim", text.files, "neutron")[0].responses == 192


def test_text_that_is_none(text, refused):
    text.files[0].write_bytes(text.files[0].read_bytes()[:500] + b"\xff\xfe")
    refused("zdcfastsim", text.files, text.files[0], "plain text, found byte 0xff")
    refused("zdcfastsim", text.files[:1], "pairs of files, EXAMPLES IMAGES; found 1")


# CaloChallenge


@pytest.mark.parametrize(
    ("change", "parts"),
    [
        (lambda file: file.pop("showers"), ("a data set showers of numbers, found incident_energies",)),
        (("showers", np.ones((5, 367))), ("(N, 368), found (5, 367)",)),
        (("showers", np.full((5, 368), np.nan)), ("row 0, voxel 0 should be a finite energy, found nan",)),
        (("showers", np.full((5, 368), "a", "S1")), ("a data set showers of numbers",)),
        (
            ("incident_energies", np.ones((4, 1))),
            ("incident_energies should have the shape (5, 1)", "found (4, 1)"),
        ),
        (("incident_energies", np.ones((5, 2))), ("found (5, 2)",)),
        (
            ("incident_energies", np.zeros((5, 1))),
            ("row 0, the incident energy should be above 0 MeV, found 0",),
        ),
    ],
)
def test_calochallenge(refused, user_files, tmp_path, change, parts):
    files = user_files.calochallenge(tmp_path / "a.hdf5", np.ones((5, 368)), np.full(5, 256.0))
    with h5py.File(files[0], "a") as file:
        if callable(change):
            change(file)
        else:
            del file[change[0]]
            file[change[0]] = change[1]
    refused("calochallenge", files, *parts, files[0], detector="calochallenge-photons", min_photons=0)


def test_truncated_calochallenge(refused, user_files, tmp_path):
    files = user_files.calochallenge(tmp_path / "a.hdf5", np.ones((5, 368)), np.full(5, 256.0))
    files[0].write_bytes(files[0].read_bytes()[:-200])
    refused("calochallenge", files, files[0], detector="calochallenge-photons", min_photons=0)

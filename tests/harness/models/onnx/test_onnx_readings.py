"""In which units and pixel order an ONNX file is read: told, shown by scales and light, or refused."""

import numpy as np
import pytest

from simbench.harness.cli.common.readings import all_readings, fitting
from simbench.harness.errors import UserError
from simbench.harness.models.onnx.file import onnx_offer_of, readings
from simbench.harness.models.onnx.reading import aimed, layout_of, light_off, units_of
from simbench.harness.models.onnx.scales import Scales
from simbench.plugins.zdc import simbench_detectors

DETECTORS = {detector.name: detector for detector in simbench_detectors()}
NEUTRON, PROTON = DETECTORS["neutron"], DETECTORS["proton"]


def scales(mass, charge):
    rest = (500.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    return Scales((*rest, mass[0], charge[0]), (*rest[:1], *[1.0] * 6, mass[1], charge[1]))


@pytest.mark.parametrize(
    ("mass", "charge", "units"),
    [
        ((938.0, 12.0), (3.0, 0.1), "o2"),
        ((140.0, 1.0), (0.1, 0.8), "o2"),  # few charges: thirds or not, the mass tells
        ((497.0, 450.0), (0.9, 1.8705), "o2"),
        ((0.0, 1000.0), (0.0, 3.0), "o2"),  # what undoes O2's units
        ((0.938, 0.012), (0.9, 0.3), "simbench"),
        ((0.4, 0.45), (0.02, 0.3), "simbench"),
        ((0.0, 1.0), (0.9, 0.3), "simbench"),  # photons
    ],
)
def test_scales_tell_the_units(mass, charge, units):
    found, note = units_of(None, {}, scales(mass, charge), PROTON)
    assert found == units
    assert "undeclared" in note
    assert f"{mass[0]:g} and {mass[1]:g}" in note


@pytest.mark.parametrize(
    ("mass", "charge", "words"),
    [
        ((497.0, 450.0), (0.0629, 0.2565), "mass in MeV, charge in e, neither"),  # as ALICE's own sae has it
        ((0.94, 0.1), (1.5, 1.9), "mass in GeV, charge in thirds"),
        ((25.0, 3.0), (0.01, 0.3), "MeV as little as GeV"),
    ],
)
def test_units_that_nothing_tells_are_refused_with_the_option(mass, charge, words):
    with pytest.raises(ValueError, match=words) as error:
        units_of(None, {}, scales(mass, charge), PROTON)
    assert ":units=o2 or :units=simbench" in str(error.value)
    assert units_of("o2", {}, scales(mass, charge), PROTON) == ("o2", None)


def test_what_is_told_of_units_comes_first():
    mev = scales((938.0, 12.0), (3.0, 0.1))
    assert units_of(None, {"simbench.units": "simbench"}, mev, PROTON) == ("simbench", None)
    assert units_of(None, {"exported by": "simbench-hep 0.1.0"}, mev, PROTON) == ("simbench", None)
    found, note = units_of("o2", {"simbench.units": "simbench"}, mev, PROTON)
    assert (found, note) == ("o2", "units read as o2, as asked for; its metadata declare simbench")
    found, note = units_of(None, {}, None, PROTON)
    assert found == "simbench"
    assert "no scales tell others" in note


def never(_):
    raise AssertionError("the light is not asked")


@pytest.mark.parametrize(
    ("shape", "layout"), [((56, 30), "row-major"), ((56, 30, 1), "row-major"), ((1, 30, 56), "x-fastest")]
)
def test_the_sides_of_the_output_tell_the_order(shape, layout):
    found, note = layout_of(None, {}, shape, PROTON, never)
    assert found == layout
    assert "undeclared" in note


def lights(detector, order):
    """50 photons where a neutron's straight line meets the face, flat in that order."""

    def respond(conditions):
        nx, ny = detector.shape
        place = (1 + detector.impact(conditions) / np.array(detector.half_size)) / 2 * detector.shape
        images = np.zeros((len(conditions), nx, ny), np.float32)
        images[np.arange(len(conditions)), *np.floor(place).astype(int).T] = 50
        turned = images if order == "row-major" else images.transpose(0, 2, 1)
        return turned.reshape(len(conditions), -1)

    return respond


@pytest.mark.parametrize("order", ["row-major", "x-fastest"])
@pytest.mark.parametrize("detector", [NEUTRON, PROTON], ids=lambda each: each.name)
def test_light_tells_the_order_of_what_is_square_or_flat(detector, order):
    shape = (44, 44) if detector is NEUTRON else (1680,)
    found, note = layout_of(None, {}, shape, detector, lights(detector, order))
    assert found == order
    assert "light lies off" in note


@pytest.mark.parametrize("photons", [0.0, 1.0], ids=["dark", "everywhere"])
def test_light_that_follows_nothing_is_refused_with_the_option(photons):
    def respond(conditions):
        return np.full((len(conditions), 44 * 44), photons, np.float32)

    with pytest.raises(ValueError, match=r"equally likely .*:layout=row-major or :layout=x-fastest"):
        layout_of(None, {}, (44, 44), NEUTRON, respond)
    assert layout_of("x-fastest", {}, (44, 44), NEUTRON, never) == ("x-fastest", None)


def test_neutrons_are_aimed_at_the_face():
    for detector in DETECTORS.values():
        conditions = aimed(detector)
        energy = np.sqrt((conditions[:, 4:8].astype(np.float64) ** 2).sum(axis=1))
        np.testing.assert_allclose(conditions[:, 0], energy, rtol=1e-6)
        off = np.abs(detector.impact(conditions)) / detector.half_size
        assert off.max() == pytest.approx(0.7, abs=1e-3)
        assert light_off(lights(detector, "row-major")(conditions), detector, detector.impact(conditions))[
            "row-major"
        ] == pytest.approx(0, abs=0.8)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "a.onnx"
    path.write_bytes(b"whatever")
    return path


def asked(spec):
    return onnx_offer_of(str(spec))[0].factory.args[3]


def test_options_stand_behind_the_file_or_its_scales(file, tmp_path):
    named = tmp_path / "s.txt"
    named.write_text("#means\n1\n\n#scales\n2\n")
    offer, _ = onnx_offer_of(f"onnx-photons:{file}@{named}:units=o2:layout=row-major")
    assert offer.name == "onnx-photons:a.onnx:units=o2:layout=row-major"
    reading = offer.factory.args[3]
    assert (reading.output, reading.units, reading.layout) == ("photons", "o2", "row-major")
    assert offer.factory.args[2] == Scales((1.0,), (2.0,))
    assert asked(f"onnx:{file}:layout=x-fastest").units is None
    colons = tmp_path / "b:units=o2"
    colons.write_bytes(b"too")
    assert asked(f"onnx:{colons}").units is None


def test_a_file_beside_it_tells_what_the_name_does_not(file):
    file.with_name("a.onnx.simbench.toml").write_text(
        'units = "o2"\nlayout = "row-major"\noutput = "log1p"\n'
    )
    reading = asked(f"onnx:{file}:units=simbench")
    assert (reading.output, reading.units, reading.layout) == ("log1p", "simbench", "row-major")


@pytest.mark.parametrize(
    ("options", "beside", "words"),
    [
        (":units=mev", "", "units should be simbench or o2, found 'mev'"),
        (":unit=o2", "", "unknown option 'unit'; known: units, layout"),
        ("", "units = 2", "units should be simbench or o2, found 2"),
        ("", "unit = 'o2'", "unknown key 'unit'; known: units, layout, output"),
        ("", "units: o2", "is no TOML"),
    ],
)
def test_other_words_are_one_line(file, options, beside, words):
    if beside:
        file.with_name("a.onnx.simbench.toml").write_text(beside)
    with pytest.raises(UserError, match=words):
        onnx_offer_of(f"onnx:{file}{options}")


def test_all_readings_of_a_file(file):
    names = all_readings([f"onnx:{file},mc"])
    assert names == [*readings(f"onnx:{file}"), "mc"]
    assert len(set(names)) == 5
    for models, words in ((["mc"], "is for onnx:FILE, found mc"), ([f"onnx:{file}:units=o2"], "tries all")):
        with pytest.raises(UserError, match=words):
            all_readings(models)


def test_the_reading_that_fits_is_named_if_the_runs_can_tell():
    def entry(how, mean):
        return {"name": f"onnx:a:{how}", "status": "ok", "ws": {"mean": mean, "std": 0.1}}

    ours, theirs = "units=simbench:layout=row-major", "units=o2:layout=row-major"
    (line,) = fitting({"models": [entry(ours, 4.0), entry(theirs, 1.0), {"name": "mc", "status": "ok"}]})
    assert line.startswith(f"onnx:a reads best as {theirs} (ws: {theirs} 1 ± 0.1; {ours} 4 ± 0.1")
    (line,) = fitting({"models": [entry(ours, 1.2), entry(theirs, 1.0)]})
    assert line.startswith(f"onnx:a cannot be told: {theirs} and {ours} fit alike")

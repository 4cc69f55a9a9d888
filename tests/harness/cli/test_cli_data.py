"""``simbench data``: making, describing and checking datasets."""

import re

import h5py
import numpy as np
import pytest
from cli_answers import fails, files_in

from simbench.harness.cli.common.picture import picture
from simbench.harness.data.dataset import Dataset
from simbench.harness.hooks import Responses

pytestmark = pytest.mark.slow


def test_make_data(call, tmp_path):
    path = tmp_path / "new" / "toy.h5"
    options = (
        "--detector",
        "toy",
        "--simulator",
        "toys",
        "--particles",
        "7",
        "--repeats",
        "3",
        "--seed",
        "5",
    )
    status, out, _ = call("data", "make", *options, "--out", path)
    assert status == 0
    with Dataset(path) as data:
        assert len(data) == 21
        assert data.fingerprint in out
        assert data.provenance == "made for a test"
        assert data.check() == []
    assert "21 responses" in out
    assert files_in(tmp_path) == ["toy.h5"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--particles", "0"], ["particles should be at least 1, found 0"]),
        (["--repeats", "-1"], ["repeats should be at least 1, found -1"]),
        (["--simulator", "absent"], ["unknown dataset maker 'absent'", "mc", "toys"]),
        (["--simulator", "mc"], ["'mc' does not serve 'toy'", "proton, neutron"]),
        (["--detector", "absent"], ["unknown detector 'absent'"]),
        (["--detectors", "toy,absent"], ["unknown detector 'absent'"]),
        (["--detectors", "toy"], ["'toys' draws a particle in one detector only"]),
        (["--detectors", "toy", "--like", "x.h5"], ["--detectors", "no --like"]),
    ],
)
def test_make_data_wrongly(call, tmp_path, options, words):
    head = ("data", "make", "--detector", "toy", "--simulator", "toys", "--out", tmp_path / "toy.h5")
    fails(call(*head, *options), *words)
    assert files_in(tmp_path) == []


def test_the_same_particles_in_both_calorimeters(call, tmp_path):
    path = tmp_path / "pair.h5"
    options = ("--detectors", "proton,neutron", "--particles", "60", "--repeats", "2", "--seed", "3")
    status, out, _ = call("data", "make", *options, "--out", path)
    assert status == 0
    assert files_in(tmp_path) == ["pair-neutron.h5", "pair-proton.h5"]
    streams, rows = [], 0
    for name in ("proton", "neutron"):
        with Dataset(tmp_path / f"pair-{name}.h5") as data:
            assert data.detector == name
            assert data.check() == []
            streams.append(data.stream())
            assert len(data) == streams[-1].hit.sum()
            rows += len(data)
    np.testing.assert_array_equal(streams[0].conditions, streams[1].conditions)
    assert 0.3 < rows / 240 < 1
    assert out.count("held no light and were left out") == 2
    status, out, _ = call("data", "info", tmp_path / "pair-proton.h5", "--pictures", "0")
    assert status == 0
    assert "raw particles     60 of 2 responses, 60 of them in the dataset" in out
    assert "not empty" in out


@pytest.fixture
def four(toy, tmp_path):
    """Photon sums 1, 3, 5 and 11 in six pixels; three responses of particle 4 and one of 9."""
    showers = np.zeros((4, 6, 4), np.uint16)
    showers[0, 0, 0] = 1
    showers[1, 1, 1] = 3
    showers[2, 2, 2], showers[2, 3, 3] = 2, 3
    showers[3, 5, 3], showers[3, 5, 2] = 7, 4
    conditions = np.array([[1, 2]] * 3 + [[3, 4]], np.float32)
    made = Responses(showers, conditions, np.array([4, 4, 4, 9]), np.full(4, 22, np.int32))
    return toy.write(tmp_path / "four.h5", made)


def test_data_info(call, four):
    status, out, err = call("data", "info", four, "--pictures", "2")
    assert (status, err) == (0, "")
    lines = {line[:17].strip(): line[18:].strip() for line in out.splitlines()}
    assert lines["file"] == str(four)
    assert lines["detector"] == "toy, responses of 6 x 4"
    assert lines["provenance"] == "made for a test"
    assert lines["responses"] == "4"
    assert lines["particles"] == "2"
    assert lines["repeats"] == "1 to 3 responses of a particle"
    assert lines["photon threshold"] == "1"
    assert lines["photon sum"] == "min / Q1 / Q2 / Q3 / max: 1 / 2.5 / 4 / 6.5 / 11"
    assert "mean 5.00, standard deviation 3.74" in out  # the root of (16 + 4 + 0 + 36) / 4
    assert lines["zero pixels"] == "93.75 %"  # 90 of 96
    assert lines["largest pixel"] == "7"
    with Dataset(four) as data:
        assert lines["fingerprint"] == data.fingerprint
    # Pictures: the second and the third of four by brightness.
    assert "row 1, 3 photons" in out
    assert "row 2, 5 photons" in out
    assert "+--" in out
    assert out.count("@") == 3  # one pixel of three photons in each picture, and the legend
    assert "+--" not in call("data", "info", four, "--pictures", "0")[1]
    assert "row 2, 5 photons" in call("data", "info", four, "--pictures", "1")[1]


def test_picture_worked_by_hand():
    # x to the right, y upwards: (0, 2) holds 9, (1, 0) holds 1: log 2 / log 10 of 9 shades is 2.7, the third.
    drawn = picture([np.array([[0, 0, 9], [1, 0, 0]])], ["t"]).plain.splitlines()
    assert drawn[:6] == [" t  ", "+--+", "|@ |", "|  |", "| -|", "+--+"]
    assert "up to 9 in a pixel" in drawn[6]


def test_pictures_of_unequal_size_and_of_nothing():
    drawn = picture([np.zeros((2, 3)), np.zeros((4, 1), np.uint16)], ["a", "b"]).plain.splitlines()
    assert [line.rstrip() for line in drawn[:6]] == [
        " a     b",
        "+--+  +----+",
        "|  |  |    |",
        "|  |  +----+",
        "|  |",
        "+--+",
    ]


def test_data_info_of_nothing(toy, call, tmp_path):
    made = toy.responses()
    nothing = Responses(made.showers[:0], made.conditions[:0], made.particle[:0], made.pdg[:0])
    path = toy.write(tmp_path / "none.h5", nothing)
    status, out, err = call("data", "info", path)
    assert (status, err) == (0, "")
    assert re.search(r"responses +0\n", out)


def test_data_check(call, toy_file, four, tmp_path):
    status, out, err = call("data", "check", toy_file)
    assert (status, err) == (0, "")
    assert "200 responses" in out
    assert "all well" in out
    with h5py.File(four, "r+") as file:
        file["showers"][3] = 0
        file["conditions"][1, 0] = 5
    status, out, err = call("data", "check", four)
    assert (status, out) == (1, "")
    problems = err.splitlines()
    assert len(problems) == 3
    assert all(problem.startswith(str(four)) for problem in problems)
    for word in ("row 3: a photon sum below the threshold 1", "fingerprint", "particle 4 has conditions"):
        assert word in err


def test_embedded_data_of_a_detector(call):
    status, out, _ = call("data", "check", "embedded", "--detector", "toy")
    assert status == 0
    assert "60 responses" in out
    fails(call("data", "check", "embedded", "--detector", "absent"), "unknown detector 'absent'")
    status, out, _ = call("data", "check", "embedded:toys", "--detector", "toy")
    assert (status, "60 responses" in out) == (0, True)
    fails(call("data", "check", "embedded:absent", "--detector", "toy"), "unknown dataset maker 'absent'")
    fails(call("data", "check", "embedded:mc", "--detector", "toy"), "'mc' does not serve 'toy'")

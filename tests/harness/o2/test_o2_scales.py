"""O2's file of scales, byte by byte: what its parser takes, and what ends o2-sim."""

import numpy as np
import pytest

from simbench.harness.errors import UserError
from simbench.harness.models.onnx.scales import Scales
from simbench.harness.o2.scales_file import read_as_o2, scales_text

MEANS = "#means\n" + "\n".join("123456789") + "\n"
SCALES = "#scales\n" + "\n".join("123456789") + "\n"
NINE = tuple(float(n) for n in range(1, 10))


def read(tmp_path, content):
    path = tmp_path / "scales.txt"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_as_o2(path)


def test_what_is_written_is_what_o2_reads(tmp_path):
    values = np.random.default_rng(0).lognormal(0, 9, (2, 9)).astype(np.float32)
    scales = Scales(tuple(values[0].tolist()), tuple(values[1].tolist()))
    assert read(tmp_path, scales_text(scales)) == scales


def test_the_bytes():
    text = scales_text(Scales((0.0,) * 9, (1.0,) * 7 + (1000.0, 3.0)))
    assert text == "#means\n" + "0.0\n" * 9 + "\n#scales\n" + "1.0\n" * 7 + "1000.0\n3.0\n"


@pytest.mark.parametrize(
    "content",
    [
        MEANS + "\n" + SCALES,
        MEANS + "\n\n\n" + SCALES,
        MEANS + "\n" + SCALES.rstrip("\n"),
        "made by hand\n\n" + MEANS + "\n" + SCALES + "\nmore",
        MEANS.replace("5", "  5 GeV") + "\n" + SCALES,
        MEANS + "\n" + SCALES.replace("\n5", "\n5e0"),
        MEANS.replace("\n5", "\n0x5") + "\n" + SCALES,
    ],
)
def test_what_o2_takes(tmp_path, content):
    assert read(tmp_path, content) == Scales(NINE, NINE)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (MEANS + SCALES, ["line 11", "invalid argument", "#scales"]),  # no empty line: stof("#scales")
        (SCALES + "\n" + MEANS, ["#scales", "behind what was read before"]),
        ((MEANS + "\n" + SCALES).replace("\n", "\r\n"), ["#means", "nothing else", r"\r"]),
        (MEANS.replace("#means", "#means ") + "\n" + SCALES, ["#means", "nothing else", "line 1"]),
        (MEANS.replace("5\n", "\n") + "\n" + SCALES, ["4 numbers below #means"]),
        (MEANS.replace("#means\n", "#means\n\n") + "\n" + SCALES, ["0 numbers below #means"]),
        (MEANS + "\n" + SCALES.replace("5", "1e-46"), ["line 17", "out of range", "1e-46"]),
        (MEANS + "\n" + SCALES.replace("5", "1e40"), ["out of range"]),
        (MEANS.replace("5", "five") + "\n" + SCALES, ["line 6", "invalid argument", "five"]),
        (MEANS.replace("5", "   ") + "\n" + SCALES, ["line 6", "invalid argument"]),  # blanks are no end
        (MEANS.replace("9\n", "") + "\n" + SCALES, ["8 numbers below #means"]),
        (MEANS + "\n" + SCALES + "10\n", ["10 numbers below #scales"]),
        (MEANS + "\n" + SCALES.replace("5", "0"), ["scale 5 is 0"]),
        ("", ["#means"]),
        (MEANS + "\n" + SCALES.replace("5", "1e-400"), ["line 17", "out of range", "1e-400"]),
        (MEANS + "\n" + SCALES.replace("5", "1e-39"), ["out of range"]),  # denormal
        (MEANS.replace("5", "nan") + "\n" + SCALES, ["number 5 below #means is nan"]),
        (MEANS + "\n" + SCALES.replace("5", "-inf"), ["number 5 below #scales is -inf"]),
    ],
)
def test_what_ends_or_misleads_o2(tmp_path, content, words):
    with pytest.raises(UserError) as error:
        read(tmp_path, content)
    assert "\n" not in str(error.value)
    for word in [str(tmp_path / "scales.txt"), *words]:
        assert word in str(error.value)


def test_no_such_file(tmp_path):
    with pytest.raises(UserError, match="cannot read the scales"):
        read_as_o2(tmp_path / "absent")

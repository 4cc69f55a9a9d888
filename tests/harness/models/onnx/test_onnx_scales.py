"""Scales that belong to an ONNX model: O2's text, JSON and npz."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from simbench.harness.errors import UserError
from simbench.harness.models.onnx.scales import Scales, read_scales, write_scales

TEXT = "#means\n1\n-2.5\n1e-3\n#scales\n2\n4\n0.5\n"
SCALES = Scales((1.0, -2.5, float(np.float32(1e-3))), (2.0, 4.0, 0.5))


def test_the_text_of_o2(tmp_path):
    path = tmp_path / "scales.txt"
    path.write_text(TEXT.replace("\n", "\r\n"))
    assert read_scales(path) == SCALES
    scaled = read_scales(path)(np.float32([[3, 1.5, 0.501]]))
    assert scaled.dtype == np.float32
    np.testing.assert_allclose(scaled, [[1, 1, 1]], rtol=1e-6)


@pytest.mark.parametrize("names", [("mean", "scale"), ("mean_", "scale_")])
def test_saved_scalers(tmp_path, names):
    lists = dict(zip(names, ([1.0, -2.5, 1e-3], [2.0, 4.0, 0.5]), strict=True))
    (tmp_path / "scaler.json").write_text(json.dumps(lists))
    np.savez(tmp_path / "scaler.npz", **lists)
    assert read_scales(tmp_path / "scaler.json") == read_scales(tmp_path / "scaler.npz") == SCALES


@hypothesis_settings(max_examples=40)
@given(values=st.lists(st.floats(-(2.0**90), 2.0**90, width=32), min_size=1, max_size=9))
def test_what_is_written_is_read_back(values, tmp_path_factory):
    path = tmp_path_factory.mktemp("scales") / "scales.txt"
    scales = Scales(tuple(values), tuple(abs(value) + 1 for value in values))
    scales = Scales(scales.mean, tuple(np.float32(scales.scale).tolist()))
    write_scales(path, scales)
    assert read_scales(path) == scales
    assert path.read_text().count("\n") == 2 * len(values) + 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected a line #means, found the end of the file"),
        ("1\n2\n", "line 1: expected #means, found '1'"),
        ("#scales\n1\n", "line 1: expected #means, found '#scales'"),
        ("#means\n1\n", "expected a line #scales, found the end"),
        ("#means\n1\nx\n#scales\n1\n1\n", "line 3: expected a number, found 'x'"),
        ("#means\n1\n#scales\n1\n2\n", "as many scales as means, found 1 means, 2 scales"),
        ("#means\n1\n#scales\n0\n", "scale 1 is 0"),
        ("#means\nnan\n#scales\n1\n", "finite numbers as mean"),
        ("#means\n1\n#scales\n1e99\n", "finite numbers as scale"),
        (TEXT + "#means\n", "line 9: expected no further block"),
    ],
)
def test_bad_texts(tmp_path, text, message):
    path = tmp_path / "scales.txt"
    path.write_text(text)
    with pytest.raises(UserError, match=message) as caught:
        read_scales(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("no.txt", None, "No such file"),
        ("binary.txt", b"#means\n\xff\xfe", "is no text file"),
        ("a.json", b"[1, 2]", "expected mean and scale, found neither"),
        ("a.json", b'{"means": [1], "scale": [1]}', "found means, scale"),
        ("a.json", b'{"mean": ["a"], "scale": [1]}', "expected a list of numbers as mean"),
        ("a.json", b'{"mean": 1, "scale": 1}', "expected a list of finite numbers"),
        ("a.json", b"{", "is no JSON file"),
        ("a.npz", b"PK\x03\x04 and no more", "is no npz file of numbers"),
        ("a.npz", b"", "is no npz file of numbers"),
        ("scaler.pkl", b"", "a pickle can run code"),
    ],
)
def test_bad_files(tmp_path, name, content, message):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=message):
        read_scales(tmp_path / name)


def test_an_npz_of_objects_runs_nothing(tmp_path):
    class Payload:
        def __reduce__(self):
            return (tmp_path.joinpath("ran").touch, ())

    np.savez(tmp_path / "a.npz", mean=np.array([Payload()], object), scale=np.ones(1))
    (tmp_path / "ran").unlink(missing_ok=True)
    with pytest.raises(UserError, match="is no npz file of numbers"):
        read_scales(tmp_path / "a.npz")
    assert not (tmp_path / "ran").exists()

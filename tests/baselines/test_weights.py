import json

import numpy as np
import pytest
from safetensors.numpy import save_file

from simbench.baselines.gan.simulator import GanSimulator
from simbench.baselines.gan.training import train
from simbench.baselines.weights import read_weights, write_weights

HEADER = {
    "model": "gan",
    "preset": "compact",
    "detector": "toy",
    "settings": {"steps": 3},
    "data": {"fingerprint": "é", "split": {"seed": 0}},
    "training": {"best_step": 3},
}


def arrays():
    draw = np.random.default_rng(0)
    return {
        "a": draw.normal(size=(3, 2)).astype(np.float32),
        "hash": np.array([2**64 - 1, 5], dtype=np.uint64),
    }


def test_round_trip(tmp_path):
    path = tmp_path / "weights.safetensors"
    write_weights(path, arrays(), HEADER)
    for place in (path, tmp_path):
        header, found = read_weights(place)
        assert header == HEADER | {"format": 1}
        assert found.keys() == arrays().keys()
        for name, array in arrays().items():
            assert found[name].dtype == array.dtype
            np.testing.assert_array_equal(found[name], array)
    assert [file.name for file in tmp_path.iterdir()] == ["weights.safetensors"]


def test_equal_content_gives_equal_bytes(tmp_path):
    write_weights(tmp_path / "a", arrays(), HEADER)
    write_weights(tmp_path / "b", arrays(), dict(reversed(HEADER.items())))
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_weights_that_are_no_numbers_are_not_stored(tmp_path):
    with pytest.raises(ValueError, match="'a': they are not finite in float16"):
        write_weights(tmp_path / "w", {"a": np.array([np.inf], dtype=np.float16)}, HEADER)
    assert not list(tmp_path.iterdir())


def foreign(path):
    save_file({"a": np.zeros(2)}, path)


def not_json(path):
    save_file({"a": np.zeros(2)}, path, metadata={"simbench": "{"})


def other_format(path):
    save_file({"a": np.zeros(2)}, path, metadata={"simbench": json.dumps(HEADER | {"format": 99})})


def incomplete(path):
    write_weights(path, arrays(), {name: value for name, value in HEADER.items() if name != "data"})


def truncated(path):
    write_weights(path, arrays(), HEADER)
    path.write_bytes(path.read_bytes()[:-3])


def garbage(path):
    path.write_bytes(b"\x80\x04PK\x03\x04 no weights at all")


def empty(path):
    path.write_bytes(b"")


def missing(path):
    del path


def other_network(path):
    network = {
        "shape": [3, 2],
        "conditions": 2,
        "noise": 4,
        "width": 8,
        "depth": 1,
        "field": [1, 1],
        "rank": 4,
    }
    scaler = {"mean": [0, 0], "scale": [1, 1], "clip": None, "geometry": None}
    more = {
        "network": network | {"log_total": 0.0, "log_limit": 9.0},
        "scaler": scaler,
        "features": ["x", "y"],
    }
    write_weights(path, arrays(), HEADER | more)


def other_features(path):
    scaler = {"mean": [0, 0], "scale": [1, 1], "clip": None, "geometry": None}
    write_weights(path, arrays(), HEADER | {"scaler": scaler, "features": ["x", "y", "z"]})


def no_network(path):
    write_weights(path, arrays(), HEADER)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (foreign, "holds no weights of simbench"),
        (not_json, "the header is no JSON"),
        (other_format, "expected weights of format 1, found 99"),
        (incomplete, "'data' must be dict, found None"),
        (truncated, "is damaged"),
        (garbage, "is no safetensors file, or is damaged"),
        (empty, "is no safetensors file, or is damaged"),
        (missing, "cannot read the weights"),
        (other_features, "fitted on 2 features, 3 conditions now make 3"),
        (other_network, "holds no usable weights of this kind"),
        (no_network, "holds no usable weights of this kind"),
    ],
)
def test_unusable_files_are_named_in_one_line(damage, message, tmp_path):
    path = tmp_path / "weights.safetensors"
    damage(path)
    with pytest.raises(ValueError) as caught:
        GanSimulator.load(path)
    assert str(path) in str(caught.value)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_half_precision_halves_the_file_and_hardly_changes_the_rates(toy_job, tmp_path):
    files = {
        storage: train(toy_job(out=tmp_path / storage, settings={"storage": storage, "width": "64"}))
        for storage in ("float32", "float16")
    }
    half, full = (files[storage].stat().st_size for storage in ("float16", "float32"))
    assert half < 0.75 * full
    kinds = {array.dtype.name for array in read_weights(files["float16"])[1].values()}
    assert kinds == {"float16"}
    conditions, noise = np.zeros((5, 2), np.float32), np.ones((5, 10), np.float32)
    rates = [GanSimulator.load(file).rates(conditions, noise) for file in files.values()]
    np.testing.assert_allclose(*rates, rtol=0.02)
    assert (rates[0] != rates[1]).any()

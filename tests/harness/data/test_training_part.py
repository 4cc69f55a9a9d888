import numpy as np
import pytest

from simbench.harness.data.training import TrainingPart, keep_training_part, read_training
from simbench.harness.data.unit import Lit
from simbench.harness.errors import UserError


@pytest.fixture
def showers():
    images = np.random.default_rng(0).poisson(0.4, (50, 3, 4)).astype(np.uint16)
    images[7] = 0
    return images


def test_responses_come_back_in_any_order_and_number(showers):
    part = TrainingPart(np.zeros((50, 1), np.float32), np.arange(50), (3, 4), Lit.of(showers))
    assert len(part) == 50
    for rows in ([3, 3, 7, 49, 0], [], [7], np.random.default_rng(1).integers(50, size=200)):
        rows = np.array(rows, dtype=np.int64)
        np.testing.assert_array_equal(part.responses(rows), showers[rows])
    assert part.responses(np.array([1])).dtype == np.uint16


class Data:
    """As much of a dataset as is asked for."""

    detector, fingerprint, shape = "toy", "0123456789abcdef", (3, 4)

    def __init__(self, showers):
        self.showers, self.read = showers, 0
        self.conditions = np.arange(100, dtype=np.float32).reshape(50, 2)
        self.particle = np.arange(50) // 5

    def blocks(self, rows):
        self.read += 1
        for start in range(0, len(rows), 8):
            yield self.showers[rows[start : start + 8]]


def test_a_file_keeps_the_part_and_is_written_once(showers, tmp_path, monkeypatch):
    monkeypatch.setenv("SIMBENCH_CACHE", str(tmp_path))
    data, rows = Data(showers), np.flatnonzero(np.arange(50) % 3)
    path = keep_training_part(data, rows, "particle-0-1")
    part = read_training(path)
    np.testing.assert_array_equal(part.responses(np.arange(len(rows))), showers[rows])
    np.testing.assert_array_equal(part.conditions, data.conditions[rows])
    np.testing.assert_array_equal(part.particle, data.particle[rows])
    assert keep_training_part(data, rows, "particle-0-1") == path
    assert data.read == 1
    assert keep_training_part(data, rows, "particle-1-1") != path
    assert [file.suffix for file in path.parent.iterdir()] == [".npz"] * 2


@pytest.mark.parametrize("content", [b"", b"nothing", b"PK\x03\x04"])
def test_a_damaged_file_is_named(tmp_path, content):
    path = tmp_path / "part.npz"
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"part\.npz"):
        read_training(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(UserError, match=r"cannot read the training part .*absent\.npz: No such file"):
        read_training(tmp_path / "absent.npz")

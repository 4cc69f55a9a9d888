"""A dataset's content is what its fingerprint says, or it is refused."""

import os

import h5py
import pytest

from simbench.harness.data import verify
from simbench.harness.data.dataset import Dataset
from simbench.harness.data.open import open_data
from simbench.harness.errors import UserError


def test_content_is_read_once_and_again_when_the_file_changes(toy, tmp_path):
    path = toy.write(tmp_path / "a.h5")
    with Dataset(path) as data:
        assert [verify.verified(data) for _ in range(2)] == [verify.BY_CONTENT, verify.BY_STATE]
    times = path.stat()
    with h5py.File(path, "r+") as file:
        file["showers"][3, 0, 0] += 1

    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))  # as a copy that keeps times
    with pytest.raises(UserError, match="the content was changed after the file was written"):
        open_data(toy.registry(), toy.detector, str(path))


def test_without_a_cache_it_is_read_each_time(toy, tmp_path, monkeypatch):
    path = toy.write(tmp_path / "a.h5")
    monkeypatch.setattr(verify, "kept_folder", lambda: None)
    with Dataset(path) as data:
        assert [verify.verified(data) for _ in range(2)] == [verify.BY_CONTENT] * 2

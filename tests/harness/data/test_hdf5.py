"""HDF5 files at their edges: what is said, and a disk that is full."""

import errno
import os

import h5py
import numpy as np
import pytest

from simbench.harness.data.hdf5 import Written, reason, require_filters
from simbench.harness.errors import UserError


def test_a_filter_that_is_not_there_is_named(tmp_path):
    """The number of a filter that h5py has is replaced in the file by Zstandard's, 32015."""
    path = tmp_path / "packed.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("showers", data=np.ones((50, 40), "f4"), chunks=(10, 40), compression="lzf")
    path.write_bytes(path.read_bytes().replace(b"\x00\x7d", b"\x0f\x7d"))
    with h5py.File(path) as file, pytest.raises(UserError) as refused:
        require_filters(file["showers"], path)
    assert f"{path}: showers is compressed by the HDF5 filter 32015 (Zstandard)" in str(refused.value)
    assert str(refused.value).endswith("pip install hdf5plugin")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "it is empty"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "git lfs pull"),
        (bytes(4096), "still being written"),
        (b"text", "it is no HDF5 file"),
    ],
)
def test_what_is_there_instead(tmp_path, content, said):
    path = tmp_path / "a.h5"
    path.write_bytes(content)
    with pytest.raises(OSError) as stop:
        h5py.File(path)
    assert said in reason(path, stop.value)


def test_a_link_that_leads_nowhere(tmp_path):
    path = tmp_path / "a.h5"
    path.symlink_to("gone")
    assert reason(path, OSError()) == "it is a link to gone, which is not there"


@pytest.mark.parametrize("room", [0, 1000, 50_000])
def test_a_full_disk_is_an_exception_and_the_file_is_closed(tmp_path, monkeypatch, room):
    """HDF5 itself crashes the process when it cannot write the last pieces of a file."""
    written = 0

    class Disk:
        def __init__(self, file):
            self._file = file

        def __getattr__(self, name):
            return getattr(self._file, name)

        def write(self, data):
            nonlocal written
            written += len(data)
            if written > room:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return self._file.write(data)

    def fill():
        with Written(tmp_path / "a.h5") as disk:
            monkeypatch.setattr(disk, "_file", Disk(disk._file))
            with h5py.File(disk, "w") as file:
                data = np.random.default_rng(0).random((200, 100))
                file.create_dataset("a", data=data, chunks=(10, 100), compression="gzip")
                file.flush()
                assert np.array_equal(file["a"][:], data)  # what the disk did not take is kept meanwhile
                disk.check()

    with pytest.raises(OSError, match="No space left"):
        fill()


def test_on_a_disk_with_room_it_is_a_file(tmp_path):
    with Written(tmp_path / "a.h5") as disk, h5py.File(disk, "w") as file:
        file["a"] = np.arange(1000)
        file["a"][3] = 5
    with h5py.File(tmp_path / "a.h5") as file:
        assert file["a"][:5].tolist() == [0, 1, 2, 5, 4]

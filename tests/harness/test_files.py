"""Files appear whole or not at all."""

import errno
import os
from pathlib import Path

import platformdirs
import pytest

from simbench.harness.errors import UserError, one_line
from simbench.harness.files import (
    atomic,
    cache_folder,
    kept_folder,
    make_folder,
    neighbour,
    read_json,
    ways_to,
    write_json,
    write_text,
)
from simbench.harness.system import threads_allowed, told


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_device_is_not_replaced_by_a_file(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("pipe")
    for name in ("pipe", "link"):
        with pytest.raises(UserError, match="it is a device or a pipe, expected a file"):
            write_text(tmp_path / name, "text")
    assert (tmp_path / "pipe").is_fifo()
    assert names_in(tmp_path) == ["link", "pipe"]


def test_text_appears_at_the_end(tmp_path):
    path = tmp_path / "file.txt"
    with atomic(path) as part:
        part.write_text("new")
        assert part.parent == tmp_path
        assert not path.exists()
    assert path.read_text() == "new"
    assert names_in(tmp_path) == ["file.txt"]


@pytest.mark.parametrize("stop", [RuntimeError, KeyboardInterrupt])
def test_nothing_changes_on_failure(tmp_path, stop):
    path = tmp_path / "file.txt"
    path.write_text("old")

    def write():
        with atomic(path) as part:
            part.write_text("half")
            raise stop

    with pytest.raises(stop):
        write()
    assert path.read_text() == "old"
    assert names_in(tmp_path) == ["file.txt"]


def test_text_is_utf8_with_line_feeds(tmp_path):
    write_text(tmp_path / "file.txt", "é\n")
    assert (tmp_path / "file.txt").read_bytes() == b"\xc3\xa9\n"


def test_json_has_no_nan(tmp_path):
    path = tmp_path / "file.json"
    write_json(path, {"a": [1, None, 0.1]})
    assert read_json(path) == {"a": [1, None, 0.1]}
    with pytest.raises(ValueError):
        write_json(path, {"a": float("nan")})
    assert read_json(path) == {"a": [1, None, 0.1]}


@pytest.mark.parametrize("content", [b"{", b"", b"\xff\xfe\x00"])
def test_broken_json(tmp_path, content):
    (tmp_path / "file.json").write_bytes(content)
    with pytest.raises(UserError, match="is no JSON file"):
        read_json(tmp_path / "file.json")


def test_missing_json(tmp_path):
    with pytest.raises(UserError, match=r"cannot read .*absent.json: No such file"):
        read_json(tmp_path / "absent.json")
    with pytest.raises(UserError, match=r"cannot read .*Is a directory"):
        read_json(tmp_path)


def test_folders(tmp_path):
    assert make_folder(tmp_path / "a" / "b").is_dir()
    assert list(make_folder(tmp_path / "a" / "b").iterdir()) == []
    (tmp_path / "file").touch()
    for place in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(UserError, match=r"cannot write to the folder .*file"):
            make_folder(place)


def test_an_exception_on_one_line():
    assert one_line(ValueError("two\n  lines")) == "ValueError: two lines"
    assert one_line(KeyboardInterrupt()) == "KeyboardInterrupt"


def test_a_link_stays_and_what_it_leads_to_is_replaced(tmp_path):
    (tmp_path / "far").mkdir()
    (tmp_path / "far" / "file.txt").write_text("old")
    (tmp_path / "file.txt").symlink_to("far/file.txt")
    write_text(tmp_path / "file.txt", "new")
    assert (tmp_path / "file.txt").is_symlink()
    assert (tmp_path / "far" / "file.txt").read_text() == "new"
    assert names_in(tmp_path / "far") == ["file.txt"]


def test_temporary_names_are_random_and_short(tmp_path, monkeypatch):
    """Two containers may have one process id, and a file's name may be as long as the system allows."""
    monkeypatch.setattr(os, "getpid", lambda: 7)
    long = tmp_path / ("é" * 125 + ".txt")
    with atomic(long) as one, atomic(long) as other:
        assert one != other
        one.write_text("1")
        other.write_text("2")
        assert len(os.fsencode(one.name)) < 100
    assert names_in(tmp_path) == [long.name]


def test_a_rename_whose_answer_is_lost(tmp_path, monkeypatch):
    """A network file system asks again, and finds nothing to rename."""
    replace = Path.replace

    def twice(part, target):
        replace(part, target)
        return replace(part, target)

    monkeypatch.setattr(Path, "replace", twice)
    write_text(tmp_path / "file.txt", "new")
    assert (tmp_path / "file.txt").read_text() == "new"
    monkeypatch.setattr(Path, "replace", lambda part, _: part.unlink() or replace(part, part))
    with pytest.raises(FileNotFoundError):
        write_text(tmp_path / "file.txt", "newer")
    assert (tmp_path / "file.txt").read_text() == "new"


def test_a_full_disk_is_told_with_the_file(tmp_path, monkeypatch):
    def full(_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left") as stop:
        write_text(tmp_path / "file.txt", "new")
    assert told(stop.value) == f"{tmp_path / 'file.txt'}: No space left on device"
    assert names_in(tmp_path) == []


def test_names_that_are_no_text_are_kept_in_json(tmp_path):
    name = os.fsdecode(b"mod\xe8le")
    write_json(tmp_path / "file.json", {"data": name})
    assert read_json(tmp_path / "file.json") == {"data": name}
    (tmp_path / "marked.json").write_bytes(b"\xef\xbb\xbf[1]")
    assert read_json(tmp_path / "marked.json") == [1]


def test_neighbours_are_looked_for_along_links(tmp_path):
    """As the cache of Hugging Face is laid out, and as a link to a file of a project."""
    for folder in ("blobs", "snapshot", "project", "home"):
        (tmp_path / folder).mkdir()
    for path in ("blobs/a1", "blobs/b2", "project/gen.onnx", "project/scales.txt"):
        (tmp_path / path).touch()
    (tmp_path / "snapshot" / "gen.onnx").symlink_to("../blobs/a1")
    (tmp_path / "snapshot" / "scales.txt").symlink_to("../blobs/b2")
    (tmp_path / "home" / "gen.onnx").symlink_to("../project/gen.onnx")
    hub, linked = tmp_path / "snapshot" / "gen.onnx", tmp_path / "home" / "gen.onnx"
    assert ways_to(hub) == (hub, tmp_path / "blobs" / "a1")
    assert neighbour(hub, "scales.txt") == tmp_path / "snapshot" / "scales.txt"
    assert neighbour(linked, "scales.txt") == tmp_path / "project" / "scales.txt"
    assert neighbour(linked, "other.txt") is None
    linked.unlink()
    linked.symlink_to("gen.onnx")  # to itself
    assert ways_to(linked)[0] == linked


def test_the_cache_is_never_a_folder_called_tilde(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SIMBENCH_CACHE", "~/kept")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert cache_folder() == tmp_path / "home" / "kept"
    monkeypatch.delenv("SIMBENCH_CACHE")
    monkeypatch.setattr(platformdirs, "user_cache_dir", lambda _: "~/.cache/simbench")
    with pytest.raises(UserError, match=r"no home folder.*SIMBENCH_CACHE"):
        cache_folder()
    assert kept_folder() is None
    with pytest.raises(UserError, match="shell has not replaced the ~"):
        make_folder(Path("~/out"))
    assert names_in(tmp_path) == []


@pytest.mark.parametrize(
    ("said", "threads"),
    [("4", 4), ("4,2", 4), (" 08 ", 8), ("", None), ("0", None), ("-1", None), ("many", None), ("1e3", None)],
)
def test_threads_allowed(monkeypatch, said, threads):
    monkeypatch.setenv("OMP_NUM_THREADS", said)
    assert threads_allowed() == threads

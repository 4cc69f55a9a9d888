"""Files appear whole or not at all."""

import pytest

from simbench.harness.errors import UserError, one_line
from simbench.harness.files import atomic, make_folder, read_json, write_json, write_text


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


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

"""What is filed, and what is refused by name."""

import json
import shutil

import jsonschema
import pytest

from simbench.harness.errors import UserError
from simbench.harness.sharing.checks import LEAKS, schema
from simbench.harness.sharing.folder import add, problems, protocol_digest, submissions


def lines(toys, folder, tolerance=1e-6):
    return list(problems(toys, folder, tolerance, lambda *_: None))


@pytest.fixture
def filed(toys, run, tmp_path):
    """A folder with one submission, and that."""
    return tmp_path / "all", add(toys, run, tmp_path / "all", "first", "2026-01-02")


def test_a_submission_lies_by_detector_protocol_and_name(toys, run, filed):
    folder, place = filed
    protocol = json.loads((run / "result.json").read_text())["protocol"]
    assert place == folder / "toy" / protocol_digest(protocol) / "first"
    told = json.loads((place / "submission.json").read_text())
    assert (told["name"], told["added"]) == ("first", "2026-01-02")
    there = {path.relative_to(place).as_posix() for path in place.rglob("*") if path.is_file()}
    assert there == {*told["files"], "submission.json"}
    assert "units/flat-run1.npz" in there
    assert (place / "scores.csv").read_bytes() == (run / "scores.csv").read_bytes()
    (found,) = submissions(folder)
    assert (found.name, found.detector) == ("first", "toy")
    assert lines(toys, folder) == []


@pytest.mark.parametrize("name", ["result", "submission"])
def test_the_schemas_are_schemas(name):
    jsonschema.Draft202012Validator.check_schema(schema(name))


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("detector", "../../etc", "protocol/detector: '../../etc' does not match"),
        ("dataset", "mine", "protocol/dataset: 'mine' does not match"),
        ("split", "mine", "protocol/split: 'mine' is not one of"),
        ("chunk_size", 5, "protocol/chunk_size: 4096 was expected"),
    ],
)
def test_another_form_is_refused_by_its_field(toys, change, tmp_path, field, value, told):
    run = change(lambda result: result["protocol"].update({field: value}))
    with pytest.raises(UserError) as error:
        add(toys, run, tmp_path / "all")
    expected = told if field != "dataset" else "its dataset is"
    assert expected in str(error.value)
    assert not (tmp_path / "all").exists()


@pytest.mark.parametrize(
    "name", ["<script>alert(1)</script>", "../../flat", "a&b", 'a"b', "flat@runs/../..", "a\x1b[31m"]
)
def test_a_models_name_with_markup_or_a_way_up_is_refused(toys, change, tmp_path, name):
    run = change(lambda result: result["models"][0].update(name=name, status="failed"))
    with pytest.raises(UserError, match="is refused: no markup, quotes, control signs or"):
        add(toys, run, tmp_path / "all")


@pytest.mark.parametrize("name", ["../up", "<b>", "A", "", ".hidden", "a/b", "a" * 65])
def test_a_submissions_name_is_plain(toys, run, tmp_path, name):
    with pytest.raises(UserError, match=r"the name .* is refused"):
        add(toys, run, tmp_path / "all", name)


@pytest.mark.parametrize(
    ("edit", "told"),
    [
        (lambda model: model["ws"].update(mean=0.1), "'flat', ws, mean: the result has 0.1"),
        (lambda model: model["ws"]["runs"].__setitem__(1, 0.1), "'flat', ws, runs, 1: the result has 0.1"),
        (lambda model: model["ws"]["channels"]["front"].update(std=9), "ws, channels, front, std"),
        (lambda model: model["ws"].update(floor=9), "'flat', ws, floor: the result has 9"),
        (lambda model: model["quartiles"]["counts"].__setitem__(0, 1), "'flat', quartiles, counts, 0"),
        (lambda model: model["identity"].update(weights="x"), "its weights is"),
        (lambda model: model["marks"].append(LEAKS), f"model 'flat' is refused: {LEAKS}"),
        (lambda model: model.pop("identity"), "'identity' is a required property"),
    ],
)
def test_a_changed_result_is_refused(toys, change, tmp_path, edit, told):
    with pytest.raises(UserError) as error:
        add(toys, change(lambda result: edit(result["models"][0])), tmp_path / "all")
    assert told in str(error.value)


def test_a_changed_row_is_refused(toys, run, tmp_path):
    path = run / "scores.csv"
    first, *rows = path.read_text().splitlines(keepends=True)
    place = next(index for index, row in enumerate(rows) if ",q3,middle,1," in row)
    rows[place] = rows[place].rpartition(",")[0] + ",0.5\n"
    path.write_text("".join([first, *rows]))
    with pytest.raises(UserError, match=r"scores\.csv: flat, toy, ws, q3, middle, 1: it has '0\.5'"):
        add(toys, run, tmp_path / "all")
    path.write_text(first)
    with pytest.raises(UserError, match=r"scores\.csv: 0 rows"):
        add(toys, run, tmp_path / "all")


@pytest.mark.parametrize("name", ["units/flat-run1.npz", "units/reference.npz", "scores.csv", "result.json"])
def test_a_missing_file_is_named(toys, run, filed, tmp_path, name):
    (run / name).unlink()
    with pytest.raises(UserError) as error:
        add(toys, run, tmp_path / "all", "second")
    assert name in str(error.value)
    folder, place = filed
    (place / name).unlink()
    assert lines(toys, folder) == [f"{place / name} is missing"]


def test_verify_sees_what_changes_in_a_folder(toys, filed):
    folder, place = filed
    with (place / "scores.csv").open("a") as file:
        file.write("\n")
    assert lines(toys, folder) == [
        f"{place / 'scores.csv'} is not what was submitted: its checksum is another"
    ]
    (place / "extra.html").write_text("")
    assert lines(toys, folder) == [f"{place / 'extra.html'} is not one of the submission's files"]


def test_another_protocol_in_the_place_of_one_is_named(toys, filed):
    folder, place = filed
    moved = place.rename(place.parent / "second")
    assert "its detector, protocol and name are toy/" in lines(toys, folder)[0]
    elsewhere = folder / "toy" / ("0" * 12)
    shutil.move(moved, elsewhere / "first")
    with pytest.raises(UserError, match="its detector, protocol and name are toy/"):
        submissions(folder)


def test_a_forged_checksum_does_not_hide_a_changed_score(toys, filed):
    import hashlib

    folder, place = filed
    path = place / "result.json"
    result = json.loads(path.read_text())
    result["models"][0]["ws"]["std"] *= 1.01
    path.write_text(json.dumps(result))
    told = json.loads((place / "submission.json").read_text())
    told["files"]["result.json"] = hashlib.sha256(path.read_bytes()).hexdigest()
    (place / "submission.json").write_text(json.dumps(told))
    (line,) = lines(toys, folder)
    assert "model 'flat', ws, std" in line


def test_other_reference_responses_under_one_fingerprint_are_refused(toy, toys, filed, tmp_path):
    folder, _ = filed
    other = toy.write(tmp_path / "other.h5", toy.responses(seed=9))
    result = toy.run(toys, other, tmp_path / "other")
    fingerprint = submissions(folder)[0].run.result["protocol"]["dataset"]
    result["protocol"]["dataset"] = fingerprint
    (tmp_path / "other" / "result.json").write_text(json.dumps(result))
    from simbench.harness.record.folder import load_unit, save_unit

    unit = tmp_path / "other" / "units" / "reference.npz"
    save_unit(unit, load_unit(unit), {"dataset": fingerprint})
    with pytest.raises(UserError, match="the reference responses are not those of"):
        add(toys, tmp_path / "other", folder)


def test_a_name_is_taken_once(toys, run, filed):
    with pytest.raises(UserError, match="is there already: give another --name"):
        add(toys, run, filed[0], "first")


def test_a_link_is_no_file_of_a_submission(toys, filed):
    folder, place = filed
    (place / "scores.csv").unlink()
    (place / "scores.csv").symlink_to("/etc/hostname")
    assert "is a link" in lines(toys, folder)[0]


def test_an_empty_folder_is_one_line(toys, tmp_path):
    with pytest.raises(UserError, match="holds no submission: simbench results add"):
        lines(toys, tmp_path)

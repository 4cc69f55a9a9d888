"""The model card for the Hub, and the archive of a trained model."""

import json
import re
import zipfile

import numpy as np
import pytest
from safetensors.numpy import save_file

from simbench.harness.errors import UserError
from simbench.harness.run.tasks import weights_digest
from simbench.harness.sharing.archive import write_archive
from simbench.harness.sharing.card import Trained, hub_card

HEADER = {
    "format": 1,
    "model": "flat",
    "preset": "compact",
    "detector": "toy",
    "settings": {},
    "data": {"dataset": "ab" * 32, "split": "particle", "split_seed": 0, "test_fraction": 0.2},
    "training": {"seed": 3, "steps": 100, "best_step": 80, "history": [1, 2]},
}


def write(folder, **changed):
    folder.mkdir()
    header = {"simbench": json.dumps({**HEADER, **changed})}
    save_file({"a": np.ones(3, np.float32)}, folder / "weights.safetensors", metadata=header)
    return folder


@pytest.fixture
def trained(tmp_path):
    return write(tmp_path / "my-flat")


@pytest.fixture
def scored(trained, change):
    """A run in which these weights were scored."""

    def edit(result):
        result["models"][0]["identity"]["weights"] = [None, weights_digest(trained)]

    path = change(edit)
    from simbench.harness.record.folder import load_unit, save_unit, stored_identity

    for unit in (path / "units").glob("flat-run*.npz"):
        identity = {**stored_identity(unit), "weights": [None, weights_digest(trained)]}
        save_unit(unit, load_unit(unit), identity)
    return path


def head_of(card):
    yaml = pytest.importorskip("yaml")
    return yaml.safe_load(re.match(r"---\n(.*?)\n---\n", card, re.DOTALL)[1])


def test_the_head_is_the_hubs_model_index(trained, scored):
    head = head_of(hub_card(Trained.read(trained), [scored], "mit"))
    assert head["license"] == "mit"
    (index,) = head["model-index"]
    assert index["name"] == "flat"
    (result,) = index["results"]
    told = json.loads((scored / "result.json").read_text())
    assert result["task"]["type"] == "other"
    assert result["dataset"]["type"] == "simbench-toy"
    assert result["dataset"]["revision"] == told["protocol"]["dataset"]
    assert result["dataset"]["args"] == told["protocol"]
    values = {metric["type"]: metric["value"] for metric in result["metrics"]}
    assert values == {name: told["models"][0][name]["mean"] for name in ("ws", "empty")}


def test_the_text_says_how_it_was_trained(trained, scored):
    text = hub_card(Trained.read(trained), [scored])
    assert "| best\\_step | 80 |" in text
    assert "history" not in text
    assert "model-index" not in head_of(hub_card(Trained.read(trained), []))
    assert f"| split | {HEADER['data']['split']} |" in text


def test_a_run_of_other_weights_is_refused(trained, good):
    with pytest.raises(UserError, match=r"has no scores of the weights in .*; it has flat, bright"):
        hub_card(Trained.read(trained), [good])


@pytest.mark.parametrize("name", ["<script>", "a\nb", "../up", "", 5])
def test_a_name_with_markup_is_refused(tmp_path, name):
    with pytest.raises(UserError, match="is refused: expected letters"):
        Trained.read(write(tmp_path / "odd", model=name))


def test_no_weights_is_one_line(tmp_path):
    with pytest.raises(UserError, match="holds no weights that simbench train wrote"):
        Trained.read(tmp_path)


def archive(path, trained, scored, authors=("Curie, Marie", "Müller & Co_, Ann"), day="2026-02-03"):
    return write_archive(path, Trained.read(trained), [scored], authors, day, "cc-by-4.0")


def test_the_archive_has_what_a_repository_asks_for(trained, scored, tmp_path):
    names = archive(tmp_path / "a.zip", trained, scored)
    with zipfile.ZipFile(tmp_path / "a.zip") as file:
        assert sorted(file.namelist()) == names
        content = {name: file.read(name) for name in names}
    assert content["weights.safetensors"] == (trained / "weights.safetensors").read_bytes()
    assert content["runs/0/scores.csv"] == (scored / "scores.csv").read_bytes()
    zenodo = json.loads(content[".zenodo.json"])
    assert zenodo["creators"] == [{"name": "Curie, Marie"}, {"name": "Müller & Co_, Ann"}]
    assert (zenodo["publication_date"], zenodo["license"]) == ("2026-02-03", "cc-by-4.0")
    assert {"upload_type", "title", "description", "access_right"} <= zenodo.keys()
    bib = content["citation.bib"].decode()
    assert re.match(r"@misc\{flat-[0-9a-f]{8},\n", bib)
    assert "author = {Curie, Marie and Müller \\& Co\\_, Ann}," in bib
    assert bib.count("{") - bib.count("\\{") == bib.count("}") - bib.count("\\}")
    yaml = pytest.importorskip("yaml")
    citation = yaml.safe_load(content["CITATION.cff"])
    assert citation["authors"][0] == {"family-names": "Curie", "given-names": "Marie"}
    assert citation["cff-version"] == "1.2.0"
    assert str(citation["date-released"]) == "2026-02-03"


def test_the_same_content_gives_the_same_bytes(trained, scored, tmp_path):
    archive(tmp_path / "a.zip", trained, scored)
    archive(tmp_path / "b.zip", trained, scored)
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"authors": ()}, "--archive needs --author"),
        ({"authors": ("Marie Curie",)}, "--author should be FAMILY, GIVEN"),
        ({"day": "soon"}, "--date should be like 2026-11-25, found 'soon'"),
    ],
)
def test_wrong_use_is_refused(trained, scored, tmp_path, asked, told):
    with pytest.raises(UserError, match=told):
        archive(tmp_path / "a.zip", trained, scored, **asked)
    assert not (tmp_path / "a.zip").exists()


def test_our_own_citation_file_is_one(root):
    yaml = pytest.importorskip("yaml")
    import tomllib

    told = yaml.safe_load((root / "CITATION.cff").read_text(encoding="utf-8"))
    assert {"cff-version", "message", "title", "authors"} <= told.keys()
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert (told["version"], told["license"]) == (project["version"], project["license"])

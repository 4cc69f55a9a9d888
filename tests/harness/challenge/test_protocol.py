"""Scoring files: what is written, kept and refused, and what may stand beside published scores."""

import csv
import json

import h5py
import numpy as np
import pytest

from simbench.harness.challenge import protocol, steps
from simbench.harness.challenge.protocol import Wish, comparable, read_score, score
from simbench.harness.errors import UserError
from simbench.harness.metrics.physics_distance import Distance
from simbench.reports import render_published, render_score, write_score

ENERGIES = 2.0 ** np.arange(8, 23)
ROWS = 150


def quiet(_what):
    return lambda *_: None


@pytest.fixture(scope="module")
def detector(detectors):
    return detectors["calochallenge-photons"]


@pytest.fixture(scope="module")
def files(tmp_path_factory, detector):
    """A reference, a training file, and submissions: as good, too dim in too many voxels, half as many."""
    folder, draw = tmp_path_factory.mktemp("showers"), np.random.default_rng(0)
    energies = ENERGIES.repeat(ROWS // 15)
    shape = np.exp(-np.linspace(0, 5, 368))

    def made(name, light=1.0, hit=0.4, rows=slice(None)):
        share = draw.gamma(0.3 + 3 * shape, 1, (ROWS, 368)) * (draw.random((ROWS, 368)) < hit)
        showers = light * energies[:, None] * share / share.sum(axis=1, keepdims=True)
        return written(folder / f"{name}.hdf5", energies[rows], showers[rows])

    return {
        "reference": made("reference"),
        "training": made("training"),
        "good": made("good"),
        "dim": made("dim", 0.8, 0.9),
        "few": made("few", rows=slice(0, ROWS, 2)),
    }


def written(path, energies, showers):
    with h5py.File(path, "w") as file:
        file["incident_energies"] = np.reshape(energies, (-1, 1))
        file["showers"] = showers
    return path


@pytest.fixture(autouse=True, scope="module")
def _small():
    """The published FPD and KPD draw 50,000 showers again and again: their numbers are tested elsewhere."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(steps, "fpd_jetnet", lambda *_, smallest: Distance(smallest * 1e-7, float("inf")))
        patch.setattr(steps, "kpd_jetnet", lambda *_, batch: Distance(-batch * 1e-9, 1e-6))
        patch.setitem(protocol.EXPECTED, "calochallenge-photons", ROWS)
        yield


def wish(detector, files, which="good", **changes):
    given = {"reference": (files["reference"],), "training": (files["training"],), "label": which}
    return Wish(detector=detector, submission=(files[which],), **{**given, **changes})


@pytest.fixture(scope="module")
def good(tmp_path_factory, detector, files):
    out = tmp_path_factory.mktemp("good")
    return out, score(wish(detector, files), out, quiet)


def test_a_good_submission_is_near_the_floor_and_a_dim_one_is_not(good, detector, files, tmp_path):
    result, dim = good[1], score(wish(detector, files, "dim"), tmp_path, quiet)
    for one, far in ((result, False), (dim, True)):
        ratio = one["scores"]["separation_Etot_over_Einc"]
        assert (ratio["value"] > 0.9) == far
        assert ratio["floor"]["value"] < 0.1
        trees = one["scores"]["auc_boosted"]
        assert (trees["value"] > 0.9) == far
        assert abs(trees["floor"]["value"] - 0.5) < 5 * trees["floor"]["error"]


def test_published_definitions_have_the_challenges_settings(good):
    scores = good[1]["scores"]
    assert scores["fpd_x1e3"]["value"] == pytest.approx(1)  # smallest = 10,000, times 1000
    assert scores["fpd_x1e3"]["error"] is None  # a fit without one
    assert scores["kpd_x1e3"]["value"] == pytest.approx(-0.01)
    assert 0 < scores["precision"]["value"] <= 1
    assert "precision (corrected)" not in scores  # 0.1 MeV is below this threshold


def test_what_was_done_is_not_done_again(good, detector, files, monkeypatch):
    out, before = good
    monkeypatch.setattr(steps, "separations", None)
    monkeypatch.setattr(protocol, "features", None)
    assert score(wish(detector, files), out, quiet) == before
    assert read_score(out) == json.loads(json.dumps(before))
    with pytest.raises(TypeError):
        score(wish(detector, files, "dim"), out, quiet)  # other files


def test_scores_of_as_many_showers_stand_beside_the_published(good, detector, files, tmp_path):
    assert good[1]["notes"] == []
    assert comparable(good[1], "fpd_x1e3")
    assert not comparable(good[1], "auc_boosted")  # nobody published it
    text = render_score(good[1], "table")
    assert "CaloScore" in text
    assert "of 16" in text
    board = render_published("calochallenge-photons", "density", [("mine", good[1])], "markdown")
    assert "measured here" in board
    assert "closer to Geant4" in board
    few = score(wish(detector, files, "few", steps=("separation",), training=()), tmp_path, quiet)
    assert "75 showers" in few["notes"][0]
    assert not comparable(few, "separation_voxel")
    board = render_published("calochallenge-photons", "separation_voxel", [("mine", few)], "table")
    assert "measured here\n" not in board
    assert "not comparable" in board


def test_some_showers_only_are_said_and_not_compared(detector, files, tmp_path):
    result = score(wish(detector, files, steps=("prdc",), rows=100), tmp_path, quiet)
    assert result["scores"]["precision"]["rows"] == 100
    assert not comparable(result, "precision")
    assert "look at 100 showers" in render_score(result, "table")


def test_networks_are_repeated_and_what_is_less_than_published_is_not_compared(detector, files, tmp_path):
    asked = wish(detector, files, steps=("low", "high"), repeats=2, epochs=1, training=())
    result = score(asked, tmp_path, quiet)
    for name in ("auc_low", "auc_high"):
        assert 0 <= result["scores"][name]["value"] <= 1
        assert result["scores"][name]["error"] is not None
        assert not comparable(result, name)
    assert not list((tmp_path / "steps").glob("*.npy"))


def test_the_table_of_values(good, tmp_path):
    write_score(good[1], tmp_path)
    with (tmp_path / "scores.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {row["side"] for row in rows} == {"submission", "floor"}
    (ratio,) = (r for r in rows if (r["score"], r["side"]) == ("separation_Etot_over_Einc", "submission"))
    assert float(ratio["value"]) == good[1]["scores"]["separation_Etot_over_Einc"]["value"]
    assert ratio["comparable"] == "True"


def test_joined_files_are_one(good, detector, files, tmp_path):
    with h5py.File(files["good"]) as file:
        energies, showers = file["incident_energies"][:], file["showers"][:]
    halves = [
        written(tmp_path / f"{name}.hdf5", energies[rows], showers[rows])
        for name, rows in (("a", slice(0, 60)), ("b", slice(60, None)))
    ]
    asked = Wish(detector, tuple(halves), (files["reference"],), (files["training"],), "good")
    assert score(asked, tmp_path / "out", quiet)["scores"] == good[1]["scores"]


@pytest.mark.parametrize(
    ("energies", "showers", "words"),
    [
        (ENERGIES, np.ones((15, 367)), r"\(N, 368\), found \(15, 367\)"),
        (ENERGIES[:3], np.ones((15, 368)), r"shape \(15, 1\), one for each shower, found \(3, 1\)"),
        (ENERGIES, np.full((15, 368), np.inf), "row 0, voxel 0 should be a finite energy, found inf"),
        (-ENERGIES, np.ones((15, 368)), "row 0, the incident energy should be above 0 MeV, found -256"),
        (ENERGIES[:0], np.ones((0, 368)), r"found \(0, 368\)"),
    ],
)
def test_what_is_wrong_with_a_submission_is_named(detector, files, tmp_path, energies, showers, words):
    path = written(tmp_path / "wrong.hdf5", energies, showers)
    with pytest.raises(UserError, match=words) as told:
        score(Wish(detector, (path,), (files["reference"],)), tmp_path / "out", quiet)
    assert "wrong.hdf5" in str(told.value)
    assert not (tmp_path / "out" / protocol.RESULT).exists()


def test_what_is_taken_otherwise_is_said(detector, files, tmp_path):
    with h5py.File(files["good"]) as file:
        energies, showers = file["incident_energies"][:, 0], file["showers"][:]
    showers[3, :5] = -1
    energies[0] = 300.0
    path = tmp_path / "odd.hdf5"
    with h5py.File(path, "w") as file:
        file["incident_energies"], file["showers"] = energies, showers
    result = score(
        Wish(detector, (path,), (files["reference"],), steps=("separation",)), tmp_path / "out", quiet
    )
    assert result["notes"] == [
        "the submission has showers of 300 MeV, the reference none",
        "5 voxels of the submission are below 0 MeV: read as 0",
        "incident energies of the submission have the shape (N,), not (N, 1): taken as such",
    ]
    assert not result["comparable"]


def test_a_detector_without_layers_is_named(detectors, files, tmp_path):
    with pytest.raises(UserError, match="detector proton has none"):
        score(wish(detectors["proton"], files), tmp_path, quiet)


@pytest.mark.parametrize("content", ["{}", "[]", '{"schema": 1}', "nonsense"])
def test_a_damaged_result_is_named(tmp_path, content):
    (tmp_path / protocol.RESULT).write_text(content)
    with pytest.raises(UserError, match=r"score\.json"):
        read_score(tmp_path)

"""The anchors in a run: what they draw from is the training part of the run's own split."""

import numpy as np
import pytest

from simbench.harness.data.dataset import Dataset
from simbench.harness.data.open import make, split_rows
from simbench.harness.hooks import ANCHOR, Context, MakeRequest
from simbench.harness.run.benchmark import run
from simbench.harness.run.request import Request

ANCHORS = ("blind", "replay")


@pytest.fixture(scope="module")
def proton(ours, tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "proton.h5"
    make(path, ours.datasets["mc"], MakeRequest(ours.detectors["proton"], 100, 4, 3))
    return path


def scored(ours, proton, out, **options):
    asked = {"models": ("blind", "replay", "mc"), "metrics": ("ws", "ws-conditional", "memorisation")}
    asked |= {"detector": "proton", "data": str(proton), "runs": 2, "device": "cpu"} | options
    return run(ours, Request(**asked), out)


@pytest.mark.parametrize("options", [{}, {"split": "event"}, {"split_seed": 4, "min_photons": 4}])
def test_they_draw_from_the_training_part_of_the_split(ours, proton, tmp_path, monkeypatch, options):
    monkeypatch.setenv("SIMBENCH_CACHE", str(tmp_path / "cache"))
    result = scored(ours, proton, tmp_path / "out", keep=("responses",), **options)
    entries = {entry["name"]: entry for entry in result["models"]}
    assert all(entry["status"] == "ok" for entry in entries.values())
    with Dataset(proton) as data:
        kind, seed = options.get("split", "particle"), options.get("split_seed", 0)
        fit, test = split_rows(data, kind, seed, options.get("min_photons", data.min_photons))
        stored = {image.tobytes() for block in data.blocks(fit) for image in block.astype(np.uint32)}
        other = {image.tobytes() for block in data.blocks(test) for image in block.astype(np.uint32)}
    drawn = []
    for name in ANCHORS:
        assert entries[name]["family"] == ANCHOR
        (file,) = (tmp_path / "out" / "units").glob(f"{name}*run0-responses/*.npz")
        with np.load(file) as lit:
            flat = np.zeros((len(lit["count"]), 56 * 30), np.uint32)
            flat[np.repeat(np.arange(len(flat)), lit["count"]), lit["pixel"]] = lit["content"]
        drawn += [image.tobytes() for image in flat]
    assert set(drawn) <= stored
    assert not set(drawn) <= other
    (mark,) = entries["blind"]["marks"]
    assert mark.startswith("ignores the particle")


def test_blind_is_told_apart_by_the_condition_alone(ours, proton, tmp_path):
    blind, replay, floor = (
        entry["ws-conditional"]["mean"] for entry in scored(ours, proton, tmp_path)["models"]
    )
    assert blind > 2 * floor
    assert replay < blind


@pytest.mark.parametrize("name", ANCHORS)
def test_without_a_training_part_there_is_nothing_to_draw(ours, name):
    with pytest.raises(ValueError, match="no training part to draw from"):
        ours.simulators[name].factory(Context(ours.detectors["proton"]))


def test_all_has_the_anchors(ours):
    assert all(ours.simulators[name].serves(detector) for name in ANCHORS for detector in ours.detectors)
    assert not any(ours.simulators[name].slow for name in ANCHORS)

"""The gallery on the toy detector: what is seen is what was done, and what is wrong is named."""

import csv
import io
import json
import math
from fractions import Fraction

import numpy as np
import pytest

from simbench import reports
from simbench.harness.errors import UserError
from simbench.harness.gallery.scan import Floor, Gallery, Look, Wish, scan
from simbench.harness.gallery.spoiling import FAULTS
from simbench.harness.metrics.wasserstein import EMPTY, WASSERSTEIN
from simbench.harness.plugin.metric import Metric, Value


def dark(scored):
    """Sees one fault only: the rate of dark responses."""
    yield Value("all", "mean", float((scored.generated_photons == 0).mean()))


def broken(scored):
    raise ValueError("no luck")


DARK = Metric("dark", "Dark", "fraction", 1, dark)
BROKEN = Metric("broken", "Broken", "fraction", 1, broken)
STORED = Metric("stored", "Stored", "fraction", 1, dark, needs=("responses", "training"))
BRIGHT = Metric(
    "bright",
    "Bright",
    "photons",
    1,
    lambda scored: [Value("all", "mean", scored.generated_photons.mean())],
    better="higher",
)


@pytest.fixture
def made(toy):
    return toy.registry(
        toy.offer("flat"),
        toy.offer("truth", family="reference"),
        metrics=(WASSERSTEIN, EMPTY, DARK, BROKEN, STORED, BRIGHT),
    )


@pytest.fixture
def seen(made, toy_file):
    def call(*metrics, **asked):
        return scan(made, Wish("toy", str(toy_file), metrics=metrics, **{"floors": 4, **asked}))

    return call


def test_what_is_done_is_seen(seen):
    found = seen("dark", "bright", sizes=(1.0, 0.5))
    assert found.simulator == "truth"
    assert (found.responses, found.particles, found.floors) == (40, 8, 4)
    assert found.floor["dark"] == Floor(0.0, 0.0)
    assert [fault for fault in FAULTS if found.smallest(fault, "dark")] == ["empties"]
    assert found.smallest("empties", "dark") == 0.5
    assert found.smallest("empties", "bright") == 0.5  # fewer photons, where more are better
    assert found.smallest("noise-pixels", "bright") is None
    assert "shifted" in {look.fault for look in found.looks} - set(found.unseen) or "shifted" in found.unseen
    assert "perfect" not in found.unseen


def test_the_same_seed_gives_the_same_numbers(seen):
    first, again, other = (seen("ws", sizes=(1.0,), seed=seed) for seed in (0, 0, 1))
    assert first == again
    assert first.looks != other.looks


def test_metrics_get_responses_and_training(seen):
    found = seen("stored", sizes=(1.0,))
    assert found.problems == {}
    assert found.smallest("empties", "stored") == 1


def test_a_metric_that_fails_costs_its_column_only(seen):
    found = seen("broken", "dark", sizes=(1.0,))
    assert list(found.metrics) == ["dark"]
    assert found.problems["broken"].startswith("ValueError: no luck")


def test_sizes_are_tried_until_nothing_is_seen(seen):
    found = seen("dark", sizes=(1.0, 0.5, 1e-9, 1e-10))
    assert [look.size for look in found.looks if look.fault == "empties"] == [1.0, 0.5, 1e-9]
    assert [look.size for look in found.looks if look.fault == "blurred"] == [1.0]


def test_without_a_reference_simulation(toy, toy_file):
    made = toy.registry(toy.offer("flat"))
    with pytest.raises(UserError, match="made from a reference simulation, and detector 'toy' has none"):
        scan(made, Wish("toy", str(toy_file)))


@pytest.mark.parametrize(
    ("wish", "message"),
    [
        ({"limit": 0}, "--limit should be at least 1, found 0"),
        ({"metrics": ["nope"]}, "unknown metric 'nope'"),
        ({"detector": "nope"}, "unknown detector 'nope'"),
        ({"data": "nope.h5"}, "nope.h5"),
    ],
)
def test_wrong_use(made, toy_file, wish, message):
    with pytest.raises(UserError, match=message):
        scan(made, Wish(**{"detector": "toy", "data": str(toy_file), **wish}))


@pytest.fixture
def gallery():
    looks = [
        Look("perfect", 1.0, "ws", 1.0, 0.1),
        *(Look("shifted", size, "ws", 2.0, sigmas) for size, sigmas in ((1.0, 9), (0.5, 4), (0.25, 2))),
        Look("mirrored", 1.0, "ws", 1.0, 2.9),
        *(
            Look("empties", size, "ws", 2.0, sigmas)
            for size, sigmas in ((1.0, math.inf), (0.5, 1), (0.25, 7))
        ),
    ]
    about = {"ws": WASSERSTEIN.description("photons")}
    floor = {"ws": Floor(1.0, 0.1)}
    return Gallery("toy", "f" * 64, "mc", 40, 8, 4, 0, about, floor, tuple(looks), {"auc": "not measured"})


def test_smallest_is_that_above_which_all_are_seen(gallery):
    assert gallery.smallest("shifted", "ws") == 0.5
    assert gallery.smallest("empties", "ws") == 1.0
    assert gallery.smallest("mirrored", "ws") is None
    assert gallery.unseen == ("mirrored",)


def test_every_format_tells_the_same(gallery):
    text, markdown = (reports.render_gallery(gallery, name) for name in ("table", "markdown"))
    assert "No column: auc: not measured." in text
    rows = {
        line.split()[0]: line.split()[1:] for line in text.splitlines() if line and line.split()[0] in FAULTS
    }
    assert (rows["shifted"], rows["mirrored"], rows["empties"]) == (["1/2"], ["-"], ["1"])
    assert "| shifted" in markdown
    content = json.loads(reports.render_gallery(gallery, "json"))
    assert content["smallest"]["shifted"] == {"ws": 0.5}
    assert content["unseen"] == ["mirrored"]
    assert set(content["faults"]) == set(FAULTS)
    table = list(csv.DictReader(io.StringIO(reports.render_gallery(gallery, "csv"))))
    assert len(table) == len(content["looks"]) == 8
    assert [(row["fault"], row["seen"]) for row in table[1:5]] == [
        ("shifted", "1"),
        ("shifted", "1"),
        ("shifted", "0"),
        ("mirrored", "0"),
    ]
    assert float(Fraction(rows["shifted"][0])) == content["smallest"]["shifted"]["ws"]
    with pytest.raises(ValueError, match="unknown format 'html'"):
        reports.render_gallery(gallery, "html")


def test_the_command(toy, toy_file, cli_with, tmp_path):
    call = cli_with(toy.offer("truth", family="reference"), metrics=(DARK, BROKEN))
    head = ("gallery", "--detector", "toy", "--data", toy_file, "--quiet")
    status, out, err = call(*head, "--metrics", "dark,broken", "--out", tmp_path / "out")
    assert status == 1
    assert out.startswith("Which metric sees which wrong simulator: toy\n")
    assert "metric broken: ValueError: no luck" in err
    assert "seen by no metric: marginal-only, mean-only" in err
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == ["gallery.csv", "gallery.json", "gallery.md"]
    status, out, err = call(*head, "--metrics", "ws,separation,conditional,dark", "--limit", "0")
    assert (status, out) == (2, "")
    assert err.startswith("simbench: error: --limit should be at least 1, found 0")
    assert np.isfinite(json.loads((tmp_path / "out" / "gallery.json").read_text())["floor"]["dark"]["std"])

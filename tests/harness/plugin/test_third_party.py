"""A real outside package, installed: a detector of another shape with all that belongs to it."""

import csv
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from simbench.harness.record.folder import RunFolder

pytestmark = pytest.mark.slow

PACKAGE = Path(__file__).with_name("outside")


@pytest.fixture(scope="module")
def simbench(tmp_path_factory):
    """The command ``simbench``, run in a folder of its own beside the installed package."""
    folder = tmp_path_factory.mktemp("outside")
    shutil.copytree(PACKAGE, folder / "package")
    pip = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-index",
        "--no-deps",
        "--no-build-isolation",
    ]
    target = folder / "site"
    install = [*pip, "--disable-pip-version-check", "--target", str(target), str(folder / "package")]
    subprocess.run(install, check=True, capture_output=True)
    environment = {**os.environ, "PYTHONPATH": str(target), "SIMBENCH_CACHE": str(folder / "cache")}

    def simbench(*arguments):
        command = [sys.executable, "-W", "error", "-m", "simbench.harness.cli", *map(str, arguments)]
        return subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, check=False
        )

    simbench.folder = folder
    return simbench


@pytest.fixture(scope="module")
def done(simbench):
    """All its models on its detector's embedded data, with a broken one that has to be asked for."""
    return simbench(
        *(
            "run",
            "--models",
            "all,tiles-nan",
            "--detector",
            "tiles",
            "--out",
            "out",
            "--tables",
            "all",
            "--runs",
            "3",
            "--timing",
        ),
        *("--format", "table", "--format", "names", "--format", "fails", "--quiet"),
    )


METRICS = {
    *("ws", "empty", "ws-conditional", "energy-conditional", "auc", "fpd", "kpd", "separation"),
    *("ws-observables", "conditional", "correlation", "mean-shift", "last-row"),
}
"""The default ones that come with simbench, and the package's own."""


def test_the_broken_plugin_of_the_package_is_named_and_skipped(done):
    line = "simbench: skipped: plugin tiles-broken 2.5: ModuleNotFoundError: No module named 'no_such"
    assert line in done.stderr
    assert "Traceback" not in done.stderr


def test_all_metrics_score_it(simbench, done):
    assert done.returncode == 1, done.stderr  # tiles-nan
    result = json.loads((simbench.folder / "out" / "result.json").read_text())
    models = {model["name"]: model for model in result["models"]}
    bright, broken = models["tiles-bright"], models["tiles-nan"]
    assert result["protocol"]["detector"] == "tiles"
    assert result["protocol"]["channels"] == "rows"
    assert result["dataset"]["provenance"] == "made for a test"
    assert set(result["metrics"]) == METRICS
    folder = RunFolder(simbench.folder / "out")
    kept = [folder.reference, *(folder.unit("tiles-bright", run) for run in range(3))]
    truth, *means = (unit.observables[:, unit.observed.index("last_row")].mean(dtype=float) for unit in kept)
    assert bright["last-row"]["runs"] == pytest.approx([abs(mean - truth) for mean in means], rel=1e-5)
    assert bright["plugin"] == {"name": "tiles", "version": "2.5"}
    assert bright["ws"]["mean"] > 0.5
    assert set(bright["ws"]["channels"]) == {"front", "back"}
    assert len(bright["quartiles"]["ws"]) == 4
    assert bright["mean-shift"]["mean"] == pytest.approx(bright["ws"]["mean"], rel=0.5)
    assert bright["timing"]["cpu"]["seconds_per_10k"] > 0
    assert broken["status"] == "failed"
    assert "NaN" in broken["error"]
    with (simbench.folder / "out" / "scores.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {row["metric"] for row in rows} == METRICS
    assert {row["channel"] for row in rows if row["metric"] == "ws"} == {"mean", "front", "back"}


def test_its_observable_is_listed_and_stored_runs_are_scored_by_it(simbench, done):
    listed = [line.split() for line in simbench("list", "observables").stdout.splitlines()]
    assert next(line for line in listed if line[0] == "last_row")[-1] == "tiles"
    before = sorted(path.stat().st_mtime_ns for path in (simbench.folder / "out" / "units").iterdir())
    again = simbench("report", "out", "--metrics", "last-row,pixel", "--format", "json")
    assert again.returncode == 0, again.stderr
    verdict = json.loads(again.stdout)[0]
    assert [column["metric"] for column in verdict["columns"]] == ["last-row", "pixel"]
    assert (
        "pixel, not measured: run with --keep responses (blind, replay, tiles-bright)." in verdict["remarks"]
    )
    after = sorted(path.stat().st_mtime_ns for path in (simbench.folder / "out" / "units").iterdir())
    assert after == before  # nothing is generated


def test_models_of_other_detectors_are_left_out(done):
    assert "expertsim" not in done.stdout
    assert "gan" not in done.stdout


def test_every_table_shows_it(simbench, done):
    for heading in ("Scores: tiles", "WS (hits) by channel", "by quartile", "mean-shift"):
        assert heading in done.stdout
    assert "front" in done.stdout
    page = (simbench.folder / "out" / "report.html").read_text()
    assert "tiles-bright" in page
    printed = ("table", "markdown", "latex", "csv", "json")
    report = simbench("report", "out", *(part for name in printed for part in ("--format", name)))
    assert report.returncode == 0, report.stderr
    assert report.stdout.count("Shift of the mean") == 4  # CSV has names, no titles
    assert ",mean-shift," in report.stdout
    assert report.stdout.startswith("How far from the floor: tiles")


def test_its_report_format_is_printed_and_written(simbench, done):
    text = (simbench.folder / "out" / "report.names").read_text()
    assert "scores: tiles-bright tiles-nan blind replay\n" in text
    assert text in done.stdout
    report = simbench("report", "out", "--format", "names", "--format", "csv", "--out", "elsewhere")
    assert (simbench.folder / "elsewhere" / "report.names").read_text() == text
    assert report.stdout.splitlines() == ["elsewhere/report.csv", "elsewhere/report.names"]


def test_a_report_format_that_fails_is_named_and_the_rest_is_there(simbench, done):
    assert (
        "report format fails failed: ZeroDivisionError: division by zero (simbench_tiles.py:" in done.stderr
    )
    assert not (simbench.folder / "out" / "report.fails").exists()
    report = simbench("report", "out", "--format", "fails", "--format", "names")
    assert (report.returncode, report.stdout.count("tiles-nan")) == (1, done.stdout.count("bright tiles-nan"))
    assert "Traceback" not in report.stderr


def test_a_report_format_may_not_take_anothers_place(simbench, done):
    for name, file in (("markdown", "report.mine"), ("taken", "report.md")):
        assert f"the format {name!r} or its file {file} is another's" in done.stderr
    unknown = simbench("report", "out", "--format", "taken")
    assert unknown.returncode == 2
    assert "unknown format 'taken'; known: table, " in unknown.stderr
    assert unknown.stderr.splitlines()[-1].endswith(", names, fails")


def test_its_files_are_read(simbench):
    """A particle a line: its three features, then the hits of 5 x 7 tiles."""
    lines = [
        " ".join(map(str, (particle + 1, 0.5, -1, *((7 * particle + hit) % 3 for hit in range(35)))))
        for particle in range(10)
        for _ in range(4)
    ]
    (simbench.folder / "mine.tiles").write_text("\n".join(lines))
    assert "tiles-text" in simbench("list", "readers").stdout
    assert "tiles 2.5" in simbench("list", "readers").stdout
    done = simbench("data", "import", "tiles-text", "mine.tiles", "--detector", "tiles", "--out", "mine.h5")
    assert done.returncode == 0, done.stderr
    assert "40 responses of 10 particles" in done.stdout
    for data in ("mine.tiles", "tiles-text:mine.tiles"):
        scored = simbench(
            *("run", "--models", "tiles-bright", "--detector", "tiles", "--data", data, "--out", "own"),
            *("--metrics", "ws", "--runs", 1, "--no-timing"),
        )
        assert scored.returncode == 0, scored.stderr
        result = json.loads((simbench.folder / "own" / "result.json").read_text())
        assert "tiles as text, imported from tiles-text files mine.tiles" in result["dataset"]["provenance"]
    (simbench.folder / "short.tiles").write_text("1 2 3")
    for kind, line in (
        ("tiles-text", "short.tiles: line 1 should have 38 values, found 3"),
        ("tiles-breaks", "short.tiles: cannot be read as tiles-breaks: AttributeError"),
        ("wojnar", "wojnar files hold no responses of 'tiles'"),
    ):
        failed = simbench("data", "import", kind, "short.tiles", "--detector", "tiles", "--out", "short.h5")
        assert (failed.returncode, failed.stderr.count("simbench: error: ")) == (2, 1)
        assert line in failed.stderr
        assert "Traceback" not in failed.stderr
        assert not (simbench.folder / "short.h5").exists()
    formats = simbench("list", "formats").stdout
    assert "report.names" in formats
    assert "tiles 2.5" in formats


def test_the_other_commands_serve_it_too(simbench):
    assert "5 x 7" in simbench("list", "detectors").stdout
    made = simbench("data", "make", "--simulator", "tiles", "--detector", "tiles", "--out", "tiles.h5")
    assert made.returncode == 0, made.stderr
    assert simbench("data", "check", "tiles.h5").returncode == 0
    good = simbench("plugin", "check", "tiles-bright")
    assert good.returncode == 0, good.stdout
    assert "tiles-bright (tiles 2.5) on tiles" in good.stdout
    bad = simbench("plugin", "check", "tiles-nan", "--detector", "tiles", "--data", "tiles.h5")
    assert bad.returncode == 1
    assert "finite           FAILED  2240 of 2240 values are wrong" in bad.stdout

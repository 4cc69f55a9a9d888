import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.patches import StepPatch
from PIL import Image

from simbench.harness.record.folder import RunFolder
from simbench.reports import FORMATS, PRINTED, render, write
from simbench.reports.figures import distributions as figures_distributions
from simbench.reports.figures.distributions import Panel, edges
from simbench.reports.figures.drawing import Drawing
from simbench.reports.figures.drawings import drawings, missing
from simbench.reports.figures.examples import by_expert, example_strips
from simbench.reports.figures.scene import Scene, scenes
from simbench.reports.figures.scores import pareto
from simbench.reports.figures.style import plain, to_png


def scene_of(run: RunFolder | dict[str, Any]) -> Scene:
    (scene,) = scenes([("run", run)])
    return scene


def drawn(scene: Scene, name: str) -> Figure:
    (drawing,) = [drawing for drawing in drawings(scene) if drawing.name.startswith(name)]
    return drawing.draw()


def test_a_full_run_has_every_figure(folder: RunFolder) -> None:
    scene = scene_of(folder)
    assert [drawing.name.removesuffix("-proton") for drawing in drawings(scene)] == [
        "tradeoff", "channels-linear", "channels-log", "showers", "quartiles", "examples",
        "examples-expertsim-3", "experts", "validation", "losses",
    ]  # fmt: skip
    assert missing(scene) == []
    assert all(drawing.alt and drawing.caption and drawing.title for drawing in drawings(scene))


@pytest.mark.parametrize("unit", ["photons", "MeV"])
def test_axes_tell_the_unit_of_the_detector(folder: RunFolder, unit: str) -> None:
    folder.result["dataset"]["unit"] = unit
    scene = scene_of(folder)
    labels = {
        label
        for name in ("tradeoff", "quartiles", "channels-log", "examples")
        for axes in drawn(scene, name if name != "examples" else "examples-proton").axes
        for label in (axes.get_xlabel(), axes.get_ylabel())
    }
    assert {f"WS ({unit})", f"{unit} / pixel"} <= labels
    assert any(label.endswith(unit) or f"({unit})" in label for label in labels - {f"WS ({unit})"})


def test_what_a_bare_result_cannot_show_is_said(full: dict[str, Any]) -> None:
    scene = scene_of(full)
    assert [drawing.name for drawing in drawings(scene)] == ["quartiles-proton"]
    timing, responses = missing(scene)
    assert "--timing" in timing
    assert "holds no responses" in responses


def test_many_models_are_small_multiples(tmp_path: Path, result: Any, model: Any, make_folder: Any) -> None:
    entries = [model("mc", family="reference"), *(model(f"m{n}") for n in range(7))]
    run = make_folder(tmp_path / "run", result(*entries))
    names = [drawing.name for drawing in drawings(scene_of(run))]
    assert len(names) == len(set(names))
    page = drawn(scene_of(run), "channels-log")
    assert len(page.axes) == 2 * 8  # two channels, a row a model
    rows = [axes.get_ylabel() for axes in page.axes if axes.get_ylabel()]
    assert sorted(rows) == sorted(["mc", *(f"m{n}" for n in range(7))])
    assert page.axes[7].get_ylabel() == "mc"  # the floor is last
    for axes in page.axes:
        names = [str(patch.get_label()) for patch in axes.patches]
        assert names[:2] == ["reference", "reference and its error"]
        assert len(names) == 3  # one model and no other


def test_histograms_hold_every_response_and_the_ratio(folder: RunFolder) -> None:
    scene = scene_of(folder)
    (panel, _) = figures_distributions.channel_panels(scene, scene.drawn, log=True)
    page = Figure()
    figures_distributions.with_ratio(page, page.add_gridspec(1, 1)[0], panel, scene.drawn, first=True)
    main, ratio = page.axes
    stairs = [patch for patch in main.patches if isinstance(patch, StepPatch)]
    band = stairs.pop(1).get_data()
    assert len(stairs) == 1 + len(scene.drawn)
    widths = np.diff(band.edges)
    counts = stairs[0].get_data().values * widths
    assert (band.values - band.baseline) * widths / 2 == pytest.approx(np.sqrt(counts))
    for patch in stairs:
        values, bounds, _ = patch.get_data()
        assert np.sum(values * np.diff(bounds)) == pytest.approx(200)
    reference, generated = stairs[0].get_data().values, stairs[1].get_data().values
    shown = [patch for patch in ratio.patches if isinstance(patch, StepPatch)][1].get_data().values
    filled = reference > 0
    assert shown[filled] == pytest.approx(generated[filled] / reference[filled])
    assert np.isnan(shown[~filled]).all()


@pytest.mark.parametrize("log", [True, False])
def test_whole_numbers_fall_into_the_middle_of_bins(log: bool) -> None:
    values = np.arange(300.0)
    bounds = edges(Panel("x", "photons", values, (values * 3,), log))
    assert np.all(bounds % 1 == 0.5)
    assert np.all(np.diff(bounds) > 0)
    if log:
        assert bounds[0] == -0.5
        assert bounds[1] == 0.5
        assert bounds[-1] > 897
    else:
        assert 269 < bounds[-1] < 290
        assert len(set(np.diff(bounds))) == 1


@pytest.mark.parametrize("values", [[], [0.0], [5.0] * 4, [np.nan, 1.0], [0.25, 0.25]])
@pytest.mark.parametrize("log", [True, False])
def test_edges_of_odd_samples(values: list[float], log: bool) -> None:
    bounds = edges(Panel("x", "", np.array(values), (), log))
    assert len(bounds) > 1
    assert np.all(np.diff(bounds) > 0)


def test_examples_share_particles_and_one_colour_scale(folder: RunFolder) -> None:
    scene = scene_of(folder)
    reference, gan, *_ = example_strips(scene, scene.drawn)
    assert reference.name == "reference"
    assert gan.images.shape == reference.images.shape == (3, 8, 6)
    assert reference.notes[0] == str(reference.images[0].sum())
    page = drawn(scene, "examples-proton")
    (image,) = page.axes[0].images
    assert isinstance(image.norm, LogNorm)
    mosaic = np.asarray(image.get_array())
    # the first example stands upright: x to the right, y upwards
    first = np.asarray(reference.images[0], dtype=float)
    assert np.array_equal(mosaic[:6, :8], first.T[::-1])


def test_a_model_that_routes_shows_its_examples_by_expert(folder: RunFolder) -> None:
    scene = scene_of(folder)
    (router,) = [model for model in scene.drawn if model.unit is not None and model.unit.experts is not None]
    plainly, sorted_ = example_strips(scene, [router]), by_expert(scene, router)
    order = np.argsort(router.unit.experts[[3, 10, 20]], kind="stable")  # type: ignore[union-attr,index]
    for before, after in zip(plainly, sorted_, strict=True):
        assert np.array_equal(after.images, before.images[order])
    assert by_expert(scene, scene.drawn[0]) == []


def test_the_pareto_front() -> None:
    points = {0: (1.0, 5.0), 1: (2.0, 6.0), 2: (3.0, 4.0), 3: (3.0, 4.5), 4: (9.0, 4.0), 5: (3.0, 4.0)}
    assert pareto(points) == [0, 2, 5]


def test_the_tradeoff_is_in_milliseconds_and_leaves_the_floor_out_of_the_front(folder: RunFolder) -> None:
    axes = drawn(scene_of(folder), "tradeoff").axes[0]
    marks = {line.get_marker(): line for line in axes.lines}
    assert marks["*"].get_xydata().tolist() == [[3.0, 0.5]]  # mc: 30 s per 10,000
    (front,) = [line for line in axes.lines if line.get_linestyle() == "--"]
    assert front.get_xydata()[:2].tolist() == [[pytest.approx(0.3), 3.1], [pytest.approx(0.9), 2.2]]
    assert axes.get_xscale() == "log"


def test_quartile_bars_keep_the_published_apart(folder: RunFolder) -> None:
    page = drawn(scene_of(folder), "quartiles")
    first = page.axes[0]
    assert [patch.get_width() for patch in first.patches] == [3.1, 2.2, 4.5678, 0.5]
    published = [line for line in first.lines if line.get_marker() == "D"]
    assert [list(line.get_xdata()) for line in published] == [[4.07, 1.06]]
    assert [text.get_text() for text in page.axes[1].texts] == [" no response"] * 4
    assert page.legends[0].get_texts()[0].get_text() == "published (other data)"


def test_score_against_the_time_of_one_particle(
    tmp_path: Path, result: Any, model: Any, make_folder: Any
) -> None:
    def timed(name: str, *milliseconds: float) -> dict[str, Any]:
        calls = [{"1": {"p50_ms": ms, "p99_ms": 3 * ms}} for ms in milliseconds]
        latency = {
            engine: {"threads": {"1": call}} for engine, call in zip(("torch", "onnx"), calls, strict=False)
        }
        record = {"seconds_per_10k": 1.0, "spread": 0.1, "noisy": False, "threads": 1, "latency": latency}
        return model(name, timing={"cpu": record})

    scene = scene_of(make_folder(tmp_path / "run", result(timed("gan", 0.5, 0.2), timed("mc", 9.0))))
    axes, corner = drawn(scene, "latency").axes
    points = {
        float(line.get_xdata()[0]): line for line in axes.lines if line.get_marker() in ("o", "s", "*", "^")
    }
    assert sorted(points) == [0.2, 0.5, 9.0]
    assert points[0.2].get_markerfacecolor() == "white"
    assert points[0.5].get_markerfacecolor() != "white"
    names = [text.get_text() for text in corner.get_legend().get_texts()]
    assert names == ["gan", "mc", "hollow: ONNX Runtime"]
    assert "latency" not in {
        each.name for each in drawings(scene_of(make_folder(tmp_path / "b", result(model("gan")))))
    }


def test_names_are_drawn_literally(tmp_path: Path, result: Any, model: Any, make_folder: Any) -> None:
    def entry(name: str) -> dict[str, Any]:
        history = [{"step": 1, "epoch": 0, "losses": {name: 1.0}, "validation": 1.0}]
        timing = {"cpu": {"seconds_per_10k": 1.0, "spread": 0.1, "noisy": False, "threads": 1}}
        return model(
            name,
            timing=timing,
            training={"history": history},
            experts=[{"share": 1.0, "mean": 1.0, "std": None}],
        )

    names = ["$a$b$ %s {0} #&^~", "a\\$b", "_hidden", "漢字", "x" * 150]
    run = make_folder(tmp_path / "run", result(*map(entry, names), detector="a/$b"))
    for drawing in drawings(scene_of(run)):
        assert drawing.png(30)
        assert "/" not in drawing.name
    legend = drawn(scene_of(run), "validation").axes[1].get_legend()
    assert legend is not None
    shown = [text.get_text() for text in legend.get_texts()]
    assert shown[:4] == [r"\$a\$b\$ %s {0} #&^~", r"a\\$b", " _hidden", "□□"]


def test_plain() -> None:
    assert plain("gan") == "gan"
    assert plain("a$b") == r"a\$b"
    assert plain("_x").lstrip() == "_x"
    assert plain("漢") == "□"
    long = plain("n" * 20 + "m" * 20, 28)
    assert (len(long), long[:3], long[-3:]) == (28, "nnn", "mmm")


def test_files_are_whole_and_the_same_every_time(tmp_path: Path, folder: RunFolder) -> None:
    scene = scene_of(folder)
    drawing = next(d for d in drawings(scene) if d.name.startswith("examples-proton"))
    assert drawing.png(40) == drawing.png(40)
    assert drawing.pdf() == drawing.pdf()
    assert drawing.pdf().startswith(b"%PDF")
    with Image.open(io.BytesIO(drawing.png(100))) as image:
        assert image.width == 720


def test_drawing_leaves_matplotlibs_settings_alone() -> None:
    import matplotlib as mpl

    before = dict(mpl.rcParams)
    to_png(Figure(figsize=(1, 1)), 30)
    assert dict(mpl.rcParams) == before


def test_figures_are_written_as_pictures_and_numbers(
    tmp_path: Path, folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Drawing, "png", lambda *_: b"png")
    monkeypatch.setattr(Drawing, "pdf", lambda *_: b"pdf")
    monkeypatch.setattr(Drawing, "csv", lambda *_: "csv")
    told: list[tuple[int, int]] = []
    written = write([("run", folder)], ["figures", "csv"], tmp_path / "new", lambda *now: told.append(now))
    assert written[0] == tmp_path / "new" / "report.csv"
    assert {path.parent.name for path in written[1:]} == {"figures"}
    assert sorted(path.suffix for path in written[1:]) == [".csv"] * 10 + [".pdf"] * 10 + [".png"] * 10
    assert all(path.is_file() for path in written)
    assert told == [(n, 10) for n in range(1, 11)]


def test_page_and_figures_are_not_text(folder: RunFolder) -> None:
    assert set(FORMATS) - set(PRINTED) == {"html", "figures", "parquet"}
    for format_ in ("html", "figures", "parquet"):
        with pytest.raises(ValueError, match=format_):
            render([("run", folder)], format_)

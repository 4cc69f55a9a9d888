import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from simbench.harness.record.folder import RunFolder
from simbench.reports import write, write_sweep
from simbench.reports.figures.drawing import Drawing

PNG = base64.b64decode(  # a single pixel: what the figures show is not tested here
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNkYAAAAAYAAjCB0C8AAAAASUVORK5CYII="
)


class Reader(HTMLParser):
    """Collects the elements of a page, and complains of one that is closed without having been opened."""

    VOID = ("meta", "link", "img", "br", "hr", "input")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture(autouse=True)
def _no_drawing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Drawing, "shown", lambda *_: (PNG, "panel,series\n"))


def page(tmp_path: Path, *runs: tuple[str, Any]) -> str:
    (path,) = write(list(runs), ["html"], tmp_path)
    assert path == tmp_path / "report.html"
    return path.read_text(encoding="utf-8")


def test_the_page_has_tables_figures_protocol_and_command(tmp_path: Path, folder: RunFolder) -> None:
    text = page(tmp_path, ("run", folder))
    reader = Reader(text)
    tables = [table for table in reader.of("table") if table["class"] == "sortable"]
    assert len(tables) == 5  # scores, channels, quartiles, experts, timing
    assert len(reader.of("figure")) == 10
    assert all(image["alt"] for image in reader.of("img") if image.get("id") != "large")
    for part in (
        "0123456789abcdef" * 4, "min_photons", "ws 1, empty 1", "Environment",
        "simbench run --models all --detector proton --out &#39;runs/a b&#39;",
        "simbench report run --format html --out DIR", "10,000",
    ):  # fmt: skip
        assert part in text


def test_nothing_is_fetched_and_nothing_but_our_script_runs(tmp_path: Path, folder: RunFolder) -> None:
    text = page(tmp_path, ("run", folder))
    reader = Reader(text)
    for _, attributes in reader.elements:
        for name in ("src", "href", "action", "srcset"):
            if name in attributes:
                assert (attributes[name] or "").startswith(("data:", "#"))
        assert not any(name.startswith("on") or name == "style" for name in attributes)
    (policy,) = [meta["content"] or "" for meta in reader.of("meta") if "http-equiv" in meta]
    assert policy.startswith("default-src 'none'; img-src data:;")
    assert "unsafe" not in policy
    for tag in ("style", "script"):
        (content,) = re.findall(f"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy


@pytest.mark.parametrize(
    "attack",
    ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "'-->{{ 7*7 }}</table>", "&lt;b&gt;"],
)
def test_names_and_errors_inject_nothing(
    tmp_path: Path, attack: str, result: Any, model: Any, failed: Any, make_folder: Any
) -> None:
    def run(text: str) -> dict[str, Any]:
        made = result(
            model(text, marks=[text], experts=[{"share": 1.0, "mean": None, "std": None}]),
            failed("broken", error=text),
            detector=text,
        )
        made["command"] = made["dataset"]["provenance"] = made["environment"][text] = text
        made["metrics"]["ws"]["title"] = made["metrics"]["ws"]["unit"] = text
        made["models"][0]["ws"]["channels"] = {text: {"mean": 1.0, "std": None}}
        return made  # type: ignore[no-any-return]

    def shape(text: str, name: str) -> list[tuple[str, list[str]]]:
        made = page(tmp_path / name, (text, make_folder(tmp_path / name / "run", run(text))))
        assert "7*7" in made or "{{" not in text
        return [(tag, sorted(attributes)) for tag, attributes in Reader(made).elements]

    assert shape(attack, "attacked") == shape("harmless", "plain")


def test_a_sweep_has_a_page_of_its_own(tmp_path: Path, sweep: Any, point: Any) -> None:
    made = sweep(
        "mine", point({"word": "a", "number": 2}, 2.0), point({"word": "b", "number": ""}, error="no")
    )
    (path,) = write_sweep(made, ["html"], tmp_path)
    text = path.read_text(encoding="utf-8")
    assert len(Reader(text).of("figure")) == 1
    for part in (
        "<h1>The sweep mine: proton</h1>", "2 trainings: 1 ok, 1 failed", "<td>compact</td>",
        "<code>simbench sweep mine --out &#39;a b&#39;\n</code>",
        "The command computes only what its folder does not hold yet",
        '<th scope="col" class="text "><button type="button">word</button></th>',
        '<td class="text" data-value="a">a</td>', '<td class="number" data-value="2">2</td>',
        '<td class="number">-</td>',
    ):  # fmt: skip
        assert part in text
    (path,) = write_sweep({**made, "points": []}, ["html"], tmp_path)
    assert "There is no figure, for no training was scored." in path.read_text(encoding="utf-8")


def test_a_sweep_injects_nothing(tmp_path: Path, hostile_sweep: dict[str, Any], hostile: str) -> None:
    attack = "</td><script>alert(1)</script><img src=x onerror=alert(1)>"

    def shape(text: str) -> list[tuple[str, list[str]]]:
        spelt = json.dumps(hostile_sweep).replace(json.dumps(hostile), json.dumps(text))
        (path,) = write_sweep(json.loads(spelt), ["html"], tmp_path)
        return [(tag, sorted(had)) for tag, had in Reader(path.read_text(encoding="utf-8")).elements]

    assert shape(attack) == shape("harmless") == shape(hostile)


def test_cells_sort_by_number_and_missing_ones_have_none(tmp_path: Path, full: dict[str, Any]) -> None:
    text = page(tmp_path, ("run", full))
    first = re.search(r"<tbody>.*?</tbody>", text, re.DOTALL)
    assert first is not None
    rows = first.group().split("</tr>")
    assert 'data-value="3.1">3.100 ± 0.023</td>' in rows[1]
    assert 'class="number published" data-value="2.47">2.47 ± 0.010</td>' in rows[1]
    assert '<td class="number measured">-</td>' in rows[3]
    assert '<tr class="floor">' in rows[5]
    assert 'class="number measured best" data-value="2.2"' in rows[0]


def test_runs_stand_side_by_side(tmp_path: Path, result: Any, model: Any) -> None:
    old, new = result(model("gan"), runs=3), result(model("gan", 2.0))
    other = result(model("gan"), detector="neutron")
    text = page(tmp_path, ("runs/old", old), ("runs/new", new), ("there", other))
    assert "<h1>Fast simulators compared: proton, neutron</h1>" in text
    assert text.count('<th scope="col">runs/old</th>') == 4  # protocol, settings, data set, environment
    assert "<td>3</td><td>5</td><td>5</td>" in text
    assert "simbench report runs/old runs/new there --format html --out DIR" in text
    assert "There is no plot of WS against time" in text


def test_the_page_is_the_same_every_time(tmp_path: Path, folder: RunFolder) -> None:
    assert page(tmp_path / "a", ("run", folder)) == page(tmp_path / "b", ("run", folder))


def test_results_that_are_not_comparable_make_no_page(tmp_path: Path, result: Any, model: Any) -> None:
    with pytest.raises(ValueError, match="split_seed"):
        page(tmp_path, ("a", result(model("gan"))), ("b", result(model("gan"), split_seed=1)))
    assert list(tmp_path.iterdir()) == []

"""The site of 30 made-up submissions under three protocols."""

import csv
import io
import json
import re
from html.parser import HTMLParser
from xml.etree import ElementTree as Xml

import pytest
from toy_submissions import fill, hostile

from simbench.harness.errors import UserError
from simbench.harness.sharing.folder import submissions
from simbench.reports.site.board import boards, slug
from simbench.reports.site.figure import front
from simbench.reports.site.write import write_site


class Read(HTMLParser):
    """Tables of a page as rows of texts, its links, and the tags that it has."""

    def __init__(self, text):
        super().__init__()
        self.tables, self.links, self.tags, self._cell = [], [], set(), None
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self._cell = ""
        elif tag == "a":
            self.links.append(dict(attrs)["href"])

    def handle_data(self, data):
        if self._cell is not None:
            self._cell += data

    def handle_endtag(self, tag):
        if tag in ("td", "th"):
            self.tables[-1][-1].append(self._cell)
            self._cell = None


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    fill(folder / "all")
    found = submissions(folder / "all")
    assert len(found) == 30
    write_site(found, folder / "public", "https://example.org/board")
    return folder / "public", found


def pages(folder):
    return {path: path.read_text(encoding="utf-8") for path in folder.rglob("*.html")}


def test_a_table_holds_one_protocol(site):
    public, found = site
    assert len({one.protocol for one in found}) == 3
    for board in boards(found):
        page = Read((public / board.detector / board.protocol / "index.html").read_text())
        (table,) = page.tables
        column = table[0].index("submission")
        mine = {one.name for one in found if one.protocol == board.protocol}
        assert {row[column] for row in table[1:]} == mine
    for path, text in pages(public / "models").items():
        for heading, table in zip(
            re.findall(r"protocol ([0-9a-f]{12})</h2>", text), Read(text).tables, strict=True
        ):
            names = {row[1] for row in table[1:]}
            assert {one.protocol for one in found if one.name in names} == {heading}, path


def test_models_stand_best_first_and_the_reference_last(site):
    public, found = site
    for board in boards(found):
        table = Read((public / board.detector / board.protocol / "index.html").read_text()).tables[0]
        means = [entry.score("ws").mean for entry in board.entries if not entry.apart]
        assert means == sorted(means)
        assert [row[0] for row in table[1:]] == [entry.name for entry in board.entries]
        assert {row[0] for row in table[-len(board.submissions) :]} == {"mc"}


def test_every_link_leads_to_a_file(site):
    public, _ = site
    for path, text in pages(public).items():
        for link in Read(text).links:
            assert (path.parent / link).resolve().is_file(), (path, link)


def test_the_downloads_say_what_the_results_do(site):
    public, found = site
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    board = boards(found)[0]
    folder = public / board.detector / board.protocol
    rows = list(csv.DictReader(io.StringIO((folder / "scores.csv").read_text())))
    told = {(row["submission"], row["model"], row["metric"]): float(row["mean"]) for row in rows}
    expected = {
        (one.name, model["name"], metric): model[metric]["mean"]
        for one in board.submissions
        for model in one.run.result["models"]
        for metric in one.run.result["metrics"]
        if model["status"] == "ok"
    }
    assert told == expected
    frame = pandas.read_parquet(folder / "scores.parquet")
    assert frame["mean"].tolist() == [float(row["mean"]) for row in rows]


def test_the_feed_has_each_submission_newest_first(site):
    public, found = site
    space = {"a": "http://www.w3.org/2005/Atom"}
    root = Xml.fromstring((public / "feed.xml").read_text())
    entries = root.findall("a:entry", space)
    assert len(entries) == len(found)
    days = [entry.find("a:updated", space).text for entry in entries]
    assert days == sorted(days, reverse=True)
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT00:00:00Z", day) for day in days)
    assert len({entry.find("a:id", space).text for entry in entries}) == len(found)
    assert root.find("a:updated", space).text == days[0]


def test_a_badge_shows_the_best_score_of_a_model(site):
    public, found = site
    for board in boards(found):
        best = next(entry for entry in board.entries if entry.name == "flow")
        root = Xml.fromstring((public / "badges" / board.detector / board.protocol / "flow.svg").read_text())
        texts = [each.text for each in root.iter("{http://www.w3.org/2000/svg}text")]
        assert texts == [f"simbench {board.detector} ws", str(best.score("ws"))]


def test_the_front_holds_what_nothing_beats(site):
    for board in boards(site[1]):
        entries = board.entries
        best = front(board, entries)
        candidates = [(each.time, each.score("ws").mean) for each in entries if not each.apart]
        for index in best:
            time, score = entries[index].time, entries[index].score("ws").mean
            assert not any(t < time and s < score for t, s in candidates)
        assert best


def test_markup_in_what_a_result_says_is_text(tmp_path):
    """Names are refused when they are filed; a folder that was filled by hand is shown as it is."""
    hostile(tmp_path / "all", "<script>alert(1)</script>", '<img src=x onerror="alert(1)">')
    write_site(submissions(tmp_path / "all"), tmp_path / "public")
    for text in pages(tmp_path / "public").values():
        assert "<script>alert" not in text
        assert "<img src=x" not in text
    badges = list((tmp_path / "public" / "badges").rglob("*.svg"))
    assert badges
    for path in badges:
        root = Xml.fromstring(path.read_text())
        assert not [each for each in root.iter() if each.tag.endswith("script")]


def test_names_make_files_of_their_own():
    names = ["gan", "GAN", "../gan", "gan/..", "a b", "a-b", "onnx:a.onnx", "é", ""]
    slugs = [slug(name) for name in names]
    assert len(set(slugs)) == len(names)
    assert all(re.fullmatch(r"[a-z0-9-]+", each) for each in slugs)


def test_a_site_replaces_a_site_and_nothing_else(tmp_path):
    fill(tmp_path / "all", count=1)
    found = submissions(tmp_path / "all")
    (tmp_path / "public").mkdir()
    (tmp_path / "public" / "thesis.tex").write_text("")
    with pytest.raises(UserError, match="holds something that is no site of simbench"):
        write_site(found, tmp_path / "public")
    write_site(found, tmp_path / "new")
    (tmp_path / "new" / "old.html").write_text("")
    write_site(found, tmp_path / "new")
    assert not (tmp_path / "new" / "old.html").exists()
    json.loads((tmp_path / "new" / "schema" / "result.schema.json").read_text())

"""What stands beside the pages: badges, the Atom feed, the downloads."""

import io
from collections.abc import Sequence
from datetime import UTC, datetime
from xml.etree import ElementTree as Xml
from xml.sax.saxutils import escape

import pandas as pd

from simbench.harness.sharing.folder import Submission

from .board import COLUMNS, Board, Entry

_CHARACTER, _PADDING = 6.6, 6.0  # pixels, of Verdana at 11: about


def badge(board: Board, entry: Entry) -> str:
    """A model's score in its best submission, as an SVG image of 20 pixels' height."""
    metric = board.metrics[0]
    left, right = f"simbench {board.detector} {metric}", str(entry.score(metric))
    widths = [round(_CHARACTER * len(text) + 2 * _PADDING) for text in (left, right)]
    whole = sum(widths)
    title = escape(f"{entry.name}: {left} {right}, protocol {board.protocol}")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{whole}" height="20" role="img" '
        f'aria-label="{_quoted(title)}">'
        f"<title>{title}</title>"
        f'<rect width="{widths[0]}" height="20" fill="#3c4046"/>'
        f'<rect x="{widths[0]}" width="{widths[1]}" height="20" fill="#0a58a8"/>'
        '<g fill="#fff" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11" text-anchor="middle">'
        f'<text x="{widths[0] / 2:g}" y="14">{escape(left)}</text>'
        f'<text x="{widths[0] + widths[1] / 2:g}" y="14">{escape(right)}</text></g></svg>\n'
    )


def _quoted(text: str) -> str:
    return text.replace('"', "&quot;")


def feed(submissions: Sequence[Submission], url: str) -> str:
    """The submissions as an Atom feed (RFC 4287), the newest first."""
    atom = "http://www.w3.org/2005/Atom"
    newest = sorted(submissions, key=lambda one: (one.added, one.name), reverse=True)
    root = Xml.Element("feed", xmlns=atom)
    _text(root, "title", "simbench: new results")
    _text(root, "id", f"{url}feed.xml")
    _text(root, "updated", _moment(newest[0].added))
    Xml.SubElement(root, "link", href=f"{url}feed.xml", rel="self")
    author = Xml.SubElement(root, "author")
    _text(author, "name", "simbench")
    for one in newest:
        models = [model["name"] for model in one.run.result["models"] if model["status"] == "ok"]
        place = f"{url}{one.detector}/{one.protocol}/index.html"
        entry = Xml.SubElement(root, "entry")
        _text(entry, "title", f"{one.name}: {one.detector}")
        _text(entry, "id", f"{place}#{one.name}")
        _text(entry, "updated", _moment(one.added))
        Xml.SubElement(entry, "link", href=place)
        _text(entry, "summary", f"{len(models)} models under protocol {one.protocol}: {', '.join(models)}")
    Xml.indent(root, " ")
    return f'<?xml version="1.0" encoding="utf-8"?>\n{Xml.tostring(root, encoding="unicode")}\n'


def _text(parent: Xml.Element, name: str, text: str) -> None:
    Xml.SubElement(parent, name).text = text


def _moment(day: str) -> str:
    return datetime.fromisoformat(day).replace(tzinfo=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def table(board: Board) -> pd.DataFrame:
    """All scores of a board, one value a row."""
    return pd.DataFrame(list(board.rows()), columns=list(COLUMNS)).astype({"relative_time": "float64"})


def parquet(frame: pd.DataFrame) -> bytes:
    """A table as a Parquet file; needs pyarrow.

    Raises:
        ImportError: that is not installed.
    """
    buffer = io.BytesIO()
    frame.to_parquet(buffer, engine="pyarrow", index=False)
    return buffer.getvalue()

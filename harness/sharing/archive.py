"""A trained model as one ZIP file for a repository such as Zenodo, with the metadata that it asks for."""

import json
import re
import zipfile
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

from ..errors import UserError
from ..files import atomic
from ..plugin.specs import own_version
from .card import WEIGHTS, Trained, hub_card, results_of

_TEX = {letter: f"\\{letter}" for letter in "{}%&#_$"} | {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
}


def write_archive(
    path: Path, trained: Trained, runs: Sequence[Path], authors: Sequence[str], day: str, licence: str
) -> list[str]:
    """Write the ZIP, the same bytes for the same content; gives the names of its files.

    It holds the weights, the card ``README.md``, ``CITATION.cff`` (Citation File Format 1.2.0),
    ``citation.bib``, ``.zenodo.json`` (a Zenodo deposit's metadata), each run's ``result.json`` and
    ``scores.csv``.

    Raises:
        UserError: no author, or no such day; the runs are not of these weights.
    """
    authors = [_author(text) for text in authors]
    if not authors:
        raise UserError('--archive needs --author, such as --author "Curie, Marie"')
    try:
        date.fromisoformat(day)
    except ValueError as error:
        raise UserError(f"--date should be like 2026-11-25, found {day!r}") from error
    title = f"{trained.model}: a fast simulator of {trained.detector}"
    contents: dict[str, str | bytes] = {
        "README.md": hub_card(trained, runs, licence),
        "CITATION.cff": citation_file(title, authors, day, licence),
        "citation.bib": bibtex(title, authors, day, f"{trained.model}-{trained.digest[:8]}"),
        ".zenodo.json": zenodo(title, authors, day, licence),
        WEIGHTS: (trained.folder / WEIGHTS).read_bytes(),
    }
    for number, (run, _) in enumerate(results_of(trained, runs)):
        for name in ("result.json", "scores.csv"):
            contents[f"runs/{number}/{name}"] = (run.path / name).read_bytes()
    with atomic(path) as part, zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in sorted(contents.items()):
            about = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            about.compress_type, about.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
            file.writestr(about, content)
    return sorted(contents)


def _author(text: str) -> str:
    if not re.fullmatch(r"[^,\x00-\x1f]+, [^,\x00-\x1f]+", text):
        raise UserError(f"--author should be FAMILY, GIVEN, such as Curie, Marie, found {text!r}")
    return text


def citation_file(title: str, authors: Sequence[str], day: str, licence: str) -> str:
    """A ``CITATION.cff``; its values are JSON, which YAML contains."""
    people = [dict(zip(("family-names", "given-names"), text.split(", "), strict=True)) for text in authors]
    told: dict[str, Any] = {
        "cff-version": "1.2.0",
        "message": "If you use this model, please cite it.",
        "type": "software",
        "title": title,
        "authors": people,
        "date-released": day,
    }
    if licence != "other":
        told["license"] = licence.upper() if licence == "mit" else licence
    return "".join(f"{key}: {json.dumps(value, ensure_ascii=False)}\n" for key, value in told.items())


def bibtex(title: str, authors: Sequence[str], day: str, key: str) -> str:
    """A BibTeX entry."""
    fields = {
        "author": " and ".join(map(_tex, authors)),
        "title": f"{{{_tex(title)}}}",
        "year": day[:4],
        "note": f"Trained with simbench-hep {_tex(own_version())}",
    }
    lines = [f"  {name} = {{{value}}}," for name, value in fields.items()]
    return "\n".join([f"@misc{{{key},", *lines, "}", ""])


def _tex(text: str) -> str:
    return "".join(_TEX.get(letter, letter) for letter in text)


def zenodo(title: str, authors: Sequence[str], day: str, licence: str) -> str:
    """The metadata of a deposit, in the keys of Zenodo's ``.zenodo.json``."""
    told: dict[str, Any] = {
        "upload_type": "software",
        "title": title,
        "creators": [{"name": text} for text in authors],
        "publication_date": day,
        "description": f"{title}; weights, model card and scores, made with simbench-hep {own_version()}.",
        "keywords": ["high energy physics", "fast simulation", "calorimeter"],
        "access_right": "open",
    }
    if licence != "other":
        told["license"] = licence
    return json.dumps(told, indent=1, ensure_ascii=False) + "\n"

"""The sanity gallery as a table, as Markdown, JSON and CSV."""

import csv
import io
import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path

from simbench.harness.files import write_text
from simbench.harness.gallery.faults import meaning
from simbench.harness.gallery.scan import SIGMAS, Gallery
from simbench.harness.gallery.spoiling import FAULTS

from ..formats.markdown import escape
from ..tables.table import MISSING
from ..text.results import one_line
from . import grid

_FILES: Mapping[str, str] = {"csv": "csv", "json": "json", "markdown": "md"}


def render_gallery(gallery: Gallery, format: str) -> str:  # noqa: A002 - the option is called so
    """In one of the formats ``table``, ``markdown``, ``json`` and ``csv``, ending with a newline.

    Raises:
        ValueError: the format is another.
    """
    if format not in _RENDERERS:
        raise ValueError(f"unknown format {format!r}: expected one of {', '.join(_RENDERERS)}")
    return _RENDERERS[format](gallery)


def write_gallery(gallery: Gallery, out: Path) -> list[Path]:
    """Write ``gallery.csv``, ``gallery.json`` and ``gallery.md`` into ``out``; returns the paths."""
    out.mkdir(parents=True, exist_ok=True)
    paths = [out / f"gallery.{suffix}" for suffix in _FILES.values()]
    for path, name in zip(paths, _FILES, strict=True):
        write_text(path, render_gallery(gallery, name))
    return paths


def _table(gallery: Gallery) -> str:
    lines = [_title(gallery), "", grid.plain(*_grid(gallery)), "", *_notes(gallery), "", *_meanings()]
    return "\n".join(lines) + "\n"


def _markdown(gallery: Gallery) -> str:
    meanings = "\n".join(f"- {escape(line)}" for line in _meanings())
    notes = [escape(note) for note in _notes(gallery)]
    parts = [f"## {escape(_title(gallery))}", grid.markdown(*_grid(gallery)), *notes, meanings]
    return "\n\n".join(parts) + "\n"


def _json(gallery: Gallery) -> str:
    content = {
        "detector": gallery.detector,
        "dataset": gallery.data,
        "simulator": gallery.simulator,
        "responses": gallery.responses,
        "particles": gallery.particles,
        "seed": gallery.seed,
        "floor_runs": gallery.floors,
        "sigmas": SIGMAS,
        "metrics": gallery.metrics,
        "floor": {name: vars(floor) for name, floor in gallery.floor.items()},
        "faults": {name: meaning(name) for name in FAULTS},
        "smallest": {
            fault: {metric: gallery.smallest(fault, metric) for metric in gallery.metrics} for fault in FAULTS
        },
        "unseen": list(gallery.unseen),
        "problems": dict(gallery.problems),
        "looks": [
            {**vars(look), "sigmas": _finite(look.sigmas), "seen": look.seen} for look in gallery.looks
        ],
    }
    return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _csv(gallery: Gallery) -> str:
    """One row for each fault, size and metric, at full precision."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(
        ("detector", "fault", "size", "metric", "value", "floor_mean", "floor_std", "sigmas", "seen")
    )
    for look in gallery.looks:
        floor = gallery.floor[look.metric]
        place = (gallery.detector, look.fault, look.size, look.metric)
        writer.writerow((*place, look.value, floor.mean, floor.std, look.sigmas, int(look.seen)))
    return stream.getvalue()


_RENDERERS: Mapping[str, Callable[[Gallery], str]] = {
    "table": _table,
    "markdown": _markdown,
    "json": _json,
    "csv": _csv,
}


def _title(gallery: Gallery) -> str:
    return f"Which metric sees which wrong simulator: {one_line(gallery.detector)}"


def _grid(gallery: Gallery) -> tuple[list[str], list[list[str]], str]:
    names = list(gallery.metrics)
    rows = [[fault, *(_size(gallery.smallest(fault, name)) for name in names)] for fault in FAULTS]
    return ["simulator", *names], rows, "l" + "r" * len(names)


def _size(size: float | None) -> str:
    """``1/8``, ``1``, or a dash."""
    if size is None:
        return MISSING
    return f"1/{round(1 / size)}" if size < 1 else "1"


def _notes(gallery: Gallery) -> list[str]:
    missing = [f"No column: {one_line(name)}: {one_line(line)}." for name, line in gallery.problems.items()]
    return [
        "The smallest size of the fault that the metric sees, of 1 (all of it), 1/2, 1/4 and so on; a dash: "
        f"not even all of it. Seen: the fault makes the score worse by more than {SIGMAS:g} sigma, the "
        f"standard deviation of {gallery.floors} independent runs of {one_line(gallery.simulator)}, "
        f"of {gallery.responses} responses of {gallery.particles} particles. More responses show smaller "
        "faults.",
        *missing,
    ]


def _meanings() -> list[str]:
    return [f"{name}: {meaning(name)}" for name in FAULTS]

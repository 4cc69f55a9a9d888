"""Scores of a submission to the CaloChallenge, and the published table with one's own submissions in it."""

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from simbench.harness.challenge import published
from simbench.harness.challenge.protocol import comparable
from simbench.harness.challenge.times import Taken
from simbench.harness.files import atomic, write_text

from ..formats.markdown import escape
from ..tables.table import MISSING
from ..text.results import one_line
from . import grid

Labelled = tuple[str, Mapping[str, Any]]  # a result of simbench score, and the folder that it is in
DPI = 150
_SEPARATION = "separation: "  # how the names of single histograms begin
_CSV = ("detector", "label", "score", "side", "value", "error", "rows", "comparable")
_OURS = {
    "fpd": "FPD, unbiased, standardised features (ours)",
    "auc_boosted": "AUC, features (boosted trees; ours)",
}


def render_score(result: Mapping[str, Any], format: str) -> str:  # noqa: A002 - the option is called so
    """A submission's scores as ``table``, ``markdown`` or ``json``, ending with a newline."""
    headings = ["score", one_line(result["label"]), "floor", "published: floor", "best", "rank"]
    rows = [_row(result, name) for name in result["scores"] if not name.startswith(_SEPARATION)]
    title = f"CaloChallenge protocol: {one_line(result['detector'])}"
    return _rendered(format, title, headings, rows, "lrrrlr", _score_notes(result), dict(result))


def write_score(result: Mapping[str, Any], out: Path) -> list[Path]:
    """Write ``scores.csv``, tidy, ``score.md`` and figures into a folder; returns the paths."""
    from ..figures import challenge as figures  # matplotlib takes a second to import
    from ..figures.style import styled, to_png

    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(_CSV)
    for name, entry in result["scores"].items():
        for side, values in (("submission", entry), ("floor", entry.get("floor"))):
            if values is not None:
                told = [values[key] for key in ("value", "error", "rows")]
                row = [result["detector"], result["label"], name, side, *told, comparable(result, name)]
                table.writerow(["" if each is None else each for each in row])
    paths = [out / "scores.csv", out / "score.md"]
    write_text(paths[0], text.getvalue())
    write_text(paths[1], render_score(result, "markdown"))
    drawings: dict[str, Callable[[], Any]] = {}
    if any(name.startswith(_SEPARATION) for name in result["scores"]):
        drawings["layers.png"] = partial(figures.layers, result)
    if result["detector"] in published.detectors():
        shown = (result["detector"], "fpd_x1e3", "gpu_ms_batch100", {result["label"]: result})
        drawings["published.png"] = partial(figures.tradeoff, *shown)
    for name, draw in drawings.items():
        paths.append(out / name)
        with atomic(paths[-1]) as part:
            part.write_bytes(to_png(styled(draw), DPI))
    return paths


def render_published(
    detector: str,
    metric: str,
    results: Sequence[Labelled],
    format: str,  # noqa: A002
    timed: Sequence[tuple[str, Mapping[str, Mapping[str, Taken]]]] = (),
) -> str:
    """The published values of a metric, best first, Geant4's last, with one's own in it.

    Args:
        detector: whose.
        metric: of :data:`published.METRICS`.
        results: of simbench score.
        format: ``table``, ``markdown`` or ``json``.
        timed: by run and model, what :func:`~simbench.harness.challenge.times.shower_times` found.
    """
    meaning, known = published.METRICS[metric], published.of(detector, metric)
    floor = next((row.value for row in known if row.submission == published.GEANT), None)
    entries = [(row.submission, row.kind, row.value, row.error, "published") for row in known]
    apart = []
    for place, result in results:
        entry = result["scores"].get(metric)
        if entry is None or entry["value"] is None:
            apart.append(f"{one_line(place)} has no {metric}")
        elif not comparable(result, metric):
            apart.append(
                f"{one_line(place)}: {entry['value']:.4g}, which is not comparable: {_why(result, metric)}"
            )
        else:
            entries.append((result["label"], "", entry["value"], entry["error"], "measured here"))
    for place, models in timed:
        having = {model: taken[metric] for model, taken in models.items() if metric in taken}
        entries += [
            (model, "", taken.value, None, f"measured here, other hardware: {taken.told}")
            for model, taken in having.items()
        ]
        if not having:
            apart.append(f"{one_line(place)} is a run of simulators, and has no {metric}")
    entries.sort(key=lambda e: (e[0] == published.GEANT, published.distance(metric, e[2], floor)))
    rows = [
        [
            MISSING if name == published.GEANT else str(rank),
            name,
            kind or MISSING,
            grid.value(value, error),
            MISSING if floor is None else f"{value - floor:+.3g}",
            whose,
        ]
        for rank, (name, kind, value, error, whose) in enumerate(entries, 1)
    ]
    unit = f" ({meaning.unit})" if meaning.unit else ""
    headings = ["rank", "model", "kind", f"{meaning.title}{unit}", "less the floor", ""]
    title = f"CaloChallenge, published: {detector}"
    content = {
        "detector": detector,
        "metric": metric,
        "source": published.SOURCE,
        "places": [
            dict(zip(("model", "kind", "value", "error", "origin"), entry, strict=True)) for entry in entries
        ],
        "apart": apart,
    }
    said = [
        {
            "lower": "The lower the better.",
            "higher": "The higher the better.",
            "floor": "Neither lower nor higher is better: the closer to Geant4's own value, the better.",
        }[meaning.best],
        f"Values are quoted from {published.SOURCE}, and not measured here unless the last column says so; "
        f"{published.GEANT} is its training file against its reference file, the floor. Kinds of models are "
        "our reading.",
        *(f"Not ranked: {line}." for line in apart),
    ]
    return _rendered(format, title, headings, rows, "rllrrl", said, content)


def _row(result: Mapping[str, Any], name: str) -> list[str]:
    entry = result["scores"][name]
    floor = entry.get("floor") or {"value": None, "error": None}
    row = [
        _title(name),
        grid.value(entry["value"], entry["error"]),
        grid.value(floor["value"], floor["error"]),
    ]
    if name not in published.METRICS:
        return [*row, MISSING, MISSING, MISSING]
    known = published.of(result["detector"], name)
    geant = next((one for one in known if one.submission == published.GEANT), None)
    models = [one for one in known if one.submission != published.GEANT]
    best = f"{grid.value(models[0].value, models[0].error)} {models[0].submission}" if models else MISSING
    rank = MISSING
    if models and comparable(result, name):
        base = None if geant is None else geant.value
        own = published.distance(name, entry["value"], base)
        before = sum(published.distance(name, one.value, base) < own for one in models)
        rank = f"{before + 1} of {len(models) + 1}"
    return [*row, MISSING if geant is None else grid.value(geant.value, geant.error), best, rank]


def _title(name: str) -> str:
    stem, _, corrected = name.partition(" (corrected)")
    meaning = published.METRICS.get(stem)
    title = _OURS.get(name) or (meaning.title if meaning else name)
    unit = f" ({meaning.unit})" if meaning and meaning.unit else ""
    return f"{title}{unit}{', corrected (ours)' if corrected or name.endswith('(corrected)') else ''}"


def _score_notes(result: Mapping[str, Any]) -> list[str]:
    showers = result["showers"]
    counts = ", ".join(f"{count} of the {side}" for side, count in showers.items())
    some = sorted({entry["rows"] for entry in result["scores"].values() if entry["rows"] is not None})
    said = [f"Showers: {counts}."]
    if "training" not in showers:
        said.append("No floor of these files: give the challenge's first file, or files, with --training.")
    if some:
        parts = " or ".join(str(rows) for rows in some)
        said.append(
            f"Precision, recall, density, coverage or boosted trees look at {parts} showers of a side only: "
            "these are compared with no published score (--rows 0: all)."
        )
    said += [f"Note: {one_line(note)}." for note in result["notes"]]
    if not result["comparable"]:
        said.append("So no score stands beside the published ones.")
    said.append(
        f"Published columns are quoted from {published.SOURCE}. The published FPD falls as 1/N with the "
        "number of showers; the unbiased one beside it does not. Bins of sparsity and of centres and widths "
        "in r are not certain to be the published ones."
    )
    return said


def _why(result: Mapping[str, Any], metric: str) -> str:
    if not result["comparable"]:
        return "; ".join(one_line(note) for note in result["notes"])
    if result["scores"][metric]["rows"] is not None:
        return f"of {result['scores'][metric]['rows']} showers of a side"
    return "of fewer repeats or epochs than published"


def _rendered(
    format: str,  # noqa: A002
    title: str,
    headings: Sequence[str],
    rows: Sequence[Sequence[str]],
    aligns: str,
    notes: Sequence[str],
    content: Mapping[str, Any],
) -> str:
    renderers: Mapping[str, Callable[[], str]] = {
        "table": lambda: "\n".join([title, "", grid.plain(headings, rows, aligns), "", *notes]) + "\n",
        "markdown": lambda: (
            "\n\n".join([f"## {escape(title)}", grid.markdown(headings, rows, aligns), *map(escape, notes)])
            + "\n"
        ),
        "json": lambda: json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n",
    }
    return renderers[format]()

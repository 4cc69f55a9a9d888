"""Scores a submission: checks, features, then step after step, each of which is kept and not done again."""

import json
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import UserError
from ..files import atomic, make_folder, read_json, write_text
from ..plugin.detectors import Detector
from . import published, steps
from .checks import notes
from .features import Features, features
from .networks import networks
from .showers import Showers
from .sides import Found, Seen, Side

SCHEMA = 1  # of score.json
VERSION = 1  # of what is kept of steps
RESULT = "score.json"
KEYS = ("detector", "label", "files", "showers", "notes", "comparable", "settings", "scores")
NETWORKS = ("low", "high", "cnn")
STEPS = ("separation", "fpd", "kpd", "prdc", "boosted", *NETWORKS)
EXPECTED = {  # showers of the reference, and so of a submission
    "calochallenge-photons": 121_000,
    "calochallenge-pions": 120_800,
    "calochallenge-electrons": 100_000,
    "calochallenge-electrons-fine": 100_000,
}
ROWS = 20_000  # showers of a side that nearest neighbours are looked for among, unless asked otherwise


@dataclass(frozen=True)
class Wish:
    """What to score, and how.

    Attributes:
        detector: with a geometry.
        submission: files, joined in order.
        reference: the challenge's second file, or files.
        training: its first, for the floor; none: no floor.
        label: the submission's name.
        steps: of :data:`STEPS`.
        rows: of nearest neighbours, at most.
        repeats: of each network.
        epochs: of each network.
        device: of networks.
        seed: of networks.
    """

    detector: Detector
    submission: tuple[Path, ...]
    reference: tuple[Path, ...]
    training: tuple[Path, ...] = ()
    label: str = "submission"
    steps: tuple[str, ...] = ("separation", "fpd", "kpd", "prdc", "boosted")
    rows: int = ROWS
    repeats: int = 10
    epochs: int = 50
    device: str = "cpu"
    seed: int = 0


Progress = Callable[[str], Seen]  # given what is being done, gives what is told how far it is


def score(wish: Wish, out: Path, progress: Progress) -> dict[str, Any]:
    """Score a submission, write ``score.json`` into a folder, and return what it holds.

    Raises:
        UserError: the detector has no geometry, or a file is not what it should be.
    """
    geometry = wish.detector.geometry
    if geometry is None:
        raise UserError(
            f"the protocol needs layers of rings and angles; detector {wish.detector.name} has none"
        )
    make_folder(out)
    kept = make_folder(out / "steps")
    with ExitStack() as files:
        opened = {
            name: files.enter_context(Showers(paths, geometry, wish.detector.name))
            for name, paths in (
                ("reference", wish.reference),
                ("submission", wish.submission),
                ("training", wish.training),
            )
            if paths
        }
        sides = {name: _side(name, showers, kept, progress) for name, showers in opened.items()}
        told = notes(sides["reference"], sides["submission"], EXPECTED.get(wish.detector.name))
        scores: dict[str, dict[str, Any]] = {}
        for name in wish.steps:
            found = {
                which: _step(name, wish, sides["reference"], side, which, kept, progress)
                for which, side in sides.items()
                if which != "reference"
            }
            for metric, value in found["submission"].items():
                scores[metric] = asdict(value)
                if "training" in found and metric in found["training"]:
                    scores[metric]["floor"] = asdict(found["training"][metric])
        result = {
            "schema": SCHEMA,
            "protocol": "calochallenge",
            "detector": wish.detector.name,
            "label": wish.label,
            "files": {name: [str(path) for path in side.showers.paths] for name, side in sides.items()},
            "showers": {name: len(side.showers) for name, side in sides.items()},
            "negative_voxels": {name: side.showers.repairs.negative for name, side in sides.items()},
            "notes": told.notes,
            "comparable": told.comparable,
            "settings": _settings(wish),
            "scores": scores,
        }
    write_text(out / RESULT, json.dumps(result, indent=1, ensure_ascii=False, allow_nan=False) + "\n")
    return result


def comparable(result: Mapping[str, Any], metric: str) -> bool:
    """Whether a score may stand beside the published ones: as many showers, all of them, same definition."""
    entry = result["scores"].get(metric)
    if entry is None or entry["value"] is None or metric not in published.METRICS or not result["comparable"]:
        return False
    settings = result["settings"]
    whole = (settings["repeats"], settings["epochs"]) == (10, 50)
    return entry["rows"] is None and (whole or not metric.startswith("auc_"))


def read_score(folder: Path) -> dict[str, Any]:
    """A result of :func:`score`.

    Raises:
        UserError: the folder holds none, or another version's.
    """
    path = folder / RESULT
    result = read_json(path)
    if not isinstance(result, dict) or result.get("schema") != SCHEMA:
        found = result.get("schema") if isinstance(result, dict) else type(result).__name__
        raise UserError(f"{path} should be a result of simbench score, of schema {SCHEMA}; found {found}")
    missing = [key for key in KEYS if key not in result]
    if missing:
        raise UserError(f"{path} should be a result of simbench score: it has no {missing[0]}")
    return result


def _settings(wish: Wish) -> dict[str, Any]:
    names = ("steps", "rows", "repeats", "epochs", "device", "seed")
    return {name: getattr(wish, name) for name in names}


def _side(name: str, showers: Showers, kept: Path, progress: Progress) -> Side:
    """Features of a side, from what is kept of them if its files are the same."""
    identity = json.dumps([VERSION, showers.identity()])
    path = kept / f"{name}-features.npz"
    try:
        with np.load(path, allow_pickle=False) as file:
            if str(file["identity"]) == identity:
                showers.repairs.negative = int(file["negative"])
                arrays = {
                    key: file[key] for key in file.files if key not in ("identity", "negative", "largest")
                }
                return Side(showers, Features(**arrays), float(file["largest"]))
    except (OSError, ValueError, KeyError, TypeError):
        pass  # there is none, or no whole one
    seen, done, largest = progress(f"features of the {name}"), 0, 0.0

    def blocks() -> Any:
        nonlocal done, largest
        for block in showers.blocks():
            largest = max(largest, float(block.max(initial=0.0)))
            yield block
            done += len(block)
            seen(done, len(showers))

    side = Side(showers, features(showers.geometry, showers.energies, blocks()), largest)
    with atomic(path) as part, part.open("wb") as file:
        np.savez(
            file,
            identity=identity,
            negative=showers.repairs.negative,
            largest=largest,
            **side.features.arrays(),  # type: ignore[arg-type]
        )
    return side


def _step(
    name: str, wish: Wish, reference: Side, side: Side, which: str, kept: Path, progress: Progress
) -> dict[str, Found]:
    """A step's scores, from what is kept of it if files and settings are the same."""
    asked = {"rows": wish.rows} if name == "prdc" else {}
    if name in NETWORKS:
        asked = {each: getattr(wish, each) for each in ("repeats", "epochs", "seed")}
    identity = [VERSION, reference.showers.identity(), side.showers.identity(), asked]
    path = kept / f"{which}-{name}.json"
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        if stored["identity"] == identity:
            return {metric: Found(**values) for metric, values in stored["scores"].items()}
    except (OSError, ValueError, KeyError, TypeError):
        pass  # there is none, or no whole one
    done = "" if which == "submission" else ", floor"
    found = _step_of(name, wish, kept)(reference, side, progress(f"{name}{done}"))
    content = {"identity": identity, "scores": {metric: asdict(value) for metric, value in found.items()}}
    write_text(path, json.dumps(content, indent=1, allow_nan=False) + "\n")
    return found


def _step_of(name: str, wish: Wish, kept: Path) -> Callable[[Side, Side, Seen], dict[str, Found]]:
    if name in NETWORKS:
        return partial(
            networks,
            name,
            folder=kept,
            seed=wish.seed,
            repeats=wish.repeats,
            epochs=wish.epochs,
            device=wish.device,
        )
    known: Mapping[str, Callable[[Side, Side, Seen], dict[str, Found]]] = {
        "separation": steps.separation,
        "fpd": steps.frechet,
        "kpd": steps.kernel,
        "prdc": partial(steps.neighbours, rows=wish.rows),
        "boosted": steps.boosted,
    }
    return known[name]

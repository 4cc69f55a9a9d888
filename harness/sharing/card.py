"""A model card for the Hugging Face Hub, with its evaluation results in the Hub's ``model-index`` form.

The card's head is YAML, of which JSON is a part: every value is written as JSON.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from ..errors import UserError
from ..plugin.specs import own_version
from ..record.folder import RunFolder
from ..run.tasks import weights_digest
from .folder import protocol_digest

WEIGHTS = "weights.safetensors"
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,79}")


@dataclass(frozen=True)
class Trained:
    """A folder that ``simbench train`` wrote: what its weights say of themselves.

    Attributes:
        folder: it.
        model, detector, preset: names.
        data: fingerprint, split, its seed and test fraction.
        training: seed, steps, parameters and the like, no history.
        digest: of its files, as a run tells it.
    """

    folder: Path
    model: str
    detector: str
    preset: str
    data: Mapping[str, Any]
    training: Mapping[str, Any]
    digest: str

    @classmethod
    def read(cls, folder: Path) -> "Trained":
        """Read the header; no weights.

        Raises:
            UserError: there are no weights of ours.
        """
        path = folder / WEIGHTS
        try:
            with safe_open(path, framework="numpy") as file:
                header = json.loads((file.metadata() or {})["simbench"])
            model, detector, preset = (header[key] for key in ("model", "detector", "preset"))
            data, training = dict(header["data"]), dict(header["training"])
        except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
            raise UserError(f"{path} holds no weights that simbench train wrote: {error}") from error
        for name in (model, detector, preset):
            if not isinstance(name, str) or not _PLAIN.fullmatch(name):
                raise UserError(
                    f"{path}: the name {name!r:.60} is refused: expected letters, digits and . _ + -"
                )
        told = {key: value for key, value in training.items() if isinstance(value, int | float | str)}
        return cls(folder, model, detector, preset, data, told, str(weights_digest(folder)))


def results_of(trained: Trained, runs: Sequence[Path]) -> list[tuple[RunFolder, Mapping[str, Any]]]:
    """The entry of these very weights in each run.

    Raises:
        UserError: a run does not have it, or is of another detector.
    """
    found = []
    for path in runs:
        run = RunFolder(path)
        entries = [model for model in run.result["models"] if model["status"] == "ok"]
        mine = [model for model in entries if _digest_of(model) == trained.digest]
        if run.result["protocol"]["detector"] != trained.detector or not mine:
            names = ", ".join(model["name"] for model in entries)
            raise UserError(f"--run {path} has no scores of the weights in {trained.folder}; it has {names}")
        found.append((run, mine[0]))
    return found


def _digest_of(model: Mapping[str, Any]) -> Any:
    weights = (model.get("identity") or {}).get("weights")
    return weights[1] if isinstance(weights, list) and len(weights) == 2 else None


def hub_card(trained: Trained, runs: Sequence[Path], licence: str = "other") -> str:
    """The text of the card, ``README.md`` of a repository on the Hub."""
    scored = results_of(trained, runs)
    head: dict[str, Any] = {
        "license": licence,
        "library_name": "simbench-hep",
        "tags": ["high-energy-physics", "fast-simulation", "calorimeter", trained.detector],
    }
    if scored:  # the Hub takes no index without results
        head["model-index"] = [{"name": trained.model, "results": [_result(*each) for each in scored]}]
    lines = [
        "---",
        *(f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in head.items()),
        "---",
    ]
    return "\n".join([*lines, "", *_text(trained, scored), ""])


def _result(run: RunFolder, model: Mapping[str, Any]) -> dict[str, Any]:
    """An element of ``results``: task, dataset, and metrics with a value."""
    protocol = run.result["protocol"]
    metrics = []
    for name, about in run.result["metrics"].items():
        score = model.get(name) or {}
        if score.get("mean") is not None:
            told = {key: score[key] for key in ("std", "floor") if score.get(key) is not None}
            metrics.append({"type": name, "name": about["title"], "value": score["mean"],
                            "args": {**told, "better": about["better"]}})  # fmt: skip
    return {
        "task": {"type": "other", "name": f"Fast simulation of {protocol['detector']} responses"},
        "dataset": {
            "type": f"simbench-{protocol['detector']}",
            "name": f"{protocol['detector']}, test part, protocol {protocol_digest(protocol)}",
            "revision": protocol["dataset"],
            "split": "test",
            "args": protocol,
        },
        "metrics": metrics,
    }


def _text(trained: Trained, scored: Sequence[tuple[RunFolder, Mapping[str, Any]]]) -> Iterator[str]:
    yield f"# {trained.model}, {trained.detector}\n"
    yield f"A fast simulator of the detector `{trained.detector}`. Card by simbench-hep {own_version()}.\n"
    yield "| | |\n|---|---|"
    yield f"| preset | {trained.preset} |"
    for name, value in {**trained.training, **trained.data}.items():
        yield f"| {_cell(name)} | {_cell(value)} |"
    yield "\n## Scores\n"
    if not scored:
        yield "None given: `simbench card MODEL_DIR --run RUN` takes them from a run."
    for run, model in scored:
        protocol = run.result["protocol"]
        yield f"Protocol `{protocol_digest(protocol)}`, {run.result['settings']['runs']} runs. Held fixed:"
        yield (
            "; ".join(f"{_cell(name)} {_cell(json.dumps(value))}" for name, value in protocol.items()) + ".\n"
        )
        yield "| metric | mean | standard deviation | floor |\n|---|---|---|---|"
        for name in run.result["metrics"]:
            score = model.get(name) or {}
            values = (score.get(key) for key in ("mean", "std", "floor"))
            yield f"| {name} | {' | '.join('-' if one is None else f'{one:.4g}' for one in values)} |"
        for mark in model["marks"]:
            yield f"\n{_cell(mark)}"
        yield ""
    yield "\n## How to run it\n"
    yield f"    simbench run --models {trained.model}@FOLDER,mc --detector {trained.detector}\n"
    yield "with this repository's files in FOLDER. The weights are safetensors: loading them runs no code."
    yield "\n## Limits\n"
    yield "It knows the particles of its training data only; for others it answers all the same."


def _cell(value: object) -> str:
    """Text that Markdown and HTML show as it is."""
    text = " ".join(str(value).split())
    return re.sub(r"([\\`*_\[\]|#~])", r"\\\1", text).replace("&", "&amp;").replace("<", "&lt;")

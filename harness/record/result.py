"""``result.json`` as it is read: its form is looked at as a whole, for tables and figures trust it."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from ..errors import UserError
from ..files import read_json
from ..forms import NUMBER, fault
from ..plugin.description import EXECUTION, TRAINING

SCHEMA = 1  # of result.json
_SPREAD = {"mean": NUMBER, "std": NUMBER}
SCORE = {  # of a metric
    **_SPREAD,
    "runs": [NUMBER],
    "error?": "number",
    "over_particles?": "number",
    "problem?": "text",
    "floor?": "number",
    "*": {"*": {**_SPREAD, "floor?": "number"}},  # channels, and what else a metric tells
}
EXPERTS = [{"share": "number", **_SPREAD}]
METRICS = {
    "*": {
        "title": "text",
        "unit": "text",
        "better": {"lower", "higher"},
        "version": "count",
        "meaning?": "text",
    }
}
PROTOCOL = {
    "detector": "text",
    "dataset": "text",
    "min_photons": "number",
    "split": "text",
    "split_seed": "number",
    "limit": ("null", "count"),
    "channels": "text",
    "metrics": {"*": "count"},
    "test_fraction": "number",
    "chunk_size": "count",
    "left_out?": ["text"],
    "part?": "text",
}
DATASET = {
    "test_responses": "count",
    "test_particles": "count",
    "provenance?": "text",
    "unit?": "text",
    "left_out?": ["text"],
}
_LATENCY = {
    **dict.fromkeys(("load_seconds?", "memory_mb?", "file_mb?", "parameters?"), "number"),
    "threads": {"*": {"*": ("null", {"p50_ms?": "number", "p99_ms?": "number"})}},
}
_TIMED = {
    "seconds_per_10k": "number",
    "spread": "number",
    "noisy": "truth",
    "repeats?": ["number"],
    "workload?": ["number"],
    "latency?": {"*": _LATENCY},
    "threads?": "count",
    **EXECUTION,
}
_MODEL = {
    "name": "text",
    "status": {"ok", "failed", "skipped"},
    "error": ("null", "text"),
    "family?": "text",
    "marks?": ["text"],
    "training?": TRAINING,
    "timing?": {"*": _TIMED},
    "experts?": EXPERTS,
    "identity?": {},
}
_RESULT = {
    "protocol": PROTOCOL,
    "settings": {"seed": "count", "runs": "count", "device?": "text", "threads?": "count"},
    "dataset": DATASET,
    "metrics": METRICS,
    "models": [_MODEL],
    "command?": "text",
    "significance?": {"confidence": "number", "groups": {"*": {"*": ["count"]}}},
    "rescored?": {"metrics": ["text"], "channels": "text"},
}
_QUARTILES = {"bounds": ["number"], "counts": ["count"], "*": [("null", _SPREAD)]}


def read_result(path: Path) -> dict[str, Any]:
    """The content of a run's ``result.json``; ``path`` is the file or the folder that holds it.

    Raises:
        UserError: there is none (the run has not finished), it is of another schema, or what it holds is of
            another form than a run writes.
    """
    file = path / "result.json" if path.is_dir() else path
    if path.is_dir() and not file.exists():
        raise UserError(f"{path} holds no result.json: the run has not finished; start it again to resume it")
    result: dict[str, Any] = read_json(file)
    if not isinstance(result, dict) or result.get("schema") != SCHEMA:
        found = result.get("schema") if isinstance(result, dict) else type(result).__name__
        raise UserError(
            f"{file} is no result of this version: schema should be {SCHEMA}, found {found!s:.60}"
        )
    missing = [key for key in ("protocol", "settings", "dataset", "metrics", "models") if key not in result]
    if missing:
        raise UserError(f"{file} is no complete result: it lacks {', '.join(missing)}")
    wrong = fault(result, _RESULT) or _scores_fault(result)
    if wrong:
        raise UserError(f"{file} is damaged, or was changed by hand: {wrong}")
    return result


def _scores_fault(result: Mapping[str, Any]) -> str | None:
    """What is wrong with the models and their scores, in a result whose head is of the right form."""
    names = [model["name"] for model in result["models"]]
    if len(set(names)) < len(names):
        return f"models of one name: {', '.join(sorted(names))}"
    if result["settings"]["runs"] < 1 or result["protocol"]["chunk_size"] < 1:
        return "settings.runs and protocol.chunk_size should be at least 1"
    if {**result["protocol"]["metrics"]} != {n: about["version"] for n, about in result["metrics"].items()}:
        return "protocol.metrics should have the versions of metrics"
    for index, model in enumerate(result["models"]):
        wrong = entry_fault(model, result["metrics"], f"models[{index}]", result["settings"]["runs"])
        if wrong:
            return wrong
    return None


def entry_fault(model: Mapping[str, Any], metrics: Collection[str], place: str, runs: int) -> str | None:
    """What is wrong with the scores of an entry by these metrics, over at most so many runs."""
    forms = {f"{name}?": SCORE for name in metrics} | {"quartiles?": _QUARTILES}
    wrong = fault(model, forms, place)
    for name in metrics if wrong is None else ():
        score = model.get(name)
        if score is not None and len(score["runs"]) > runs:
            return f"{place}.{name}.runs should be at most {runs} numbers, found {len(score['runs'])}"
    quartiles = (model.get("quartiles") or {}) if wrong is None else {}
    for name in metrics:
        if name in quartiles and len(quartiles[name]) != 4:
            return f"{place}.quartiles.{name} should be 4 values, found {len(quartiles[name])}"
    return wrong

"""What a result must be to be listed: of the published form, whole, without leaks, as its responses score."""

import csv
import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema

from ..data.unit import Unit
from ..errors import UserError
from ..plugin.metric import Metric
from ..plugin.registry import Registry
from ..record.folder import REFERENCE, RunFolder, load_unit, stored_identity, unit_path
from ..score.evaluate import COLUMNS
from ..score.rescore import rescored_with_rows

TOLERANCE = 1e-6  # relative, of a score made again: other machines differ in last bits
LEAKS = "scored on particles that it was trained on"  # the mark of --allow-leak
_UNSAFE = re.compile(r"[<>&\"'\\`\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]|(^|[/@:])\.\.(/|$)")


@cache
def schema(name: str) -> dict[str, Any]:
    """A published JSON schema: ``result`` or ``submission``."""
    text = files(__package__).joinpath(f"{name}.schema.json").read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text)
    return found


def require_schema(name: str, value: Any, where: Path) -> None:
    """Raise UserError for the first place at which a value is not of a published form."""
    errors = jsonschema.Draft202012Validator(schema(name)).iter_errors(value)
    first = min(errors, key=lambda error: list(map(str, error.absolute_path)), default=None)
    if first is not None:
        place = "/".join(map(str, first.absolute_path)) or "the whole"
        raise UserError(f"{where}: {place}: {first.message:.200}; see {name}.schema.json")


def require_sound(folder: Path) -> RunFolder:
    """A run whose files belong together, are all there, and may be listed.

    Raises:
        UserError: what is wrong, by the name of the file, the model or the field.
    """
    run = RunFolder(folder)
    require_schema("result", run.result, folder / "result.json")
    for what, name in _names(run.result):
        if _UNSAFE.search(name):
            raise UserError(f"{folder}: {what} {name!r} is refused: no markup, quotes, control signs or ../")
    for model in run.result["models"]:
        if LEAKS in model["marks"]:
            raise UserError(f"{folder}: model {model['name']!r} is refused: {LEAKS}")
    if "rescored" in run.result:
        raise UserError(f"{folder} was scored again by other metrics: submit the run itself")
    reference = _unit(folder / "units" / REFERENCE, {"dataset": run.result["protocol"]["dataset"]})
    if len(reference.sums) != run.result["dataset"]["test_responses"]:
        raise UserError(f"{folder}: test_responses is not the {len(reference.sums)} of units/{REFERENCE}")
    for model in run.result["models"]:
        for number in range(run.result["settings"]["runs"]) if model["status"] == "ok" else ():
            path = unit_path(folder / "units", model["name"], f"run{number}")
            unit = _unit(path, {**model["identity"], "run": number})
            if unit.sums.shape != reference.sums.shape:
                raise UserError(
                    f"{path}: {len(unit.sums)} responses, the reference has {len(reference.sums)}"
                )
    return run


def _names(result: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for model in result["models"]:
        yield "model", model["name"]
        for key in ("name", "version"):
            yield f"model {model['name']!r}, plugin {key}", str(model["plugin"][key])


def _unit(path: Path, identity: Mapping[str, Any]) -> Unit:
    told, unit = stored_identity(path), load_unit(path)
    if told is None or unit is None:
        raise UserError(f"{path} is missing or damaged")
    for name in identity.keys() | told.keys():
        if told.get(name) != identity.get(name):
            raise UserError(
                f"{path}: its {name} is {told.get(name)!r:.60}, result.json has {identity.get(name)!r:.60}"
            )
    return unit


def require_scores(registry: Registry, run: RunFolder, tolerance: float = TOLERANCE) -> None:
    """Score a run again from its units, and raise UserError for the first number that comes out otherwise.

    A run is refused by a metric that cannot be measured from what it has kept.
    """
    metrics = [_metric(registry, run, name) for name in run.result["metrics"]]
    scored, rows = rescored_with_rows(run, metrics)
    again = {model["name"]: model for model in scored.result["models"]}
    names = [*(metric.name for metric in metrics), "quartiles", "below_threshold"]
    for model in run.result["models"]:
        found = again[model["name"]]
        if found["status"] != model["status"]:
            raise UserError(f"{run.path}: model {model['name']!r} cannot be scored again: {found['error']}")
        for name in names:
            _require_equal(
                model.get(name), found.get(name), tolerance, f"{run.path}: model {model['name']!r}, {name}"
            )
    _require_table(run, rows, tolerance)


def _metric(registry: Registry, run: RunFolder, name: str) -> Metric:
    metric, version = registry.metrics[name], run.result["metrics"][name]["version"]
    if metric.version != version:
        raise UserError(f"{run.path}: metric {name} is version {version}, here it is {metric.version}")
    return metric


def _require_equal(told: Any, found: Any, tolerance: float, where: str) -> None:
    """Numbers that agree, in values of the same form."""
    if isinstance(told, Mapping) and isinstance(found, Mapping):
        for key in dict.fromkeys([*told, *found]):
            _require_equal(told.get(key), found.get(key), tolerance, f"{where}, {key}")
    elif isinstance(told, list) and isinstance(found, list) and len(told) == len(found):
        for index, (ours, theirs) in enumerate(zip(told, found, strict=True)):
            _require_equal(ours, theirs, tolerance, f"{where}, {index}")
    elif not _alike(told, found, tolerance):
        raise UserError(f"{where}: the result has {told!r:.60}, its responses give {found!r:.60}")


def _alike(told: Any, found: Any, tolerance: float) -> bool:
    numbers = all(isinstance(one, int | float) and not isinstance(one, bool) for one in (told, found))
    return math.isclose(told, found, rel_tol=tolerance, abs_tol=1e-9) if numbers else told == found


def _require_table(run: RunFolder, rows: Sequence[tuple[Any, ...]], tolerance: float) -> None:
    """``scores.csv`` has these rows."""
    path = run.path / "scores.csv"
    try:
        with path.open(encoding="utf-8", newline="") as file:
            head, *told = csv.reader(file)
    except (OSError, ValueError, csv.Error) as error:
        raise UserError(f"{path} cannot be read: {error}") from error
    if head != list(COLUMNS) or len(told) != len(rows):
        raise UserError(f"{path}: {len(told)} rows of {','.join(head)}; its responses give {len(rows)}")
    for ours, (*place, value) in zip(told, rows, strict=True):
        where = ", ".join(map(str, place))
        if ours[:-1] != [str(each) for each in place]:
            raise UserError(f"{path}: a row of {', '.join(ours[:-1])}, where {where} should be")
        try:
            number = float(ours[-1]) if ours[-1] else None
        except ValueError:
            number = None
        if not _alike(number, value, tolerance):
            raise UserError(f"{path}: {where}: it has {ours[-1]!r:.40}, its responses give {value}")

"""The parts of a run made one: their units side by side in one folder, and then scored as a run's are.

Neither the data nor the models are needed: a part says of its models what ``result.json`` does, and its units
hold all that is scored.
"""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..data.unit import Unit
from ..errors import UserError
from ..files import atomic, make_folder, read_json
from ..plugin.registry import Registry
from ..record.folder import REFERENCE, TRAINING, load_unit, stored_identity, unit_path
from ..record.lock import held
from ..record.part import PART, Part
from ..record.protocol import Protocol, require_same
from ..record.responses import responses_folder
from ..record.result import SCHEMA
from ..record.spent import Spent, read_spent
from ..run.benchmark import finish, score_units
from ..run.placement import Placement
from ..run.watch import Watch

_SAME = ("seed", "runs", "device", "engine", "allow_leak")  # settings that the parts of a run share


@dataclass(frozen=True)
class _PartFolder:
    path: Path
    told: Mapping[str, Any]
    part: Part

    @classmethod
    def read(cls, path: Path) -> "_PartFolder":
        if not (path / PART).exists():
            raise UserError(f"{path} holds no {PART}: the part has not finished, or it is a whole run")
        told = read_json(path / PART)
        keys = ("part", "runs", "models", "protocol", "settings", "dataset", "metrics")
        if not isinstance(told, dict) or told.get("schema") != SCHEMA or not all(key in told for key in keys):
            raise UserError(f"{path / PART} is no part of this version")
        return cls(path, told, Part.parse("/".join(map(str, told["part"]))))

    def entry(self, label: str) -> dict[str, Any] | None:
        return next((dict(each) for each in self.told["models"] if each["name"] == label), None)


def merge(
    registry: Registry,
    folders: Sequence[Path],
    out: Path,
    watch: Watch | None = None,
    command: str | None = None,
    workers: int | None = None,
) -> dict[str, Any]:
    """Make one run of its parts in ``out``: units, ``scores.csv`` and ``result.json`` as of a whole run.

    A model that failed in a part is failed, with that part's line.

    Raises:
        UserError: a part is missing, unfinished, given twice, of another run, or lacks a unit; ``out`` is in
            use or holds a run already.
    """
    watch = watch or Watch()
    if not folders:
        raise UserError("give the folders of all parts")
    placement = Placement("processes", workers) if workers is not None else Placement()
    placement.check()
    parts = _complete([_PartFolder.read(path) for path in folders])
    first = parts[0]
    metrics = [registry.metrics[name] for name in first.told["protocol"]["metrics"]]
    for metric in metrics:
        version = first.told["protocol"]["metrics"][metric.name]
        if metric.version != version:
            raise UserError(
                f"{first.path}: metric {metric.name} should be version {metric.version}, found {version}"
            )
    protocol = _protocol(first.told["protocol"])
    labels = list(first.told["runs"])
    entries = [_entry(parts, label) for label in labels]
    if any((out / name).exists() for name in ("result.json", PART, "units")):
        raise UserError(f"--out {out} holds a run or a part already: give an empty folder")
    make_folder(out)
    with held(out, command or "simbench merge"):
        units = make_folder(out / "units")
        for part in parts:
            for path in _files(part):
                _copy(path, out / path.relative_to(part.path))
        kept = {entry["name"]: _units(units, entry, first.told["settings"]["runs"]) for entry in entries}
        reference = load_unit(units / REFERENCE)
        if reference is None:
            raise UserError(
                f"{first.path / 'units' / REFERENCE} is missing or damaged: start that part again"
            )
        watch.begin(labels, first.told["settings"]["runs"] * len(reference.sums))
        for entry in entries:
            _with_notes(entry, kept[entry["name"]])
            watch.advance(entry["name"], len(kept[entry["name"]]) * len(reference.sums))
            if entry["status"] != "ok":
                watch.end(entry)
        spent = _spent(parts, first.told["dataset"]["test_responses"])
        measured = score_units(registry, placement, entries, kept, metrics, units, protocol, watch, spent)
        head = {key: value for key, value in first.told.items() if key not in ("part", "runs", "models")}
        result = {**head, "command": command, "merged": len(parts), "models": entries}
        spent.write(out, 0.0)
        finish(registry, out, result, kept, measured, reference.light(), watch)
    return result


def _complete(parts: Sequence[_PartFolder]) -> list[_PartFolder]:
    """The parts in order: all of one run, each once."""
    first = parts[0]
    by_number: dict[int, _PartFolder] = {}
    for each in parts:
        if each.part.of != first.part.of:
            raise UserError(f"{each.path} is part {each.part}, {first.path} part {first.part}: two divisions")
        if each.part.number in by_number:
            raise UserError(
                f"part {each.part} is given twice: {by_number[each.part.number].path}, {each.path}"
            )
        by_number[each.part.number] = each
        _require_one_run(first, each)
    missing = [number for number in range(1, first.part.of + 1) if number not in by_number]
    if missing:
        named = ", ".join(f"{number}/{first.part.of}" for number in missing[:10])
        raise UserError(f"{len(missing)} of {first.part.of} parts are not given: {named}")
    return [by_number[number] for number in sorted(by_number)]


def _require_one_run(first: _PartFolder, each: _PartFolder) -> None:
    where = f"{first.path} and {each.path}"
    require_same(first.told["protocol"], each.told["protocol"], where)
    pairs: dict[str, tuple[Any, Any]] = {
        name: (first.told["settings"].get(name), each.told["settings"].get(name)) for name in _SAME
    }
    pairs["models"] = list(first.told["runs"]), list(each.told["runs"])
    pairs["metrics"] = list(first.told["metrics"]), list(each.told["metrics"])
    for name, (ours, theirs) in pairs.items():
        if ours != theirs:
            raise UserError(f"{where} are not of one run: {name} is {ours} against {theirs}")


def _protocol(told: Mapping[str, Any]) -> Protocol:
    return Protocol(**{**told, "left_out": tuple(told.get("left_out", ()))})


def _entry(parts: Sequence[_PartFolder], label: str) -> dict[str, Any]:
    """A model's entry, less its scores and the notes of its units: failed if a part of it is."""
    found = [(part, entry) for part in parts if (entry := part.entry(label)) is not None]
    failed = [entry for _, entry in found if entry["status"] != "ok"]
    if failed:
        return failed[0]
    (first, entry), *others = found
    for part, other in others:
        for name in entry["identity"].keys() | other["identity"].keys():
            ours, theirs = entry["identity"].get(name), other["identity"].get(name)
            if ours != theirs:
                raise UserError(
                    f"model {label}: {first.path} and {part.path} differ in {name}: "
                    f"{ours!r:.60} against {theirs!r:.60}"
                )
    for part, _ in found:
        for run in part.told["runs"][label]:
            path = unit_path(part.path / "units", label, f"run{run}")
            if stored_identity(path) != {**entry["identity"], "run": run}:
                raise UserError(f"{path} is missing, damaged or of another run: start part {part.part} again")
    return entry


def _files(part: _PartFolder) -> Iterator[Path]:
    """What a merged folder takes from a part: what all share from the first, and the part's own units."""
    units = part.path / "units"
    paths = [
        unit_path(units, label, f"run{run}") for label, runs in part.told["runs"].items() for run in runs
    ]
    if part.part.number == 1:
        paths += [units / name for name in ("protocol.json", REFERENCE, TRAINING)]
    for path in paths:
        yield from (path,) if path.exists() else ()  # of a failed model there is none
        yield from sorted(responses_folder(path).glob("*.npz"))


def _copy(path: Path, target: Path) -> None:
    target.parent.mkdir(exist_ok=True)
    with atomic(target) as part:
        shutil.copyfile(path, part)


def _units(units: Path, entry: Mapping[str, Any], runs: int) -> list[Unit]:
    """The units of a model, light ones; none of a failed one."""
    if entry["status"] != "ok":
        return []
    paths = [unit_path(units, entry["name"], f"run{run}") for run in range(runs)]
    found = [unit for path in paths if (unit := load_unit(path)) is not None]
    if len(found) < runs:
        raise UserError(f"model {entry['name']}: a unit is damaged; start its part again")
    return [unit.light() for unit in found]


def _with_notes(entry: dict[str, Any], units: Sequence[Unit]) -> None:
    """Let the marks end with the notes of all units, as a whole run's do."""
    notes = {note for unit in units for note in unit.notes or ()}
    entry["marks"] = [mark for mark in entry["marks"] if mark not in notes] + sorted(notes)


def _spent(parts: Sequence[_PartFolder], responses: int) -> Spent:
    """What the parts have cost to generate."""
    spent = Spent(responses)
    for part in parts:
        with suppress(UserError):  # a part that does not tell
            for label, cost in read_spent(part.path)["models"].items():
                count, seconds = spent.models.get(label, (0, 0.0))
                spent.models[label] = count + cost["responses"], seconds + cost["seconds"]
    return spent

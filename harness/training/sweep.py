"""A sweep, from what was asked to ``sweep.json``: many trainings, each scored like any other model.

The folder of a sweep holds ``sweep.json``, ``floor`` (the scores of the reference simulation) and ``points``
(:mod:`simbench.harness.training.points`). Started again on the same folder, a sweep computes what is missing.
"""

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..data.open import split_rows
from ..errors import UserError
from ..files import read_json, write_json
from ..forms import fault
from ..plugin.description import TRAINING
from ..plugin.registry import Registry
from ..plugin.simulators import Context
from ..plugin.sweeps import SweepPoint
from ..record.lock import held
from ..record.protocol import require_same
from ..record.result import DATASET, EXPERTS, METRICS, PROTOCOL, entry_fault
from ..run.benchmark import head_of
from ..run.opening import chosen_metrics, open_asked, protocol_of
from ..run.placement import resolve_device
from ..run.watch import Watch
from .plan import SweepOptions, points_of, require_same_points, require_same_sweep
from .points import Job, compute_all, point_entry

SCHEMA = 1  # of sweep.json
FILE = "sweep.json"
FLOOR = "mc"  # the simulator that draws from the truth: what a perfect model would score
_HEAD = ("sweep", "title", "detector", "preset", "budget", "parameters", "finished")
_KEYS = (*_HEAD, "protocol", "dataset", "metrics", "settings", "floor", "points")
_ENTRY = {
    "name": "text",
    "status": {"ok", "failed"},
    "error": ("null", "text"),
    "marks?": ["text"],
    "experts?": EXPERTS,
    "training?": TRAINING,
}
_SETTING = ("text", "number")
_POINT = {
    **_ENTRY,
    "model": "text",
    "seed": "count",
    "parameters": {"*": _SETTING},
    "overrides": {"*": "text"},
}
_FORM = {
    **dict.fromkeys(("sweep", "title", "detector", "preset"), "text"),
    **dict.fromkeys(("caption?", "reference?", "command?"), "text"),
    "budget": "number",
    "parameters": ["text"],
    "finished": "truth",
    "protocol": PROTOCOL,
    "dataset": DATASET,
    "metrics": METRICS,
    "settings": {"runs": "count", "seeds?": ["count"], "overrides?": {"*": "text"}, "limit?": "count"},
    "floor": ("null", _ENTRY),
    "points": [_POINT],
}


class _Record:
    """``sweep.json`` in the making."""

    def __init__(self, path: Path, head: Mapping[str, Any], points: Sequence[SweepPoint]) -> None:
        self._path, self._head, self._points = path, head, points
        self._floor: dict[str, Any] | None = None
        self._entries: dict[str, dict[str, Any]] = {}

    def add(self, entry: dict[str, Any]) -> None:
        """Take over the entry of a point from an earlier call."""
        self._entries[entry["name"]] = entry

    def keep(self, job: Job, error: str | None = None) -> None:
        """What a job has left behind, or the error that it ended with."""
        scored = job.scored() if error is None else None
        if scored is None and error is None:
            error = "the run left no scores"
        if job.point is not None:
            self._entries[job.name] = point_entry(job, job.point, scored, error)
        elif scored is not None:
            self._floor = scored
        else:
            self._floor = {"name": job.model, "status": "failed", "error": error, "marks": []}

    def write(self, finished: bool = False) -> dict[str, Any]:
        """Write and return the content; it is finished if no point is missing, failed or not."""
        entries = [self._entries[point.name] for point in self._points if point.name in self._entries]
        complete = finished and len(entries) == len(self._points)
        content = {**self._head, "finished": complete, "floor": self._floor, "points": entries}
        write_json(self._path, content)
        return content


def sweep(
    registry: Registry,
    options: SweepOptions,
    out: Path,
    watch: Watch | None = None,
    command: str | None = None,
) -> dict[str, Any]:
    """Train and score what is missing of a sweep, write ``sweep.json``, and return its content.

    ``sweep.json`` is written at the start and after every point. A point that fails is recorded with its
    error, the others go on; started again, it is tried again. Neither the order in which points end nor the
    number of workers shows in the result. Seeds add up: those of an earlier call stay.

    Raises:
        UserError: wrong use, unreadable data, or an ``out`` that holds another sweep.
    """
    watch = watch or Watch()
    planned = registry.sweeps[options.sweep]
    detector = registry.detectors[options.scoring.detector]
    options.check()
    before = _stored(out)
    if before is not None:
        require_same_sweep(before, options, out)
    seeds = tuple(sorted({*options.seeds, *(before["settings"]["seeds"] if before else ())}))
    points = points_of(registry, planned, detector, options, seeds)
    earlier = {entry["name"]: entry for entry in before["points"]} if before else {}
    require_same_points(earlier, points, out)
    request = replace(options.scoring, device=resolve_device(options.scoring.device))
    metrics = chosen_metrics(registry, request.metrics)
    with open_asked(registry, detector, request, watch) as data:
        protocol = protocol_of(request, detector, data, metrics)
        _, rows = split_rows(data, protocol.split, protocol.split_seed, protocol.min_photons)
        context = Context(detector, device=request.device)
        fixed = head_of(request, protocol, data, rows[: protocol.limit], metrics, context)
    if before is not None:
        require_same(before["protocol"], fixed["protocol"], str(out))
    head = {
        "schema": SCHEMA,
        "sweep": planned.name,
        "title": planned.title,
        "caption": planned.caption,
        "reference": planned.reference,
        "detector": detector.name,
        "preset": options.preset,
        "budget": options.budget,
        "parameters": list(planned.parameters),
        "command": command,
        **{name: fixed[name] for name in ("protocol", "dataset", "metrics", "environment")},
        "settings": {
            **{name: fixed["settings"][name] for name in ("data", "device", "runs")},
            "limit": request.limit,
            "seeds": list(seeds),
            "overrides": dict(options.overrides),
        },
    }
    jobs = [
        Job(point.name, request, protocol, out / "points" / point.name, point.model, options.preset, point)
        for point in points
        if point.seed in options.seeds
    ]
    if FLOOR in registry.simulators.records and registry.simulators[FLOOR].serves(detector):
        jobs.insert(0, Job(FLOOR, request, protocol, out / "floor", FLOOR, options.preset))
    with held(out, command or "simbench sweep"):
        record = _Record(out / FILE, head, points)
        missing = []
        for job in jobs:
            if job.scored() is None:
                missing.append(job)
            else:
                record.keep(job)
        for point in points:
            if point.seed not in options.seeds and point.name in earlier:
                record.add(earlier[point.name])
        record.write()
        watch.begin([job.name for job in jobs], 1)
        for job in jobs:
            if job not in missing:
                watch.advance(job.name, 1)
        with closing(compute_all(registry, missing, options.workers, watch.news)) as done:
            for job, error in done:
                record.keep(job, error)
                record.write()
                watch.advance(job.name, 1)
                watch.end({"name": job.name, "error": error})
        return record.write(finished=True)


def failures(content: Mapping[str, Any]) -> int:
    """How many points of a sweep, its floor included, have failed."""
    entries = [*content["points"], *([content["floor"]] if content["floor"] else [])]
    return sum(entry["status"] == "failed" for entry in entries)


def is_sweep(folder: Path) -> bool:
    """Whether a folder is a sweep's."""
    return (folder / FILE).exists()


def read_sweep(folder: Path) -> dict[str, Any]:
    """The content of a sweep's ``sweep.json``.

    Raises:
        UserError: there is none, or it is of another schema.
    """
    file = folder / FILE
    content = read_json(file)
    schema = content.get("schema") if isinstance(content, dict) else type(content).__name__
    if not isinstance(content, dict) or schema != SCHEMA:
        raise UserError(f"{file} is no sweep of this version: schema should be {SCHEMA}, found {schema}")
    missing = [key for key in _KEYS if key not in content]
    if missing:
        raise UserError(f"{file} is no complete sweep: it lacks {', '.join(missing)}")
    wrong = fault(content, _FORM)
    for index, entry in enumerate([content["floor"] or {}, *content["points"]] if wrong is None else ()):
        place = f"points[{index - 1}]" if index else "floor"
        wrong = wrong or entry_fault(entry, content["metrics"], place, content["settings"]["runs"])
    if wrong:
        raise UserError(f"{file} is damaged, or was changed by hand: {wrong}")
    return content


def _stored(out: Path) -> dict[str, Any] | None:
    """The sweep that is in a folder.

    Raises:
        UserError: the folder holds something else, or cannot be a sweep's.
    """
    if "," in str(out):  # it becomes part of a model's name, NAME@FOLDER, and commas join those
        raise UserError(f"--out {out}: the folder of a sweep should have no comma in its name")
    if is_sweep(out):
        return read_sweep(out)
    for name in ("result.json", "units", "points", "floor"):
        if (out / name).exists():
            raise UserError(f"{out} holds {name} but no {FILE}: choose another folder or delete it")
    return None

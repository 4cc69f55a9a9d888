"""What a simulator promises of the optional abilities that it has; without the ability, a check passes."""

import json
from collections.abc import Mapping

import numpy as np

from ..arrays import plain
from ..plugin.simulators import Routing, TrainedOn
from .checks import Subject, fail, require_equal

_FIELDS = {"dataset": str, "split": str, "split_seed": int, "test_fraction": float}


def routing(subject: Subject) -> None:
    """If it routes: one expert for each condition, in range and always the same."""
    simulator = subject.make()
    if not isinstance(simulator, Routing):
        return
    rows = len(subject.conditions)
    experts = plain(simulator.route(subject.conditions.copy()), "route")
    if experts.shape != (rows,) or experts.dtype.kind not in "ui":
        fail(f"route gives {experts.dtype} of shape {experts.shape}", f"give integers of shape ({rows},)")
    count = _experts(simulator)
    if experts.min() < 0 or (count is not None and experts.max() >= count):
        last = "" if count is None else f" to {count - 1}"
        fail(f"route gives experts {experts.min()} to {experts.max()}", f"count them from 0{last}")
    if simulator.route(subject.conditions[:0].copy()).shape != (0,):
        fail("route gives something for no conditions", "give an array of shape (0,)")
    another = subject.make()
    again = another.route(subject.conditions.copy()) if isinstance(another, Routing) else None
    require_equal(
        experts, again, "two routings of the same conditions differ", "draw nothing at random in route"
    )


def trained_on(subject: Subject) -> None:
    """If it tells what it was trained on: a TrainedOn of the right types, or None."""
    simulator = subject.make()
    told = getattr(simulator, "trained_on", None)
    if told is None:
        return
    if not isinstance(told, TrainedOn):
        fail(f"trained_on is {type(told).__name__}", "give a simbench.harness.hooks.TrainedOn, or None")
    for name, expected in _FIELDS.items():
        value = getattr(told, name)
        if not isinstance(value, expected):
            fail(f"trained_on.{name} is {type(value).__name__}", f"give {expected.__name__}")
    hashes = told.particles
    if hashes is not None and (
        not isinstance(hashes, np.ndarray) or hashes.dtype != np.uint64 or (hashes[1:] <= hashes[:-1]).any()
    ):
        fail(
            "trained_on.particles should be sorted and distinct uint64",
            "use simbench.harness.hooks.particle_hashes(conditions)",
        )


def training_record(subject: Subject) -> None:
    """If it has a record of its training: a mapping of JSON values."""
    simulator = subject.make()
    record = getattr(simulator, "training_record", None)
    if record is None:
        return
    if not isinstance(record, Mapping):
        fail(f"training_record is {type(record).__name__}", "give a dictionary")
    try:
        json.dumps(dict(record), allow_nan=False)
    except (TypeError, ValueError) as error:
        fail(
            f"training_record is not JSON: {error}", "give float(x) and int(x) of NumPy numbers, None for NaN"
        )


def execution(subject: Subject) -> None:
    """If it says how it computes: a text ``engine``, whole numbers ``batch`` and ``threads``, or None."""
    simulator = subject.make()
    told = getattr(simulator, "execution", None)
    if told is None:
        return
    if not isinstance(told, Mapping):
        fail(f"execution is {type(told).__name__}", "give a dictionary")
    for name, kind in (("engine", str), ("batch", int), ("threads", int)):
        value = told.get(name)
        if value is not None and not isinstance(value, kind):
            fail(f"execution[{name!r}] is {type(value).__name__}", f"give {kind.__name__}, or leave it out")


def notes(subject: Subject) -> None:
    """If it has notes for tables: a tuple of texts, one line each; and it knows no faults of its own."""
    simulator = subject.make()
    told = getattr(simulator, "notes", ())
    if not isinstance(told, tuple | list) or not all(
        isinstance(note, str) and "\n" not in note for note in told
    ):
        fail(f"notes is {told!r:.80}", "give a tuple of short texts without line breaks")
    if hasattr(simulator, "faults"):
        subject.generate(by=simulator)  # some show only then
        if simulator.faults:
            fail(
                "; ".join(map(str, simulator.faults)), "mend the model: it is scored all the same, and marked"
            )


def fingerprint(subject: Subject) -> None:
    """If it has a fingerprint: a text, the same whenever it is made."""
    first, second = (getattr(subject.make(), "fingerprint", None) for _ in range(2))
    if not isinstance(first, str | None):
        fail(
            f"fingerprint is {type(first).__name__}",
            "give a text, such as a hexadecimal digest of the weights",
        )
    if first != second:
        fail(f"fingerprint was {first!r}, then {second!r}", "make it of what the weights hold, nothing else")


def _experts(simulator: Routing) -> int | None:
    """How many experts its training's record tells of, if it tells."""
    record = getattr(simulator, "training_record", None) or {}
    history = record.get("history") if isinstance(record, Mapping) else None
    last = (history or [{}])[-1]
    share = (last.get("experts") or {}).get("share") if isinstance(last, Mapping) else None
    return len(share) if share else None

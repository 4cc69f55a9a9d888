"""What a simulator tells of itself, checked and in plain types, before anything is made of it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..arrays import plain
from ..forms import NUMBER, fault
from .simulators import Simulator, TrainedOn

TRAINING = {  # of a record of a training, what tables and figures read
    "steps?": "number",
    "best_step?": "number",
    "validation?": "number",
    "parameters?": "number",
    "seconds?": "number",
    "history?": [
        {
            "step?": "number",
            "losses?": {"*": NUMBER},
            "validation?": "number",
            "seconds?": "number",
            "experts?": {"share?": ["number"], "intensity?": [NUMBER], "entropy?": "number"},
        }
    ],
}
FOOTPRINT = {"bytes?": "count", "parameters?": "count"}
EXECUTION = {"engine?": "text", "batch?": "count", "threads?": "count"}


@dataclass(frozen=True)
class Description:
    """What a simulator tells of itself, each by an optional attribute of its own.

    Attributes:
        trained_on: of ``trained_on``: what it was trained on, ``None`` if unknown.
        training: of ``training_record``: the JSON values ``preset``, ``seed``, ``steps``, ``best_step``,
            ``validation`` and ``history``, a list of objects with ``step``, ``epoch``, ``losses`` and
            ``validation``, and with ``seconds``, counted from the start of the training, where they are
            known. ``parameters`` may tell the number of trained parameters.
        notes: of ``notes``: phrases such as ``output taken for log(1 + photons), undeclared``, to be said
            wherever its scores are shown.
        execution: of ``execution``: ``engine``, the library that runs it, ``batch``, how many responses it
            computes together, and ``threads``, if it has a number of its own and not PyTorch's.
        footprint: of ``footprint``: integers, ``bytes`` of its files and ``parameters`` of its networks.
        weights: of ``fingerprint``: a text that identifies its weights, where they can change under its name.
            The harness adds the digest of a weights folder.
    """

    trained_on: TrainedOn | None = None
    training: Mapping[str, Any] | None = None
    notes: tuple[str, ...] = ()
    execution: Mapping[str, Any] = field(default_factory=dict)
    weights: Any = None
    footprint: Mapping[str, Any] = field(default_factory=dict)


def describe(simulator: Simulator) -> Description:
    """What a simulator tells of itself, in plain types that JSON and other processes know.

    Raises:
        TypeError: something is of another form than :class:`Description` says.
        Exception: whatever its attributes raise, or are.
    """
    trained = getattr(simulator, "trained_on", None)
    if trained is not None:
        particles = trained.particles
        if particles is not None:
            particles = np.array(plain(particles, "trained_on.particles"), dtype=np.uint64)
        trained = TrainedOn(
            str(trained.dataset),
            str(trained.split),
            int(trained.split_seed),
            float(trained.test_fraction),
            particles,
        )
    return Description(
        trained_on=trained,
        training=_told(simulator, "training_record", TRAINING),
        notes=notes_of(simulator),
        execution=_told(simulator, "execution", EXECUTION) or {},
        weights=_plain(getattr(simulator, "fingerprint", None)),
        footprint=_told(simulator, "footprint", FOOTPRINT) or {},
    )


def notes_of(simulator: Simulator) -> tuple[str, ...]:
    """What a simulator says now that tables are to show.

    Raises:
        TypeError: it is no tuple or list, such as one text, which would be taken letter by letter.
    """
    notes = getattr(simulator, "notes", ())
    if not isinstance(notes, tuple | list):
        raise TypeError(f"notes should be a tuple of texts, found {notes!r:.60}")
    return tuple(map(str, notes))


def _told(simulator: Simulator, name: str, form: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """An attribute that is a mapping, as JSON has it; ``None`` if there is none."""
    told = getattr(simulator, name, None)
    if told is None:
        return None
    found: Mapping[str, Any] = _plain(dict(told))
    wrong = fault(found, form, name)
    if wrong:
        raise TypeError(wrong)
    return found


def _plain(value: Any) -> Any:
    """As JSON has it."""
    return json.loads(json.dumps(value, allow_nan=False))

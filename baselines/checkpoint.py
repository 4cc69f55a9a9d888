"""A training's memory of itself: what it has done, the file from which it continues, and whose that is."""

import io
import pickle
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor

from .weights import write_atomic

CHECKPOINT = "checkpoint.pt"


class Resumable(Protocol):
    """What can be put back to where it was."""

    def state(self) -> dict[str, Any]:
        """All that :meth:`restore` needs, tensors and plain values."""
        ...

    def restore(self, state: Mapping[str, Any]) -> None:
        """Continue where :meth:`state` was taken."""
        ...


@dataclass
class State:
    """What a training knows of its own past.

    Attributes:
        step: steps done.
        seconds: time spent, over all starts.
        best_step: step of the best validation score so far; 0 before the first.
        best_score: that score.
        best: the generator's weights then.
        history: one entry an evaluation.
    """

    step: int = 0
    seconds: float = 0.0
    best_step: int = 0
    best_score: float = float("inf")
    best: dict[str, Tensor] = field(default_factory=dict)
    history: list[dict[str, Any]] = field(default_factory=list)


def write_checkpoint(
    out: Path, identity: Mapping[str, Any], learner: Resumable, generator: torch.Generator, state: State
) -> None:
    """Write ``out/checkpoint.pt``: tensors and plain values only."""
    buffer = io.BytesIO()
    names = [part.name for part in fields(State)]
    content = {
        "identity": dict(identity),
        "learner": learner.state(),
        "generator": generator.get_state(),
        "state": {name: getattr(state, name) for name in names},
    }
    torch.save(content, buffer)
    write_atomic(out / CHECKPOINT, buffer.getvalue())


def resume(out: Path, identity: Mapping[str, Any], learner: Resumable, generator: torch.Generator) -> State:
    """Put a training back to where its checkpoint was written; without one, to the beginning.

    Raises:
        ValueError: the checkpoint is damaged, or is that of another job.
    """
    path = out / CHECKPOINT
    if not path.exists():
        return State()
    try:
        content = torch.load(path, map_location=generator.device, weights_only=True)
        stored = content["identity"]
    except (RuntimeError, OSError, EOFError, KeyError, TypeError, pickle.UnpicklingError) as error:
        reason = " ".join(str(error).split())[:200]
        raise ValueError(f"{path} is no checkpoint of a training, or is damaged: {reason}") from error
    check_same(stored, identity, out)
    learner.restore(content["learner"])
    generator.set_state(content["generator"].cpu())
    return State(**content["state"])


def check_same(found: Mapping[str, Any], expected: Mapping[str, Any], folder: Path) -> None:
    """Refuse to continue another job.

    Args:
        found: the identity stored in the folder.
        expected: the identity of this job.
        folder: named in the message.

    Raises:
        ValueError: they differ; the message names in what.
    """
    stored, wanted = _flat(found), _flat(expected)
    differing = [name for name in sorted(stored | wanted) if stored.get(name) != wanted.get(name)]
    if differing:
        first = differing[0]
        more = f" (and {', '.join(differing[1:])})" if len(differing) > 1 else ""
        raise ValueError(
            f"{folder} holds another training: {first} is {stored.get(first)!r} there and "
            f"{wanted.get(first)!r} here{more}; choose another folder or delete it"
        )


def _flat(values: Mapping[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, Mapping):
            flat |= {f"{name}.{inner}": deeper for inner, deeper in value.items()}
        else:
            flat[name] = value
    return flat

"""A training's memory of itself: what it has done, and the file from which it continues."""

import io
import pickle
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from .job import Learner, check_same
from .weights import write_atomic

CHECKPOINT = "checkpoint.pt"


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
    out: Path, identity: Mapping[str, Any], learner: Learner, generator: torch.Generator, state: State
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


def resume(out: Path, identity: Mapping[str, Any], learner: Learner, generator: torch.Generator) -> State:
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

"""How every training ends: its weights file and the record beside it, and how a finished one is known."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from .checkpoint import CHECKPOINT, State, check_same
from .weights import FILE_NAME, Arrays, write_atomic, write_weights

RECORD = "record.json"
PARTICLES = "training_particles"  # the one stored array that is no weight


def finish(
    out: Path,
    header: Mapping[str, Any],
    identity: Mapping[str, Any],
    state: State,
    arrays: Arrays,
    training: Mapping[str, Any],
    particles: npt.NDArray[np.uint64] | None,
) -> Path:
    """Write weights and record, take the checkpoint away, and return the weights file.

    Args:
        out: the folder of the training.
        header: of the weights file.
        identity: what tells this training from others, for the record.
        state: where it ended.
        arrays: the weights.
        training: what both files say of it, besides its history.
        particles: hashes of the particles that it has seen, where known.
    """
    if particles is not None:
        arrays = {**arrays, PARTICLES: particles}
    path = out / FILE_NAME
    # Weights of the same training are the same bytes, however long it took.
    history = [{k: v for k, v in entry.items() if k != "seconds"} for entry in state.history]
    write_weights(path, arrays, {**header, "training": {**training, "history": history}})
    record = {
        **identity,
        "training": training,
        "history": state.history,
        "versions": {"torch": torch.__version__, "numpy": np.__version__},
        "finished": True,
    }
    write_atomic(out / RECORD, (json.dumps(record, indent=1) + "\n").encode())
    (out / CHECKPOINT).unlink(missing_ok=True)
    return path


def is_finished(out: Path, identity: Mapping[str, Any]) -> bool:
    """Whether the folder holds this training, finished.

    Raises:
        ValueError: it holds another one, or its record is unreadable.
    """
    if not (out / RECORD).exists():
        if (out / FILE_NAME).exists() and not (out / CHECKPOINT).exists():
            raise ValueError(
                f"{out / FILE_NAME} has no {RECORD} beside it: choose another folder or delete it"
            )
        return False
    try:
        record = json.loads((out / RECORD).read_text(encoding="utf-8"))
        stored = {name: record[name] for name in identity}
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{out / RECORD} is no record of a training: {error}") from error
    check_same(stored, identity, out)
    return (out / FILE_NAME).exists()


@contextmanager
def threads(number: int) -> Iterator[None]:
    """So many of PyTorch's threads, as before afterwards."""
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)

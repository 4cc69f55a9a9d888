"""What a run keeps of the data before anything is generated."""

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..data.dataset import Dataset
from ..data.open import load_rows
from ..data.sums import Projection
from ..data.unit import Lit, Unit
from ..files import make_folder, read_json, write_json
from ..record.folder import REFERENCE, TRAINING, example_rows, load_unit, save_unit
from ..record.protocol import Protocol, require_same
from ..record.responses import save_block
from .request import Request
from .runner import chunks


def units_folder(out: Path, protocol: Protocol, resume: bool) -> Path:
    """The folder of finished units, emptied unless resumed, refused if it is another protocol's."""
    units = out / "units"
    if not resume and units.exists():
        shutil.rmtree(units)
    make_folder(units)
    head = units / "protocol.json"
    if head.exists():
        # Units know no metric, so a resumed run may ask for others.
        require_same(read_json(head), protocol.as_dict(), str(out), ignore=("metrics",))
    else:
        write_json(head, protocol.as_dict())
    return units


def keep_reference(
    data: Dataset, rows: npt.NDArray[np.int64], projection: Projection, units: Path, request: Request
) -> Unit:
    """The unit of the reference responses, written to its file."""
    unit = load_rows(data, rows, projection)
    examples = example_rows(unit.photons)
    images = np.concatenate([data.read(row, row + 1) for row in rows[examples]])
    unit = replace(unit, examples=images, example_rows=examples)
    save_unit(units / REFERENCE, unit, {"dataset": data.fingerprint})
    if "responses" in request.keep:
        for index, chunk in chunks(len(rows)):
            responses = np.concatenate(list(data.blocks(rows[chunk])))
            save_block(units / REFERENCE, index, Lit.of(responses))
    return unit


def keep_training(
    data: Dataset,
    rows: npt.NDArray[np.int64],
    projection: Projection,
    units: Path,
    detector: Sequence[str | None],
) -> None:
    """Write what metrics may ask of the training part, unless it is there; ``detector`` identifies that."""
    identity = {"dataset": data.fingerprint, "detector": list(detector)}
    if load_unit(units / TRAINING, identity) is None:
        save_unit(units / TRAINING, load_rows(data, rows, projection), identity)

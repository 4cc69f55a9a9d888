"""What is held fixed between results that may be compared."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..data.split import TEST_FRACTION, particle_hashes
from ..errors import UserError
from ..plugin.simulators import TrainedOn

CHUNK = 4096  # rows a simulator is given at a time: a constant of the protocol, for seeds hang on it


@dataclass(frozen=True)
class Protocol:
    """The comparability fields: results that differ in one of them never share a table."""

    detector: str
    dataset: str
    min_photons: int
    split: str
    split_seed: int
    limit: int | None
    channels: str
    metrics: Mapping[str, int]
    test_fraction: float = TEST_FRACTION
    chunk_size: int = CHUNK
    left_out: tuple[str, ...] = ()  # of the data's files, see ``--allow-partial``
    part: str = "test"  # or validation, which chooses among a training's states and decides nothing

    def as_dict(self) -> dict[str, Any]:
        """As written into ``result.json``; ``left_out`` and ``part`` only where they are not the usual."""
        told = asdict(self)
        left_out, part = list(told.pop("left_out")), told.pop("part")
        told |= {"left_out": left_out} if left_out else {}
        return told | ({"part": part} if part != "test" else {})


def require_same(
    first: Mapping[str, Any], second: Mapping[str, Any], where: str, ignore: tuple[str, ...] = ()
) -> None:
    """Raise UserError naming the first comparability field in which two protocols differ.

    Of the metrics, those that both have must be of the same version.
    """
    for name in Protocol.__dataclass_fields__:
        if name in ignore:
            continue
        ours, theirs = first.get(name), second.get(name)
        if name == "metrics":
            ours, theirs = dict(ours or {}), dict(theirs or {})
            shared = ours.keys() & theirs.keys()
            ours, theirs = ({key: value[key] for key in sorted(shared)} for value in (ours, theirs))
        if ours != theirs:
            raise UserError(f"{where}: the protocols differ in {name!r}: {ours} against {theirs}")


def leak(trained: TrainedOn, protocol: Protocol, test_conditions: npt.NDArray[np.float32]) -> str | None:
    """Why a trained simulator must not be scored on this test part, or ``None`` if it may.

    It may if it was trained on the training part of this very split, or shares no particle with the test
    part. Where its training particles are unknown, the same dataset under another split is refused.
    """
    own_split = (trained.dataset, trained.split, trained.split_seed, trained.test_fraction)
    if own_split == (protocol.dataset, protocol.split, protocol.split_seed, protocol.test_fraction):
        return None
    told = f"trained on the {trained.split} split with seed {trained.split_seed}"
    if trained.particles is None:
        return f"{told} of this dataset" if trained.dataset == protocol.dataset else None
    test = particle_hashes(test_conditions)
    shared = int(np.isin(test, trained.particles, assume_unique=True).sum())
    if shared:
        return f"{told}; its training part holds {shared} of the {len(test)} test particles"
    return None

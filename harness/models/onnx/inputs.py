"""Which input of an ONNX model is the noise, and which the conditions: told by their shapes."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from ...plugin.detectors import Detector

Dimensions: TypeAlias = tuple[int | None, ...]  # None where the model leaves it open

_TYPES: dict[str, type[np.floating[Any]]] = {
    "tensor(float)": np.float32,
    "tensor(double)": np.float64,
    "tensor(float16)": np.float16,
}
_NOISE = re.compile(r"noise|latent|random|gauss|eps|(^|[^a-z])z($|[^a-z])")
_CONDITIONS = re.compile(r"cond|feature|label|context|particle|(^|[^a-z])[cy]($|[^a-z])")


@dataclass(frozen=True)
class Port:
    """An input or output as the model declares it; see :func:`port`."""

    name: str
    kind: str
    dimensions: Dimensions

    def __str__(self) -> str:
        inside = ", ".join("any" if size is None else str(size) for size in self.dimensions)
        return f"{self.name} {self.kind.removeprefix('tensor(').removesuffix(')')} ({inside})"


@dataclass(frozen=True)
class Inputs:
    """The two inputs of a generator.

    Attributes:
        noise, conditions: names.
        noise_shape: of one row's noise.
        noise_type, conditions_type: what they are to be given as.
        batch: rows that must be given together; ``None``: any number.
        note: what was guessed, if anything.
    """

    noise: str
    conditions: str
    noise_shape: tuple[int, ...]
    noise_type: npt.DTypeLike
    conditions_type: npt.DTypeLike
    batch: int | None
    note: str | None = None

    @property
    def draws(self) -> int:
        """Noise numbers of a row."""
        return math.prod(self.noise_shape)


def port(argument: Any) -> Port:
    """What onnxruntime tells of an input or output; dimensions that are names or negative are open."""
    sizes = (size if isinstance(size, int) and size >= 0 else None for size in argument.shape or ())
    return Port(str(argument.name), str(argument.type), tuple(sizes))


def recognise(ports: Sequence[Port], detector: Detector) -> Inputs:
    """The inputs of a generator of responses of ``detector``.

    Conditions are (batch, F); noise is (batch, k), or of the shape of an image. Where both are of one shape,
    names decide, else the order of ALICE's O2: noise, conditions.

    Raises:
        ValueError: the inputs are others; tells them and what was expected.
    """
    features = len(detector.features)
    height, width = detector.shape
    expected = (
        f"expected two inputs of real numbers, noise (batch, k) or (batch, 1, {height}, {width}) "
        f"and conditions (batch, {features}); found {', '.join(map(str, ports)) or 'none'}"
    )
    if len(ports) != 2 or any(len(each.dimensions) < 2 or each.kind not in _TYPES for each in ports):
        raise ValueError(expected)
    first, flat = [each.dimensions[0] for each in ports], [each.dimensions[1:] for each in ports]
    fits = [place for place in (0, 1) if flat[place] == (features,)]
    fits = fits or [place for place in (0, 1) if flat[place] == (None,) and first[place] != features]
    if not fits:
        raise ValueError(expected)
    place, note = (fits[0], None) if len(fits) == 1 else _by_name(ports)
    noise, conditions = ports[1 - place], ports[place]
    shape = _noise_shape(noise, detector)
    if shape is None or 0 in shape:
        raise ValueError(expected)
    batches = {each.dimensions[0] for each in ports} - {None}
    if len(batches) > 1 or 0 in batches:
        raise ValueError(f"expected one batch size for both inputs; found {', '.join(map(str, ports))}")
    return Inputs(
        noise=noise.name,
        conditions=conditions.name,
        noise_shape=shape,
        noise_type=_TYPES[noise.kind],
        conditions_type=_TYPES[conditions.kind],
        batch=next(iter(batches), None),
        note=note,
    )


def _noise_shape(noise: Port, detector: Detector) -> tuple[int, ...] | None:
    """The shape of one row's noise; where an image's sides are open they are the detector's."""
    row = noise.dimensions[1:]
    if len(row) in (2, 3) and row[-2:] == (None, None):
        row = (*row[:-2], *detector.shape)
    known = tuple(size for size in row if size is not None)
    return known if len(known) == len(row) else None


def _by_name(ports: Sequence[Port]) -> tuple[int, str | None]:
    """The place of the conditions among two inputs of one shape, and what is to be said of the choice."""
    names = [each.name.lower() for each in ports]
    for place in (0, 1):
        other = names[1 - place]
        told = bool(_CONDITIONS.search(names[place])) and not _CONDITIONS.search(other)
        if told or (_NOISE.search(other) and not _NOISE.search(names[place])):
            return place, None
    return 1, f"inputs {ports[0].name} and {ports[1].name} taken for noise and conditions, by their order"

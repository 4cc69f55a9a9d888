"""A generator in an ONNX file, scored without any code: ``onnx:FILE[@SCALES]``.

``onnx-log1p:FILE`` and ``onnx-photons:FILE`` also say what it gives. What can be seen without running it (no
such file, unreadable scales) is the user's; what goes wrong later is that model's failure.
"""

import hashlib
import os
import re
from functools import partial
from pathlib import Path

from ...errors import UserError
from ...files import neighbour
from ...plugin.registry import Source
from ...plugin.simulators import Context, Simulator, SimulatorOffer
from .scales import Scales, read_scales

SIDECAR = "scales.txt"  # used where it lies beside the file and no other scales are named

_PREFIX = re.compile(r"onnx(-(?P<output>log1p|photons))?:(?P<file>.*)", re.DOTALL)


def simulator_of(
    path: Path, digest: str, scales: Scales | None, output: str | None, context: Context
) -> Simulator:
    """A new simulator of an ONNX file.

    Args:
        path: the file, absolute.
        digest: SHA-256 of the file when it was named.
        scales: of its conditions, or ``None``.
        output: ``log1p`` or ``photons`` if it was said, else ``None``.
        context: what a factory is told.

    Raises:
        ValueError: the file has changed since it was named, or is no generator for the detector.
    """
    from .model import OnnxSimulator

    if _digest(path) != digest:
        raise ValueError(f"{path} has changed since the run began")
    return OnnxSimulator(path, scales, output, context.detector, context.device)


def is_onnx_model(spec: str) -> bool:
    """Whether a model's name means an ONNX file."""
    return _PREFIX.fullmatch(spec) is not None


def onnx_offer_of(spec: str) -> tuple[SimulatorOffer, Source]:
    """What ``onnx:FILE`` or ``onnx:FILE@SCALES`` offers, to every detector. Its version is the file's digest.

    Raises:
        UserError: there is no such file, or its scales cannot be read.
    """
    parts = _PREFIX.fullmatch(spec)
    if parts is None:
        raise UserError(f"model {spec!r}: expected onnx:FILE or onnx:FILE@SCALES")
    file, scales = _split(parts["file"])
    path = Path(os.path.abspath(file))  # noqa: PTH100 - a link's own name and neighbours count
    try:
        digest = _digest(path)
    except OSError as error:
        raise UserError(
            f"model {spec!r}: cannot read {file or 'a file of no name'}: {error.strerror}"
        ) from error
    chosen = Path(scales) if scales else neighbour(path, SIDECAR)
    told = "raw conditions" if chosen is None else f"conditions scaled by {chosen.name}"
    offer = SimulatorOffer(
        name=re.sub("[,@]", "_", f"{spec.partition(':')[0]}:{path.name}"),  # both mean something in --models
        title=f"ONNX model {path.name}, {told}",
        factory=partial(simulator_of, path, digest, read_scales(chosen) if chosen else None, parts["output"]),
        family="onnx",
    )
    return offer, Source(path.name, f"sha256:{digest[:16]}")


def _split(text: str) -> tuple[str, str]:
    """FILE and SCALES of ``FILE@SCALES``, or of ``FILE``; either may hold an @, so the file decides."""
    places = [match.start() for match in re.finditer("@", text)]
    for place in (len(text), *places):
        if Path(text[:place]).is_file():
            return text[:place], text[place + 1 :]
    file, _, scales = text.partition("@")
    return file, scales


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()

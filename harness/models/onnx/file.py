"""A generator in an ONNX file, scored without any code: ``onnx:FILE[@SCALES][:units=...][:layout=...]``.

``onnx-log1p:FILE`` and ``onnx-photons:FILE`` also say what it gives; a file ``FILE.simbench.toml`` beside it
may say all three. What can be seen without running it (no such file, unreadable scales) is the user's; what
goes wrong later is that model's failure.
"""

import hashlib
import os
import re
import tomllib
from dataclasses import replace
from functools import partial
from pathlib import Path

from ...errors import UserError
from ...files import neighbour
from ...plugin.registry import Source
from ...plugin.simulators import Context, Simulator, SimulatorOffer
from .declared import LAYOUTS, OUTPUTS, UNITS
from .reading import Reading
from .scales import Scales, read_scales

SIDECAR = "scales.txt"  # used where it lies beside the file and no other scales are named
TOLD = ".simbench.toml"  # what a file so called beside FILE says of it

_PREFIX = re.compile(r"onnx(-(?P<output>log1p|photons))?:(?P<file>.*)", re.DOTALL)
_OPTIONS = re.compile(r"(?P<file>.*?)(?P<options>(:[a-z]+=[^:]*)*)", re.DOTALL)
_KNOWN = {"units": UNITS, "layout": LAYOUTS, "output": OUTPUTS}


def simulator_of(
    path: Path, digest: str, scales: Scales | None, asked: Reading, context: Context
) -> Simulator:
    """A new simulator of an ONNX file.

    Args:
        path: the file, absolute.
        digest: SHA-256 of the file when it was named.
        scales: of its conditions, or ``None``.
        asked: what was said of it.
        context: what a factory is told.

    Raises:
        ValueError: the file has changed since it was named, or is no generator for the detector.
    """
    from .model import OnnxSimulator

    if _digest(path) != digest:
        raise ValueError(f"{path} has changed since the run began")
    return OnnxSimulator(path, scales, asked, context.detector, context.device)


def is_onnx_model(spec: str) -> bool:
    """Whether a model's name means an ONNX file."""
    return _PREFIX.fullmatch(spec) is not None


def readings(spec: str) -> list[str]:
    """The names of a model under each possible reading of units and pixel order, whatever it says itself.

    Raises:
        UserError: the name is no ``onnx:FILE``, or says one of the two itself.
    """
    parts = _PREFIX.fullmatch(spec)
    if parts is None or _asked(spec, parts["file"])[1] != Reading():
        raise UserError(f"--try-readings tries all units and layouts of onnx:FILE[@SCALES], found {spec!r}")
    return [f"{spec}:units={units}:layout={layout}" for units in UNITS for layout in LAYOUTS]


def onnx_offer_of(spec: str) -> tuple[SimulatorOffer, Source]:
    """What ``onnx:FILE`` or ``onnx:FILE@SCALES`` offers, to every detector. Its version is the file's digest.

    Raises:
        UserError: there is no such file, its scales or what is told beside it cannot be read, or an option of
            the name is unknown.
    """
    parts = _PREFIX.fullmatch(spec)
    if parts is None:
        raise UserError(f"model {spec!r}: expected onnx:FILE or onnx:FILE@SCALES")
    text, asked = _asked(spec, parts["file"])
    options = parts["file"][len(text) :]
    file, scales = _split(text)
    path = Path(os.path.abspath(file))  # noqa: PTH100 - a link's own name and neighbours count
    try:
        digest = _digest(path)
    except OSError as error:
        raise UserError(
            f"model {spec!r}: cannot read {file or 'a file of no name'}: {error.strerror}"
        ) from error
    beside = neighbour(path, path.name + TOLD)
    told = _told(beside) if beside else Reading()
    asked = Reading(parts["output"] or told.output, asked.units or told.units, asked.layout or told.layout)
    chosen = Path(scales) if scales else neighbour(path, SIDECAR)
    how = "raw conditions" if chosen is None else f"conditions scaled by {chosen.name}"
    name = f"{spec.partition(':')[0]}:{path.name}{options}"
    offer = SimulatorOffer(
        name=re.sub("[,@]", "_", name),  # both mean something in --models
        title=f"ONNX model {path.name}, {how}",
        factory=partial(simulator_of, path, digest, read_scales(chosen) if chosen else None, asked),
        family="onnx",
    )
    return offer, Source(path.name, f"sha256:{digest[:16]}")


def _asked(spec: str, text: str) -> tuple[str, Reading]:
    """FILE@SCALES, and what the options behind it say; a file may be called as they are."""
    parts = _OPTIONS.fullmatch(text)
    if parts is None or not parts["options"] or Path(text).is_file():
        return text, Reading()
    asked = Reading()
    for option in parts["options"][1:].split(":"):
        name, _, value = option.partition("=")
        if name not in ("units", "layout"):
            raise UserError(f"model {spec!r}: unknown option {name!r}; known: units, layout")
        asked = replace(asked, **{name: _one_of(value, name, f"model {spec!r}")})
    return parts["file"], asked


def _told(path: Path) -> Reading:
    """What a file beside the model says of it."""
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"{path} is no TOML: {error}") from error
    for name in values:
        if name not in _KNOWN:
            raise UserError(f"{path}: unknown key {name!r}; known: {', '.join(_KNOWN)}")
    return Reading(**{name: _one_of(value, name, str(path)) for name, value in values.items()})


def _one_of(value: object, name: str, place: str) -> str:
    for known in _KNOWN[name]:
        if value == known:
            return known
    raise UserError(f"{place}: {name} should be {' or '.join(_KNOWN[name])}, found {value!r}")


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

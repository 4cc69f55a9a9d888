"""O2's file of scales, written and read byte by byte as O2's own parser takes it.

O2 (``Detectors/ZDC/fastsimulation/src/Utils.cxx``) looks for the line ``#means``, then reads numbers up to an
empty line or the end, one a line, with ``std::stof``; then the same for ``#scales``, from where it stands.
Nothing catches what ``std::stof`` throws: ``o2-sim`` ends.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ..errors import UserError
from ..models.onnx.scales import Scales

HEADS = ("#means", "#scales")
_NUMBER = re.compile(
    rb"\s*[+-]?(?:inf(?:inity)?|nan|0x[0-9a-f]+|(?P<digits>\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)", re.IGNORECASE
)


def scales_text(scales: Scales) -> str:
    """The file: ``#means``, a number a line, an empty line, ``#scales``, as many numbers."""
    blocks = (
        "\n".join([head, *(str(np.float32(value)) for value in values)])
        for head, values in zip(HEADS, (scales.mean, scales.scale), strict=True)
    )
    return "\n\n".join(blocks) + "\n"


def read_as_o2(path: Path) -> Scales:
    """The scales that O2 would read from a file.

    Raises:
        UserError: O2 would stop, or read something else than nine means and nine scales; says where and why.
    """
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise UserError(f"cannot read the scales {path}: {error.strerror or error}") from error
    if lines[-1] == b"":  # what is behind the last line feed is no line
        del lines[-1]
    numbered = enumerate(lines, 1)
    mean, scale = (_block(numbered, head, path) for head in HEADS)
    for head, values in zip(HEADS, (mean, scale), strict=True):
        if len(values) != 9:
            raise UserError(f"{path}: O2 scales nine conditions, found {len(values)} numbers below {head}")
        for number, value in enumerate(values, 1):
            if not np.isfinite(value):
                raise UserError(
                    f"{path}: number {number} below {head} is {value}: O2 reads it, and all is NaN"
                )
    if 0.0 in scale:
        raise UserError(f"{path}: scale {scale.index(0.0) + 1} is 0: O2 divides by it")
    return Scales(tuple(mean), tuple(scale))


def _block(lines: Iterator[tuple[int, bytes]], head: str, path: Path) -> list[float]:
    near = None
    for number, line in lines:
        if line == head.encode():
            break
        if line.strip() == head.encode():
            near = number, line
    else:
        found = f", found {near[1]!r} in line {near[0]}" if near else " behind what was read before"
        raise UserError(f"{path}: O2 needs a line that is {head} and nothing else{found}")
    values: list[float] = []
    for number, line in lines:
        if not line:
            break
        values.append(_stof(line, f"{path}, line {number}"))
    return values


def _stof(line: bytes, place: str) -> float:
    """``std::stof``: the number at the start of a line; what is behind it is ignored."""
    matched = _NUMBER.match(line)
    if not matched:
        raise UserError(f"{place}: O2 stops (std::stof: invalid argument): no number, found {line[:40]!r}")
    text = matched.group().decode("ascii").lower()
    value = float(int(text, 16)) if "0x" in text else float(text)
    lost = value == 0 and re.search(rb"[1-9]", matched["digits"] or b"") is not None  # 1e-400
    with np.errstate(over="ignore", under="ignore"):
        single = np.float32(value)
    tiny = float(np.finfo(np.float32).tiny)
    if (np.isfinite(value) and not np.isfinite(single)) or 0 < abs(value) < tiny or lost:
        raise UserError(
            f"{place}: O2 stops (std::stof: out of range): float32 cannot hold {matched.group()!r}"
        )
    return float(single)

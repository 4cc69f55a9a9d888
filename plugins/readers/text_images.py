"""Images as lines of whole numbers, parsed in pieces: gigabytes of text in the memory of a few megabytes."""

from collections.abc import Iterator
from pathlib import Path
from typing import IO

import numpy as np
import numpy.typing as npt

from simbench.harness.errors import UserError

_PIECE = 1 << 22  # bytes read at a time, and the longest line
_MOST_DIGITS = 9  # which 32 bits hold
_LINE_FEED, _ZERO, _NINE = b"\n09"

Counts = npt.NDArray[np.uint32]


def read_images(path: Path, shape: tuple[int, int], count: int, block: int) -> Iterator[Counts]:
    """``count`` images in blocks (n <= block, H, W), from a file of H lines an image and W numbers a line.

    Raises:
        UserError: the file cannot be read; a line holds something else, or fewer or more numbers; there are
            fewer or more lines. The message names the line.
    """
    height, width = shape
    rows: list[Counts] = []
    waiting = done = 0  # lines in rows, lines yielded
    try:
        with path.open("rb") as file:
            for piece in _pieces(file, path):
                rows.append(_numbers(piece, width, path, done + waiting))
                waiting += len(rows[-1])
                if done + waiting > count * height:
                    break
                while waiting >= block * height:
                    whole = np.concatenate(rows)
                    yield whole[: block * height].reshape(block, height, width)
                    rows = [whole[block * height :]]
                    waiting -= block * height
                    done += block * height
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror or error}") from error
    if done + waiting != count * height:
        found = (
            f"it ends after line {done + waiting}" if done + waiting < count * height else "there are more"
        )
        raise UserError(
            f"{path}: there should be {count * height} lines, {height} for each of {count} particles; {found}"
        )
    if waiting:
        yield np.concatenate(rows).reshape(-1, height, width)


def _pieces(file: IO[bytes], path: Path) -> Iterator[bytes]:
    """The file in pieces that end with a line; blank lines at its end are left out."""
    rest = b""
    while data := file.read(_PIECE):
        rest += data
        end = rest.rfind(b"\n", 0, len(rest.rstrip())) + 1
        if end:
            yield rest[:end]
        rest = rest[end:]
        if len(rest) > _PIECE:
            raise UserError(f"{path}: a line should be shorter than {_PIECE} bytes, found a longer one")
    if rest.strip():
        yield rest.rstrip() + b"\n"


def _numbers(piece: bytes, width: int, path: Path, before: int) -> Counts:
    """(lines, width) numbers of a piece that follows ``before`` lines."""
    text = np.frombuffer(piece, np.uint8)
    digit = (text >= _ZERO) & (text <= _NINE)
    line_feed = text == _LINE_FEED
    other = ~(digit | line_feed)
    strange = np.flatnonzero(other & (text != ord(" ")) & (text != ord("\t")) & (text != ord("\r")))
    if len(strange):
        first = int(strange[0])
        line = before + 1 + int(line_feed[:first].sum())
        raise UserError(
            f"{path}: line {line} should hold whole numbers of photons, found {_word(piece, first)!r}"
        )
    digit_before = np.zeros_like(digit)
    digit_before[1:] = digit[:-1]
    starts = np.flatnonzero(digit & ~digit_before)
    counts = np.diff(np.searchsorted(starts, np.flatnonzero(line_feed)), prepend=0)
    wrong = np.flatnonzero(counts != width)
    if len(wrong):
        line = int(wrong[0])
        raise UserError(f"{path}: line {before + line + 1} should hold {width} numbers, found {counts[line]}")
    values = text[starts].astype(np.uint32) - _ZERO
    longer, place = np.arange(len(starts)), starts  # numbers with another digit, and where the last one is
    for digits in range(2, _MOST_DIGITS + 2):
        place = place + 1  # a line feed is the last byte, so that this is still inside
        more = digit[place]
        longer, place = longer[more], place[more]
        if not len(longer):
            break
        if digits > _MOST_DIGITS:
            line = before + 1 + int(line_feed[: place[0]].sum())
            raise UserError(
                f"{path}: line {line} should hold numbers of at most {_MOST_DIGITS} digits, found more"
            )
        values[longer] = values[longer] * 10 + (text[place] - _ZERO)
    return values.reshape(-1, width)


def _word(piece: bytes, place: int) -> str:
    """What stands between blanks around a place."""
    words = piece[max(0, place - 20) : place].split()
    before = words[-1] if words and not piece[place - 1 : place].isspace() else b""
    return (before + (piece[place : place + 20].split() or [b""])[0]).decode("ascii", "backslashreplace")

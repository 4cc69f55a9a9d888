"""Where the numbers lie in a pickle of an array or a table: read from its records, nothing is loaded.

The forms are those that NumPy 1.13 to 2.4 and pandas 0.19 to 3.1 write, with pyarrow or without.
"""

import codecs
import itertools
import math
import struct
from pathlib import Path
from typing import Any, BinaryIO

from .records import DAMAGE, Call, Name, RefusedError, Span, kind_of, records

NUMBERS = ("b1", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8")
_ARROW = {"string": "<i", "large_string": "<q"}  # where each text ends
_DIMENSIONS = 32
_TOO_LARGE = 2**60
_COLUMNS = 10_000  # most columns of a table
_SMALL = 16 * _COLUMNS  # most bytes of what names or places columns
_CHUNK = 2**20

Description = dict[str, Any]


def describe(path: Path, folder: Path) -> Description:
    """Where the numbers of a pickle are.

    Args:
        path: the pickle.
        folder: for arrays that are not in the file as they are in memory, but as text (protocol 2).

    Returns:
        Of an array: ``file``, ``offset`` [bytes], ``dtype``, ``shape`` and ``axes``: the array is what lies
        there in C order with that shape, its axes then transposed. Of a table: the ``names`` of its columns
        and its ``blocks``, each with the ``values`` of some columns, an array as above of shape (columns,
        rows), and their ``places`` in the table.

    Raises:
        RefusedError: it is no array or table of numbers, or it is damaged.
    """
    with path.open("rb") as file:
        content = records(file)
        reader = _Reader(path, file, folder)
        try:
            if isinstance(content, Call) and content.known == "DataFrame":
                return reader.table(content)
            return reader.array(content)
        except RecursionError as error:
            raise RefusedError("holds objects nested too deeply") from error
        except DAMAGE as error:
            raise RefusedError(f"damaged: {type(error).__name__}, {error}") from error


class _Reader:
    def __init__(self, path: Path, file: BinaryIO, folder: Path) -> None:
        self.path, self.file, self.folder = path, file, folder
        self.written: dict[Span | str, Path] = {}

    def array(self, value: object) -> Description:
        axes: Any = None
        match value:
            case Call("reconstruct", _, (1, tuple(shape), dtype, bool(fortran), data)):
                order: object = "F" if fortran else "C"
            case Call("frombuffer", (data, dtype, tuple(shape), "C" | "F" as order)):
                pass
            case Call("frombuffer", (data, dtype, tuple(shape), "K" as order, tuple(axes))):
                pass
            case _:
                raise RefusedError(f"should hold an array or a table of numbers, found {kind_of(value)}")
        if not _is_shape(shape):
            raise RefusedError(f"an array of shape {ascii(shape)[:80]}")
        if order != "K":  # with K the shape is the buffer's, with F its reverse
            step = -1 if order == "F" else 1
            axes, shape = range(len(shape))[::step], shape[::step]
        if sorted(axes) != list(range(len(shape))):
            raise RefusedError(f"an array whose axes are {ascii(axes)[:80]}")
        code = _number(dtype)
        path, offset, length = self.data(data)
        expected = math.prod(shape) * int(code[-1])
        if length != expected:
            raise RefusedError(
                f"an array of {code} and shape {shape}: expected {expected} bytes, found {length}"
            )
        return {
            "file": str(path),
            "offset": offset,
            "dtype": code,
            "shape": list(shape),
            "axes": [*map(int, axes)],
        }

    def data(self, value: object) -> tuple[Path, int, int]:
        """File, offset and length of an array's content."""
        match value:
            case Span(start, length, False):
                return self.path, start, length
            case Call("bytes", ()):
                return self.path, 0, 0
            case Call("bytes" | "arrow_buffer", (inner,)):
                return self.data(inner)
            case Call("encode", (str() | Span(_, _, True) as text, "latin1")):
                path = self.written.get(text) or self.write(text)
                return path, 0, path.stat().st_size
        raise RefusedError(f"an array whose content is {kind_of(value)}, expected numbers")

    def write(self, text: str | Span) -> Path:
        """A file of the bytes that a text stands for, one a character."""
        path = self.written[text] = self.folder / f"{len(self.written)}.raw"
        with path.open("wb") as out:
            if isinstance(text, str):
                out.write(text.encode("latin-1"))
                return path
            decoder = codecs.getincrementaldecoder("utf-8")()
            self.file.seek(text.start)
            for done in range(0, text.length, _CHUNK):
                chunk = self.file.read(min(_CHUNK, text.length - done))
                out.write(decoder.decode(chunk).encode("latin-1"))
            decoder.decode(b"", final=True)
        return path

    def table(self, frame: Call) -> Description:
        state = frame.state if isinstance(frame.state, dict) else {}
        match state.get("_mgr", state.get("_data")):
            case Call("BlockManager", (tuple(found), [columns, _])):
                pass
            case Call(
                "BlockManager", (), (_, _, _, {"0.14.1": {"axes": [columns, _], "blocks": list(found)}})
            ):
                pass
            case manager:
                raise RefusedError(f"a table whose columns are in {kind_of(manager)}")
        names = self.names(columns)
        blocks = [self.block(block, names) for block in found]
        places = sorted(place for block in blocks for place in block["places"])
        if places != list(range(len(names))):
            raise RefusedError(f"a table of {len(names)} columns, found content for {len(places)}")
        shapes = [_shape(block["values"]) for block in blocks]
        rows = shapes[0][-1] if shapes else 0
        if shapes != [[len(block["places"]), rows] for block in blocks]:
            raise RefusedError(f"a table whose columns differ in length: {ascii(shapes)[:80]}")
        return {"names": names, "blocks": blocks}

    def block(self, block: object, names: list[str]) -> Description:
        """The columns of one block: ``values`` and ``places``."""
        match block:
            case Call("block", (values, found, 2)) | {"values": values, "mgr_locs": found}:
                pass
            case _:
                raise RefusedError(f"a table with {kind_of(block)} among its blocks")
        if isinstance(found, Call) and found.known == "slice":
            places = list(range(len(names))[slice(*found.arguments)])
        else:
            places = self.integers(found)
        try:
            return {"values": self.array(values), "places": places}
        except RefusedError as error:
            raise RefusedError(
                f"columns {ascii([names[place] for place in places])[:80]}: {error}"
            ) from error

    def integers(self, value: object) -> list[int]:
        """The content of a small array of integers."""
        array = self.array(value)
        if array["dtype"] != "<i8":
            raise RefusedError(f"a table whose columns' places are {array['dtype']}, expected <i8")
        content = self.small(Path(array["file"]), array["offset"], 8 * math.prod(array["shape"]))
        return [place for (place,) in struct.iter_unpack("<q", content)]

    def names(self, index: object) -> list[str]:
        match index:
            case Call(
                "new_index", (Name("RangeIndex"), {"start": int(start), "stop": int(stop), "step": int(step)})
            ):
                names: Any = range(start, stop, step)
            case Call("new_index", (Name("Index"), {"data": data})):
                names = self.texts(data)
            case _:
                raise RefusedError(f"a table whose columns are named by {kind_of(index)}, expected text")
        if names[_COLUMNS:]:
            raise RefusedError(f"a table of more than {_COLUMNS} columns")
        return [str(name) for name in names]

    def texts(self, value: object) -> list[str]:
        """The texts in an array of objects, or in what pandas 3 has instead, with pyarrow or without."""
        match value:
            case Call("reconstruct", _, (1, (_,), Call("dtype", ("O8", *_)), _, list(items))):
                if all(isinstance(item, str) for item in items):
                    return items
            case Call("ndarray_backed", (Name("StringArray"), *_), (Call("StringDtype"), array)):
                return self.texts(array)
            case Call("ArrowStringArray", (), {"_pa_array": Call("arrow_array", (array,))}):
                return self.arrow_texts(array)
        raise RefusedError("a table whose columns have other names than text")

    def arrow_texts(self, array: object) -> list[str]:
        match array:
            case (Call("arrow_type", (kind,)), int(count), _, int(first), [_, ends, content], *_) if (
                kind in _ARROW
            ):
                offsets = [end for (end,) in struct.iter_unpack(_ARROW[kind], self.small(*self.data(ends)))]
                text = self.small(*self.data(content))
                chosen = offsets[first : first + count + 1]
                return [text[start:end].decode("utf-8") for start, end in itertools.pairwise(chosen)]
        raise RefusedError("a table whose columns are named by an unknown Arrow array, expected text")

    def small(self, path: Path, offset: int, length: int) -> bytes:
        """The bytes of what names or places columns."""
        if length > _SMALL:
            raise RefusedError(f"a table of too many columns: {length} bytes to name or place them")
        with path.open("rb") as file:
            file.seek(offset)
            return file.read(length)


def _is_shape(shape: tuple[Any, ...]) -> bool:
    """Whether there could be an array of it."""
    if not 0 < len(shape) <= _DIMENSIONS or not all(type(size) is int and size >= 0 for size in shape):
        return False
    product: int = math.prod(size or 1 for size in shape)
    return product < _TOO_LARGE


def _number(dtype: object) -> str:
    """The dtype of a number with its byte order: ``<f8``."""
    match dtype:
        case Call("dtype", (str(code), *_), (3, "<" | ">" | "|" as order, None, None, None, *_)) if (
            code in NUMBERS
        ):
            return f"{order}{code}"
        case Call("dtype", (str(code), *_)):
            raise RefusedError(f"an array of dtype {ascii(code)[:80]}, expected numbers")
    raise RefusedError(f"an array whose dtype is {kind_of(dtype)}")


def _shape(array: Description) -> list[int]:
    return [array["shape"][axis] for axis in array["axes"]]

"""Reads a pickle without unpickling it: nothing is imported, nothing is called, no array is loaded.

A pickle is a program for a small stack machine, and can have that machine call anything. The machine here
calls nothing. A name is looked up in a fixed list and gives a :class:`Name`; a call gives a :class:`Call`, a
record of what should have been called; bytes stay in the file and give a :class:`Span`, which says where they
are. So whatever the file says, only records come of it, and they are small however large the arrays.

Source: the opcodes of protocols 2 to 5 as documented in Python's ``pickletools``.
"""

import pickle
import struct
from dataclasses import dataclass
from typing import Any, BinaryIO

_BUILTINS = ("builtins", "__builtin__")
_INDEX = ("pandas.core.indexes.base", "pandas.indexes.base", "pandas.core.index")
_NUMERIC = ("pandas.core.indexes.numeric", "pandas.indexes.numeric")
# What a name is called here, what it is called there, and where it is or was in NumPy and pandas.
_PLACES: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("ndarray", "ndarray", ("numpy",)),
    ("dtype", "dtype", ("numpy",)),
    ("reconstruct", "_reconstruct", ("numpy.core.multiarray", "numpy._core.multiarray")),
    ("frombuffer", "_frombuffer", ("numpy.core.numeric", "numpy._core.numeric")),
    ("encode", "encode", ("_codecs",)),
    ("bytes", "bytes bytearray", _BUILTINS),
    ("slice", "slice", _BUILTINS),
    ("DataFrame", "DataFrame", ("pandas", "pandas.core.frame")),
    ("BlockManager", "BlockManager", ("pandas.core.internals.managers", "pandas.core.internals")),
    ("block", "_unpickle_block", ("pandas._libs.internals",)),
    ("new_index", "_new_Index", _INDEX),
    ("Index", "Index", ("pandas", *_INDEX)),
    ("Index", "Int64Index UInt64Index Float64Index", (*_NUMERIC, "pandas.core.index")),
    ("RangeIndex", "RangeIndex", ("pandas", "pandas.core.indexes.range", "pandas.indexes.range")),
    ("StringArray", "StringArray", ("pandas.arrays",)),
    ("StringDtype", "StringDtype", ("pandas",)),
    ("ndarray_backed", "__pyx_unpickle_NDArrayBacked", ("pandas._libs.arrays",)),
    ("ArrowStringArray", "ArrowStringArray", ("pandas.arrays",)),
    ("arrow_array", "_restore_array", ("pyarrow.lib",)),
    ("arrow_buffer", "py_buffer", ("pyarrow.lib",)),
    ("arrow_type", "type_for_alias", ("pyarrow.lib",)),
)
ADMITTED: dict[tuple[str, str], str] = {
    (module, name): known for known, names, modules in _PLACES for name in names.split() for module in modules
}

_CONSTANTS = {pickle.NONE: None, pickle.NEWTRUE: True, pickle.NEWFALSE: False, pickle.EMPTY_TUPLE: ()}
_NUMBERS = {pickle.BININT: "<i", pickle.BININT1: "<B", pickle.BININT2: "<H", pickle.BINFLOAT: ">d"}
_TEXTS = {pickle.SHORT_BINUNICODE: "<B", pickle.BINUNICODE: "<I", pickle.BINUNICODE8: "<Q"}
_BYTES = {
    pickle.SHORT_BINBYTES: "<B",
    pickle.BINBYTES: "<I",
    pickle.BINBYTES8: "<Q",
    pickle.BYTEARRAY8: "<Q",
}
_GETS = {pickle.BINGET: "<B", pickle.LONG_BINGET: "<I"}
_PUTS = {pickle.BINPUT: "<B", pickle.LONG_BINPUT: "<I"}
_TUPLES = {pickle.TUPLE1: 1, pickle.TUPLE2: 2, pickle.TUPLE3: 3}
_NOT_NEEDED = "is not among what arrays and tables of numbers need"
_SHORT = 4096  # bytes of text that is read; longer text can only be an array's content
# What a damaged pickle brings about.
DAMAGE = (ArithmeticError, LookupError, TypeError, ValueError, struct.error)


class RefusedError(Exception):
    """The file is not read; the message says why."""


@dataclass(frozen=True)
class Name:
    """A name of :data:`ADMITTED`, as it is called here."""

    known: str


@dataclass(frozen=True)
class Span:
    """Bytes of the file, or UTF-8 text that stands for bytes: where they are."""

    start: int
    length: int
    text: bool = False


@dataclass(eq=False)
class Call:
    """What would have been called, the arguments, and the state that would have been set."""

    known: str
    arguments: tuple[Any, ...]
    state: Any = None


def records(file: BinaryIO) -> Any:
    """The one object of a pickle, made of records, tuples, lists, dictionaries, numbers and text.

    Raises:
        RefusedError: the file is damaged, or has in it what arrays and tables of numbers do not need.
    """
    machine = _Machine(file)
    try:
        return machine.run()
    except DAMAGE as error:
        raise RefusedError(f"damaged at byte {file.tell()}: {type(error).__name__}, {error}") from error


class _Machine:
    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.size = file.seek(0, 2)
        self.stack: list[Any] = []
        self.marked: list[list[Any]] = []  # the stacks below each mark
        self.memo: dict[int, Any] = {}

    def run(self) -> Any:
        self.file.seek(0)
        head = self.file.read(2)
        if head[:1] != pickle.PROTO or head[1:] not in (b"\x02", b"\x03", b"\x04", b"\x05"):
            raise RefusedError(
                f"expected a pickle of protocol 2 to 5, found a file that begins with {head!r}"
            )
        while (code := self.read(1)) != pickle.STOP:
            self.step(code)
        rest = self.size - self.file.tell()
        if rest or self.marked or len(self.stack) != 1:
            more = f"{rest} bytes after it" if rest else f"{len(self.stack)} objects"
            raise RefusedError(f"should hold one pickled object, found {more}")
        return self.stack.pop()

    def step(self, code: bytes) -> None:
        if code in _CONSTANTS:
            self.push(_CONSTANTS[code])
        elif code in _NUMBERS:
            self.push(self.number(_NUMBERS[code]))
        elif code == pickle.LONG1:
            self.push(int.from_bytes(self.read(self.number("<B")), "little", signed=True))
        elif code in _TEXTS:
            self.push(self.text(self.number(_TEXTS[code])))
        elif code in _BYTES:
            self.push(self.span(self.number(_BYTES[code])))
        elif code in (pickle.EMPTY_LIST, pickle.EMPTY_DICT):
            self.push([] if code == pickle.EMPTY_LIST else {})
        elif code in _TUPLES:
            self.push(tuple(self.take(_TUPLES[code])))
        elif code == pickle.TUPLE:
            self.push(tuple(self.take_to_mark()))
        elif code == pickle.MARK:
            self.marked.append(self.stack)
            self.stack = []
        elif code in (pickle.APPEND, pickle.APPENDS):
            items = self.take(1) if code == pickle.APPEND else self.take_to_mark()
            self.top(list).extend(items)
        elif code in (pickle.SETITEM, pickle.SETITEMS):
            items = self.take(2) if code == pickle.SETITEM else self.take_to_mark()
            self.top(dict).update(zip(items[::2], items[1::2], strict=True))
        elif code in _GETS:
            self.push(self.memo[self.number(_GETS[code])])
        elif code in _PUTS:
            self.memo[self.number(_PUTS[code])] = self.stack[-1]
        elif code == pickle.MEMOIZE:
            self.memo[len(self.memo)] = self.stack[-1]
        elif code == pickle.FRAME:
            self.read(8)  # how far to read ahead
        elif code == pickle.GLOBAL:
            self.push(_name(self.line(), self.line()))
        elif code == pickle.STACK_GLOBAL:
            self.push(_name(*self.take(2)))
        elif code in (pickle.REDUCE, pickle.NEWOBJ):
            self.push(_call(*self.take(2)))
        elif code == pickle.BUILD:
            (state,) = self.take(1)
            self.top(Call).state = state
        else:
            raise RefusedError(f"opcode {_opcode(code)} {_NOT_NEEDED}")

    def push(self, value: Any) -> None:
        self.stack.append(value)

    def take(self, count: int) -> list[Any]:
        if len(self.stack) < count:
            raise IndexError("the stack is empty")
        items = self.stack[-count:]
        del self.stack[-count:]
        return items

    def take_to_mark(self) -> list[Any]:
        items, self.stack = self.stack, self.marked.pop()
        return items

    def top(self, kind: type) -> Any:
        """The object on top of the stack, which must be of a kind that can be filled."""
        if type(self.stack[-1]) is not kind:
            raise RefusedError(f"fills {kind_of(self.stack[-1])} as if it were another kind of object")
        return self.stack[-1]

    def read(self, count: int) -> bytes:
        data = self.file.read(count)
        if len(data) < count:
            raise RefusedError(f"truncated: the file ends at {self.size}, amid an object")
        return data

    def number(self, layout: str) -> Any:
        return struct.unpack(layout, self.read(struct.calcsize(layout)))[0]

    def span(self, length: int, *, text: bool = False) -> Span:
        span = Span(self.file.tell(), length, text)
        if span.start + length > self.size:
            raise RefusedError(
                f"truncated: {length} bytes begin at {span.start}, the file ends at {self.size}"
            )
        self.file.seek(length, 1)
        return span

    def text(self, length: int) -> str | Span:
        return self.span(length, text=True) if length > _SHORT else self.read(length).decode("utf-8")

    def line(self) -> str:
        line = self.file.readline(_SHORT)
        if not line.endswith(b"\n"):
            raise RefusedError(f"no name where one should be, at byte {self.file.tell()}")
        return line[:-1].decode("utf-8")


def _name(module: object, name: object) -> Name:
    if (module, name) in ADMITTED:
        return Name(ADMITTED[module, name])  # type: ignore[index]
    shown = f"{module}.{name}" if isinstance(module, str) and isinstance(name, str) else "a name made up"
    raise RefusedError(f"{ascii(shown)[1:-1][:200]} {_NOT_NEEDED}")


def _call(function: object, arguments: object) -> Call:
    if isinstance(function, Name) and isinstance(arguments, tuple):
        return Call(function.known, arguments)
    raise RefusedError(f"calls {kind_of(function)} with {kind_of(arguments)}")


def _opcode(code: bytes) -> str:
    import pickletools

    names = [known.name for known in pickletools.opcodes if known.code == code.decode("latin-1")]
    return names[0] if names else ascii(code)[1:]


def kind_of(value: object) -> str:
    """What a record is, in words for a message."""
    if isinstance(value, Name):
        return f"the name {value.known}"
    if isinstance(value, Call):
        return f"a call of {value.known}"
    return "bytes" if isinstance(value, Span) else f"{type(value).__name__}"

"""Pickles that attack who reads them. Each is shown to work on Python's own reader, and not on ours."""

import copyreg
import gzip
import pickle
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest

from simbench.harness.data.pickles import arrays as pickles
from simbench.harness.data.pickles import worker as pickle_worker
from simbench.harness.data.pickles.arrays import pickled
from simbench.harness.errors import UserError

pytestmark = pytest.mark.slow

HEAD = b"\x80\x02"
MARKER = "the-attack-ran"
SHELL = f"touch {MARKER}"
CODE = f"open({MARKER!r}, 'w').close()"
READER = "import pickle, sys; pickle.load(open(sys.argv[1], 'rb'))"
NOT_NEEDED = "is not among what arrays and tables of numbers need"


def part(value):
    """A value as opcodes, without the head and the end of a pickle."""
    return pickle.dumps(value, 2)[2:-1]


def name(module, what):
    return f"c{module}\n{what}\n".encode()


def call(function, *arguments):
    """A call of opcodes with arguments, which are opcodes too."""
    return function + b"(" + b"".join(arguments) + b"tR"


def attack(module, what, *arguments):
    """A pickle that calls a function with values."""
    return HEAD + call(name(module, what), *map(part, arguments)) + b"."


class Evil:
    def __reduce__(self):
        import os

        return os.system, (SHELL,)


SYSTEM = attack("os", "system", SHELL)
RUN = call(name("os", "system"), part(SHELL))
MODULE_OS = call(name("importlib", "import_module"), part("os"))
STACKED = part("os") + b"q\1" + part("system") + b"q\2" + b"h\1h\2\x93"

# What it is, the file, what the message names. In the folder are payload.py, evil.pkl and evil.npy.
ATTACKS = {
    "os.system": (SYSTEM, "os.system"),
    "posix.system, protocol 2": (pickle.dumps(Evil(), 2), "posix.system"),
    "posix.system, protocol 5": (pickle.dumps(Evil(), 5), "posix.system"),
    "a process": (attack("subprocess", "Popen", ["touch", MARKER]), "subprocess.Popen"),
    "eval": (attack("builtins", "eval", CODE), "builtins.eval"),
    "exec": (attack("builtins", "exec", CODE), "builtins.exec"),
    "eval of Python 2": (attack("__builtin__", "eval", CODE), "__builtin__.eval"),
    "an import": (attack("builtins", "__import__", "payload"), "builtins.__import__"),
    "importlib": (attack("importlib", "import_module", "payload"), "importlib.import_module"),
    "a mere name": (HEAD + name("payload", "anything") + b".", "payload.anything"),
    "getattr": (
        HEAD + call(call(name("builtins", "getattr"), MODULE_OS, part("system")), part(SHELL)) + b".",
        "builtins.getattr",
    ),
    "a dotted name": (
        b"\x80\x04\x8c\6shutil\x8c\x09os.system\x93" + part((SHELL,)) + b"R.",
        "shutil.os.system",
    ),
    "a dotted name in pandas": (
        b"\x80\x04\x8c\6pandas\x8c\x13io.common.os.system\x93" + part((SHELL,)) + b"R.",
        "pandas.io.common.os.system",
    ),
    "functools.partial": (
        HEAD + call(call(name("functools", "partial"), name("os", "system"), part(SHELL))) + b".",
        "functools.partial",
    ),
    "operator.methodcaller": (
        HEAD + call(call(name("operator", "methodcaller"), part("system"), part(SHELL)), MODULE_OS) + b".",
        "operator.methodcaller",
    ),
    "operator.attrgetter": (
        HEAD
        + call(call(call(name("operator", "attrgetter"), part("system")), MODULE_OS), part(SHELL))
        + b".",
        "operator.attrgetter",
    ),
    "numpy's exec": (
        attack("numpy.testing._private.utils", "runstring", CODE, {}),
        "numpy.testing._private.utils.runstring",
    ),
    "numpy.load": (attack("numpy", "load", "evil.npy", None, True), "numpy.load"),
    "pandas.read_pickle": (attack("pandas", "read_pickle", "evil.pkl"), "pandas.read_pickle"),
    "a pickle in a pickle": (
        HEAD + call(name("pickle", "loads"), b"B" + len(SYSTEM).to_bytes(4, "little") + SYSTEM) + b".",
        "pickle.loads",
    ),
    "an element of an array": (pickle.dumps(np.array([Evil()], object)), "posix.system"),
    "a column of a table": (pickle.dumps(pd.DataFrame({"x": [Evil()]}, dtype=object)), "posix.system"),
    "an attribute of a table": (
        pickle.dumps(pd.DataFrame({"x": [1]}).rename_axis(index=None)).replace(
            b"\x8c\x05attrs\x94}", b"\x8c\x05attrs\x94" + RUN
        ),
        "os.system",
    ),
    "a name from the memo": (b"\x80\x04" + STACKED + part((SHELL,)) + b"R.", "os.system"),
    "a memo written twice": (
        HEAD
        + name("numpy", "ndarray")
        + b"q\1"
        + name("os", "system")
        + b"q\1"
        + b"h\1"
        + part((SHELL,))
        + b"R.",
        "os.system",
    ),
    "a list of calls": (HEAD + b"](" + RUN + b"e.", "os.system"),
    "before an array": (HEAD + b"(" + RUN + part(np.zeros(3)) + b"1" + part(np.zeros(3)) + b".", "os.system"),
    "an old instance": (HEAD + b"(" + part(SHELL) + b"ios\nsystem\n.", "opcode INST"),
    "an old object": (HEAD + b"(" + name("os", "system") + part(SHELL) + b"o.", "os.system"),
    "protocol 0": (b"cos\nsystem\n(S'" + SHELL.encode() + b"'\ntR.", "expected a pickle of protocol 2 to 5"),
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Where the attacks would leave their mark."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "payload.py").write_text(CODE)
    (tmp_path / "evil.pkl").write_bytes(SYSTEM)
    np.save(tmp_path / "evil.npy", np.array([Evil()], object))
    return tmp_path


def refused(path):
    with pytest.raises(UserError) as told, pickled(path):
        pass
    assert "\n" not in str(told.value)
    return str(told.value)


@pytest.mark.parametrize("kind", ATTACKS)
def test_the_attack_works_on_others(folder, kind):
    (folder / "attack.pkl").write_bytes(ATTACKS[kind][0])
    subprocess.run([sys.executable, "-c", READER, "attack.pkl"], stderr=subprocess.DEVNULL)
    for _ in range(100):  # a process that was started may take its time
        if (folder / MARKER).exists():
            break
        time.sleep(0.05)
    assert (folder / MARKER).exists()


@pytest.mark.parametrize("kind", ATTACKS)
def test_the_attack_is_refused_by_name(folder, kind):
    content, named = ATTACKS[kind]
    path = folder / "attack.pkl"
    path.write_bytes(content)
    line = refused(path)
    assert line.startswith(f"{path}: {named}")
    assert NOT_NEEDED in line or kind == "protocol 0"
    path.write_bytes(gzip.compress(content))
    assert refused(path) == line
    assert not (folder / MARKER).exists()


@pytest.mark.parametrize("code", [b"\x82\xf0", b"\x83\xf0\0", b"\x84\xf0\0\0\0"])
def test_extension_codes_are_refused(folder, code):
    content = HEAD + call(code, part(SHELL)) + b"."
    copyreg.add_extension("os", "system", 0xF0)
    try:
        pickle.loads(content)
        assert (folder / MARKER).exists()
        (folder / MARKER).unlink()
        (folder / "attack.pkl").write_bytes(content)
        answer = pickle_worker.answer(folder / "attack.pkl", folder)
    finally:
        copyreg.remove_extension("os", "system", 0xF0)
    assert answer == {"refused": f"opcode EXT{len(code) - 1} {NOT_NEEDED}"}
    assert not (folder / MARKER).exists()


@pytest.mark.parametrize(
    ("module", "what"),
    [
        ("copyreg", "_reconstructor"),
        ("copy_reg", "_reconstructor"),
        ("builtins", "object"),
        ("builtins", "map"),
        ("collections", "OrderedDict"),
        ("_codecs", "decode"),
        ("numpy", "ndarray.__class__"),
        ("numpy", "core.multiarray._reconstruct"),
        ("numpy", "fromfile"),
        ("numpy.core.multiarray", "scalar"),
        ("numpy.core.numeric", "frombuffer"),
        ("pandas", "eval"),
        ("pandas", "DataFrame.query"),
        ("pandas.core.frame", "DataFrame.to_pickle"),
        ("pandas.core.internals.blocks", "new_block"),
        ("pyarrow.lib", "foreign_buffer"),
        ("simbench.harness.files", "write_text"),
        ("", ""),
        ("os\x1b[2J", "system\r"),
        ("o" * 4000, "system"),
    ],
)
def test_other_names_are_refused(tmp_path, module, what):
    path = tmp_path / "attack.pkl"
    named = b"".join(b"X" + len(text).to_bytes(4, "little") + text.encode() for text in (module, what))
    path.write_bytes(b"\x80\x04" + named + b"\x93.")
    line = pickle_worker.answer(path, tmp_path)["refused"]
    assert line.startswith(ascii(f"{module}.{what}")[1:-1][:200])
    assert line.endswith(NOT_NEEDED)
    assert line.isprintable()
    assert len(line) < 300


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (name("numpy", "ndarray") + b"}X\1\0\0\0xNsb.", "fills the name ndarray"),
        (b")Na.", "fills tuple as if it were another kind of object"),
        (part("os.system") + b")R.", "calls str with tuple"),
        (call(name("numpy", "dtype"), part("f8")) + b")R.", "calls a call of dtype with tuple"),
        (name("numpy", "ndarray") + b"NR.", "calls the name ndarray with NoneType"),
        (b"]]\x93.", "damaged at byte 5: TypeError"),
        (b"NN\x93.", "a name made up is not among"),
        (b"Pid\n.", "opcode PERSID is not among"),
        (b"NQ.", "opcode BINPERSID is not among"),
        (name("numpy", "ndarray") + b")}\x92.", "opcode NEWOBJ_EX is not among"),
        (b"\x97.", "opcode NEXT_BUFFER is not among"),
        (b"]q\1h\1a.", "should hold an array or a table of numbers, found list"),
    ],
)
def test_other_opcodes_and_uses_are_refused(tmp_path, content, reason):
    path = tmp_path / "attack.pkl"
    path.write_bytes(HEAD + content)
    assert pickle_worker.answer(path, tmp_path)["refused"].startswith(reason)


def bytes_of(value):
    return call(name("builtins", "bytes"), value)


def array_of(content, shape):
    dtype = call(name("numpy", "dtype"), part("u1")) + part((3, "|", None, None, None, -1, -1, 0)) + b"b"
    return call(name("numpy.core.numeric", "_frombuffer"), content, dtype, part(shape), part("C"))


def table_named(index):
    manager = call(name("pandas.core.internals.managers", "BlockManager"), b")", b"](" + index + b"Ne")
    return name("pandas", "DataFrame") + b")\x81}" + part("_mgr") + manager + b"sb"


RANGE = call(
    name("pandas.core.indexes.base", "_new_Index"),
    name("pandas", "RangeIndex"),
    part({"start": 0, "stop": 10**12, "step": 1}),
)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (array_of(bytes_of(part(10**12)), (10**12,)), "an array whose content is int"),
        (
            array_of(bytes_of(b""), (2**40,)),
            "an array of |u1 and shape (1099511627776,): expected 1099511627776 bytes",
        ),
        (array_of(bytes_of(b""), (0, 2**70)), "an array of shape (0, 1180591620717411303424)"),
        (
            b"\x8e" + b"\xff" * 7 + b"\0",
            "truncated: 72057594037927935 bytes begin at 11, the file ends at 12",
        ),
        (b"Nr\xff\xff\xff\xff", "should hold an array or a table of numbers, found NoneType"),
        (table_named(RANGE), "a table of more than 10000 columns"),
        (b")" + b"\x85" * 10**6, "should hold an array or a table of numbers, found tuple"),
        (
            array_of(name("builtins", "bytes") * 10**5 + b")" + b"R\x85" * (10**5 - 1) + b"R", (1,)),
            "holds objects nested too deeply",
        ),
        (b"}" * 8 * 10**6, "needs more than 256 MiB of memory, which no array or table does"),
    ],
)
def test_bombs_do_not_go_off(tmp_path, content, reason):
    path = tmp_path / "bomb.pkl"
    path.write_bytes(HEAD + content + b".")
    assert refused(path).startswith(f"{path}: {reason}")


def test_a_bomb_of_compressed_zeros_is_bounded_by_the_disk(tmp_path, monkeypatch):
    usage = pickles.shutil.disk_usage(tmp_path)
    monkeypatch.setattr(pickles.shutil, "disk_usage", lambda _: usage._replace(free=2 * 10**6))
    path = tmp_path / "bomb.pkl.gz"
    path.write_bytes(gzip.compress(pickle.dumps(np.zeros(10**6, "u1"))[:-1]))
    assert "cannot be read: File too large" in refused(path)


def test_processor_time_is_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr(pickles, "_SECONDS", 1)
    monkeypatch.setattr(pickles, "_PATIENCE", 300)  # the processor may be busy with other things
    monkeypatch.setattr(pickles, "_BYTES", 2**40)
    path = tmp_path / "bomb.pkl"
    path.write_bytes(HEAD + b"}" + b"K\1K\1s" * 10**7)
    assert refused(path) == f"{path}: not read within 1 s of processor time"


def test_time_is_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr(pickles, "_PATIENCE", 1e-5)
    path = tmp_path / "slow.pkl"
    path.write_bytes(pickle.dumps(np.zeros(3)))
    assert refused(path).startswith(f"{path}: not read within 0.0006")


def test_a_reader_that_dies_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(pickles.sys, "executable", "/bin/false")
    path = tmp_path / "some.pkl"
    path.write_bytes(pickle.dumps(np.zeros(3)))
    assert refused(path) == f"{path}: its reading ended early, with exit status 1"


def test_the_process_is_bound():
    code = (
        "import resource as r, os; from simbench.harness.data.pickles.worker import MEMORY, limit; "
        "limit(7, 4096); "
        "assert r.getrlimit(r.RLIMIT_AS)[0] == MEMORY and r.getrlimit(r.RLIMIT_CPU)[0] == 7; "
        "assert r.getrlimit(r.RLIMIT_NPROC)[0] == 0 and r.getrlimit(r.RLIMIT_NOFILE)[0] == 16; "
        "assert r.getrlimit(r.RLIMIT_FSIZE)[0] == 4096"
    )
    subprocess.run([sys.executable, "-I", "-c", code], check=True)

"""Arrays and tables come out of pickles as they went in, whoever wrote them; all else is refused by name."""

import gzip
import os
import pickle
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simbench.harness.data.pickles import arrays as pickles
from simbench.harness.data.pickles import worker as pickle_worker
from simbench.harness.data.pickles.arrays import PickledArray, pickled
from simbench.harness.errors import UserError

pytestmark = pytest.mark.slow

WRITTEN = Path(__file__).with_name("written")  # by the libraries that the files are named after
PROTOCOLS = (2, 3, 4, 5)
NAMES = ["Energy", "Vx", "mass", "charge"]
COUNTS = np.arange(24.0).reshape(2, 3, 4)
FRAME = pd.DataFrame(np.arange(32.0).reshape(8, 4), columns=NAMES)
MIXED = FRAME.assign(photon_sum=np.arange(8), std=np.arange(8, dtype="f4") / 2)
MIXED.insert(1, "expert_number", np.arange(8) % 3)
FILTERED = MIXED[(MIXED["photon_sum"] != 2) & (MIXED["photon_sum"] != 5)]


@pytest.fixture
def inside(monkeypatch):
    """Reads in this process what another would read, which is quicker."""
    monkeypatch.setattr(pickles, "_answer", pickle_worker.answer)


@pytest.fixture
def put(tmp_path):
    """``put(object or bytes, protocol)``: the path of a pickle."""

    def write(content, protocol=4):
        path = tmp_path / "some.pkl"
        path.write_bytes(content if isinstance(content, bytes) else pickle.dumps(content, protocol))
        return path

    return write


def refused(path):
    """The line that says why a pickle is not read, without the path."""
    with pytest.raises(UserError) as told, pickled(path):
        pass
    line = str(told.value)
    assert line.startswith(f"{path}: ")
    assert "\n" not in line
    assert len(line) < 400 + len(str(path))
    return line.removeprefix(f"{path}: ")


def holds(path, expected):
    """A pickle gives what NumPy or pandas would have given."""
    with pickled(path) as found:
        if isinstance(expected, np.ndarray):
            assert found.shape == expected.shape
            assert found.dtype.newbyteorder("=") == expected.dtype.newbyteorder("=")
            np.testing.assert_array_equal(found.read(), expected)
            np.testing.assert_array_equal(found.read(1, 2), expected[1:2])
        else:
            assert found.names == tuple(map(str, expected.columns))
            assert len(found) == len(expected)
            for place, column in enumerate(found.columns):
                assert column.dtype == expected.dtypes.iloc[place]
                np.testing.assert_array_equal(column, expected.iloc[:, place])


ARRAYS = {
    "float64": COUNTS,
    "float32": COUNTS.astype("f4"),
    "float16": COUNTS.astype("f2"),
    "uint16": COUNTS.astype("u2"),
    "int8": -COUNTS.astype("i1"),
    "boolean": COUNTS > 3,
    "big-endian": COUNTS.astype(">i4"),
    "high bytes": np.full((300, 5), 0xC3A9, "u2"),
    "Fortran order": np.asfortranarray(COUNTS),
    "transposed": COUNTS.transpose(1, 0, 2),
    "transposed images": COUNTS.transpose(0, 2, 1),
    "strided": COUNTS[::-1, ::2],
    "one row": COUNTS[:1],
    "empty": COUNTS[:0],
    "long": np.arange(9000.0),
}
TABLES = {
    "of one array": FRAME,
    "of columns": pd.DataFrame({name: np.arange(3) for name in NAMES}),
    "float32": FRAME.astype("f4"),
    "mixed": MIXED,
    "filtered": FILTERED,
    "columns taken": MIXED[["std", "Vx", "photon_sum"]],
    "columns reversed": MIXED[MIXED.columns[::-1]],
    "concatenated": pd.concat([MIXED, FILTERED]),
    "rows with other numbers": FRAME.set_index(np.arange(8.0)),
    "object names": pd.DataFrame(COUNTS[0], columns=pd.Index(NAMES, dtype=object)),
    "no names": pd.DataFrame(COUNTS[0]),
    "the same name twice": pd.DataFrame(COUNTS[0], columns=["a", "b", "b", "é"]),
    "booleans": FRAME > 3,
    "no rows": MIXED[:0],
}


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("kind", [*ARRAYS, *TABLES])
def test_what_the_installed_libraries_write_comes_back(inside, put, kind, protocol):
    expected = {**ARRAYS, **TABLES}[kind]
    holds(put(expected, protocol), expected)


@pytest.mark.parametrize("name", sorted(path.name for path in WRITTEN.glob("*.pkl")))
def test_what_other_versions_wrote_comes_back(inside, name):
    table = FILTERED.rename(columns={"photon_sum": "proton_photon_sum", "std": "std_proton"})
    holds(WRITTEN / name, COUNTS if name.startswith("numpy") else table)


def test_files_of_other_versions_are_there():
    assert len(list(WRITTEN.glob("*.pkl"))) >= 9


@pytest.mark.parametrize(
    ("new", "old"),
    [
        ("numpy._core.multiarray _reconstruct", "numpy.core.multiarray _reconstruct"),
        ("pandas DataFrame", "pandas.core.frame DataFrame"),
        ("pandas.core.internals.managers BlockManager", "pandas.core.internals BlockManager"),
        ("pandas.core.indexes.base _new_Index", "pandas.indexes.base _new_Index"),
        ("pandas.core.indexes.base _new_Index", "pandas.core.index _new_Index"),
        ("pandas Index", "pandas.core.indexes.base Index"),
        ("pandas Index", "pandas.indexes.base Index"),
        ("pandas Index", "pandas.core.indexes.numeric Int64Index"),
        ("pandas Index", "pandas.core.indexes.numeric Float64Index"),
        ("pandas Index", "pandas.indexes.numeric Int64Index"),
        ("pandas Index", "pandas.core.index Int64Index"),
        ("pandas RangeIndex", "pandas.indexes.range RangeIndex"),
        ("__builtin__ slice", "builtins slice"),
    ],
)
def test_names_are_known_by_their_old_places(inside, put, new, old):
    table = MIXED if "Range" in new else FILTERED
    content = pickle.dumps(table, 2)
    found = "c{}\n{}\n".format(*new.split()).encode()
    assert found in content
    holds(put(content.replace(found, "c{}\n{}\n".format(*old.split()).encode())), table)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_process_reads(put, protocol):
    holds(put(MIXED, protocol), MIXED)


def test_a_process_reads_whatever_the_file_is_called(tmp_path):
    path = tmp_path / "-é \n.pkl"
    path.write_bytes(pickle.dumps(COUNTS))
    holds(path, COUNTS)


def test_the_process_imports_nothing_heavy():
    code = "import sys, simbench.harness.data.pickles.worker; "
    code += "sys.exit(len({'numpy', 'pandas'} & {*sys.modules}))"
    assert subprocess.run([sys.executable, "-I", "-c", code]).returncode == 0


@pytest.mark.parametrize("kind", ["mixed", "float64"])
def test_compressed_files_are_read(inside, put, kind):
    expected = {**ARRAYS, **TABLES}[kind]
    holds(put(gzip.compress(pickle.dumps(expected))), expected)


def test_damaged_compression_is_refused(inside, put):
    packed = gzip.compress(pickle.dumps(COUNTS))
    assert "damaged, cannot be decompressed" in refused(put(packed[:-9]))
    assert "damaged, cannot be decompressed" in refused(put(packed[:40] + b"\0\0\0\0" + packed[44:]))


def test_nothing_is_left_behind(put, tmp_path, monkeypatch):
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    with pickled(put(COUNTS, 2)) as found:
        assert found.file.is_relative_to(folder)
    assert list(folder.iterdir()) == []
    refused(put(gzip.compress(pickle.dumps({}))))
    assert list(folder.iterdir()) == []


def test_an_array_is_not_copied(inside, put):
    with pickled(path := put(COUNTS)) as found:
        assert found.file == path
        block = found.read()
        assert isinstance(block.base, np.memmap)
        with pytest.raises(ValueError, match="read-only"):
            block[0] = 1


def test_files_that_are_none(tmp_path):
    assert refused(tmp_path / "absent.pkl") == "no such file"
    assert refused(tmp_path) == "not a file"
    os.mkfifo(tmp_path / "pipe")
    assert refused(tmp_path / "pipe") == "not a file"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", r"expected a pickle of protocol 2 to 5, found a file that begins with b''"),
        (b"PK\3\4", "begins with b'PK'"),
        (b"\x93NUMPY", "begins with"),
        (pickle.dumps(COUNTS, 0), "expected a pickle of protocol 2 to 5"),
        (pickle.dumps(COUNTS, 1), "expected a pickle of protocol 2 to 5"),
        (b"\x80\x06N.", "expected a pickle of protocol 2 to 5"),
        ({"images": COUNTS}, "should hold an array or a table of numbers, found dict"),
        ([COUNTS], "found list"),
        (b"\x80\x02cnumpy\nndarray\n.", "found the name ndarray"),
        (MIXED["Vx"], r"pandas\..*Series is not among"),
        (np.array(["a"]), "an array of dtype 'U1', expected numbers"),
        (np.array(["a"], object), "an array of dtype 'O8', expected numbers"),
        (np.zeros(2, complex), "an array of dtype 'c16', expected numbers"),
        (np.zeros(2, [("a", "f4")]), "an array of dtype 'V4', expected numbers"),
        (np.zeros(2, "M8[s]"), "an array of dtype 'M8', expected numbers"),
        (np.float64(3), "numpy._core.multiarray.scalar is not among"),
        (np.array(3.0), r"an array of shape \(\)"),
        (
            pd.DataFrame({"x": ["a"]}, dtype=object),
            r"columns \['x'\]: an array of dtype 'O8', expected numbers",
        ),
        (pd.DataFrame({"x": pd.Categorical(["a"])}), "Categorical.* is not among"),
        (FRAME.set_index(pd.date_range("2020", periods=8)), "DatetimeIndex is not among"),
        (pd.DataFrame(COUNTS[0], columns=[3, 1, 4, 1]), "columns have other names than text"),
        (pd.DataFrame(np.zeros((1, 10_001))), "a table of more than 10000 columns"),
        (pickle.dumps(COUNTS) + b"N.", "should hold one pickled object, found 2 bytes after it"),
        (b"\x80\x02NN.", "should hold one pickled object, found 2 objects"),
        (b"\x80\x02(N.", "should hold one pickled object"),
        (b"\x80\x02.", "should hold one pickled object, found 0 objects"),
        (b"\x80\x020.", "opcode POP is not among"),
        (b"\x80\x02\xff.", r"opcode '\\xff' is not among"),
        (b"\x80\x02R.", "damaged at byte 3: IndexError, the stack is empty"),
        (b"\x80\x02h\x07.", "damaged at byte 4: KeyError, 7"),
        (b"\x80\x02}]Ns.", "damaged at byte 6: TypeError"),
        (b"\x80\x02X\2\0\0\0\xff\xff.", "damaged at byte 9: UnicodeDecodeError"),
        (b"\x80\x02cnumpy", "no name where one should be, at byte 8"),
    ],
)
def test_what_is_no_array_or_table_of_numbers_is_refused(inside, put, content, reason):
    assert re.search(reason, refused(put(content)))


def array(shape="K\1\x85", data="C\x08aaaaaaaa", order="X\1\0\0\0C", code="f8", more=""):
    """A hand-written pickle of an array, to be varied."""
    dtype = f"cnumpy\ndtype\nX\2\0\0\0{code}\x85R(K\3X\1\0\0\0<NNNtb"
    return f"\x80\x05cnumpy.core.numeric\n_frombuffer\n({data}{dtype}{shape}{order}{more}tR.".encode(
        "latin-1"
    )


def test_the_hand_written_array_is_one(inside, put):
    holds(put(array()), np.frombuffer(b"aaaaaaaa"))


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"shape": "K\2\x85"}, r"an array of <f8 and shape \(2,\): expected 16 bytes, found 8"),
        ({"shape": "J\xff\xff\xff\xff\x85"}, r"an array of shape \(-1,\)"),
        ({"shape": "G" + 8 * "\0" + "\x85"}, r"an array of shape \(0.0,\)"),
        ({"shape": "\x88\x85"}, r"an array of shape \(True,\)"),
        ({"shape": "(" + 40 * "K\1" + "t"}, r"an array of shape \(1, 1, 1"),
        ({"shape": "K\0\x8a\x09" + 8 * "\xff" + "\0\x86", "data": "C\0"}, r"an array of shape \(0, 184467"),
        ({"order": "X\1\0\0\0A"}, "found a call of frombuffer"),
        ({"order": "X\1\0\0\0K", "more": "K\1\x85"}, r"an array whose axes are \(1,\)"),
        ({"order": "X\1\0\0\0K", "more": "N\x85"}, "damaged|an array whose axes are"),
        ({"code": "g8"}, "an array of dtype 'g8', expected numbers"),
        ({"data": "]"}, "an array whose content is list, expected numbers"),
        ({"data": "X\2\0\0\0aa"}, "an array whose content is str, expected numbers"),
        ({"data": "c_codecs\nencode\nX\3\0\0\0rot\x85R"}, "an array whose content is a call of encode"),
        ({"data": "c_codecs\nencode\nX\2\0\0\0\xc4\x80X\6\0\0\0latin1\x86R"}, "damaged: UnicodeEncodeError"),
    ],
)
def test_arrays_that_lie_are_refused(inside, put, changed, reason):
    assert re.search(reason, refused(put(array(**changed))))


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("kind", ["mixed", "uint16", "long"])
def test_truncated_files_are_refused(inside, put, kind, protocol):
    content = pickle.dumps({**ARRAYS, **TABLES}[kind], protocol)
    for length in range(0, len(content), max(1, len(content) // 100)):
        assert refused(put(content[:length]))
    assert "truncated" in refused(put(content[:-1]))


BASES = [pickle.dumps(thing, protocol) for thing in (MIXED, COUNTS) for protocol in PROTOCOLS]
BASES += [path.read_bytes() for path in sorted(WRITTEN.glob("*.pkl"))]


def check(found):
    if isinstance(found, PickledArray):
        assert found.dtype.kind in "biuf"
        assert found.read().shape == found.shape
    else:
        assert len(found.names) == len(found.columns)
        assert {column.shape for column in found.columns} <= {(len(found),)}


@settings(max_examples=60)
@given(st.data())
def test_a_changed_pickle_is_read_or_refused(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "changed.pkl"
    changed = bytearray(data.draw(st.sampled_from(BASES)))
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(changed) - 1))
        changed[place : place + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=2))
    path.write_bytes(changed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pickles, "_answer", pickle_worker.answer)
        try:
            with pickled(path) as found:
                check(found)
            line = f"{path}: "
        except UserError as error:
            line = str(error)
    assert line.startswith(f"{path}: ")
    assert "\n" not in line

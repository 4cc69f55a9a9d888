"""Large arrays in files: the same numbers, put together in any order."""

import zipfile
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from simbench.harness import mapped
from simbench.harness.arrays import ranks
from simbench.harness.data.unit import Gathered, Unit, joined
from simbench.harness.record.folder import load_unit, save_unit

N = 50


@pytest.fixture
def large(monkeypatch):
    monkeypatch.setattr(mapped, "LARGE", 1)


def part(start, stop, dtype=np.uint32):
    rows = np.arange(start, stop)
    return Unit(
        np.column_stack([rows, rows + 1]).astype(dtype),
        ("photons", "x"),
        examples=np.full((1, 2, 2), start),
        observables=np.column_stack([rows * 0.5]).astype(np.float32),
        observed=("half",),
        image=np.full((2, 2), 0.1 * (start + 1)),
        notes=(f"from {start}",),
    )


def test_an_array_in_a_file_keeps_what_is_written(large):
    array = mapped.empty((N, 3), np.float64)
    array[:] = np.arange(3 * N).reshape(N, 3)
    mapped.forget()
    assert array.tolist() == np.arange(3 * N).reshape(N, 3).tolist()


def test_rows_are_taken_in_turns(large, monkeypatch):
    monkeypatch.setattr(mapped, "_ROWS", 4)
    values = np.arange(60).reshape(30, 2)
    rows = np.array([0, 3, 4, 9, 11, 20, 20, 29, 5])
    assert mapped.take(values, rows).tolist() == values[rows].tolist()


def test_places_of_a_mask_are_found_in_turns(large, monkeypatch):
    monkeypatch.setattr(mapped, "_ROWS", 4)
    mask = np.arange(30) % 7 < 2
    found = mapped.flatnonzero(mask)
    assert found.tolist() == np.flatnonzero(mask).tolist()
    assert not found.flags.owndata


def test_without_room_it_is_in_memory(large, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(mapped.os, "posix_fallocate", full)
    assert mapped.empty((N,), np.float32).flags.owndata


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1), (1, 2, 0)])
def test_a_unit_does_not_hang_on_the_order_of_its_parts(large, order):
    starts = (0, 10, 37, N)
    parts = [part(low, high) for low, high in pairwise(starts)]
    gathered = Gathered(N)
    for index in order:
        gathered.put(starts[index], parts[index])
    unit, expected = gathered.unit(), joined(parts)
    assert gathered.responses == N
    assert unit.sums[:, 0].tolist() == list(range(N))
    assert unit.observables[:, 0].tolist() == [0.5 * row for row in range(N)]
    assert unit.examples[:, 0, 0].tolist() == [0, 10, 37]
    assert (
        unit.image.tolist()
        == expected.image.tolist()
        == ((parts[0].image + parts[1].image) + parts[2].image).tolist()
    )
    assert unit.notes == ("from 0", "from 10", "from 37")


def test_sums_that_are_no_whole_numbers_any_more_keep_those_before(large):
    gathered = Gathered(N)
    gathered.put(0, part(0, 20))
    gathered.put(20, replace(part(20, N), sums=np.full((N - 20, 2), 0.25)))
    sums = gathered.unit().sums
    assert sums.dtype == np.float64
    assert sums[:20, 1].tolist() == list(range(1, 21))
    assert (sums[20:] == 0.25).all()


def test_a_stored_unit_is_read_alike(tmp_path, monkeypatch):
    path = tmp_path / "one.npz"
    save_unit(path, part(0, N), {})
    small = load_unit(path)
    monkeypatch.setattr(mapped, "LARGE", 1)
    large = load_unit(path)
    for name in ("sums", "observables", "image", "examples"):
        assert np.array_equal(getattr(small, name), getattr(large, name))
        assert getattr(small, name).dtype == getattr(large, name).dtype
    assert not large.sums.flags.owndata


@pytest.mark.parametrize("damage", ["cut", "changed"])
def test_a_damaged_one_is_none(large, tmp_path, damage):
    path = tmp_path / "one.npz"
    save_unit(path, part(0, N), {})
    with zipfile.ZipFile(path) as file:
        members = {info.filename: file.read(info) for info in file.infolist()}
    if damage == "cut":
        members["sums.npy"] = members["sums.npy"][:-8]
    with zipfile.ZipFile(path, "w") as file:
        for name, content in members.items():
            file.writestr(name, content)
    if damage == "changed":
        content = bytearray(path.read_bytes())
        place = content.find(members["sums.npy"]) + len(members["sums.npy"]) - 1
        content[place] ^= 1
        path.write_bytes(content)
    assert load_unit(path) is None


@pytest.mark.parametrize(
    "particle", [[3, 3, 5, 9], [5, 3, 9, 3], [7], [], [-(2**63), 0, 2**63 - 1], [2**63 - 1, -(2**63), 0]]
)
def test_ranks_are_those_of_the_distinct_numbers(particle):
    particle = np.array(particle, np.int64)
    assert ranks(particle).tolist() == np.unique(particle, return_inverse=True)[1].tolist()


def test_blocks_are_put_below_one_another(large):
    blocks = [np.full((rows, 2), rows, np.uint16) for rows in (3, 1, 2)]
    found = mapped.gather(iter(blocks), 6)
    assert found.dtype == np.uint16
    np.testing.assert_array_equal(found, np.concatenate(blocks))
    for rows, some in ((7, blocks), (0, [])):
        with pytest.raises(ValueError, match=f"should have {rows} rows"):
            mapped.gather(iter(some), rows)

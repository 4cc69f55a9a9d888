"""Imports at scale: time, and the peak of the memory, of proton files in the forms that users have.

``SIMBENCH_IMPORT_ROWS=344228 make bench`` takes as many responses as ALICE's own proton files hold; it writes
up to 10 GB below pytest's folder for temporary files.
"""

import json
import os
import pickle
import subprocess
import sys
import zipfile

import numpy as np
import pandas as pd
import pytest

from simbench.baselines.montecarlo import make_dataset
from simbench.plugins.zdc import FEATURES

ROWS = int(os.environ.get("SIMBENCH_IMPORT_ROWS", "8000"))
MOST_MEMORY = 600  # MB: of the import of any number of responses
NAMES = [feature.name for feature in FEATURES]
PARTICLES, REPEATS = 250, 4
# The peak of this program, and of what it starts; getrusage of itself would tell pytest's, from before exec.
IMPORT = """
import json, pathlib, resource, sys, time
from simbench.harness.cli import app
begun = time.monotonic()
app(sys.argv[1:], standalone_mode=False)
seconds = time.monotonic() - begun
own = pathlib.Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]
peak = max(int(own), resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
print(json.dumps([seconds, peak / 1024]))
"""


@pytest.fixture(scope="module")
def pool():
    return make_dataset("proton", particles=PARTICLES, repeats=REPEATS, seed=7)


def tiles(pool):
    """The pool again and again, up to ROWS responses; every time with other vertices, so other particles."""
    for number, start in enumerate(range(0, ROWS, len(pool.pdg))):
        rows = slice(min(len(pool.pdg), ROWS - start))
        conditions = pool.conditions[rows].copy()
        conditions[:, 3] += number
        yield pool.showers[rows], conditions, pool.pdg[rows]


def write_array(path, shape, dtype, blocks):
    """An uncompressed npz, as numpy.savez writes it, without the array in memory."""
    plain = path.with_suffix(".npy")
    array = np.lib.format.open_memmap(plain, "w+", dtype, shape)
    start = 0
    for block in blocks:
        array[start : start + len(block)] = block
        start += len(block)
    array.flush()
    del array
    with zipfile.ZipFile(path, "w", allowZip64=True) as file:
        file.write(plain, "arr_0.npy")
    plain.unlink()


def wojnar(folder, pool):
    images, particles = folder / "responses.npz", folder / "particles.npz"
    write_array(images, (ROWS, 56, 30), np.float64, (showers for showers, _, _ in tiles(pool)))
    np.savez(
        particles, np.concatenate([np.column_stack(rest) for _, *rest in tiles(pool)]).astype(np.float64)
    )
    return images, particles


def majerz(folder, pool):
    images, particles = folder / "responses.npz", folder / "particles.npz"
    write_array(images, (ROWS, 56, 30), np.int32, (showers for showers, _, _ in tiles(pool)))
    table = [np.column_stack([*rest, showers.sum(axis=(1, 2))]) for showers, *rest in tiles(pool)]
    np.savez(particles, np.concatenate(table).astype(np.float64))
    return images, particles


def zdcfastsim(folder, pool):
    examples, images = folder / "non_zero_examples.txt", folder / "proton_image.txt"
    texts = ["".join(" ".join(map(str, line)) + " \n" for line in image) for image in pool.showers.tolist()]
    with examples.open("w") as particles, images.open("w") as file:
        particles.write("Detector,Pdg,Energy,Vx,Vy,Vz,Px,Py,Pz,PhotonSum\n")
        for showers, conditions, pdg in tiles(pool):
            for row, values in enumerate(conditions):
                text = f"{pdg[row]}," + ",".join(f"{value:.9g}" for value in values[:7])
                particles.write(f"N,{text},0\nP,{text},{showers[row].sum()}\n")
                file.write(texts[row])
    return examples, images


def expertsim(folder, pool):
    images, conditions = folder / "images.pkl", folder / "conditions.pkl"
    with images.open("wb") as file:
        pickle.dump(np.concatenate([showers for showers, _, _ in tiles(pool)]), file, protocol=4)
    table = pd.DataFrame(np.concatenate([values for _, values, _ in tiles(pool)]), columns=NAMES)
    table.to_pickle(conditions)
    return images, conditions


@pytest.mark.parametrize("write", [wojnar, majerz, zdcfastsim, expertsim], ids=lambda write: write.__name__)
def test_import(benchmark, pool, tell, tmp_path, write):
    files = write(tmp_path, pool)
    out = tmp_path / "out.h5"
    command = ["data", "import", write.__name__, *map(str, files), "--detector", "proton", "--out", str(out)]

    def imported():
        run = subprocess.run(
            [sys.executable, "-c", IMPORT, *command], capture_output=True, text=True, check=True
        )
        return run.stdout.splitlines()

    said, measured = benchmark.pedantic(imported, rounds=1, iterations=1)
    assert f" {ROWS} responses of " in said
    seconds, peak = json.loads(measured)
    size = sum(path.stat().st_size for path in files) / 1e6
    tell(
        f"import of {ROWS} proton responses",
        f"{write.__name__:<12} {size:>8,.0f} MB in {seconds:>6.1f} s, peak {peak:>5.0f} MB of memory, "
        f"{out.stat().st_size / 1e6:,.0f} MB written",
    )
    for path in (*files, out):
        path.unlink()
    assert peak < MOST_MEMORY

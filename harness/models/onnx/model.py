"""A generator in ONNX Runtime behind the benchmark's interface, whoever exported it."""

import hashlib
import json
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ... import rng
from ...errors import one_line
from ...plugin.detectors import Detector
from ...plugin.simulators import TrainedOn
from .inputs import Port, port, recognise
from .read import OnnxFile, open_session, package, read_onnx, threads
from .scales import Scales

OUTPUTS = ("log1p", "photons")
OUTPUT_KEY = "output"  # of the metadata by which a model declares which of them it gives
TRAINED_ON_KEY = "simbench.trained_on"
LOG_LIMIT = 12.0  # of log(1 + photons): 160,000 photons in a pixel, more than a detector's largest response

_ROWS = 256  # computed together where the model leaves it open
_ACCURACY = 2e-6  # of expm1(log1p(n)) in float32, relative to 1 + n
_PROBE = 64  # rows by which the kind of output is told


class OnnxSimulator:
    """Responses of a generator in an ONNX file.

    Attributes:
        notes: what was guessed of the file; tables show it.
        fingerprint: of the file, what it refers to, and the scales.
        trained_on: as far as the file tells; without hashes of particles.
        execution: how it computes: ``engine`` and ``batch``.

    Args:
        path: the file.
        scales: of the conditions; ``None``: they are given raw.
        output: what it gives, ``log1p`` or ``photons``; ``None``: as its metadata declare, else a guess.
        detector: whose responses.
        device: ``cpu`` or ``cuda``.

    Raises:
        ValueError: the file is damaged, cannot be run here, or is no generator of ``detector``.
    """

    def __init__(
        self, path: Path, scales: Scales | None, output: str | None, detector: Detector, device: str
    ) -> None:
        file = read_onnx(path)
        self._shape = detector.shape
        self._scales = scales
        if scales is not None and len(scales.mean) != len(detector.features):
            raise ValueError(
                f"expected scales of the {len(detector.features)} conditions of {detector.name}, "
                f"found {len(scales.mean)}"
            )
        self._random = file.random
        if self._random:  # what is guessed below is then the same in every process
            package("onnxruntime").set_seed(0)
        self._make: Callable[[], Any] = lambda: open_session(path, device)
        self._session = self._make()
        self._inputs = recognise([port(each) for each in self._session.get_inputs()], detector)
        self._output = port(self._session.get_outputs()[0])
        self._check_output(self._output)
        self._log, guess = self._kind(output, file.metadata.get(OUTPUT_KEY), len(detector.features))
        self._guessed = guess is not None
        self.notes = tuple(note for note in (self._inputs.note, guess, self._turned()) if note)
        self.trained_on = _trained_on(file.metadata)
        self.fingerprint = _fingerprint(file, scales)
        self.execution = {"engine": "onnx", "batch": self._inputs.batch or _ROWS, "threads": threads()}

    def generate(self, conditions: npt.NDArray[np.float32], *, seed: int) -> npt.NDArray[np.float32]:
        """Photons (N, H, W), real numbers as the file gives them, what is below zero set to zero.

        Raises:
            ValueError: the file cannot be run, or its output was taken for logarithms and is none.
        """
        conditions = np.asarray(conditions, dtype=np.float32)
        scaled = conditions if self._scales is None else self._scales(conditions)
        if self._random:  # a session draws its random numbers in order: begin anew with this seed
            package("onnxruntime").set_seed(rng.derive(seed, "onnxruntime") % 2**31)
            self._session = self._make()
        keys = rng.keys(rng.derive(seed, "noise"), np.arange(len(scaled)))
        images = np.empty((len(scaled), *self._shape), dtype=np.float32)
        for rows in _blocks(len(scaled), self._inputs.batch or _ROWS):
            values = self._run(self._noise(keys[rows]), scaled[rows])
            images[rows] = self._photons(values) if self._log else values
        return np.maximum(images, 0, out=images)

    def _photons(self, logarithms: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Photons of logarithms; a number that is whole but for the accuracy of float32 becomes whole."""
        if self._guessed and logarithms.max() > LOG_LIMIT:
            raise ValueError(
                f"the output reaches {logarithms.max():.4g}, too much for log(1 + photons); "
                "if it is photons, name the model as onnx-photons:FILE"
            )
        with np.errstate(over="ignore", invalid="ignore"):  # an infinity is found by who asked for responses
            photons = np.expm1(logarithms)
            whole = np.rint(photons)
            return np.where(np.abs(photons - whole) <= _ACCURACY * (1 + photons), whole, photons)

    def _noise(self, keys: rng.Keys) -> npt.NDArray[np.float64]:
        """(n, ...) standard normal; a row depends on its number and the seed alone."""
        draws = rng.normal(keys[:, None], np.arange(self._inputs.draws)[None])
        return draws.reshape(len(keys), *self._inputs.noise_shape)

    def _run(
        self, noise: npt.NDArray[np.floating[Any]], scaled: npt.NDArray[np.float32]
    ) -> npt.NDArray[np.float32]:
        """The first output for n rows as images (n, H, W); a fixed batch is filled up with the last row."""
        inputs, rows = self._inputs, len(scaled)
        fed = {
            inputs.noise: noise.astype(inputs.noise_type),
            inputs.conditions: scaled.astype(inputs.conditions_type),
        }
        if inputs.batch is not None and rows < inputs.batch:
            fed = {
                name: np.pad(x, [(0, inputs.batch - rows)] + [(0, 0)] * (x.ndim - 1), "edge")
                for name, x in fed.items()
            }
        given = len(fed[inputs.noise])
        try:
            values = np.asarray(self._session.run([self._output.name], fed)[0])
        except Exception as error:  # noqa: BLE001 - onnxruntime's own kinds, with no base of theirs
            raise ValueError(f"onnxruntime cannot run it: {one_line(error)}") from None
        if values.size != given * self._shape[0] * self._shape[1]:
            raise ValueError(self._expected(f"{values.shape} for {given} rows"))
        return values.reshape(given, *self._shape)[:rows].astype(np.float32)

    def _check_output(self, output: Port) -> None:
        sizes = output.dimensions[1:]
        told = bool(sizes) and None not in sizes
        if told and math.prod(size or 0 for size in sizes) != self._shape[0] * self._shape[1]:
            raise ValueError(self._expected(str(output)))
        if output.kind not in ("tensor(float)", "tensor(double)", "tensor(float16)"):
            raise ValueError(self._expected(str(output)))

    def _expected(self, found: str) -> str:
        height, width = self._shape
        return f"expected real numbers (batch, {height}, {width}) as the first output, found {found}"

    def _turned(self) -> str | None:
        """A warning if the images seem to be transposed: their size is right, so nothing else would tell."""
        sides = tuple(size for size in self._output.dimensions[1:] if size != 1)
        if sides == self._shape[::-1] != self._shape:
            wide, high = sides
            return f"images declared as {wide} x {high} are read row by row as {high} x {wide}"
        return None

    def _kind(self, asked: str | None, declared: str | None, features: int) -> tuple[bool, str | None]:
        """Whether the output is logarithms, and what is to be said if that is a guess.

        The guess is made on standard normal inputs. What exceeds any logarithm, or is whole numbers only, is
        photons; anything else is taken for what O2 expects.
        """
        if declared is not None and declared not in OUTPUTS:
            raise ValueError(f"its metadata declare the output {declared!r}; expected log1p or photons")
        if asked and declared and asked != declared:
            raise ValueError(f"its metadata declare the output {declared}, but it is asked for as {asked}")
        told = asked or declared
        if told:
            return told == "log1p", None
        keys = rng.keys(rng.derive(0, "probe"), np.arange(_PROBE))
        conditions = rng.normal(rng.split(keys, 0)[:, None], np.arange(features)[None]).astype(np.float32)
        noise = self._noise(keys)
        blocks = _blocks(_PROBE, self._inputs.batch or _PROBE)
        values = np.concatenate([self._run(noise[rows], conditions[rows]) for rows in blocks])
        whole = values.max() >= 1 and np.array_equal(values, np.rint(values))
        photons = bool(whole or values.max() > LOG_LIMIT)
        return not photons, f"output taken for {'photons' if photons else 'log(1 + photons)'}, undeclared"


def _blocks(count: int, size: int) -> Iterator[slice]:
    yield from (slice(start, min(start + size, count)) for start in range(0, count, size))


def _trained_on(metadata: dict[str, str]) -> TrainedOn | None:
    text = metadata.get(TRAINED_ON_KEY)
    if text is None:
        return None
    try:
        told = json.loads(text)
        return TrainedOn(
            str(told["dataset"]), str(told["split"]), int(told["split_seed"]), float(told["test_fraction"])
        )
    except (KeyError, TypeError, ValueError):
        raise ValueError(f"its metadata {TRAINED_ON_KEY} cannot be read: {text[:80]!r}") from None


def _fingerprint(file: OnnxFile, scales: Scales | None) -> str:
    digest = hashlib.sha256()
    for path in (file.path, *file.beside):
        digest.update(path.read_bytes())
    if scales is not None:
        digest.update(np.array([scales.mean, scales.scale], np.float32).tobytes())
    return digest.hexdigest()

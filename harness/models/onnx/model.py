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
from .declared import OUTPUT_KEY, OUTPUTS, TRAINED_ON_KEY, declared, o2_units
from .inputs import Port, port, recognise
from .layout import Layout, layout
from .read import OnnxFile, open_session, package, read_onnx, threads
from .reading import Reading, layout_of, units_of
from .scales import Scales

LOG_LIMIT = 12.0  # of log(1 + photons): 160,000 photons in a pixel, more than a detector's largest response

FIXED = "draws random numbers with a seed of its own: its spread between runs is unknown"
NEGATIVE = "output below zero, set to zero"
_BELOW = 1e-5  # of the largest value, or of 1
_ROWS = 256  # computed together where the model leaves it open
_ACCURACY = 4e-6  # of expm1(log1p(n)) in float32, relative to 1 + n; a file for O2 adds a 2^-19th of n
_PROBE = 64  # rows by which the kind of output is told


class OnnxSimulator:
    """Responses of a generator in an ONNX file.

    Attributes:
        notes: what was guessed of the file, and its faults; tables show them.
        faults: what is wrong with it though it can be scored; ``plugin check`` refuses it.
        fingerprint: of the file, what it refers to, and the scales.
        trained_on: as far as the file tells; without hashes of particles.
        footprint: ``bytes`` of its files and ``parameters``, real numbers in the graph.
        execution: how it computes: ``engine`` and ``batch``.

    Args:
        path: the file.
        scales: of the conditions; ``None``: they are given raw.
        asked: how it is to be read; what is ``None`` there is as its metadata declare, else a guess.
        detector: whose responses.
        device: ``cpu`` or ``cuda``.

    Raises:
        ValueError: the file is damaged, cannot be run here, is no generator of ``detector``, or can be
            read in two ways that are equally likely.
    """

    def __init__(
        self, path: Path, scales: Scales | None, asked: Reading, detector: Detector, device: str
    ) -> None:
        file = read_onnx(path)
        self._shape, self._features = detector.shape, detector.feature_names
        self._scales = scales
        if scales is not None and len(scales.mean) != len(detector.features):
            raise ValueError(
                f"expected scales of the {len(detector.features)} conditions of {detector.name}, "
                f"found {len(scales.mean)}"
            )
        units, units_note = units_of(asked.units, file.metadata, scales, detector)
        self._units = o2_units(detector) if units == "o2" else np.ones(len(detector.features), np.float32)
        self._turn = False
        self._random = file.random
        if self._random:  # what is guessed below is then the same in every process
            package("onnxruntime").set_seed(0)
        self._make: Callable[[], Any] = lambda: open_session(file.path, device)
        self._session = self._make()
        self._layout: Layout | None = None
        self._inputs = recognise([port(each) for each in self._session.get_inputs()], detector)
        self._output = port(self._session.get_outputs()[0])
        self._check_output(self._output)
        self._log, guess = self._kind(
            asked.output, declared(file.metadata, OUTPUT_KEY, OUTPUTS), len(detector.features)
        )
        self._guessed = guess is not None
        self._layout = self._laid_out(len(detector.features))
        sides = tuple(size for size in self._output.dimensions[1:] if size is not None)
        told_sides = bool(sides) and None not in self._output.dimensions[1:]
        shape = sides if told_sides else self._layout.shape
        order, order_note = layout_of(asked.layout, file.metadata, shape, detector, self._flat)
        self._turn = order == "x-fastest"
        self.faults = (*self._odd(), *[FIXED] * file.fixed)
        told = (self._inputs.note, units_note, order_note, guess, *self.faults)
        self.notes = tuple(note for note in told if note)
        self.trained_on = _trained_on(file.metadata)
        self.fingerprint = _fingerprint(file, scales, (units, order, self._log))
        self.footprint = {"bytes": file.size, "parameters": file.parameters}
        self.execution = {"engine": "onnx", "batch": self._inputs.batch or _ROWS, "threads": threads()}

    def generate(self, conditions: npt.NDArray[np.float32], *, seed: int) -> npt.NDArray[np.float32]:
        """Photons (N, H, W), real numbers as the file gives them, what is below zero set to zero.

        Raises:
            ValueError: the file cannot be run, its output is -inf or no logarithm as it was taken for, or a
                condition does not fit into its input.
        """
        conditions = np.asarray(conditions, dtype=np.float32)
        scaled = self._scaled(conditions)
        self._fed(conditions, scaled)
        if self._random:  # a session draws its random numbers in order: begin anew with this seed
            package("onnxruntime").set_seed(rng.derive(seed, "onnxruntime") % 2**31)
            self._session = self._make()
        keys = rng.keys(rng.derive(seed, "noise"), np.arange(len(scaled)))
        images = np.empty((len(scaled), *self._shape), dtype=np.float32)
        for rows in _blocks(len(scaled), self._inputs.batch or _ROWS):
            values = self._run(self._noise(keys[rows]), scaled[rows])
            self._look(values)
            images[rows] = self._photons(values) if self._log else values
        return np.maximum(images, 0, out=images)

    def _scaled(self, conditions: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """As the file is given them; what is not finite is found, with its name, by :meth:`_fed`."""
        with np.errstate(over="ignore", invalid="ignore"):
            given = conditions * self._units
            return given if self._scales is None else self._scales(given)

    def _flat(self, conditions: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Photons (N, pixels) of conditions (N, F), in the file's own order, by fixed noise."""
        noise = self._noise(rng.keys(rng.derive(0, "order"), np.arange(len(conditions))))
        blocks = _blocks(len(conditions), self._inputs.batch or _ROWS)
        scaled = self._scaled(conditions)
        values = np.concatenate([self._run(noise[rows], scaled[rows]) for rows in blocks])
        with np.errstate(over="ignore", invalid="ignore"):
            photons = np.expm1(values) if self._log else values
        found = np.nan_to_num(np.maximum(photons, 0), posinf=0).reshape(len(conditions), -1)
        return np.asarray(found, np.float32)

    def _look(self, values: npt.NDArray[np.float32]) -> None:
        """Note values below zero, which become zero.

        Raises:
            ValueError: one is minus infinity, which no photons give.
        """
        low = float(values.min()) if values.size else 0.0
        if low == -np.inf:
            raise ValueError(
                f"the output is -inf in response {int(np.argwhere(values == low)[0][0])} of a batch"
            )
        if low < -_BELOW * max(1.0, float(np.abs(values).max())) and NEGATIVE not in self.faults:
            self.faults, self.notes = (*self.faults, NEGATIVE), (*self.notes, NEGATIVE)

    def _fed(self, conditions: npt.NDArray[np.float32], scaled: npt.NDArray[np.float32]) -> None:
        """Raise ValueError, with the feature's name, for conditions that do not fit into the input's type."""
        with np.errstate(over="ignore", invalid="ignore"):
            cast = scaled.astype(self._inputs.conditions_type)
        for what, values in (("", conditions), ("scaled, ", scaled), (f"as {cast.dtype}, ", cast)):
            wrong = np.argwhere(~np.isfinite(values))
            if len(wrong):
                row, place = wrong[0]
                raise ValueError(
                    f"the condition {self._features[place]} of row {row} is {what}{values[row, place]}, "
                    f"from {conditions[row, place]:g}: expected a finite number (scales: @FILE)"
                )

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
        if self._layout is None:  # as it comes
            return values
        if self._turn:  # x is the first axis here, and the fastest there
            values = values.reshape(given, *self._shape[::-1]).transpose(0, 2, 1)
        with np.errstate(over="ignore"):  # an infinity is found by who asked for responses
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

    def _laid_out(self, features: int) -> Layout:
        keys = rng.keys(rng.derive(0, "layout"), np.arange((self._inputs.batch or _PROBE) + 1))
        conditions = rng.normal(rng.split(keys, 0)[:, None], np.arange(features)[None]).astype(np.float32)
        return layout(self._run, self._noise(keys), conditions, self._inputs.batch, self._random)

    def _odd(self) -> Iterator[str]:
        """What is odd about the order of the output: its size is right, so nothing else would tell."""
        assert self._layout is not None  # noqa: S101
        if self._layout.mixed:
            yield "a response depends on the others of its batch"
        named = tuple(size for size in self._output.dimensions[1:] if size != 1)
        found = tuple(size for size in self._layout.shape if size != 1)
        for sides in () if self._turn else (named, found):
            if sides == self._shape[::-1] != self._shape:
                wide, high = sides
                yield f"images declared as {wide} x {high} are read row by row as {high} x {wide}"
                break

    def _kind(self, asked: str | None, said: str | None, features: int) -> tuple[bool, str | None]:
        """Whether the output is logarithms, and what is to be said if that is a guess.

        The guess is made on standard normal inputs. What exceeds any logarithm, or is whole numbers only, is
        photons; anything else is taken for what O2 expects.
        """
        if asked and said and asked != said:
            raise ValueError(f"its metadata declare the output {said}, but it is asked for as {asked}")
        told = asked or said
        if told:
            return told == "log1p", None
        keys = rng.keys(rng.derive(0, "probe"), np.arange(_PROBE))
        conditions = rng.normal(rng.split(keys, 0)[:, None], np.arange(features)[None]).astype(np.float32)
        noise = self._noise(keys)
        blocks = _blocks(_PROBE, self._inputs.batch or _PROBE)
        values = np.concatenate([self._run(noise[rows], conditions[rows]).ravel() for rows in blocks])
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


def _fingerprint(file: OnnxFile, scales: Scales | None, read: tuple[object, ...]) -> str:
    digest = hashlib.sha256(repr(read).encode())
    for path in (file.path, *file.beside):
        digest.update(path.read_bytes())
    if scales is not None:
        digest.update(np.array([scales.mean, scales.scale], np.float32).tobytes())
    return digest.hexdigest()

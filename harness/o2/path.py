"""What O2 does with a generator, particle by particle: an emulator of its production path.

From ``Detectors/ZDC/simulation/src/Detector.cxx`` and ``Detectors/ZDC/fastsimulation``: conditions in O2's
units, scaled in float32; batch 1, one thread, inputs by position, new normal noise; pixel (x, y) is number
``Nx y + x`` of the first output; ``(int)expm1f`` photons.
"""

import re
import time
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import rng
from ..errors import UserError, one_line
from ..models.onnx.declared import EMPTIES_KEY, o2_units
from ..models.onnx.inputs import port
from ..models.onnx.read import package, read_onnx
from ..models.onnx.scales import Scales
from ..plugin.detectors import Detector
from ..plugin.simulators import Context, Simulator, SimulatorOffer
from ..plugin.specs import hookimpl
from .contract import NOISE
from .scales_file import read_as_o2

REDRAWS = 1000  # attempts at a response that is not empty
NEWEST_OPSET, NEWEST_IR = 21, 10  # that ONNX Runtime 1.19 loads, the one of ALICE's builds


class O2Path:
    """A simulator that answers as O2 would, from a graph and its scales.

    Attributes:
        outputs: the graph's, all of which are computed.
        latency: seconds of each call.
        footprint: ``bytes`` of its files and ``parameters`` of the graph.

    Args:
        graph: the ONNX file.
        scales: O2's file of scales.
        detector: ZN or ZP.
        min_photons: what a graph that draws empty answers (``empties``) gives below is redrawn, as the
            reference simulation's is: the data that it is scored on hold no empty responses.

    Raises:
        UserError: O2 would stop, skip the particle or misread the output; says why.
    """

    def __init__(self, graph: Path, scales: Path, detector: Detector, min_photons: int = 0) -> None:
        self._detector, self._scales, self._min_photons = detector, read_as_o2(scales), min_photons
        self._session = session_of(graph)
        file = read_onnx(graph)
        self.empties = file.metadata.get(EMPTIES_KEY) == "drawn"
        self.footprint = {"bytes": file.size, "parameters": file.parameters}
        self.execution = {"engine": "onnx", "batch": 1}
        self.latency: list[float] = []
        self._inputs = [each.name for each in self._session.get_inputs()]
        for problem in shape_problems(self._session, detector):
            raise UserError(f"{graph}: {problem}")
        self.outputs = [each.name for each in self._session.get_outputs()]  # O2 asks for all of them
        shown = [port(each) for each in (*self._session.get_inputs(), self._session.get_outputs()[0])]
        self.ports = f"{shown[0]}, {shown[1]} to {shown[2]}"

    def generate(self, conditions: npt.NDArray[np.float32], *, seed: int) -> npt.NDArray[np.int32]:
        """Photons (N, Nx, Ny) of conditions (N, 9) in this package's units.

        Raises:
            ValueError: the graph cannot be run, or gives too few numbers.
        """
        photons = self.photons(self.logarithms(conditions, seed=seed))
        for attempt in range(1, REDRAWS if self.empties else 1):
            below = np.flatnonzero(photons.sum(axis=(1, 2)) < self._min_photons)
            if not len(below):
                break
            again = self.logarithms(conditions[below], seed=rng.derive(seed, "redraw", attempt))
            photons[below] = self.photons(again)
        return photons

    def logarithms(self, conditions: npt.NDArray[np.float32], *, seed: int) -> npt.NDArray[np.float32]:
        """The first Nx Ny numbers of the first output, (N, Nx Ny), one particle at a time."""
        scaled = o2_scaled(conditions, self._scales, self._detector)
        pixels = self._detector.shape[0] * self._detector.shape[1]
        keys = rng.keys(rng.derive(seed, "o2-noise"), np.arange(len(scaled)))
        noise = rng.normal(keys[:, None], np.arange(NOISE)[None]).astype(np.float32)
        found = np.empty((len(scaled), pixels), np.float32)
        for row in range(len(scaled)):
            fed = dict(zip(self._inputs, (noise[row : row + 1], scaled[row : row + 1]), strict=True))
            start = time.perf_counter()
            try:
                values = np.asarray(self._session.run(self.outputs, fed)[0])
            except Exception as error:  # noqa: BLE001 - onnxruntime's own kinds, with no base of theirs
                raise ValueError(f"O2 stops, onnxruntime cannot run it: {one_line(error)}") from None
            self.latency.append(time.perf_counter() - start)
            if values.size < pixels:
                raise ValueError(f"O2 reads {pixels} pixels, the output has {values.size}")
            found[row] = values.ravel()[:pixels]
        return found

    def photons(self, logarithms: npt.NDArray[np.float32]) -> npt.NDArray[np.int32]:
        """Photons (N, Nx, Ny) of what the graph gave (N, Nx Ny): x fastest, cut to whole ones."""
        nx, ny = self._detector.shape
        return truncated(logarithms).reshape(-1, ny, nx).transpose(0, 2, 1)


@dataclass(frozen=True)
class PathPlugin:
    """A plugin that offers a graph and its scales as the simulator that they are to O2."""

    graph: Path
    scales: Path

    @property
    def name(self) -> str:
        """What tables call it."""
        return re.sub(r"[\s,=@]", "_", f"o2:{self.graph.name}")  # which mean something to --models

    @hookimpl
    def simbench_simulators(self) -> Iterable[SimulatorOffer]:
        """One, for the detectors of the ZDC."""
        yield SimulatorOffer(
            name=self.name,
            title=f"{self.graph.name}, as O2 runs it",
            factory=partial(_simulator, self.graph, self.scales),
            family="onnx",
        )


def _simulator(graph: Path, scales: Path, context: Context) -> Simulator:
    try:
        return O2Path(graph, scales, context.detector, context.min_photons)
    except UserError as error:
        raise ValueError(str(error)) from error


def o2_scaled(
    conditions: npt.NDArray[np.float32], scales: Scales, detector: Detector
) -> npt.NDArray[np.float32]:
    """(N, 9) conditions as O2 scales them: its units, then (x - mean) / scale, each step in float32."""
    return scales(np.asarray(conditions, np.float32) * o2_units(detector))


def truncated(logarithms: npt.NDArray[np.float32]) -> npt.NDArray[np.int32]:
    """``(int)expm1f(v)``: whole photons, cut towards zero."""
    with np.errstate(over="ignore", invalid="ignore"):
        return np.trunc(np.expm1(logarithms.astype(np.float32))).astype(np.int32)


def shape_problems(session: Any, detector: Detector) -> list[str]:
    """What of a graph's inputs and outputs would make O2 stop or read beyond the end, a line each."""
    inputs = [port(each) for each in session.get_inputs()]
    if len(inputs) != 2:
        return [f"O2 gives two inputs, noise and conditions; the graph has {len(inputs)}"]
    problems = []
    for each, what, width in zip(inputs, ("noise", "conditions"), (NOISE, 9), strict=True):
        if (
            each.kind != "tensor(float)"
            or len(each.dimensions) != 2
            or each.dimensions[1] not in (None, width)
        ):
            problems.append(f"O2 gives {what} of float32 (1, {width}) in this place, the graph takes {each}")
        elif each.dimensions[0] not in (None, 1):
            problems.append(f"O2 gives one particle at a time, the graph takes {each}")
    first = port(session.get_outputs()[0])
    if first.kind != "tensor(float)":
        problems.append(f"O2 reads the first output as float32, the graph gives {first}")
    sizes = [size for size in first.dimensions[1:] if size]
    if len(sizes) == len(first.dimensions) - 1 and int(np.prod(sizes)) != int(np.prod(detector.shape)):
        problems.append(f"O2 reads {detector.shape[0]} x {detector.shape[1]} pixels, the graph gives {first}")
    return problems


def version_problems(graph: Path) -> list[str]:
    """What of a file ALICE's ONNX Runtime is too old for, a line each."""
    import onnx

    model = onnx.load(graph, load_external_data=False)
    problems = []
    opset = max((each.version for each in model.opset_import if each.domain in ("", "ai.onnx")), default=0)
    if opset > NEWEST_OPSET:
        problems.append(f"opset {opset}: ALICE's ONNX Runtime 1.19 knows those up to {NEWEST_OPSET}")
    if model.ir_version > NEWEST_IR:
        problems.append(f"IR version {model.ir_version}: ONNX Runtime 1.19 knows those up to {NEWEST_IR}")
    return problems


def session_of(graph: Path) -> Any:
    """A session as O2 opens one: one thread, on the CPU.

    Raises:
        UserError: ONNX Runtime cannot load the file.
        ValueError: it is no ONNX file.
    """
    read_onnx(graph)  # one clear line of what is damaged, missing or not to be run
    runtime = package("onnxruntime")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = 1
    try:
        return runtime.InferenceSession(str(graph), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # noqa: BLE001 - onnxruntime's own kinds, with no base of theirs
        raise UserError(f"{graph}: O2 stops, ONNX Runtime cannot load it: {one_line(error)}") from None

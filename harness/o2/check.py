"""Whether O2 could run a generator, step by step: what would make it stop, skip or misread is named."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..errors import UserError
from ..models.onnx.declared import LAYOUT_KEY, O2_UNITS, UNITS_KEY, is_zdc, o2_units
from ..models.onnx.read import read_onnx
from ..models.onnx.reading import light_off
from ..models.onnx.scales import Scales
from ..plugin.detectors import Detector
from ..plugin.simulators import Check
from .path import O2Path, o2_scaled, version_problems
from .scales_file import read_as_o2

PROBED = 300  # particles by which output, truncation and pixel order are told
_FAR = 30.0  # scaled conditions beyond this were not trained on
_WHOLE = 0.02  # photons: nearer to a whole number than this, and an output is one of whole photons
_NAMES = ", ".join(f"{name} x {factor:g}" for name, factor in O2_UNITS.items())


def require_zdc(detector: Detector) -> None:
    """Raise UserError unless a detector is one of O2's."""
    if not is_zdc(detector):
        raise UserError(f"O2's path is that of the ZDC; detector {detector.name!r} has other features")


def steps(
    graph: Path,
    scales: Path,
    detector: Detector,
    conditions: npt.NDArray[np.float32],
    order: str = "x-fastest",
) -> Iterator[Check]:
    """Each step of O2's path with its verdict, up to the first at which O2 would stop.

    Args:
        graph: the ONNX file.
        scales: its file of scales.
        detector: whose responses.
        conditions: (N, 9) of particles that it should know, in this package's units.
        order: in which the pixels should lie; O2's own, or that which an export was asked for.

    Raises:
        UserError: the detector is none of O2's.
    """
    require_zdc(detector)
    try:
        read = read_as_o2(scales)
        yield Check(f"scales: {scales.name} is read by O2's parser, nine means and nine scales", passed=True)
        metadata = read_onnx(graph).metadata
        problems = version_problems(graph)
        yield from (Check(f"versions: {problem}", passed=False) for problem in problems)
        if not problems:
            yield Check("versions: opset and IR are within those of ONNX Runtime 1.19", passed=True)
        path = O2Path(graph, scales, detector)
    except (UserError, ValueError) as error:
        yield Check(str(error), passed=False)
        return
    yield Check(f"shapes: {path.ports}", passed=True)
    if len(path.outputs) > 1:
        told = f"outputs: {len(path.outputs)} ({', '.join(path.outputs)}); O2 computes all of them for every"
        yield Check(f"{told} particle and reads the first", passed=False)
    yield _units(read, detector, conditions, metadata.get(UNITS_KEY))
    few = conditions[np.linspace(0, len(conditions) - 1, min(PROBED, len(conditions))).astype(np.int64)]
    values = path.logarithms(few, seed=0)
    bad = int((~np.isfinite(values)).any(axis=1).sum())
    yield Check(f"output: not finite for {bad} of {len(values)} particles, one at a time", bad == 0)
    if not bad:
        yield _truncation(values)
        yield _order(path.photons(values), detector, few, metadata.get(LAYOUT_KEY), order)


def _units(
    scales: Scales, detector: Detector, conditions: npt.NDArray[np.float32], declared: str | None
) -> Check:
    """Whether conditions in O2's units are what the scales expect."""
    if declared is not None:
        text = f"units: the graph's metadata declare those of {declared}"
        return Check(f"{text}; O2 has its own ({_NAMES})", declared == "o2")
    o2 = np.abs(o2_scaled(conditions, scales, detector)).max(axis=0)
    plain = np.abs(scales(conditions)).max(axis=0)
    off = [
        name
        for name, factor, there, here in zip(
            detector.feature_names, o2_units(detector), o2, plain, strict=True
        )
        if factor != 1 and there > _reach(factor) >= here
    ]
    if off:
        return Check(f"units: the scales of {', '.join(off)} are not for O2's units ({_NAMES})", passed=False)
    return Check(f"units: the scales fit O2's units ({_NAMES}); nothing declares them", passed=True)


def _reach(factor: float) -> float:
    """The largest plausible scaled value: more than a feature's spread, less than a wrong unit's."""
    return min(_FAR, 2 * factor)


def _truncation(values: npt.NDArray[np.float32]) -> Check:
    """Whether truncation keeps what the output says: whole photons, none of them lost."""
    with np.errstate(over="ignore", invalid="ignore"):
        photons = np.expm1(values.astype(np.float32))
    nearest, kept = np.rint(photons), np.trunc(photons)
    total = float(photons.sum())
    share = 1 - float(kept.sum()) / total if total > 0 else 0.0
    text = f"truncation: (int)expm1 takes {100 * max(share, 0):.2g} % of the photons"
    if (np.abs(photons - nearest) > _WHOLE + 1e-5 * nearest).any():
        return Check(f"{text}, for the output is rates, not whole photons; 1 % allowed", share < 0.01)
    lost, lit = int((kept < nearest).sum()), int((nearest > 0).sum())
    return Check(f"{text}; {lost} of {lit} pixels with light lose a photon", lost == 0)


def _order(
    photons: npt.NDArray[np.int32],
    detector: Detector,
    conditions: npt.NDArray[np.float32],
    declared: str | None,
    order: str,
) -> Check:
    """Whether light lies where straight lines meet the face, once pixels are read as O2 reads them."""
    if declared is not None:
        text = f"pixel order: the graph's metadata declare {declared}"
        return Check(f"{text}; O2 reads x-fastest", declared == order)
    neutral = conditions[:, -1] == 0
    flat = photons[neutral].transpose(0, 2, 1).reshape(int(neutral.sum()), -1).astype(np.float32)
    off = light_off(flat, detector, detector.impact(conditions[neutral]))
    if not off:
        return Check(
            "pixel order: too few bright neutral particles to tell; nothing declares it", passed=True
        )
    told = ", ".join(f"{name} {pixels:.1f}" for name, pixels in off.items())
    text = f"pixel order: light lies off the particle's way by so many pixels, read as {told}"
    return Check(f"{text}; O2 reads x-fastest", min(off, key=lambda name: off[name]) == order)

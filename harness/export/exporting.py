"""A model as a graph: ``generator.onnx``, ``scales.txt`` and a card, written only if it passes.

Two contracts. ``simbench``: two float32 inputs, noise (batch, Z) and scaled conditions (batch, F) in this
package's units; first output (batch, H, W), log(1 + photons). ``o2``: what ALICE's O2 takes, see
:mod:`simbench.harness.o2.contract`; checked by what O2 does with it.
"""

import json
import math
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..data.open import conditions_of
from ..errors import UserError, traced
from ..files import make_folder, write_text
from ..models.names import Model, require_serves
from ..models.onnx.declared import (
    EMPTIES_KEY,
    EXPORTED_KEY,
    LAYOUT_KEY,
    LAYOUTS,
    OUTPUT_KEY,
    TRAINED_ON_KEY,
    UNITS_KEY,
    WEIGHTS_KEY,
    is_zdc,
)
from ..models.onnx.file import SIDECAR
from ..models.onnx.inputs import port
from ..models.onnx.model import OnnxSimulator
from ..models.onnx.read import open_session, package
from ..models.onnx.reading import Reading
from ..models.onnx.scales import Scales, read_scales, write_scales
from ..o2.check import steps
from ..o2.contract import o2_graph, o2_scales
from ..o2.path import O2Path
from ..o2.scales_file import scales_text
from ..plugin.description import Description, describe
from ..plugin.detectors import Detector
from ..plugin.registry import Registry
from ..plugin.simulators import Check, Context, Exported, Simulator, TrainedOn
from ..plugin.specs import own_version
from .card import card

CONTRACTS = ("o2", "simbench")
GRAPH, CARD = "generator.onnx", "MODEL_CARD.md"
ROWS = 256  # responses that are compared
DEVIATIONS = 5.0  # standard errors by which mean photon sums may differ


def export(
    registry: Registry,
    model: Model,
    detector: Detector,
    folder: Path,
    scores: Mapping[str, Any] | None,
    contract: str | None = None,
    *,
    empties: bool = False,
    hit: bytes | None = None,
    layout: str | None = None,
) -> tuple[tuple[Check, ...], tuple[Path, ...]]:
    """Write a model to ``folder``, with the scores of a run (:func:`scores_of`) if there are some.

    ``contract`` is one of :data:`CONTRACTS`; None: ``o2`` for a ZDC, ``simbench`` for any other detector.
    With ``empties`` the graph for O2 answers with an empty image as often as the classifier of hits says.
    ``hit`` is its graph, if made already.
    ``layout`` is the order of its pixels; None: ``x-fastest``, which O2 reads. ALICE's own are ``row-major``.

    Returns:
        How it was checked, and the files, none if a check failed.

    Raises:
        UserError: the model cannot be exported, or the folder cannot be written to.
    """
    contract = contract or ("o2" if is_zdc(detector) else "simbench")
    if contract not in CONTRACTS:
        raise UserError(f"unknown contract {contract!r}; known: {', '.join(CONTRACTS)}")
    if contract == "o2" and not is_zdc(detector):
        raise UserError(f"--contract o2 is for the ZDC; {detector.name!r} has other features")
    if empties and contract != "o2":
        raise UserError("--empties is for --contract o2: scores are of responses that are not empty")
    if layout not in (None, *LAYOUTS):
        raise UserError(f"--layout should be {' or '.join(LAYOUTS)}, found {layout!r}")
    if layout is not None and contract != "o2":
        raise UserError("--layout is for --contract o2; that of simbench is row-major")
    layout = layout or ("x-fastest" if contract == "o2" else "row-major")
    offer = model.offer
    if offer.exporter is None:
        able = ", ".join(other.name for other in registry.simulators if other.exporter) or "none"
        raise UserError(f"model {model.label!r} cannot be exported; these can: {able}")
    require_serves(model, detector)
    # A graph cannot redraw what falls below a threshold: neither does what it is compared with.
    context = Context(detector, min_photons=0, weights=model.weights, engine="torch")
    if folder.exists() and not folder.is_dir():
        raise UserError(f"--to should be a folder, found the file {folder}")
    for name in ("onnx", "onnxruntime", "onnxscript"):
        package(name)
    conditions = conditions_of(registry, detector, ROWS)
    try:
        simulator = offer.factory(context)
        exported = offer.exporter(context, conditions)
        if empties and hit is None:
            hit = hit_graph(registry, replace(context, weights=None))
    except ValueError as error:
        raise UserError(f"cannot export {model.label}: {error}") from error
    except Exception as error:  # a plugin may fail in any way
        raise UserError(f"cannot export {model.label}: {traced(error)}") from error
    told = describe(simulator)
    trained = told.trained_on
    with beside(folder) as part:
        scales = Scales(tuple(exported.mean), tuple(exported.scale))
        if contract == "o2":
            write_text(part / SIDECAR, scales_text(o2_scales(scales, detector)))
        else:
            write_scales(part / SIDECAR, scales)
        if hit is not None and (any(exported.mean) or set(exported.scale) != {1.0}):
            raise UserError(
                f"--empties needs a graph of conditions in physical units; {model.label} scales them"
            )
        metadata = {**_metadata(model, detector, told), LAYOUT_KEY: layout}
        _write_graph(part / GRAPH, exported, detector, metadata, contract, hit)
        checks = (*exported.checks, *_checked(part, detector, simulator, conditions, contract, layout))
        if not all(check.passed for check in checks):
            return checks, ()
        text = card(
            model,
            detector,
            exported,
            trained,
            _provenance(registry, trained),
            checks,
            scores,
            contract,
            layout,
        )
        write_text(part / CARD, text)
        make_folder(folder)
        files = [folder / name for name in (GRAPH, SIDECAR, CARD)]
        for path in files:
            (part / path.name).replace(path)
    return checks, tuple(files)


def hit_graph(registry: Registry, context: Context) -> bytes:
    """The graph of the first classifier of hits that serves the context's detector and has one.

    Raises:
        ValueError: there is none, or it lacks weights.
    """
    for offer in registry.classifiers:
        serves = offer.detectors is None or context.detector.name in offer.detectors
        if serves and offer.exporter is not None:
            return offer.exporter(context)
    raise ValueError(f"no classifier of hits serves {context.detector.name!r}")


@contextmanager
def beside(folder: Path) -> Iterator[Path]:
    """A folder beside ``folder``, or beside what that is a link to, to write to; gone afterwards."""
    place = Path(os.path.realpath(folder))  # files are renamed into it, which one disk alone can do
    part = place.with_name(f".{place.name}.{secrets.token_hex(8)}.part")
    make_folder(part)
    try:
        yield part
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _metadata(model: Model, detector: Detector, told: Description) -> dict[str, str]:
    """What the graph says of the model that it was made of."""
    metadata = {
        "model": model.offer.name,
        "detector": detector.name,
        EXPORTED_KEY: f"simbench-hep {own_version()}",
        OUTPUT_KEY: "log1p",
    }
    if isinstance(told.weights, str):
        metadata[WEIGHTS_KEY] = told.weights
    if told.trained_on is not None:
        trained = asdict(told.trained_on)
        del trained["particles"]  # thousands of hashes; the split says the same
        metadata[TRAINED_ON_KEY] = json.dumps(trained)
    return metadata


def _write_graph(
    path: Path,
    exported: Exported,
    detector: Detector,
    metadata: Mapping[str, str],
    contract: str,
    hit: bytes | None,
) -> None:
    """Write the graph, in the form of its contract, with its metadata."""
    import onnx

    graph = onnx.load_model_from_string(exported.graph)
    more = {UNITS_KEY: "simbench"}
    if contract == "o2":
        gate = onnx.load_model_from_string(hit) if hit else None
        turned = metadata[LAYOUT_KEY] == "x-fastest"
        graph = o2_graph(graph, detector.shape, gate, turned=turned)
        more = {UNITS_KEY: "o2", **({EMPTIES_KEY: "drawn"} if hit else {})}
    onnx.helper.set_model_props(graph, {**metadata, **more})
    path.write_bytes(graph.SerializeToString())


def _checked(
    folder: Path,
    detector: Detector,
    simulator: Simulator,
    conditions: npt.NDArray[np.float32],
    contract: str,
    layout: str,
) -> Iterator[Check]:
    """The contract, and the photons that come of it as ``onnx:FILE`` uses the files, and as O2 does.

    Of another layout than O2's only the photon sums are compared: they are the same in any order.
    """
    import onnx

    path = folder / GRAPH
    onnx.checker.check_model(path, full_check=True)
    runner: Simulator = OnnxSimulator(path, read_scales(folder / SIDECAR), Reading(), detector, "cpu")
    if contract == "o2":
        found = tuple(steps(path, folder / SIDECAR, detector, conditions, layout))
        yield from found
        if not all(step.passed for step in found):
            return
        emulated = O2Path(path, folder / SIDECAR, detector, 1)
        yield _compared("as O2 reads them, ", emulated, simulator, conditions)
        if emulated.empties:
            return  # which onnx: scores as they come
    else:
        yield _contract(open_session(path, "cpu"), detector)
    yield _compared("", runner, simulator, conditions)


def _compared(
    how: str, runner: Simulator, simulator: Simulator, conditions: npt.NDArray[np.float32]
) -> Check:
    ours, theirs = (
        each.generate(conditions.copy(), seed=1).sum(axis=(1, 2), dtype=np.float64)
        for each in (runner, simulator)
    )
    error = float(np.std(ours - theirs, ddof=1) / np.sqrt(len(ours)))
    apart = abs(float(ours.mean() - theirs.mean())) / max(error, 1e-9)
    text = (
        f"photon sums of {len(ours)} responses, {how}mean {ours.mean():.1f}, "
        f"the simulator's {theirs.mean():.1f}"
    )
    return Check(f"{text} ({apart:.1f} standard errors apart, {DEVIATIONS:g} allowed)", apart <= DEVIATIONS)


def _contract(session: Any, detector: Detector) -> Check:
    """Whether inputs and first output are as they should be, in order."""
    ports = [port(each) for each in (*session.get_inputs(), session.get_outputs()[0])]
    kept = (
        len(ports) == 3
        and all(each.kind == "tensor(float)" and each.dimensions[:1] == (None,) for each in ports)
        and len(ports[0].dimensions) == 2
        and ports[1].dimensions[1:] == (len(detector.features),)
        and math.prod(size or 0 for size in ports[2].dimensions[1:]) == math.prod(detector.shape)
    )
    return Check(f"the contract: {', '.join(map(str, ports[:-1]))} to {ports[-1]}", kept)


def _provenance(registry: Registry, trained: TrainedOn | None) -> str | None:
    """What is known of the data that it was trained on, if they are those that come with simbench."""
    for maker in registry.datasets:
        for embedded in maker.embedded.values():
            if trained is not None and embedded.fingerprint == trained.dataset:
                return maker.provenance
    return None

"""The card of an exported model: what it is, on what it was trained, how it scores, how to run it."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import UserError
from ..models.names import Model
from ..plugin.detectors import Detector
from ..plugin.simulators import Check, Exported, TrainedOn
from ..plugin.specs import own_version
from ..record.result import read_result

_O2 = """\
ALICE's O2 runs `generator.onnx` with `scales.txt`: its conditions have the mass in MeV and the charge in
thirds of e, and the first output holds log(1 + photons), {pixels};
`(int)expm1` of it are whole photons, none lost. O2 also needs a classifier of hits, which is not here, and
something that keeps its transport from adding the same hits. Check it with

    simbench o2 check --onnx generator.onnx --scales scales.txt --detector {detector}

With simbench: `simbench run --models onnx:generator.onnx --detector {detector}` reads units and pixel order
from the graph's metadata. Conditions, in order: {names} (here in simbench's units).
"""
_RUN = """\
Inputs, float32, in this order: `noise` (batch, {noise}), standard normal, and `conditions`
(batch, {features}), each feature scaled as (x - mean) / scale with `scales.txt`. The features, in order:
{names}.
The first output holds log(1 + photons), (batch, {height}, {width}): apply `expm1`, sum the pixels of a
channel, round the sum.

With simbench: `simbench run --models onnx:generator.onnx --detector {detector}`. In Python:

    import numpy as np, onnxruntime

    session = onnxruntime.InferenceSession("generator.onnx")
    noise = np.random.default_rng().standard_normal((len(scaled), {noise}), np.float32)
    logarithms = session.run(["image"], {{"noise": noise, "conditions": scaled}})[0]
    photons = np.rint(np.expm1(logarithms))
"""


def card(
    model: Model,
    detector: Detector,
    exported: Exported,
    trained: TrainedOn | None,
    provenance: str | None,
    checks: Sequence[Check],
    scores: Mapping[str, Any] | None,
    contract: str = "simbench",
    layout: str = "row-major",
) -> str:
    """The text of ``MODEL_CARD.md``.

    Args:
        model: what was exported.
        detector: for which detector.
        exported: what its exporter made.
        trained: what it was trained on, if it tells.
        provenance: of the data that it was trained on, if it is known.
        checks: how the files were checked.
        scores: of a run, see :func:`scores_of`.
        contract: ``o2`` or ``simbench``, the form of the files.
        layout: the order of the pixels.
    """
    reference = f" ({model.offer.reference})" if model.offer.reference else ""
    form = "as ALICE's O2 runs its fast simulators" if contract == "o2" else "in simbench's own form"
    exporter = f"Exported by simbench-hep {own_version()}, {form}."
    return "\n".join(
        [
            f"# {model.offer.name}, {detector.name}\n",
            f"A fast simulator of the {detector.title}: {model.offer.title}{reference}. {exporter}\n",
            *_table(exported.facts),
            "## Trained on\n",
            *_trained_on(trained, provenance),
            "\n## Scores\n",
            *_scored(scores),
            "\n## How to run it\n",
            _how(detector, exported, contract, layout),
            "## Checked when exported\n",
            *(f"- {check.text}" for check in checks),
            "\n## Limits\n",
            *(f"- {limit}" for limit in exported.limits),
            "- It knows the particles of its training data only; for others it answers all the same.",
            "\n## Licence\n",
            _licence(model),
            "",
        ]
    )


def scores_of(run: Path, label: str, detector: str) -> dict[str, Any]:
    """Of a run: its ``protocol``, its ``metrics``, and the entries (``rows``) of a model and of ``mc``.

    Raises:
        UserError: there is no such run, or the model has no scores for the detector in it.
    """
    result = read_result(run)
    found = {entry["name"]: entry for entry in result["models"] if entry["status"] == "ok"}
    scored, metrics = result["protocol"]["detector"], result["metrics"]
    if scored != detector:
        raise UserError(f"--run {run}: expected a run of detector {detector!r}, found {scored!r}")
    if label not in found:
        known = ", ".join(found) or "none"
        raise UserError(f"--run {run}: expected scores of {label!r}, found those of {known}")
    rows = {name: found[name] for name in dict.fromkeys((label, "mc")) if name in found}
    return {"protocol": result["protocol"], "metrics": metrics, "rows": rows}


def _table(facts: Mapping[str, str]) -> Iterator[str]:
    if facts:
        yield from ("| | |", "|---|---|", *(f"| {name} | {text} |" for name, text in facts.items()), "")


def _trained_on(trained: TrainedOn | None, provenance: str | None) -> Iterator[str]:
    if trained is None:
        yield "Unknown."
        return
    yield f"The training part ({1 - trained.test_fraction:.0%}) of the data with the fingerprint"
    yield f"`{trained.dataset}`, split by {trained.split} with seed {trained.split_seed}."
    if provenance:
        yield f"The data: {provenance.rstrip('.')}."


def _scored(scores: Mapping[str, Any] | None) -> Iterator[str]:
    if scores is None:
        yield "None given; `simbench export --run RUN_DIR` copies them from a run."
        return
    protocol, rows = scores["protocol"], scores["rows"]
    fields = (f"{name} {_plain(value)}" for name, value in protocol.items())
    yield f"Mean over the runs, with its standard deviation. Held fixed: {'; '.join(fields)}.\n"
    yield f"| metric | {' | '.join(rows)} |"
    yield "|---" * (len(rows) + 1) + "|"
    for name, about in scores["metrics"].items():
        cells = (_value(row.get(name) or {}) for row in rows.values())
        yield f"| {about.get('title', name)} ({about.get('unit', '')}) | {' | '.join(cells)} |"


def _plain(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} version {number}" for name, number in value.items())
    return "none" if value is None else str(value)


def _value(score: Mapping[str, Any]) -> str:
    mean, std = score.get("mean"), score.get("std")
    if mean is None:
        return "-"
    return f"{mean:.4g}" if std is None else f"{mean:.4g} ± {std:.2g}"


def _how(detector: Detector, exported: Exported, contract: str, layout: str) -> str:
    height, width = detector.shape
    pixels = f"(batch, {width}, {height}) with x fastest"
    if layout == "row-major":
        pixels = f"(batch, {height}, {width}) row by row, **which O2 of today misreads: it reads x fastest**"
    return (_O2 if contract == "o2" else _RUN).format(
        noise=exported.noise,
        features=len(detector.features),
        names=", ".join(f"{feature.name} [{feature.unit}]" for feature in detector.features),
        height=height,
        width=width,
        detector=detector.name,
        pixels=pixels,
    )


def _licence(model: Model) -> str:
    if model.weights is None:
        return "MIT, as simbench, with which these weights come."
    return (
        "The weights are of a training of your own: their licence is yours to choose. "
        "simbench, which made the graph, is MIT."
    )

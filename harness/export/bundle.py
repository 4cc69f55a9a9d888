"""All that O2 needs of the ZDC's fast simulation in one folder: generators, classifier and their scales."""

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from ..data.open import conditions_of
from ..errors import UserError
from ..files import make_folder, write_text
from ..models.names import Model
from ..models.onnx.file import SIDECAR
from ..models.onnx.model import OnnxSimulator
from ..models.onnx.reading import Reading
from ..models.onnx.scales import Scales, read_scales
from ..o2.contract import o2_classifier, o2_scales
from ..o2.scales_file import scales_text
from ..plugin.detectors import Detector
from ..plugin.registry import Registry
from ..plugin.simulators import Check, Context, Simulator
from ..run.contention import look
from ..run.latency import card, card_lines
from ..run.timing import threads
from .exporting import CARD, GRAPH, beside, export, hit_graph

CALORIMETERS = ("neutron", "proton")
CLASSIFIER, CLASSIFIER_SCALES = "classifier.onnx", "classifier_scales.txt"
SUMS, README = "SHA256SUMS", "README.md"
_FAR_CUT = 1200  # cm: no transport beyond, which would add the same hits once more
_TEXT = """\
# Fast simulation of ALICE's ZDC

Neutron calorimeter: `{neutron}`; proton calorimeter: `{proton}`. Their cards are in the folders.
`classifier.onnx` says whether a particle leaves light in either; after a yes O2 runs both generators, and
each may answer with nothing. It was trained on particles of a parametrised Monte Carlo, not of Geant.

Switch it on in `o2-sim`, started where this folder is called `{folder}`:

    --configKeyValues "{switches}"

The last setting stops transport at {cut} cm, so that the same hits are not added again.
`sha256sum -c SHA256SUMS` tells whether files are whole; `simbench o2 check {folder}` runs them as O2 does.
"""


def switches(folder: Path) -> str:
    """The value of ``--configKeyValues`` that makes O2 use a bundle."""
    values = {
        "ZDCSimParam.useZDCFastSim": "true",
        "ZDCSimParam.ZDCFastSimClassifierPath": folder / CLASSIFIER,
        "ZDCSimParam.ZDCFastSimClassifierScales": folder / CLASSIFIER_SCALES,
    }
    for name in CALORIMETERS:
        values[f"ZDCSimParam.ZDCFastSimModelPath{name.title()}"] = folder / name / GRAPH
        values[f"ZDCSimParam.ZDCFastSimModelScales{name.title()}"] = folder / name / SIDECAR
    values["SimCutParams.maxAbsZTracking"] = str(_FAR_CUT)
    return ";".join(f"{name}={value}" for name, value in values.items())


def write_bundle(
    registry: Registry, models: Mapping[str, Model], folder: Path
) -> tuple[tuple[Check, ...], tuple[Path, ...]]:
    """Write a bundle of a model for each of :data:`CALORIMETERS` to a folder that is not there yet.

    Returns:
        How it was checked, and the files, none if a check failed.

    Raises:
        UserError: a model cannot be exported, or the folder is there or cannot be written to.
    """
    import onnx

    if folder.exists():
        raise UserError(f"--to should be a new folder, found {folder}")
    checks: list[Check] = []
    with beside(folder.absolute()) as part:
        graphs = []
        for name in CALORIMETERS:
            detector = registry.detectors[name]
            try:
                hit = hit_graph(registry, Context(detector))
            except ValueError as error:
                raise UserError(f"cannot make the classifier: {error}") from error
            found, files = export(
                registry, models[name], detector, part / name, None, "o2", empties=True, hit=hit
            )
            checks += [Check(f"{name}: {check.text}", check.passed) for check in found]
            if not files:
                return tuple(checks), ()
            with (part / name / CARD).open("a", encoding="utf-8") as more:
                more.writelines(f"{line}\n" for line in _costs(registry, models[name], detector, part / name))
            graphs.append(onnx.load_model_from_string(hit))
        plain = Scales((0.0,) * 9, (1.0,) * 9)
        (part / CLASSIFIER).write_bytes(o2_classifier(graphs).SerializeToString())
        write_text(part / CLASSIFIER_SCALES, scales_text(o2_scales(plain, detector)))
        labels = {name: models[name].label for name in CALORIMETERS}
        text = _TEXT.format(folder=folder, switches=switches(folder), cut=_FAR_CUT, **labels)
        write_text(part / README, text)
        names = sorted(path.relative_to(part) for path in part.rglob("*") if path.is_file())
        sums = (f"{hashlib.sha256((part / name).read_bytes()).hexdigest()}  {name}" for name in names)
        write_text(part / SUMS, "\n".join(sums) + "\n")
        make_folder(folder.absolute().parent)
        part.rename(folder)
    return tuple(checks), tuple(folder / name for name in (*names, Path(SUMS)))


def _costs(registry: Registry, model: Model, detector: Detector, folder: Path) -> Iterator[str]:
    """What a card tells of time and memory: of the graph, and of the model inside the package."""
    conditions, cores = conditions_of(registry, detector, 1000), threads()
    numbers = sorted({1, cores})

    def graph(_engine: str) -> Simulator:
        return OnnxSimulator(folder / GRAPH, read_scales(folder / SIDECAR), Reading(), detector, "cpu")

    def inside(engine: str) -> Simulator:
        return model.offer.factory(Context(detector, weights=model.weights, engine=engine))

    before = look(cores)
    found = {
        **{f"{name}, this graph": entry for name, entry in card(graph, conditions, numbers).items()},
        **{
            f"{name}, simbench": entry
            for name, entry in card(inside, conditions, numbers, ("torch",)).items()
        },
    }
    yield from ("\n## What it costs\n", *card_lines(found), "")
    yield (
        "Medians of single calls on a CPU, and the 99th percentile for one particle; load with the libraries "
        f"loaded; growth of the process at its peak. {before.free:.2g} of {cores} cores were free."
    )


def bundle_files(folder: Path) -> dict[str, tuple[Path, Path]]:
    """Graph and scales of each part of a bundle, by ``neutron``, ``proton`` and ``classifier``.

    Raises:
        UserError: a file is missing, or is not as ``SHA256SUMS`` says.
    """
    files = {name: (folder / name / GRAPH, folder / name / SIDECAR) for name in CALORIMETERS}
    files["classifier"] = folder / CLASSIFIER, folder / CLASSIFIER_SCALES
    for path in (each for pair in files.values() for each in pair):
        if not path.is_file():
            raise UserError(f"{folder} is no bundle for O2: it lacks {path.relative_to(folder)}")
    if (folder / SUMS).is_file():
        for line in (folder / SUMS).read_text(encoding="utf-8").splitlines():
            digest, _, name = line.partition("  ")
            path = folder / name
            if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != digest:
                raise UserError(f"{path} is not as {SUMS} says: it is damaged, or was changed")
    return files
